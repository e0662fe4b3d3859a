import { formatInstant, type Instant } from '../../../shared/clock.ts';
import { asVitalmeshError, type ErrorCode, meaningOf, type VitalmeshError } from '../../../shared/errors.ts';
import type { Logger } from '../../../shared/log.ts';
import type { Metrics } from '../../../shared/metrics.ts';
import type { NetworkClock } from '../../../shared/time/network-clock.ts';
import type { Feed } from '../../feed.ts';
import { refuseForgetting } from '../../patients/kept-movements.ts';
import type { KeptBinding } from '../../registry/bindings.ts';
import type { LiveRegistry } from '../../registry/live-registry.ts';
import { refuseMixed, tenantsOf } from '../../registry/tenants.ts';
import type { OpenedStore } from '../../store/open-store.ts';
import type { RetentionPolicy } from '../../store/retention.ts';
import type { Store } from '../../store/store.ts';
import type { LivePolicy, RulesConfig } from '../load-rules.ts';
import { type RegistryEvidence, recordRegistry } from '../registry-evidence.ts';
import { contentId } from './content-id.ts';
import { reloadRules } from './reload-rules.ts';

export interface ReloadsOptions {
  config: RulesConfig;
  registry: LiveRegistry;
  policies: LivePolicy;
  /** Gets the keys of issuers anew. */
  access: { renew(): Promise<void> };
  store: Pick<Store, 'record' | 'rebind' | 'tenants'>;
  engine: OpenedStore['engine'];
  /** How long the store keeps what. */
  keeping: Pick<RetentionPolicy, 'movement'>;
  feed: Pick<Feed, 'publish'>;
  clock: Pick<NetworkClock, 'now' | 'trust'>;
  metrics: Metrics;
  log: Logger;
  /** User id of the hub's process. */
  uid: number;
  /** Reads and checks both files; another one for tests. */
  read?: typeof reloadRules;
}

/** A file whose content on disk is not what the hub goes by, because it was refused. */
export interface NotInForce {
  /** As hub.yaml names it. */
  file: string;
  /** When it was first refused since the files on disk were last in force. */
  since: Instant;
  /** Why, when it was last tried. */
  code: ErrorCode;
  /** Where in the file; of several places the first. */
  detail: string | null;
}

const UNTRUE = 'the evidence tells of a change of the registry that is not in force; that it is not follows once the store takes it';

/** What SIGHUP does: puts changed files in force, one reload at a time, and knows which were refused. */
export class Reloads {
  readonly #options: ReloadsOptions;
  #last: Promise<unknown> = Promise.resolve();
  #refused: readonly NotInForce[] = [];
  /** What the evidence tells of and what is not in force, while that could not be recorded. */
  #untrue: Omit<RegistryEvidence, 'at'> | undefined;

  constructor(options: ReloadsOptions) {
    this.#options = options;
    options.metrics.set('rules_not_in_force', 0);
  }

  /** Files on disk that are not in force since they were refused; none where all is as it was read. */
  notInForce(): readonly NotInForce[] {
    return this.#refused;
  }

  /**
   * Puts a changed registry.yaml and policy.yaml in force, or leaves the last good ones there: both, for each is checked against the other. Keys of issuers
   * are got in any case. Never rejects.
   */
  reload(): Promise<void> {
    return this.#inTurn(async () => {
      const { access, metrics, log } = this.#options;
      try {
        await this.#replace();
        this.#refused = [];
        metrics.count('rules_reloads', 'good');
      } catch (thrown) {
        const err = asVitalmeshError(thrown);
        this.#refused = this.#refusedWith(err);
        metrics.count('rules_reloads', err.code);
        log.error({ err, files: this.#refused.map(({ file }) => file) }, 'registry left as it was');
      }
      metrics.set('rules_not_in_force', this.#refused.length);
      await access.renew();
    });
  }

  /** Asks the store again since when the bindings in force hold. Rejects with STORAGE-*. */
  rebind(): Promise<void> {
    const { registry, store, clock } = this.#options;
    return this.#inTurn(async () => {
      registry.rebound(await store.rebind(registry.bindings(), clock.now(), clock.trust !== 'floor'));
      await this.#tryTakeBack();
    });
  }

  /** Since when its bindings hold is on disk before anything changes: a hub that is killed in between knows at its next start. */
  async #replace(): Promise<void> {
    const { config, registry, policies, store, engine, keeping, feed, clock, log, uid, read = reloadRules } = this.#options;
    const { registry: next, policy, kept } = await read(config, registry.revocations());
    refuseMixed(tenantsOf(next, store), engine);
    refuseForgetting(next, keeping);
    const change = { before: registry.current, policy: policies.current, next, nextPolicy: policy, uid };
    await this.#takeBack();
    await recordRegistry(store, { ...change, at: clock.now() });
    let bindings: readonly KeptBinding[];
    try {
      bindings = await store.rebind(next.bindings(), clock.now(), clock.trust !== 'floor');
    } catch (thrown) {
      const err = asVitalmeshError(thrown);
      this.#untrue = { ...change, failed: err.code };
      await this.#tryTakeBack();
      throw err;
    }
    const moved = registry.replace(next, bindings);
    policies.replace(policy);
    for (const change of moved) feed.publish({ ...change, kind: 'patients', vitals: [], at: clock.now() });
    log.info({ revision: registry.revision, policy: policy.version }, 'registry read again');
    if (kept > 0) log.warn({ kept }, 'revocations that the registry no longer lists stay in force until the hub is started again');
  }

  /** Says in the evidence that the last change it tells of did not come into force; until that is there, nothing else changes. Rejects with STORAGE-*. */
  async #takeBack(): Promise<void> {
    const { store, clock } = this.#options;
    if (this.#untrue === undefined) return;
    await recordRegistry(store, { ...this.#untrue, at: clock.now() });
    this.#untrue = undefined;
  }

  async #tryTakeBack(): Promise<void> {
    await this.#takeBack().catch((thrown: unknown) => this.#options.log.error({ err: asVitalmeshError(thrown) }, UNTRUE));
  }

  /** Those that differ from what is in force: the good one of two waits for the bad one. */
  #refusedWith({ code, detail }: VitalmeshError): NotInForce[] {
    const { config, registry, policies, clock } = this.#options;
    const files = [
      { file: config.registry, inForce: registry.revision },
      ...(config.access.policy === undefined ? [] : [{ file: config.access.policy, inForce: policies.current.version }]),
    ];
    const first = detail?.split('\n')[0] ?? null;
    return files
      .filter(({ file, inForce }) => contentId(file) !== inForce)
      .map(({ file }) => {
        const since = this.#refused.find((one) => one.file === file)?.since ?? clock.now();
        return { file, since, code, detail: first };
      });
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => undefined);
    return done;
  }
}

/** Rows of the status for people; none where all is in force. */
export function formatNotInForce(files: readonly NotInForce[]): [string, string][] {
  return files.map(({ file, since, code, detail }) => [
    'NOT IN FORCE',
    `${file} as it is on disk, since ${formatInstant(since)}: ${meaningOf(code)}${detail === null ? '' : `: ${detail}`}`,
  ]);
}

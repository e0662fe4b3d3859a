import { type Clock, formatInstant, type Instant, systemClock } from '../../shared/clock.ts';
import { asVitalmeshError, type ErrorCode } from '../../shared/errors.ts';
import { pause, type Service } from '../../shared/lifecycle.ts';
import { type Logger, silentLogger } from '../../shared/log.ts';
import type { Metrics } from '../../shared/metrics.ts';
import type { AuditEvent } from '../access/access.ts';
import { operatorPrincipal } from '../access/principals.ts';
import type { RetentionTime } from '../retention-time.ts';
import type { Store } from '../store/store.ts';
import { type Anchor, isSigned, type Removed, signAnchor } from './anchors.ts';
import { EVIDENCE_CLASSES, type EvidenceClass } from './classes.ts';
import type { EvidencePolicy, Removal } from './retention.ts';
import type { SigningKey } from './signing-key.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Of the writer's time it takes a fifth at most. */
const REST = 4;
const SHORTEST_REST_MS = 25;
const AFTER_FAILURE_MS = 60_000;

export interface EvidenceRetentionOptions {
  store: Pick<Store, 'storeId' | 'retainEvidence' | 'anchors' | 'auditBehind'>;
  policy: EvidencePolicy;
  key: SigningKey;
  /** The public keys that an anchor of before may be signed with. */
  keys: () => readonly string[];
  /** The time that the network told in this run, never later than the hub's own clock; undefined while it has told none. */
  knownTime: () => Instant | undefined;
  /** Whether anything stands against the evidence: then nothing of it is removed. */
  isDoubted: () => boolean;
  /** By which time ages are reckoned. */
  time: Pick<RetentionTime, 'moment'>;
  metrics: Metrics;
  clock?: Clock;
  log?: Logger;
  /** Waits; a test hands in its own. */
  wait?: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** What is kept of one class. */
export interface KeptEvidence {
  class: EvidenceClass;
  /** Days; null for ever. */
  keepDays: number | null;
  /** When the oldest entry was written whose content this class may still have; null where there is none. */
  oldest: Instant | null;
}

export interface EvidenceRetentionStatus {
  kept: readonly KeptEvidence[];
  /** Entries up to this one are gone. */
  removedUpTo: number;
  /** Why nothing is removed now: the network has not told the time, or something stands against the evidence; null where it is. */
  waitsFor: 'time' | 'evidence' | null;
  alarms: readonly ErrorCode[];
}

/**
 * Removes evidence that is older than the policy keeps it: once an hour all that is due, in small steps with rests between them. What is removed does not come back, so it goes by
 * a time that the network told, and follows that by a day an hour at most. Counts `audit_removed`.
 */
export class EvidenceRetention implements Service {
  readonly name = 'audit-retention';
  readonly #options: Required<EvidenceRetentionOptions>;
  readonly #stop = new AbortController();
  readonly #alarms = new Set<ErrorCode>();
  #kept: Pick<EvidenceRetentionStatus, 'kept' | 'removedUpTo'> = { kept: [], removedUpTo: 0 };
  #running: Promise<void> = Promise.resolve();

  constructor(options: EvidenceRetentionOptions) {
    this.#options = { clock: systemClock, log: silentLogger, wait: pause, ...options };
  }

  status(): EvidenceRetentionStatus {
    return { ...this.#kept, waitsFor: this.#waitsFor(), alarms: [...this.#alarms] };
  }

  async start(signal: AbortSignal): Promise<void> {
    await this.#look().catch(() => undefined);
    this.#running = this.#run(AbortSignal.any([signal, this.#stop.signal]));
  }

  /** Resolves when the step at hand is over. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { wait, log } = this.#options;
    while (!signal.aborted) {
      try {
        const isDone = await this.#round(signal);
        await this.#look();
        this.#alarms.clear();
        await wait(isDone ? HOUR_MS : AFTER_FAILURE_MS, signal);
      } catch (thrown) {
        const err = asVitalmeshError(thrown);
        if (err.code === 'AUDIT-NOT-REMOVED' && !this.#alarms.has(err.code)) {
          this.#alarms.add(err.code);
          log.error({ err }, 'the evidence of this store is not beyond doubt');
        } else if (err.code !== 'AUDIT-NOT-REMOVED') log.warn({ err }, 'evidence that is too old could not be removed');
        await wait(AFTER_FAILURE_MS, signal);
      }
    }
  }

  /** False while nothing may be removed. */
  async #round(signal: AbortSignal): Promise<boolean> {
    const { store, policy, key, keys, knownTime, time, clock, metrics, log, wait } = this.#options;
    const known = knownTime();
    if (known === undefined || this.#waitsFor() !== null) return false;
    const now = time.moment(known);
    const trusted = keys();
    const order = {
      policy,
      now,
      sign: (anchor: Pick<Anchor, 'what' | 'seq' | 'hash'>) => signAnchor(store.storeId, anchor, key.privateKey),
      isSigned: (anchor: Anchor) => isSigned(store.storeId, anchor, trusted),
      told: (removal: Removal) => removalEvents(removal, policy, clock.now()),
    };
    const removed: Partial<Record<Removed, number>> = {};
    for (let more = true; more && !signal.aborted; ) {
      const startMs = clock.monotonicMs();
      const step = await store.retainEvidence(order);
      for (const what of Object.keys(step.removed) as Removed[]) {
        const count = step.removed[what] ?? 0;
        removed[what] = (removed[what] ?? 0) + count;
        metrics.count('audit_removed', what, count);
      }
      more = step.more;
      if (more) await wait(Math.max(SHORTEST_REST_MS, REST * (clock.monotonicMs() - startMs)), signal);
    }
    if (Object.keys(removed).length > 0) log.info({ removed }, 'evidence that is older than it is kept was removed');
    return true;
  }

  /** As it is when it is asked: what an operator acknowledged holds nothing up any more. */
  #waitsFor(): EvidenceRetentionStatus['waitsFor'] {
    const { knownTime, isDoubted } = this.#options;
    if (knownTime() === undefined) return 'time';
    return isDoubted() ? 'evidence' : null;
  }

  /** What is kept now. */
  async #look(): Promise<void> {
    const { store, policy } = this.#options;
    const anchors = await store.anchors();
    const removedUpTo = anchors.find(({ what }) => what === 'entries')?.seq ?? 0;
    const kept: KeptEvidence[] = [];
    for (const name of EVIDENCE_CLASSES) {
      const upTo = Math.max(removedUpTo, anchors.find(({ what }) => what === name)?.seq ?? 0);
      const [first] = await store.auditBehind(upTo, 1);
      const keepMs = policy[name];
      kept.push({
        class: name,
        keepDays: keepMs === null ? null : keepMs / DAY_MS,
        oldest: first === undefined ? null : atOf(first.entry),
      });
    }
    this.#kept = { kept, removedUpTo };
  }
}

/** The entries that tell of a removal: one for each tenant whose entries it concerned. Done by the configuration of whoever runs the hub. */
export function removalEvents({ what, upTo, at, counts }: Removal, policy: EvidencePolicy, now: Instant): AuditEvent[] {
  return [...counts].map(([tenant, count]): AuditEvent => {
    const { id: principal, role } = operatorPrincipal(process.getuid?.() ?? 0, tenant);
    const days = EVIDENCE_CLASSES.map((name) => [`${name}Days`, policy[name] === null ? null : (policy[name] ?? 0) / DAY_MS]);
    const args = { what, upTo, before: formatInstant(at), ...Object.fromEntries(days) };
    const common = {
      outcome: 'allowed',
      reason: 'retention',
      channel: 'operator',
      detail: { credential: { kind: 'local' }, args },
    } as const;
    return { at: now, tenant, principal, role, action: 'audit.retain', patient: null, count, ...common };
  });
}

function atOf(entry: string): Instant | null {
  try {
    return (JSON.parse(entry) as { at: Instant }).at;
  } catch {
    return null;
  }
}

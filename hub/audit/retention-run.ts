import { type Clock, formatInstant, type Instant, systemClock } from '../../shared/clock.ts';
import type { ErrorCode, VitalmeshError } from '../../shared/errors.ts';
import { pause, type Service } from '../../shared/lifecycle.ts';
import { type Logger, silentLogger } from '../../shared/log.ts';
import type { Metrics } from '../../shared/metrics.ts';
import type { AuditEvent } from '../access/access.ts';
import { operatorPrincipal } from '../access/principals.ts';
import { RetentionRounds, removeInSteps } from '../retention-rounds.ts';
import type { RetentionTime } from '../retention-time.ts';
import type { Store } from '../store/store.ts';
import { type Anchor, isSigned, signAnchor } from './anchors.ts';
import { EVIDENCE_CLASSES, type EvidenceClass } from './classes.ts';
import type { EvidencePolicy, Removal } from './retention.ts';
import type { SigningKey } from './signing-key.ts';

const DAY_MS = 24 * 3_600_000;

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
  readonly #rounds: RetentionRounds;
  readonly #alarms = new Set<ErrorCode>();
  #kept: Pick<EvidenceRetentionStatus, 'kept' | 'removedUpTo'> = { kept: [], removedUpTo: 0 };

  constructor(options: EvidenceRetentionOptions) {
    this.#options = { clock: systemClock, log: silentLogger, wait: pause, ...options };
    this.#rounds = new RetentionRounds({
      round: (signal) => this.#round(signal),
      failed: (error) => this.#failed(error),
      wait: this.#options.wait,
    });
  }

  status(): EvidenceRetentionStatus {
    return { ...this.#kept, waitsFor: this.#waitsFor(), alarms: [...this.#alarms] };
  }

  async start(signal: AbortSignal): Promise<void> {
    await this.#look().catch(() => undefined);
    this.#rounds.start(signal);
  }

  /** Resolves when the step at hand is over. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#rounds[Symbol.asyncDispose]();
  }

  #failed(err: VitalmeshError): void {
    const { log } = this.#options;
    if (err.code !== 'AUDIT-NOT-REMOVED') log.warn({ err }, 'evidence that is too old could not be removed');
    else if (!this.#alarms.has(err.code)) {
      this.#alarms.add(err.code);
      log.error({ err }, 'the evidence of this store is not beyond doubt');
    }
  }

  /** False while nothing may be removed. */
  async #round(signal: AbortSignal): Promise<boolean> {
    const known = this.#options.knownTime();
    const isHeldUp = known === undefined || this.#waitsFor() !== null;
    if (!isHeldUp) await this.#remove(known, signal);
    await this.#look();
    this.#alarms.clear();
    return !isHeldUp;
  }

  async #remove(known: Instant, signal: AbortSignal): Promise<void> {
    const { store, policy, key, keys, time, clock, metrics, log, wait } = this.#options;
    const now = time.moment(known);
    const trusted = keys();
    const order = {
      policy,
      now,
      sign: (anchor: Pick<Anchor, 'what' | 'seq' | 'hash'>) => signAnchor(store.storeId, anchor, key.privateKey),
      isSigned: (anchor: Anchor) => isSigned(store.storeId, anchor, trusted),
      told: (removal: Removal) => removalEvents(removal, policy, clock.now()),
    };
    const removed = await removeInSteps(() => store.retainEvidence(order), { metric: 'audit_removed', metrics, clock, wait, signal });
    if (Object.keys(removed).length > 0) log.info({ removed }, 'evidence that is older than it is kept was removed');
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

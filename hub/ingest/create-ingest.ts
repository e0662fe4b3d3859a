import { type Clock, type Instant, parseInstant, systemClock } from '../../shared/clock.ts';
import { asVitalmeshError, type ErrorCode, VitalmeshError } from '../../shared/errors.ts';
import { type Logger, silentLogger } from '../../shared/log.ts';
import type { Metrics } from '../../shared/metrics.ts';
import { Seldom } from '../../shared/seldom.ts';
import type { StorePosition } from '../../shared/uplink/lineage.ts';
import { type EntryOutcome, UPLINK_LIMITS } from '../../shared/uplink/protocol.ts';
import type { AuditEvent } from '../access/access.ts';
import { decide } from '../access/decide.ts';
import { DEFAULT_POLICY } from '../access/default-policy.ts';
import type { Policy } from '../access/policy.ts';
import { gatewayPrincipal } from '../access/principals.ts';
import type { DemoDevices } from '../clinical/demo-devices.ts';
import type { DueWatch } from '../clinical/due/due-watch.ts';
import type { StalenessWatch } from '../clinical/staleness-watch.ts';
import type { Feed } from '../feed.ts';
import type { Corrections } from '../patients/corrections.ts';
import { isOvertaken, type Whereabouts } from '../patients/whereabouts.ts';
import { GATEWAY_LIMITS } from '../registry/gateway-limits.ts';
import type { GatewayEntry, Registry } from '../registry/registry.ts';
import { isNobody } from '../store/placing/placing.ts';
import {
  type Arrival,
  type ArrivalResult,
  type BatchOutcome,
  type CurrencyChange,
  type EventArrival,
  isEvent,
  type Refusal,
  type Store,
} from '../store/store.ts';
import { type Admitted, admit, type Sender } from './admit.ts';
import type { Strangers } from './adopted/strangers.ts';
import { batchEvidence, writeEvidence } from './evidence.ts';
import { admitForeign } from './foreign/admit.ts';
import type { Answered, ForeignAnswer, Ingest, RuledOutcome } from './ingest.ts';
import { type Admission, type Keep, Placements } from './placements.ts';
import type { Storing } from './storing.ts';
import type { UnboundPlaces } from './unbound.ts';

export interface IngestOptions {
  store: Store;
  registry: Registry;
  /** The policy in force, asked anew for every batch; the built-in one unless given. */
  policy?: () => Policy;
  feed: Feed;
  metrics: Metrics;
  clock?: Clock;
  log?: Logger;
  /** Told of every row that became the current one or no longer is, so that it knows when each goes stale. */
  staleness?: Pick<StalenessWatch, 'changed' | 'ofNobody'>;
  /** Told of every observation that was stored, so that it knows which expected reading came. */
  due?: Pick<DueWatch, 'measured' | 'doubted'> | undefined;
  /** Reads since when the bindings of the registry hold anew, once the store has something new to say of that. */
  rebind?: () => Promise<void>;
  /** Told of every place that is bound to nobody. */
  unbound?: Pick<UnboundPlaces, 'note'>;
  /** Of which vital signs it is asked whose they are. */
  isDoubted?: (vital: string) => boolean;
  /** Told of devices that are not adopted where they are heard. */
  strangers?: Pick<Strangers, 'refused' | 'taken'>;
  /** Told of every batch that the store took, or did not. */
  storing?: Pick<Storing, 'refused' | 'stored'>;
  /** Who lies where by movements; without it no bed follows them. */
  whereabouts?: Pick<Whereabouts, 'placing' | 'hear' | 'hearNamed' | 'keep' | 'refresh'>;
  /** Woken behind each batch that told of movements. */
  corrections?: Pick<Corrections, 'wake'>;
  /** Told of devices that say they are in demonstration mode. */
  demos?: Pick<DemoDevices, 'note'>;
  limits?: { batchEntries: number; batchBytes: number };
}

interface Taken {
  parts: readonly Admitted[];
  outcomes: EntryOutcome[];
  committed: BatchOutcome['committed'];
}

/** On what a batch is stored: all of it or nothing, and in which epoch of the store alone. */
interface Terms {
  whole?: boolean;
  epoch?: string | undefined;
}

const REPORT_EVERY_MS = 60_000;

/** What the store itself does not take, with its code. */
const REFUSED: Partial<Record<ArrivalResult, ErrorCode>> = { reused: 'UPLINK-KEY-REUSED', erased: 'INGEST-ERASED' };

/** The hub's end of the uplink, behind the session. */
export function createIngest(options: IngestOptions): Ingest {
  return new HubIngest(options);
}

class HubIngest implements Ingest {
  readonly #store: Store;
  readonly #registry: Registry;
  readonly #policy: () => Policy;
  readonly #feed: Feed;
  readonly #metrics: Metrics;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #reported: Seldom;
  readonly #staleness: Pick<StalenessWatch, 'changed' | 'ofNobody'> | undefined;
  readonly #due: Pick<DueWatch, 'measured' | 'doubted'> | undefined;
  readonly #rebind: (() => Promise<void>) | undefined;
  readonly #unbound: Pick<UnboundPlaces, 'note'> | undefined;
  readonly #isDoubted: ((vital: string) => boolean) | undefined;
  readonly #strangers: Pick<Strangers, 'refused' | 'taken'> | undefined;
  readonly #demos: Pick<DemoDevices, 'note'> | undefined;
  readonly #storing: Pick<Storing, 'refused' | 'stored'> | undefined;
  readonly #placements: Placements;
  readonly limits: { batchEntries: number; batchBytes: number };

  constructor({
    store,
    registry,
    policy = () => DEFAULT_POLICY,
    feed,
    metrics,
    clock = systemClock,
    log = silentLogger,
    staleness,
    due,
    unbound,
    strangers,
    isDoubted,
    demos,
    storing,
    rebind,
    whereabouts,
    corrections,
    limits = UPLINK_LIMITS,
  }: IngestOptions) {
    this.#store = store;
    this.#registry = registry;
    this.#policy = policy;
    this.#feed = feed;
    this.#metrics = metrics;
    this.#clock = clock;
    this.#log = log;
    this.#reported = new Seldom(clock, REPORT_EVERY_MS);
    this.#staleness = staleness;
    this.#due = due;
    this.#unbound = unbound;
    this.#strangers = strangers;
    this.#isDoubted = isDoubted;
    this.#demos = demos;
    this.#storing = storing;
    this.#rebind = rebind;
    this.#placements = new Placements(store.erasing, whereabouts, corrections, metrics);
    this.limits = limits;
  }

  gateway(identityId: string): GatewayEntry | undefined {
    return this.#registry.gateway(identityId);
  }

  async hello(gateway: string, told: readonly StorePosition[]): ReturnType<Ingest['hello']> {
    await this.#followBack(gateway, told);
    const { epochs, position } = await this.#committed(this.#store.lineage());
    return {
      limits: { ...this.limits },
      now: this.#clock.now(),
      storeId: this.#store.storeId,
      lineage: epochs,
      position,
      configRevision: this.#registry.revision,
    };
  }

  /** Where the store went back since a gateway was told of commits, what it sends again must not meet bindings of before. */
  async #followBack(gateway: string, told: readonly StorePosition[]): Promise<void> {
    if (!(await this.#committed(this.#store.noticeLoss(told, this.#clock.now())))) return;
    this.#log.warn({ gateway }, 'the store went back to an earlier state; who was bound since is not known until somebody confirms it');
    await this.#committed(this.#rebind?.() ?? Promise.resolve());
  }

  async batch(identityId: string, bundle: unknown, epoch?: string): Promise<Answered> {
    const sender = await this.#senderOf(identityId);
    const { entries, sentAt } = this.#entriesOf(bundle, ['batch']);
    if (entries.length === 0) return { outcomes: [] };
    const { outcomes, committed } = await this.#take(sender, (by) => entries.map((entry) => admit(entry, by, sentAt)), sentAt, { epoch });
    return { outcomes, committed };
  }

  async foreign(identityId: string, bundle: unknown): Promise<ForeignAnswer> {
    const sender = await this.#senderOf(identityId);
    const { type, entries, sentAt } = this.#entriesOf(bundle, ['batch', 'transaction']);
    if (entries.length === 0) return { type, outcomes: [] };
    let leftOut: readonly string[] = [];
    const admitted: Admission = (by) => {
      const all = entries.map((entry) => admitForeign(entry, by, sentAt));
      leftOut = all.flatMap((one) => one.leftOut);
      return all.map(({ part }) => part);
    };
    const answer = type === 'batch' ? this.#takeEach(sender, admitted, sentAt) : this.#takeWhole(sender, admitted, sentAt);
    return await answer.finally(() => {
      for (const field of leftOut) this.#metrics.count('ingest_left_out', field);
    });
  }

  async #takeEach(sender: Sender, admitted: Admission, sentAt: Instant | null): Promise<ForeignAnswer> {
    const { parts, outcomes } = await this.#take(sender, admitted, sentAt);
    return { type: 'batch', outcomes: ruled(parts, outcomes) };
  }

  /** All or nothing: what one entry is refused for keeps all the others out, and is kept itself. */
  async #takeWhole(sender: Sender, admitted: Admission, sentAt: Instant | null): Promise<ForeignAnswer> {
    let judged: readonly Admitted[];
    try {
      return { type: 'transaction', outcomes: (await this.#take(sender, admitted, sentAt, { whole: true })).outcomes };
    } catch (thrown) {
      if (!(thrown instanceof Conflict)) throw thrown;
      judged = thrown.parts;
    }
    const bad = judged.filter((part) => 'refusal' in part);
    const outcomes = ruled(bad, (await this.#take(sender, () => bad, sentAt)).outcomes);
    return { type: 'transaction', refused: judged.map((part) => ('refusal' in part ? (outcomes.shift() ?? null) : null)) };
  }

  /** Who sends. Throws UPLINK-UNKNOWN-GATEWAY, ACCESS-EXPIRED and ACCESS-DENIED. */
  async #senderOf(identityId: string): Promise<Sender> {
    const at = this.#clock.now();
    const gateway = this.#registry.gateway(identityId);
    if (!gateway) {
      this.#metrics.count('ingest_refused_batches', 'UPLINK-UNKNOWN-GATEWAY');
      throw new VitalmeshError('UPLINK-UNKNOWN-GATEWAY', { detail: identityId });
    }
    const by = { registry: this.#registry, policy: this.#policy(), isDoubted: this.#isDoubted };
    const sender: Sender = { gateway, principal: gatewayPrincipal(gateway), ...by, at };
    await this.#refuseDenied(sender);
    return sender;
  }

  /** Stores what may be, keeps what is refused, and tells everybody concerned. `whole`: throws Conflict, and stores nothing, where anything is refused. */
  async #take(sender: Sender, admitted: Admission, sentAt: Instant | null, { whole = false, epoch }: Terms = {}): Promise<Taken> {
    const { parts, outcome } = await this.#committed(
      this.#placements.stored(sender, admitted, (each, keep) => this.#write(sender, each, { sentAt, whole, epoch, keep })),
    );
    const { results, currencies, doubts, committed, dropped } = outcome;
    if (dropped > 0) this.#quarantineFull(sender.gateway.identity, dropped);
    const kept = arrivalsOf(parts).filter((arrival, i): arrival is Arrival => results[i] === 'stored' && !isEvent(arrival));
    const isSure = ({ patient, vital }: Arrival): boolean => !doubts.some((doubt) => doubt.patient === patient && doubt.vital === vital);
    this.#due?.measured(sender.gateway.tenant, kept.filter(isSure));
    this.#due?.doubted(sender.gateway.tenant, doubts);
    for (const { patient, device, sortTime } of kept)
      if (isNobody(patient)) this.#staleness?.ofNobody(sender.gateway.tenant, device, Math.min(sortTime, sender.at));
    this.#staleness?.changed(currencies);
    this.#report(sender.gateway.identity, refusalsOf(parts));
    for (const part of parts) if ('refusal' in part) this.#unbound?.note(sender.gateway.identity, part.refusal, part.bed, sender.at);
    this.#noteDemos(sender, parts);
    this.#noteStrangers(sender, parts);
    this.#tell(sender, kept, [...currencies, ...doubts]);
    this.#tellEvents(
      sender,
      arrivalsOf(parts).filter((arrival, i): arrival is EventArrival => results[i] === 'stored' && isEvent(arrival)),
    );
    return { parts, outcomes: this.#outcomes(parts, results), committed };
  }

  /** Nothing of them is kept, and what was current of these devices is not any more: that is news to whoever looks. */
  #noteDemos({ gateway: { tenant }, at }: Sender, parts: readonly Admitted[]): void {
    for (const part of parts) {
      if (!('demo' in part) || part.demo === undefined) continue;
      const { patient, device } = part.demo;
      if (this.#demos?.note(tenant, patient, device, at))
        this.#feed.publish({ tenant, patient, kind: 'sources', vitals: [], devices: [device], at });
    }
  }

  #noteStrangers({ gateway, at }: Sender, parts: readonly Admitted[]): void {
    if (this.#strangers === undefined || gateway.patient === undefined) return;
    for (const part of parts) {
      if (!part.heard) continue;
      if ('arrival' in part) this.#strangers.taken(gateway, part.heard, at);
      else if (part.refusal.code === 'INGEST-NOT-ADOPTED') this.#strangers.refused(gateway, part.heard, at);
    }
  }

  /** What this gateway may not do at all is refused as a whole, and stays with it: in quarantine it would be lost to a mistake in the policy. */
  async #refuseDenied({ gateway: { tenant }, principal, policy, at }: Sender): Promise<void> {
    const { allow, reason } = decide(principal, 'observations.write', { tenant }, { at, policy });
    if (allow) return;
    const code = reason === 'expired' ? 'ACCESS-EXPIRED' : 'ACCESS-DENIED';
    this.#metrics.count('ingest_refused_batches', code);
    const denied = writeEvidence({ tenant, principal: principal.id, policy: policy.version, at }, { outcome: 'denied', reason });
    await this.#committed(this.#store.record([denied]));
    throw new VitalmeshError(code, { detail: principal.id });
  }

  #entriesOf<T extends 'batch' | 'transaction'>(
    bundle: unknown,
    types: readonly T[],
  ): { type: T; entries: readonly unknown[]; sentAt: Instant | null } {
    const { resourceType, type: given, entry = [], timestamp } = (bundle ?? {}) as Record<string, unknown>;
    const type = types.find((one) => one === given);
    if (resourceType !== 'Bundle' || type === undefined || !Array.isArray(entry)) {
      this.#metrics.count('ingest_refused_batches', 'UPLINK-BUNDLE');
      throw new VitalmeshError('UPLINK-BUNDLE', { detail: `not a Bundle of type ${types.join(' or ')}` });
    }
    if (entry.length > this.limits.batchEntries) {
      this.#metrics.count('ingest_refused_batches', 'UPLINK-TOO-LARGE');
      throw new VitalmeshError('UPLINK-TOO-LARGE', { detail: `${entry.length} entries, ${this.limits.batchEntries} are taken` });
    }
    return { type, entries: entry, sentAt: typeof timestamp === 'string' ? (parseInstant(timestamp)?.at ?? null) : null };
  }

  /** Stores a batch, and remembers whether the store took it. */
  async #write(
    { gateway, principal, policy, at }: Sender,
    parts: readonly Admitted[],
    { sentAt, whole, epoch, keep }: { sentAt: Instant | null; whole: boolean; epoch: string | undefined; keep: Keep },
  ): Promise<BatchOutcome> {
    const [arrivals, refusals] = [arrivalsOf(parts), refusalsOf(parts)];
    if (whole && refusals.length > 0) throw new Conflict(parts);
    const { tenant, identity, limits } = gateway;
    const { quarantineRows: rows, quarantineBytes: bytes } = { ...GATEWAY_LIMITS, ...limits };
    const evidence = (results: readonly ArrivalResult[]): AuditEvent[] => {
      if (whole && results.some((result) => REFUSED[result])) throw new Conflict(conflicting(arrivals, results));
      return batchEvidence({ tenant, principal: principal.id, policy: policy.version, at }, arrivals, refusals, results);
    };
    const batch = {
      tenant,
      gateway: identity,
      at,
      sentAt,
      arrivals,
      refusals,
      quarantine: { rows, bytes },
      evidence,
      ...(epoch !== undefined && { epoch }),
    };
    try {
      const outcome = await keep((placing) => this.#store.storeBatch(placing ? { ...batch, placing } : batch));
      this.#storing?.stored(refusals.length > 0 || outcome.results.some((result) => result !== 'held'));
      return outcome;
    } catch (thrown) {
      if (!(thrown instanceof Conflict || isOvertaken(thrown) || isEpochOver(thrown)))
        this.#storing?.refused(asVitalmeshError(thrown).code, this.#clock.now());
      throw thrown;
    }
  }

  #quarantineFull(gateway: string, dropped: number): void {
    this.#metrics.count('ingest_quarantine_dropped', '', dropped);
    const due = this.#reported.due(`${gateway} full`);
    if (due) this.#log.warn({ gateway, dropped }, 'quarantine of a gateway is full; the oldest of it was given up');
  }

  /** What could not be committed, or read, is to be asked again, whatever the reason. */
  async #committed<T>(commit: Promise<T>): Promise<T> {
    try {
      return await commit;
    } catch (cause) {
      if (cause instanceof Conflict || isEpochOver(cause)) throw cause;
      const error = asVitalmeshError(cause);
      this.#metrics.count('ingest_unavailable', error.code);
      this.#log.error({ err: error }, 'batch not stored');
      throw new VitalmeshError('INGEST-UNAVAILABLE', { cause, detail: error.code });
    }
  }

  #tell(
    { gateway: { tenant }, at }: Sender,
    kept: readonly Arrival[],
    changes: readonly Pick<CurrencyChange, 'patient' | 'vital'>[],
  ): void {
    const stored = vitalsByPatient(kept);
    const current = vitalsByPatient(changes);
    for (const [patient, vitals] of stored) {
      const changed = current.get(patient);
      this.#feed.publish({ tenant, patient, kind: changed ? 'stored' : 'late', vitals: [...(changed ?? vitals)], at });
    }
    // What people gave to somebody before it came is not told as of whom the hub placed it with.
    for (const [patient, vitals] of current)
      if (!stored.has(patient)) this.#feed.publish({ tenant, patient, kind: 'stored', vitals: [...vitals], at });
  }

  /** What of movements is news, they say themselves to whoever follows them; waves are nobody's news. */
  #tellEvents({ gateway: { tenant }, at }: Sender, kept: readonly EventArrival[]): void {
    for (const kind of ['alert', 'gap'] as const) {
      const patients = new Set(kept.flatMap((event) => (event.kind === kind && event.patient !== null ? [event.patient] : [])));
      for (const patient of patients) this.#feed.publish({ tenant, patient, kind, vitals: [], at });
    }
  }

  /** Tells the operator why parts are in quarantine: rule by rule, each once a minute and gateway. */
  #report(gateway: string, refusals: readonly Refusal[]): void {
    for (const { code, rule } of refusals) {
      if (this.#reported.due(`${gateway} ${code} ${rule}`)) this.#log.warn({ gateway, code, rule }, 'part of a batch is in quarantine');
    }
  }

  #outcomes(parts: readonly Admitted[], results: readonly ArrivalResult[]): EntryOutcome[] {
    let next = 0;
    return parts.map((part): EntryOutcome => {
      if ('refusal' in part) return this.#refused(part.refusal);
      const result = results[next];
      next += 1;
      const code = result && REFUSED[result];
      if (code) return this.#refused({ id: part.arrival.id, code });
      this.#metrics.count('ingest_observations', result === 'stored' ? 'stored' : 'duplicate');
      return { id: part.arrival.id, status: result === 'stored' ? 201 : 200 };
    });
  }

  #refused({ id, code }: Pick<Refusal, 'id' | 'code'>): EntryOutcome {
    this.#metrics.count('ingest_quarantined', code);
    return { id, status: code === 'UPLINK-KEY-REUSED' ? 409 : 422, code };
  }
}

/** Whether the store began an epoch since the sender was told of one: it is not out of order, and the next connection will show what it holds. */
function isEpochOver(thrown: unknown): boolean {
  return thrown instanceof VitalmeshError && thrown.code === 'UPLINK-EPOCH';
}

/** A transaction of which something is refused: its parts, with what they are refused for. */
class Conflict extends VitalmeshError {
  readonly parts: readonly Admitted[];

  constructor(parts: readonly Admitted[]) {
    super('UPLINK-KEY-REUSED');
    this.parts = parts;
  }
}

/** What arrived, with keys that were used before with other content as refusals. */
function conflicting(arrivals: readonly (Arrival | EventArrival)[], results: readonly ArrivalResult[]): Admitted[] {
  return arrivals.map((arrival, i) => {
    const result = results[i];
    const code = result && REFUSED[result];
    if (!code) return { arrival };
    const { id, received } = arrival;
    if (code === 'INGEST-ERASED') return { refusal: { id, code, rule: 'erased: nothing of it is kept', received: '' } };
    return { refusal: { id, code, rule: 'same key, other content', received } };
  });
}

function arrivalsOf(parts: readonly Admitted[]): (Arrival | EventArrival)[] {
  return parts.flatMap((part) => ('arrival' in part ? [part.arrival] : []));
}

function refusalsOf(parts: readonly Admitted[]): Refusal[] {
  return parts.flatMap((part) => ('refusal' in part ? [part.refusal] : []));
}

function vitalsByPatient(rows: readonly { patient: string; vital: string }[]): Map<string, Set<string>> {
  const vitals = new Map<string, Set<string>>();
  for (const { patient, vital } of rows) {
    const of = vitals.get(patient);
    if (of) of.add(vital);
    else vitals.set(patient, new Set([vital]));
  }
  return vitals;
}

/** Outcomes with the rules that were broken, for whoever has no table of our codes. */
function ruled(parts: readonly Admitted[], outcomes: readonly EntryOutcome[]): RuledOutcome[] {
  return outcomes.map((outcome, i) => {
    const part = parts[i];
    return part && 'refusal' in part ? { ...outcome, rule: part.refusal.rule } : outcome;
  });
}

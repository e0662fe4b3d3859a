import { type Clock, type Instant, parseInstant, systemClock } from '../../shared/clock.ts';
import { asVitalmeshError, type ErrorCode, VitalmeshError } from '../../shared/errors.ts';
import { type Logger, silentLogger } from '../../shared/log.ts';
import type { Metrics } from '../../shared/metrics.ts';
import { Seldom } from '../../shared/seldom.ts';
import { type EntryOutcome, UPLINK_LIMITS } from '../../shared/uplink/protocol.ts';
import type { AuditEvent } from '../access/access.ts';
import { gatewayPrincipal } from '../access/principals.ts';
import type { StalenessWatch } from '../clinical/staleness-watch.ts';
import type { Feed } from '../feed.ts';
import { GATEWAY_LIMITS } from '../registry/gateway-limits.ts';
import type { GatewayEntry, Registry } from '../registry/registry.ts';
import {
  type Arrival,
  type ArrivalResult,
  type BatchOutcome,
  type EventArrival,
  isEvent,
  type Refusal,
  type Store,
} from '../store/store.ts';
import { admit, type Sender } from './admit.ts';
import type { Answered, Ingest } from './ingest.ts';

export interface IngestOptions {
  store: Store;
  registry: Registry;
  feed: Feed;
  metrics: Metrics;
  clock?: Clock;
  log?: Logger;
  /** Told of every row that became the current one or no longer is, so that it knows when each goes stale. */
  staleness?: Pick<StalenessWatch, 'changed'>;
  limits?: { batchEntries: number; batchBytes: number };
}

const REPORT_EVERY_MS = 60_000;

/** What may be asked for an entry: its arrival, or why it was refused. */
type Part = { arrival: Arrival | EventArrival } | { refusal: Refusal };

/** The hub's end of the uplink, behind the session. */
export function createIngest(options: IngestOptions): Ingest {
  return new HubIngest(options);
}

class HubIngest implements Ingest {
  readonly #store: Store;
  readonly #registry: Registry;
  readonly #feed: Feed;
  readonly #metrics: Metrics;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #reported: Seldom;
  readonly #staleness: Pick<StalenessWatch, 'changed'> | undefined;
  readonly limits: { batchEntries: number; batchBytes: number };

  constructor({
    store,
    registry,
    feed,
    metrics,
    clock = systemClock,
    log = silentLogger,
    staleness,
    limits = UPLINK_LIMITS,
  }: IngestOptions) {
    this.#store = store;
    this.#registry = registry;
    this.#feed = feed;
    this.#metrics = metrics;
    this.#clock = clock;
    this.#log = log;
    this.#reported = new Seldom(clock, REPORT_EVERY_MS);
    this.#staleness = staleness;
    this.limits = limits;
  }

  gateway(identityId: string): GatewayEntry | undefined {
    return this.#registry.gateway(identityId);
  }

  async hello(): ReturnType<Ingest['hello']> {
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

  async batch(identityId: string, bundle: unknown): Promise<Answered> {
    const at = this.#clock.now();
    const gateway = this.#registry.gateway(identityId);
    if (!gateway) {
      this.#metrics.count('ingest_refused_batches', 'UPLINK-UNKNOWN-GATEWAY');
      throw new VitalmeshError('UPLINK-UNKNOWN-GATEWAY', { detail: identityId });
    }
    const sender: Sender = { gateway, principal: gatewayPrincipal(gateway), registry: this.#registry, at };
    await this.#refuseExpired(sender);
    const { entries, sentAt } = this.#entriesOf(bundle);
    if (entries.length === 0) return { outcomes: [] };

    const parts = entries.map((entry) => admit(entry, sender, sentAt));
    const arrivals = parts.flatMap((part) => ('arrival' in part ? [part.arrival] : []));
    const refusals = parts.flatMap((part) => ('refusal' in part ? [part.refusal] : []));
    const { results, currencies, committed } = await this.#write(sender, arrivals, refusals, sentAt);
    this.#staleness?.changed(currencies);
    this.#report(identityId, refusals);
    this.#tell(gateway.tenant, arrivals, results, at);
    return { outcomes: this.#outcomes(parts, results), committed };
  }

  async #refuseExpired({ gateway: { tenant, notAfter }, principal, at }: Sender): Promise<void> {
    if (notAfter === undefined || at <= notAfter) return;
    this.#metrics.count('ingest_refused_batches', 'ACCESS-EXPIRED');
    await this.#committed(this.#store.record([evidence(tenant, principal.id, at, { outcome: 'denied', reason: 'expired' })]));
    throw new VitalmeshError('ACCESS-EXPIRED', { detail: principal.id });
  }

  #entriesOf(bundle: unknown): { entries: readonly unknown[]; sentAt: Instant | null } {
    const { resourceType, type, entry = [], timestamp } = (bundle ?? {}) as Record<string, unknown>;
    if (resourceType !== 'Bundle' || type !== 'batch' || !Array.isArray(entry)) {
      this.#metrics.count('ingest_refused_batches', 'UPLINK-BUNDLE');
      throw new VitalmeshError('UPLINK-BUNDLE', { detail: 'not a Bundle of type batch' });
    }
    if (entry.length > this.limits.batchEntries) {
      this.#metrics.count('ingest_refused_batches', 'UPLINK-TOO-LARGE');
      throw new VitalmeshError('UPLINK-TOO-LARGE', { detail: `${entry.length} entries, ${this.limits.batchEntries} are taken` });
    }
    return { entries: entry, sentAt: typeof timestamp === 'string' ? (parseInstant(timestamp)?.at ?? null) : null };
  }

  async #write(
    { gateway, principal, at }: Sender,
    arrivals: (Arrival | EventArrival)[],
    refusals: Refusal[],
    sentAt: Instant | null,
  ): Promise<BatchOutcome> {
    const { tenant, identity, limits } = gateway;
    const { quarantineRows: rows, quarantineBytes: bytes } = { ...GATEWAY_LIMITS, ...limits };
    const outcome = await this.#committed(
      this.#store.storeBatch({
        tenant,
        gateway: identity,
        at,
        sentAt,
        arrivals,
        refusals,
        quarantine: { rows, bytes },
        evidence: (results) => batchEvidence(tenant, principal.id, at, arrivals, refusals, results),
      }),
    );
    if (outcome.dropped > 0) this.#quarantineFull(identity, outcome.dropped);
    return outcome;
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
      const error = asVitalmeshError(cause);
      this.#metrics.count('ingest_unavailable', error.code);
      this.#log.error({ err: error }, 'batch not stored');
      throw new VitalmeshError('INGEST-UNAVAILABLE', { cause, detail: error.code });
    }
  }

  #tell(tenant: string, arrivals: readonly (Arrival | EventArrival)[], results: readonly ArrivalResult[], at: Instant): void {
    const stored = arrivals.filter((arrival, i): arrival is Arrival => results[i] === 'stored' && !isEvent(arrival));
    const vitals = new Map<string, Set<string>>();
    for (const { patient, vital } of stored) {
      const changed = vitals.get(patient);
      if (changed) changed.add(vital);
      else vitals.set(patient, new Set([vital]));
    }
    for (const [patient, changed] of vitals) this.#feed.publish({ tenant, patient, kind: 'stored', vitals: [...changed], at });
  }

  /** Tells the operator why parts are in quarantine: rule by rule, each once a minute and gateway. */
  #report(gateway: string, refusals: readonly Refusal[]): void {
    for (const { code, rule } of refusals) {
      if (this.#reported.due(`${gateway} ${code} ${rule}`)) this.#log.warn({ gateway, code, rule }, 'part of a batch is in quarantine');
    }
  }

  #outcomes(parts: readonly Part[], results: readonly ArrivalResult[]): EntryOutcome[] {
    let next = 0;
    return parts.map((part): EntryOutcome => {
      if ('refusal' in part) return this.#refused(part.refusal.id, 422, part.refusal.code);
      const result = results[next];
      next += 1;
      if (result === 'reused') return this.#refused(part.arrival.id, 409, 'UPLINK-KEY-REUSED');
      this.#metrics.count('ingest_observations', result === 'stored' ? 'stored' : 'duplicate');
      return { id: part.arrival.id, status: result === 'stored' ? 201 : 200 };
    });
  }

  #refused(id: string, status: 409 | 422, code: ErrorCode): EntryOutcome {
    this.#metrics.count('ingest_quarantined', code);
    return { id, status, code };
  }
}

/** One entry for what was taken, and one for each reason for which something was refused. */
function batchEvidence(
  tenant: string,
  principal: string,
  at: Instant,
  arrivals: readonly (Arrival | EventArrival)[],
  refusals: readonly Refusal[],
  results: readonly ArrivalResult[],
): AuditEvent[] {
  const events: AuditEvent[] = [];
  const taken = arrivals.filter((_, i) => results[i] !== 'reused');
  if (taken.length > 0) {
    const [first] = taken;
    const patient = first && taken.every((arrival) => arrival.patient === first.patient) ? first.patient : null;
    const count = results.filter((result) => result === 'stored').length;
    events.push(evidence(tenant, principal, at, { patient, outcome: 'allowed', reason: 'granted', count }));
  }
  const refused = new Map<ErrorCode, number>();
  for (const { code } of refusals) refused.set(code, (refused.get(code) ?? 0) + 1);
  if (taken.length < arrivals.length) refused.set('UPLINK-KEY-REUSED', arrivals.length - taken.length);
  for (const [reason, count] of refused) {
    const outcome = reason === 'INGEST-NOT-BOUND' || reason === 'INGEST-FOREIGN-ID' ? 'denied' : 'failed';
    events.push(evidence(tenant, principal, at, { outcome, reason, count }));
  }
  return events;
}

function evidence(
  tenant: string,
  principal: string,
  at: Instant,
  { patient = null, count = 0, ...outcome }: Pick<AuditEvent, 'outcome' | 'reason'> & Partial<AuditEvent>,
): AuditEvent {
  return { at, tenant, principal, role: 'gateway', action: 'observations.write', patient, count, channel: 'uplink', ...outcome };
}

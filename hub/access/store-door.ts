import { type Clock, formatInstant, type Instant, systemClock, zoneOffsetMin } from '../../shared/clock.ts';
import { VitalmeshError } from '../../shared/errors.ts';
import type { Metrics } from '../../shared/metrics.ts';
import { bucketEdges } from '../clinical/bucket-edges.ts';
import type { Change } from '../feed.ts';
import type { Registry } from '../registry/registry.ts';
import type {
  EventFilter,
  Evidence,
  HistoryQuery,
  ObservationFilter,
  Store,
  StoreCounts,
  StoredEvent,
  StoredObservation,
} from '../store/store.ts';
import { MAX_TREND_BUCKETS } from '../store/trend.ts';
import type { AccessContext, Action, AuditEvent, Decision, Principal } from './access.ts';
import { decide } from './decide.ts';
import { DEFAULT_POLICY } from './default-policy.ts';
import type { CallContext, Door, LatestView, PatientSummary, TrendAsked } from './door.ts';
import { type TrendView, trendView, type VersionView, versionView } from './history-views.ts';
import { NOTICE, vitalViews } from './views.ts';

export interface DoorOptions {
  store: Store;
  registry: Registry;
  metrics: Metrics;
  clock?: Clock;
  /** IANA zone in which `asOf` is shown; UTC unless told. */
  zone?: string;
}

/** The one door to a store. Errors besides those of `Door`: STORAGE-*, when the evidence cannot be written; then nothing is shown. */
export function createDoor(options: DoorOptions): Door {
  return new StoreDoor(options);
}

/** Who asks for what, and how; what all evidence of one call has in common. */
interface Call {
  principal: Principal;
  action: Action;
  context: CallContext;
  at: Instant;
}

class StoreDoor implements Door {
  readonly #store: Store;
  readonly #registry: Registry;
  readonly #metrics: Metrics;
  readonly #clock: Clock;
  readonly #zone: string;

  constructor({ store, registry, metrics, clock = systemClock, zone = 'UTC' }: DoorOptions) {
    this.#store = store;
    this.#registry = registry;
    this.#metrics = metrics;
    this.#clock = clock;
    this.#zone = zone;
  }

  async listPatients(principal: Principal, context: CallContext): Promise<readonly PatientSummary[]> {
    const call = this.#call(principal, 'patients.list', context);
    await this.#require(call);
    const { tenant } = principal;
    const shown = this.#registry
      .patients(tenant)
      .filter(({ patient }) => decide(principal, call.action, { tenant, patient }, this.#context(call.at)).allow);
    const stored = await this.#store.patients(tenant, () => granted(call, null, shown.length));
    const known = new Map(stored.map((row) => [row.patient, row]));
    return shown.map(({ patient, bed }) => {
      const row = known.get(patient);
      return { patient, bed, lastStoredAt: row?.lastStoredAt ?? null, vitals: row?.vitals ?? [] };
    });
  }

  async latest(principal: Principal, patient: string, context: CallContext): Promise<LatestView> {
    const call = this.#call(principal, 'vitals.read', context);
    await this.#require(call, patient);
    const rows = await this.#store.latest(principal.tenant, patient, (count) => granted(call, patient, count));
    const now = this.#clock.now();
    return {
      patient,
      bed: this.#registry.patient(principal.tenant, patient)?.bed ?? null,
      asOf: formatInstant(now, zoneOffsetMin(now, this.#zone)),
      vitals: vitalViews(rows, now),
      notice: NOTICE,
    };
  }

  async trend(principal: Principal, patient: string, query: TrendAsked, context: CallContext): Promise<TrendView> {
    const { vital, device, from, to, points } = query;
    const call = this.#call(principal, 'vitals.read', context);
    await this.#require(call, patient);
    if (!(from < to && points >= 1 && points <= MAX_TREND_BUCKETS))
      throw new VitalmeshError('USAGE', { detail: 'from before to, 1 to 2000 points' });
    const bed = this.#registry.patient(principal.tenant, patient)?.bed ?? null;
    const edges = bucketEdges({ from, to, points, zone: this.#zone });
    const now = this.#clock.now();
    const wanted = { patient, vital, edges, now, place: bed === null ? 'home' : 'bed', ...(device !== undefined && { device }) } as const;
    const trend = await this.#store.trend(principal.tenant, wanted, (values) => granted(call, patient, values));
    return trendView(trend, { patient, bed, vital, edges, now, zone: this.#zone });
  }

  async history(
    principal: Principal,
    patient: string,
    query: Omit<HistoryQuery, 'patient'>,
    context: CallContext,
  ): Promise<readonly VersionView[]> {
    const call = this.#call(principal, 'vitals.read', context);
    await this.#require(call, patient);
    const versions = await this.#store.history(principal.tenant, { patient, ...query }, (rows) => granted(call, patient, rows));
    return versions.map(versionView);
  }

  async openSubscription(principal: Principal, patients: readonly string[], context: CallContext): Promise<void> {
    const call = this.#call(principal, 'vitals.subscribe', context);
    if (patients.length === 0) await this.#require(call);
    for (const patient of patients) await this.#require(call, patient);
    await this.#store.record(streamOf(patients).map((patient) => granted(call, patient, 0)));
  }

  async closeSubscription(principal: Principal, patients: readonly string[], context: CallContext, delivered: number): Promise<void> {
    const call = this.#call(principal, 'vitals.subscribe', context);
    await this.#store.record(streamOf(patients).map((patient) => ({ ...granted(call, patient, delivered), reason: 'closed' })));
  }

  maySee(principal: Principal, { tenant, patient }: Change): boolean {
    return decide(principal, 'vitals.subscribe', { tenant, patient }, this.#context(this.#clock.now())).allow;
  }

  export(principal: Principal, filter: ObservationFilter, context: CallContext): Promise<AsyncIterable<StoredObservation>> {
    return this.#exported(principal, filter, context, (evidence) => this.#store.observations(principal.tenant, filter, evidence));
  }

  exportEvents(principal: Principal, filter: EventFilter, context: CallContext): Promise<AsyncIterable<StoredEvent>> {
    return this.#exported(principal, filter, context, (evidence) => this.#store.events(principal.tenant, filter, evidence));
  }

  async counts(principal: Principal, context: CallContext): Promise<StoreCounts> {
    const call = this.#call(principal, 'status.read', context);
    await this.#require(call);
    return this.#store.counts(principal.tenant, () => granted(call, null, 1));
  }

  async #exported<T>(
    principal: Principal,
    { patient }: ObservationFilter,
    context: CallContext,
    read: (evidence: Evidence) => Promise<T>,
  ): Promise<T> {
    const call = this.#call(principal, 'observations.export', context);
    const decision = decide(
      principal,
      call.action,
      { tenant: principal.tenant, ...(patient !== undefined && { patient }) },
      this.#context(call.at),
    );
    if (!decision.allow) await this.#refuse(call, decision.reason, this.#known(principal, patient));
    // The filter is free text until a patient answers to it, and free text has no place in the evidence.
    return await read((rows) => granted(call, rows > 0 ? (patient ?? null) : this.#known(principal, patient), rows));
  }

  #context(at: Instant): AccessContext {
    return { at, policy: DEFAULT_POLICY };
  }

  #call(principal: Principal, action: Action, context: CallContext): Call {
    return { principal, action, context, at: this.#clock.now() };
  }

  /** Returns when the call is allowed; else records the refusal and throws. A patient of the registry that is not the tenant's is as unknown as any. */
  async #require(call: Call, patient?: string): Promise<void> {
    const { principal, action, at } = call;
    const { tenant } = principal;
    const decision = decide(principal, action, { tenant, ...(patient !== undefined && { patient }) }, this.#context(at));
    const known = this.#known(principal, patient);
    if (!decision.allow) await this.#refuse(call, decision.reason, known);
    if (patient !== undefined && known === null) await this.#refuse(call, 'unknown', null);
  }

  async #refuse(call: Call, reason: Decision['reason'] | 'unknown', patient: string | null): Promise<never> {
    this.#metrics.count('access_denied', reason);
    await this.#store.record([{ ...granted(call, patient, 0), outcome: 'denied', reason }]);
    if (reason === 'patient' || reason === 'unknown') throw new VitalmeshError('NOT-FOUND');
    throw new VitalmeshError(reason === 'expired' ? 'ACCESS-EXPIRED' : 'ACCESS-DENIED');
  }

  /** The patient's id if it is one of the caller's tenant: nothing else that a caller sends gets into the evidence. */
  #known(principal: Principal, patient: string | undefined): string | null {
    return patient === undefined ? null : (this.#registry.patient(principal.tenant, patient)?.patient ?? null);
  }
}

/** The patients of a stream; one of none is over the list of patients. */
function streamOf(patients: readonly string[]): readonly (string | null)[] {
  return patients.length === 0 ? [null] : patients;
}

function granted({ principal, action, context, at }: Call, patient: string | null, count: number): AuditEvent {
  const { tenant, id, role } = principal;
  return { at, tenant, principal: id, role, action, patient, outcome: 'allowed', reason: 'granted', count, channel: context.channel };
}

import { type Clock, formatInstant, type Instant, systemClock, zoneOffsetMin } from '../../shared/clock.ts';
import { VitalmeshError } from '../../shared/errors.ts';
import type { Metrics } from '../../shared/metrics.ts';
import { panel, vital } from '../../shared/vitals.ts';
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
import type { AccessContext, AccessResource, Action, Decision, Principal } from './access.ts';
import { decide } from './decide.ts';
import { DEFAULT_POLICY } from './default-policy.ts';
import type { CallContext, Door, LatestView, PatientSummary, TrendAsked } from './door.ts';
import { type Call, granted, refused } from './evidence-of-call.ts';
import { exportClosed, witnessed } from './export-evidence.ts';
import { type TrendView, trendView, type VersionView, versionView } from './history-views.ts';
import type { Policy } from './policy.ts';
import { resourceOf, type Whereabouts } from './resource.ts';
import { NOTICE, vitalViews } from './views.ts';

export interface DoorOptions {
  store: Store;
  registry: Registry;
  metrics: Metrics;
  /** The policy in force, asked anew at each call; the built-in one unless given. */
  policy?: () => Policy;
  clock?: Clock;
  /** IANA zone in which `asOf` is shown; UTC unless told. */
  zone?: string;
}

/** The one door to a store. Errors besides those of `Door`: STORAGE-*, when the evidence cannot be written; then nothing is shown. */
export function createDoor(options: DoorOptions): Door {
  return new StoreDoor(options);
}

class StoreDoor implements Door {
  readonly #store: Store;
  readonly #registry: Registry;
  readonly #metrics: Metrics;
  readonly #policy: () => Policy;
  readonly #clock: Clock;
  readonly #zone: string;

  constructor({ store, registry, metrics, policy = () => DEFAULT_POLICY, clock = systemClock, zone = 'UTC' }: DoorOptions) {
    this.#store = store;
    this.#registry = registry;
    this.#metrics = metrics;
    this.#policy = policy;
    this.#clock = clock;
    this.#zone = zone;
  }

  async listPatients(principal: Principal, context: CallContext): Promise<readonly PatientSummary[]> {
    const call = this.#call(principal, 'patients.list', context);
    await this.#require(call);
    const { tenant } = principal;
    const shown = this.#registry
      .patients(tenant)
      .filter(({ patient }) => decide(principal, call.action, this.#resource(tenant, patient), call).allow);
    return await this.#shown((show) =>
      this.#store.patients(tenant, (_, stored) => {
        const known = new Map(stored.map((row) => [row.patient, row]));
        const view = show(
          shown.map(({ patient, bed }): PatientSummary => {
            const row = known.get(patient);
            return { patient, bed, lastStoredAt: row?.lastStoredAt ?? null, vitals: row?.vitals ?? [] };
          }),
        );
        return granted(call, null, view.length, { view });
      }),
    );
  }

  async latest(principal: Principal, patient: string, context: CallContext): Promise<LatestView> {
    const call = this.#call(principal, 'vitals.read', context);
    await this.#require(call, patient);
    const bed = this.#registry.patient(principal.tenant, patient)?.bed ?? null;
    return await this.#shown((show) =>
      this.#store.latest(principal.tenant, patient, (count, rows) => {
        const now = this.#clock.now();
        const asOf = formatInstant(now, zoneOffsetMin(now, this.#zone));
        const view = show<LatestView>({ patient, bed, asOf, vitals: vitalViews(rows, now), notice: NOTICE });
        return granted(call, patient, count, { view, rows });
      }),
    );
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
    return await this.#shown((show) =>
      this.#store.trend(principal.tenant, wanted, (values, trend) => {
        const view = show(trendView(trend, { patient, bed, vital, edges, now, zone: this.#zone }));
        const { series } = trend;
        const args = {
          vital: series.length > 0 ? vital : keyOf(vital),
          device: series.find((one) => one.device === device)?.device ?? null,
        };
        return granted(call, patient, values, { view, args: { ...args, from, to, points } });
      }),
    );
  }

  async history(
    principal: Principal,
    patient: string,
    query: Omit<HistoryQuery, 'patient'>,
    context: CallContext,
  ): Promise<readonly VersionView[]> {
    const call = this.#call(principal, 'vitals.read', context);
    await this.#require(call, patient);
    return await this.#shown((show) =>
      this.#store.history(principal.tenant, { patient, ...query }, (count, rows) => {
        const view = show(rows.map(versionView));
        const { vital, device, effective } = query;
        const args = count > 0 ? { vital, device, effective } : { vital: keyOf(vital), device: null, effective };
        return granted(call, patient, count, { view, args, rows });
      }),
    );
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

  maySee(principal: Principal, { tenant, patient }: Pick<Change, 'tenant' | 'patient'>, place?: Whereabouts): boolean {
    return decide(principal, 'vitals.subscribe', this.#resource(tenant, patient, place), this.#context(this.#clock.now())).allow;
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

  async #exported<T extends { resource: unknown }>(
    principal: Principal,
    { patient, since, kind }: EventFilter,
    context: CallContext,
    read: (evidence: Evidence) => Promise<AsyncIterable<T>>,
  ): Promise<AsyncIterable<T>> {
    const call = this.#call(principal, 'observations.export', context);
    const decision = decide(principal, call.action, this.#resource(principal.tenant, patient), call);
    if (!decision.allow) await this.#refuse(call, decision.reason, this.#known(principal, patient));
    call.obligations = decision.obligations;
    const args = { since: since ?? null, kind: kind ?? null };
    let whose: string | null = null;
    const walk = await read((rows) => {
      // The filter is free text until a patient answers to it, and free text has no place in the evidence.
      whose = rows > 0 ? (patient ?? null) : this.#known(principal, patient);
      return granted(call, whose, rows, { args });
    });
    return witnessed(walk, (out, whole) => this.#store.record([exportClosed(call, whose, out, whole)]));
  }

  #context(at: Instant): AccessContext {
    return { at, policy: this.#policy() };
  }

  #resource(tenant: string, patient?: string, place?: Whereabouts): AccessResource {
    return resourceOf(this.#registry, tenant, patient, place);
  }

  #call(principal: Principal, action: Action, context: CallContext): Call {
    const clock = this.#clock;
    const { at, policy } = this.#context(clock.now());
    return { principal, action, context, policy, at, startedMs: clock.monotonicMs(), clock };
  }

  /** A read whose view is made, and shown to the evidence, before the commit that lets it out. */
  async #shown<V>(read: (show: <T extends V>(view: T) => T) => Promise<unknown>): Promise<V> {
    let shown: { view: V } | undefined;
    await read((view) => {
      shown = { view };
      return view;
    });
    if (shown === undefined) throw new VitalmeshError('INTERNAL', { detail: 'a read without evidence' });
    return shown.view;
  }

  /** Returns when the call is allowed; else records the refusal and throws. A patient of the registry that is not the tenant's is as unknown as any. */
  async #require(call: Call, patient?: string): Promise<void> {
    const { principal, action } = call;
    const { tenant } = principal;
    const decision = decide(principal, action, this.#resource(tenant, patient), call);
    const known = this.#known(principal, patient);
    if (!decision.allow) await this.#refuse(call, decision.reason, known);
    if (patient !== undefined && known === null) await this.#refuse(call, 'unknown', null);
    call.obligations = decision.obligations;
  }

  async #refuse(call: Call, reason: Decision['reason'] | 'unknown', patient: string | null): Promise<never> {
    this.#metrics.count('access_denied', reason);
    await this.#store.record([refused(call, patient, reason)]);
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

/** A key of the tables of vital signs, as it is; anything else a caller may write is null, for free text has no place in the evidence. */
function keyOf(asked: string): string | null {
  return (vital(asked) ?? panel(asked)) ? asked : null;
}

import { type Clock, type Instant, systemClock } from '../../shared/clock.ts';
import { type ErrorCode, VitalmeshError } from '../../shared/errors.ts';
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
import type { AccessContext, AccessResource, Action, AuditDetail, Decision, Principal } from './access.ts';
import { AccessLimit } from './budgets/access-limit.ts';
import { Budgets } from './budgets/budgets.ts';
import { type Counted, spend } from './budgets/spending.ts';
import type { ConcernedRow } from './callers.ts';
import { decide, inScope, withheldFrom } from './decide.ts';
import { DEFAULT_POLICY } from './default-policy.ts';
import type { CallContext, Door, Ended, LatestView, PatientSummary, TrendAsked } from './door.ts';
import { type Call, granted, refused } from './evidence-of-call.ts';
import { exportClosed, witnessed } from './export-evidence.ts';
import { type TrendView, trendView, type VersionView, versionView } from './history-views.ts';
import { inOrderOfName, maskedWalk, patientByPatient, sinceOf } from './masked-reading.ts';
import type { Masking, Maskings, MaskProfile } from './masking/contract.ts';
import { isPseudonym } from './masking/pseudonyms.ts';
import { behind, type Meant, meant, type Place } from './meant.ts';
import type { Policy } from './policy.ts';
import { resourceOf, type Whereabouts } from './resource.ts';
import { lastShownAt, latestView } from './views.ts';

export interface DoorOptions {
  store: Store;
  registry: Registry;
  metrics: Metrics;
  /** The policy in force, asked anew at each call; the built-in one unless given. */
  policy?: () => Policy;
  maskings: Maskings;
  clock?: Clock;
  /** IANA zone in which `asOf` is shown; UTC unless told. */
  zone?: string;
}

/** The one door to a store. Errors besides those of `Door`: STORAGE-*, when the evidence cannot be written; then nothing is shown. */
export function createDoor(options: DoorOptions): Door {
  return new StoreDoor(options);
}

const CODES: Partial<Record<string, ErrorCode>> = { expired: 'ACCESS-EXPIRED', scope: 'ACCESS-SCOPE' };

class StoreDoor implements Door {
  readonly #store: Store;
  readonly #registry: Registry;
  readonly #metrics: Metrics;
  readonly #policy: () => Policy;
  readonly #budgets: Budgets;
  readonly #maskings: Maskings;
  readonly #clock: Clock;
  readonly #zone: string;

  constructor(options: DoorOptions) {
    this.#store = options.store;
    this.#registry = options.registry;
    this.#metrics = options.metrics;
    this.#policy = options.policy ?? (() => DEFAULT_POLICY);
    this.#maskings = options.maskings;
    this.#budgets = new Budgets(options.store);
    this.#clock = options.clock ?? systemClock;
    this.#zone = options.zone ?? 'UTC';
  }

  async listPatients(principal: Principal, context: CallContext): Promise<readonly PatientSummary[]> {
    const call = this.#call(principal, 'patients.list', context);
    await this.#require(call);
    const { tenant } = principal;
    const withheld = withheldFrom(principal, call.action);
    const seen = this.#registry.patients(tenant).flatMap((place) => {
      const { allow, obligations } = decide(principal, call.action, this.#resource(tenant, place.patient, place), call);
      return allow ? [{ place, masking: this.#maskings.of(principal, obligations.mask) }] : [];
    });
    const patients = seen.map(({ place }) => place.patient);
    const counted = await this.#spend(call, [], patients);
    return await this.#shown((show) =>
      this.#store.patients(tenant, (_, stored) => {
        const known = new Map(stored.map((row) => [row.patient, row]));
        const rows = seen.map(({ place: { patient, bed, ward }, masking }) => {
          const { lastStoredAt: at = null, vitals: stored = [] } = known.get(patient) ?? {};
          const vitals = stored.filter((key) => inScope(principal, call.action, key));
          const lastStoredAt = lastShownAt(at, { shown: vitals, stored, withheld });
          const told = { ...(ward !== undefined && { ward }), lastStoredAt, vitals, ...(withheld.length > 0 && { withheld }) };
          return masking.summary({ patient, bed, ...told }, call.at);
        });
        const view = show(inOrderOfName(rows));
        return { ...granted(call, null, view.length, { view, withheld, patients }), ...counted() };
      }),
    );
  }

  async latest(principal: Principal, name: string, context: CallContext): Promise<LatestView> {
    const call = this.#call(principal, 'vitals.read', context);
    const { patient, place, masking } = await this.#about(call, name);
    const counted = await this.#spend(call, [patient]);
    return await this.#shown((show) =>
      this.#store.latest(principal.tenant, patient, (_, all) => {
        const rows = all.filter((row) => inScope(principal, call.action, row.vital));
        const withheld = withheldFrom(principal, call.action);
        const frame = { patient, ...place, withheld, now: this.#clock.now(), zone: this.#zone };
        const view = show(masking.latest(latestView(rows, frame)));
        return { ...granted(call, patient, rows.length, { view, rows, withheld }), ...counted(patient) };
      }),
    );
  }

  async trend(principal: Principal, name: string, query: TrendAsked, context: CallContext): Promise<TrendView> {
    const { vital, points } = query;
    const call = this.#call(principal, 'vitals.read', context);
    const { patient, place, masking } = await this.#about(call, name, vital);
    if (!(query.from < query.to && points >= 1 && points <= MAX_TREND_BUCKETS))
      throw new VitalmeshError('USAGE', { detail: 'from before to, 1 to 2000 points' });
    const counted = await this.#spend(call, [patient]);
    const [from, to] = [masking.instantOf(query.from, patient), masking.instantOf(query.to, patient)];
    const device = await this.#deviceOf(call, { patient, masking }, query.device);
    const edges = bucketEdges({ from, to, points, zone: this.#zone });
    const now = this.#clock.now();
    const wanted = {
      patient,
      vital,
      edges,
      now,
      place: place.bed === null ? 'home' : 'bed',
      ...(device !== undefined && { device }),
    } as const;
    return await this.#shown((show) =>
      this.#store.trend(principal.tenant, wanted, (values, trend) => {
        const view = show(masking.trend(trendView(trend, { patient, ...place, vital, edges, now, zone: this.#zone })));
        const { series } = trend;
        const args = {
          vital: series.length > 0 ? vital : keyOf(vital),
          device: series.find((one) => one.device === device)?.device ?? null,
        };
        return { ...granted(call, patient, values, { view, args: { ...args, from, to, points } }), ...counted(patient) };
      }),
    );
  }

  async history(
    principal: Principal,
    name: string,
    query: Omit<HistoryQuery, 'patient'>,
    context: CallContext,
  ): Promise<readonly VersionView[]> {
    const { vital } = query;
    const call = this.#call(principal, 'vitals.read', context);
    const { patient, masking } = await this.#about(call, name, vital);
    const counted = await this.#spend(call, [patient]);
    const effective = masking.instantOf(query.effective, patient);
    const device = (await this.#deviceOf(call, { patient, masking }, query.device)) ?? query.device;
    return await this.#shown((show) =>
      this.#store.history(principal.tenant, { patient, vital, device, effective }, (count, rows) => {
        const view = show(masking.versions(rows.map(versionView), patient));
        const args = count > 0 ? { vital, device, effective } : { vital: keyOf(vital), device: null, effective };
        return { ...granted(call, patient, count, { view, args, rows }), ...counted(patient) };
      }),
    );
  }

  async openSubscription(principal: Principal, names: readonly string[], context: CallContext): Promise<void> {
    const call = this.#call(principal, 'vitals.subscribe', context);
    if (names.length === 0) await this.#require(call);
    const patients: string[] = [];
    for (const name of names) patients.push((await this.#about(call, name)).patient);
    const counted = await this.#spend(call, patients);
    await this.#store.record(streamOf(patients).map((patient) => ({ ...granted(call, patient, 0), ...counted(patient) })));
  }

  async closeSubscription(principal: Principal, ended: readonly Ended[], context: CallContext): Promise<void> {
    const call = this.#call(principal, 'vitals.subscribe', context);
    await this.#store.record(
      ended.map(({ patient, delivered }) => ({ ...granted(call, this.#opened(principal, patient), delivered), reason: 'closed' })),
    );
  }

  maySee(principal: Principal, { tenant, patient }: Pick<Change, 'tenant' | 'patient'>, place?: Whereabouts): boolean {
    return decide(principal, 'vitals.subscribe', this.#resource(tenant, patient, place), this.#context(this.#clock.now())).allow;
  }

  patientBehind(principal: Principal, name: string): string | undefined {
    const { decision, patient } = meant({ principal, action: 'vitals.subscribe' }, name, this.#context(this.#clock.now()), this.#naming);
    return decision.allow ? patient : undefined;
  }

  maskOf(principal: Principal): MaskProfile {
    return decide(principal, 'vitals.subscribe', this.#resource(principal.tenant), this.#context(this.#clock.now())).obligations.mask;
  }

  async requireScope(principal: Principal, action: Action, context: CallContext): Promise<void> {
    const call = this.#call(principal, action, context);
    const { reason } = decide(principal, action, this.#resource(principal.tenant), call);
    if (reason === 'scope') await this.#refuse(call, reason, null);
  }

  async turnAway(rows: readonly ConcernedRow[], reason: string, { channel }: CallContext, args?: AuditDetail['args']): Promise<void> {
    const at = this.#clock.now();
    await this.#store.record(
      rows.map(({ credential, ...row }) => ({
        ...{ ...row, at, action: 'session.open', patient: null, outcome: 'denied', reason, count: 0, channel },
        ...((credential || args) && { detail: { ...(credential && { credential }), ...(args && { args }) } }),
      })),
    );
  }

  export(principal: Principal, filter: ObservationFilter, context: CallContext): Promise<AsyncIterable<StoredObservation>> {
    return this.#exported(principal, filter, context, async (asked, masking, evidence, seen) =>
      maskedWalk(await this.#store.observations(principal.tenant, asked, evidence), (row) => seen(row, masking.observation(row))),
    );
  }

  exportEvents(principal: Principal, filter: EventFilter, context: CallContext): Promise<AsyncIterable<StoredEvent>> {
    return this.#exported(principal, filter, context, async (asked, masking, evidence, seen) =>
      maskedWalk(await this.#store.events(principal.tenant, asked, evidence), (row) => seen(row, masking.event(row))),
    );
  }

  async counts(principal: Principal, context: CallContext): Promise<StoreCounts> {
    const call = this.#call(principal, 'status.read', context);
    await this.#require(call);
    return this.#store.counts(principal.tenant, () => granted(call, null, 1));
  }

  async #exported<T extends { resource: unknown }>(
    principal: Principal,
    asked: EventFilter,
    context: CallContext,
    read: (filter: EventFilter, masking: Masking, evidence: Evidence, seen: Seen) => Promise<AsyncIterable<T>>,
  ): Promise<AsyncIterable<T>> {
    const call = this.#call(principal, 'observations.export', context);
    const { decision, patient: known = null, masking } = this.#meant(call, asked.patient);
    if (!decision.allow) await this.#refuse(call, decision.reason, known);
    call.obligations = decision.obligations;
    // What is stored of somebody whom the registry no longer names can still be exported, by whoever is not masked.
    const patient = known ?? (masking.profile === 'none' ? asked.patient : undefined);
    if (asked.patient !== undefined && patient === undefined) await this.#refuse(call, 'unknown', this.#known(principal, asked.patient));
    const since = sinceOf(masking, asked.since, patient);
    const { kind } = asked;
    const filter = { ...(since !== undefined && { since }), ...(kind && { kind }) };
    const args = { since: since ?? null, kind: kind ?? null };
    // Of all whom an export of everybody shows, for its end: at its beginning nobody knows how far it will be read.
    const shown = new Set<string | null>();
    const seen: Seen = (row, masked) => {
      if (masked !== undefined) shown.add(row.patient);
      return masked;
    };
    if (patient === undefined && masking.profile === 'deidentified') {
      // Said first that all are exported, then of each patient when it is read: whoever stops has had those alone.
      const stored = await this.#store.patients(principal.tenant, () => granted(call, null, 0, { args }));
      const names = stored.map((row) => row.patient);
      const walk = patientByPatient(names, masking, (one) =>
        read({ ...filter, patient: one }, masking, (rows) => granted(call, one, rows, { args }), seen),
      );
      return witnessed(walk, (out, whole) => this.#store.record([exportClosed(call, shown, out, whole)]));
    }
    let whose: string | null = null;
    const counted: Evidence = (rows) => {
      // The filter is free text until a patient answers to it, and free text has no place in the evidence.
      whose = rows > 0 ? (patient ?? null) : known;
      return granted(call, whose, rows, { args });
    };
    const walk = await read({ ...filter, ...(patient !== undefined && { patient }) }, masking, counted, seen);
    const of = () => (patient === undefined ? shown : whose);
    return witnessed(walk, (out, whole) => this.#store.record([exportClosed(call, of(), out, whole)]));
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

  get #naming() {
    return { registry: this.#registry, maskings: this.#maskings };
  }

  #meant(call: Call, name?: string): Meant {
    return meant(call, name, call, this.#naming);
  }

  /** Returns when the call is allowed; else records the refusal and throws. A patient of the registry that is not the tenant's is as unknown as any. */
  async #require(call: Call, name?: string): Promise<Meant> {
    const found = this.#meant(call, name);
    const { decision, patient } = found;
    if (!decision.allow) await this.#refuse(call, decision.reason, patient ?? null);
    if (name !== undefined && patient === undefined) await this.#refuse(call, 'unknown', this.#known(call.principal, name));
    call.obligations = decision.obligations;
    return found;
  }

  /** The patient whom the caller means by a name, where it is and how it is shown, once the call is allowed; for the one vital sign that it is about, if any. */
  async #about(call: Call, name: string, key?: string): Promise<{ patient: string; place: Place; masking: Masking }> {
    const { patient, place, masking } = await this.#require(call, name);
    if (patient === undefined || place === undefined) throw new VitalmeshError('NOT-FOUND');
    if (key !== undefined && !inScope(call.principal, call.action, key)) await this.#refuse(call, 'scope', patient);
    return { patient, place, masking };
  }

  /** The device that a caller means by the name under which it knows it; by any other one that nothing has. */
  async #deviceOf(call: Call, { patient, masking }: { patient: string; masking: Masking }, name?: string): Promise<string | undefined> {
    if (name === undefined || masking.profile === 'none') return name;
    const rows = await this.#store.latest(call.principal.tenant, patient, () => granted(call, patient, 0));
    // What it was not given leads to nothing, also where a device is called so: else names could be tried.
    return rows.find(({ device }) => masking.device(patient, device) === name)?.device ?? masking.device(patient, name);
  }

  /** The patient of a subscription that was opened by this name, for its end: also where the right to it, or the patient's place, is gone. */
  #opened(principal: Principal, name: string | null): string | null {
    return name !== null && isPseudonym(name) ? (behind(principal, name, this.#naming)?.patient ?? null) : name;
  }

  /** Takes the call out of what its caller has left; else records the refusal and throws ACCESS-LIMIT. */
  async #spend(call: Call, patients: readonly string[], listed: readonly string[] = []): Promise<Counted> {
    try {
      return await spend(call, { patients, listed }, { budgets: this.#budgets, registry: this.#registry });
    } catch (thrown) {
      if (!(thrown instanceof AccessLimit)) throw thrown;
      this.#metrics.count('access_limited', thrown.limit);
      const [only = null, ...more] = patients;
      await this.#store.record([refused(call, more.length === 0 ? only : null, 'limit')]);
      throw thrown;
    }
  }

  async #refuse(call: Call, reason: Decision['reason'] | 'unknown', patient: string | null): Promise<never> {
    this.#metrics.count('access_denied', reason);
    await this.#store.record([refused(call, patient, reason)]);
    if (reason === 'patient' || reason === 'unknown') throw new VitalmeshError('NOT-FOUND');
    throw new VitalmeshError(CODES[reason] ?? 'ACCESS-DENIED');
  }

  /** The patient's id if it is one of the caller's tenant: nothing else that a caller sends gets into the evidence. */
  #known(principal: Principal, patient: string | undefined): string | null {
    return patient === undefined ? null : (this.#registry.patient(principal.tenant, patient)?.patient ?? null);
  }
}

/** Notes whose row is handed out, and gives it on as it is shown. */
type Seen = <T>(row: { patient: string | null }, masked: T | undefined) => T | undefined;

/** The patients of a stream; one of none is over the list of patients. */
function streamOf(patients: readonly (string | null)[]): readonly (string | null)[] {
  return patients.length === 0 ? [null] : patients;
}

/** A key of the tables of vital signs, as it is; anything else a caller may write is null, for free text has no place in the evidence. */
function keyOf(asked: string): string | null {
  return (vital(asked) ?? panel(asked)) ? asked : null;
}

import type { Clock } from '../../../shared/clock.ts';
import { VitalmeshError } from '../../../shared/errors.ts';
import { panel, vital } from '../../../shared/vitals.ts';
import { bucketEdges } from '../../clinical/bucket-edges.ts';
import { nameOfLimits, type ShownBeside, type Surroundings } from '../../clinical/surroundings.ts';
import type { PatientPlace, Registry } from '../../registry/registry.ts';
import type { HistoryQuery, Store, StoredReading } from '../../store/store.ts';
import { MAX_TREND_BUCKETS } from '../../store/trend.ts';
import type { Principal } from '../access.ts';
import { decide, inScope, withheldFrom } from '../decide.ts';
import type { CallContext, LatestView, PatientSummary, TrendAsked } from '../door.ts';
import { type Call, granted } from '../evidence-of-call.ts';
import { type TrendView, trendView, type VersionView, versionView } from '../history-views.ts';
import { inOrderOfName } from '../masked-reading.ts';
import type { Masking, Maskings } from '../masking/contract.ts';
import { LATEST_SHAPE } from '../view-shapes.ts';
import { lastShownAt, latestView } from '../views.ts';
import type { Calls } from './calls.ts';

export interface ReadsOptions {
  calls: Calls;
  store: Store;
  registry: Registry;
  maskings: Maskings;
  clock: Clock;
  zone: string;
  surroundings: Surroundings;
}

/** What is shown of patients: who there is, what is current, and how it was. */
export class Reads {
  readonly #calls: Calls;
  readonly #store: Store;
  readonly #registry: Registry;
  readonly #maskings: Maskings;
  readonly #clock: Clock;
  readonly #zone: string;
  readonly #surroundings: Surroundings;

  constructor({ calls, store, registry, maskings, clock, zone, surroundings }: ReadsOptions) {
    this.#calls = calls;
    this.#store = store;
    this.#registry = registry;
    this.#maskings = maskings;
    this.#clock = clock;
    this.#zone = zone;
    this.#surroundings = surroundings;
  }

  async listPatients(principal: Principal, context: CallContext): Promise<readonly PatientSummary[]> {
    const call = this.#calls.begin(principal, 'patients.list', context);
    await this.#calls.require(call);
    const { tenant } = principal;
    const withheld = withheldFrom(principal, call.action);
    const seen = this.#registry.patients(tenant).flatMap((place) => {
      const { allow, obligations } = decide(principal, call.action, this.#calls.resource(tenant, place.patient, place), call);
      return allow ? [{ place, masking: this.#maskings.of(principal, obligations.mask) }] : [];
    });
    const patients = seen.map(({ place }) => place.patient);
    const counted = await this.#calls.spend(call, [], patients);
    return await shownAfter((show) =>
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
    const call = this.#calls.begin(principal, 'vitals.read', context);
    const { patient, place, masking } = await this.#calls.about(call, name);
    const counted = await this.#calls.spend(call, [patient]);
    return await shownAfter((show) =>
      this.#store.latest(principal.tenant, patient, (_, all) => {
        const rows = all.filter((row) => inScope(principal, call.action, row.vital));
        const withheld = withheldFrom(principal, call.action);
        const now = this.#clock.now();
        const whole = this.#registry.patient(principal.tenant, patient) ?? { patient, ...place };
        const beside = this.#surroundings.beside(principal.tenant, whole, rows, now);
        const zone = this.#zoneOf(whole);
        const limits = this.#surroundings.limits(whole);
        const frame = { patient, ...place, withheld, now, zone, limits, beside };
        const view = show(masking.latest(latestView(rows, frame)));
        const elsewhere = zone !== this.#zone && { zone };
        const known = {
          ...beside,
          shape: LATEST_SHAPE,
          limits: nameOfLimits(limits),
          place,
          ...elsewhere,
          ...(whole.possible && { possible: whole.possible }),
          ...doubtfulOf(rows),
          ...byHandIn(rows),
        };
        return { ...granted(call, patient, rows.length, { view, rows, beside: known, withheld }), ...counted(patient) };
      }),
    );
  }

  async trend(principal: Principal, name: string, query: TrendAsked, context: CallContext): Promise<TrendView> {
    const { vital, points } = query;
    const call = this.#calls.begin(principal, 'vitals.read', context);
    const { patient, place, masking } = await this.#calls.about(call, name, vital);
    if (!(query.from < query.to && points >= 1 && points <= MAX_TREND_BUCKETS))
      throw new VitalmeshError('USAGE', { detail: 'from before to, 1 to 2000 points' });
    const counted = await this.#calls.spend(call, [patient]);
    const [from, to] = [masking.instantOf(query.from, patient), masking.instantOf(query.to, patient)];
    const device = await this.#deviceOf(call, { patient, masking }, query.device);
    const whole = this.#registry.patient(principal.tenant, patient) ?? { patient, ...place };
    const zone = this.#zoneOf(whole);
    const edges = bucketEdges({ from, to, points, zone });
    const now = this.#clock.now();
    const sandbox = this.#registry.isSandbox(principal.tenant);
    // Who was discharged, or moved to where nobody follows, lay in a bed when it was measured.
    const isAway = place.discharged !== undefined || whole.elsewhere === true || place.unplaced === true;
    const where = place.bed === null && !isAway ? 'home' : 'bed';
    const reachMs = this.#surroundings.limits(whole).of({ vital, place: where }).ms;
    const wanted = { patient, vital, edges, now, reachMs, ...(device !== undefined && { device }) };
    return await shownAfter((show) =>
      this.#store.trend(principal.tenant, wanted, (values, trend) => {
        const frame = { patient, ...place, vital, edges, now, zone, sandbox };
        const stays = this.#registry.stays?.(principal.tenant, patient) ?? [];
        const view = show(masking.trend(trendView(trend, { ...frame, stays })));
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
    const call = this.#calls.begin(principal, 'vitals.read', context);
    const { patient, place, masking } = await this.#calls.about(call, name, vital);
    const counted = await this.#calls.spend(call, [patient]);
    const effective = masking.instantOf(query.effective, patient);
    const device = (await this.#deviceOf(call, { patient, masking }, query.device)) ?? query.device;
    return await shownAfter((show) =>
      this.#store.history(principal.tenant, { patient, vital, device, effective }, (count, rows) => {
        const view = show(
          masking.versions(
            rows.map((row) => versionView(row, place.mergedFrom)),
            patient,
          ),
        );
        const args = count > 0 ? { vital, device, effective } : { vital: keyOf(vital), device: null, effective };
        return { ...granted(call, patient, count, { view, args, rows }), ...counted(patient) };
      }),
    );
  }

  /** IANA; in which a patient's days begin. */
  #zoneOf(place: PatientPlace): string {
    return this.#surroundings.zone?.(place) ?? this.#zone;
  }

  /** The device that a caller means by the name under which it knows it; by any other one that nothing has. */
  async #deviceOf(call: Call, { patient, masking }: { patient: string; masking: Masking }, name?: string): Promise<string | undefined> {
    if (name === undefined || masking.profile === 'none') return name;
    const rows = await this.#store.latest(call.principal.tenant, patient, () => granted(call, patient, 0));
    // What it was not given leads to nothing, also where a device is called so: else names could be tried.
    return rows.find(({ device }) => masking.device(patient, device) === name)?.device ?? masking.device(patient, name);
  }
}

/** Which of the rows are shown as doubtful: that may change, and the answer would not be known again without it. */
function doubtfulOf(rows: readonly StoredReading[]): Pick<ShownBeside, 'doubtful'> {
  const doubtful = rows.filter(({ flags }) => flags.includes('identity-doubtful')).map(({ id }) => id);
  return doubtful.length === 0 ? {} : { doubtful };
}

/** Which of the rows are whose they are because a person said so: as with doubt. */
function byHandIn(rows: readonly StoredReading[]): Pick<ShownBeside, 'byHand'> {
  const found = rows.flatMap(({ id: observation, byHand }) => (byHand ? [{ ...byHand, observation }] : []));
  return found.length === 0 ? {} : { byHand: found };
}

/** A read whose view is made, and shown to the evidence, before the commit that lets it out. */
async function shownAfter<V>(read: (show: <T extends V>(view: T) => T) => Promise<unknown>): Promise<V> {
  let shown: { view: V } | undefined;
  await read((view) => {
    shown = { view };
    return view;
  });
  if (shown === undefined) throw new VitalmeshError('INTERNAL', { detail: 'a read without evidence' });
  return shown.view;
}

/** A key of the tables of vital signs, as it is; anything else a caller may write is null, for free text has no place in the evidence. */
function keyOf(asked: string): string | null {
  return (vital(asked) ?? panel(asked)) ? asked : null;
}

import { type Clock, formatInstant, type Instant } from '../../../shared/clock.ts';
import { VitalmeshError } from '../../../shared/errors.ts';
import type { Registry } from '../../registry/registry.ts';
import type { Store, StoredReading } from '../../store/store.ts';
import type { AuditEvent, Principal } from '../access.ts';
import { decide, inScope } from '../decide.ts';
import type { CallContext } from '../door.ts';
import { type DoubtfulListView, doubtfulReading } from '../doubtful-views.ts';
import { type Call, granted, refused } from '../evidence-of-call.ts';
import type { Masking, Maskings } from '../masking/contract.ts';
import type { Calls } from './calls.ts';

export interface DoubtfulReadsOptions {
  calls: Calls;
  store: Pick<Store, 'amend' | 'record'>;
  registry: Registry;
  maskings: Maskings;
  clock: Clock;
}

/** What of doubtful readings is asked for; `before`: as it was shown. */
export interface DoubtfulAsked {
  /** By the name under which the caller knows them; of all whom it may see unless given. */
  patient?: string | undefined;
  before?: Instant | undefined;
  most: number;
}

/** What is asked for, as evidence says it. */
const ARGS = { what: 'doubtful' } as const;

/** Which readings are doubtful, over patients. */
export class DoubtfulReads {
  readonly #options: DoubtfulReadsOptions;

  constructor(options: DoubtfulReadsOptions) {
    this.#options = options;
  }

  async doubtful(principal: Principal, asked: DoubtfulAsked, context: CallContext): Promise<DoubtfulListView> {
    const { calls, store, clock } = this.#options;
    const call = calls.begin(principal, 'vitals.read', context);
    const whose = asked.patient === undefined ? await this.#all(call) : await this.#one(call, asked.patient);
    const [first] = whose.keys();
    const masking = first === undefined ? undefined : whose.get(first);
    const counted = await calls.spend(call, asked.patient === undefined ? [] : [...whose.keys()], [...whose.keys()]);
    // Nothing is measured after now, but for what a device says of which the clock is ahead.
    const shownBefore = asked.before ?? clock.now() + AHEAD_MS;
    const before =
      first === undefined || asked.before === undefined ? shownBefore : (masking?.instantOf(shownBefore, first) ?? shownBefore);
    const { readings, isMore } = await store.amend.doubtful(principal.tenant, { patients: [...whose.keys()], before, most: asked.most });
    const shown = readings.filter(({ vital }) => inScope(principal, call.action, vital));
    const views = new Map(shown.map((row) => [row, whose.get(row.patient)?.doubtful(doubtfulReading(row))]));
    const evidence = evidenceOf(shown).map(({ patient, rows }): AuditEvent => {
      const view = rows.map((row) => views.get(row));
      return { ...granted(call, patient, rows.length, { view, rows, args: ARGS }), ...counted(patient) };
    });
    await store.record(evidence.length > 0 ? evidence : [{ ...granted(call, null, 0, { args: ARGS }), ...counted() }]);
    const last = readings.at(-1);
    const next = isMore && last !== undefined ? (whose.get(last.patient)?.at(last.sortTime, last.patient) ?? null) : null;
    return { readings: shown.flatMap((row) => views.get(row) ?? []), before: next === null ? null : formatInstant(next) };
  }

  async #one(call: Call, name: string): Promise<Map<string, Masking>> {
    const { patient, masking } = await this.#options.calls.about(call, name);
    return new Map([[patient, masking]]);
  }

  /** Whomever the caller may see. Whoever is masked is told of one patient at a time: one order of all would tell how their times are shifted. */
  async #all(call: Call): Promise<Map<string, Masking>> {
    const { calls, registry, maskings, store } = this.#options;
    const { principal } = call;
    const whose = new Map<string, Masking>();
    for (const place of registry.patients(principal.tenant)) {
      const { allow, obligations } = decide(principal, call.action, calls.resource(principal.tenant, place.patient, place), call);
      if (!allow) continue;
      const masking = maskings.of(principal, obligations.mask);
      if (masking.profile !== 'none') {
        await store.record([refused(call, null, 'mask')]);
        throw new VitalmeshError('USAGE', { detail: 'whoever is masked names a patient' });
      }
      call.obligations = obligations;
      whose.set(place.patient, masking);
    }
    if (whose.size === 0) await calls.require(call);
    return whose;
  }
}

/** How far ahead of the hub's clock a time of a row may be. */
const AHEAD_MS = 86_400_000;

function evidenceOf(rows: readonly StoredReading[]): { patient: string; rows: StoredReading[] }[] {
  return [...Map.groupBy(rows, ({ patient }) => patient)].map(([patient, of]) => ({ patient, rows: of }));
}

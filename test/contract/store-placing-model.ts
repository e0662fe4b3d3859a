import assert from 'node:assert/strict';
import fc from 'fast-check';
import { isNobody, nobodyIn, type Reassignment } from '../../hub/store/placing/placing.ts';
import { type Arrival, type EventArrival, isEvent, type Store } from '../../hub/store/store.ts';
import { gathered, TEST_NOW } from '../support/hub.ts';
import { arrivalOf, batchOf, event, type StorePlace } from './store.ts';
import { gapArrival } from './store-trend.ts';

const MINUTE = 60_000;
const BEDS = ['ICU^1', 'ICU^2'] as const;
const VITALS = ['hr', 'spo2'] as const;
const DEVICES = ['monitor-1', 'pump'] as const;
const TIMES = [3, 2, 1].map((minutesAgo) => TEST_NOW - minutesAgo * MINUTE);
const WHO = ['pat-a', 'pat-b', ...BEDS.map(nobodyIn)] as const;
/** By their numbers: those whom messages name. */
const PERSONS = [
  { value: '1', authority: 'HIS' },
  { value: '2', authority: 'HIS' },
];

/** Where a row is, as the orders say. */
interface Row {
  arrival: Arrival | EventArrival;
  patient: string;
  bed: string | undefined;
  stated: string | null;
}

/** What may happen. Numbers are places in the tables above. */
export type PlacingStep =
  | { does: 'arrive'; patient: number; bed: number | undefined; stated: number | undefined; rows: readonly Sample[] }
  | { does: 'gap'; patient: number; bed: number | undefined; stated: number | undefined; time: number }
  | {
      does: 'order';
      bed: number;
      device: number | undefined;
      from: number;
      to: number | undefined;
      was: number;
      is: number;
      toBed: number | undefined;
      unnamed: boolean;
      stating: readonly number[];
    }
  | { does: 'move' }
  | { does: 'open' };

interface Sample {
  vital: number;
  device: number;
  time: number;
  status: Arrival['status'];
  /** As its clock is: right, ahead, or unknown to a memory. */
  clock: 'right' | 'ahead' | 'memory';
  test: boolean;
  /** Out of the order in which its sender numbered it. */
  back: boolean;
}

const index = (table: readonly unknown[]): fc.Arbitrary<number> => fc.nat(table.length - 1);
/** Mostly the first of them, so that rows meet. */
const mostly = (table: readonly unknown[]): fc.Arbitrary<number> =>
  fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: index(table) });
const maybe = <T>(of: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(of, { nil: undefined, freq: 1 });

const sample: fc.Arbitrary<Sample> = fc.record({
  vital: mostly(VITALS),
  device: mostly(DEVICES),
  time: index(TIMES),
  status: fc.constantFrom<Arrival['status'][]>('final', 'final', 'preliminary', 'corrected', 'entered-in-error'),
  clock: fc.constantFrom<Sample['clock'][]>('right', 'right', 'right', 'ahead', 'memory'),
  test: fc.nat(7).map((lot) => lot === 0),
  back: fc.boolean(),
});

const step: fc.Arbitrary<PlacingStep> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      does: fc.constant('arrive'),
      patient: index(WHO),
      bed: fc.option(mostly(BEDS), { nil: undefined, freq: 9 }),
      stated: maybe(index(PERSONS)),
      rows: fc.array(sample, { minLength: 1, maxLength: 3 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      does: fc.constant('gap'),
      patient: index(WHO),
      bed: fc.option(mostly(BEDS), { nil: undefined, freq: 9 }),
      stated: maybe(index(PERSONS)),
      time: index(TIMES),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      does: fc.constant('order'),
      bed: mostly(BEDS),
      device: fc.option(mostly(DEVICES), { nil: undefined, freq: 1 }),
      from: index(TIMES),
      to: maybe(index(TIMES)),
      was: index(WHO),
      is: index(WHO),
      toBed: fc.option(mostly(BEDS), { nil: undefined, freq: 1 }),
      unnamed: fc.nat(4).map((lot) => lot > 0),
      stating: fc.uniqueArray(index(PERSONS)),
    }),
  },
  { weight: 3, arbitrary: fc.record({ does: fc.constant('move') }) },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('open') }) },
) as fc.Arbitrary<PlacingStep>;

export const placingSteps: fc.Arbitrary<PlacingStep[]> = fc.array(step, { minLength: 3, maxLength: 40, size: 'max' });

function at<T>(table: readonly T[], place: number): T {
  return table[place] ?? assert.fail('no such place');
}

/** A store, and beside it where every row is by what the orders say. */
class Followed {
  readonly rows: Row[] = [];
  readonly #place: StorePlace;
  readonly #persons: readonly string[];
  store: Store;
  #version = 0;
  #seq = 0;

  constructor(place: StorePlace, store: Store, persons: readonly string[]) {
    this.#place = place;
    this.store = store;
    this.#persons = persons;
  }

  async do(one: PlacingStep): Promise<void> {
    if (one.does === 'arrive') await this.#arrive(one, this.#samples(one.rows));
    else if (one.does === 'gap') await this.#arrive(one, [gapArrival(this.#next(false), { from: at(TIMES, one.time), to: TEST_NOW })]);
    else if (one.does === 'order') await this.#order(one);
    else if (one.does === 'move') await this.store.placing.reassign(TEST_NOW, () => [event(0)]);
    else {
      await this.store[Symbol.asyncDispose]();
      this.store = await this.#place.open();
    }
  }

  async #arrive(
    { patient, bed, stated }: { patient: number; bed: number | undefined; stated: number | undefined },
    arrivals: readonly (Arrival | EventArrival)[],
  ): Promise<void> {
    const who = at(WHO, patient);
    // What is nobody's is so by a bed.
    const by = bed ?? (isNobody(who) ? 0 : undefined);
    const placed = by === undefined ? undefined : { bed: at(BEDS, by), stated: stated === undefined ? null : at(this.#persons, stated) };
    const all = arrivals.map((arrival) => ({ ...arrival, patient: who, ...(placed && { placed }) }));
    const { results } = await this.store.storeBatch(batchOf(all, { placing: { version: this.#version } }));
    assert.ok(results.every((result) => result === 'stored'));
    for (const arrival of arrivals) this.rows.push({ arrival, patient: who, bed: placed?.bed, stated: placed?.stated ?? null });
    // By what was known before nothing is taken any more.
    if (this.#version > 0)
      await assert.rejects(this.store.storeBatch(batchOf([arrivalOf({ seq: 99_999 })], { placing: { version: this.#version - 1 } })));
  }

  async #order(one: PlacingStep & { does: 'order' }): Promise<void> {
    const order: Reassignment = {
      bed: at(BEDS, one.bed),
      ...(one.device !== undefined && { device: at(DEVICES, one.device) }),
      from: at(TIMES, one.from),
      to: one.to === undefined ? null : at(TIMES, one.to),
      was: at(WHO, one.was),
      is: at(WHO, one.is),
      ...(one.toBed !== undefined && { toBed: at(BEDS, one.toBed) }),
      unnamed: one.unnamed,
      stating: one.stating.map((person) => at(this.#persons, person)),
    };
    await this.store.storeBatch(batchOf([], { placing: { version: this.#version, changes: () => [order] } }));
    this.#version += 1;
    for (const row of this.rows) {
      if (!isOf(row, order)) continue;
      row.patient = order.is;
      row.bed = order.toBed ?? order.bed;
    }
  }

  #samples(rows: readonly Sample[]): Arrival[] {
    return rows.map(({ vital, device, time, status, clock, test, back }) => {
      const seq = this.#next(back);
      const effective = clock === 'ahead' ? TEST_NOW + 60 * MINUTE + at(TIMES, time) : at(TIMES, time);
      const arrival = arrivalOf({
        seq,
        value: 40 + (seq % 150),
        vital: at(VITALS, vital),
        device: at(DEVICES, device),
        effective,
        test,
        receivedAt: at(TIMES, time) + 1,
        ...(clock === 'memory' && { flags: ['memory', 'clock'] }),
      });
      return { ...arrival, status, received: arrival.received.replace('"status":"final"', `"status":"${status}"`) };
    });
  }

  /** Numbers rise, and some come behind greater ones. */
  #next(isBack: boolean): number {
    this.#seq += 1;
    return isBack ? 10_000 - this.#seq : 10_000 + this.#seq;
  }
}

function isOf({ arrival, patient, bed, stated }: Row, order: Reassignment): boolean {
  if (patient !== order.was || bed !== order.bed) return false;
  if (order.device !== undefined && arrival.device !== order.device) return false;
  if (arrival.sortTime < order.from || (order.to !== null && arrival.sortTime >= order.to)) return false;
  return stated === null ? order.unnamed : order.stating.includes(stated);
}

/** What a store says of everybody, in every way that it can be asked. */
async function saidBy(store: Store, rows: readonly Row[]): Promise<unknown> {
  const seen = (count: number) => event(count);
  const said: Record<string, unknown> = {};
  for (const patient of WHO) {
    const latest = await store.latest('clinic', patient, seen);
    const observations = await gathered(await store.observations('clinic', { patient }, seen));
    const events = await gathered(await store.events('clinic', { patient }, seen));
    assert.ok([...observations, ...events].every((one) => one.patient === patient));
    said[patient] = {
      latest: latest.map(({ id }) => id).sort(),
      observations: observations.map(({ id }) => id),
      events: events.map(({ id }) => id),
    };
  }
  const measurements = new Map<string, Arrival & { patient: string }>();
  for (const { arrival, patient } of rows)
    if (!isEvent(arrival))
      measurements.set(JSON.stringify([patient, arrival.vital, arrival.device, arrival.effective]), { ...arrival, patient });
  for (const [name, { patient, vital, device, effective }] of measurements) {
    const versions = await store.history('clinic', { patient, vital, device, effective }, seen);
    said[name] = versions.map(({ id, stands }) => [id, stands]);
  }
  const counts = await store.counts('clinic', seen);
  const patients = await store.patients('clinic', seen);
  const currencies = await gathered(store.currencies());
  return {
    ...said,
    counts,
    patients: patients.map(({ patient, vitals }) => [patient, vitals]),
    currencies: currencies.map(({ patient, vital, device, freshAt }) => `${patient} ${vital} ${device} ${freshAt}`).sort(),
    all: (await gathered(await store.observations('clinic', {}, seen))).map(({ id, patient }) => [id, patient]),
  };
}

/**
 * Does all that the steps say, and then what is still due. Everything must be as in a store for which every row came at once, in the same order, for whom it is of
 * now by the orders; and the store must agree with itself.
 */
export async function judgePlacing(place: () => Promise<StorePlace>, steps: readonly PlacingStep[]): Promise<void> {
  await using at = await place();
  await using other = await place();
  const first = await at.open();
  const followed = new Followed(at, first, await first.placing.personsOf('clinic', PERSONS));
  try {
    for (const one of steps) await followed.do(one);
    for (let more = true; more; ) ({ more } = await followed.store.placing.reassign(TEST_NOW, () => [event(0)]));
    await using fresh = await other.open();
    for (const { arrival, patient } of followed.rows) await fresh.storeBatch(batchOf([{ ...arrival, patient }]));
    assert.deepEqual(await saidBy(followed.store, followed.rows), await saidBy(fresh, followed.rows));
    assert.deepEqual((await followed.store.verify()).findings, []);
    const { unplaced } = await followed.store.counts('clinic', (rows) => event(rows));
    assert.equal(unplaced, followed.rows.filter(({ arrival, patient }) => !isEvent(arrival) && isNobody(patient)).length);
  } finally {
    await followed.store[Symbol.asyncDispose]();
  }
}

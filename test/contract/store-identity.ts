import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { JUMPS } from '../../hub/clinical/doubt/jumps.ts';
import { doubtfulOf, type Point } from '../../hub/clinical/doubt/whose.ts';
import { JUDGED_A_PAGE, oddOf } from '../../hub/store/identity/judged.ts';
import type { Arrival, Store, StoredReading } from '../../hub/store/store.ts';
import type { Flag } from '../../shared/reading.ts';
import { verifies } from '../requirements.ts';
import { flagsSaid } from '../support/flags.ts';
import { gathered, type SampleOptions, TEST_NOW } from '../support/hub.ts';
import { arrivalOf, batchOf, event, type StorePlace } from './store.ts';
import { amend, carriedOut, undo } from './store-amend.ts';

const HOUR = 3_600_000;
export const DAY = 24 * HOUR;
export const PATIENT = 'pat-home-01';

/** A weight of a scale at home, `days` and `minutes` before now; its row is `seq`. */
export function weighed(
  seq: number,
  kg: number | null,
  days: number,
  change: SampleOptions & { minutes?: number; patientId?: string } = {},
): Arrival {
  const { minutes = 0, ...rest } = change;
  const effective = TEST_NOW - days * DAY + minutes * 60_000;
  const sample = {
    patientId: PATIENT,
    vital: 'weight',
    value: kg,
    device: 'WS-0001',
    seq,
    effective,
    receivedAt: effective + 1000,
    ...rest,
  };
  return { ...arrivalOf(sample), place: 'home', judged: true };
}

/** As `weighed`, a pressure by cuff. */
export function pressed(
  seq: number,
  systolic: number,
  diastolic: number,
  days: number,
  change: SampleOptions & { minutes?: number } = {},
): Arrival {
  const one = weighed(seq, null, days, { device: 'BP-0001', ...change });
  const part = (vital: string, value: number) => ({ vital, value, unit: 'mm[Hg]', absent: null });
  const components = [part('nibp_s', systolic), part('nibp_d', diastolic)];
  return { ...one, vital: 'nibp', value: null, unit: 'mm[Hg]', absent: null, components };
}

const seen = (rows: number) => event(rows);

export async function latest(store: Store, patient = PATIENT): Promise<{ current: (number | null)[]; doubtful: (number | null)[] }> {
  const rows = await store.latest('clinic', patient, seen);
  const values = (isDoubtful: boolean): (number | null)[] =>
    rows.filter((row) => isDoubtfulRow(row) === isDoubtful).map(({ value, components }) => value ?? components[0]?.value ?? null);
  return { current: values(false), doubtful: values(true) };
}

const isDoubtfulRow = ({ flags }: StoredReading): boolean => flags.includes('identity-doubtful');

/** Ids of all rows that are doubtful, in order of storing. */
export async function doubtfulRows(store: Store): Promise<string[]> {
  const rows = await gathered(await store.observations('clinic', {}, seen));
  for (const row of rows) assert.equal(flagsSaid(row.resource).includes('identity-doubtful'), isDoubtfulRow(row), row.id);
  return rows.filter(isDoubtfulRow).map(({ id }) => id);
}

export const store1 = (store: Store, ...arrivals: Arrival[]) => store.storeBatch(batchOf(arrivals, { gateway: 'gw-home' }));

/** What every engine must keep of readings that may be somebody else's. */
export function storeIdentityContract(name: string, place: () => Promise<StorePlace>): void {
  const check = (what: string, body: (store: Store, at: StorePlace) => Promise<void>): void => {
    test(`${name}: ${what}`, async () => {
      await using at = await place();
      await using store = await at.open();
      await body(store, at);
      const { findings } = await store.verify();
      assert.deepEqual(findings, []);
    });
  };

  check('a jump is kept with its flag beside what is current, and is current once it is repeated', async (store) => {
    verifies('IDENTITY-DOUBTFUL');
    assert.deepEqual((await store1(store, weighed(1, 82, 3))).doubts, []);
    const jump = await store1(store, weighed(2, 64, 2));
    assert.deepEqual(jump.doubts, [{ patient: PATIENT, vital: 'weight' }]);
    assert.deepEqual(await latest(store), { current: [82], doubtful: [64] });
    assert.deepEqual(await doubtfulRows(store), [weighed(2, 64, 2).id]);
    const again = await store1(store, weighed(3, 64.3, 1));
    assert.deepEqual(again.doubts, [{ patient: PATIENT, vital: 'weight' }]);
    assert.deepEqual(await latest(store), { current: [64.3], doubtful: [] });
    assert.deepEqual(await doubtfulRows(store), []);
    // The former ones come back: what was repeated was somebody else.
    await store1(store, weighed(4, 82.2, 0));
    assert.deepEqual(await latest(store), { current: [64.3], doubtful: [82.2] }, 'seen more often than the former one');
  });

  check('a spouse who is weighed each day is never current', async (store) => {
    verifies('IDENTITY-DOUBTFUL');
    for (let day = 6; day >= 1; day -= 1) {
      await store1(store, weighed(20 - day, 82, day));
      await store1(store, weighed(40 - day, 64, day, { minutes: 5 }));
      assert.deepEqual(await latest(store), { current: [82], doubtful: [64] });
    }
    await store1(store, weighed(50, 82.4, 0));
    assert.deepEqual(await latest(store), { current: [82.4], doubtful: [] }, 'older than what is current, it stands in no way');
    assert.equal((await doubtfulRows(store)).length, 6);
  });

  check('of a trend a doubtful one is left out, as doubtful', async (store) => {
    verifies('IDENTITY-DOUBTFUL');
    await store1(store, weighed(1, 82, 2), weighed(2, 64, 1), weighed(3, 82, 0, { minutes: -5 }));
    const query = { patient: PATIENT, vital: 'weight', edges: [TEST_NOW - 3 * DAY, TEST_NOW], reachMs: DAY, now: TEST_NOW } as const;
    const { series } = await store.trend('clinic', query, seen);
    assert.deepEqual(
      series.map(({ buckets }) => buckets.map(({ n, min, excluded }) => [n, min, excluded.doubtful])),
      [[[2, 82, 1]]],
    );
  });

  check('whatever devices, gateways and batches it came by: a series is one person’s', async (store) => {
    verifies('IDENTITY-DOUBTFUL');
    await store1(store, weighed(1, 82, 3));
    await store1(store, weighed(2, 64, 2, { device: 'WS-0002', agent: 'gw-other' }));
    assert.deepEqual(await latest(store), { current: [82], doubtful: [64] });
    await store1(store, weighed(3, 64, 1, { device: 'WS-0003' }));
    assert.deepEqual(await latest(store), { current: [64, 64, 82], doubtful: [] });
  });

  check('of what no home’s own device measured nothing is doubted, nor by it', async (store) => {
    verifies('IDENTITY-DOUBTFUL');
    const { judged: _, ...hospital } = weighed(2, 40, 2);
    await store1(store, weighed(1, 82, 3), hospital);
    assert.deepEqual(await latest(store), { current: [40], doubtful: [] });
    await store1(store, weighed(3, 82, 1));
    assert.deepEqual(await latest(store), { current: [82], doubtful: [] });
    // Without a value nothing can be compared.
    await store1(store, weighed(4, null, 0.5), weighed(6, 82, 0));
    assert.deepEqual(await doubtfulRows(store), []);
  });

  check('what nobody can weigh is doubtful until somebody confirms it, hides no other doubtful one, and is nobody’s own', async (store) => {
    verifies('IDENTITY-IMPOSSIBLE', 'IDENTITY-DOUBTFUL');
    const range = { flags: ['out-of-range'] } as const;
    const first = await store1(store, weighed(1, 8200, 9, range));
    assert.deepEqual(first.doubts, [{ patient: PATIENT, vital: 'weight' }]);
    assert.deepEqual(await latest(store), { current: [], doubtful: [] });
    await store1(
      store,
      weighed(2, 82, 8),
      weighed(3, 64, 7),
      weighed(4, 8200, 6, range),
      weighed(5, 8200, 5, range),
      weighed(6, 8201, 4.99, range),
    );
    assert.deepEqual(await latest(store), { current: [82], doubtful: [64] });
    assert.deepEqual(
      await doubtfulRows(store),
      [1, 3, 4, 5, 6].map((seq) => weighed(seq, 0, 0).id),
    );
    await store1(store, weighed(7, 82.4, 4));
    assert.deepEqual(await latest(store), { current: [82.4], doubtful: [] });
    await store1(store, weighed(8, 8200, 3, range));
    assert.deepEqual(await latest(store), { current: [82.4], doubtful: [8200] });
    const eighth = weighed(8, 8200, 3, range).id;
    const id = await amend(store, { kind: 'confirm', selection: { observations: [eighth] } });
    await carriedOut(store);
    assert.deepEqual(await latest(store), { current: [8200], doubtful: [] });
    await store1(store, weighed(9, 82, 2));
    assert.deepEqual(await latest(store), { current: [8200], doubtful: [82] }, 'once it is confirmed, it is their own');
    await undo(store, id);
    await carriedOut(store);
    assert.deepEqual(await latest(store), { current: [82], doubtful: [] });
    assert.ok((await doubtfulRows(store)).includes(eighth));
    // Given away, it is doubtful there, too: nobody said that of the value.
    await amend(store, { kind: 'reassign', to: 'pat-home-02', selection: { observations: [eighth] } });
    await carriedOut(store);
    assert.ok((await doubtfulRows(store)).includes(eighth));
    assert.deepEqual((await latest(store, 'pat-home-02')).current, []);
  });

  check('a pressure of which a part is nobody’s is doubtful as a whole', async (store) => {
    verifies('IDENTITY-IMPOSSIBLE');
    await store1(
      store,
      pressed(1, 128, 82, 2),
      pressed(2, 900, 82, 1, { flags: ['out-of-range'] }),
      pressed(3, 900, 82, 0.9, { flags: ['out-of-range'] }),
    );
    assert.deepEqual(await latest(store), { current: [128], doubtful: [900] });
  });

  check('what its sender calls no measurement is held against the person’s own, and says nothing of others', async (store) => {
    verifies('IDENTITY-DOUBTFUL');
    const marked = { flags: ['questionable'] } as const;
    await store1(store, weighed(1, 82, 3), weighed(2, 64, 2, marked), weighed(3, 64, 1.99, marked), weighed(4, 64, 1, marked));
    assert.deepEqual(await latest(store), { current: [82], doubtful: [64] });
    await store1(store, weighed(5, 81.5, 0.9, marked));
    assert.deepEqual(await latest(store), { current: [81.5], doubtful: [] }, 'near their own it is shown with its flag');
    await store1(store, weighed(6, 64, 0.8));
    assert.deepEqual(await latest(store), { current: [81.5], doubtful: [64] }, 'what was marked is no repetition');
    await store1(store, weighed(7, 64, 0.79));
    assert.deepEqual((await doubtfulRows(store)).length, 3);
    await store1(store, weighed(8, 64, 0.7, { flags: ['motion', 'low-battery'] }));
    assert.deepEqual(await latest(store), { current: [64], doubtful: [] }, 'other flags are beside the point');
    // What the own ones are is told late: what was marked is looked at again.
    await store1(store, weighed(9, 64, 2.5), weighed(10, 64, 2.49));
    assert.deepEqual(await doubtfulRows(store), [weighed(5, 0, 0).id]);
  });

  check('of a pressure its parts are compared', async (store) => {
    verifies('IDENTITY-DOUBTFUL');
    await store1(store, pressed(1, 128, 82, 2), pressed(2, 190, 104, 1));
    assert.deepEqual(await latest(store), { current: [128], doubtful: [190] });
    await store1(store, pressed(3, 185, 101, 1, { minutes: 6 }));
    assert.deepEqual(await latest(store), { current: [185], doubtful: [] });
  });

  check('what is taken back, or corrected, says nothing any more of whose the others are', async (store) => {
    verifies('IDENTITY-DOUBTFUL', 'IDENTITY-DOUBTFUL-ANY-ORDER');
    await store1(store, weighed(1, 64, 3), weighed(2, 82, 2));
    assert.deepEqual(await latest(store), { current: [64], doubtful: [82] });
    await store1(store, weighed(3, 64, 3, { status: 'cancelled' }));
    assert.deepEqual(await latest(store), { current: [82], doubtful: [] });
    await store1(store, weighed(4, 64, 1));
    assert.deepEqual(await latest(store), { current: [82], doubtful: [64] });
    await store1(store, weighed(5, 81, 1, { status: 'corrected' }));
    assert.deepEqual(await latest(store), { current: [81], doubtful: [] });
    assert.deepEqual(await doubtfulRows(store), [weighed(4, 64, 1).id], 'as it stood when it was replaced');
  });

  check('however many readings a device tells, the next one is still compared with those before it', async (store) => {
    verifies('IDENTITY-DOUBTFUL');
    const often = (i: number, kg: number) => weighed(i, kg, 10, { minutes: i * 4 });
    for (let page = 0; page < 21; page += 1)
      await store1(store, ...Array.from({ length: 100 }, (_, i) => often(page * 100 + i + 1, 82 + (i % 3) / 10)));
    await store1(store, weighed(9000, 40, 1));
    assert.deepEqual((await latest(store)).doubtful, [40]);
    assert.deepEqual(await doubtfulRows(store), [weighed(9000, 40, 1).id]);
  });

  check('test data are compared with their like alone', async (store) => {
    verifies('IDENTITY-DOUBTFUL');
    await store1(store, weighed(1, 82, 3), weighed(2, 64, 2, { test: true }), weighed(3, 82, 1, { test: true }));
    assert.deepEqual(await latest(store), { current: [82], doubtful: [] });
    assert.deepEqual(await doubtfulRows(store), [weighed(3, 82, 1, { test: true }).id]);
  });

  check('what its sender says of the doubt counts for nothing', async (store) => {
    verifies('IDENTITY-DOUBTFUL');
    const said = weighed(1, 82, 1, { flags: ['identity-doubtful', 'memory'] });
    await store1(store, { ...said, flags: ['memory'] });
    assert.deepEqual(await doubtfulRows(store), []);
    assert.deepEqual(await latest(store), { current: [82], doubtful: [] });
  });

  check('in whatever order and batches they come, the same are doubtful and the same is current', async (store) => {
    verifies('IDENTITY-DOUBTFUL-ANY-ORDER');
    // Nothing is of the time to come: what is ahead of the hub's clock gives way to what comes live.
    const row = fc.record({
      days: fc.integer({ min: 1, max: 60 }),
      minutes: fc.constantFrom(0, 0, 3, 25, 300),
      kg: fc.constantFrom(82, 82, 82.5, 64, 64, 50),
      flags: fc.constantFrom<readonly Flag[]>([], [], [], [], ['questionable'], ['out-of-range']),
    });
    const rows = fc.array(fc.tuple(row, fc.nat(), fc.boolean()), { minLength: 1, maxLength: 24 });
    await fc.assert(fc.asyncProperty(rows, orderFree(store)), { numRuns: 40 });
  });

  check('so it is of more rows than are read at once, wherever among them the next one comes', async (store) => {
    verifies('IDENTITY-DOUBTFUL-ANY-ORDER');
    const row = fc.record({
      days: fc.integer({ min: 1, max: 12 }),
      minutes: fc.nat(1439),
      kg: fc.constantFrom(82, 82, 82, 82.4, 81.7, 64),
      flags: fc.constant<readonly Flag[]>([]),
    });
    const most = JUDGED_A_PAGE + 150;
    const rows = fc.array(
      fc.tuple(
        row,
        fc.nat(),
        fc.integer({ min: 0, max: 60 }).map((one) => one === 0),
      ),
      {
        minLength: most,
        maxLength: most,
        size: 'max',
      },
    );
    await fc.assert(fc.asyncProperty(rows, orderFree(store)), { numRuns: 3, endOnFailure: true });
  });
}

type Row = { days: number; minutes: number; kg: number; flags: readonly Flag[] };

/** Stores rows in an order of their own, in batches that end where it says so, and holds what is kept against `doubtfulOf` of all of them. */
function orderFree(store: Store): (rows: readonly [row: Row, order: number, endsBatch: boolean][]) => Promise<void> {
  let run = 0;
  return async (rows) => {
    run += 1;
    const patientId = `pat-run-${run}-${rows.length}`;
    const arrivals = rows.map(([{ kg, days, ...change }], i) => weighed(run * 1000 + i, kg, days, { ...change, patientId }));
    const order = rows.map(([, at], i) => ({ i, at })).sort((a, b) => a.at - b.at);
    let waiting: Arrival[] = [];
    for (const { i } of order) {
      const arrival = arrivals[i];
      if (arrival) waiting.push(arrival);
      if (!rows[i]?.[2]) continue;
      await store1(store, ...waiting);
      waiting = [];
    }
    if (waiting.length > 0) await store1(store, ...waiting);
    const points = arrivals.map((arrival, key): Point => {
      const odd = oddOf(arrival.flags);
      return { key, at: arrival.sortTime, values: { weight: arrival.value ?? 0 }, confirmed: false, ...(odd && { odd }) };
    });
    const expected = doubtfulOf(points, JUMPS.weight ?? assert.fail());
    const kept = await gathered(await store.observations('clinic', { patient: patientId }, seen));
    const found = kept.filter(isDoubtfulRow).map(({ sortTime, value }) => `${sortTime} ${value}`);
    const wanted = points.filter(({ key }) => expected.has(key)).map(({ at, values }) => `${at} ${values.weight}`);
    assert.deepEqual(found.sort(), wanted.sort());
    const own = points.filter(({ key }) => !expected.has(key)).sort((a, b) => b.at - a.at)[0];
    const [current] = (await store.latest('clinic', patientId, seen)).filter((one) => !isDoubtfulRow(one));
    assert.equal(current?.sortTime, own?.at);
  };
}

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { changeOfNumber } from '../../hub/patients/whereabouts/changes.ts';
import type { Amendment, KeptAmendment } from '../../hub/store/amend/amend.ts';
import { nobodyIn, type ReassignStep } from '../../hub/store/placing/placing.ts';
import type { Arrival, Store } from '../../hub/store/store.ts';
import type { ReadingStatus } from '../../shared/reading.ts';
import { verifies } from '../requirements.ts';
import { gathered, TEST_NOW } from '../support/hub.ts';
import { arrivalOf, batchOf, event, type StorePlace } from './store.ts';
import { erased } from './store-erasing.ts';
import { ordered, orderOf, placedReading } from './store-placing.ts';
import { retained } from './store-retention.ts';

const MINUTE = 60_000;
const HER = 'pat-a';
const HIM = 'pat-b';
/** Into whose number his is merged. */
const SURVIVOR = 'pat-m';

const seen = (rows: number) => event(rows);

type Sample = Parameters<typeof arrivalOf>[0] & object;

/** A reading measured so many minutes ago. */
export function reading(seq: number, minutesAgo: number, change: Sample = {}): Arrival {
  return arrivalOf({ seq, value: seq, effective: TEST_NOW - minutesAgo * MINUTE, patientId: HER, ...change });
}

export function stretch(minutesAgo: number, until = 0, patient = HER): Amendment['selection'] {
  return { patient, from: TEST_NOW - minutesAgo * MINUTE, to: TEST_NOW - until * MINUTE };
}

/** Decides it as the hub does; gives its id. */
export async function amend(store: Store, change: Partial<Amendment> & Pick<Amendment, 'selection'>): Promise<string> {
  const amendment: Amendment = { tenant: 'clinic', kind: 'void', reason: 'wrong-patient', at: TEST_NOW, ...change };
  const kept = await store.amend.amend(amendment, (all) => all.map(({ patient }) => event(1, { patient })));
  return kept[0]?.id ?? assert.fail('nothing was kept');
}

export async function undo(store: Store, id: string): Promise<KeptAmendment> {
  return await store.amend.undo({ tenant: 'clinic', id, at: TEST_NOW + 1 }, ({ patient }) => [event(1, { patient })]);
}

/** Does all that is due. */
export async function carriedOut(store: Store): Promise<Omit<ReassignStep, 'more'>> {
  const all: ReassignStep = { moved: 0, currencies: [], changed: [], done: [], amended: [], more: true };
  while (all.more) {
    const step = await store.placing.reassign(TEST_NOW, ({ amended }) => amended.map(({ patient, rows }) => event(rows, { patient })));
    all.moved += step.moved;
    all.currencies = [...all.currencies, ...step.currencies];
    all.changed = [...all.changed, ...step.changed];
    all.done = [...all.done, ...step.done];
    all.amended = [...all.amended, ...step.amended];
    all.more = step.more;
  }
  return all;
}

/** That a number is another's from now on, as the hub is told of it, and all that follows. */
async function merged(store: Store, { number, was, is }: { number: string; was: string; is: string }): Promise<Omit<ReassignStep, 'more'>> {
  await ordered(store, [changeOfNumber({ number, was, is })]);
  return await carriedOut(store);
}

/** What stands of a patient, by the last number of its id, and what is void. */
async function standing(store: Store, patient: string): Promise<{ stands: number[]; isVoid: number[]; latest: (number | null)[] }> {
  const rows = await gathered(await store.observations('clinic', { patient }, seen));
  const stands: number[] = [];
  for (const { vital, device, effective, id, value } of rows) {
    const versions = await store.history('clinic', { patient, vital, device, effective }, seen);
    if (versions.find((one) => one.id === id)?.stands) stands.push(value ?? Number.NaN);
  }
  return {
    stands: stands.sort((a, b) => a - b),
    isVoid: rows
      .flatMap(({ value, resource }) => (resource.status === 'entered-in-error' ? [value ?? Number.NaN] : []))
      .sort((a, b) => a - b),
    latest: (await store.latest('clinic', patient, seen)).map(({ value }) => value),
  };
}

/** What every engine must do so that people can correct its readings. */
export function storeAmendContract(name: string, place: () => Promise<StorePlace>): void {
  const check = (what: string, body: (store: Store, at: StorePlace) => Promise<void>): void => {
    test(`${name}: ${what}`, async () => {
      await using at = await place();
      await using store = await at.open();
      await body(store, at);
    });
  };

  check('what is void counts for nothing, says so wherever it is read, and counts again once that is undone', async (store) => {
    verifies('AMEND-VOID', 'AMEND-UNDO');
    const rows = [reading(1, 3), reading(2, 2), reading(3, 1)];
    await store.storeBatch(batchOf(rows));
    const newest = rows[2] ?? assert.fail();
    assert.deepEqual(await store.amend.select('clinic', { observations: [newest.id] }), {
      patients: [{ patient: HER, rows: 1, vitals: ['hr'] }],
      rolledUp: 0,
    });
    const id = await amend(store, { selection: { observations: [newest.id] }, reason: 'artefact' });
    const step = await carriedOut(store);
    assert.deepEqual(step.changed, [{ tenant: 'clinic', patient: HER, vitals: ['hr'] }]);
    assert.deepEqual(step.amended, [
      { tenant: 'clinic', id, kind: 'void', isUndone: false, patient: HER, to: null, reason: 'artefact', rows: 1, rolledUp: 0 },
    ]);
    assert.deepEqual(await standing(store, HER), { stands: [1, 2], isVoid: [3], latest: [2] });
    const query = { patient: HER, vital: 'hr', edges: [TEST_NOW - 5 * MINUTE, TEST_NOW], reachMs: 600_000, now: TEST_NOW };
    const [series] = (await store.trend('clinic', query, seen)).series;
    assert.deepEqual([series?.buckets[0]?.n, series?.buckets[0]?.max, series?.buckets[0]?.excluded.withdrawn], [2, 2, 1]);
    assert.deepEqual((await store.verify()).findings, []);
    // The correction of the device is a version of the same measurement.
    await store.storeBatch(batchOf([reading(4, 1, { status: 'corrected' })]));
    assert.deepEqual(await standing(store, HER), { stands: [1, 2], isVoid: [3, 4], latest: [2] });
    assert.deepEqual(
      (await store.amend.amendmentsOf('clinic', newest.id)).map((one) => [one.id, one.reason, one.undoneAt]),
      [[id, 'artefact', null]],
    );
    await undo(store, id);
    const back = await carriedOut(store);
    assert.equal(back.amended[0]?.isUndone, true);
    assert.deepEqual(await standing(store, HER), { stands: [1, 2, 4], isVoid: [], latest: [4] });
    assert.deepEqual((await store.verify()).findings, []);
    await assert.rejects(undo(store, id), { code: 'AMEND-UNDONE' });
    await assert.rejects(undo(store, 'none'), { code: 'AMEND-NOT-FOUND' });
  });

  check('what is current says by which decision it is whose it is, the newest that holds, and says so of nothing else', async (store) => {
    verifies('AMEND-TOLD');
    const told = async (patient: string) =>
      (await store.latest('clinic', patient, seen)).map(({ value, byHand = null }) => [value, byHand]);
    await store.storeBatch(batchOf([reading(1, 9), reading(2, 2)]));
    assert.deepEqual(await told(HER), [[2, null]]);
    const first = await amend(store, { kind: 'reassign', to: HIM, selection: stretch(4, 1), at: TEST_NOW + 1 });
    await carriedOut(store);
    assert.deepEqual(await told(HER), [[1, null]]);
    assert.deepEqual(await told(HIM), [[2, { kind: 'reassigned', at: TEST_NOW + 1 }]]);
    await store.storeBatch(batchOf([reading(3, 1.5)]));
    assert.deepEqual(await told(HIM), [[3, { kind: 'reassigned', at: TEST_NOW + 1 }]], 'what came late of the stretch, too');
    const back = await amend(store, { kind: 'reassign', to: HER, selection: stretch(4, 1, HIM), at: TEST_NOW + 2 });
    await carriedOut(store);
    assert.deepEqual(await told(HER), [[3, { kind: 'reassigned', at: TEST_NOW + 2 }]]);
    await undo(store, back);
    await carriedOut(store);
    assert.deepEqual(await told(HIM), [[3, { kind: 'reassigned', at: TEST_NOW + 1 }]]);
    await undo(store, first);
    await carriedOut(store);
    assert.deepEqual(await told(HER), [[3, null]]);
    assert.deepEqual(await told(HIM), []);
    await amend(store, { selection: { observations: [reading(3, 1.5).id] } });
    await carriedOut(store);
    assert.deepEqual(await told(HER), [[2, null]]);
  });

  check('what was decided and taken back stays the history of its readings, and which these were is known', async (store) => {
    verifies('AMEND-HISTORY');
    const rows = [reading(1, 3), reading(2, 2), reading(3, 9)];
    const [one = assert.fail(), two = assert.fail(), other = assert.fail()] = rows;
    await store.storeBatch(batchOf(rows));
    const given = await amend(store, { kind: 'reassign', to: HIM, selection: stretch(4, 1) });
    const isVoid = await amend(store, { selection: { observations: [other.id] } });
    await carriedOut(store);
    const late = reading(4, 3.5);
    await store.storeBatch(batchOf([late]));
    const changed = async (id: string, most = 10) => {
      const { rows: count, observations, removedUpTo } = await store.amend.changed('clinic', id, most);
      return [count, [...observations].sort(), removedUpTo];
    };
    const all = [one.id, two.id, late.id].sort();
    assert.deepEqual(await changed(given), [3, all, 0]);
    const his = { patient: HIM, device: null, from: one.effective, to: two.effective };
    assert.deepEqual(await store.amend.idsOf('clinic', his, 10), [one.id]);
    assert.deepEqual([...(await store.amend.idsOf('clinic', { ...his, to: null }, 10))].sort(), [one.id, two.id].sort());
    assert.deepEqual(await store.amend.idsOf('clinic', { ...his, device: 'pump' }, 10), []);
    assert.equal((await store.amend.idsOf('clinic', { ...his, to: null }, 1)).length, 1);
    await undo(store, given);
    await carriedOut(store);
    assert.deepEqual(await changed(given), [3, all, 0]);
    assert.equal((await store.amend.changed('clinic', given, 2)).observations.length, 2);
    assert.deepEqual(await changed(isVoid, 0), [1, [], 0]);
    assert.deepEqual(await changed('none'), [0, [], 0]);
    assert.equal((await store.amend.changed('other', given, 9)).rows, 0);
    assert.deepEqual(await store.amend.idsOf('clinic', { ...his, to: null }, 10), []);
    // Decided and taken back again, it is there twice, in order.
    const again = await amend(store, { kind: 'reassign', to: HIM, selection: { observations: [one.id] } });
    await carriedOut(store);
    await undo(store, again);
    await carriedOut(store);
    const history = await store.amend.amendmentsOf('clinic', one.id);
    assert.deepEqual(
      history.map(({ id, kind, undoneAt }) => [id, kind, undoneAt]),
      [
        [given, 'reassign', TEST_NOW + 1],
        [again, 'reassign', TEST_NOW + 1],
      ],
    );
    assert.deepEqual((await standing(store, HER)).stands, [1, 2, 4]);
    assert.deepEqual((await store.verify()).findings, []);
    await store.storeBatch(batchOf([reading(5, 0)]));
    await retained(store, { continuous: 60_000 });
    const gone = await store.amend.changed('clinic', given, 10);
    assert.deepEqual([gone.rows, gone.observations, gone.removedUpTo > 0], [0, [], true]);
  });

  check('a stretch is void as it is, of its device and vital sign alone, and what comes late of it too', async (store, at) => {
    verifies('AMEND-VOID', 'AMEND-LATE');
    const selection = { ...stretch(4, 1), device: 'monitor-1', vital: 'hr' };
    await store.storeBatch(
      batchOf([
        reading(1, 5),
        reading(2, 4),
        reading(3, 2),
        reading(4, 1),
        reading(5, 2, { device: 'pump' }),
        reading(6, 2, { vital: 'spo2' }),
      ]),
    );
    assert.deepEqual(await store.amend.select('clinic', selection), {
      patients: [{ patient: HER, rows: 2, vitals: ['hr'] }],
      rolledUp: 0,
    });
    const id = await amend(store, { selection });
    await store.storeBatch(batchOf([reading(7, 3), reading(8, 3, { patientId: HIM })]));
    assert.deepEqual((await standing(store, HER)).isVoid, [7]);
    assert.equal((await carriedOut(store)).amended[0]?.rows, 2);
    await store.storeBatch(batchOf([reading(9, 3.5), reading(10, 0.5)]));
    await store[Symbol.asyncDispose]();
    await using opened = await at.open();
    assert.deepEqual(await standing(opened, HER), { stands: [1, 4, 5, 6, 10], isVoid: [2, 3, 7, 9], latest: [10, 5, 6] });
    assert.deepEqual((await standing(opened, HIM)).stands, [8]);
    const [kept] = await opened.amend.amendments('clinic', HER);
    assert.deepEqual(kept?.stretch, { device: 'monitor-1', vital: 'hr', from: TEST_NOW - 4 * MINUTE, to: TEST_NOW - MINUTE });
    await undo(opened, id);
    await carriedOut(opened);
    assert.deepEqual((await standing(opened, HER)).isVoid, []);
    await opened.storeBatch(batchOf([reading(11, 3.2)]));
    assert.deepEqual((await standing(opened, HER)).isVoid, []);
    assert.deepEqual((await opened.verify()).findings, []);
  });

  check('a stretch that is void already is not so once more, and its undoing names what else holds of the same readings', async (store) => {
    verifies('AMEND-ONCE');
    await store.storeBatch(batchOf([reading(1, 5), reading(2, 3), reading(3, 3, { device: 'pump' }), reading(4, 3, { patientId: HIM })]));
    const decide = async (selection: Amendment['selection'], change: Partial<Amendment> = {}) => {
      const amendment: Amendment = { tenant: 'clinic', kind: 'void', reason: 'artefact', at: TEST_NOW, selection, ...change };
      const [kept, ...more] = await store.amend.amend(amendment, (all) => [event(all.length)]);
      assert.deepEqual(more, []);
      await carriedOut(store);
      return { id: kept?.id ?? '', isKept: kept?.already === undefined };
    };
    const holding = async (id: string) => (await store.amend.holding('clinic', id)).map((one) => one.id);
    const pump = await decide({ ...stretch(4, 2), device: 'pump' });
    const all = await decide(stretch(4, 2));
    assert.deepEqual([pump.isKept, all.isKept], [true, true]);
    const once = { id: all.id, isKept: false };
    assert.deepEqual(await decide(stretch(4, 2)), once);
    assert.deepEqual(await decide({ ...stretch(3.5, 2.5), device: 'monitor-1', vital: 'hr' }), once);
    assert.deepEqual(await decide({ ...stretch(4, 2), device: 'pump' }), { id: pump.id, isKept: false });
    assert.equal((await store.amend.amendments('clinic')).length, 2);
    assert.deepEqual([await holding(all.id), await holding(pump.id), await holding('none')], [[pump.id], [all.id], []]);
    assert.deepEqual(await store.amend.holding('other', all.id), []);
    await undo(store, all.id);
    await carriedOut(store);
    assert.deepEqual(await standing(store, HER), { stands: [1, 2], isVoid: [3], latest: [2] });
    assert.deepEqual([await holding(all.id), await holding(pump.id)], [[pump.id], []]);
    // More than was void, or of what was given here since: decided.
    const again = await decide(stretch(4, 2));
    const wide = await decide(stretch(6, 2));
    assert.deepEqual([again.isKept, wide.isKept], [true, true]);
    await decide(stretch(4, 2, HIM), { kind: 'reassign', to: HER });
    assert.deepEqual((await standing(store, HER)).stands, [4]);
    const given = await decide(stretch(6, 2));
    assert.equal(given.isKept, true);
    await store.storeBatch(batchOf([reading(5, 3.1, { patientId: HIM })]));
    assert.deepEqual(await standing(store, HER), { stands: [], isVoid: [1, 2, 3, 4, 5], latest: [] });
    assert.deepEqual(await decide(stretch(6, 2)), { id: given.id, isKept: false });
    assert.deepEqual((await store.verify()).findings, []);
  });

  check('a version of what lies in a stretch follows, though its own sort time lies outside of it', async (store) => {
    verifies('AMEND-LATE');
    // Its clock is ahead, so it is sorted by when it came.
    const ahead = (seq: number, cameAgo: number, hours: number): Arrival =>
      reading(seq, -60 * hours, { receivedAt: TEST_NOW - cameAgo * MINUTE, ...(seq % 2 === 0 && { status: 'corrected' as const }) });
    await store.storeBatch(batchOf([ahead(1, 3, 1)]));
    const id = await amend(store, { selection: stretch(4, 2) });
    await carriedOut(store);
    await store.storeBatch(batchOf([ahead(2, 1, 1)]));
    assert.deepEqual(await standing(store, HER), { stands: [], isVoid: [1, 2], latest: [] });
    await undo(store, id);
    await carriedOut(store);
    assert.deepEqual((await standing(store, HER)).stands, [2]);
    const other = await amend(store, { selection: stretch(12, 10) });
    await carriedOut(store);
    await store.storeBatch(batchOf([ahead(3, 11, 2)]));
    await store.storeBatch(batchOf([ahead(4, 9, 2)]));
    assert.deepEqual(await standing(store, HER), { stands: [2], isVoid: [3, 4], latest: [2] });
    await undo(store, other);
    await carriedOut(store);
    assert.deepEqual((await standing(store, HER)).stands, [2, 4]);
  });

  check('what is another’s is theirs with all that follows of it, also what comes late, and both hear of it', async (store) => {
    verifies('AMEND-REASSIGN', 'AMEND-LATE');
    await store.storeBatch(
      batchOf([reading(1, 3, { vital: 'weight', device: 'scale' }), reading(2, 2, { vital: 'weight', device: 'scale' })]),
    );
    await store.storeBatch(batchOf([reading(3, 9, { patientId: HIM, vital: 'weight', device: 'scale' })]));
    const [, second] = await gathered(await store.observations('clinic', { patient: HER }, seen));
    const id = await amend(store, { kind: 'reassign', to: HIM, selection: { observations: [second?.id ?? ''] } });
    const step = await carriedOut(store);
    assert.deepEqual(step.changed.map(({ patient }) => patient).sort(), [HER, HIM]);
    assert.deepEqual([(await standing(store, HER)).latest, (await standing(store, HIM)).latest], [[1], [2]]);
    // What corrects it says whose it is by its scale, as before.
    await store.storeBatch(batchOf([reading(4, 2, { vital: 'weight', device: 'scale', status: 'corrected' })]));
    assert.deepEqual([(await standing(store, HER)).latest, (await standing(store, HIM)).latest], [[1], [4]]);
    assert.deepEqual((await standing(store, HIM)).stands, [3, 4]);
    assert.deepEqual((await store.verify()).findings, []);
    for (const patient of [HER, HIM]) assert.equal((await store.amend.amendments('clinic', patient))[0]?.id, id);
    await undo(store, id);
    await carriedOut(store);
    assert.deepEqual([(await standing(store, HER)).latest, (await standing(store, HIM)).latest], [[4], [3]]);
    assert.deepEqual((await standing(store, HER)).stands, [1, 4]);
  });

  check('movements leave alone what people gave to somebody; undone, it is whose movements say by then', async (store) => {
    verifies('AMEND-REASSIGN', 'AMEND-UNDO');
    await store.storeBatch(batchOf([placedReading(1, 3, { patientId: HER }), placedReading(2, 1, { patientId: HER })]));
    await store.storeBatch(batchOf([reading(9, 9, { patientId: HIM })]));
    const id = await amend(store, { kind: 'reassign', to: HIM, selection: stretch(5, 2) });
    await store.storeBatch(batchOf([placedReading(3, 2.5, { patientId: HER })]));
    await ordered(store, [orderOf(HER, 'pat-c', 10)]);
    await carriedOut(store);
    assert.deepEqual((await standing(store, HIM)).stands, [1, 3, 9]);
    assert.deepEqual((await standing(store, 'pat-c')).stands, [2]);
    await ordered(store, [orderOf(HIM, 'pat-d', 10), orderOf('pat-c', nobodyIn('ICU^1^A'), 10, { to: TEST_NOW - 2.7 * MINUTE })]);
    await carriedOut(store);
    assert.deepEqual((await standing(store, HIM)).stands, [1, 3, 9]);
    await undo(store, id);
    await carriedOut(store);
    assert.deepEqual((await standing(store, HIM)).stands, [9]);
    assert.deepEqual((await standing(store, 'pat-c')).stands, [2, 3]);
    assert.deepEqual((await standing(store, nobodyIn('ICU^1^A'))).stands, [1]);
    // Of the bed again, it goes with it.
    await ordered(store, [orderOf('pat-c', HER, 10)]);
    await carriedOut(store);
    assert.deepEqual((await standing(store, HER)).stands, [2, 3]);
    assert.deepEqual((await store.verify()).findings, []);
  });

  test(`${name}: a device’s correction or taking back leads to the same, before what it corrects, after it, after a movement or merge, and after somebody gave it away`, async () => {
    verifies('CORRECTION-ORDER-FREE');
    const permutations = (of: readonly string[]): string[][] =>
      of.length < 2 ? [[...of]] : of.flatMap((one) => permutations(of.filter((other) => other !== one)).map((rest) => [one, ...rest]));
    for (const [status, stands] of [
      ['corrected', [2]],
      ['cancelled', []],
    ] as const) {
      // `moves`: a transfer told late, or a merge, both as the store is told of them. `given`: by hand.
      for (const what of ['moves', 'given'])
        for (const order of permutations(['first', 'second', what])) {
          await using at = await place();
          await using store = await at.open();
          await store.storeBatch(batchOf([reading(8, 50), reading(9, 50, { patientId: HIM })]));
          let owner = HER;
          for (const one of order) {
            const row = (seq: number, change: Sample) => placedReading(seq, 3, { patientId: owner, ...change });
            if (one === 'first') await store.storeBatch(batchOf([row(1, {})]));
            else if (one === 'second') await store.storeBatch(batchOf([row(2, { status })]));
            else if (one === 'given') await amend(store, { kind: 'reassign', to: HIM, selection: stretch(5) });
            else {
              await ordered(store, [orderOf(HER, HIM, 5)]);
              owner = HIM;
            }
            if (one === what) await carriedOut(store);
          }
          const where = `${status}: ${order.join(', ')}`;
          assert.deepEqual((await standing(store, HIM)).stands, [...stands, 9], where);
          assert.deepEqual((await standing(store, HIM)).latest, stands.length > 0 ? [2] : [9], where);
          assert.deepEqual((await standing(store, HER)).stands, [8], where);
          assert.deepEqual((await store.verify()).findings, [], where);
        }
    }
  });

  check('a final value that is void keeps out the preliminary one that it had replaced, whichever comes first', async (store) => {
    verifies('AMEND-ORDER-FREE', 'AMEND-VOID');
    await store.storeBatch(batchOf([reading(1, 99), reading(2, 99, { patientId: HIM })]));
    await amend(store, { selection: stretch(9) });
    await amend(store, { kind: 'reassign', to: HIM, selection: stretch(9) });
    await carriedOut(store);
    // The final ones come as hers, void, and become his at once; the preliminary ones are his own.
    const preliminary = (seq: number, ago: number): Arrival => reading(seq, ago, { patientId: HIM, status: 'preliminary' });
    await store.storeBatch(batchOf([reading(3, 8), reading(4, 7, { status: 'corrected' })]));
    await store.storeBatch(batchOf([preliminary(5, 8), preliminary(6, 7), preliminary(7, 6), preliminary(8, 5), preliminary(9, 4)]));
    assert.deepEqual((await standing(store, HIM)).stands, [2, 7, 8, 9]);
    await store.storeBatch(batchOf([reading(10, 6), reading(11, 5, { status: 'corrected' })]));
    assert.deepEqual(await standing(store, HIM), { stands: [2, 9], isVoid: [3, 4, 10, 11], latest: [9] });
    assert.deepEqual((await store.verify()).findings, []);
  });

  check('what was given on and on goes back one by one, whichever is undone first', async (store) => {
    verifies('AMEND-UNDO');
    await store.storeBatch(batchOf([reading(1, 2), reading(2, 2, { patientId: HIM }), reading(3, 2, { patientId: 'pat-c' })]));
    const first = await amend(store, { kind: 'reassign', to: HIM, selection: stretch(5) });
    await carriedOut(store);
    const second = await amend(store, { kind: 'reassign', to: 'pat-c', selection: stretch(5, 0, HIM) });
    await store.storeBatch(batchOf([reading(4, 1)]));
    await carriedOut(store);
    const of = async (patient: string): Promise<number[]> =>
      (await gathered(await store.observations('clinic', { patient }, seen))).map(({ value }) => value ?? 0).sort((a, b) => a - b);
    assert.deepEqual([await of(HER), await of(HIM), await of('pat-c')], [[], [], [1, 2, 3, 4]]);
    await undo(store, first);
    await carriedOut(store);
    assert.deepEqual([await of(HER), await of('pat-c')], [[], [1, 2, 3, 4]]);
    await undo(store, second);
    await carriedOut(store);
    assert.deepEqual([await of(HER), await of(HIM), await of('pat-c')], [[1, 4], [2], [3]]);
  });

  check(
    'what was given to a number goes with its person when that is merged, and comes back when both are two again',
    async (store, at) => {
      verifies('AMEND-MERGED');
      await store.storeBatch(
        batchOf([reading(1, 3), reading(2, 1), reading(8, 9, { patientId: HIM }), reading(9, 9, { patientId: SURVIVOR })]),
      );
      const gift = await amend(store, { kind: 'reassign', to: HIM, selection: stretch(4, 2) });
      await carriedOut(store);
      const step = await merged(store, { number: HIM, was: HIM, is: SURVIVOR });
      assert.deepEqual(step.changed.map(({ patient }) => patient).sort(), [HIM, SURVIVOR]);
      assert.deepEqual(
        step.done.map(({ was, is, moved }) => [was, is, moved]),
        [[HIM, SURVIVOR, 1]],
      );
      assert.deepEqual((await standing(store, HIM)).stands, [8], 'what its gateway is bound to stays');
      assert.deepEqual(await standing(store, SURVIVOR), { stands: [1, 9], isVoid: [], latest: [1] });
      // What comes late of it, and what is decided since, is of the survivor, also after a start.
      await store[Symbol.asyncDispose]();
      await using opened = await at.open();
      await opened.storeBatch(batchOf([reading(3, 3, { status: 'corrected' }), reading(4, 2.5)]));
      assert.deepEqual((await standing(opened, SURVIVOR)).stands, [3, 4, 9]);
      assert.equal((await opened.amend.amendments('clinic', SURVIVOR))[0]?.id, gift);
      const own = await amend(opened, { kind: 'reassign', to: SURVIVOR, selection: stretch(1.5, 0.5) });
      await carriedOut(opened);
      assert.deepEqual((await standing(opened, SURVIVOR)).stands, [2, 3, 4, 9]);
      await merged(opened, { number: HIM, was: SURVIVOR, is: HIM });
      assert.deepEqual(
        [(await standing(opened, HIM)).stands, (await standing(opened, SURVIVOR)).stands],
        [
          [3, 4, 8],
          [2, 9],
        ],
      );
      await opened.storeBatch(batchOf([reading(5, 2.2)]));
      assert.deepEqual((await standing(opened, HIM)).stands, [3, 4, 5, 8]);
      for (const id of [gift, own]) await undo(opened, id);
      await carriedOut(opened);
      assert.deepEqual((await standing(opened, HER)).stands, [2, 3, 4, 5]);
      assert.deepEqual([(await standing(opened, HIM)).stands, (await standing(opened, SURVIVOR)).stands], [[8], [9]]);
      assert.deepEqual((await opened.verify()).findings, []);
    },
  );

  check('what was given on from a number that is merged meanwhile comes back to who survived', async (store) => {
    verifies('AMEND-MERGED');
    await store.storeBatch(
      batchOf([reading(1, 3), reading(7, 9), reading(8, 9, { patientId: HIM }), reading(9, 9, { patientId: SURVIVOR })]),
    );
    await amend(store, { kind: 'reassign', to: HIM, selection: stretch(5) });
    await carriedOut(store);
    const second = await amend(store, { kind: 'reassign', to: 'pat-c', selection: stretch(5, 0, HIM) });
    // Decided of the old number: it is of the survivor's readings that come from then on, and of what comes back.
    const since = await amend(store, { selection: stretch(5, 0, HIM) });
    await carriedOut(store);
    await merged(store, { number: HIM, was: HIM, is: SURVIVOR });
    assert.deepEqual((await standing(store, 'pat-c')).stands, [1]);
    await store.storeBatch(batchOf([reading(2, 2), reading(3, 2, { patientId: SURVIVOR })]));
    assert.deepEqual((await standing(store, 'pat-c')).stands, [1, 2, 3]);
    await undo(store, second);
    await carriedOut(store);
    assert.deepEqual((await standing(store, HIM)).stands, [8]);
    assert.deepEqual(await standing(store, SURVIVOR), { stands: [9], isVoid: [1, 2, 3], latest: [9] });
    await store.storeBatch(batchOf([reading(4, 1, { patientId: SURVIVOR })]));
    await undo(store, since);
    await carriedOut(store);
    assert.deepEqual(await standing(store, SURVIVOR), { stands: [1, 2, 3, 4, 9], isVoid: [], latest: [4] });
    assert.deepEqual((await store.verify()).findings, []);
  });

  check('whoever is erased leaves nothing of what was decided about the numbers that were merged into theirs', async (store) => {
    verifies('AMEND-ERASED', 'AMEND-MERGED');
    await store.storeBatch(batchOf([reading(1, 3), reading(8, 9, { patientId: HIM }), reading(9, 9, { patientId: SURVIVOR })]));
    await amend(store, { kind: 'reassign', to: HIM, selection: stretch(5) });
    await carriedOut(store);
    await merged(store, { number: HIM, was: HIM, is: SURVIVOR });
    await erased(store, SURVIVOR);
    const { results } = await store.storeBatch(batchOf([reading(2, 2)]));
    assert.deepEqual(results, ['erased']);
    assert.doesNotMatch(JSON.stringify(await store.amend.amendments('clinic')), new RegExp(`${HIM}|${SURVIVOR}`));
    assert.deepEqual((await store.verify()).findings, []);
  });

  check('a version of what is void, or was given away, follows whosever movements made it since', async (store) => {
    verifies('AMEND-LATE', 'AMEND-REASSIGN');
    const row = (seq: number, ago: number, patientId: string) =>
      placedReading(seq, ago, { patientId, ...(seq > 4 && { status: 'corrected' as const }) });
    await store.storeBatch(batchOf([row(1, 3, HER), row(2, 6, HER), reading(9, 9, { patientId: HIM })]));
    const isVoid = await amend(store, { selection: stretch(4, 2) });
    const gift = await amend(store, { kind: 'reassign', to: HIM, selection: stretch(7, 5) });
    await carriedOut(store);
    // One comes while the order is due, the others behind it.
    await ordered(store, [orderOf(HER, 'pat-c', 10)]);
    await store.storeBatch(batchOf([row(5, 3, 'pat-c'), row(6, 6, 'pat-c')]));
    await carriedOut(store);
    assert.deepEqual(await standing(store, 'pat-c'), { stands: [], isVoid: [1, 5], latest: [] });
    assert.deepEqual((await standing(store, HIM)).stands, [6, 9]);
    await ordered(store, [orderOf('pat-c', 'pat-d', 10)]);
    await carriedOut(store);
    await store.storeBatch(batchOf([row(7, 3, 'pat-d'), row(8, 6, 'pat-d'), row(4, 1, 'pat-d')]));
    assert.deepEqual(await standing(store, 'pat-d'), { stands: [4], isVoid: [1, 5, 7], latest: [4] });
    assert.deepEqual((await standing(store, HIM)).stands, [8, 9]);
    for (const id of [isVoid, gift]) await undo(store, id);
    await carriedOut(store);
    assert.deepEqual(await standing(store, 'pat-d'), { stands: [4, 7, 8], isVoid: [], latest: [4] });
    assert.deepEqual((await standing(store, HIM)).stands, [9]);
    assert.deepEqual((await store.verify()).findings, []);
  });

  check('nothing becomes that of the same one or of somebody erased; what is not kept is unknown', async (store) => {
    verifies('AMEND-REFUSED');
    const row = reading(1, 1);
    const nobodys = placedReading(2, 1, { patientId: nobodyIn('ICU^1^A') });
    await store.storeBatch(batchOf([row, nobodys, reading(3, 1, { patientId: HIM })]));
    const selection = { observations: [row.id] };
    const before = await store.auditHead();
    await assert.rejects(amend(store, { kind: 'reassign', to: HER, selection }), { code: 'AMEND-PATIENT' });
    await erased(store, HIM);
    await assert.rejects(amend(store, { kind: 'reassign', to: HIM, selection }), { code: 'AMEND-PATIENT' });
    const unknown = [reading(77, 1).id, nobodys.id, 'no id'];
    for (const id of unknown) await assert.rejects(store.amend.select('clinic', { observations: [id] }), { code: 'AMEND-UNKNOWN' });
    await assert.rejects(store.amend.select('other', selection), { code: 'AMEND-UNKNOWN' });
    assert.deepEqual(await store.amend.find('clinic', row.id), {
      patient: HER,
      vital: 'hr',
      device: 'monitor-1',
      effective: row.effective,
    });
    assert.deepEqual(await store.amend.amendments('clinic'), []);
    assert.ok((await store.auditHead()).seq > before.seq);
  });

  check('of somebody who was erased no amendment speaks any more, and what comes late for them is not stored', async (store) => {
    verifies('AMEND-ERASED');
    await store.storeBatch(batchOf([reading(1, 2), reading(2, 2, { patientId: HIM })]));
    const id = await amend(store, { kind: 'reassign', to: HIM, selection: stretch(5) });
    await carriedOut(store);
    await erased(store, HIM);
    const { results } = await store.storeBatch(batchOf([reading(3, 1), reading(4, 9)]));
    assert.deepEqual(results, ['erased', 'stored']);
    assert.doesNotMatch(JSON.stringify(await store.amend.amendments('clinic')), new RegExp(HIM));
    await undo(store, id);
    await carriedOut(store);
    assert.deepEqual((await standing(store, HER)).stands, [4]);
    await amend(store, { selection: stretch(99) });
    await carriedOut(store);
    await erased(store, HER);
    assert.doesNotMatch(JSON.stringify(await store.amend.amendments('clinic')), /pat-/);
    assert.deepEqual((await store.verify()).findings, []);
  });

  check('what was rolled up is flagged, and undoing leaves what is not kept any more', async (store) => {
    verifies('AMEND-ROLLED-UP');
    await store.storeBatch(batchOf([reading(1, 5), reading(2, 4), reading(3, 3)]));
    await store.storeBatch(batchOf([reading(4, 0)]));
    const first = await amend(store, { selection: stretch(4.5, 3.5) });
    await carriedOut(store);
    assert.equal((await retained(store, { continuous: 60_000 })).continuous, 3);
    assert.deepEqual(await store.amend.select('clinic', stretch(9)), { patients: [], rolledUp: 3 });
    await amend(store, { selection: { ...stretch(9, 1), vital: 'hr' } });
    assert.equal((await carriedOut(store)).amended[0]?.rolledUp, 3);
    const rollups = await gathered(store.erasing.rollupsOf('clinic', HER));
    assert.ok(rollups.length > 0);
    await undo(store, first);
    assert.equal((await carriedOut(store)).amended[0]?.rows, 0);
    assert.deepEqual((await store.verify()).findings, []);
  });

  test(`${name}: whatever comes, is decided and undone in whatever order: all is as if it had been decided behind all that came`, async () => {
    verifies('AMEND-ORDER-FREE', 'AMEND-UNDO');
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 25, size: 'max' }), async (steps) => {
        await using at = await place();
        await using store = await at.open();
        await using other = await place();
        await using reference = await other.open();
        const decided: { id: string; amendment: Partial<Amendment> & Pick<Amendment, 'selection'> }[] = [];
        let seq = 0;
        const next = (): number => {
          seq += 1;
          return seq;
        };
        for (const patientId of [HER, HIM]) await both(store, reference, [reading(next(), 99, { patientId })]);
        for (const one of steps) {
          if (one.does === 'arrive')
            // Each in a batch of its own: of one batch the rows of each person are stored together, so that whose they are decides which of two versions came first.
            for (const { ago, status, who } of one.rows) await both(store, reference, [reading(next(), ago, { patientId: who, status })]);
          else if (one.does === 'carry') await carriedOut(store);
          else if (one.does === 'undo') {
            // What was decided since about those to whom it gave them stays.
            const free = decided.filter(
              ({ amendment: { to } }, i) => !decided.slice(i + 1).some(({ amendment }) => patientOf(amendment) === to),
            );
            const gone = free[one.which % Math.max(1, free.length)];
            if (gone === undefined) continue;
            decided.splice(decided.indexOf(gone), 1);
            await undo(store, gone.id);
          } else {
            const to = one.who === HER ? HIM : HER;
            const amendment = {
              kind: one.kind,
              selection: stretch(one.ago, one.ago - one.length, one.who),
              ...(one.kind === 'reassign' && { to }),
            };
            const id = await amend(store, amendment);
            // What is void already is not decided again.
            if (!decided.some((before) => before.id === id)) decided.push({ id, amendment });
          }
        }
        await carriedOut(store);
        for (const { amendment } of decided) await amend(reference, amendment);
        await carriedOut(reference);
        for (const patient of [HER, HIM]) assert.deepEqual(await standing(store, patient), await standing(reference, patient));
        assert.deepEqual((await store.verify()).findings, []);
      }),
      { numRuns: name === 'sqlite' ? 25 : 5, endOnFailure: true },
    );
  });
}

async function both(store: Store, reference: Store, rows: readonly Arrival[]): Promise<void> {
  for (const one of [store, reference]) await one.storeBatch(batchOf(rows));
}

function patientOf({ selection }: Pick<Amendment, 'selection'>): string | undefined {
  return 'patient' in selection ? selection.patient : undefined;
}

const who = fc.constantFrom(HER, HIM);
const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      does: fc.constant('arrive' as const),
      rows: fc.array(
        fc.record({
          ago: fc.integer({ min: 1, max: 4 }),
          status: fc.constantFrom<ReadingStatus[]>('final', 'final', 'preliminary', 'corrected', 'cancelled'),
          who,
        }),
        { minLength: 1, maxLength: 3 },
      ),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      does: fc.constant('amend' as const),
      kind: fc.constantFrom('void' as const, 'reassign' as const),
      who,
      ago: fc.integer({ min: 1, max: 4 }),
      length: fc.integer({ min: 1, max: 2 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ does: fc.constant('carry' as const) }) },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('undo' as const), which: fc.nat(9) }) },
);

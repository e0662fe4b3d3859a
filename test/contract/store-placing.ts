import assert from 'node:assert/strict';
import { test } from 'node:test';
import { markOf } from '../../hub/store/erasing/tombstone.ts';
import { nobodyIn, type Placed, type Reassignment, type ReassignStep } from '../../hub/store/placing/placing.ts';
import { RETAINED, type RetentionPolicy } from '../../hub/store/retention.ts';
import type { Arrival, ArrivedBatch, Store } from '../../hub/store/store.ts';
import type { AssignedId } from '../../shared/movement.ts';
import { verifies } from '../requirements.ts';
import { gathered, TEST_NOW } from '../support/hub.ts';
import { arrivalOf, batchOf, event, type StorePlace } from './store.ts';
import { gapArrival } from './store-trend.ts';

const MINUTE = 60_000;
const BED = 'ICU^1^A';
const OTHER_BED = 'ICU^2^B';
const MRN: AssignedId = { value: 'MRN-4711', authority: 'HIS' };

type Sample = Parameters<typeof arrivalOf>[0] & object;

const seen = (rows: number) => event(rows);

/** A reading of a followed bed, measured so many minutes ago. */
export function placedReading(seq: number, minutesAgo: number, change: Sample & { bedOf?: string; stated?: string | null } = {}): Arrival {
  const { bedOf = BED, stated = null, ...sample } = change;
  const placed: Placed = { bed: bedOf, stated };
  return { ...arrivalOf({ seq, value: seq, effective: TEST_NOW - minutesAgo * MINUTE, ...sample }), placed };
}

/** All of one bed that was one's, from so many minutes ago on. */
export function orderOf(was: string, is: string, minutesAgo: number, change: Partial<Reassignment> = {}): Reassignment {
  return { bed: BED, from: TEST_NOW - minutesAgo * MINUTE, to: null, was, is, unnamed: true, stating: [], ...change };
}

/** Keeps orders as a batch with movements does. */
export async function ordered(store: Store, orders: readonly Reassignment[], change: Partial<ArrivedBatch> = {}): Promise<void> {
  const version = await store.placing.placingVersion('clinic');
  await store.storeBatch(batchOf([], { ...change, placing: { version, changes: () => orders } }));
}

/** Does all that is due; gives what became of it as one, in however many steps: of each row of `latest` the last that was said. */
export async function reassigned(store: Store): Promise<Omit<ReassignStep, 'more' | 'amended'>> {
  const all: ReassignStep = { moved: 0, currencies: [], changed: [], done: [], amended: [], more: true };
  while (all.more) {
    const step = await store.placing.reassign(TEST_NOW, ({ done }) =>
      done.flatMap(({ was, is, moved }) => [was, is].map((patient) => event(moved, { action: 'observations.write', patient }))),
    );
    all.moved += step.moved;
    all.currencies = [...all.currencies, ...step.currencies];
    all.changed = [...all.changed, ...step.changed];
    all.done = [...all.done, ...step.done];
    all.more = step.more;
  }
  const { more: _, amended: _none, currencies, changed, ...rest } = all;
  const last = new Map(currencies.map((one) => [JSON.stringify([one.patient, one.vital, one.device]), one]));
  const who = [...Map.groupBy(changed, ({ patient }) => patient)];
  const vitals = (of: ReassignStep['changed']): string[] => [...new Set(of.flatMap((one) => one.vitals))].sort();
  return {
    ...rest,
    currencies: [...last.values()],
    changed: who.map(([patient, of]) => ({ tenant: 'clinic', patient, vitals: vitals(of) })),
  };
}

async function seqsOf(store: Store, patient?: string): Promise<number[]> {
  const rows = await gathered(await store.observations('clinic', patient === undefined ? {} : { patient }, seen));
  return rows.map(({ value }) => value ?? Number.NaN).sort((a, b) => a - b);
}

async function currentOf(store: Store, patient: string): Promise<Record<string, number | null>> {
  const rows = await store.latest('clinic', patient, seen);
  return Object.fromEntries(rows.map(({ vital, device, value }) => [`${vital} ${device}`, value]));
}

/** What every engine must do so that rows follow their patients. */
export function storePlacingContract(name: string, place: () => Promise<StorePlace>): void {
  const check = (what: string, body: (store: Store, at: StorePlace) => Promise<void>): void => {
    test(`${name}: ${what}`, async () => {
      await using at = await place();
      await using store = await at.open();
      await body(store, at);
    });
  };

  check('a batch that was decided by another version of who lies where is refused whole, and costs no other one', async (store) => {
    verifies('PLACES-CHANGED-REFUSED');
    assert.equal(await store.placing.placingVersion('clinic'), 0);
    await ordered(store, []);
    assert.equal(await store.placing.placingVersion('clinic'), 1);
    assert.equal(await store.placing.placingVersion('other'), 0);
    const before = await store.auditHead();
    const old = batchOf([placedReading(1, 1), arrivalOf({ seq: 2 })], {
      refusals: [{ id: '', code: 'INGEST-INVALID', rule: 'r', received: '1' }],
      placing: { version: 0, changes: () => [orderOf('pat-a', 'pat-b', 5)] },
    });
    const [refused, taken, plain] = await Promise.allSettled([
      store.storeBatch(old),
      store.storeBatch(batchOf([placedReading(3, 1)], { placing: { version: 1 } })),
      store.storeBatch(batchOf([arrivalOf({ seq: 4, value: 4 })])),
    ]);
    assert.equal(refused?.status === 'rejected' && refused.reason.code, 'INGEST-PLACES-CHANGED');
    assert.deepEqual([taken?.status, plain?.status], ['fulfilled', 'fulfilled']);
    assert.deepEqual(await seqsOf(store), [3, 4]);
    const counts = await store.counts('clinic', seen);
    assert.deepEqual([counts.observations, counts.quarantined], [2, 0]);
    assert.equal((await store.auditHead()).seq, before.seq + 2 + 2);
    assert.equal(await store.placing.placingVersion('clinic'), 1);
    assert.deepEqual(await reassigned(store), { moved: 0, currencies: [], changed: [], done: [] });
  });

  check('what its evidence throws leaves neither orders nor a new version behind', async (store) => {
    verifies('PLACES-CHANGED-REFUSED');
    const evidence = () => {
      throw new TypeError('no evidence');
    };
    await assert.rejects(store.storeBatch(batchOf([], { placing: { version: 0, changes: () => [orderOf('a', 'b', 5)] }, evidence })));
    assert.equal(await store.placing.placingVersion('clinic'), 0);
    assert.deepEqual((await reassigned(store)).done, []);
  });

  check('movements are asked what they change by what became of them; what is known changes nothing', async (store) => {
    verifies('PLACES-CHANGED-REFUSED');
    const told: string[][] = [];
    const changes = (results: readonly string[]) => {
      told.push([...results]);
      return results.includes('stored') ? [] : undefined;
    };
    const arrival = arrivalOf({ seq: 1 });
    await store.storeBatch(batchOf([arrival], { placing: { version: 0, changes } }));
    await store.storeBatch(batchOf([arrival], { placing: { version: 1, changes } }));
    assert.deepEqual(told, [['stored'], ['held']]);
    assert.equal(await store.placing.placingVersion('clinic'), 1);
  });

  check('a person as a hospital numbers it has one public id for good, each of another tenant another', async (store, at) => {
    verifies('PERSON-ONE-ID');
    const other = { value: 'MRN-4711', authority: 'LAB' };
    const [a, b, again] = await store.placing.personsOf('clinic', [MRN, other, MRN]);
    assert.ok(a && b && a !== b && again === a);
    assert.match(a, /^p-[0-9a-z]{5}-[0-9a-z]{5}-[0-9a-z]{5}-[0-9a-z]{3}$/);
    const [elsewhere] = await store.placing.personsOf('other', [MRN]);
    assert.notEqual(elsewhere, a);
    await store[Symbol.asyncDispose]();
    await using opened = await at.open();
    assert.deepEqual(await opened.placing.personsOf('clinic', [other, MRN]), [b, a]);
    assert.deepEqual(await gathered(opened.placing.persons()), [
      { tenant: 'clinic', ...MRN, patient: a },
      { tenant: 'clinic', ...other, patient: b },
      { tenant: 'other', ...MRN, patient: elsewhere },
    ]);
    const both = await Promise.all([
      opened.placing.personsOf('clinic', [{ value: '9', authority: '' }]),
      opened.placing.personsOf('clinic', [{ value: '9', authority: '' }]),
    ]);
    assert.deepEqual(both[0], both[1]);
  });

  check('that a device was moved is kept with what it changes, by the version that it was decided by', async (store, at) => {
    verifies('PLACED-ROWS-FOLLOW');
    const move = { tenant: 'clinic', gateway: 'gw-1', device: 'monitor-1', bed: OTHER_BED, at: TEST_NOW };
    await store.storeBatch(
      batchOf([placedReading(1, 1, { patientId: 'pat-a' }), placedReading(2, 1, { patientId: 'pat-a', device: 'pump' })]),
    );
    const changes = () => [orderOf('pat-a', 'pat-b', 5, { device: 'monitor-1', toBed: OTHER_BED })];
    await store.placing.moveDevice(move, { version: 0, changes }, [event(1)]);
    await assert.rejects(store.placing.moveDevice(move, { version: 0, changes }, [event(1)]), { code: 'INGEST-PLACES-CHANGED' });
    await store.placing.moveDevice({ ...move, bed: null, idType: 'mac' }, { version: 1, changes: () => [] }, [event(1)]);
    assert.equal(await store.placing.placingVersion('clinic'), 2);
    await store[Symbol.asyncDispose]();
    await using opened = await at.open();
    assert.deepEqual(await gathered(opened.placing.deviceMoves()), [move, { ...move, bed: null, idType: 'mac' }]);
    assert.equal((await reassigned(opened)).moved, 1);
    assert.deepEqual([await seqsOf(opened, 'pat-a'), await seqsOf(opened, 'pat-b')], [[2], [1]]);
    // By its new bed from now on, it is none of the old one's.
    await ordered(opened, [orderOf('pat-b', 'pat-c', 5), orderOf('pat-b', 'pat-d', 5, { bed: OTHER_BED })]);
    assert.deepEqual(
      (await reassigned(opened)).done.map(({ moved }) => moved),
      [0, 1],
    );
    assert.deepEqual(await seqsOf(opened, 'pat-d'), [1]);
  });

  check('of gateways that have a device of one id each is known, whichever of them sent last, and one that fell silent', async (store) => {
    verifies('DEVICE-OF-ITS-GATEWAY');
    const of = (seq: number, minutes: number, gateway: string, change: Sample = {}): ArrivedBatch =>
      batchOf([placedReading(seq, minutes, { agent: gateway, patientId: 'pat-a', bed: BED, ...change })], { gateway });
    await store.storeBatch(of(1, 20, 'gw-1'));
    await store.storeBatch(of(2, 10, 'gw-2'));
    await store.storeBatch(of(3, 1, 'gw-3', { device: 'monitor-2' }));
    assert.deepEqual(await store.placing.gatewaysOf('clinic', 'monitor-1'), ['gw-1', 'gw-2']);
    // It went on for as long as it has been silent since.
    const went = (from: number, to: number, gateway: string): ArrivedBatch => {
      const rows = Array.from({ length: 2000 }, (_, i) => {
        const seq = from * 10_000 + i;
        return placedReading(seq, from + ((to - from) * i) / 2000, { agent: gateway, patientId: 'pat-b', bed: BED, device: 'pump' });
      });
      return batchOf(rows, { gateway });
    };
    await store.storeBatch(went(100, 50, 'gw-old'));
    await store.storeBatch(went(49, 1, 'gw-new'));
    assert.deepEqual(await store.placing.gatewaysOf('clinic', 'pump'), ['gw-new', 'gw-old']);
  });

  check(
    'of two gateways that have a device of one id, the rows of the one alone are moved, and both are known to have it',
    async (store) => {
      verifies('DEVICE-OF-ITS-GATEWAY');
      const of = (seq: number, gateway: string, change: Sample = {}): ArrivedBatch =>
        batchOf([placedReading(seq, 1, { agent: gateway, patientId: 'pat-a', bed: BED, ...change })], { gateway });
      await store.storeBatch(of(1, 'gw-1'));
      await store.storeBatch(of(2, 'gw-2', { vital: 'spo2' }));
      const gap = { ...gapArrival(3, {}), patient: 'pat-a', placed: { bed: BED, stated: null }, device: 'monitor-1' };
      await store.storeBatch(batchOf([gap]));
      assert.deepEqual(await store.placing.gatewaysOf('clinic', 'monitor-1'), ['gw-1', 'gw-2']);
      assert.deepEqual(await store.placing.gatewaysOf('other', 'monitor-1'), []);
      assert.deepEqual(await store.placing.gatewaysOf('clinic', 'monitor-2'), []);
      const device = { device: 'monitor-1', toBed: OTHER_BED };
      await ordered(store, [orderOf('pat-a', 'pat-b', 6000, { ...device, gateway: 'gw-2' })]);
      assert.equal((await reassigned(store)).moved, 1);
      assert.deepEqual([await seqsOf(store, 'pat-a'), await seqsOf(store, 'pat-b')], [[1], [2]]);
      // An order that was kept before devices were told apart names no gateway.
      await ordered(store, [orderOf('pat-a', 'pat-b', 6000, device)]);
      assert.equal((await reassigned(store)).moved, 2);
    },
  );

  check('what is nobody’s for sure no reader of patients hears of', async (store) => {
    verifies('NOBODY-UNSEEN');
    const nobody = nobodyIn(BED);
    const { currencies } = await store.storeBatch(
      batchOf([
        placedReading(1, 2, { patientId: nobody }),
        placedReading(2, 1, { patientId: 'pat-a' }),
        { ...gapArrival(3, {}), patient: nobody, placed: { bed: BED, stated: null } },
        gapArrival(4, {}, { patient: 'pat-a' }),
      ]),
    );
    assert.deepEqual(
      currencies.map(({ patient }) => patient),
      ['pat-a'],
    );
    assert.deepEqual(
      (await gathered(store.currencies())).map(({ patient }) => patient),
      ['pat-a'],
    );
    const patients = await store.patients('clinic', seen);
    assert.deepEqual(
      patients.map(({ patient }) => patient),
      ['pat-a'],
    );
    const counts = await store.counts('clinic', seen);
    assert.deepEqual([counts.observations, counts.events, counts.patients, counts.unplaced], [2, 2, 1, 1]);
    assert.deepEqual([await seqsOf(store), await seqsOf(store, 'pat-a'), await seqsOf(store, nobody)], [[2], [2], [1]]);
    let told = 0;
    await store.observations('clinic', {}, (rows) => {
      told = rows;
      return event(rows);
    });
    assert.equal(told, 1, 'the evidence counts what is given out');
    const eventsOf = async (patient?: string): Promise<(string | null)[]> =>
      (await gathered(await store.events('clinic', patient === undefined ? {} : { patient }, seen))).map((one) => one.patient);
    assert.deepEqual([await eventsOf(), await eventsOf('pat-a'), await eventsOf(nobody)], [['pat-a'], ['pat-a'], [nobody]]);
    await ordered(store, [orderOf('pat-a', nobody, 9)]);
    const step = await reassigned(store);
    assert.deepEqual(step.currencies, [{ tenant: 'clinic', patient: 'pat-a', vital: 'hr', device: 'monitor-1', gone: true }]);
    assert.deepEqual(step.changed, [{ tenant: 'clinic', patient: 'pat-a', vitals: ['hr'] }]);
    const after = await store.counts('clinic', seen);
    assert.deepEqual([after.observations, after.patients, after.unplaced], [2, 0, 2]);
    assert.deepEqual(await store.patients('clinic', seen), []);
  });

  check('a movement that comes late moves what was measured since: both sides, and what is current of them', async (store) => {
    verifies('PLACED-ROWS-FOLLOW');
    const rows = [5, 4, 3, 2, 1].map((minutesAgo, i) => placedReading(i + 1, minutesAgo, { patientId: 'pat-a' }));
    await store.storeBatch(batchOf(rows));
    await store.storeBatch(
      batchOf([{ ...gapArrival(9, { from: TEST_NOW - 2 * MINUTE, to: TEST_NOW }), patient: 'pat-a', placed: { bed: BED, stated: null } }]),
    );
    await ordered(store, [orderOf('pat-a', 'pat-b', 3)]);
    assert.deepEqual(await currentOf(store, 'pat-a'), { 'hr monitor-1': 5 });
    const { moved, currencies, changed, done } = await reassigned(store);
    assert.equal(moved, 4);
    assert.deepEqual(done, [{ ...orderOf('pat-a', 'pat-b', 3), tenant: 'clinic', moved: 4, rolledUp: 0 }]);
    assert.deepEqual(
      [await seqsOf(store, 'pat-a'), await seqsOf(store, 'pat-b')],
      [
        [1, 2],
        [3, 4, 5],
      ],
    );
    assert.deepEqual([await currentOf(store, 'pat-a'), await currentOf(store, 'pat-b')], [{ 'hr monitor-1': 2 }, { 'hr monitor-1': 5 }]);
    const of = { tenant: 'clinic', vital: 'hr', device: 'monitor-1', storedAt: TEST_NOW, place: 'bed' };
    assert.deepEqual(currencies, [
      { ...of, patient: 'pat-a', freshAt: TEST_NOW - 4 * MINUTE },
      { ...of, patient: 'pat-b', freshAt: TEST_NOW - MINUTE },
    ]);
    assert.deepEqual(
      changed,
      ['pat-a', 'pat-b'].map((patient) => ({ tenant: 'clinic', patient, vitals: ['hr'] })),
    );
    assert.deepEqual(
      (await gathered(await store.events('clinic', {}, seen))).map(({ patient }) => patient),
      ['pat-b'],
    );
    assert.deepEqual((await store.verify()).findings, []);
    const evidence = await gathered(store.evidence('clinic', { patient: 'pat-b' }));
    assert.ok(evidence.some(({ event: { action, count } }) => action === 'observations.write' && count === 4));
  });

  check('an order moves the rows of its window, its bed and whom it names, and no other', async (store) => {
    verifies('PLACED-ROWS-FOLLOW');
    const [a = '', b = ''] = await store.placing.personsOf('clinic', [MRN, { value: 'MRN-2', authority: 'HIS' }]);
    const of = (seq: number, minutesAgo: number, change: Parameters<typeof placedReading>[2] = {}) =>
      placedReading(seq, minutesAgo, { patientId: 'pat-a', ...change });
    await store.storeBatch(
      batchOf([
        of(1, 5),
        of(2, 4, { stated: a }),
        of(3, 4, { stated: b, vital: 'spo2' }),
        of(4, 3, { bedOf: OTHER_BED }),
        arrivalOf({ seq: 5, value: 5, patientId: 'pat-a', effective: TEST_NOW - 3 * MINUTE }),
        of(6, 2, { patientId: 'pat-else' }),
        of(7, 1),
        of(8, 3, { device: 'pump' }),
      ]),
    );
    await ordered(store, [
      orderOf('pat-a', 'pat-1', 5, { to: TEST_NOW - MINUTE, unnamed: false, stating: [a] }),
      orderOf('pat-a', 'pat-2', 5, { to: TEST_NOW - MINUTE, device: 'pump' }),
      orderOf('pat-a', 'pat-3', 5, { to: TEST_NOW - MINUTE }),
      orderOf('pat-a', 'pat-4', 9, { to: TEST_NOW - 5 * MINUTE, stating: [a, b] }),
    ]);
    // What came behind the orders was placed by them already.
    await store.storeBatch(batchOf([of(9, 3), of(10, 1)]));
    assert.deepEqual(
      (await reassigned(store)).done.map(({ is, moved }) => [is, moved]),
      [
        ['pat-1', 1],
        ['pat-2', 1],
        ['pat-3', 1],
        ['pat-4', 0],
      ],
    );
    const found = await Promise.all(['pat-1', 'pat-2', 'pat-3', 'pat-else', 'pat-a'].map((patient) => seqsOf(store, patient)));
    assert.deepEqual(found, [[2], [8], [1], [6], [3, 4, 5, 7, 9, 10]]);
    assert.deepEqual(await store.placing.personsOf('clinic', [MRN]), [a]);
  });

  check('an order is of whomever rows named by a number of an authority, without listing them', async (store) => {
    verifies('ORDERS-BOUNDED');
    const number = (value: string, authority: string) => ({ value, authority });
    const [a = '', b = '', c = '', d = '', e = ''] = await store.placing.personsOf('clinic', [
      ...[MRN, number('MRN-2', MRN.authority), number('M-1', 'MONITORS'), number('X-1', 'ELSEWHERE'), number('@somebody else', '')],
    ]);
    const of = (seq: number, stated: string | null) => placedReading(seq, 5, { patientId: 'pat-a', stated, device: `device-${seq}` });
    await store.storeBatch(batchOf([of(1, a), of(2, b), of(3, c), of(4, d), of(5, null), of(6, e)]));
    const compared = [MRN.authority, 'MONITORS'].sort();
    await ordered(store, [
      orderOf('pat-a', 'pat-1', 9, { unnamed: false, others: { compared, whole: [MRN.authority], but: [a] } }),
      orderOf('pat-a', 'pat-2', 9, { unnamed: true, others: { compared, whole: [], but: [a] } }),
    ]);
    await reassigned(store);
    const found = await Promise.all(['pat-1', 'pat-2', 'pat-a'].map((patient) => seqsOf(store, patient)));
    assert.deepEqual(found, [[2], [4, 5], [1, 3, 6]]);
  });

  check('corrections, retractions and final values hold where they belong, and let go of what they were mistaken for', async (store) => {
    verifies('PLACED-ROWS-FOLLOW');
    const version = (seq: number, patientId: string, status: Arrival['status']): Arrival => {
      const arrival = placedReading(seq, 3, { patientId, bedOf: patientId === 'pat-a' ? BED : OTHER_BED });
      return { ...arrival, status, received: arrival.received.replace('"status":"final"', `"status":"${status}"`) };
    };
    await store.storeBatch(batchOf([version(1, 'pat-a', 'final')]));
    await store.storeBatch(batchOf([version(2, 'pat-b', 'final')]));
    await store.storeBatch(batchOf([version(3, 'pat-a', 'corrected')]));
    const standing = async (patient: string): Promise<[number | null, boolean][]> => {
      const versions = await store.history('clinic', { patient, vital: 'hr', device: 'monitor-1', effective: TEST_NOW - 3 * MINUTE }, seen);
      return versions.map(({ value, stands }) => [value, stands]);
    };
    assert.deepEqual(await standing('pat-a'), [
      [1, false],
      [3, true],
    ]);
    await ordered(store, [orderOf('pat-a', 'pat-b', 9)]);
    await reassigned(store);
    assert.deepEqual(await standing('pat-b'), [
      [1, false],
      [2, false],
      [3, true],
    ]);
    assert.deepEqual(await currentOf(store, 'pat-b'), { 'hr monitor-1': 3 });
    await ordered(store, [orderOf('pat-b', 'pat-c', 9)]);
    await reassigned(store);
    assert.deepEqual(await standing('pat-b'), [[2, true]]);
    assert.deepEqual(await currentOf(store, 'pat-b'), { 'hr monitor-1': 2 });
    assert.deepEqual(await standing('pat-c'), [
      [1, false],
      [3, true],
    ]);
    assert.deepEqual((await store.verify()).findings, []);
  });

  check('of whom nothing is left nothing is shown, and of many devices no more than there may be', async (store) => {
    verifies('PLACED-ROWS-FOLLOW');
    const many = Array.from({ length: 520 }, (_, i) =>
      placedReading(i + 1, 1, { patientId: 'pat-a', device: `d-${String(i).padStart(3, '0')}`, effective: TEST_NOW - 600_000 + i }),
    );
    await store.storeBatch(batchOf(many));
    const rows = async (patient: string): Promise<number[]> =>
      (await store.latest('clinic', patient, seen)).map(({ value }) => value ?? 0).sort((a, b) => a - b);
    assert.equal((await rows('pat-a')).length, 512);
    await ordered(store, [orderOf('pat-a', 'pat-b', 9, { from: TEST_NOW - 600_000 + 500 })]);
    assert.equal((await reassigned(store)).moved, 20);
    assert.deepEqual(
      await rows('pat-a'),
      many.slice(0, 500).map(({ value }) => value),
    );
    assert.deepEqual((await rows('pat-b')).length, 20);
    await ordered(store, [orderOf('pat-a', 'pat-b', 99)]);
    assert.equal((await reassigned(store)).moved, 500);
    assert.deepEqual(await rows('pat-a'), []);
    assert.deepEqual(
      await rows('pat-b'),
      many.slice(8).map(({ value }) => value),
    );
    assert.deepEqual(
      (await store.patients('clinic', seen)).map(({ patient }) => patient),
      ['pat-b'],
    );
    assert.equal((await store.counts('clinic', seen)).patients, 1);
    assert.deepEqual((await store.verify()).findings, []);
  });

  check('what the retention rolled up stays, and is told', async (store) => {
    verifies('PLACED-ROWS-FOLLOW');
    const policy = { ...(Object.fromEntries(RETAINED.map((one) => [one, null])) as RetentionPolicy), continuous: 10 * MINUTE };
    for (const [i, minutesAgo] of [30, 29, 28, 2, 1].entries())
      await store.storeBatch(
        batchOf([placedReading(i + 1, minutesAgo, { patientId: 'pat-a', receivedAt: TEST_NOW - minutesAgo * MINUTE })], {
          at: TEST_NOW - minutesAgo * MINUTE,
        }),
      );
    for (let more = true; more; ) ({ more } = await store.retain({ policy, now: TEST_NOW }));
    assert.deepEqual(await seqsOf(store), [4, 5]);
    await ordered(store, [orderOf('pat-a', 'pat-b', 29)]);
    const { done } = await reassigned(store);
    assert.deepEqual(
      done.map(({ moved, rolledUp }) => [moved, rolledUp]),
      [[2, 2]],
    );
    assert.deepEqual((await store.verify()).findings, []);
    // Rolled up together, they are of whom they were of when they went.
    await store.storeBatch(
      batchOf([placedReading(6, -30, { patientId: 'pat-b', receivedAt: TEST_NOW + 30 * MINUTE })], { at: TEST_NOW + 30 * MINUTE }),
    );
    for (let more = true; more; ) ({ more } = await store.retain({ policy, now: TEST_NOW + 31 * MINUTE }));
    const rolled = async (patient: string): Promise<number> =>
      (await gathered(store.erasing.rollupsOf('clinic', patient))).reduce((sum, { n }) => sum + n, 0);
    assert.deepEqual([await rolled('pat-a'), await rolled('pat-b')], [3, 2]);
    assert.deepEqual((await store.verify()).findings, []);
  });

  check('rows become neither an erased person’s nor anybody else’s out of their hands', async (store) => {
    verifies('PLACED-ROWS-FOLLOW', 'ERASE-ROWS');
    const [stated = ''] = await store.placing.personsOf('clinic', [MRN]);
    await store.storeBatch(batchOf([placedReading(1, 3, { patientId: stated }), placedReading(2, 2, { patientId: 'pat-b' })]));
    await ordered(store, [orderOf('pat-b', stated, 9), orderOf(stated, 'pat-c', 9)]);
    await store.erasing.beginErasure({
      tenant: 'clinic',
      patient: stated,
      reason: 'DSR',
      principal: 'local:0',
      at: TEST_NOW,
      evidence: () => event(0),
    });
    const { done, moved } = await reassigned(store);
    assert.deepEqual([moved, done.map(({ dropped }) => dropped)], [0, [true, true]]);
    for (let more = true; more; ) ({ more } = await store.erasing.eraseSome(() => event(0)));
    assert.deepEqual(await seqsOf(store), [2]);
    assert.deepEqual(await gathered(store.placing.persons()), [], 'nor is it known how the hospital numbers them');
    const late = placedReading(3, 1, { patientId: nobodyIn(BED), stated });
    assert.deepEqual((await store.storeBatch(batchOf([late]))).results, ['erased']);
    const [again] = await store.placing.personsOf('clinic', [MRN]);
    assert.notEqual(again, stated, 'whoever is treated again is somebody new');
    assert.deepEqual((await store.verify()).findings, []);
  });

  check('somebody of whom nothing was ever measured, but whom movements or messages name, can be held and erased', async (store) => {
    verifies('ERASE-ROWS');
    const [named = ''] = await store.placing.personsOf('clinic', [MRN]);
    assert.deepEqual([await store.erasing.knows('clinic', named), await store.erasing.knows('other', named)], [true, false]);
    const order = { tenant: 'clinic', patient: named, reason: 'DSR', principal: 'local:0', at: TEST_NOW, evidence: () => event(0) };
    const { tombstone } = await store.erasing.beginErasure(order);
    for (let more = true; more; ) ({ more } = await store.erasing.eraseSome(() => event(0)));
    assert.deepEqual(await gathered(store.placing.persons()), []);
    assert.equal(await store.erasing.knows('clinic', named), false);
    await assert.rejects(store.erasing.beginErasure(order), { code: 'PATIENT-ERASED' });
    assert.equal(tombstone.tenant, 'clinic');
  });

  check('a list of erased people erases whoever is known by a number alone, too', async (store, at) => {
    verifies('ERASE-READOPTED');
    const [named = ''] = await store.placing.personsOf('clinic', [MRN]);
    const secret = Buffer.alloc(32, 7);
    const mark = markOf(secret, 'patient', 'clinic', named);
    const tombstone = { tenant: 'clinic', secret, mark, at: TEST_NOW, reason: 'DSR', principal: 'local:0', others: [] };
    const found: string[] = [];
    await store.erasing.adoptTombstones([tombstone], (_, patient) => {
      found.push(patient);
      return event(0);
    });
    assert.deepEqual(found, [named]);
    for (let more = true; more; ) ({ more } = await store.erasing.eraseSome(() => event(0)));
    await store[Symbol.asyncDispose]();
    await using opened = await at.open();
    assert.deepEqual(await gathered(opened.placing.persons()), []);
  });
}

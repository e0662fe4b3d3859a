import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AuditEvent } from '../../hub/access/access.ts';
import { verifyAudit } from '../../hub/audit/chain.ts';
import { misfiledEntry } from '../../hub/audit/indexed.ts';
import { canonicalJson } from '../../hub/ingest/canonical.ts';
import { nameOf } from '../../hub/privacy/whose-numbers.ts';
import type { ErasureEnd } from '../../hub/store/erasing/erasing.ts';
import { markOf, type Tombstone } from '../../hub/store/erasing/tombstone.ts';
import { nobodyIn } from '../../hub/store/placing/placing.ts';
import type { Arrival, EventArrival, Store } from '../../hub/store/store.ts';
import type { Movement, MovementEvent } from '../../shared/movement.ts';
import { movementResource, readMovement } from '../../shared/movement-resource.ts';
import { formatObservationId } from '../../shared/uplink/key.ts';
import { verifies } from '../requirements.ts';
import { gathered, TEST_EPOCH, TEST_NOW } from '../support/hub.ts';
import { orderAt } from '../support/retained-store.ts';
import { arrivalOf, batchOf, event, type StorePlace } from './store.ts';
import { placedReading } from './store-placing.ts';
import { gapArrival } from './store-trend.ts';

const WHO = 'pat-icu-01';
const MRN = { value: 'MRN-4711', authority: 'HIS' };
const MINUTE = 60_000;

const seen = (rows: number): AuditEvent => event(rows, { patient: WHO });

export function erasureEvent(patient: string | null): AuditEvent {
  return event(0, { action: 'patient.erase', patient, principal: 'local:0', role: 'operator' });
}

export function movementOf(seq: number, mrn: typeof MRN, effective = TEST_NOW - MINUTE): EventArrival {
  const id = formatObservationId({ agent: 'gw-icu', epoch: TEST_EPOCH, seq, index: 0 });
  const about = { id, source: 'adt', profile: 'adt', receivedAt: effective, offsetMin: 0, test: false };
  const resource = movementResource({ event: 'A01', effective, offsetMin: 0, parties: [{ patient: mrn, bed: 'ICU-01' }] }, about);
  const facts = { kind: 'movement' as const, patient: null, device: '', test: false };
  return { ...facts, id, effective, offsetMin: 0, receivedAt: effective, sortTime: effective, received: canonicalJson(resource) };
}

function partiesMove(seq: number, event: MovementEvent, parties: Movement['parties']): EventArrival {
  const arrival = movementOf(seq, MRN);
  const { id, effective, receivedAt } = arrival;
  const about = { id, source: 'adt', profile: 'adt', receivedAt, offsetMin: 0, test: false };
  return { ...arrival, received: canonicalJson(movementResource({ event, effective, offsetMin: 0, parties }, about)) };
}

/** Everything that a store can hold of one person, and as much of another. */
export async function filled(store: Store): Promise<void> {
  const of = (seq: number, change: Parameters<typeof arrivalOf>[0] = {}): Arrival =>
    arrivalOf({ seq, patient: MRN, effective: TEST_NOW - seq * 1000, ...change });
  await store.storeBatch(
    batchOf([
      of(1),
      of(2, { vital: 'spo2', value: 97 }),
      of(3, { patientId: 'pat-icu-02', patient: { value: 'MRN-9', authority: 'HIS' } }),
    ]),
  );
  await store.storeBatch(
    batchOf([
      { ...of(4), status: 'preliminary' },
      { ...of(5), status: 'corrected' },
    ]),
  );
  await store.storeBatch(batchOf([gapArrival(6, {}), movementOf(7, MRN), movementOf(8, { value: 'MRN-9', authority: 'HIS' })]));
  const refusals = [{ id: of(9).id, code: 'INGEST-NOT-BOUND' as const, rule: 'bed: none', received: of(9).received }];
  await store.storeBatch(batchOf([], { refusals }));
  await store.storeBatch(batchOf([], { gateway: 'gw-else', refusals }));
  await store.rebind([{ tenant: 'clinic', gateway: 'gw-icu', kind: 'bed', name: 'ICU-01', patient: WHO }], TEST_NOW);
  await store.latest('clinic', WHO, seen);
  await store.latest('clinic', 'pat-icu-02', (rows) => event(rows, { patient: 'pat-icu-02' }));
}

/** Erases to the end, with every identifier that stands in their rows. */
export async function erased(store: Store, patient = WHO, tenant = 'clinic'): Promise<ErasureEnd> {
  await store.erasing.beginErasure({
    names: [...(await store.erasing.namesOf(tenant, patient)).keys()],
    tenant,
    patient,
    reason: 'DSR-7',
    principal: 'local:0',
    at: TEST_NOW,
    evidence: () => erasureEvent(patient),
  });
  return await finished(store, patient);
}

export async function finished(store: Store, patient = WHO): Promise<ErasureEnd> {
  let end: ErasureEnd | undefined;
  for (let more = true; more; ) {
    const step = await store.erasing.eraseSome(() => erasureEvent(patient));
    end = step.ended ?? end;
    more = step.more;
  }
  return end ?? assert.fail('nothing was erased');
}

async function ids(store: Store, patient: string): Promise<number> {
  return (await gathered(await store.observations('clinic', { patient }, seen))).length;
}

/** Makes rows of one patient another's, as they are once a movement came late. */
export type MoveRow = (seq: number, to: string) => Promise<void>;

/** Rows that came in one batch and are of two people by now: whoever of them is erased leaves the other's as they were. */
export async function erasedOutOfOneBatch(open: StorePlace['open'], moveRow: MoveRow): Promise<void> {
  const other = 'pat-icu-02';
  const of = (seq: number, patient: typeof MRN): Arrival => arrivalOf({ seq, patient, effective: TEST_NOW - 10_000 + seq });
  const theirs = { value: 'MRN-9', authority: 'HIS' };
  {
    await using first = await open();
    await first.storeBatch(batchOf([of(1, MRN), of(2, theirs), of(3, MRN)]));
    await first.storeBatch(batchOf([arrivalOf({ seq: 4, patientId: other, patient: theirs }), movementOf(5, MRN), movementOf(6, theirs)]));
  }
  await moveRow(2, other);
  await using store = await open();
  assert.deepEqual((await store.verify()).findings, []);
  const before = await gathered(await store.observations('clinic', { patient: other }, seen));
  assert.equal(before.length, 2);
  assert.deepEqual((await erased(store)).removed, { observations: 2, rollups: 0, events: 0, movements: 1, quarantine: 0 });
  assert.deepEqual(await gathered(await store.observations('clinic', { patient: other }, seen)), before);
  assert.equal(await ids(store, WHO), 0);
  const left = await gathered(await store.events('clinic', { kind: 'movement' }, seen));
  assert.deepEqual(
    left.map(({ id }) => id),
    [movementOf(6, theirs).id],
  );
  assert.deepEqual((await store.verify()).findings, []);
  assert.deepEqual((await store.storeBatch(batchOf([of(1, MRN), of(9, MRN)]))).results, ['held', 'erased']);
  assert.equal((await erased(store, other)).removed.observations, 2);
  assert.deepEqual((await store.verify()).findings, []);
}

/** What every engine must do about one person. */
export function storeErasingContract(name: string, place: () => Promise<StorePlace>): void {
  const check = (what: string, body: (store: Store, at: StorePlace) => Promise<void>): void => {
    test(`${name}: ${what}`, async () => {
      await using at = await place();
      await using store = await at.open();
      await body(store, at);
    });
  };

  check('of a person who is erased nothing is left, all of everybody else is, and the store agrees with itself', async (store) => {
    verifies('ERASE-ROWS');
    await filled(store);
    const others = await ids(store, 'pat-icu-02');
    const end = await erased(store);
    assert.deepEqual(end.removed, { observations: 4, rollups: 0, events: 1, movements: 1, quarantine: 1 });
    assert.equal(end.patient, WHO);
    assert.deepEqual(await store.latest('clinic', WHO, seen), []);
    assert.equal(await ids(store, WHO), 0);
    assert.deepEqual(
      (await gathered(await store.events('clinic', {}, seen))).map(({ kind }) => kind),
      ['movement'],
    );
    assert.deepEqual(
      (await store.patients('clinic', () => event(0))).map(({ patient }) => patient),
      ['pat-icu-02'],
    );
    assert.equal(await ids(store, 'pat-icu-02'), others);
    const { observations, events, quarantined } = await store.counts('clinic', () => event(0));
    assert.deepEqual([observations, events, quarantined], [1, 1, 1]);
    assert.deepEqual((await store.verify()).findings, []);
    assert.deepEqual(await store.erasing.erasureCounts(), { erased: 1, underWay: 0, held: 0 });
    const [kept] = await store.erasing.tombstones();
    assert.deepEqual([kept?.reason, kept?.principal, kept?.at], ['DSR-7', 'local:0', TEST_NOW]);
    assert.doesNotMatch(JSON.stringify([...(await store.erasing.tombstones())]), /pat-icu|MRN|gw-icu/);
  });

  check(
    'what is nobody’s and names the person goes with them, by whichever of their numbers; of everybody else all stays',
    async (store) => {
      verifies('ERASE-UNPLACED');
      const [old, other] = [
        { value: 'OLD-1', authority: 'HIS' },
        { value: 'MRN-9', authority: 'HIS' },
      ];
      const [one = '', before = '', two = ''] = await store.placing.personsOf('clinic', [MRN, old, other]);
      const beds = ['ICU^1^A', 'ICU^2^B'] as const;
      const of = (seq: number, patient: typeof MRN, stated: string | null, bedOf: string = beds[0]): Arrival =>
        placedReading(seq, 60 + seq, { bedOf, stated, patientId: nobodyIn(bedOf), ...(stated !== null && { patient }) });
      const gap = { ...gapArrival(9, {}), patient: nobodyIn(beds[0]), placed: { bed: beds[0], stated: one } };
      const rows = [
        of(1, MRN, one),
        of(2, other, two),
        of(3, MRN, null),
        { ...of(4, MRN, one), patient: one },
        of(5, old, before, beds[1]),
      ];
      await store.storeBatch(batchOf([...rows, of(6, other, two, beds[1]), gap], { placing: { version: 0 } }));
      // More than one page, of two people by turns.
      const many = Array.from({ length: 600 }, (_, i) => of(10 + i, i % 2 === 0 ? MRN : other, i % 2 === 0 ? one : two));
      await store.storeBatch(batchOf(many, { placing: { version: 0 } }));
      const order = { tenant: 'clinic', patient: one, reason: 'DSR-7', principal: 'local:0', at: TEST_NOW };
      await store.erasing.beginErasure({ ...order, names: [nameOf(MRN), nameOf(old)], evidence: () => erasureEvent(one) });
      const again = batchOf([of(1000, MRN, one), of(1001, old, before), of(1002, other, two)], { placing: { version: 0 } });
      assert.deepEqual((await store.storeBatch(again)).results, ['erased', 'erased', 'stored']);
      assert.deepEqual((await finished(store, one)).removed, { observations: 303, rollups: 0, events: 1, movements: 0, quarantine: 2 });
      const left = [];
      for (const bed of beds) left.push(...(await gathered(await store.observations('clinic', { patient: nobodyIn(bed) }, seen))));
      const kept = [2, 3, 6, 1002, ...Array.from({ length: 300 }, (_, i) => 11 + 2 * i)];
      assert.deepEqual(
        left.map(({ value }) => value ?? 0).sort((a, b) => a - b),
        kept.sort((a, b) => a - b),
      );
      assert.deepEqual(await gathered(await store.events('clinic', { patient: nobodyIn(beds[0]) }, seen)), []);
      assert.deepEqual(
        (await gathered(store.placing.persons())).map(({ value }) => value),
        ['MRN-9'],
      );
      assert.deepEqual((await store.verify()).findings, []);
    },
  );

  check(
    'the evidence of before cannot be opened any more, that of the erasure can, and the chain and its index are whole',
    async (store) => {
      verifies('ERASE-EVIDENCE');
      await filled(store);
      await erased(store);
      const records = await gathered(store.evidence('clinic', {}));
      const own = records.filter(({ erased: isErased }) => isErased);
      assert.ok(own.some(({ event: { action, principal } }) => action === 'patient.erase' && principal === 'local:0'));
      assert.ok(own.some(({ event: { action } }) => action === 'vitals.read'));
      assert.doesNotMatch(JSON.stringify(own), new RegExp(WHO));
      // What comes behind says that it was done, and not whose it was; and nobody gets a new key.
      await store.record([event(1, { patient: WHO, detail: { args: { vital: 'hr' }, response: 'ff', policy: 'p' } })]);
      const last = (await gathered(store.evidence('clinic', {}))).at(-1);
      assert.deepEqual([last?.event.patient, last?.subject, last?.event.detail], [null, null, { policy: 'p' }]);
      assert.deepEqual(await gathered(store.evidence('clinic', { patient: WHO })), []);
      assert.ok((await verifyAudit(store.audit(), store.storeId)).intact);
      assert.equal(await misfiledEntry(store), null);
    },
  );

  check('what comes late for a person who was erased is refused with a code of its own, and nothing of it is kept', async (store, at) => {
    verifies('ERASE-LATE');
    await filled(store);
    await erased(store);
    const late = arrivalOf({ seq: 100, patient: MRN, value: 66, effective: TEST_NOW - MINUTE });
    const again = arrivalOf({ seq: 1, patient: MRN, effective: TEST_NOW - 1000 });
    const movement = movementOf(101, MRN);
    const anew = movementOf(102, MRN, TEST_NOW + MINUTE);
    const other = arrivalOf({ seq: 103, patientId: 'pat-icu-02' });
    const { results } = await store.storeBatch(batchOf([late, again, movement, anew, other]));
    assert.deepEqual(results, ['erased', 'held', 'erased', 'stored', 'stored']);
    assert.deepEqual((await store.storeBatch(batchOf([late, again]))).results, ['erased', 'held']);
    assert.equal((await store.counts('clinic', () => event(0))).quarantined, 3);
    assert.equal(await ids(store, WHO), 0);
    // Also in a process that has not seen it erased.
    await store[Symbol.asyncDispose]();
    await using next = await at.open();
    assert.deepEqual((await next.storeBatch(batchOf([{ ...late, id: arrivalOf({ seq: 200 }).id }]))).results, ['erased']);
    assert.ok(await next.erasing.isErased('clinic', WHO));
    assert.ok(!(await next.erasing.isErased('other', WHO)) && !(await next.erasing.isErased('clinic', 'pat-icu-02')));
  });

  check('nobody is erased who is on hold, unknown, erased already, or of another tenant', async (store) => {
    verifies('ERASE-HOLD');
    await filled(store);
    const order = { tenant: 'clinic', patient: WHO, reason: 'r', principal: 'local:0', at: TEST_NOW, evidence: () => erasureEvent(WHO) };
    await store.erasing.hold(
      { tenant: 'clinic', patient: WHO, reason: 'CASE-1', principal: 'local:0', at: TEST_NOW },
      event(0, { patient: WHO }),
    );
    await assert.rejects(store.erasing.beginErasure(order), { code: 'PATIENT-HELD' });
    const ofKin = store.erasing.beginErasure({ ...order, patient: 'pat-icu-02', kin: ['pat-nobody', WHO] });
    await assert.rejects(ofKin, (thrown: Error) => 'code' in thrown && thrown.code === 'PATIENT-HELD' && !thrown.message.includes(WHO));
    assert.deepEqual(await store.erasing.erasureCounts(), { erased: 0, underWay: 0, held: 1 });
    await store.erasing.hold(
      { tenant: 'clinic', patient: WHO, reason: 'CASE-2', principal: 'local:1', at: TEST_NOW },
      event(0, { patient: WHO }),
    );
    assert.deepEqual(await store.erasing.erasureCounts(), { erased: 0, underWay: 0, held: 1 });
    await assert.rejects(store.erasing.release('clinic', WHO, 'CASE-3', event(0)), { code: 'PATIENT-NOT-HELD' });
    await store.erasing.release('clinic', WHO, 'CASE-2', event(0, { patient: WHO }));
    await assert.rejects(store.erasing.beginErasure(order), { code: 'PATIENT-HELD' });
    await store.erasing.release('clinic', WHO, 'CASE-1', event(0, { patient: WHO }));
    await assert.rejects(store.erasing.release('clinic', WHO, 'CASE-1', event(0)), { code: 'PATIENT-NOT-HELD' });
    await assert.rejects(store.erasing.beginErasure({ ...order, patient: 'pat-nobody' }), { code: 'PATIENT-UNKNOWN' });
    await assert.rejects(store.erasing.beginErasure({ ...order, tenant: 'other' }), { code: 'PATIENT-UNKNOWN' });
    assert.equal(await ids(store, WHO), 4);
    await erased(store);
    await assert.rejects(store.erasing.beginErasure(order), { code: 'PATIENT-ERASED' });
    await assert.rejects(store.erasing.hold({ ...order, patient: WHO }, event(0)), { code: 'PATIENT-ERASED' });
  });

  check('an erasure that was cut off goes on in the next process, and nothing is stored for the person meanwhile', async (store, at) => {
    verifies('ERASE-RESUMED');
    await filled(store);
    await store.erasing.beginErasure({
      tenant: 'clinic',
      patient: WHO,
      reason: 'r',
      principal: 'local:0',
      at: TEST_NOW,
      evidence: () => erasureEvent(WHO),
    });
    assert.deepEqual(await store.latest('clinic', WHO, seen), []);
    assert.deepEqual((await store.verify()).findings, []);
    await store[Symbol.asyncDispose]();
    await using next = await at.open();
    assert.deepEqual(await next.erasing.erasureCounts(), { erased: 1, underWay: 1, held: 0 });
    assert.deepEqual((await next.storeBatch(batchOf([arrivalOf({ seq: 300 })]))).results, ['erased']);
    await finished(next);
    assert.equal(await ids(next, WHO), 0);
    assert.equal((await next.erasing.erasureCounts()).underWay, 0);
    assert.deepEqual((await next.verify()).findings, []);
  });

  check('a store of before takes the tombstone over and erases the person again, but nobody under legal hold', async (store) => {
    verifies('ERASE-READOPTED');
    let tombstones: readonly Tombstone[];
    {
      await using elsewhere = await place();
      await using later = await elsewhere.open();
      await filled(later);
      await erased(later);
      tombstones = await later.erasing.tombstones();
    }
    await filled(store);
    await store.erasing.hold(
      { tenant: 'clinic', patient: WHO, reason: 'CASE-1', principal: 'local:0', at: TEST_NOW },
      event(0, { patient: WHO }),
    );
    const told: string[] = [];
    const evidence = (_: Tombstone, patient: string): AuditEvent => {
      told.push(patient);
      return erasureEvent(patient);
    };
    await assert.rejects(store.erasing.adoptTombstones(tombstones, evidence), { code: 'PATIENT-TOMBSTONES' });
    assert.deepEqual([await ids(store, WHO), told, await store.erasing.erasureCounts()], [4, [], { erased: 0, underWay: 0, held: 1 }]);
    await store.erasing.release('clinic', WHO, 'CASE-1', event(0, { patient: WHO }));
    // Nor where another of the numbers that the tombstone names is somebody's who is.
    const named = tombstones.map(
      (one): Tombstone => ({ ...one, others: [...one.others, markOf(one.secret, 'name', 'clinic', 'urn:oid:1.2|77').toString('hex')] }),
    );
    const [kin = ''] = await store.placing.personsOf('clinic', [{ value: '77', authority: '1.2' }]);
    const hold = { tenant: 'clinic', patient: kin, reason: 'CASE-2', principal: 'local:0', at: TEST_NOW };
    await store.erasing.hold(hold, event(0, { patient: kin }));
    await assert.rejects(store.erasing.adoptTombstones(named, evidence), { code: 'PATIENT-TOMBSTONES' });
    assert.deepEqual([await ids(store, WHO), told], [4, []]);
    await store.erasing.release('clinic', kin, 'CASE-2', event(0, { patient: kin }));
    assert.equal(await store.erasing.adoptTombstones(tombstones, evidence), 1);
    await finished(store);
    assert.deepEqual(told, [WHO]);
    assert.equal(await ids(store, WHO), 0);
    // Movements go by the marks of the tombstone: those of the person, and nobody else's.
    assert.deepEqual(
      (await gathered(store.erasing.movements('clinic'))).map(({ id }) => id),
      [movementOf(8, MRN).id],
    );
    assert.equal(await store.erasing.adoptTombstones(tombstones, evidence), 0);
    assert.deepEqual((await store.storeBatch(batchOf([arrivalOf({ seq: 300 })]))).results, ['erased']);
    assert.ok((await verifyAudit(store.audit(), store.storeId)).intact);
    assert.equal(await misfiledEntry(store), null);
  });

  check('what the retention left of the person goes, too', async (store) => {
    verifies('ERASE-ROWS');
    const old = TEST_NOW - 400 * 24 * 60 * MINUTE;
    for (const seq of [1, 2, 3]) {
      const arrival = arrivalOf({ seq, effective: old + seq * MINUTE, receivedAt: old + seq * MINUTE });
      await store.storeBatch(batchOf([arrival], { at: old + seq * MINUTE }));
    }
    await store.storeBatch(batchOf([arrivalOf({ seq: 9 })]));
    const policy = { ...orderAt(0).policy, spot: MINUTE, continuous: MINUTE, minute: null, hour: null };
    while ((await store.retain({ policy, now: TEST_NOW })).more);
    assert.ok((await gathered(store.erasing.rollupsOf('clinic', WHO))).length > 0);
    const { removed } = await erased(store);
    assert.ok(removed.rollups > 0);
    assert.deepEqual(await gathered(store.erasing.rollupsOf('clinic', WHO)), []);
    assert.deepEqual((await store.verify()).findings, []);
    assert.deepEqual(
      (await store.storeBatch(batchOf([arrivalOf({ seq: 1, effective: old + MINUTE, receivedAt: old + MINUTE })]))).results,
      ['held'],
    );
  });

  check(
    'the identifiers of a person are told, in how many rows, and which of them stand in rows of others; movements are told as they are',
    async (store) => {
      verifies('ERASE-NUMBERS');
      const [mine, theirs, quoted] = [MRN, { value: 'MRN-9', authority: 'HIS' }, { value: 'a"b\\c', authority: 'HIS' }];
      await filled(store);
      await store.storeBatch(
        batchOf([
          arrivalOf({ seq: 20, patient: theirs }),
          arrivalOf({ seq: 21, patient: quoted }),
          arrivalOf({ seq: 22, patientId: 'pat-icu-03', patient: quoted }),
          { ...gapArrival(23, {}), patient: WHO },
        ]),
      );
      const own = await store.erasing.namesOf('clinic', WHO);
      assert.deepEqual(
        [mine, theirs, quoted].map((number) => own.get(nameOf(number))),
        [4, 1, 1],
      );
      const all = new Set([...own.keys(), nameOf({ value: 'MRN-UNHEARD', authority: 'HIS' })]);
      const ofOthers = await store.erasing.namesOfOthers('clinic', WHO, all);
      assert.deepEqual([...ofOthers].sort(), [nameOf(theirs), nameOf(quoted)].sort());
      assert.deepEqual([...(await store.erasing.namesOfOthers('other', WHO, all))], []);
      assert.deepEqual([...(await store.erasing.namesOf('clinic', 'pat-nobody'))], []);
      assert.deepEqual([...(await store.erasing.namesOf('other', WHO))], []);
      assert.deepEqual(
        (await gathered(store.erasing.movements('clinic'))).map(({ id }) => id),
        [movementOf(7, MRN).id, movementOf(8, MRN).id],
      );
      assert.deepEqual(await gathered(store.erasing.movements('other')), []);
    },
  );

  check('holds are listed with who set them, why and when, of one tenant', async (store) => {
    verifies('HOLD-LISTED');
    await filled(store);
    const one = { tenant: 'clinic', patient: WHO, reason: 'CASE-1', principal: 'local:0', at: TEST_NOW };
    const two = { ...one, reason: 'CASE-2', principal: 'local:7', at: TEST_NOW - 1 };
    const other = { ...one, patient: 'pat-icu-02' };
    for (const hold of [other, one, two]) await store.erasing.hold(hold, event(0));
    assert.deepEqual(await store.erasing.holds('clinic'), [two, one, other]);
    assert.deepEqual(await store.erasing.holds('other'), []);
  });

  check('a part that can be given to nobody and may be theirs is kept without its content', async (store) => {
    verifies('ERASE-LATE');
    await filled(store);
    await erased(store);
    const refusal = (seq: number, effective: number) => {
      const { id, received } = arrivalOf({ seq, patient: MRN, effective, receivedAt: effective });
      return { id, code: 'INGEST-BEFORE-BINDING' as const, rule: 'time', received };
    };
    const refusals = [refusal(400, TEST_NOW - MINUTE), refusal(401, TEST_NOW + MINUTE)];
    await store.storeBatch(batchOf([], { refusals }));
    await store.storeBatch(batchOf([], { refusals }));
    // Each once, and one more of another gateway.
    assert.equal((await store.counts('clinic', () => event(0))).quarantined, 3);
  });

  check('who changed places with the person lies where it was said, and the person is not named any more', async (store) => {
    verifies('ERASE-ROWS');
    const other = { value: 'MRN-9', authority: 'HIS' };
    const swap = partiesMove(12, 'A17', [
      { patient: MRN, bed: 'ICU-2', priorBed: 'ICU-1' },
      { patient: other, bed: 'ICU-1', priorBed: 'ICU-2' },
    ]);
    await store.storeBatch(batchOf([arrivalOf({ seq: 1, patient: MRN }), movementOf(10, MRN), swap]));
    assert.equal((await erased(store)).removed.movements, 2);
    const left = await gathered(await store.events('clinic', { kind: 'movement' }, seen));
    assert.deepEqual(
      left.map(({ resource }) => readMovement(resource)?.parties),
      [[{ patient: other, bed: 'ICU-1', priorBed: 'ICU-2' }]],
    );
    assert.doesNotMatch(JSON.stringify(left), /MRN-4711/);
    assert.deepEqual((await store.verify()).findings, []);
    assert.deepEqual((await store.storeBatch(batchOf([swap]))).results, ['erased']);
  });

  check('movements under a number that is given go, too, with the erasure or behind it', async (store) => {
    verifies('ERASE-ROWS');
    const named = ['P1', 'P2', 'P3'].map((value) => ({ value, authority: 'HIS' }));
    const names = (value: string): string[] => [nameOf({ value, authority: 'HIS' })];
    await store.storeBatch(batchOf([arrivalOf({ seq: 1 }), ...named.map((number, i) => movementOf(10 + i, number))]));
    const order = { tenant: 'clinic', patient: WHO, reason: 'r', principal: 'local:0', at: TEST_NOW, evidence: () => erasureEvent(WHO) };
    await store.erasing.beginErasure({ ...order, names: names('P1') });
    assert.equal((await finished(store)).removed.movements, 1);
    await assert.rejects(store.erasing.beginErasure(order), { code: 'PATIENT-ERASED' });
    await store.erasing.beginErasure({ ...order, names: names('P2') });
    assert.equal((await finished(store)).removed.movements, 1, 'each says what it removed itself');
    const left = await gathered(await store.events('clinic', { kind: 'movement' }, seen));
    assert.deepEqual(
      left.map(({ resource }) => readMovement(resource)?.parties[0]?.patient.value),
      ['P3'],
    );
    assert.doesNotMatch(JSON.stringify(await store.erasing.tombstones()), /P[12]/);
    assert.deepEqual((await store.storeBatch(batchOf([movementOf(20, { value: 'P1', authority: 'HIS' })]))).results, ['erased']);
    assert.deepEqual((await store.verify()).findings, []);
  });
}

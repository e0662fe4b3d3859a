import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { AuditEvent } from '../../hub/access/access.ts';
import { verifyAudit } from '../../hub/audit/chain.ts';
import { sortTimeOf, timesOf } from '../../hub/clinical/sort-time.ts';
import { canonicalJson } from '../../hub/ingest/canonical.ts';
import type { AdoptedDevice } from '../../hub/registry/adopted.ts';
import { type Binding, bindingsOf, NO_END } from '../../hub/registry/bindings.ts';
import type {
  Arrival,
  ArrivalResult,
  ArrivedBatch,
  EventArrival,
  EventFilter,
  ObservationFilter,
  Refusal,
  Store,
  StoredReading,
} from '../../hub/store/store.ts';
import type { Instant } from '../../shared/clock.ts';
import { asVitalmeshError, VitalmeshError } from '../../shared/errors.ts';
import type { Observation } from '../../shared/fhir.ts';
import { readObservation } from '../../shared/observation.ts';
import type { Flag } from '../../shared/reading.ts';
import { verifies } from '../requirements.ts';
import { gathered, type SampleOptions, sampleObservation, TEST_EPOCH, TEST_NOW } from '../support/hub.ts';

/** An engine under test: one place that can be opened again, and is removed at disposal. */
export interface StorePlace extends AsyncDisposable {
  open(): Promise<Store>;
}

const MINUTE = 60_000;

/** An arrival as ingest would make it. */
export function arrivalOf(options: SampleOptions & { patientId?: string } = {}): Arrival {
  const { patientId = 'pat-icu-01', ...sample } = options;
  const resource = sampleObservation(sample);
  const { hints: _, flags: given, ...facts } = readObservation(resource);
  const times = timesOf(sortTimeOf(facts.effective, facts.receivedAt, given), { at: facts.receivedAt, sentAt: null });
  return { ...facts, id: resource.id, patient: patientId, ...times, place: 'bed', received: canonicalJson(resource) };
}

/** An event as ingest would make it; an alert's resource carries hints that must not be given out. */
export function eventArrival({ seq, ...change }: Partial<EventArrival> & { seq: number }): EventArrival {
  const { id, ...resource } = sampleObservation({ seq, patient: { value: '4711', authority: 'HIS' }, bed: 'ICU-01' });
  const received =
    change.kind === 'movement' ? { resourceType: 'Basic', id, code: { text: 'movement' }, extension: [] } : { ...resource, id };
  const times = { effective: TEST_NOW - 5, offsetMin: 60, receivedAt: TEST_NOW - 1, sortTime: TEST_NOW - 5 };
  const facts = { kind: 'alert' as const, patient: 'pat-icu-01', device: 'monitor-1', test: false };
  return { ...facts, ...times, ...change, id, received: canonicalJson(received) };
}

export function event(count: number, change: Partial<AuditEvent> = {}): AuditEvent {
  return {
    at: TEST_NOW,
    tenant: 'clinic',
    principal: 'test',
    role: 'monitor',
    action: 'vitals.read',
    patient: null,
    outcome: 'allowed',
    reason: 'granted',
    count,
    channel: 'operator',
    ...change,
  };
}

export function batchOf(arrivals: readonly (Arrival | EventArrival)[], change: Partial<ArrivedBatch> = {}): ArrivedBatch {
  const evidence = (results: readonly ArrivalResult[]): AuditEvent[] => [event(results.length, { action: 'observations.write' })];
  return { tenant: 'clinic', gateway: 'gw-icu', at: TEST_NOW, sentAt: null, arrivals, refusals: [], evidence, ...change };
}

const seen = (rows: number): AuditEvent => event(rows);

async function latestValues(store: Store, patient = 'pat-icu-01', tenant = 'clinic'): Promise<Record<string, number | null>> {
  const rows = await store.latest(tenant, patient, seen);
  return Object.fromEntries(rows.map((row) => [`${row.vital} ${row.device}`, row.value]));
}

async function all(store: Store, filter: ObservationFilter = {}, tenant = 'clinic'): Promise<string[]> {
  return (await gathered(await store.observations(tenant, filter, seen))).map((row) => row.id);
}

/** What every engine must keep. `place` makes an empty one. */
export function storeContract(name: string, place: () => Promise<StorePlace>): void {
  const check = (what: string, body: (store: Store, at: StorePlace) => Promise<void>): void => {
    test(`${name}: ${what}`, async () => {
      await using at = await place();
      await using store = await at.open();
      await body(store, at);
    });
  };

  check('what was stored is read back as it was sent, of the hub’s patient and without hints', async (store) => {
    verifies('SUBJECT-BY-HUB');
    const hinted = { patient: { value: '4711', authority: 'HIS' }, bed: 'ICU-01' };
    const sent = arrivalOf({ ...hinted, seq: 5, value: 71, effective: TEST_NOW - 1000, offsetMin: 60, flags: ['motion'], test: true });
    assert.deepEqual((await store.storeBatch(batchOf([sent], { sentAt: TEST_NOW - 5 }))).results, ['stored']);
    const [read] = await gathered(await store.observations('clinic', {}, seen));
    const { received, status: _, ...facts } = sent;
    const { extension, ...resource } = JSON.parse(received) as Observation;
    assert.deepEqual(read, {
      ...facts,
      tenant: 'clinic',
      gateway: 'gw-icu',
      storedAt: TEST_NOW,
      resource: {
        ...resource,
        subject: { identifier: { system: 'urn:vitalmesh:patient', value: 'pat-icu-01' } },
        extension: extension?.filter(({ url }) => !url.endsWith('/bed')),
      },
    });
    assert.ok(received.includes('4711') && received.includes('ICU-01'));
    assert.doesNotMatch(JSON.stringify(read), /4711|ICU-01/);
    assert.equal(Object.keys(read?.resource ?? {})[0], 'resourceType');
    const { resource: __, ...reading } = read ?? assert.fail();
    assert.deepEqual(await store.latest('clinic', 'pat-icu-01', seen), [reading]);
  });

  check('a row sent again is held, stored once, and counted', async (store, at) => {
    verifies('EXACTLY-ONCE');
    const rows = [1, 2, 3].map((seq) => arrivalOf({ seq, value: 60 + seq }));
    assert.deepEqual((await store.storeBatch(batchOf(rows.slice(0, 2)))).results, ['stored', 'stored']);
    assert.deepEqual((await store.storeBatch(batchOf(rows))).results, ['held', 'held', 'stored']);
    assert.deepEqual((await store.storeBatch(batchOf([...rows.slice(2), ...rows.slice(2)]))).results, ['held', 'held']);
    assert.deepEqual(
      await all(store),
      rows.map(({ id }) => id),
    );
    assert.deepEqual(await store.counts('clinic', seen), {
      observations: 3,
      events: 0,
      duplicates: 4,
      quarantined: 0,
      patients: 1,
      unplaced: 0,
    });
    await store[Symbol.asyncDispose]();
    await using again = await at.open();
    assert.deepEqual((await again.storeBatch(batchOf(rows))).results, ['held', 'held', 'held']);
  });

  check('events are stored once, in order, and read back by kind and patient', async (store, at) => {
    verifies('EXACTLY-ONCE', 'TENANT-EVERYWHERE');
    const alert = eventArrival({ seq: 1, kind: 'alert' });
    const movement = eventArrival({ seq: 2, kind: 'movement', patient: null });
    const other = eventArrival({ seq: 3, kind: 'alert', patient: 'pat-icu-02' });
    assert.deepEqual((await store.storeBatch(batchOf([alert, arrivalOf({ seq: 4 }), movement]))).results, ['stored', 'stored', 'stored']);
    const changed = { ...movement, received: '{"resourceType":"Basic","id":"x"}' };
    assert.deepEqual((await store.storeBatch(batchOf([alert, changed, other]))).results, ['held', 'reused', 'stored']);
    assert.deepEqual(await store.counts('clinic', seen), {
      observations: 1,
      events: 3,
      duplicates: 1,
      quarantined: 1,
      patients: 1,
      unplaced: 0,
    });

    const read = async (filter: EventFilter, from = store): Promise<string[]> =>
      (await gathered(await from.events('clinic', filter, seen))).map(({ id }) => id);
    assert.deepEqual(await read({}), [alert.id, movement.id, other.id]);
    assert.deepEqual(await read({ kind: 'alert' }), [alert.id, other.id]);
    assert.deepEqual(await read({ kind: 'alert', patient: 'pat-icu-02' }), [other.id]);
    assert.deepEqual(await read({ since: TEST_NOW + 1 }), []);
    assert.deepEqual(await gathered(await store.events('elsewhere', {}, seen)), []);
    await store[Symbol.asyncDispose]();
    await using again = await at.open();
    const [first, second] = await gathered(await again.events('clinic', {}, seen));
    const { received: _, ...facts } = alert;
    assert.deepEqual(
      { ...first, resource: undefined },
      { ...facts, tenant: 'clinic', gateway: 'gw-icu', storedAt: TEST_NOW, resource: undefined },
    );
    assert.doesNotMatch(JSON.stringify(first), /4711|ICU-01/);
    assert.deepEqual(second?.resource, JSON.parse(movement.received));
  });

  check('what is kept of a gateway in quarantine is bounded, the oldest goes, and nothing of another one', async (store) => {
    verifies('QUARANTINE-BOUNDED');
    const refusal = (id: string, bytes = 10): Refusal => ({
      ...{ id, code: 'INGEST-INVALID', rule: 'value' },
      received: `${id.padEnd(bytes - 1, 'x')}ä`,
    });
    const send = (refusals: Refusal[], quarantine: ArrivedBatch['quarantine'], gateway = 'gw-icu') =>
      store.storeBatch(batchOf([], { refusals, gateway, ...(quarantine && { quarantine }) })).then(({ dropped }) => dropped);
    const held = async (): Promise<number> => (await store.counts('clinic', seen)).quarantined;
    assert.equal(
      await send(
        ['a', 'b', 'c', 'd'].map((id) => refusal(id)),
        undefined,
        'gw-home',
      ),
      0,
    );
    const rows = { rows: 3, bytes: 1e6 };
    assert.equal(await send([refusal('a'), refusal('b'), refusal('c')], rows), 0);
    assert.equal(await send([refusal('a'), refusal('b')], rows), 0, 'what is there already needs no room');
    assert.equal(await send([refusal('d'), refusal('e')], rows), 2);
    assert.equal(await held(), 4 + 3);
    // `a` and `b` went: they are new again, and push out `c` and `d`.
    assert.equal(await send([refusal('a'), refusal('b')], rows), 2);
    // In bytes, as UTF-8: eleven each.
    assert.equal(await send([refusal('f')], { rows: 100, bytes: 33 }), 1);
    assert.equal(await send([refusal('g')], { rows: 100, bytes: 32 }), 2);
    assert.equal(await send([refusal('large', 5000)], { rows: 100, bytes: 32 }), 3, 'what is larger than all room is not kept');
    assert.equal(await held(), 4);
    const reused = arrivalOf({ seq: 1, value: 1 });
    await store.storeBatch(batchOf([arrivalOf({ seq: 1 })]));
    assert.equal((await store.storeBatch(batchOf([reused], { quarantine: { rows: 0, bytes: 0 } }))).dropped, 1);
  });

  check('a batch whose evidence fails is not stored, and costs nobody else', async (store) => {
    verifies('ONE-DOOR');
    const failing = batchOf([arrivalOf({ seq: 1 }), eventArrival({ seq: 2, kind: 'alert' })], {
      refusals: [{ id: 'x', code: 'INGEST-INVALID', rule: 'value', received: '{}' }],
      evidence: () => {
        throw new VitalmeshError('UPLINK-KEY-REUSED');
      },
    });
    const [bad, good] = await Promise.allSettled([store.storeBatch(failing), store.storeBatch(batchOf([arrivalOf({ seq: 3 })]))]);
    assert.equal(bad.status === 'rejected' && asVitalmeshError(bad.reason).code, 'UPLINK-KEY-REUSED');
    assert.equal(good.status, 'fulfilled');
    await assert.rejects(store.storeBatch(failing), { code: 'UPLINK-KEY-REUSED' });
    assert.deepEqual(await store.counts('clinic', seen), {
      observations: 1,
      events: 0,
      duplicates: 0,
      quarantined: 0,
      patients: 1,
      unplaced: 0,
    });
    assert.deepEqual((await store.storeBatch(batchOf([arrivalOf({ seq: 1, value: 1 })]))).results, ['stored'], 'its keys are free');
  });

  check('the same key twice in one batch is stored once', async (store) => {
    verifies('EXACTLY-ONCE');
    const row = arrivalOf({ seq: 1 });
    assert.deepEqual((await store.storeBatch(batchOf([row, row, arrivalOf({ seq: 1, value: 1 })]))).results, ['stored', 'held', 'reused']);
    assert.deepEqual(await store.counts('clinic', seen), {
      observations: 1,
      events: 0,
      duplicates: 1,
      quarantined: 1,
      patients: 1,
      unplaced: 0,
    });
  });

  check('a key with other content is refused and kept in quarantine, and the others of its batch are stored', async (store) => {
    verifies('KEY-REUSED', 'GOOD-PARTS-SURVIVE');
    await store.storeBatch(batchOf([arrivalOf({ seq: 1, value: 60 })]));
    const mixed = [arrivalOf({ seq: 1, value: 61 }), arrivalOf({ seq: 2, value: 62 })];
    assert.deepEqual((await store.storeBatch(batchOf(mixed))).results, ['reused', 'stored']);
    assert.deepEqual((await store.storeBatch(batchOf(mixed))).results, ['reused', 'held']);
    assert.deepEqual((await latestValues(store))['hr monitor-1'], 62);
    assert.equal((await store.counts('clinic', seen)).quarantined, 1);
  });

  check('a gateway that was given to another tenant does not bring its old rows along', async (store) => {
    verifies('TENANT-EVERYWHERE', 'EXACTLY-ONCE');
    const row = arrivalOf({ seq: 1 });
    await store.storeBatch(batchOf([row]));
    assert.deepEqual((await store.storeBatch(batchOf([{ ...row, patient: 'pat-other-01' }], { tenant: 'other' }))).results, ['held']);
    assert.deepEqual(await all(store, {}, 'other'), []);
  });

  check('refused parts are counted with their batch, once however often they are sent', async (store) => {
    verifies('NO-SILENT-DROP');
    const refusals = [{ id: '', code: 'INGEST-INVALID' as const, rule: 'not an object', received: '17' }];
    for (let i = 0; i < 2; i += 1) assert.deepEqual((await store.storeBatch(batchOf([], { refusals }))).results, []);
    assert.deepEqual(await store.counts('clinic', seen), {
      observations: 0,
      events: 0,
      duplicates: 0,
      quarantined: 1,
      patients: 0,
      unplaced: 0,
    });
  });

  check('latest follows the sort time, whatever the order of arrival', async (store) => {
    verifies('THREE-INSTANTS');
    const row = (seq: number, effective: Instant, flags: Flag[] = []): Arrival =>
      arrivalOf({ seq, value: seq, effective, receivedAt: TEST_NOW, ...(flags.length > 0 && { flags }) });
    await store.storeBatch(batchOf([row(10, TEST_NOW - MINUTE)]));
    await store.storeBatch(batchOf([row(11, TEST_NOW - 2 * MINUTE)], { at: TEST_NOW + 1 }));
    assert.equal((await latestValues(store))['hr monitor-1'], 10, 'late data');
    await store.storeBatch(batchOf([row(12, TEST_NOW - 5 * MINUTE, ['memory'])], { at: TEST_NOW + 2 }));
    assert.equal((await latestValues(store))['hr monitor-1'], 10, 'a memory reading over a newer one');
    await store.storeBatch(batchOf([row(13, TEST_NOW + 3_600_000, ['memory'])], { at: TEST_NOW + 3 }));
    assert.equal((await latestValues(store))['hr monitor-1'], 10, 'a memory reading with a doubtful clock');
    await store.storeBatch(batchOf([row(14, TEST_NOW - 30_000, ['memory'])], { at: TEST_NOW + 4 }));
    assert.equal((await latestValues(store))['hr monitor-1'], 14, 'a memory reading newer than all');
    const future = arrivalOf({ seq: 15, value: 15, effective: Date.UTC(2028, 0, 1), receivedAt: TEST_NOW });
    assert.deepEqual([future.sortTime, future.flags], [TEST_NOW, ['clock']]);
    await store.storeBatch(batchOf([future], { at: TEST_NOW + 5 }));
    assert.equal((await latestValues(store))['hr monitor-1'], 15, 'a live stamp from 2028 is taken at its receipt');
    await store.storeBatch(batchOf([row(16, TEST_NOW + 1000)], { at: TEST_NOW + 6 }));
    assert.equal((await latestValues(store))['hr monitor-1'], 16, 'and does not freeze latest');
    assert.equal((await all(store)).length, 7);
  });

  check('of equal sort times the one stored later is the current one', async (store) => {
    verifies('THREE-INSTANTS');
    await store.storeBatch(batchOf([arrivalOf({ seq: 35, value: 35 }), arrivalOf({ seq: 36, value: 36 })]));
    assert.equal((await latestValues(store))['hr monitor-1'], 36);
    await store.storeBatch(batchOf([arrivalOf({ seq: 37, value: 37 })], { at: TEST_NOW - 1 }));
    assert.equal((await latestValues(store))['hr monitor-1'], 36, 'the hub’s clock went back');
  });

  check('cancelled and entered-in-error rows are kept but never current', async (store) => {
    await store.storeBatch(
      batchOf([arrivalOf({ seq: 1, value: 1 }), arrivalOf({ seq: 2, value: 2, status: 'cancelled', effective: TEST_NOW + 1 })]),
    );
    assert.equal((await latestValues(store))['hr monitor-1'], 1);
    assert.equal((await all(store)).length, 2);
  });

  check('what is taken back leaves latest to what remains, and stays in the history', async (store) => {
    verifies('THREE-INSTANTS', 'STALE-IS-NULL');
    const key = { tenant: 'clinic', patient: 'pat-icu-01', vital: 'hr', device: 'monitor-1' };
    const back = (seq: number, effective: Instant, status: 'cancelled' | 'entered-in-error', change: SampleOptions = {}): Arrival => ({
      ...arrivalOf({ seq, value: null, absent: 'error', effective, receivedAt: TEST_NOW, ...change }),
      status,
    });
    await store.storeBatch(
      batchOf([
        arrivalOf({ seq: 1, value: 1, effective: TEST_NOW - 2000 }),
        arrivalOf({ seq: 2, value: 2, effective: TEST_NOW - 1000 }),
        arrivalOf({ seq: 3, value: 3 }),
        arrivalOf({ seq: 4, value: 4, device: 'other' }),
        // Its time was set aside, so that it is ordered by another.
        arrivalOf({ seq: 5, value: 5, device: 'future', effective: Date.UTC(2028, 0, 1), receivedAt: TEST_NOW }),
      ]),
    );
    assert.deepEqual((await store.storeBatch(batchOf([back(11, TEST_NOW - 1000, 'cancelled')]))).currencies, [], 'an older one');
    assert.equal((await latestValues(store))['hr monitor-1'], 3);
    const { currencies } = await store.storeBatch(batchOf([back(12, TEST_NOW, 'entered-in-error')]));
    assert.deepEqual(currencies, [{ ...key, freshAt: TEST_NOW - 2000, storedAt: TEST_NOW, place: 'bed' }]);
    assert.deepEqual(await latestValues(store), { 'hr monitor-1': 1, 'hr other': 4, 'hr future': 5 });
    await store.storeBatch(batchOf([back(13, TEST_NOW - 2000, 'cancelled', { test: true })]));
    assert.equal((await latestValues(store))['hr monitor-1'], 1, 'a test row takes back no real one');
    const last = await store.storeBatch(batchOf([back(14, TEST_NOW - 2000, 'cancelled')]));
    assert.deepEqual(last.currencies, [{ ...key, gone: true }]);
    await store.storeBatch(batchOf([back(15, Date.UTC(2028, 0, 1), 'cancelled', { device: 'future' })]));
    assert.deepEqual(await latestValues(store), { 'hr other': 4 });
    // Sent before what takes it back, and come after it.
    await store.storeBatch(batchOf([arrivalOf({ seq: 10, value: 10 })]));
    assert.deepEqual(await latestValues(store), { 'hr other': 4 });
    await store.storeBatch(batchOf([arrivalOf({ seq: 16, value: 16, status: 'corrected' })]));
    assert.equal((await latestValues(store))['hr monitor-1'], 16, 'the right value for the same time');
    assert.equal((await all(store)).length, 12);
  });

  check('what was taken back stays so when it comes behind what takes it back, in the same batch', async (store) => {
    const back: Arrival = { ...arrivalOf({ seq: 9, value: null, absent: 'error' }), status: 'entered-in-error' };
    await store.storeBatch(batchOf([back, arrivalOf({ seq: 3, value: 3 }), arrivalOf({ seq: 12, value: 12, device: 'other' })]));
    assert.deepEqual(await latestValues(store), { 'hr other': 12 });
  });

  check('a test reading never takes the place of a real one, which always takes that of a test one', async (store) => {
    await store.storeBatch(batchOf([arrivalOf({ seq: 1, value: 1, test: true })]));
    assert.equal((await latestValues(store))['hr monitor-1'], 1);
    await store.storeBatch(batchOf([arrivalOf({ seq: 2, value: 2, effective: TEST_NOW - 3_600_000 })]));
    assert.equal((await latestValues(store))['hr monitor-1'], 2);
    const { currencies } = await store.storeBatch(batchOf([arrivalOf({ seq: 3, value: 3, effective: TEST_NOW + 1, test: true })]));
    assert.equal((await latestValues(store))['hr monitor-1'], 2);
    assert.deepEqual(currencies, []);
  });

  check('latest of a patient is bounded by the oldest going, which stay in the history', async (store) => {
    const row = (i: number): Arrival => arrivalOf({ seq: i + 1, device: `dev-${i}`, effective: TEST_NOW - 1000 + i, receivedAt: TEST_NOW });
    await store.storeBatch(batchOf(Array.from({ length: 510 }, (_, i) => row(i))));
    const { currencies } = await store.storeBatch(
      batchOf([row(510), row(511), row(512), arrivalOf({ seq: 900, patientId: 'pat-icu-02' })]),
    );
    assert.deepEqual(
      currencies.map((change) => [change.device, 'gone' in change]),
      [
        ['dev-510', false],
        ['dev-511', false],
        ['dev-512', false],
        ['dev-0', true],
        ['monitor-1', false],
      ],
    );
    const devices = (await store.latest('clinic', 'pat-icu-01', seen)).map(({ device }) => device);
    assert.deepEqual([devices.length, devices[0], devices.at(-1)], [512, 'dev-512', 'dev-1']);
    assert.equal((await all(store)).length, 514);
  });

  check('after the clock was set back, what was stored ahead of it is of unknown age and gives way to what is live', async (store) => {
    verifies('STALE-IS-NULL', 'THREE-INSTANTS');
    const hour = 3_600_000;
    await store.storeBatch(batchOf([arrivalOf({ seq: 1, value: 1, receivedAt: TEST_NOW + hour })], { at: TEST_NOW + hour }));
    await store.storeBatch(batchOf([arrivalOf({ seq: 2, value: 2, vital: 'spo2' })]));
    await store.distrust(TEST_NOW);
    assert.deepEqual(
      (await store.latest('clinic', 'pat-icu-01', seen)).map(({ vital, freshAt }) => [vital, freshAt]),
      [
        ['hr', 0],
        ['spo2', TEST_NOW],
      ],
    );
    await store.storeBatch(batchOf([arrivalOf({ seq: 3, value: 3, effective: TEST_NOW - hour, receivedAt: TEST_NOW })]));
    assert.equal((await latestValues(store))['hr monitor-1'], 1, 'not to what is old');
    await store.storeBatch(batchOf([arrivalOf({ seq: 4, value: 4, test: true })]));
    assert.equal((await latestValues(store))['hr monitor-1'], 1, 'nor to a test');
    await store.storeBatch(batchOf([arrivalOf({ seq: 5, value: 5 })]));
    assert.equal((await latestValues(store))['hr monitor-1'], 5);
  });

  check('latest is the same whatever the order of arrival', async (store) => {
    verifies('THREE-INSTANTS');
    let run = 0;
    const times = fc.uniqueArray(fc.integer({ min: -600_000, max: 60_000 }), { minLength: 1, maxLength: 8 });
    const flags = fc.constantFrom<Flag[]>([], ['memory'], ['memory', 'clock'], ['motion']);
    const reading = fc.record({ flags, device: fc.constantFrom('a', 'b'), vital: fc.constantFrom('hr', 'spo2') });
    await fc.assert(
      fc.asyncProperty(
        times,
        fc.array(reading, { minLength: 8, maxLength: 8 }),
        fc.infiniteStream(fc.nat()),
        async (offsets, kinds, shuffle) => {
          const patient = `pat-run-${String(run++).padStart(4, '0')}`;
          const rows = offsets.map((offset, i) => ({ offset, ...(kinds[i] ?? assert.fail()) }));
          const winner = new Map<string, number>();
          for (const { offset, flags: marks, device, vital } of rows) {
            if (marks.includes('memory') && marks.includes('clock')) continue;
            winner.set(`${vital} ${device}`, Math.max(winner.get(`${vital} ${device}`) ?? Number.NEGATIVE_INFINITY, offset));
          }
          const order = rows.map((row) => ({ row, rank: shuffle.next().value })).sort((a, b) => a.rank - b.rank);
          for (const { row } of order) {
            const { offset, ...rest } = row;
            // Unique keys over all runs; the value is the offset, so that the winner can be read.
            const sample = { ...rest, seq: run * 100 + rows.indexOf(row), effective: TEST_NOW + offset, value: offset, patientId: patient };
            await store.storeBatch(batchOf([arrivalOf(sample)], { at: TEST_NOW + MINUTE }));
          }
          assert.deepEqual(await latestValues(store, patient), Object.fromEntries([...winner].sort(([a], [b]) => (a < b ? -1 : 1))));
        },
      ),
      { numRuns: 25 },
    );
  });

  check('nothing of one tenant is read by another', async (store) => {
    verifies('TENANT-EVERYWHERE');
    await store.storeBatch(batchOf([arrivalOf({ seq: 1 })]));
    await store.storeBatch(
      batchOf([arrivalOf({ agent: 'gw-other', seq: 1, patientId: 'pat-other-01' })], { tenant: 'other', gateway: 'gw-other' }),
    );
    assert.deepEqual(await store.latest('other', 'pat-icu-01', seen), []);
    assert.deepEqual(await all(store, { patient: 'pat-icu-01' }, 'other'), []);
    assert.deepEqual(await all(store, {}, 'other'), [`gw-other.${TEST_EPOCH}.1.0`]);
    assert.deepEqual(
      (await store.patients('other', seen)).map(({ patient }) => patient),
      ['pat-other-01'],
    );
    assert.deepEqual(await store.counts('nobody', seen), {
      observations: 0,
      events: 0,
      duplicates: 0,
      quarantined: 0,
      patients: 0,
      unplaced: 0,
    });
  });

  check('the same patient id in two tenants is two patients', async (store) => {
    verifies('TENANT-EVERYWHERE');
    await store.storeBatch(batchOf([arrivalOf({ seq: 1, value: 1 })]));
    await store.storeBatch(batchOf([arrivalOf({ agent: 'gw-other', seq: 1, value: 2 })], { tenant: 'other', gateway: 'gw-other' }));
    assert.deepEqual(await latestValues(store, 'pat-icu-01', 'clinic'), { 'hr monitor-1': 1 });
    assert.deepEqual(await latestValues(store, 'pat-icu-01', 'other'), { 'hr monitor-1': 2 });
  });

  check('observations are walked in order of storing, by patient and since a time, to what was there when asked', async (store) => {
    for (let i = 1; i <= 4; i += 1) {
      const rows = [arrivalOf({ seq: 2 * i }), arrivalOf({ seq: 2 * i + 1, patientId: 'pat-icu-02' })];
      await store.storeBatch(batchOf(rows, { at: TEST_NOW + i }));
    }
    const id = (seq: number): string => `gw-icu.${TEST_EPOCH}.${seq.toString(36)}.0`;
    assert.deepEqual(await all(store), [2, 3, 4, 5, 6, 7, 8, 9].map(id));
    assert.deepEqual(await all(store, { patient: 'pat-icu-02' }), [3, 5, 7, 9].map(id));
    assert.deepEqual(await all(store, { since: TEST_NOW + 3 }), [6, 7, 8, 9].map(id));
    assert.deepEqual(await all(store, { since: TEST_NOW + 4, patient: 'pat-icu-01' }), [8].map(id));
    assert.deepEqual(await all(store, { since: TEST_NOW + 5 }), []);
    const walk = await store.observations('clinic', {}, seen);
    await store.storeBatch(batchOf([arrivalOf({ seq: 20 })]));
    assert.equal((await gathered(walk)).length, 8);
    assert.equal((await gathered(walk)).length, 8, 'a second walk gives the same');
  });

  check('a walk over many parts gives every row once, and its evidence counts them', async (store) => {
    let shown = 0;
    for (let i = 0; i < 5; i += 1)
      await store.storeBatch(
        batchOf(
          Array.from({ length: 500 }, (_, k) => arrivalOf({ seq: i * 500 + k + 1 })),
          { at: TEST_NOW + i },
        ),
      );
    const walk = await store.observations('clinic', { patient: 'pat-icu-01', since: TEST_NOW + 1 }, (rows) => {
      shown = rows;
      return event(rows);
    });
    assert.equal(new Set((await gathered(walk)).map(({ id }) => id)).size, 2000);
    assert.equal(shown, 2000);
  });

  check('patients are told with what they have and when it last came', async (store) => {
    await store.storeBatch(
      batchOf([arrivalOf({ seq: 1 }), arrivalOf({ seq: 2, vital: 'spo2', value: 97 }), arrivalOf({ seq: 3, device: 'other' })]),
    );
    await store.storeBatch(batchOf([arrivalOf({ seq: 4, patientId: 'pat-icu-02', flags: ['memory', 'clock'] })], { at: TEST_NOW + 9 }));
    assert.deepEqual(await store.patients('clinic', seen), [
      { patient: 'pat-icu-01', lastStoredAt: TEST_NOW, vitals: ['hr', 'spo2'] },
      { patient: 'pat-icu-02', lastStoredAt: TEST_NOW + 9, vitals: [] },
    ]);
    const [first] = await gathered(store.currencies());
    assert.deepEqual(first, {
      tenant: 'clinic',
      patient: 'pat-icu-01',
      vital: 'hr',
      device: 'monitor-1',
      freshAt: TEST_NOW,
      storedAt: TEST_NOW,
      place: 'bed',
    });
  });

  check('a panel keeps its parts, an absence its reason', async (store) => {
    verifies('NOTHING-INVENTED');
    await store.storeBatch(
      batchOf([
        arrivalOf({ seq: 1, vital: 'nibp_s', value: 120 }),
        arrivalOf({ seq: 2, vital: 'spo2', value: null, absent: 'not-performed' }),
      ]),
    );
    const [panel, spo2] = (await store.latest('clinic', 'pat-icu-01', seen)) as [StoredReading, StoredReading];
    assert.equal(panel.vital, 'nibp');
    assert.equal(panel.value, null);
    assert.deepEqual(
      panel.components.map(({ vital, value, absent }) => ({ vital, value, absent })),
      [
        { vital: 'nibp_s', value: 120, absent: null },
        { vital: 'nibp_d', value: null, absent: 'unknown' },
      ],
    );
    assert.deepEqual([spo2.value, spo2.absent], [null, 'not-performed']);
  });

  check('every effect and every read stands in the chain of evidence, in order', async (store, at) => {
    verifies('AUDIT-CHAINED');
    await store.storeBatch(batchOf([arrivalOf({ seq: 1 })]));
    await store.latest('clinic', 'pat-icu-01', (rows) => event(rows, { patient: 'pat-icu-01' }));
    await store.record([event(0, { outcome: 'denied', reason: 'role' })]);
    const entries = (await gathered(store.audit())).map(({ entry }) => JSON.parse(entry) as AuditEvent);
    assert.deepEqual(
      entries.map(({ action, outcome, count }) => [action, outcome, count]),
      [
        ['observations.write', 'allowed', 1],
        ['vitals.read', 'allowed', 1],
        ['vitals.read', 'denied', 0],
      ],
    );
    const verdict = await verifyAudit(store.audit(), store.storeId);
    assert.ok(verdict.intact && verdict.entries === 3);
    await store[Symbol.asyncDispose]();
    await using again = await at.open();
    assert.equal(again.storeId, store.storeId);
    await again.record([event(0)]);
    const after = await verifyAudit(again.audit(), again.storeId);
    assert.ok(after.intact && after.entries === 4);
  });

  check('a batch whose evidence cannot be made leaves nothing behind', async (store) => {
    verifies('AUDIT-CHAINED', 'ONE-DOOR');
    const failing = batchOf([arrivalOf({ seq: 1 })], {
      evidence: () => {
        throw new RangeError('no evidence');
      },
    });
    const [failed, stored] = await Promise.allSettled([store.storeBatch(failing), store.storeBatch(batchOf([arrivalOf({ seq: 2 })]))]);
    assert.equal(failed?.status, 'rejected');
    assert.deepEqual(stored?.status === 'fulfilled' && stored.value.results, ['stored']);
    assert.equal((await all(store)).length, 1);
    assert.equal((await gathered(store.audit())).length, 2);
  });

  check('each batch is committed at a greater position than those before it, whatever became of it', async (store) => {
    verifies('STORE-LINEAGE');
    const refused = { id: '', code: 'INGEST-INVALID', rule: 'not an object', received: '1' } as const;
    const batches = [
      batchOf([arrivalOf({ seq: 1 })]),
      batchOf([arrivalOf({ seq: 1 })]),
      batchOf([], { refusals: [refused] }),
      batchOf([arrivalOf({ seq: 2 }), arrivalOf({ seq: 3 })]),
    ];
    const together = await Promise.all(batches.map((batch) => store.storeBatch(batch)));
    await store.record([event(0)]);
    const after = await store.storeBatch(batchOf([arrivalOf({ seq: 4 })]));
    const positions = [...together, after].map(({ committed }) => committed.position);
    assert.deepEqual(
      positions,
      [...new Set(positions)].toSorted((a, b) => a - b),
    );
    const { epochs, position } = await store.lineage();
    assert.equal(position, positions.at(-1));
    assert.equal(after.committed.epoch, epochs.at(-1)?.epoch);
    await assert.rejects(store.storeBatch(batchOf([arrivalOf({ seq: 5 })], { evidence: () => [] })), { code: 'INTERNAL' });
  });

  check('a lineage names every epoch that something was committed under, with the last position before it', async (store, at) => {
    verifies('STORE-LINEAGE');
    const empty = await store.lineage();
    assert.equal(empty.position, 0);
    const first = (await store.storeBatch(batchOf([arrivalOf({ seq: 1 })]))).committed;
    const begun = await store.beginStoreEpoch();
    assert.deepEqual(begun, { epoch: begun.epoch, from: first.position });
    const second = (await store.storeBatch(batchOf([arrivalOf({ seq: 2 })]))).committed;
    assert.equal(second.epoch, begun.epoch);
    assert.notEqual(second.epoch, first.epoch);
    await store[Symbol.asyncDispose]();
    await using again = await at.open();
    const third = (await again.storeBatch(batchOf([arrivalOf({ seq: 3 })]))).committed;
    const { epochs, position } = await again.lineage();
    assert.deepEqual(epochs.slice(0, 2), [{ epoch: first.epoch, from: 0 }, begun]);
    assert.equal(epochs.at(-1)?.epoch, third.epoch);
    assert.equal(position, third.position);
    const froms = epochs.map(({ from }) => from);
    assert.deepEqual(
      froms,
      froms.toSorted((a, b) => a - b),
    );
  });

  check('bindings keep their time over a new start, and one that changed meanwhile begins anew', async (store, at) => {
    verifies('SUBJECT-BY-HUB');
    const bed = (name: string, patient: string | null): Binding => ({ gateway: 'gw-icu', kind: 'bed', name, tenant: 'clinic', patient });
    const times = async (of: Store, next: Binding[], now: Instant): Promise<Record<string, Instant>> =>
      Object.fromEntries((await of.rebind(next, now)).map(({ name, since }) => [name, since]));
    assert.deepEqual(await times(store, [bed('A', 'pat-icu-01'), bed('B', null)], 1000), { A: 0, B: 0 });
    assert.deepEqual(await times(store, [bed('A', 'pat-icu-01'), bed('B', 'pat-icu-02')], 2000), { A: 0, B: 2000 });
    await store[Symbol.asyncDispose]();
    await using again = await at.open();
    assert.deepEqual(await times(again, [bed('A', 'pat-icu-03'), bed('B', 'pat-icu-02')], 3000), { A: 3000, B: 2000 });
    assert.deepEqual(await times(again, [bed('A', 'pat-icu-03')], 4000), { A: 3000, B: 4000 });
    assert.deepEqual(await times(again, [bed('A', 'pat-icu-03')], 5000), { A: 3000, B: 4000 });
  });

  check(
    'adoptions of a home keep their time over a new start, and a serial number 1 is another device than an address 1',
    async (store, at) => {
      verifies('DEVICE-ADOPTED-SINCE');
      const home = (adopted?: readonly AdoptedDevice[], patient = 'pat-home-01'): Binding[] =>
        bindingsOf({ identity: 'gw-home', tenant: 'clinic', patient, beds: {}, devices: {}, adopted });
      const times = async (of: Store, next: Binding[], now: Instant): Promise<[string, string | null, Instant][]> =>
        (await of.rebind(next, now))
          .filter(({ kind }) => kind === 'adopted')
          .map(({ name, patient, since }): [string, string | null, Instant] => [name, patient, since])
          .sort(([a], [b]) => (a < b ? -1 : 1));
      const serial: AdoptedDevice = { id: '1', idType: 'serial' };
      const mac: AdoptedDevice = { id: '1', idType: 'mac' };
      const who = 'pat-home-01';
      assert.deepEqual(await times(store, home(), 1000), []);
      assert.deepEqual(await times(store, home([serial]), 2000), [
        ['', who, 2000],
        ['serial 1', who, 0],
      ]);
      const both: [string, string | null, Instant][] = [
        ['', who, 2000],
        ['mac 1', who, 3000],
        ['serial 1', who, 0],
      ];
      assert.deepEqual(await times(store, home([serial, mac]), 3000), both);
      await store[Symbol.asyncDispose]();
      await using again = await at.open();
      assert.deepEqual(await times(again, home([serial, mac]), 4000), both);
      const gone: [string, string | null, Instant][] = [
        ['', null, 5000],
        ['mac 1', who, 3000],
        ['serial 1', who, 0],
      ];
      assert.deepEqual(await times(again, home(), 5000), gone);
      assert.deepEqual(await times(again, home([mac], 'pat-home-02'), 6000), [
        ['', 'pat-home-02', 6000],
        ['mac 1', 'pat-home-02', 5000],
        ['serial 1', null, 6000],
      ]);
    },
  );

  check('what a store lost of what it told of makes a stretch without bindings, once, until a registry is read again', async (store) => {
    verifies('PUT-BACK-NOBODYS');
    const bed: Binding = { gateway: 'gw-icu', kind: 'bed', name: 'A', tenant: 'clinic', patient: 'pat-icu-01' };
    const foreign = 'zzzzzzzzzzzzz';
    const stretches = async (at: Instant) =>
      ((await store.rebind([bed], at))[0]?.unknown ?? []).map(({ from, found, until }) => [from, found, until]);
    await store.rebind([bed], 1000);
    const kept = (await store.storeBatch(batchOf([arrivalOf({ seq: 1 })]))).committed;
    await store.beginStoreEpoch();
    const present = (await store.storeBatch(batchOf([arrivalOf({ seq: 2 })]))).committed;
    const before = [0, 1000, 1000 - 120_000];
    for (const told of [[], [kept], [kept, present], [{ ...present, position: present.position + 5 }]])
      assert.equal(await store.noticeLoss(told, 2000), false, JSON.stringify(told));
    const lost = { ...kept, position: kept.position + 5 };
    assert.equal(await store.noticeLoss([lost], 2000), true);
    assert.equal(await store.noticeLoss([], 2500), true, 'until the registry is read');
    const [, stretch, ...more] = await stretches(3000);
    assert.deepEqual([stretch?.slice(1), more], [[2000, 3000], []]);
    assert.ok((stretch?.[0] ?? 0) > 0, 'from the last commit that is held');
    // The same loss, as another gateway knows it, by the name of an epoch that this store never led.
    for (const told of [[lost], [kept, { epoch: foreign, position: 99 }]]) assert.equal(await store.noticeLoss(told, 4000), false);
    // One of which nobody knows when is not taken for another.
    assert.equal(await store.noticeLoss([{ epoch: foreign, position: 99 }], 5000), true);
    assert.deepEqual((await stretches(6000)).slice(0, 2), [before, stretch]);
    const told = (await store.unknownBindings()).map(({ from, found, until }) => [from, found, until]);
    assert.deepEqual(told, await stretches(6000), 'as whoever brings no registry into force reads it');
    assert.equal(await store.noticeLoss([{ epoch: foreign, position: 99 }], 7000), false);
    assert.equal((await stretches(8000)).length, 3);
  });

  check('a new store knows nothing of before the first reading of a registry, and says so of every binding for ever', async (store, at) => {
    verifies('NEW-STORE-NOBODYS');
    const gateway = { gateway: 'gw-icu', kind: 'bed', tenant: 'clinic' } as const;
    const first = 1_000_000_000_000;
    const before = { from: 0, found: first, until: first - 120_000 };
    const a = { ...gateway, name: 'A', patient: 'pat-icu-01' };
    const b = { ...gateway, name: 'B', patient: 'pat-icu-02' };
    assert.deepEqual(await store.rebind([], first), []);
    // A gateway that tells of movements alone is no binding, and what comes behind it is not the first any more.
    assert.deepEqual(await store.rebind([a], first + 1), [{ ...a, since: first + 1, unknown: [before] }]);
    await store[Symbol.asyncDispose]();
    await using again = await at.open();
    assert.deepEqual(await again.rebind([a, b], first + 2), [
      { ...a, since: first + 1, unknown: [before] },
      { ...b, since: first + 2, unknown: [before] },
    ]);
  });

  check('a hub that does not know the time knows no binding until it does', async (store) => {
    verifies('NEW-STORE-NOBODYS');
    const bed: Binding = { gateway: 'gw-icu', kind: 'bed', name: 'A', tenant: 'clinic', patient: 'pat-icu-01' };
    const [floor, known] = [1_000_000_000_000, 1_700_000_000_000];
    const stretch = async (at: Instant, isTimeKnown: boolean) => (await store.rebind([bed], at, isTimeKnown))[0]?.unknown;
    const endless = { from: 0, found: NO_END, until: NO_END };
    assert.deepEqual(await stretch(floor, false), [endless]);
    assert.deepEqual(await stretch(floor + 1, false), [endless], 'a reload changes nothing of that');
    const before = { from: 0, found: known, until: known - 120_000 };
    assert.deepEqual(await stretch(known, true), [before]);
    assert.deepEqual(await stretch(known + 1, true), [before]);
  });

  check('every tenant that has anything is named', async (store) => {
    assert.deepEqual(store.tenants(), []);
    await store.storeBatch(batchOf([arrivalOf({ seq: 1 })], { tenant: 'other' }));
    const refused = { id: '', code: 'INGEST-INVALID', rule: 'not an object', received: '1' } as const;
    await store.storeBatch(batchOf([], { tenant: 'clinic', refusals: [refused] }));
    assert.deepEqual(store.tenants(), ['clinic', 'other']);
  });
}

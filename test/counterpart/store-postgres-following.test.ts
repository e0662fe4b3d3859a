import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { DEFAULT_POLICY } from '../../hub/access/default-policy.ts';
import { operatorPrincipal } from '../../hub/access/principals.ts';
import { verifyAudit } from '../../hub/audit/chain.ts';
import { shown } from '../../hub/patients/hand/shown.ts';
import { forgetErased } from '../../hub/privacy/forget-erased.ts';
import { OtherHubs } from '../../hub/store/postgres/other-hubs.ts';
import { openPostgresStore } from '../../hub/store/postgres/postgres.ts';
import type { Clock } from '../../shared/clock.ts';
import { silentLogger as log } from '../../shared/log.ts';
import { Metrics } from '../../shared/metrics.ts';
import { followingProperty } from '../contract/following.ts';
import { verifies } from '../requirements.ts';
import { evidenceOf } from '../support/evidence.ts';
import {
  FOLLOWING_REGISTRY,
  held,
  idOf,
  listening,
  measure,
  minute,
  movementBundle,
  READ,
  readingBundle,
  tell,
} from '../support/following.ts';
import { TEST_NOW, TestClock, type TestHub, testHub } from '../support/hub.ts';
import { type PostgresDatabase, PostgresServer } from '../support/postgres.ts';

/** Of the property; each opens two stores. */
const RUNS = 4;

const server = await PostgresServer.start();
after(() => server[Symbol.asyncDispose]());

/** A hub on a database, that hears of the others as a hub does. */
async function hubOn(
  { app: address, owner }: PostgresDatabase,
  registry = FOLLOWING_REGISTRY,
  clock: Clock = new TestClock(),
): Promise<TestHub> {
  const store = await openPostgresStore({ address, owner, metrics: new Metrics(), log });
  const h = testHub({ store, registry, clock });
  await h.whereabouts.open();
  const others = new OtherHubs({
    ...{ store, log },
    tell: ({ patients, erased }) => {
      for (const changed of patients) h.feed.publish(changed);
      if (erased)
        forgetErased(erased, {
          staleness: { currentOf: () => [], changed: () => undefined },
          whereabouts: h.whereabouts,
          registry: h.registry,
          feed: h.feed,
          clock,
        });
      h.lookAgain();
    },
  });
  await others.start(new AbortController().signal);
  const close = async (): Promise<void> => {
    await others[Symbol.asyncDispose]();
    await h.close();
  };
  return { ...h, close, [Symbol.asyncDispose]: close };
}

/** Resolves once the feed of a hub told this of somebody. */
function hears({ feed }: TestHub, wanted: string, of: string): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const listener = feed.subscribe(({ kind, patient }) => {
    if (kind === wanted && patient === of) resolve();
  });
  return promise.finally(() => listener[Symbol.dispose]());
}

async function twoHubs({ registry, clock }: { registry: string; clock: Clock }): Promise<readonly TestHub[]> {
  const database = await server.database();
  return [await hubOn(database, registry, clock), await hubOn(database, registry, clock)];
}

followingProperty('two hubs on one database', RUNS, twoHubs, { endOnFailure: true });

test('an operator who asks one hub who lies where is told nobody for sure once the movements that another one heard are silent', async () => {
  verifies('SHOWN-AS-READ', 'STORE-SHARED');
  const database = await server.database();
  const registry = FOLLOWING_REGISTRY.replace('12h', '25m');
  await using a = await hubOn(database, registry);
  // Told by nobody of what the other one stores.
  const store = await openPostgresStore({ address: database.app, owner: database.owner, metrics: new Metrics(), log });
  await using b = testHub({ store, registry, clock: new TestClock() });
  await b.whereabouts.open();
  await tell(a, 1, -60, 'A01', { who: 'ann', bed: 'ICU-01' });
  for (const hub of [a, b]) {
    const ask = shown({ ...hub, policy: () => DEFAULT_POLICY, clock: new TestClock() });
    const [stay] = await ask(operatorPrincipal(1000, 'clinic'), { bed: 'ICU-01', at: minute(-1), numbers: false }, { channel: 'operator' });
    assert.equal(stay?.state, 'unconfirmed');
  }
});

test('what is told to one hub decides over what another measures, and a late movement corrects it for the readers of both', async () => {
  verifies('SUBJECT-BY-MOVEMENTS', 'LATE-MOVEMENT-CORRECTS', 'STORE-SHARED-FEED');
  const database = await server.database();
  await using a = await hubOn(database);
  await using b = await hubOn(database);
  await tell(a, 1, -60, 'A01', { who: 'ann', bed: 'ICU-01' });
  for (let i = 0; i < 5; i += 1) await measure(b, i + 1, -50 + i * 10, { value: 60 + i, ...(i === 3 && { who: 'bob' }) });
  assert.deepEqual(await held(a, ['ann', 'bob'], ['ICU-01']), { ann: [60, 61, 62, 64], 'ICU-01': [63] });
  const told = listening(b);
  const [ann, bob] = [await idOf(a, 'ann'), await idOf(a, 'bob')];
  const heard = Promise.all([hears(b, 'corrected', ann), hears(b, 'corrected', bob)]);
  await tell(a, 2, -35, 'A02', { who: 'ann', bed: 'ICU-02', priorBed: 'ICU-01' });
  await tell(a, 3, -25, 'A01', { who: 'bob', bed: 'ICU-01' });
  const expected = { ann: [60, 61], 'ICU-01': [62], bob: [63, 64] };
  assert.deepEqual(await held(b, ['ann', 'bob'], ['ICU-01', 'ICU-02']), expected);
  await heard;
  assert.ok(told.every(({ patient }) => patient === ann || patient === bob));
  const moved = (await evidenceOf(a.store)).filter(({ reason }) => reason.startsWith('moved-'));
  assert.deepEqual(
    moved.map(({ patient, reason, count }) => [patient, reason, count]).sort(),
    [
      [ann, 'moved-away', 2],
      [bob, 'moved-here', 2],
    ].sort(),
  );
  assert.deepEqual((await a.store.verify()).findings, []);
});

test('batches at both hubs while people are moved at both: each is placed by what is so, and the evidence is whole', async () => {
  verifies('PLACED-IN-THE-COMMIT', 'STORE-SHARED');
  const database = await server.database();
  await using a = await hubOn(database);
  await using b = await hubOn(database);
  await tell(a, 1, -60, 'A01', { who: 'ann', bed: 'ICU-01' });
  const reading = (h: TestHub, seq: number) => h.ingest.batch('gw-icu', readingBundle(seq, -60 + seq, { value: 100 + seq }));
  const outcomes = await Promise.all([
    ...[5, 10, 15, 20, 25, 30].map((seq) => reading(a, seq)),
    ...[6, 11, 16, 21, 26, 31].map((seq) => reading(b, seq)),
    a.ingest.batch('gw-adt', movementBundle(2, minute(-47), 'A03', [{ who: 'ann' }])),
    b.ingest.batch('gw-adt', movementBundle(3, minute(-42), 'A01', [{ who: 'bob', bed: 'ICU-01' }])),
  ]);
  assert.ok(outcomes.flatMap((one) => one.outcomes).every(({ status }) => status === 201));
  for (const { corrections } of [a, b]) await corrections.settled();
  const expected = { ann: [105, 106, 110, 111], 'ICU-01': [115, 116], bob: [120, 121, 125, 126, 130, 131] };
  assert.deepEqual(await held(a, ['ann', 'bob'], ['ICU-01']), expected);
  const verdict = await verifyAudit(a.store.audit(), a.store.storeId);
  assert.ok(verdict.intact, JSON.stringify(verdict));
  assert.deepEqual((await b.store.verify()).findings, []);
});

test('a merge that one hub hears holds at the other, and at a hub that is started later; parted again, it goes back', async () => {
  verifies('LATE-MOVEMENT-CORRECTS', 'SUBJECT-BY-MOVEMENTS');
  const database = await server.database();
  await using a = await hubOn(database);
  await using b = await hubOn(database);
  await tell(a, 1, -60, 'A01', { who: 'unknown-1', bed: 'ICU-01' });
  await measure(b, 1, -50, { value: 61, who: 'unknown-1' });
  await tell(b, 2, -40, 'A40', { who: 'ann', was: 'unknown-1' });
  await measure(a, 2, -30, { value: 62, who: 'ann' });
  await measure(a, 3, -30, { value: 63, who: 'unknown-1', device: 'monitor-2' });
  assert.deepEqual(await held(a, ['ann', 'unknown-1'], ['ICU-01']), { ann: [61, 62, 63] });
  await using later = await hubOn(database);
  assert.deepEqual(later.whereabouts.patients('clinic'), b.whereabouts.patients('clinic'));
  assert.equal(later.whereabouts.patient('clinic', await idOf(a, 'unknown-1'))?.patient, await idOf(a, 'ann'));
  await tell(later, 3, -20, 'A37', { who: 'ann' }, { who: 'unknown-1' });
  assert.deepEqual(await held(a, ['ann', 'unknown-1'], ['ICU-01']), { 'unknown-1': [61, 63], 'ICU-01': [62] });
  await measure(b, 4, -10, { value: 64 });
  assert.deepEqual((await held(a, ['ann', 'unknown-1'], ['ICU-01']))['unknown-1'], [61, 63, 64]);
});

test('rows that a hub left to be moved when it ended are moved by the next', async () => {
  verifies('REASSIGN-RESUMED');
  const database = await server.database();
  {
    await using a = await hubOn(database);
    await tell(a, 1, -60, 'A01', { who: 'ann', bed: 'ICU-01' });
    await measure(a, 1, -30, { value: 61 });
    await a.corrections[Symbol.asyncDispose]();
    await a.ingest.batch('gw-adt', movementBundle(2, minute(-40), 'A03', [{ who: 'ann' }]));
    assert.deepEqual(await held(a, ['ann'], ['ICU-01']), { ann: [61] });
  }
  await using b = await hubOn(database);
  b.corrections.wake();
  await b.corrections.settled();
  assert.deepEqual(await held(b, ['ann'], ['ICU-01']), { 'ICU-01': [61] });
});

test('whoever is erased at one hub is known at no other any more, also where nothing was ever measured of them', async () => {
  verifies('NOBODY-FOR-SURE', 'ERASE-ROWS');
  const database = await server.database();
  const clock = new TestClock();
  await using a = await hubOn(database);
  await using b = await hubOn(database, FOLLOWING_REGISTRY, clock);
  await tell(a, 1, -60, 'A01', { who: 'ann', bed: 'ICU-01' });
  await b.whereabouts.refresh('clinic');
  const ann = await idOf(a, 'ann');
  assert.equal(b.whereabouts.inBed('clinic', 'ICU-01'), ann);
  const erased = hears(b, 'erased', ann);
  const order = { tenant: 'clinic', patient: ann, reason: 'request', principal: 'local:1000', at: TEST_NOW };
  const evidence = () => ({ ...READ, count: 0, action: 'patient.erase' as const });
  await a.store.erasing.beginErasure({ ...order, names: ['urn:vitalmesh:authority:HOSP|ann'], evidence });
  await erased;
  assert.deepEqual([b.whereabouts.inBed('clinic', 'ICU-01'), b.whereabouts.isPatient(ann)], [null, false]);
  while ((await a.store.erasing.eraseSome(evidence)).more);
  clock.advance(10 * 60_000);
  await measure(b, 1, 5, { value: 63, who: 'ann' });
  assert.deepEqual(await held(b, ['ann'], ['ICU-01']), { 'ICU-01': [63] });
  assert.notEqual(await idOf(b, 'ann'), ann, 'whoever is named like them is somebody else');
});

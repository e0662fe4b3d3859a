import assert from 'node:assert/strict';
import { test } from 'node:test';
import { random } from '../../agent/simulate/physiology.ts';
import { verifyAudit } from '../../hub/audit/chain.ts';
import { StalenessWatch } from '../../hub/clinical/staleness-watch.ts';
import { type Change, Feed } from '../../hub/feed.ts';
import { forgetErased } from '../../hub/privacy/forget-erased.ts';
import type { OthersStored } from '../../hub/store/open-store.ts';
import { OtherHubs } from '../../hub/store/postgres/other-hubs.ts';
import { openPostgresStore } from '../../hub/store/postgres/postgres.ts';
import { systemClock } from '../../shared/clock.ts';
import { silentLogger } from '../../shared/log.ts';
import { Metrics } from '../../shared/metrics.ts';
import { arrivalOf, batchOf, event } from '../contract/store.ts';
import { erasureEvent, finished } from '../contract/store-erasing.ts';
import { verifies } from '../requirements.ts';
import { gathered, TEST_NOW } from '../support/hub.ts';
import { PostgresServer } from '../support/postgres.ts';
import { type Cut, PostgresCutter } from '../support/postgres-cutter.ts';
import { SendingGateways } from '../support/postgres-gateway.ts';
import { seedOf } from '../support/seed.ts';

const CUTS: readonly Cut[] = ['during', 'answer', 'half', 'before'];
const ROUNDS = 6;
const GATEWAYS = 4;

test('a batch whose commit lost its answer is refused, held when it comes again, and told to whoever follows its patient here', async () => {
  verifies('STORE-REMOTE-DURABLE', 'EXACTLY-ONCE', 'STORE-COMMIT-UNSURE');
  await using server = await PostgresServer.start();
  await using cutter = await PostgresCutter.to(server.folder);
  const { app, owner } = await server.database();
  await using store = await openPostgresStore({
    address: { ...app, host: cutter.folder },
    owner,
    metrics: new Metrics(),
    log: silentLogger,
  });
  const told: OthersStored[] = [];
  let heard = Promise.withResolvers<void>();
  await using others = new OtherHubs({
    store,
    log: silentLogger,
    tell: (stored) => {
      told.push(stored);
      heard.resolve();
    },
    // Long, so that it is told because it is known to be unsure.
    everyMs: 60_000,
  });
  await others.start(new AbortController().signal);
  const isThere = { before: false, during: true, answer: true, half: true };
  for (const [i, cut] of CUTS.entries()) {
    const patientId = `pat-${cut}`;
    const batch = batchOf([arrivalOf({ seq: 2 * i + 1, patientId }), arrivalOf({ seq: 2 * i + 2, vital: 'spo2', value: 97, patientId })]);
    heard = Promise.withResolvers<void>();
    const isCut = cutter.cut(cut);
    await assert.rejects(store.storeBatch(batch), { code: 'STORAGE-REMOTE' }, cut);
    await isCut;
    if (isThere[cut]) await heard.promise;
    const { results } = await store.storeBatch(batch);
    assert.deepEqual(results, isThere[cut] ? ['held', 'held'] : ['stored', 'stored'], cut);
  }
  const patients = told.flatMap((one) => one.patients.map(({ patient, kind, vitals }) => ({ patient, kind, vitals })));
  for (const cut of ['during', 'answer', 'half'])
    assert.deepEqual(
      patients.find(({ patient }) => patient === `pat-${cut}`),
      { patient: `pat-${cut}`, kind: 'stored', vitals: ['hr', 'spo2'] },
      cut,
    );
  const current = new Set(told.flatMap(({ currencies }) => currencies.map(({ patient, vital }) => `${patient} ${vital}`)));
  for (const cut of ['during', 'answer', 'half']) for (const vital of ['hr', 'spo2']) assert.ok(current.has(`pat-${cut} ${vital}`), cut);
  assert.ok((await verifyAudit(store.audit(), store.storeId)).intact);
});

test('an erasure whose commit lost its answer is told in the hub that made it, which holds nobody for current who is gone', {
  timeout: 60_000,
}, async () => {
  verifies('ERASE-TOLD', 'STORE-COMMIT-UNSURE');
  await using server = await PostgresServer.start();
  await using cutter = await PostgresCutter.to(server.folder);
  const { app, owner } = await server.database();
  await using store = await openPostgresStore({
    address: { ...app, host: cutter.folder },
    owner,
    metrics: new Metrics(),
    log: silentLogger,
  });
  await store.storeBatch(batchOf([arrivalOf({ seq: 1 }), arrivalOf({ seq: 2, patientId: 'pat-icu-02' })]));
  const feed = new Feed();
  await using staleness = new StalenessWatch({ store, feed });
  const stop = new AbortController();
  await staleness.start(stop.signal);
  const heard = Promise.withResolvers<Change>();
  using _subscribed = feed.subscribe((change) => change.kind === 'erased' && heard.resolve(change));
  const erased: string[][] = [];
  const tell = ({ erased: gone }: OthersStored): void => {
    if (!gone) return;
    erased.push(['pat-icu-01', 'pat-icu-02'].filter((id) => gone.isPatient(id)));
    forgetErased(gone, { staleness, whereabouts: { known: () => [] }, registry: { patients: () => [] }, feed, clock: systemClock });
  };
  // Long, so that it is told because it is known to be unsure.
  await using others = new OtherHubs({ store, log: silentLogger, tell, everyMs: 60_000 });
  await others.start(stop.signal);
  const evidence = () => erasureEvent('pat-icu-01');
  const order = { tenant: 'clinic', patient: 'pat-icu-01', reason: 'DSR-7', principal: 'local:0', at: TEST_NOW, evidence };
  const isCut = cutter.cut('answer');
  await assert.rejects(store.erasing.beginErasure(order), { code: 'STORAGE-REMOTE' });
  await isCut;
  assert.equal((await heard.promise).patient, 'pat-icu-01');
  for (const ids of erased) assert.deepEqual(ids, ['pat-icu-01']);
  assert.deepEqual(
    staleness.currentOf('clinic', () => true).map(({ patient }) => patient),
    ['pat-icu-02'],
  );
  const { tombstone, gone } = await store.erasing.beginErasure(order);
  assert.deepEqual([tombstone.reason, gone], ['DSR-7', []], 'the one that is under way');
  assert.ok(await finished(store, 'pat-icu-01'));
  assert.deepEqual(await store.erasing.erasureCounts(), { erased: 1, underWay: 0, held: 0 });
  assert.ok((await verifyAudit(store.audit(), store.storeId)).intact);
  stop.abort();
});

test(`${ROUNDS * CUTS.length} connections cut in the middle of commits of two hubs: nothing acknowledged is missing, nothing is there twice`, async (context) => {
  verifies('STORE-REMOTE-DURABLE', 'STORE-SHARED', 'EXACTLY-ONCE', 'ANSWER-AFTER-COMMIT');
  const seed = seedOf(context);
  const uniform = random(seed);
  await using server = await PostgresServer.start();
  await using cutter = await PostgresCutter.to(server.folder);
  const { app, owner } = await server.database();
  const options = { address: { ...app, host: cutter.folder }, owner, metrics: new Metrics(), log: silentLogger };
  await using a = await openPostgresStore(options);
  await using b = await openPostgresStore(options);
  const sending = new SendingGateways(GATEWAYS, [a, b], uniform);
  for (let round = 0; round < ROUNDS; round += 1)
    for (const cut of CUTS) {
      await cutter.cut(cut);
      await sending.more(20 + Math.floor(uniform() * 200));
    }
  await sending.stop();
  const { promised } = sending;
  const stored = (await gathered(await a.observations('clinic', {}, (rows) => event(rows)))).map(({ id }) => id);
  assert.deepEqual(stored.toSorted(), promised.toSorted(), 'none missing, none twice');
  const verdict = await verifyAudit(b.audit(), b.storeId);
  assert.ok(verdict.intact, JSON.stringify(verdict));
  const held = sending.gateways.reduce((sum, one) => sum + one.held, 0);
  assert.ok(held > 0, 'answers of commits that are there were lost');
  context.diagnostic(
    `${ROUNDS * CUTS.length} cuts, ${promised.length} acknowledged, ${held} of them held from a commit whose answer was lost`,
  );
});

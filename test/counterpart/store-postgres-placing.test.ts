import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import fc from 'fast-check';
import type { OthersStored } from '../../hub/store/open-store.ts';
import { nobodyIn } from '../../hub/store/placing/placing.ts';
import { OtherHubs } from '../../hub/store/postgres/other-hubs.ts';
import { openPostgresStore } from '../../hub/store/postgres/postgres.ts';
import { silentLogger } from '../../shared/log.ts';
import { Metrics } from '../../shared/metrics.ts';
import { batchOf } from '../contract/store.ts';
import { ordered, orderOf, placedReading, reassigned, storePlacingContract } from '../contract/store-placing.ts';
import { judgePlacing, placingSteps } from '../contract/store-placing-model.ts';
import { verifies } from '../requirements.ts';
import { PostgresServer, storePlaces } from '../support/postgres.ts';
import { seedOf } from '../support/seed.ts';

const RUNS = 6;

const server = await PostgresServer.start();
after(() => server[Symbol.asyncDispose]());

storePlacingContract('postgres', storePlaces(server));

test('another hub of the store hears whose rows were moved, on both sides, and takes nothing more by what was known before', async () => {
  verifies('PLACED-ROWS-FOLLOW', 'PLACES-CHANGED-REFUSED', 'STORE-SHARED');
  const { app: address, owner } = await server.database();
  const open = () => openPostgresStore({ address, owner, metrics: new Metrics(), log: silentLogger });
  await using a = await open();
  await using b = await open();
  await a.storeBatch(batchOf([placedReading(1, 3, { patientId: 'pat-a' }), placedReading(2, 2, { patientId: nobodyIn('ICU^1^A') })]));
  const told: OthersStored[] = [];
  const heard = Promise.withResolvers<void>();
  const tell = (stored: OthersStored): void => {
    told.push(stored);
    if (stored.patients.some(({ patient }) => patient === 'pat-c')) heard.resolve();
  };
  const stop = new AbortController();
  await using others = new OtherHubs({ store: b, log: silentLogger, tell });
  await others.start(stop.signal);
  await ordered(a, [orderOf('pat-a', 'pat-b', 9), orderOf(nobodyIn('ICU^1^A'), 'pat-c', 9)]);
  assert.equal((await reassigned(a)).moved, 2);
  await heard.promise;
  const corrected = told.flatMap(({ patients }) => patients).filter(({ kind }) => kind === 'corrected');
  assert.deepEqual(corrected.map(({ patient }) => patient).sort(), ['pat-a', 'pat-b', 'pat-c']);
  assert.ok(corrected.every(({ vitals }) => vitals.join() === 'hr'));
  const currencies = told.flatMap((one) => one.currencies);
  assert.ok(currencies.some((one) => one.patient === 'pat-a' && 'gone' in one));
  assert.ok(currencies.some((one) => one.patient === 'pat-b' && !('gone' in one)));
  assert.ok(!JSON.stringify(told).includes('@bed'), 'nobody is told of');
  const old = b.storeBatch(batchOf([placedReading(3, 1)], { placing: { version: 0 } }));
  await assert.rejects(old, { code: 'INGEST-PLACES-CHANGED' });
  const mrn = { value: 'MRN-1', authority: 'HIS' };
  const ids = await Promise.all([a, b, a].map((store) => store.placing.personsOf('clinic', [mrn])));
  assert.equal(new Set(ids.flat()).size, 1);
  stop.abort();
});

test('whatever comes, moves and is opened anew: every row is whose the orders say, and all is as if it had come for them', async (context) => {
  verifies('PLACED-ROWS-FOLLOW', 'NOBODY-UNSEEN', 'REASSIGN-RESUMED');
  const seed = seedOf(context);
  await fc.assert(
    fc.asyncProperty(placingSteps, (steps) => judgePlacing(storePlaces(server), steps)),
    { numRuns: RUNS, seed },
  );
});

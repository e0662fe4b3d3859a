import assert from 'node:assert/strict';
import { test } from 'node:test';
import { random } from '../../agent/simulate/physiology.ts';
import { verifyAudit } from '../../hub/audit/chain.ts';
import type { OthersStored } from '../../hub/store/open-store.ts';
import { OtherHubs } from '../../hub/store/postgres/other-hubs.ts';
import { openPostgresStore } from '../../hub/store/postgres/postgres.ts';
import { silentLogger } from '../../shared/log.ts';
import { Metrics } from '../../shared/metrics.ts';
import { arrivalOf, batchOf, event } from '../contract/store.ts';
import { verifies } from '../requirements.ts';
import { gathered } from '../support/hub.ts';
import { PostgresServer } from '../support/postgres.ts';
import { SendingGateways } from '../support/postgres-gateway.ts';
import { seedOf } from '../support/seed.ts';

const KILLS = 5;
const GATEWAYS = 4;
test(`a database server killed ${KILLS} times under two hubs: what was acknowledged is there, once, in a chain that holds, and was told`, async (context) => {
  verifies('STORE-REMOTE-DURABLE', 'STORE-SHARED', 'EXACTLY-ONCE', 'ANSWER-AFTER-COMMIT', 'STORE-SHARED-FEED', 'STORE-LINEAGE');
  const seed = seedOf(context);
  const uniform = random(seed);
  await using server = await PostgresServer.start();
  const { app, owner } = await server.database();
  const options = { address: app, owner, metrics: new Metrics(), log: silentLogger };
  await using a = await openPostgresStore(options);
  await using b = await openPostgresStore(options);
  const told = new Set<string>();
  const toldLast = Promise.withResolvers<void>();
  const tell = ({ patients }: OthersStored): void => {
    for (const { patient } of patients) told.add(patient);
    if (told.has('pat-last')) toldLast.resolve();
  };
  await using others = new OtherHubs({ store: b, log: silentLogger, tell });
  await others.start(new AbortController().signal);
  const sending = new SendingGateways(GATEWAYS, [a, b], uniform);
  for (let kill = 0; kill < KILLS; kill += 1) {
    await sending.more(50 + Math.floor(uniform() * 400));
    await server.stop('immediate');
    await server.run();
  }
  await sending.more(50);
  await sending.stop();
  const { gateways, promised } = sending;
  const stored = (await gathered(await a.observations('clinic', {}, (rows) => event(rows)))).map(({ id }) => id);
  assert.equal(new Set(stored).size, stored.length, 'none twice');
  assert.deepEqual(
    promised.filter((id) => !new Set(stored).has(id)),
    [],
    'none missing',
  );
  assert.equal((await a.counts('clinic', (rows) => event(rows))).observations, stored.length);
  const verdict = await verifyAudit(b.audit(), b.storeId);
  assert.ok(verdict.intact, JSON.stringify(verdict));
  // A server that came back may have come back to an earlier state, so that gateways look what it still has.
  assert.ok((await a.lineage()).epochs.length > KILLS);
  const last = arrivalOf({ agent: 'gw-last', seq: 1, patientId: 'pat-last' });
  await a.storeBatch(batchOf([last], { gateway: 'gw-last' }));
  await toldLast.promise;
  assert.deepEqual([...told].sort(), [...gateways.map((_, i) => `pat-gw-${i}`), 'pat-last'].sort());
  const tries = gateways.reduce((sum, one) => sum + one.tries, 0);
  context.diagnostic(
    `${KILLS} kills, ${promised.length} acknowledged in ${tries} tries, ${stored.length} stored: none missing, none twice`,
  );
});

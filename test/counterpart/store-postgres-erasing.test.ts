import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { StalenessWatch } from '../../hub/clinical/staleness-watch.ts';
import { type Change, Feed } from '../../hub/feed.ts';
import { forgetErased } from '../../hub/privacy/forget-erased.ts';
import type { OthersStored } from '../../hub/store/open-store.ts';
import { OtherHubs } from '../../hub/store/postgres/other-hubs.ts';
import { openPostgresStore } from '../../hub/store/postgres/postgres.ts';
import { systemClock } from '../../shared/clock.ts';
import { silentLogger } from '../../shared/log.ts';
import { Metrics } from '../../shared/metrics.ts';
import { arrivalOf, batchOf } from '../contract/store.ts';
import { erased, erasedOutOfOneBatch, movementOf, storeErasingContract } from '../contract/store-erasing.ts';
import { heldEvidenceStays } from '../contract/store-evidence-retention.ts';
import { gapArrival } from '../contract/store-trend.ts';
import { verifies } from '../requirements.ts';
import { TEST_NOW } from '../support/hub.ts';
import { PostgresServer, storePlaces } from '../support/postgres.ts';

const server = await PostgresServer.start();
after(() => server[Symbol.asyncDispose]());

storeErasingContract('postgres', storePlaces(server));

test('postgres: of a batch that is of two people each goes alone', async () => {
  verifies('ERASE-BATCH-OF-TWO');
  const database = await server.database();
  const open = () => openPostgresStore({ address: database.app, owner: database.owner, metrics: new Metrics(), log: silentLogger });
  await erasedOutOfOneBatch(open, async (seq, to) => {
    const move = 'UPDATE vitalmesh.observation SET patient = (SELECT key FROM vitalmesh.patient WHERE id = $1) WHERE seq = $2';
    await server.asRoot(database.name, (client) => client.query(move, [to, seq]));
  });
});

test('postgres: no statement empties evidence of somebody under legal hold, or takes their key, whoever gives it', async () => {
  verifies('HOLD-KEEPS-EVIDENCE');
  const database = await server.database();
  const run = async (sql: string, values: (string | number)[]): Promise<void> => {
    await server.asRoot(database.name, (client) => client.query(sql, values));
  };
  const open = () => openPostgresStore({ address: database.app, owner: database.owner, metrics: new Metrics(), log: silentLogger });
  await heldEvidenceStays(open, {
    empty: (seq, entry) => run('UPDATE vitalmesh.audit SET entry = $1 WHERE seq = $2', [entry, seq]),
    dropKey: (patient) => run('DELETE FROM vitalmesh.patient_key WHERE patient = $1', [patient]),
  });
});

const PLANTED = 'pat-PLANTED-4711';

test('no row of any table names a person who was erased, whoever looks', async () => {
  verifies('ERASE-BYTES');
  const database = await server.database();
  await using store = await openPostgresStore({ address: database.app, owner: database.owner, metrics: new Metrics(), log: silentLogger });
  const mrn = { value: 'MRN-PLANTED-99', authority: 'HIS' };
  const own = arrivalOf({ seq: 1, patientId: PLANTED, device: 'device-PLANTED-88', patient: mrn });
  const refusals = [{ id: own.id, code: 'INGEST-INVALID' as const, rule: 'r', received: own.received }];
  await store.storeBatch(batchOf([own, { ...gapArrival(2, {}), patient: PLANTED }, movementOf(3, mrn)], { refusals }));
  await store.rebind([{ tenant: 'clinic', gateway: 'gw-icu', kind: 'bed', name: 'ICU-01', patient: PLANTED }], TEST_NOW);
  const rowsNaming = (): Promise<string[]> =>
    server.asRoot(database.name, async (client) => {
      const { rows: tables } = await client.query<{ name: string }>(
        "SELECT quote_ident(table_schema) || '.' || quote_ident(table_name) AS name FROM information_schema.tables WHERE table_schema = 'vitalmesh'",
      );
      const found: string[] = [];
      for (const { name } of tables)
        if ((await client.query(`SELECT 1 FROM ${name} t WHERE t::text LIKE '%PLANTED%' LIMIT 1`)).rowCount) found.push(name);
      return found;
    });
  assert.ok((await rowsNaming()).length >= 5, (await rowsNaming()).join());
  await erased(store, PLANTED);
  assert.deepEqual(await rowsNaming(), []);
});

test('another hub of the store is told that somebody is gone, and takes nothing of them any more', async () => {
  verifies('ERASE-TOLD', 'ERASE-LATE');
  const database = await server.database();
  const open = () => openPostgresStore({ address: database.app, owner: database.owner, metrics: new Metrics(), log: silentLogger });
  await using a = await open();
  await using b = await open();
  await b.storeBatch(batchOf([arrivalOf({ seq: 1 }), arrivalOf({ seq: 2, patientId: 'pat-icu-02' })]));
  const feed = new Feed();
  const staleness = new StalenessWatch({ store: b, feed });
  const stop = new AbortController();
  await using _watch = staleness;
  await staleness.start(stop.signal);
  const told = Promise.withResolvers<Change>();
  using _subscribed = feed.subscribe((change) => change.kind === 'erased' && told.resolve(change));
  const tell = ({ erased: gone }: OthersStored): void =>
    void (
      gone &&
      forgetErased(gone, { staleness, whereabouts: { known: () => [] }, registry: { patients: () => [] }, feed, clock: systemClock })
    );
  await using others = new OtherHubs({ store: b, log: silentLogger, tell });
  await others.start(stop.signal);
  await erased(a);
  assert.equal((await told.promise).patient, 'pat-icu-01');
  assert.deepEqual(
    staleness.currentOf('clinic', () => true).map(({ patient }) => patient),
    ['pat-icu-02'],
  );
  assert.deepEqual((await b.storeBatch(batchOf([arrivalOf({ seq: 9 }), arrivalOf({ seq: 10, patientId: 'pat-icu-02' })]))).results, [
    'erased',
    'stored',
  ]);
  stop.abort();
});

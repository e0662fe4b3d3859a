import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type pg from 'pg';
import { openPostgresStore, type PostgresStore } from '../../hub/store/postgres/postgres.ts';
import { silentLogger } from '../../shared/log.ts';
import { Metrics } from '../../shared/metrics.ts';
import { arrivalOf, batchOf, event } from '../contract/store.ts';
import { verifies } from '../requirements.ts';
import { gathered, TEST_NOW } from '../support/hub.ts';
import { type PostgresDatabase, PostgresServer } from '../support/postgres.ts';

const server = await PostgresServer.start();
after(() => server[Symbol.asyncDispose]());

let seq = 0;
function reading(patientId: string, value: number, tenant = 'clinic') {
  seq += 1;
  const batch = batchOf([arrivalOf({ seq, value, patientId })]);
  return { ...batch, tenant, evidence: () => [{ ...event(1), tenant }] };
}

/** A store in which everything is known, then put back by `restore` to before Anna and the second tenant came. */
async function putBack(database: PostgresDatabase, restoring: { keep(): Promise<void>; restore(): Promise<void> }): Promise<PostgresStore> {
  const { app, owner } = database;
  const store = await openPostgresStore({ address: app, owner, metrics: new Metrics(), log: silentLogger });
  await store.storeBatch(reading('pat-1', 61));
  await restoring.keep();
  // A session that the keeping has ended is found to be lost by whoever uses it first.
  await store.storeBatch(reading('pat-1', 62)).catch(() => store.storeBatch(reading('pat-1', 62)));
  await store.storeBatch(reading('pat-anna', 70));
  await store.storeBatch(reading('pat-clara', 80, 'annex'));
  await restoring.restore();
  return store;
}

async function bertIsNotAnna(store: PostgresStore): Promise<void> {
  // As above; nothing of it is stored then.
  await store.storeBatch(reading('pat-bert', 130)).catch(() => store.storeBatch(reading('pat-bert', 130)));
  await store.storeBatch(reading('pat-anna', 71));
  await store.storeBatch(reading('pat-clara', 81, 'annex'));
  const values = async (tenant: string) =>
    (await gathered(await store.observations(tenant, {}, (rows) => event(rows)))).map(({ patient, value }) => `${patient} ${value}`);
  assert.deepEqual(await values('clinic'), ['pat-1 61', 'pat-bert 130', 'pat-anna 71']);
  assert.deepEqual(await values('annex'), ['pat-clara 81']);
  assert.deepEqual([...store.allTenants()], ['annex', 'clinic']);
  await using other = await openPostgresStore({ address: store.address, metrics: new Metrics(), log: silentLogger });
  assert.deepEqual(other.tenants(), ['annex', 'clinic']);
  assert.deepEqual((await store.verify()).findings, []);
  const { epochs: now } = await store.lineage();
  assert.ok(now.length >= 2);
  // As when a backup is restored: from the last commit that is held until the registry is read, nobody knows who was bound.
  assert.equal(await store.noticeLoss([], TEST_NOW), true);
  const [bound] = await store.rebind([{ gateway: 'gw-icu', kind: 'bed', name: 'A', tenant: 'clinic', patient: 'pat-1' }], Date.now());
  assert.deepEqual(
    bound?.unknown?.map(({ from }) => from),
    [TEST_NOW],
  );
  assert.equal(await store.noticeLoss([], TEST_NOW), false);
}

test('a server that is restored while its hub has nothing to do: nobody is stored under the key that another one had', async () => {
  verifies('STORE-BACK-BELOW', 'PUT-BACK-NOBODYS');
  const [data, backup] = ['data', 'backup'].map((name) => join(server.folder, name)) as [string, string];
  await using store = await putBack(await server.database(), {
    async keep() {
      await server.stop();
      assert.equal(spawnSync('cp', ['-a', data, backup]).status, 0);
      await server.run();
    },
    async restore() {
      await server.stop();
      rmSync(data, { recursive: true });
      renameSync(backup, data);
      await server.run();
    },
  });
  await bertIsNotAnna(store);
});

test('tables that are filled with what they held before while the hub keeps its sessions: it begins an epoch by itself', async () => {
  verifies('STORE-BACK-BELOW');
  const database = await server.database();
  const tablesOf = async (client: pg.Client): Promise<string[]> => {
    const { rows } = await client.query<{ name: string }>(`
      SELECT relname AS name FROM pg_class
      WHERE relnamespace = 'vitalmesh'::regnamespace AND NOT relispartition AND relkind IN ('r', 'p')`);
    return rows.map(({ name }) => name);
  };
  await using store = await putBack(database, {
    keep: () =>
      server.asRoot(database.name, async (client) => {
        await client.query('CREATE SCHEMA kept');
        for (const name of await tablesOf(client)) await client.query(`CREATE TABLE kept.${name} AS TABLE vitalmesh.${name}`);
      }),
    restore: () =>
      server.asRoot(database.name, async (client) => {
        await client.query('BEGIN; SET LOCAL session_replication_role = replica; SET LOCAL search_path = vitalmesh');
        for (const name of await tablesOf(client)) {
          const { rows } = await client.query<{ columns: string }>(`
            SELECT string_agg(attname, ', ') AS columns FROM pg_attribute
            WHERE attrelid = '${name}'::regclass AND attnum > 0 AND attgenerated = '' AND NOT attisdropped`);
          const columns = rows[0]?.columns ?? '';
          await client.query(`TRUNCATE ${name}`);
          await client.query(`INSERT INTO ${name} (${columns}) OVERRIDING SYSTEM VALUE SELECT ${columns} FROM kept.${name}`);
        }
        const { rows } = await client.query<{ name: string }>(`
          SELECT table_name AS name FROM information_schema.columns
          WHERE table_schema = 'vitalmesh' AND column_name = 'key' AND is_identity = 'YES'`);
        for (const { name } of rows)
          await client.query(`SELECT setval(pg_get_serial_sequence('${name}', 'key'), coalesce(max(key), 0) + 1, false) FROM ${name}`);
        await client.query('COMMIT');
      }),
  });
  const before = (await store.lineage()).epochs.length;
  await bertIsNotAnna(store);
  assert.equal((await store.lineage()).epochs.length, before + 1);
});

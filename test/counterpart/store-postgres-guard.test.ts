import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import pg from 'pg';
import { changeOfNumber } from '../../hub/patients/whereabouts/changes.ts';
import { nobodyIn } from '../../hub/store/placing/placing.ts';
import { AMEND_PG } from '../../hub/store/postgres/amend-statements.ts';
import { TOLD_PG } from '../../hub/store/postgres/event-told.ts';
import { IDENTITY_PG } from '../../hub/store/postgres/identity-statements.ts';
import { PLACING_PG } from '../../hub/store/postgres/placing-statements.ts';
import { openPostgresStore, type PostgresStore } from '../../hub/store/postgres/postgres.ts';
import { RETENTION_PG } from '../../hub/store/postgres/retention-statements.ts';
import { PG } from '../../hub/store/postgres/statements.ts';
import { TREND_PG } from '../../hub/store/postgres/trend-statements.ts';
import { USAGE_PG } from '../../hub/store/postgres/usage.ts';
import { VERIFY_PG } from '../../hub/store/postgres/verify-statements.ts';
import { silentLogger } from '../../shared/log.ts';
import { Metrics } from '../../shared/metrics.ts';
import { arrivalOf, batchOf, event } from '../contract/store.ts';
import { verifies } from '../requirements.ts';
import { gathered, TEST_NOW } from '../support/hub.ts';
import { type PostgresDatabase, PostgresServer } from '../support/postgres.ts';

const server = await PostgresServer.start();
after(() => server[Symbol.asyncDispose]());

function open({ app, owner }: PostgresDatabase, withOwner = true): Promise<PostgresStore> {
  return openPostgresStore({ address: app, metrics: new Metrics(), log: silentLogger, ...(withOwner && { owner }) });
}

async function asHub<T>({ app }: PostgresDatabase, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ ...app, options: '-c search_path=vitalmesh' });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

async function filled(database: PostgresDatabase): Promise<void> {
  await using store = await open(database);
  const withdrawn = { ...arrivalOf({ seq: 9, value: null, absent: 'error' }), status: 'cancelled' as const };
  const preliminary = { ...arrivalOf({ seq: 10, vital: 'spo2', effective: TEST_NOW - 1 }), status: 'preliminary' as const };
  const refusals = [{ id: '', code: 'INGEST-INVALID' as const, rule: 'not an object', received: '17' }];
  await store.storeBatch(batchOf([arrivalOf({ seq: 1 }), arrivalOf({ seq: 2, vital: 'spo2' }), withdrawn, preliminary], { refusals }));
  await store.rebind([{ gateway: 'gw-icu', kind: 'bed', name: 'A', tenant: 'clinic', patient: 'pat-icu-01' }], 1);
  await store.record([event(1, { patient: 'pat-icu-01', usage: { calls: 1, other: true } })]);
  await store.keepCheckpoint({ seq: 1, note: 'signed' });
  const [somebody = ''] = await store.placing.personsOf('clinic', [{ value: '1', authority: 'HOSP' }]);
  const order = { bed: 'B', from: 0, to: null, was: nobodyIn('B'), is: somebody, unnamed: true, stating: [] };
  const placed = { ...arrivalOf({ seq: 11 }), patient: nobodyIn('B'), placed: { bed: 'B', stated: null } };
  const placing = { version: 0, changes: () => [order] };
  await store.storeBatch({ ...batchOf([placed]), placing });
  const move = { tenant: 'clinic', gateway: 'gw-icu', device: 'monitor-1', bed: 'B', at: TEST_NOW };
  await store.placing.moveDevice(move, { version: 1, changes: () => [order] }, [event(2)]);
  const selection = { patient: 'pat-icu-01', from: TEST_NOW - 9, to: TEST_NOW - 8 };
  await store.amend.amend({ tenant: 'clinic', kind: 'void', selection, reason: 'test', at: TEST_NOW }, () => [event(1)]);
  await store.storeBatch(batchOf([arrivalOf({ seq: 12, effective: TEST_NOW - 9 })]));
  const merged = changeOfNumber({ number: 'pat-old', was: 'pat-old', is: somebody });
  await store.storeBatch({ ...batchOf([]), placing: { version: 2, changes: () => [merged] } });
}

test('a query that forgets the tenant gets no row of any, and one of another tenant none of this one', async () => {
  verifies('STORE-TENANT-ROWS', 'TENANT-EVERYWHERE');
  const database = await server.database();
  await filled(database);
  const secured = await server.asRoot(database.name, async (client) => {
    const { rows } = await client.query<{ name: string }>(`
      SELECT c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname = 'vitalmesh' AND NOT c.relispartition AND c.relkind IN ('r', 'p')
        AND EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'tenant')
      ORDER BY 1`);
    return rows.map(({ name }) => name);
  });
  assert.ok(secured.includes('observation') && secured.includes('audit') && secured.length >= 10, secured.join());
  await asHub(database, async (client) => {
    for (const table of secured) {
      const count = async (): Promise<number> =>
        Number((await client.query<{ n: string }>(`SELECT count(*) AS n FROM ${pg.escapeIdentifier(table)}`)).rows[0]?.n);
      assert.equal(await count(), 0, `${table} without a tenant`);
      for (const [tenant, some] of [
        ['other', false],
        ['clinic', true],
      ] as const) {
        await client.query('BEGIN');
        await client.query("SELECT set_config('vitalmesh.tenant', $1, true)", [tenant]);
        const rows = await count();
        // What is rolled up or removed is filled by the retention alone.
        if (some && !EMPTY.includes(table)) assert.ok(rows > 0, `${table} of ${tenant}`);
        if (!some) assert.equal(rows, 0, `${table} of ${tenant}`);
        await client.query('COMMIT');
        assert.equal(await count(), 0, `${table} after the transaction`);
      }
    }
  });
});

/** Tables that nothing fills in this test. */
const EMPTY: readonly string[] = [
  'event',
  'rollup',
  'rolled_from',
  'retained',
  'kept_back',
  'erasure',
  'legal_hold',
  'audit_passed_over',
  'reassigned',
  'event_told',
  'served_tools',
];

test('the role of the hub can neither write for another tenant, nor read past the policies, nor change the evidence or the tables', async () => {
  verifies('STORE-TENANT-ROWS', 'AUDIT-CHAINED');
  const database = await server.database();
  await filled(database);
  const partition = await server.asRoot(database.name, async (client) => {
    const { rows } = await client.query<{ name: string }>(
      "SELECT relname AS name FROM pg_class WHERE relispartition AND relkind = 'r' AND relname LIKE 'observation_%' AND reltuples >= -1",
    );
    return rows[0]?.name ?? assert.fail();
  });
  const refused: readonly string[] = [
    "INSERT INTO patient (tenant, id) VALUES ('other', 'pat-x')",
    "UPDATE patient SET tenant = 'other'",
    `SELECT * FROM ${partition}`,
    "UPDATE audit SET entry = 'x'",
    'DELETE FROM audit',
    'TRUNCATE audit',
    "UPDATE audit_checkpoint SET note = 'x'",
    "UPDATE patient_key SET secret = ''",
    'ALTER TABLE observation DISABLE ROW LEVEL SECURITY',
    'DROP TABLE observation',
    'CREATE TABLE mine ()',
    'SET ROLE postgres',
  ];
  await asHub(database, async (client) => {
    for (const sql of refused) {
      await client.query("BEGIN; SET LOCAL vitalmesh.tenant = 'clinic'");
      await assert.rejects(client.query(sql), /permission denied|row-level security|must be owner|must be able to|does not exist/, sql);
      await client.query('ROLLBACK');
    }
  });
  // Not even whoever owns the table changes what is evidence.
  await server.asRoot(database.name, async (client) => {
    for (const sql of [
      "UPDATE vitalmesh.audit SET entry = 'x'",
      'DELETE FROM vitalmesh.audit',
      'TRUNCATE vitalmesh.audit',
      'DELETE FROM vitalmesh.audit_checkpoint',
      'TRUNCATE vitalmesh.audit_checkpoint',
    ])
      await assert.rejects(client.query(sql), /append-only/);
  });
});

test('a server or role that does not keep what the store promises is refused by name', async () => {
  verifies('STORE-REMOTE-DURABLE', 'STORE-TENANT-ROWS');
  const database = await server.database();
  await filled(database);
  const { app, owner } = database;
  const root = (sql: string) => server.asRoot('postgres', (client) => client.query(sql));
  const refusal = async (): Promise<string> => {
    try {
      await using _store = await open(database, false);
      return 'none';
    } catch (error) {
      return (error as Error).message;
    }
  };
  for (const mode of ['off', 'local', 'remote_write']) {
    await root(`ALTER ROLE ${app.user} SET synchronous_commit = ${mode}`);
    assert.match(await refusal(), new RegExp(`does not keep what the store promises: synchronous_commit is ${mode}`));
  }
  await root(`ALTER ROLE ${app.user} RESET synchronous_commit`);
  assert.equal(await refusal(), 'none');
  await root(`ALTER ROLE ${app.user} BYPASSRLS`);
  assert.match(await refusal(), /superuser or has BYPASSRLS/);
  await root(`ALTER ROLE ${app.user} NOBYPASSRLS SUPERUSER`);
  assert.match(await refusal(), /superuser or has BYPASSRLS/);
  await root(`ALTER ROLE ${app.user} NOSUPERUSER; GRANT ${owner.user} TO ${app.user}`);
  assert.match(await refusal(), /owns the tables/);
  await root(`REVOKE ${owner.user} FROM ${app.user}`);
  assert.equal(await refusal(), 'none');
});

test('a schema that is missing, older or newer is told with what to do, and a hub that runs stops writing to a newer one', async () => {
  verifies('STORE-REMOTE-DURABLE');
  const database = await server.database();
  await assert.rejects(open(database, false), (error: Error) => /permission denied|ownerUrlFile|refused/.test(error.message));
  await using store = await open(database);
  await store.storeBatch(batchOf([arrivalOf({ seq: 1 })]));
  const set = (version: string) => server.asRoot(database.name, (client) => client.query(`UPDATE vitalmesh.head SET version = ${version}`));
  await set('version + 1');
  await assert.rejects(store.storeBatch(batchOf([arrivalOf({ seq: 2 })])), { code: 'STORAGE-SCHEMA' });
  await assert.rejects(open(database), { code: 'STORAGE-SCHEMA' });
  await set('version - 2');
  await assert.rejects(open(database, false), /ownerUrlFile/);
  await set('version + 1');
  assert.deepEqual((await store.storeBatch(batchOf([arrivalOf({ seq: 2 })]))).results, ['stored']);
});

test('a database that refuses the role, or is not there, is told by codes, without anything of the address', async () => {
  verifies('LOG-CLEAN', 'STORE-REMOTE-DURABLE');
  const { app } = await server.database();
  const attempt = (change: object) =>
    openPostgresStore({ address: { ...app, password: 'se-cret', ...change }, metrics: new Metrics(), log: silentLogger });
  const clean = (code: string) => (error: Error & { code: string }) =>
    error.code === code && !/se-cret|nobody-here/.test(error.message + error.stack + JSON.stringify(error));
  await assert.rejects(attempt({ user: 'nobody-here' }), clean('STORAGE-REMOTE-REFUSED'));
  await assert.rejects(attempt({ database: 'nobody-here' }), clean('STORAGE-REMOTE-REFUSED'));
  await assert.rejects(attempt({ port: 1 }), clean('STORAGE-REMOTE'));
  await assert.rejects(attempt({ tls: {} }), clean('STORAGE-REMOTE'));
});

test('a session that holds the head for too long costs a batch, not the hub', async () => {
  verifies('STORE-REMOTE-DURABLE');
  const database = await server.database();
  const limits = { statementMs: 2000, lockMs: 50, idleInTransactionMs: 2000 };
  await using store = await openPostgresStore({
    ...{ address: database.app, owner: database.owner, limits, metrics: new Metrics(), log: silentLogger },
  });
  await server.asRoot(database.name, async (holder) => {
    await holder.query('BEGIN; SELECT 1 FROM vitalmesh.head FOR UPDATE');
    await assert.rejects(store.storeBatch(batchOf([arrivalOf({ seq: 1 })])), { code: 'STORAGE-BUSY' });
    await holder.query('ROLLBACK');
  });
  assert.deepEqual((await store.storeBatch(batchOf([arrivalOf({ seq: 1 })]))).results, ['stored']);
});

/** Reads over everything: of the watch at its start, of what has a row a tenant or hub, and of tables of a few rows. */
const WHOLE: readonly string[] = [
  'currencies',
  'distrust',
  'takeHead',
  'setHead',
  'head',
  'tenants',
  'epochs',
  'dropEpochs',
  'bindings',
  'lineage',
  'endUnknown',
  'isUnknownOpen',
  'unknown',
];

interface Plan {
  'Node Type': string;
  'Relation Name'?: string;
  'Index Name'?: string;
  'Index Cond'?: string;
  Plans?: Plan[];
}

/** The nodes of a plan that look at all of a table, or at all of an index: those are not bound by its first column. */
function walksOf(plan: Plan, firstColumns: ReadonlyMap<string, string>): string[] {
  const { 'Node Type': type, 'Index Name': index, 'Index Cond': bound = '' } = plan;
  const first = firstColumns.get(index ?? '');
  const isBound = first !== undefined && new RegExp(`\\b${first} (?:=|<|>)|ROW\\(${first},`).test(bound);
  if (plan['Relation Name'] === 'head') return [];
  const own = type === 'Seq Scan' || (index !== undefined && !isBound) ? [`${type} ${index ?? ''} ${bound}`] : [];
  return [...own, ...(plan.Plans ?? []).flatMap((part) => walksOf(part, firstColumns))];
}

test('no statement walks a table', async () => {
  const database = await server.database();
  await filled(database);
  const walks: string[] = [];
  await asHub(database, async (client) => {
    const indexes = await client.query<{ name: string; first: string }>(`
      SELECT c.relname AS name, a.attname AS first FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
      JOIN pg_attribute a ON a.attrelid = i.indexrelid AND a.attnum = 1`);
    const firstColumns = new Map(indexes.rows.map(({ name, first }) => [name, first]));
    // In tables of a few rows everything is as cheap; where there is a way by an index, it is taken then.
    await client.query("SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan; SET vitalmesh.tenant = 'clinic'");
    const walked = async (sql: string): Promise<string[]> => {
      await client.query(`PREPARE looked_at AS ${sql}`);
      const wanted = Math.max(0, ...[...sql.matchAll(/\$(\d+)/g)].map(([, number]) => Number(number)));
      const values = wanted === 0 ? '' : `(${new Array(wanted).fill('NULL').join(', ')})`;
      const { rows } = await client.query<{ 'QUERY PLAN': { Plan: Plan }[] }>(`EXPLAIN (FORMAT JSON) EXECUTE looked_at${values}`);
      await client.query('DEALLOCATE looked_at');
      return rows.flatMap((row) => row['QUERY PLAN'].flatMap(({ Plan }) => walksOf(Plan, firstColumns)));
    };
    for (const [name, sql] of [PG, USAGE_PG, TREND_PG, RETENTION_PG, VERIFY_PG, PLACING_PG, AMEND_PG, TOLD_PG, IDENTITY_PG].flatMap(
      (table) => Object.entries(table),
    )) {
      if (WHOLE.includes(name)) continue;
      walks.push(...(await walked(sql)).map((walk) => `${name}: ${walk}`));
    }
    assert.notDeepEqual(await walked("SELECT * FROM observation WHERE device = 'x'"), [], 'a walk would be found');
  });
  assert.deepEqual(walks, []);
});

/** What the nodes of a plan look for in the index of series. */
function seriesBounds({ 'Index Name': index = '', 'Index Cond': bound = '', Plans: parts = [] }: Plan): string[] {
  return [...(index.endsWith('_standing_test_sort_ti_idx') ? [bound] : []), ...parts.flatMap(seriesBounds)];
}

test('the versions of a measurement are looked up one by one, not among all of their series', async () => {
  verifies('LATE-MOVEMENT-CORRECTS');
  const database = await server.database();
  await filled(database);
  await asHub(database, async (client) => {
    await client.query('SET enable_seqscan = off; SET enable_bitmapscan = off; SET plan_cache_mode = force_generic_plan');
    await client.query("SET vitalmesh.tenant = 'clinic'");
    await client.query(`PREPARE looked_up AS ${PLACING_PG.parted}`);
    const { rows } = await client.query<{ 'QUERY PLAN': { Plan: Plan }[] }>(
      `EXPLAIN (FORMAT JSON) EXECUTE looked_up (${new Array(7).fill('NULL').join(', ')})`,
    );
    const bounds = rows.flatMap((row) => row['QUERY PLAN'].flatMap((plan) => seriesBounds(plan.Plan)));
    assert.ok(bounds.length > 0);
    assert.deepEqual(
      bounds.filter((bound) => !/\bstanding = .*\bsort_time = /.test(bound)),
      [],
    );
  });
});

test('readings of many years lie in the partitions of their weeks, and what is older than the store in one', async () => {
  verifies('THREE-INSTANTS');
  const database = await server.database();
  await using store = await open(database);
  const week = 7 * 24 * 3_600_000;
  const now = Date.now();
  const rows = [0, 1, 2, 60, 500].map((weeks, i) =>
    arrivalOf({ seq: i + 1, value: i, effective: now - weeks * week, receivedAt: now, flags: ['memory'] }),
  );
  await store.storeBatch(batchOf(rows, { at: now }));
  const found = await server.asRoot(database.name, async (client) => {
    const { rows: parts } = await client.query<{ part: string }>(
      'SELECT DISTINCT tableoid::regclass::text AS part FROM vitalmesh.observation',
    );
    return parts.map(({ part }) => part.replace('vitalmesh.', ''));
  });
  assert.equal(found.length, 4, found.join());
  assert.ok(found.includes('observation_before'));
  assert.equal((await gathered(await store.observations('clinic', {}, (rows) => event(rows)))).length, 5);
  assert.equal((await store.latest('clinic', 'pat-icu-01', (rows) => event(rows)))[0]?.value, 0);
});

test('a database put back to an earlier state says so: its lineage ends in a new epoch behind what it still has', async () => {
  verifies('STORE-LINEAGE', 'STORE-REMOTE-DURABLE');
  const database = await server.database();
  const stored = async (place: PostgresDatabase, seq: number) => {
    await using store = await open(place, false);
    return (await store.storeBatch(batchOf([arrivalOf({ seq })]))).committed;
  };
  await (await open(database))[Symbol.asyncDispose]();
  const kept = await stored(database, 1);
  const name = `${database.name}_backup`;
  await server.asRoot('postgres', (client) => client.query(`CREATE DATABASE ${name} TEMPLATE ${database.name}`));
  const lost = await stored(database, 2);
  assert.equal(lost.epoch, kept.epoch, 'a hub that starts begins no epoch');
  const restored = { ...database, app: { ...database.app, database: name } };
  await using store = await open(restored, false);
  const { epochs, position } = await store.lineage();
  assert.ok(epochs.some(({ epoch }) => epoch === kept.epoch));
  const last = epochs.at(-1);
  assert.ok(last && last.epoch !== kept.epoch && last.from >= kept.position && last.from < lost.position, JSON.stringify({ epochs, lost }));
  assert.equal(position, last.from);
  const [bound] = await store.rebind([{ gateway: 'gw-icu', kind: 'bed', name: 'A', tenant: 'clinic', patient: 'pat-icu-01' }], 5e15);
  assert.equal(bound?.unknown?.length, 1, 'whose what was measured in between is, nobody knows');
  assert.equal(bound.unknown[0]?.until, 5e15);
  // What the gateway sends again is new to it.
  const again = await store.storeBatch(batchOf([arrivalOf({ seq: 1 }), arrivalOf({ seq: 2 })]));
  assert.deepEqual(again.results, ['held', 'stored']);
  assert.equal(again.committed.epoch, last.epoch);
});

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { AUDIT_SQL } from '../../../hub/audit/audit-log.ts';
import { USAGE_SQL } from '../../../hub/audit/usage.ts';
import { AMEND_SQL } from '../../../hub/store/amend/statements.ts';
import { ERASING_SQL } from '../../../hub/store/erasing/statements.ts';
import { IDENTITY_SQL } from '../../../hub/store/identity/statements.ts';
import { packReceived } from '../../../hub/store/observation-row.ts';
import { PLACING_SQL } from '../../../hub/store/placing/statements.ts';
import { RETENTION_SQL } from '../../../hub/store/retention-statements.ts';
import { STORE_MIGRATIONS } from '../../../hub/store/schema.ts';
import { HISTORY_STEP } from '../../../hub/store/schema-history.ts';
import { openSqliteStore } from '../../../hub/store/sqlite.ts';
import { SQL } from '../../../hub/store/statements.ts';
import { TREND_SQL } from '../../../hub/store/trend-statements.ts';
import { VERIFY_SQL } from '../../../hub/store/verify-statements.ts';
import { Metrics } from '../../../shared/metrics.ts';
import { openDatabase } from '../../../shared/storage/database.ts';
import { arrivalOf, batchOf, event, type StorePlace, storeContract } from '../../contract/store.ts';
import { storeAmendContract } from '../../contract/store-amend.ts';
import { storeConfirmContract } from '../../contract/store-confirm.ts';
import { storeEvidenceContract } from '../../contract/store-evidence.ts';
import { storeEvidenceRetentionContract } from '../../contract/store-evidence-retention.ts';
import { storeFeedContract } from '../../contract/store-feed.ts';
import { storeIdentityContract } from '../../contract/store-identity.ts';
import { storePlacingContract } from '../../contract/store-placing.ts';
import { storeRetentionContract } from '../../contract/store-retention.ts';
import { storeServedContract } from '../../contract/store-served.ts';
import { gapArrival, storeTrendContract } from '../../contract/store-trend.ts';
import { storeUsageContract } from '../../contract/store-usage.ts';
import { verifies } from '../../requirements.ts';
import { gathered, TEST_EPOCH, TEST_NOW } from '../../support/hub.ts';

interface Place extends StorePlace {
  folder: string;
  key: Buffer;
}

async function place(): Promise<Place> {
  const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-store-'));
  const key = randomBytes(32);
  return {
    folder,
    key,
    open: async () => openSqliteStore({ path: join(folder, 'hub.db'), key, metrics: new Metrics() }),
    [Symbol.asyncDispose]: async () => rmSync(folder, { recursive: true, force: true }),
  };
}

storeContract('sqlite', place);
storeTrendContract('sqlite', place);
storeRetentionContract('sqlite', place);
storeEvidenceContract('sqlite', place);
storeEvidenceRetentionContract('sqlite', place, 30);
storeUsageContract('sqlite', place);
storeServedContract('sqlite', place);
storeFeedContract('sqlite', place);
storePlacingContract('sqlite', place);
storeAmendContract('sqlite', place);
storeIdentityContract('sqlite', place);
storeConfirmContract('sqlite', place);

/**
 * Reads over everything: of the watch at its start, of tables that have a row a tenant, a binding, an
 * epoch or an erased person, and of the bounded quarantine.
 */
const WHOLE: readonly string[] = [
  'currencies',
  'distrust',
  'tenants',
  'bindings',
  'allTotals',
  'quarantined',
  'lineage',
  'endUnknown',
  'isUnknownOpen',
  'erasuresUnderWay',
  'erasures',
  'erasureCounts',
  'boundGateways',
  'unbind',
  'unknown',
];

/** Of no table: a constant, the few devices that a statement found itself, and keys that it is given. */
const NO_TABLE: readonly string[] = ['SCAN CONSTANT ROW', 'SCAN found', 'SCAN json_each VIRTUAL TABLE INDEX 1:'];

test('no statement walks a table', async () => {
  await using at = await place();
  using database = openDatabase({ path: join(at.folder, 'plans.db'), key: at.key, migrations: STORE_MIGRATIONS });
  const walks: string[] = [];
  for (const [name, sql] of [
    SQL,
    ERASING_SQL,
    AUDIT_SQL,
    USAGE_SQL,
    TREND_SQL,
    RETENTION_SQL,
    VERIFY_SQL,
    PLACING_SQL,
    AMEND_SQL,
    IDENTITY_SQL,
  ].flatMap((all) => Object.entries<string>(all))) {
    const wanted = sql.split('?').length - 1;
    const plan = database.prepare<null[], { detail: string }>(`EXPLAIN QUERY PLAN ${sql}`).all(...new Array<null>(wanted).fill(null));
    assert.ok(plan.every(({ detail }) => typeof detail === 'string'));
    const walksAny = plan.some(({ detail }) => detail.startsWith('SCAN') && !NO_TABLE.includes(detail));
    if (walksAny && !WHOLE.includes(name)) walks.push(name);
  }
  assert.deepEqual(walks, []);
});

test('a trend is read out of its index alone', async () => {
  await using at = await place();
  using database = openDatabase({ path: join(at.folder, 'plans.db'), key: at.key, migrations: STORE_MIGRATIONS });
  for (const sql of [TREND_SQL.standing, TREND_SQL.setAside, TREND_SQL.devices]) {
    const values = new Array<null>(sql.split('?').length - 1).fill(null);
    const plan = database.prepare<null[], { detail: string }>(`EXPLAIN QUERY PLAN ${sql}`).all(...values);
    const reads = plan.map(({ detail }) => detail).filter((detail) => detail.includes('observation'));
    assert.ok(reads.length > 0 && reads.every((detail) => detail.includes('COVERING INDEX observationBySeries')), reads.join());
    assert.ok(!plan.some(({ detail }) => detail.includes('TEMP B-TREE')), 'sorted by hand');
  }
});

test('the search for walks would find one', async () => {
  await using at = await place();
  using database = openDatabase({ path: join(at.folder, 'plans.db'), key: at.key, migrations: STORE_MIGRATIONS });
  const plan = database.prepare<[], { detail: string }>("EXPLAIN QUERY PLAN SELECT * FROM observation WHERE device = 'x'").all();
  assert.match(plan[0]?.detail ?? '', /^SCAN/);
});

test('nothing of an observation is legible on disk, and another key does not open the store', async () => {
  verifies('ENCRYPTED-AT-REST');
  await using at = await place();
  {
    await using store = await at.open();
    await store.storeBatch(batchOf([arrivalOf({ seq: 1, device: 'LEGIBLE-DEVICE', patientId: 'legible-patient' })]));
    for (const file of readdirSync(at.folder)) {
      const bytes = readFileSync(join(at.folder, file)).toString('latin1');
      for (const word of ['LEGIBLE-DEVICE', 'legible-patient', 'Observation', 'SQLite format 3']) {
        if (!file.endsWith('.lock')) assert.ok(!bytes.includes(word), `${word} in ${file}`);
      }
    }
  }
  const wrong = { path: join(at.folder, 'hub.db'), key: randomBytes(32), metrics: new Metrics() };
  assert.throws(() => openSqliteStore(wrong), { code: 'STORAGE-KEY' });
  await using store = await at.open();
  assert.equal((await store.counts('clinic', (rows) => event(rows))).observations, 1);
});

test('a second owner of the store is refused', async () => {
  verifies('OWNER-LOCK');
  await using at = await place();
  await using _store = await at.open();
  await assert.rejects(at.open(), { code: 'STORAGE-LOCKED' });
});

test('every store has its own id', async () => {
  await using one = await place();
  await using two = await place();
  await using a = await one.open();
  await using b = await two.open();
  assert.match(a.storeId, /^[0-9a-f]{32}$/);
  assert.notEqual(a.storeId, b.storeId);
});

test('a batch whose resources were damaged is told as such, and what needs no resource is still read', async () => {
  await using at = await place();
  {
    await using store = await at.open();
    await store.storeBatch(batchOf([arrivalOf({ seq: 1 })]));
  }
  {
    using database = openDatabase({ path: join(at.folder, 'hub.db'), key: at.key, migrations: STORE_MIGRATIONS });
    database.write(() => database.prepare<[Buffer]>('UPDATE batch SET received = ?').run(randomBytes(40)));
  }
  await using store = await at.open();
  assert.equal((await store.latest('clinic', 'pat-icu-01', (rows) => event(rows))).length, 1);
  await assert.rejects(gathered(await store.observations('clinic', {}, (rows) => event(rows))), { code: 'STORAGE-DAMAGED' });
});

test('a store that is opened begins a new epoch, because its file may have been copied back; one without commits leaves no line', async () => {
  verifies('STORE-LINEAGE');
  await using at = await place();
  const epochs: string[] = [];
  for (const seq of [1, 2, undefined, 3]) {
    await using store = await at.open();
    if (seq !== undefined) await store.storeBatch(batchOf([arrivalOf({ seq })]));
    epochs.push((await store.lineage()).epochs.at(-1)?.epoch ?? '');
  }
  await using store = await at.open();
  const lineage = await store.lineage();
  const last = lineage.epochs.at(-1)?.epoch ?? '';
  assert.equal(new Set([...epochs, last]).size, 5);
  assert.deepEqual(lineage.epochs, [
    { epoch: epochs[0], from: 0 },
    { epoch: epochs[1], from: 1 },
    { epoch: epochs[3], from: 2 },
    { epoch: last, from: 3 },
  ]);
});

test('a closed store says so', async () => {
  await using at = await place();
  const store = await at.open();
  await store[Symbol.asyncDispose]();
  await assert.rejects(store.storeBatch(batchOf([arrivalOf()])), { code: 'STORAGE-CLOSED' });
});

test('a store of before trends and retention is opened with everything in it, and goes on', async () => {
  await using at = await place();
  const file = { path: join(at.folder, 'hub.db'), key: at.key };
  const before = STORE_MIGRATIONS.slice(0, STORE_MIGRATIONS.indexOf(HISTORY_STEP));
  const [text, gap] = [arrivalOf({ seq: 1 }).received, gapArrival(3, {})];
  {
    using database = openDatabase({ ...file, migrations: before });
    const row = "'hr', 'monitor-1', 72, '/min', NULL, NULL, NULL";
    const when = [TEST_NOW, 0, TEST_NOW, TEST_NOW].join();
    const run = (sql: string, ...values: (string | number | Buffer)[]): unknown =>
      database.prepare<(string | number | Buffer)[]>(sql).run(...values);
    database.write(() => {
      run("INSERT INTO patient (key, tenant, id, lastStoredAt) VALUES (1, 'clinic', 'pat-icu-01', 0)");
      run("INSERT INTO writer (key, agent, epoch) VALUES (1, 'gw-icu', ?)", TEST_EPOCH);
      run("INSERT INTO batch VALUES (1, 'clinic', 'gw-icu', ?, NULL, 1, 2, ?)", TEST_NOW, packReceived([text, text]));
      const observation =
        'INSERT INTO observation (key, batch, patient, writer, seq, part, vital, device, value, unit, absent, components, flags, effective, offsetMin, receivedAt, sortTime, test, standing)';
      run(`${observation} VALUES (1, 1, 1, 1, 1, 0, ${row}, ${when}, 0, 0)`);
      run(`${observation} VALUES (2, 1, 1, 1, 2, 0, ${row}, ${when}, 0, -1)`);
      run(
        `INSERT INTO event (kind, tenant, gateway, patient, writer, seq, part, device, effective, offsetMin, receivedAt, sortTime, storedAt, test, received)
         VALUES ('gap', 'clinic', 'gw-icu', 'pat-icu-01', 1, 3, 0, 'monitor-1', ?, 0, ?, ?, ?, 0, ?)`,
        ...[gap.effective, gap.receivedAt, gap.sortTime, TEST_NOW, packReceived([gap.received])],
      );
    });
  }
  await using store = await at.open();
  const query = {
    patient: 'pat-icu-01',
    vital: 'hr',
    edges: [TEST_NOW - 3_600_000, TEST_NOW + 1],
    reachMs: 60_000,
    now: TEST_NOW,
  } as const;
  const { series, gaps } = await store.trend('clinic', query, (rows) => event(rows));
  assert.deepEqual([series[0]?.buckets[0]?.excluded.withdrawn, gaps.length], [1, 1]);
  // What took it back then takes back what comes behind it now.
  assert.deepEqual((await store.storeBatch(batchOf([{ ...arrivalOf({ seq: 1, value: 5 }), id: `gw-icu.${TEST_EPOCH}.1.1` }]))).results, [
    'stored',
  ]);
  assert.deepEqual(await store.latest('clinic', 'pat-icu-01', (rows) => event(rows)), []);
  assert.equal((await gathered(await store.observations('clinic', {}, (rows) => event(rows)))).length, 3);
});

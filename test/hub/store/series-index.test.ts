import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { STORE_MIGRATIONS } from '../../../hub/store/schema.ts';
import { SERIES_STEP } from '../../../hub/store/schema-series.ts';
import { openSqliteStore } from '../../../hub/store/sqlite.ts';
import { SQL } from '../../../hub/store/statements.ts';
import type { Store } from '../../../hub/store/store.ts';
import { Metrics } from '../../../shared/metrics.ts';
import { openDatabase } from '../../../shared/storage/database.ts';
import { arrivalOf, batchOf, event } from '../../contract/store.ts';
import { verifies } from '../../requirements.ts';
import { gathered, TEST_NOW } from '../../support/hub.ts';

const MINUTE = 60_000;
const NEWEST_FIRST =
  'CREATE INDEX observationBySeries ON observation (patient, vital, device, standing, test, sortTime DESC, key DESC, value, flags)';

const seen = (rows: number) => event(rows);

interface Site extends Disposable {
  path: string;
  key: Buffer;
}

function site(): Site {
  const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-series-'));
  return { path: join(folder, 'hub.db'), key: randomBytes(32), [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) };
}

/** What readers and the check of the store say of one patient. */
async function told(store: Store): Promise<unknown[]> {
  const query = { patient: 'pat-a', vital: 'hr', edges: [TEST_NOW - 60 * MINUTE, TEST_NOW + 1], reachMs: MINUTE, now: TEST_NOW } as const;
  return [
    await store.latest('clinic', 'pat-a', seen),
    await store.trend('clinic', query, seen),
    await gathered(await store.observations('clinic', { patient: 'pat-a' }, seen)),
    (await store.verify()).findings,
  ];
}

test('a store whose index has the newest first is read as before once it was opened', async () => {
  verifies('STORE-INDEX-DENSE');
  using at = site();
  let before: unknown[];
  {
    await using store = openSqliteStore({ ...at, metrics: new Metrics() });
    const rows = Array.from({ length: 40 }, (_, i) => {
      const effective = TEST_NOW - i * MINUTE;
      return arrivalOf({
        seq: i + 1,
        value: 60 + i,
        patientId: 'pat-a',
        device: `d${i % 2}`,
        test: i % 3 === 0,
        effective,
        receivedAt: effective,
      });
    });
    await store.storeBatch(batchOf(rows));
    before = await told(store);
  }
  {
    using database = openDatabase({ ...at, migrations: STORE_MIGRATIONS });
    database.write(() => {
      database.prepare('DROP INDEX observationBySeries').run();
      database.prepare(NEWEST_FIRST).run();
    });
  }
  {
    using database = openDatabase({ ...at, migrations: [...STORE_MIGRATIONS, SERIES_STEP] });
    const index = database.prepare<[], { sql: string }>("SELECT sql FROM sqlite_schema WHERE name = 'observationBySeries'").get();
    assert.ok(SERIES_STEP.toString().includes(index?.sql ?? NEWEST_FIRST));
    database.prepare(`PRAGMA user_version = ${STORE_MIGRATIONS.length}`).run();
  }
  await using store = openSqliteStore({ ...at, metrics: new Metrics() });
  assert.deepEqual(await told(store), before);
});

test('the best of a series is sought, however long it is: at most what is of one time is sorted', () => {
  verifies('STORE-INDEX-DENSE');
  using at = site();
  using database = openDatabase({ ...at, migrations: STORE_MIGRATIONS });
  const plan = database.read(() => database.prepare<null[], { detail: string }>(`EXPLAIN QUERY PLAN ${SQL.bestOf}`).all(null, null, null));
  const sorts = plan.map(({ detail }) => detail).filter((detail) => detail.includes('TEMP B-TREE'));
  assert.deepEqual(sorts, ['USE TEMP B-TREE FOR LAST 2 TERMS OF ORDER BY']);
});

test('what comes in order of time leaves pages full', () => {
  verifies('STORE-INDEX-DENSE');
  const none = pagesOf('');
  const [dense, sparse] = [pagesOf(SERIES_STEP.toString()) - none, pagesOf(NEWEST_FIRST) - none];
  assert.ok(dense < 0.75 * sparse, `${dense} pages instead of ${sparse}`);
});

/** Of a store of sixteen series, whose rows come in turns, with this index. */
function pagesOf(index: string): number {
  using at = site();
  using database = openDatabase({ ...at, migrations: STORE_MIGRATIONS });
  database.write(() => {
    database.prepare('DROP INDEX observationBySeries').run();
    const create = index.slice(Math.max(0, index.indexOf('CREATE'))).replace(';', '');
    if (create !== '') database.prepare(create).run();
    const add = database.prepare<(string | number)[]>(`
      INSERT INTO observation (batch, patient, writer, seq, part, vital, device, value, unit, effective, offsetMin, receivedAt, sortTime, test)
      VALUES (1, ?, 1, ?, 0, ?, 'monitor-1', 72.5, '/min', ?, 0, 0, ?, 0)`);
    for (let row = 0; row < 16_000; row += 1) {
      const sortTime = TEST_NOW + Math.floor(row / 16) * 1000;
      add.run(row % 2, row, `vital-${row % 16}`, sortTime, sortTime);
    }
  });
  return database.read(() => database.prepare<[], { page_count: number }>('PRAGMA page_count').get()?.page_count ?? 0);
}

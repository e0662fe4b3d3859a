import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import SQLite from 'better-sqlite3-multiple-ciphers';
import { ERASING_STEP } from '../../../hub/store/erasing/schema.ts';
import { packReceived } from '../../../hub/store/observation-row.ts';
import { STORE_MIGRATIONS } from '../../../hub/store/schema.ts';
import { openSqliteStore } from '../../../hub/store/sqlite.ts';
import type { Arrival, Store } from '../../../hub/store/store.ts';
import { Metrics } from '../../../shared/metrics.ts';
import { unlock } from '../../../shared/storage/connection.ts';
import { openDatabase } from '../../../shared/storage/database.ts';
import { arrivalOf, batchOf, event, type StorePlace } from '../../contract/store.ts';
import { erased, erasedOutOfOneBatch, movementOf, storeErasingContract } from '../../contract/store-erasing.ts';
import { heldEvidenceStays } from '../../contract/store-evidence-retention.ts';
import { gapArrival } from '../../contract/store-trend.ts';
import { verifies } from '../../requirements.ts';
import { TEST_EPOCH, TEST_NOW } from '../../support/hub.ts';
import { orderAt } from '../../support/retained-store.ts';

async function place(): Promise<StorePlace> {
  const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-erasing-'));
  const key = randomBytes(32);
  return {
    open: async () => openSqliteStore({ path: join(folder, 'hub.db'), key, metrics: new Metrics() }),
    [Symbol.asyncDispose]: async () => rmSync(folder, { recursive: true, force: true }),
  };
}

storeErasingContract('sqlite', place);

test('a store of before anybody could be erased is opened with everything in it, and erases', async () => {
  verifies('ERASE-ROWS');
  const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-before-'));
  const file = { path: join(folder, 'hub.db'), key: randomBytes(32) };
  try {
    {
      using database = openDatabase({ ...file, migrations: STORE_MIGRATIONS.slice(0, STORE_MIGRATIONS.indexOf(ERASING_STEP)) });
      const put = (sql: string, ...values: (string | number | Buffer)[]): void =>
        void database.prepare<(string | number | Buffer)[]>(sql).run(...values);
      database.write(() => {
        put("INSERT INTO patient (key, tenant, id, lastStoredAt) VALUES (1, 'clinic', 'pat-icu-01', 0)");
        put("INSERT INTO writer (key, agent, epoch) VALUES (1, 'gw-icu', ?)", TEST_EPOCH);
        put("INSERT INTO total (tenant, observations) VALUES ('clinic', 1)");
        const received = packReceived([arrivalOf({ seq: 1 }).received]);
        put("INSERT INTO batch VALUES (1, 'clinic', 'gw-icu', ?, NULL, 1, 1, ?, 1)", TEST_NOW, received);
        put(
          `INSERT INTO observation (key, batch, patient, writer, seq, part, vital, device, value, unit, effective, offsetMin, receivedAt, sortTime, test)
           VALUES (1, 1, 1, 1, 1, 0, 'hr', 'monitor-1', 72, '/min', ?, 0, ?, ?, 0)`,
          ...[TEST_NOW, TEST_NOW, TEST_NOW],
        );
      });
    }
    await using store = openSqliteStore({ ...file, metrics: new Metrics() });
    assert.equal((await store.counts('clinic', () => event(0))).observations, 1);
    assert.deepEqual((await erased(store)).removed, { observations: 1, rollups: 0, events: 0, movements: 0, quarantine: 0 });
    assert.equal((await store.counts('clinic', () => event(0))).observations, 0);
    assert.deepEqual((await store.storeBatch(batchOf([arrivalOf({ seq: 1 }), arrivalOf({ seq: 2 })]))).results, ['held', 'erased']);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('sqlite: of a batch that is of two people each goes alone', async () => {
  verifies('ERASE-BATCH-OF-TWO');
  const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-two-'));
  const file = { path: join(folder, 'hub.db'), key: randomBytes(32) };
  try {
    const open = async (): Promise<Store> => openSqliteStore({ ...file, metrics: new Metrics() });
    await erasedOutOfOneBatch(open, async (seq, to) => {
      const connection = new SQLite(file.path);
      unlock(connection, file.path, file.key, 'sqlcipher');
      connection.prepare('UPDATE observation SET patient = (SELECT key FROM patient WHERE id = ?) WHERE seq = ?').run(to, seq);
      connection.close();
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('sqlite: no statement empties evidence of somebody under legal hold, or takes their key, whoever gives it', async () => {
  verifies('HOLD-KEEPS-EVIDENCE');
  const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-held-'));
  const file = { path: join(folder, 'hub.db'), key: randomBytes(32) };
  const run = async (sql: string, ...values: (string | number)[]): Promise<void> => {
    const connection = new SQLite(file.path);
    try {
      unlock(connection, file.path, file.key, 'sqlcipher');
      connection.prepare(sql).run(...values);
    } finally {
      connection.close();
    }
  };
  try {
    await heldEvidenceStays(async () => openSqliteStore({ ...file, metrics: new Metrics() }), {
      empty: (seq, entry) => run('UPDATE audit SET entry = ? WHERE seq = ?', entry, seq),
      dropKey: (patient) => run('DELETE FROM patientKey WHERE patient = ?', patient),
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

const PLANTED = 'pat-PLANTED-4711';
const DEVICE = 'device-PLANTED-88';
const MRN = { value: 'MRN-PLANTED-99', authority: 'HIS' };
/** Its eight bytes stand in the row. */
const VALUE = 61.437_133_789_062_5;

/** The bytes of an encrypted store as SQLite has them, page by page, free ones too; and of everything beside it. */
function bytesOf(folder: string, key: Buffer): Buffer {
  const copy = join(folder, 'copy', 'plain.db');
  mkdirSync(join(folder, 'copy'));
  copyFileSync(join(folder, 'hub.db'), copy);
  const connection = new SQLite(copy);
  unlock(connection, copy, key, 'sqlcipher');
  for (const mode of ['DELETE', 'OFF']) connection.pragma(`journal_mode = ${mode}`);
  connection.pragma("rekey = ''");
  connection.close();
  const plain = readFileSync(copy);
  assert.equal(plain.toString('latin1', 0, 15), 'SQLite format 3');
  rmSync(join(folder, 'copy'), { recursive: true });
  const beside = readdirSync(folder).map((name) => readFileSync(join(folder, name)));
  return Buffer.concat([plain, ...beside]);
}

test('neither the person nor a value stands in the file of the store, its log or beside it once they are erased', async () => {
  verifies('ERASE-BYTES');
  const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-erased-'));
  const key = randomBytes(32);
  try {
    await using store = openSqliteStore({ path: join(folder, 'hub.db'), key, metrics: new Metrics() });
    const packed: Buffer[] = [];
    const of = (seq: number, change: Parameters<typeof arrivalOf>[0] = {}): Arrival =>
      arrivalOf({ seq, patientId: PLANTED, device: DEVICE, patient: MRN, value: VALUE, ...change });
    for (let seq = 1; seq <= 600; seq += 1) {
      const at = TEST_NOW - 400 * 24 * 3_600_000 + seq * 1000;
      const own = of(seq * 2, { effective: at, receivedAt: at });
      const other = arrivalOf({ seq: seq * 2 + 1, patientId: 'pat-other', device: 'monitor-9', effective: at, receivedAt: at });
      const refusals = [{ id: own.id, code: 'INGEST-INVALID' as const, rule: `r${seq}`, received: own.received }];
      packed.push(packReceived([own.received]));
      await store.storeBatch(batchOf([own, other], { at, refusals, quarantine: { rows: 20, bytes: 100_000 } }));
    }
    await store.erasing.hold(
      { tenant: 'clinic', patient: PLANTED, reason: 'CASE', principal: 'local:0', at: TEST_NOW },
      event(0, { patient: PLANTED }),
    );
    await store.erasing.release('clinic', PLANTED, 'CASE', event(0, { patient: PLANTED }));
    await store.rebind([{ tenant: 'clinic', gateway: 'gw-icu', kind: 'bed', name: 'ICU-01', patient: PLANTED }], TEST_NOW);
    // A half of it leaves by the retention first, and what it leaves behind is written over as well.
    const policy = { ...orderAt(0).policy, continuous: 300_000 };
    for (let more = true; more; ) ({ more } = await store.retain({ policy, now: TEST_NOW - 400 * 24 * 3_600_000 + 600_000 }));
    await store.storeBatch(batchOf([of(5000), movementOf(5001, MRN), { ...gapArrival(5002, {}), patient: PLANTED, device: DEVICE }]));
    await store.record([event(1, { patient: PLANTED, detail: { args: { vital: PLANTED } } })]);
    const number = Buffer.alloc(8);
    number.writeDoubleBE(VALUE);
    const wanted = [...[PLANTED, DEVICE, MRN.value].map((text) => Buffer.from(text)), number, (packed.at(-1) ?? number).subarray(24, 64)];
    await store[Symbol.asyncDispose]();
    const before = bytesOf(folder, key);
    for (const one of wanted) assert.ok(before.includes(one), `${one.toString('latin1')} was not there before`);

    await using again = openSqliteStore({ path: join(folder, 'hub.db'), key, metrics: new Metrics() });
    await erased(again, PLANTED);
    assert.equal(statSync(join(folder, 'hub.db-wal')).size, 0);
    const after = bytesOf(folder, key);
    for (const one of wanted) assert.ok(!after.includes(one), `${one.toString('latin1')} is still there`);
    assert.ok(after.includes(Buffer.from('monitor-9')));
    assert.deepEqual((await again.verify()).findings, []);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

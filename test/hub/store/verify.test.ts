import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { STORE_MIGRATIONS } from '../../../hub/store/schema.ts';
import { openSqliteStore } from '../../../hub/store/sqlite.ts';
import type { StoreVerdict, VerifyProgress } from '../../../hub/store/verdict.ts';
import { Metrics } from '../../../shared/metrics.ts';
import { openDatabase } from '../../../shared/storage/database.ts';
import { arrivalOf, batchOf } from '../../contract/store.ts';
import { gapArrival } from '../../contract/store-trend.ts';
import { verifies } from '../../requirements.ts';
import { TEST_NOW } from '../../support/hub.ts';

/** The verdict on a filled store in which these statements were run behind its back. */
async function verdictAfter(...statements: string[]): Promise<{ verdict: StoreVerdict; told: VerifyProgress[] }> {
  const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-verify-'));
  const file = { path: join(folder, 'hub.db'), key: randomBytes(32) };
  try {
    {
      await using store = openSqliteStore({ ...file, metrics: new Metrics() });
      for (let i = 0; i < 3; i += 1)
        await store.storeBatch(
          batchOf([arrivalOf({ seq: 2 * i + 1, effective: TEST_NOW - 1000 + i }), arrivalOf({ seq: 2 * i + 2, vital: 'spo2', value: 97 })]),
        );
      await store.storeBatch(
        batchOf([gapArrival(20, {})], { refusals: [{ id: '', code: 'INGEST-INVALID', rule: 'no code', received: '1' }] }),
      );
    }
    {
      using database = openDatabase({ ...file, migrations: STORE_MIGRATIONS });
      for (const sql of statements) database.write(() => database.prepare(sql).run());
    }
    await using store = openSqliteStore({ ...file, metrics: new Metrics() });
    const told: VerifyProgress[] = [];
    return { verdict: await store.verify((at) => told.push(at)), told };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

test('a store that is as it should be has no findings, and everything in it was looked at', async () => {
  verifies('STORE-VERIFIED');
  const { verdict, told } = await verdictAfter();
  assert.deepEqual(verdict.findings, []);
  assert.deepEqual(verdict.counts, { batches: 3, observations: 6, events: 1, latest: 2, seen: 7, ranges: 0, evidence: 4 });
  assert.deepEqual([...new Set(told.map(({ part }) => part))], ['batches', 'observations', 'events', 'placed', 'seen', 'latest']);
});

const DAMAGE: readonly [what: string, code: string, ...sql: string[]][] = [
  ['a total', 'VERIFY-TOTALS', 'UPDATE total SET observations = 7'],
  ['a row by a bed that nobody knows', 'VERIFY-PLACING', 'UPDATE observation SET bed = 9 WHERE key = 2'],
  [
    'a row that states somebody of another tenant',
    'VERIFY-PLACING',
    "INSERT INTO placeBed (key, tenant, bed) VALUES (1, 'clinic', 'ICU-01')",
    "INSERT INTO person (key, tenant, authority, value, id) VALUES (1, 'other', 'HIS', '1', 'p-1')",
    'UPDATE observation SET bed = 1, stated = 1 WHERE key = 2',
  ],
  ['an event by a bed that nobody knows', 'VERIFY-PLACING', 'UPDATE event SET bed = 9'],
  ['a total of events', 'VERIFY-TOTALS', 'UPDATE total SET events = 0'],
  ['a total of quarantine', 'VERIFY-TOTALS', 'UPDATE total SET quarantined = 2'],
  ['a current row of another time', 'VERIFY-LATEST', "UPDATE latest SET sortTime = sortTime + 1 WHERE vital = 'hr'"],
  [
    'an older one as the current one',
    'VERIFY-LATEST',
    "UPDATE latest SET observation = 1, sortTime = (SELECT sortTime FROM observation WHERE key = 1) WHERE vital = 'hr'",
  ],
  ['one that was taken back as the current one', 'VERIFY-LATEST', 'UPDATE observation SET standing = 0 WHERE key = 5'],
  ['a current row that is missing', 'VERIFY-LATEST', "DELETE FROM latest WHERE vital = 'hr'"],
  ['a key that is not known as seen', 'VERIFY-SEEN', 'DELETE FROM seen WHERE seq = 3'],
  ['a key that is seen, and nothing is there', 'VERIFY-SEEN', "INSERT INTO seen (writer, seq, part, hash) VALUES (1, 99, 0, x'00')"],
  [
    'a key that is stored and in a range of removed ones',
    'VERIFY-SEEN',
    "INSERT INTO seenRange (writer, first, last, parts) VALUES (1, 2, 4, '0')",
  ],
  [
    'ranges one over the other',
    'VERIFY-SEEN',
    "INSERT INTO seenRange (writer, first, last, parts) VALUES (1, 50, 60, '0'), (1, 55, 70, '0')",
  ],
  [
    'a batch without a row',
    'VERIFY-BATCH',
    'DELETE FROM observation WHERE key = 1',
    'DELETE FROM seen WHERE seq = 1',
    'UPDATE total SET observations = 5',
  ],
  ['a row of another batch', 'VERIFY-BATCH', 'UPDATE observation SET batch = 2 WHERE key = 1'],
  ['rows without their batch', 'VERIFY-BATCH', 'DELETE FROM batch WHERE key = 1'],
  ['batches of the same keys', 'VERIFY-BATCH', 'UPDATE batch SET firstKey = 2 WHERE key = 2'],
  ['resources that cannot be unpacked', 'VERIFY-RESOURCE', "UPDATE batch SET received = x'00' WHERE key = 1"],
  [
    'the resources of another batch',
    'VERIFY-RESOURCE',
    'UPDATE batch SET received = (SELECT received FROM batch WHERE key = 2) WHERE key = 1',
  ],
  ['an event that cannot be unpacked', 'VERIFY-RESOURCE', "UPDATE event SET received = x'00'"],
  ['an epoch from ahead', 'VERIFY-LINEAGE', "INSERT INTO lineage (key, epoch, since) VALUES (900, 'x', 99)"],
  [
    'evidence that was changed',
    'VERIFY-AUDIT',
    'DROP TRIGGER audit_no_update',
    "UPDATE audit SET entry = replace(entry, 'test', 'nobody') WHERE seq = 2",
  ],
];

for (const [what, code, ...sql] of DAMAGE) {
  test(`verify finds ${what}`, async () => {
    verifies('STORE-VERIFIED');
    const { findings } = (await verdictAfter(...sql)).verdict;
    const found = findings.find((one) => one.code === code) ?? assert.fail(JSON.stringify(findings));
    assert.ok(found.rows >= 1 && found.detail !== '');
    assert.doesNotMatch(JSON.stringify(findings), /pat-icu/);
  });
}

test('what came while the clock was ahead, and gave way to what is live, is no finding', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-verify-'));
  try {
    await using store = openSqliteStore({ path: join(folder, 'hub.db'), key: randomBytes(32), metrics: new Metrics() });
    const hour = 3_600_000;
    await store.storeBatch(batchOf([arrivalOf({ seq: 1, receivedAt: TEST_NOW + hour })], { at: TEST_NOW + hour }));
    await store.storeBatch(batchOf([arrivalOf({ seq: 2 })]));
    assert.deepEqual((await store.verify()).findings, []);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('what is stored while a store is verified disturbs nothing', async () => {
  verifies('STORE-VERIFIED');
  const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-verify-'));
  try {
    await using store = openSqliteStore({ path: join(folder, 'hub.db'), key: randomBytes(32), metrics: new Metrics() });
    let seq = 1;
    for (let i = 0; i < 100; i += 1) await store.storeBatch(batchOf([arrivalOf({ seq: seq++, device: `dev-${i % 7}` })]));
    const writes: Promise<unknown>[] = [];
    const verdict = await store.verify(() => writes.push(store.storeBatch(batchOf([arrivalOf({ seq: seq++ })]))));
    await Promise.all(writes);
    assert.ok(writes.length > 3);
    assert.deepEqual(verdict.findings, []);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

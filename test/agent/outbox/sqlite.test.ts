import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import type { Outbox } from '../../../agent/outbox/outbox.ts';
import { MIGRATIONS } from '../../../agent/outbox/schema.ts';
import { type OutboxOptions, openOutbox } from '../../../agent/outbox/sqlite.ts';
import * as sql from '../../../agent/outbox/statements.ts';
import { createLogger } from '../../../shared/log.ts';
import { Metrics } from '../../../shared/metrics.ts';
import type { ReadingRecord } from '../../../shared/reading.ts';
import { type Database, openDatabase } from '../../../shared/storage/database.ts';
import { markedRecord, markOf } from '../../contract/outbox.ts';
import { verifies } from '../../requirements.ts';

const root = mkdtempSync(join(tmpdir(), 'vitalmesh-outbox-'));
after(() => rmSync(root, { recursive: true, force: true }));

const DAY_MS = 86_400_000;

/** A folder with what a test hands to `openOutbox`. */
function setUp(options: Partial<OutboxOptions> = {}) {
  const folder = mkdtempSync(join(root, 'o-'));
  const clock = { ms: 1_700_000_000_000, now: () => clock.ms, monotonicMs: () => clock.ms };
  const lines: string[] = [];
  const metrics = new Metrics();
  const log = createLogger({ component: 'test', destination: { write: (line: string) => void lines.push(line) } });
  const path = join(folder, 'outbox.db');
  const keyFile = join(folder, 'outbox.key');
  return {
    folder,
    path,
    keyFile,
    clock,
    lines,
    metrics,
    open: (): Promise<Outbox> => openOutbox({ path, keyFile, clock, log, metrics, ...options }),
    /** Does something to the closed file that an outbox never would. */
    tamper: (work: (database: Database) => void): void => {
      using database = openDatabase({ path, keyFile, migrations: MIGRATIONS });
      database.write(() => work(database));
    },
  };
}

const marks = async (outbox: Outbox, limit = 100): Promise<number[]> => (await outbox.pending(0, limit)).map((row) => markOf(row.record));

describe('the outbox file', () => {
  test('appends of one turn share one commit', async () => {
    verifies('ACK-AFTER-COMMIT');
    const at = setUp();
    await using outbox = await at.open();
    await Promise.all(Array.from({ length: 50 }, (_, i) => outbox.append([markedRecord(i), markedRecord(i + 100)])));
    assert.equal(at.metrics.get('storage_commits', 'outbox'), 1);
    assert.equal(at.metrics.get('outbox_appended'), 100);
    assert.equal(at.metrics.get('outbox_pending'), 100);
  });

  test('nothing of a reading or of rejected bytes is legible on disk', async () => {
    verifies('ENCRYPTED-AT-REST');
    const at = setUp();
    const secrets = ['P-0001-SECRET', 'WARD-SECRET', 'DEVICE-SECRET', 'spo2', 'limits-secret', 'raw-secret'];
    const record: ReadingRecord = {
      ...markedRecord(97),
      device: { id: 'DEVICE-SECRET', idType: 'config' },
      subject: { patient: { value: 'P-0001-SECRET', authority: 'HOSP' }, bed: 'WARD-SECRET' },
      readings: [{ vital: 'spo2', value: 97, limits: 'limits-secret' }],
    };
    const legible = (): string[] =>
      readdirSync(at.folder).flatMap((file) => {
        const bytes = readFileSync(join(at.folder, file));
        return secrets.filter((secret) => bytes.includes(secret)).map((secret) => `${secret} in ${file}`);
      });
    const outbox = await at.open();
    const keys = await outbox.append([record, record]);
    await outbox.quarantineBytes('bench', 'DECODE-GARBAGE', 'frame', Buffer.from('raw-secret'));
    assert.ok(statSync(`${at.path}-wal`).size > 4096);
    assert.deepEqual(legible(), []);
    await outbox.complete(keys.slice(0, 1));
    await outbox.quarantine(keys.slice(1), 'INGEST-INVALID');
    await outbox[Symbol.asyncDispose]();
    const beside = ['.lock', '.mark', '.places', '.reserve'].map((suffix) => `outbox.db${suffix}`);
    assert.deepEqual(readdirSync(at.folder).sort(), ['outbox.db', ...beside, 'outbox.key']);
    assert.deepEqual(legible(), []);
    writeFileSync(join(at.folder, 'control'), JSON.stringify(record));
    assert.equal(legible().length, 5, 'the search finds what is legible');
  });

  test('rows that are gone with their log are told of, and their numbers are not given again', async () => {
    verifies('NO-SILENT-DROP', 'EXACTLY-ONCE');
    const at = setUp();
    const first = await at.open();
    await first.append([markedRecord(1)]);
    await first[Symbol.asyncDispose]();
    const copy = readFileSync(at.path);
    const second = await at.open();
    await second.append([markedRecord(2), markedRecord(3), markedRecord(4)]);
    await second[Symbol.asyncDispose]();
    assert.equal(at.metrics.get('outbox_rows_lost'), 0);
    writeFileSync(at.path, copy);
    await using outbox = await at.open();
    assert.equal(at.metrics.get('outbox_rows_lost'), 3);
    assert.match(at.lines.at(-1) ?? '', /STORAGE-ROWS-LOST.*"rows":3|"rows":3.*STORAGE-ROWS-LOST/);
    assert.deepEqual(await marks(outbox), [1]);
    assert.equal((await outbox.append([markedRecord(5)]))[0]?.seq, 5);
    assert.equal(at.metrics.get('outbox_rows_lost'), 3, 'told once');
  });

  test('a mark that cannot be read, or is behind, raises no alarm', async () => {
    const at = setUp();
    for (const mark of ['', 'x'.repeat(17), '0000000000000001\n', '9'.repeat(15)]) {
      const outbox = await at.open();
      await outbox.append([markedRecord(1), markedRecord(2)]);
      await outbox[Symbol.asyncDispose]();
      writeFileSync(`${at.path}.mark`, mark);
    }
    await using outbox = await at.open();
    assert.deepEqual([at.metrics.get('outbox_rows_lost'), (await outbox.status()).pending], [0, 8]);
  });

  for (const suffix of ['', '-wal']) {
    test(`nothing is acknowledged into a file that was removed under it (outbox.db${suffix})`, async () => {
      verifies('ACK-AFTER-COMMIT');
      const at = setUp();
      const outbox = await at.open();
      await outbox.append([markedRecord(1)]);
      rmSync(at.path + suffix);
      await assert.rejects(outbox.append([markedRecord(2)]), { code: 'STORAGE-IO' });
      assert.deepEqual([(await outbox.status()).code, (await outbox.status()).pending], ['STORAGE-IO', 1], 'what was known last, and why');
      at.clock.ms += 1000;
      await outbox.append([markedRecord(3)]);
      if (suffix === '') assert.deepEqual(await marks(outbox), [3], 'a log without its file is set aside, and a new file takes over');
      else assert.deepEqual(await marks(outbox), [1, 2, 3], 'what the removed log held went to the file when it was closed');
      await outbox[Symbol.asyncDispose]();
    });
  }

  test('the schema is in the file itself at once', async () => {
    const at = setUp();
    await using _outbox = await at.open();
    assert.ok(statSync(at.path).size > 4096);
  });

  test('another key, or none, is an error, and everything is still there for the right one', async () => {
    verifies('ENCRYPTED-AT-REST');
    const at = setUp();
    const outbox = await at.open();
    await outbox.append([markedRecord(1)]);
    await outbox[Symbol.asyncDispose]();
    const right = readFileSync(at.keyFile);
    writeFileSync(at.keyFile, 'ab'.repeat(32));
    await assert.rejects(at.open(), { code: 'STORAGE-KEY' });
    rmSync(at.keyFile);
    await assert.rejects(at.open(), { code: 'STORAGE-KEY-FILE' });
    writeFileSync(at.keyFile, right, { mode: 0o644 });
    await assert.rejects(at.open(), { code: 'STORAGE-KEY-FILE' });
    rmSync(at.keyFile);
    writeFileSync(at.keyFile, right, { mode: 0o600 });
    await using again = await at.open();
    assert.deepEqual(await marks(again), [1]);
  });

  test('it has one owner', async () => {
    verifies('OWNER-LOCK');
    const at = setUp();
    await using outbox = await at.open();
    await assert.rejects(at.open(), { code: 'STORAGE-LOCKED' });
    await outbox.append([markedRecord(1)]);
  });

  test('a file of a newer version is refused and left alone', async () => {
    const at = setUp();
    const outbox = await at.open();
    await outbox.append([markedRecord(1)]);
    await outbox[Symbol.asyncDispose]();
    at.tamper((database) => database.prepare(`PRAGMA user_version = ${MIGRATIONS.length + 1}`).run());
    await assert.rejects(at.open(), { code: 'STORAGE-SCHEMA' });
    assert.ok(!readdirSync(at.folder).some((file) => file.includes('damaged')));
  });
});

describe('rows that cannot be read', () => {
  const BROKEN = [Buffer.alloc(0), Buffer.from([1]), Buffer.from([9, 1, 2]), Buffer.from('\x01{"s":'), Buffer.from('\x01{"s":"bench"}')];

  test('go to quarantine and hold nothing up', async () => {
    verifies('GOOD-PARTS-SURVIVE', 'NO-SILENT-DROP');
    const at = setUp();
    const first = await at.open();
    await first.append(Array.from({ length: BROKEN.length + 2 }, (_, i) => markedRecord(i)));
    await first[Symbol.asyncDispose]();
    at.tamper((database) => {
      for (const [i, body] of BROKEN.entries())
        database.prepare<[Buffer, number]>('UPDATE rows SET body = ? WHERE seq = ?').run(body, i + 2);
    });
    await using outbox = await at.open();
    const good = [0, BROKEN.length + 1];
    assert.deepEqual(await marks(outbox, 2), good, 'a page is filled up with rows from behind the broken ones');
    assert.deepEqual(await marks(outbox, 2), good, 'and again, while they are on their way');
    // Behind the quarantine in the order of commits.
    await outbox.append([markedRecord(50)]);
    const entries = await outbox.quarantined(10);
    assert.deepEqual(new Set(entries.map((entry) => `${entry.code} ${entry.part}`)), new Set(['OUTBOX-DAMAGED-ROW row']));
    assert.equal(entries.length, BROKEN.length);
    assert.equal(at.metrics.get('outbox_quarantined', 'OUTBOX-DAMAGED-ROW'), BROKEN.length);
    assert.deepEqual([(await outbox.status()).pending, (await outbox.status()).quarantined], [3, BROKEN.length]);
    assert.ok(at.lines.some((line) => line.includes('OUTBOX-DAMAGED-ROW')));
  });
});

describe('what is kept, and how long', () => {
  test('delivered rows stay for their time and then leave in small steps', async () => {
    const at = setUp({ keepDeliveredMs: 7 * DAY_MS });
    await using outbox = await at.open();
    const old = await outbox.append(Array.from({ length: 40 }, (_, i) => markedRecord(i)));
    await outbox.complete(old);
    at.clock.ms += 6 * DAY_MS;
    await outbox.complete(await outbox.append([markedRecord(100)]));
    assert.equal((await outbox.status()).delivered, 41);
    at.clock.ms += 2 * DAY_MS;
    await outbox.complete(await outbox.append([markedRecord(101)]));
    assert.equal((await outbox.status()).delivered, 41 + 1 - 10);
    for (let i = 0; i < 4; i += 1) await outbox.complete(await outbox.append([markedRecord(102 + i)]));
    assert.equal((await outbox.status()).delivered, 6, 'the 40 are gone, the younger ones stay');
    assert.equal((await outbox.status()).pending, 0);
  });

  test('delivered rows are bounded in number, too; the oldest leave first', async () => {
    const at = setUp({ keepDeliveredRows: 5 });
    await using outbox = await at.open();
    const keys = await outbox.append(Array.from({ length: 20 }, (_, i) => markedRecord(i)));
    for (const key of keys) {
      at.clock.ms += 1;
      await outbox.complete([key]);
    }
    await outbox.append([markedRecord(50)]);
    assert.deepEqual([(await outbox.status()).pending, (await outbox.status()).delivered], [1, 5]);
    await outbox[Symbol.asyncDispose]();
    at.tamper((database) => {
      const kept = database.prepare<[], { seq: number }>('SELECT seq FROM rows ORDER BY seq').all();
      assert.deepEqual(
        kept.map((row) => row.seq),
        [16, 17, 18, 19, 20, 21],
      );
    });
  });

  test('rows that wait are never pruned, however old', async () => {
    const at = setUp({ keepDeliveredMs: 0 });
    await using outbox = await at.open();
    await outbox.append([markedRecord(1)]);
    at.clock.ms += 400 * DAY_MS;
    await outbox.complete(await outbox.append([markedRecord(2)]));
    at.clock.ms += 1;
    await outbox.complete(await outbox.append([markedRecord(3)]));
    assert.deepEqual(await marks(outbox), [1]);
    assert.deepEqual([(await outbox.status()).pending, (await outbox.status()).delivered], [1, 1]);
  });

  test('quarantine is bounded: the oldest of a kind leave, counted, and noise pushes out no measurement', async () => {
    verifies('NO-SILENT-DROP');
    const at = setUp({ quarantineLimits: { rows: 2, parts: 3 } });
    await using outbox = await at.open();
    const keys = await outbox.append([1, 2, 3].map((mark) => markedRecord(mark)));
    for (const key of keys) await outbox.quarantine([key], 'INGEST-INVALID');
    for (let i = 0; i < 5; i += 1) await outbox.quarantineBytes('noise', 'DECODE-GARBAGE', `part ${i}`, new Uint8Array(10));
    assert.deepEqual(
      (await outbox.quarantined(10)).map((entry) => entry.part),
      ['part 4', 'part 3', 'part 2', 'row', 'row'],
    );
    assert.equal((await outbox.status()).quarantined, 5);
    assert.equal(at.metrics.get('outbox_quarantine_dropped'), 3);
    assert.equal(at.metrics.get('outbox_quarantined', 'INGEST-INVALID'), 3);
    assert.equal(at.metrics.get('outbox_quarantined', 'DECODE-GARBAGE'), 5);
  });

  test('of undecodable bytes the first 64 KiB are kept', async () => {
    const at = setUp();
    const outbox = await at.open();
    await outbox.quarantineBytes('bench', 'DECODE-OVERSIZED', 'frame', Buffer.alloc(1_000_000, 1));
    await outbox[Symbol.asyncDispose]();
    at.tamper((database) => {
      const row = database.prepare<[], { bytes: number; kept: number }>('SELECT bytes, length(body) AS kept FROM quarantine').get();
      assert.deepEqual(row, { bytes: 1_000_000, kept: 65_536 });
    });
  });
});

describe('how SQLite goes about it', () => {
  const at = setUp();
  const plan = (text: string): string[] => {
    using database = openDatabase({ path: at.path, key: Buffer.alloc(32), migrations: MIGRATIONS });
    const values = Array.from(text.matchAll(/\?/g), () => 1);
    return database.read(() =>
      database
        .prepare<number[], { detail: string }>(`EXPLAIN QUERY PLAN ${text}`)
        .all(...values)
        .map((row) => row.detail),
    );
  };

  const hot = {
    append: sql.APPEND,
    pending: sql.PENDING,
    complete: sql.COMPLETE,
    prune: sql.PRUNE,
    'prune the excess': sql.PRUNE_EXCESS,
    'oldest pending': sql.OLDEST_PENDING,
    'epoch of a key': sql.EPOCH_ID,
    'row to quarantine': sql.QUARANTINE_FIND,
    'row out': sql.QUARANTINE_REMOVE,
    'row into quarantine': sql.QUARANTINE_ROW,
    'part into quarantine': sql.QUARANTINE_PART,
    'oldest out of quarantine': sql.QUARANTINE_TRIM,
    'out of quarantine for room': sql.QUARANTINE_GIVE_UP,
    'a page of quarantine': sql.QUARANTINE_LIST,
    'an entry of quarantine': sql.QUARANTINE_CONTENT,
    'an entry out': sql.QUARANTINE_DROP,
    'a page of a census': sql.CENSUS,
    'epoch of the hub’s store': sql.STORE_EPOCH,
    'rows that the hub lost': sql.DELIVERED_BEHIND,
    'rows of a hub that told nothing': sql.DELIVERED_UNTOLD,
    'row back': sql.RETURN,
    'last stretch of a place': sql.LAST_PRUNED,
    'stretch longer': sql.GROW_PRUNED,
    'oldest stretches out': sql.TRIM_PRUNED,
    'stretches that the hub lost': sql.TAKE_PRUNED,
    'the oldest row': sql.OLDEST_SEQ,
    'rows that may go': sql.WAITING,
    'content of a row that may go': sql.WAITING_BODY,
    'gaps that wait': sql.WAITING_GAPS,
    'a row written anew': sql.REWRITE,
    'a row given up': sql.GIVE_UP,
    'a damaged file further': sql.ASIDE_PROGRESS,
    'run of a row': sql.CLOCK_RUN_ID,
    'first row of a run': sql.FIRST_OF_RUN,
    'rows of a run': sql.ROWS_OF_RUN,
    'newest row of a run': sql.LAST_OF_RUN,
    'how many rows a run has': sql.COUNT_OF_RUN,
    'a row put right': sql.RETIME,
  };
  for (const [name, text] of Object.entries(hot)) {
    test(`${name}: nothing is looked through or sorted`, () => {
      assert.deepEqual(
        plan(text).filter((detail) => /\bSCAN\b|TEMP B-TREE/.test(detail)),
        [],
      );
    });
  }

  test('a statement that looks everything through would be found', () => {
    assert.match(plan(sql.COUNT_ROWS).join(), /\bSCAN\b/);
  });
});

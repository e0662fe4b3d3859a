import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { Outbox, OutboxRow } from '../../../agent/outbox/outbox.ts';
import { MIGRATIONS } from '../../../agent/outbox/schema.ts';
import { type OutboxOptions, openOutbox } from '../../../agent/outbox/sqlite.ts';
import { createLogger } from '../../../shared/log.ts';
import { Metrics } from '../../../shared/metrics.ts';
import { type Database, openDatabase } from '../../../shared/storage/database.ts';
import { markedRecord, markOf } from '../../contract/outbox.ts';
import { verifies } from '../../requirements.ts';

const root = mkdtempSync(join(tmpdir(), 'vitalmesh-damage-'));
after(() => rmSync(root, { recursive: true, force: true }));

const PAGE = 4096;
const ASIDE = 'outbox.db.damaged-20260101T120000Z';
const START = Date.UTC(2026, 0, 1, 12);

const SOURCE = {
  source: 'oximeter',
  profile: 'nonin-df8',
  device: { id: 'oximeter', idType: 'config' as const },
  subject: { bed: 'BED-1' },
  test: false,
};

function setUp(options: Partial<OutboxOptions> = {}) {
  const folder = mkdtempSync(join(root, 'd-'));
  const clock = { ms: START, now: () => clock.ms, monotonicMs: () => clock.ms };
  const lines: string[] = [];
  const metrics = new Metrics();
  const log = createLogger({ component: 'test', destination: { write: (line: string) => void lines.push(line) } });
  const [path, keyFile] = [join(folder, 'outbox.db'), join(folder, 'outbox.key')];
  const open = (): Promise<Outbox> => openOutbox({ path, keyFile, clock, log, metrics, sources: [SOURCE], ...options });
  const close = async (outbox: Outbox): Promise<void> => await outbox[Symbol.asyncDispose]();
  return { folder, path, clock, lines, metrics, open, close };
}

/** Writes over a part of pages, counted from 1; the last ones when they are negative. */
function spoil(path: string, ...pages: number[]): void {
  const bytes = readFileSync(path);
  for (const page of pages) {
    const at = (page > 0 ? page - 1 : bytes.length / PAGE + page) * PAGE;
    bytes.fill(0x55, at + 500, at + 600);
  }
  writeFileSync(path, bytes);
}

function withDatabase<T>(path: string, work: (database: Database) => T): T {
  const database = openDatabase({ path, keyFile: path.replace(/db$/, 'key'), migrations: MIGRATIONS });
  try {
    return database.read(() => work(database));
  } finally {
    database.close();
  }
}

function firstPage(path: string, table: string): number {
  const find = 'SELECT rootpage AS page FROM sqlite_schema WHERE name = ?';
  return withDatabase(path, (database) => database.prepare<[string], { page: number }>(find).get(table)?.page ?? 0);
}

function returned(outbox: Outbox): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  outbox.onReturn(resolve);
  return promise;
}

function emptied(path: string): void {
  writeFileSync(path, '');
  writeFileSync(`${path}-wal`, 'a log');
}

const readings = async (outbox: Outbox) => (await outbox.waiting(0, 100_000)).filter((row) => row.class !== 'gap');
const gaps = async (outbox: Outbox) => (await outbox.waiting(0, 100_000)).filter((row) => row.class === 'gap');

/** A closed outbox of 400 rows, of which 100 were delivered and 50 more handed out; and what waits in it. */
async function filled(at: ReturnType<typeof setUp>) {
  const outbox = await at.open();
  for (let i = 0; i < 400; i += 20) await outbox.append(Array.from({ length: 20 }, (_, k) => markedRecord(i + k + 1)));
  await outbox.complete(await outbox.pending(0, 100));
  await outbox.pending(100, 50);
  const waiting = await readings(outbox);
  await at.close(outbox);
  return waiting;
}

describe('a damaged outbox', () => {
  test('is set aside at a start; the new one takes rows at once, has what could be read under the same keys, and a gap for the rest', async () => {
    verifies('DAMAGED-SET-ASIDE', 'EXACTLY-ONCE', 'OUTBOX-GAPS');
    const at = setUp();
    const before = await filled(at);
    spoil(at.path, 30, 31);
    const outbox = await at.open();
    const back = returned(outbox);
    const [key] = await outbox.append([markedRecord(1000)]);
    assert.ok(key && key.seq > 400 && before.every((row) => row.epoch !== key.epoch));
    assert.deepEqual((await outbox.status()).setAside, [ASIDE]);
    assert.equal((await outbox.status()).code, 'OUTBOX-SET-ASIDE');
    await back;
    const rows = await readings(outbox);
    const there = new Map(rows.map((row) => [markOf(row.record), row]));
    assert.equal(there.size, rows.length, 'nothing is there twice');
    const missing = before.filter((row) => !there.has(markOf(row.record)));
    assert.ok(missing.length > 0 && missing.length < 60, `${missing.length} rows stood on those pages`);
    for (const row of before)
      if (!missing.includes(row)) assert.deepEqual(there.get(markOf(row.record)), row, 'the same key, the same content');
    assert.ok(there.has(1000));
    const places = (await gaps(outbox)).map(({ record: { subject, gap } }) => [
      subject.bed ?? subject.patient?.value,
      gap?.reason,
      gap?.lost,
    ]);
    assert.deepEqual(places, [
      ['BED-1', 'damaged', 'continuous'],
      ['P-0001', 'damaged', 'spot'],
    ]);
    for (const { record } of await gaps(outbox)) {
      for (const row of missing) assert.ok((record.gap?.from ?? Infinity) <= row.receivedAt && row.receivedAt <= (record.gap?.to ?? 0));
      assert.ok((record.gap?.to ?? 0) < START - 1000, 'no more than is needed');
    }
    assert.deepEqual([(await outbox.status()).pending, (await outbox.status()).delivered], [rows.length + 2, 100]);
    assert.equal(at.metrics.get('outbox_set_aside'), 1);
    assert.equal(at.metrics.get('outbox_rows_lost'), 0);
    assert.ok(at.lines.some((line) => line.includes('OUTBOX-SET-ASIDE')));
    assert.ok(!at.lines.some((line) => /P-0001|BED-1/.test(line)), 'no log line names anybody');
    // All of it is durable, done once, and counted the same.
    const [all, status] = [await outbox.waiting(0, 100_000), await outbox.status()];
    await at.close(outbox);
    const again = await at.open();
    assert.deepEqual(await again.waiting(0, 100_000), all);
    assert.deepEqual([(await again.status()).pending, (await again.status()).delivered], [status.pending, status.delivered]);
    await again.complete(await again.pending(0, 1000));
    assert.equal((await again.status()).pending, 0);
    rmSync(join(at.folder, ASIDE));
    assert.equal((await again.status()).code, null);
    await at.close(again);
  });

  test('goes on taking over after a restart, with nothing twice', async () => {
    verifies('DAMAGED-SET-ASIDE', 'EXACTLY-ONCE');
    const at = setUp();
    const before = await filled(at);
    spoil(at.path, 30);
    for (let stops = 0; stops < 3; stops += 1) {
      const cut = await at.open();
      await cut.append([markedRecord(2000 + stops)]);
      await at.close(cut);
    }
    await using outbox = await at.open();
    if ((await gaps(outbox)).length === 0) await returned(outbox);
    const found = (await readings(outbox)).map((row) => markOf(row.record));
    assert.equal(new Set(found).size, found.length);
    const kept = before.filter((row) => found.includes(markOf(row.record))).length;
    assert.ok(kept > 240 && kept < 300, `${kept}`);
    assert.deepEqual(found.filter((mark) => mark >= 2000).sort(), [2000, 2001, 2002]);
    assert.equal((await gaps(outbox)).length >= 1, true);
    assert.equal(readdirSync(at.folder).filter((name) => name.includes('damaged')).length, 1);
  });

  test('of which every row can be read leaves no gap', async () => {
    verifies('DAMAGED-SET-ASIDE');
    const at = setUp();
    const before = await filled(at);
    const pages = readFileSync(at.path).length / PAGE;
    const tried: string[] = [];
    // Some page of the file is one of an index.
    for (let page = pages; page > 2 && !tried.includes('whole'); page -= 1) {
      const copy = setUp();
      for (const file of ['outbox.db', 'outbox.key', 'outbox.db.mark'])
        writeFileSync(join(copy.folder, file), readFileSync(join(at.folder, file)), { mode: 0o600 });
      spoil(copy.path, page);
      const outbox = await copy.open();
      await returned(outbox);
      const isWhole = (await readings(outbox)).length === before.length && (await outbox.status()).delivered === 100;
      if (isWhole) assert.deepEqual(await gaps(outbox), []);
      else assert.ok((await gaps(outbox)).length > 0);
      tried.push(isWhole ? 'whole' : 'gap');
      await copy.close(outbox);
    }
    assert.ok(tried.includes('whole'));
  });

  const unreadable: [string, (path: string) => void][] = [
    ['that was written over', (path) => writeFileSync(path, 'no database')],
    ['whose first page is damaged', (path) => spoil(path, 1)],
    ['that was cut to nothing, with a log', (path) => emptied(path)],
  ];
  for (const [what, damage] of unreadable)
    test(`${what} leaves a gap for each source and for whoever sent, from the oldest row that waited`, async () => {
      verifies('DAMAGED-SET-ASIDE', 'DAMAGED-WHOSE', 'OUTBOX-GAPS');
      const at = setUp();
      const before = await filled(at);
      damage(at.path);
      at.clock.ms += 60_000;
      await using outbox = await at.open();
      await returned(outbox);
      assert.deepEqual(await readings(outbox), []);
      const told = (await gaps(outbox)).map(({ record: { subject, gap } }) => [subject, gap?.reason, gap?.lost, gap?.from, gap?.to]);
      const period = [before[0]?.receivedAt, START + 60_000];
      assert.deepEqual(told, [
        [SOURCE.subject, 'damaged', 'continuous', ...period],
        [before[0]?.record.subject, 'damaged', 'spot', ...period],
      ]);
      assert.ok((await outbox.append([markedRecord(1)])).every((key) => key.seq > 400));
    });

  test('is replaced while the agent runs; what was refused meanwhile comes again and is stored', async () => {
    verifies('DAMAGED-SET-ASIDE', 'ACK-AFTER-COMMIT');
    const at = setUp();
    const before = await filled(at);
    const outbox = await at.open();
    const epoch = outbox.epoch;
    const pages = readFileSync(at.path).length / PAGE;
    spoil(at.path, ...Array.from({ length: pages - 12 }, (_, i) => 11 + i));
    // Whatever makes it look at the file again.
    rmSync(`${at.path}-wal`);
    const back = returned(outbox);
    const codes: unknown[] = [];
    let stored = 0;
    for (let i = 0; stored < 3; i += 1) {
      try {
        await outbox.append([markedRecord(5000 + stored)]);
        stored += 1;
      } catch (error) {
        codes.push((error as { code?: string }).code);
        at.clock.ms += 1000;
      }
      assert.ok(i < 20);
    }
    assert.deepEqual(new Set(codes), new Set(['STORAGE-IO']));
    await back;
    assert.notEqual(outbox.epoch, epoch);
    const found = (await readings(outbox)).map((row) => markOf(row.record));
    assert.deepEqual(
      found.filter((mark) => mark >= 5000),
      [5000, 5001, 5002],
    );
    assert.ok(found.length >= 3 && found.length < before.length + 3);
    assert.ok((await gaps(outbox)).length > 0);
    await outbox.complete(await outbox.pending(0, 1000));
    assert.equal((await outbox.status()).pending, 0);
    await at.close(outbox);
  });

  test('hands over by which clock its rows were stamped: what waited for the time gets it, when it is known before they are there as well', async () => {
    verifies('DAMAGED-SET-ASIDE', 'NO-CLOCK-RETIMED');
    const at = setUp();
    const shownAt = markedRecord(0).receivedAt;
    const run = { boot: 'boot', origin: shownAt - 5000, from: shownAt, held: true };
    const before = await at.open();
    for (let i = 0; i < 400; i += 20) {
      await before.append(
        Array.from({ length: 20 }, (_, k) => markedRecord(i + k + 1)),
        { run },
      );
    }
    await at.close(before);
    spoil(at.path, 30, 31);
    const outbox = await at.open();
    const known = { boot: 'boot', origin: START - 5000, sinceBootMs: 60_000, sure: true, settled: true, wasPlausible: false };
    await outbox.timeKnown(known);
    while (!at.lines.some((line) => line.includes('was taken over'))) await turn();
    // What the taking over began comes first.
    await outbox.timeKnown(known);
    const rows = (await outbox.pending(0, 1000)).filter((row) => row.class !== 'gap');
    assert.ok(rows.length > 300 && rows.length < 400, `${rows.length} rows`);
    for (const { record } of rows) assert.equal(record.receivedAt, START + markOf(record));
    await at.close(outbox);
  });

  test('hands over quarantine, and which messages were stored', async () => {
    verifies('DAMAGED-SET-ASIDE', 'STORED-ONCE');
    const at = setUp();
    const message = { name: 'n'.repeat(16), content: 'c'.repeat(16) };
    const first = await at.open();
    for (let i = 0; i < 100; i += 1) await first.append([markedRecord(i)]);
    await first.appendMessage([markedRecord(200)], message);
    await first.quarantine(await first.pending(0, 1), 'INGEST-NOT-BOUND');
    await first.quarantineBytes('bench', 'HL7-TYPE', 'message', Buffer.from('MSH|'));
    const aside = (await first.quarantined(10)).map(({ id: _, ...entry }) => entry);
    await at.close(first);
    spoil(at.path, -3);
    await using outbox = await at.open();
    assert.deepEqual((await outbox.appendMessage([markedRecord(200)], message)).keys, [], 'known at once');
    await returned(outbox);
    assert.deepEqual(
      (await outbox.quarantined(10)).map(({ id: _, ...entry }) => entry),
      aside,
    );
    assert.equal((await outbox.status()).quarantined, 2);
  });

  test('rows that were delivered in an epoch of the store that cannot be read any more wait again, under the keys that they had', async () => {
    verifies('DAMAGED-SET-ASIDE', 'HUB-RESTORED', 'EXACTLY-ONCE');
    const [old, recent] = ['aaaaaaaaaaaaa', 'bbbbbbbbbbbbb'];
    const deliver = async (outbox: Outbox, rows: readonly OutboxRow[], epoch: string): Promise<void> =>
      await outbox.complete(rows.map((row, i) => ({ ...row, committed: { epoch, position: i + 1 } })));
    const at = setUp();
    const first = await at.open();
    await first.append(Array.from({ length: 30 }, (_, i) => markedRecord(i + 1)));
    const before = await first.pending(0, 100);
    await deliver(first, before, old);
    await at.close(first);
    spoil(at.path, firstPage(at.path, 'store_epochs'));
    const outbox = await at.open();
    await outbox.append([markedRecord(1000)]);
    while ((await readings(outbox)).length < 31) await turn();
    const rows = await readings(outbox);
    assert.deepEqual(rows.slice(0, 30), before);
    // The first epoch of the store that the new file is told of gets the number that the other one had.
    await deliver(outbox, rows.slice(30), recent);
    assert.deepEqual([(await readings(outbox)).length, (await outbox.status()).delivered], [30, 1]);
    // The hub goes back to before all of that; what it held of the first epoch nobody takes for held.
    const restored = {
      epochs: [
        { epoch: recent, from: 0 },
        { epoch: 'ccccccccccccc', from: 0 },
      ],
      position: 0,
    };
    assert.deepEqual(await outbox.redeliver(restored), { rows: 1, gaps: 0 });
    await at.close(outbox);
  });

  test('rows that were delivered and could be read are known to a hub that goes back right after', async () => {
    verifies('DAMAGED-SET-ASIDE', 'HUB-RESTORED');
    const epoch = 'aaaaaaaaaaaaa';
    const at = setUp();
    const first = await at.open();
    await first.append(Array.from({ length: 40 }, (_, i) => markedRecord(i + 1)));
    await first.complete((await first.pending(0, 40)).map((row, i) => ({ ...row, committed: { epoch, position: i + 1 } })));
    await at.close(first);
    spoil(at.path, firstPage(at.path, 'quarantine'));
    await using outbox = await at.open();
    while ((await outbox.status()).delivered < 40) await turn();
    while (!at.lines.some((line) => line.includes('was taken over'))) await turn();
    const restored = {
      epochs: [
        { epoch, from: 0 },
        { epoch: 'ccccccccccccc', from: 30 },
      ],
      position: 30,
    };
    assert.equal((await outbox.redeliver(restored)).rows, 10);
  });

  test('rows whose epochs cannot be read never go under another key: they are set aside, and so they stay', async () => {
    verifies('DAMAGED-SET-ASIDE', 'EXACTLY-ONCE');
    const at = setUp();
    const first = await at.open();
    await first.append([markedRecord(900)]);
    await first.quarantine(await first.pending(0, 1), 'INGEST-NOT-BOUND');
    await at.close(first);
    await filled(at);
    spoil(at.path, firstPage(at.path, 'epochs'));
    const outbox = await at.open();
    await outbox.append([markedRecord(1000)]);
    // 300 that wait, and the one that lay there before.
    while ((await outbox.status()).quarantined < 301) await turn();
    assert.deepEqual(
      (await readings(outbox)).map(({ record, epoch }) => [markOf(record), epoch]),
      [[1000, outbox.epoch]],
    );
    await at.close(outbox);
    withDatabase(at.path, (database) => {
      const n = database.prepare<[], { n: number }>('SELECT count(*) AS n FROM quarantine WHERE epoch IS NOT NULL').get()?.n;
      assert.equal(n, 0, 'nor does an entry of quarantine name an epoch of the new file');
      const least = database.prepare<[], { id: number }>('SELECT min(id) AS id FROM epochs').get()?.id ?? 0;
      assert.ok(least > 1000, 'no number of an epoch is given again');
    });
    await using again = await at.open();
    assert.deepEqual([(await readings(again)).length, (await again.status()).quarantined], [1, 301]);
  });

  test('what lies before a hole in the list of epochs is set aside as well: a rekey may have stood there', async () => {
    verifies('DAMAGED-SET-ASIDE', 'EXACTLY-ONCE');
    const at = setUp();
    const first = await at.open();
    await first.append([markedRecord(1)]);
    // Enough epochs for several pages, of which one is spoiled.
    for (let i = 0; i < 600; i += 1) await first.rekey();
    await at.close(first);
    const second = await at.open();
    await second.append([markedRecord(2)]);
    const [old, recent] = await second.pending(0, 10);
    assert.ok(old && recent && old.epoch !== recent.epoch);
    await at.close(second);
    const pages = withDatabase(at.path, (database) =>
      database
        .prepare<[], { page: number }>("SELECT pageno AS page FROM dbstat WHERE name = 'epochs' AND pagetype = 'leaf' ORDER BY path")
        .all(),
    );
    assert.ok(pages.length > 2);
    spoil(at.path, pages[1]?.page ?? 0);
    await using outbox = await at.open();
    while ((await outbox.status()).quarantined + (await readings(outbox)).length < 2) await turn();
    assert.deepEqual(
      [await readings(outbox), (await outbox.quarantined(10)).map((entry) => entry.code)],
      [[recent], ['OUTBOX-DAMAGED-ROW']],
    );
  });

  test('one whose key is lost, renamed as a damaged one by hand, is followed by a new one with a gap for each source', async () => {
    verifies('DAMAGED-SET-ASIDE');
    const at = setUp();
    await filled(at);
    renameSync(at.path, join(at.folder, ASIDE));
    rmSync(join(at.folder, 'outbox.key'));
    await using outbox = await at.open();
    await outbox.append([markedRecord(1000)]);
    while ((await gaps(outbox)).length === 0) await turn();
    assert.deepEqual(
      (await gaps(outbox)).map(({ record: { subject, gap } }) => [subject, gap?.reason]),
      [[SOURCE.subject, 'damaged']],
    );
    assert.equal((await readings(outbox)).length, 1);
  });

  test('a wrong key is no damage: nothing is set aside, and nothing new is made', async () => {
    verifies('DAMAGED-SET-ASIDE', 'ENCRYPTED-AT-REST');
    const at = setUp();
    const before = await filled(at);
    const right = readFileSync(join(at.folder, 'outbox.key'));
    writeFileSync(join(at.folder, 'outbox.key'), 'ab'.repeat(32));
    await assert.rejects(at.open(), { code: 'STORAGE-KEY' });
    assert.ok(!readdirSync(at.folder).some((name) => name.includes('damaged')));
    writeFileSync(join(at.folder, 'outbox.key'), right);
    await using outbox = await at.open();
    assert.deepEqual(await readings(outbox), before);
  });
});

import assert from 'node:assert/strict';
import { copyFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after, describe, test } from 'node:test';
import type { VitalmeshError } from '../../../shared/errors.ts';
import { type Database, openDatabase } from '../../../shared/storage/database.ts';
import { DamagedFile, filesAside, setAside } from '../../../shared/storage/set-aside.ts';
import { verifies } from '../../requirements.ts';

const root = mkdtempSync(join(tmpdir(), 'vitalmesh-aside-'));
after(() => rmSync(root, { recursive: true, force: true }));

const KEY = Buffer.alloc(32, 7);
const MIGRATIONS = ['CREATE TABLE t (id INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT'];
const PAGE = 4096;

function setUp(key = KEY) {
  const path = join(mkdtempSync(join(root, 'a-')), 'x.db');
  const clock = { ms: Date.UTC(2026, 0, 1, 12), now: () => clock.ms, monotonicMs: () => clock.ms };
  const told: string[] = [];
  const onSetAside = (name: string, error: VitalmeshError): void => void told.push(`${name} ${error.code}`);
  const open = (): Database => openDatabase({ path, key, migrations: MIGRATIONS, cacheKib: 64, clock, onSetAside });
  return { path, clock, told, open };
}

function fill(database: Database, count: number, from = 0): void {
  database.write(() => {
    for (let i = 0; i < count; i += 1) {
      database.prepare<[number, Buffer]>('INSERT INTO t (id, body) VALUES (?, ?)').run(from + i + 1, Buffer.alloc(1000, i));
    }
  });
}

const count = (database: Database): number =>
  database.read(() => database.prepare<[], { n: number }>('SELECT count(*) AS n FROM t').get()?.n ?? -1);

/** Writes over a part of a page, counted from 1. */
function spoil(path: string, page: number): void {
  const bytes = readFileSync(path);
  bytes.fill(0x55, (page - 1) * PAGE + 500, (page - 1) * PAGE + 600);
  writeFileSync(path, bytes);
}

describe('a damaged file', () => {
  test('is set aside at a start, with nothing of it changed, and a new one takes its place under the same owner', () => {
    verifies('DAMAGED-SET-ASIDE', 'OWNER-LOCK');
    const at = setUp();
    {
      using database = at.open();
      fill(database, 100);
    }
    spoil(at.path, 9);
    const spoilt = readFileSync(at.path);
    using database = at.open();
    assert.equal(count(database), 0);
    assert.deepEqual(at.told, ['x.db.damaged-20260101T120000Z STORAGE-DAMAGED']);
    assert.deepEqual(filesAside(at.path), ['x.db.damaged-20260101T120000Z']);
    assert.deepEqual(readFileSync(`${at.path}.damaged-20260101T120000Z`), spoilt);
    assert.throws(at.open, { code: 'STORAGE-LOCKED' });
    fill(database, 1);
    assert.equal(count(database), 1);
  });

  test('is set aside while it is in use', () => {
    verifies('DAMAGED-SET-ASIDE');
    const at = setUp();
    {
      using database = at.open();
      fill(database, 1000);
    }
    using database = at.open();
    for (let page = 100; page < 110; page += 1) spoil(at.path, page);
    const all = (): unknown => database.read(() => database.prepare('SELECT sum(length(body)) FROM t').get());
    assert.throws(all, { code: 'STORAGE-DAMAGED' });
    at.clock.ms += 1000;
    assert.equal(count(database), 0);
    assert.equal(database.openings, 2);
    assert.equal(at.told.length, 1);
  });

  test('goes with its log, and two of one second have two names', () => {
    verifies('DAMAGED-SET-ASIDE');
    const at = setUp();
    for (const content of ['one', 'two']) {
      writeFileSync(at.path, content);
      writeFileSync(`${at.path}-wal`, `log of ${content}`);
      const to = setAside(at.path, at.clock.ms);
      assert.deepEqual([readFileSync(to, 'utf8'), readFileSync(`${to}-wal`, 'utf8')], [content, `log of ${content}`]);
      assert.ok(!existsSync(at.path) && !existsSync(`${at.path}-wal`));
    }
    assert.deepEqual(filesAside(at.path), ['x.db.damaged-20260101T120000Z', 'x.db.damaged-20260101T120000Z-2']);
  });

  test('with a wrong key it is none: the file stays where it is', () => {
    verifies('DAMAGED-SET-ASIDE');
    const at = setUp();
    {
      using database = at.open();
      fill(database, 10);
    }
    const before = readFileSync(at.path);
    assert.throws(
      () => openDatabase({ path: at.path, key: Buffer.alloc(32, 8), migrations: MIGRATIONS, onSetAside: () => assert.fail() }),
      {
        code: 'STORAGE-KEY',
      },
    );
    // What the key is made with is gone: nothing tells that from a wrong key.
    const bytes = Buffer.from(before);
    bytes.fill(0, 0, 16);
    writeFileSync(at.path, bytes);
    assert.throws(at.open, { code: 'STORAGE-KEY' });
    writeFileSync(at.path, before);
    assert.deepEqual([at.told, filesAside(at.path)], [[], []]);
    using database = at.open();
    assert.equal(count(database), 10);
  });

  test('in its first page is one when another page proves the key', () => {
    verifies('DAMAGED-SET-ASIDE');
    const at = setUp();
    {
      using database = at.open();
      fill(database, 10);
    }
    spoil(at.path, 1);
    assert.throws(() => openDatabase({ path: at.path, key: Buffer.alloc(32, 8), migrations: MIGRATIONS }), { code: 'STORAGE-KEY' });
    assert.throws(() => openDatabase({ path: at.path, key: KEY, migrations: MIGRATIONS }), { code: 'STORAGE-DAMAGED' });
    using database = at.open();
    assert.equal(count(database), 0);
    assert.equal(at.told.length, 1);
  });

  test('is read page by page, with what its log holds, and nothing of it is changed', () => {
    verifies('DAMAGED-SET-ASIDE');
    const at = setUp();
    using database = at.open();
    fill(database, 100);
    database.read(() => database.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get());
    fill(database, 5, 100);
    const name = 'x.db.damaged-20260101T120000Z';
    for (const suffix of ['', '-wal']) copyFileSync(at.path + suffix, join(at.path, '..', name + suffix));
    spoil(join(at.path, '..', name), 9);
    const bytes = (): Buffer[] => ['', '-wal'].map((suffix) => readFileSync(join(at.path, '..', name + suffix)));
    const before = bytes();
    let found = 0;
    let refused = 0;
    {
      using damaged = new DamagedFile(at.path, name, KEY);
      for (let id = 1; id <= 105; id += 1) {
        try {
          found += damaged.all<{ body: Buffer }>('SELECT body FROM t WHERE id = ?', id).length;
        } catch (error) {
          assert.equal((error as VitalmeshError).code, 'STORAGE-DAMAGED');
          refused += 1;
        }
      }
    }
    assert.equal(found + refused, 105);
    assert.ok(refused > 0 && refused < 10, `${refused}`);
    assert.deepEqual(bytes(), before);
    assert.ok(!readdirSync(join(at.path, '..')).includes(`${basename(name)}-shm`));
    assert.throws(() => new DamagedFile(at.path, name, Buffer.alloc(32, 8)), { code: 'STORAGE-KEY' });
  });
});

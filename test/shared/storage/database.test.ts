import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, describe, test } from 'node:test';
import SQLite from 'better-sqlite3-multiple-ciphers';
import type { Cipher } from '../../../shared/storage/connection.ts';
import { type Database, type DatabaseOptions, openDatabase } from '../../../shared/storage/database.ts';
import { verifies } from '../../requirements.ts';

const root = mkdtempSync(join(tmpdir(), 'vitalmesh-storage-'));
after(() => rmSync(root, { recursive: true, force: true }));

const MIGRATIONS = ['CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT'];
const MARKER = 'Synthetic-Patient-P-0001';
const key = randomBytes(32);

const freshPath = (): string => join(mkdtempSync(join(root, 'd-')), 'file.db');
const open = (path: string, options: Partial<DatabaseOptions> = {}): Database =>
  openDatabase({ path, key, migrations: MIGRATIONS, ...options });

function note(database: Database, text: string): void {
  database.write(() => database.prepare<[string]>('INSERT INTO notes (text) VALUES (?)').run(text));
}
const notes = (database: Database): string[] =>
  database.read(() =>
    database
      .prepare<[], { text: string }>('SELECT text FROM notes ORDER BY id')
      .all()
      .map((row) => row.text),
  );

/** What SQLite throws. */
function raise(code: string): never {
  throw new SQLite.SqliteError('of this test', code);
}

/** A file with some hundred pages of notes, closed. */
function filled(path = freshPath(), cipher: Cipher = 'sqlcipher'): string {
  using database = open(path, { cipher });
  database.write(() => {
    const insert = database.prepare<[string]>('INSERT INTO notes (text) VALUES (?)');
    for (let i = 0; i < 200; i += 1) insert.run(`${MARKER} ${i} `.padEnd(1000, '.'));
  });
  return path;
}

for (const cipher of ['sqlcipher', 'aegis256'] as const) {
  describe(`encryption with ${cipher}`, () => {
    test('nothing is legible in any file, while it is open and after', () => {
      verifies('ENCRYPTED-AT-REST');
      const path = freshPath();
      const folder = join(path, '..');
      const legible = (): string[] =>
        readdirSync(folder).filter((file) => {
          const bytes = readFileSync(join(folder, file));
          return [MARKER, 'notes', 'SQLite format', key.toString('hex')].some((text) => bytes.includes(text)) || bytes.includes(key);
        });
      const database = open(path, { cipher });
      note(database, MARKER);
      assert.ok(statSync(`${path}-wal`).size > 4096, 'the log holds the note');
      assert.deepEqual(legible(), []);
      database.close();
      assert.ok(statSync(path).size > 4096, 'the file holds the note');
      assert.deepEqual(legible(), []);
      using again = open(path, { cipher });
      assert.deepEqual(notes(again), [MARKER]);
    });

    test('a wrong key is refused and the file stays as it is', () => {
      verifies('ENCRYPTED-AT-REST');
      const path = filled(freshPath(), cipher);
      const before = readFileSync(path);
      assert.throws(() => open(path, { cipher, key: randomBytes(32) }), { code: 'STORAGE-KEY' });
      assert.deepEqual(readFileSync(path), before);
      using database = open(path, { cipher });
      assert.equal(notes(database).length, 200);
    });

    test('a wrong key leaves the log of a crash as it is, too', () => {
      verifies('ENCRYPTED-AT-REST');
      const path = freshPath();
      const crashed = `${path}.crashed`;
      using database = open(path, { cipher });
      note(database, 'committed');
      for (const suffix of ['', '-wal']) copyFileSync(path + suffix, crashed + suffix);
      const before = [readFileSync(crashed), readFileSync(`${crashed}-wal`)];
      assert.throws(() => open(crashed, { cipher, key: randomBytes(32) }), { code: 'STORAGE-KEY' });
      assert.deepEqual([readFileSync(crashed), readFileSync(`${crashed}-wal`)], before);
      using right = open(crashed, { cipher });
      assert.deepEqual(notes(right), ['committed']);
    });

    test('one changed bit on any page is found at opening', () => {
      const path = filled(freshPath(), cipher);
      const good = readFileSync(path);
      const pages = good.length / 4096;
      assert.ok(pages > 50);
      // Whether another page can prove the key where the first one does not.
      const isProven = cipher === 'sqlcipher';
      for (let page = 0; page < pages; page += 7) {
        const damaged = Buffer.from(good);
        damaged.writeUInt8(damaged.readUInt8(page * 4096 + 2000) ^ 0x10, page * 4096 + 2000);
        writeFileSync(path, damaged);
        assert.throws(() => open(path, { cipher }), { code: page === 0 && !isProven ? 'STORAGE-KEY' : 'STORAGE-DAMAGED' }, `page ${page}`);
        assert.deepEqual(readFileSync(path), damaged, 'a damaged file is left for its rescuers');
      }
    });
  });
}

describe('opening a file', () => {
  test('an unencrypted database is refused and stays as it is', () => {
    const path = freshPath();
    const plain = new DatabaseSync(path);
    plain.exec('CREATE TABLE t (a); INSERT INTO t VALUES (1)');
    plain.close();
    const before = readFileSync(path);
    assert.throws(() => open(path), { code: 'STORAGE-KEY', detail: `${path} is not encrypted` });
    assert.deepEqual(readFileSync(path), before);
  });

  test('a file of something else is refused and stays as it is', () => {
    const path = freshPath();
    const contents = { 'STORAGE-DAMAGED': 'x', 'STORAGE-KEY': 'hello world '.repeat(1000) };
    for (const [code, content] of Object.entries(contents)) {
      writeFileSync(path, content);
      assert.throws(() => open(path), { code });
      assert.equal(readFileSync(path, 'utf8'), content);
    }
  });

  test('a log whose file was lost is not thrown away', () => {
    const path = freshPath();
    const copy = `${path}.copy`;
    using database = open(path);
    note(database, 'committed');
    copyFileSync(`${path}-wal`, `${copy}-wal`);
    assert.throws(() => open(copy), { code: 'STORAGE-DAMAGED' });
    writeFileSync(copy, '');
    assert.throws(() => open(copy), { code: 'STORAGE-DAMAGED' });
    copyFileSync(path, copy);
    using rescued = open(copy);
    assert.deepEqual(notes(rescued), ['committed']);
  });

  test('a file cut short is damaged', () => {
    const path = filled();
    truncateSync(path, 4096 * 20);
    assert.throws(() => open(path), { code: 'STORAGE-DAMAGED' });
  });

  test('a path that cannot be a file is refused', () => {
    const folder = join(root, 'folder.db');
    mkdirSync(folder);
    assert.throws(() => open(folder), { code: 'STORAGE-OPEN' });
    const file = join(root, 'just-a-file');
    writeFileSync(file, '');
    assert.throws(() => open(join(file, 'below.db')), { code: 'STORAGE-OPEN' });
  });

  test('a key of the wrong length is refused', () => {
    const path = freshPath();
    assert.throws(() => open(path, { key: randomBytes(16) }), { code: 'STORAGE-KEY-FILE' });
    assert.throws(() => openDatabase({ path, migrations: MIGRATIONS }), { code: 'STORAGE-KEY-FILE' });
    assert.equal(existsSync(path), false);
  });

  test('folder and files are for the owner alone, whatever they were before', () => {
    const path = join(root, 'new', 'folder', 'file.db');
    const modes = (): number[] => ['', '-wal', '.lock'].map((suffix) => statSync(path + suffix).mode & 0o777);
    const database = open(path);
    note(database, 'x');
    assert.deepEqual(modes(), [0o600, 0o600, 0o600]);
    assert.equal(statSync(join(root, 'new', 'folder')).mode & 0o777, 0o700);
    database.close();
    chmodSync(path, 0o666);
    using again = open(path);
    note(again, 'y');
    assert.deepEqual(modes(), [0o600, 0o600, 0o600]);
    assert.equal(existsSync(`${path}-shm`), false);
  });

  test('the settings that keep data safe are in force', () => {
    using database = open(freshPath());
    const setting = (name: string): unknown => Object.values(database.prepare<[], object>(`PRAGMA ${name}`).get() ?? {})[0];
    const expected = { journal_mode: 'wal', synchronous: 2, foreign_keys: 1, trusted_schema: 0, temp_store: 2, locking_mode: 'exclusive' };
    for (const [name, value] of Object.entries(expected)) assert.equal(setting(name), value, name);
  });

  test('what was committed is there after the process forgot to close', () => {
    const path = freshPath();
    const copy = `${path}.copy`;
    using database = open(path);
    note(database, 'committed');
    for (const suffix of ['', '-wal']) copyFileSync(path + suffix, copy + suffix);
    using other = open(copy);
    assert.deepEqual(notes(other), ['committed']);
  });
});

describe('migrations', () => {
  const SECOND = 'ALTER TABLE notes ADD COLUMN ward TEXT';

  test('steps that a file has not taken are taken, in order, once', () => {
    const path = filled();
    using database = open(path, { migrations: [...MIGRATIONS, SECOND, 'CREATE INDEX notes_ward ON notes (ward)'] });
    assert.equal(notes(database).length, 200);
    database.write(() => database.prepare("UPDATE notes SET ward = 'A'").run());
    database.close();
    using again = open(path, { migrations: [...MIGRATIONS, SECOND, 'CREATE INDEX notes_ward ON notes (ward)'] });
    assert.equal(notes(again).length, 200);
  });

  test('a file of a newer version is refused and stays as it is', () => {
    const path = freshPath();
    open(path, { migrations: [...MIGRATIONS, SECOND] }).close();
    const before = readFileSync(path);
    assert.throws(() => open(path), { code: 'STORAGE-SCHEMA', detail: 'schema 2, this version knows 1' });
    assert.deepEqual(readFileSync(path), before);
  });

  test('a step that fails takes the others of its run back', () => {
    const path = freshPath();
    open(path).close();
    assert.throws(() => open(path, { migrations: [...MIGRATIONS, SECOND, 'CREATE NONSENSE'] }), { code: 'INTERNAL' });
    using database = open(path, { migrations: [...MIGRATIONS, SECOND] });
    assert.deepEqual(notes(database), []);
  });
});

describe('write', () => {
  test('keeps nothing of work that throws, and passes its error on', () => {
    using database = open(freshPath());
    assert.throws(
      () =>
        database.write(() => {
          database.prepare("INSERT INTO notes (text) VALUES ('half')").run();
          database.prepare('INSERT INTO notes (text) VALUES (NULL)').run();
        }),
      { code: 'INTERNAL', detail: 'SQLITE_CONSTRAINT_NOTNULL' },
    );
    note(database, 'whole');
    assert.deepEqual(notes(database), ['whole']);
  });

  test('a limit that is given means the same as it stands: so many, none, or all where it is below nothing', () => {
    using database = open(freshPath());
    for (const text of ['a', 'b', 'c']) note(database, text);
    const first = (limit: number, offset = 0): string[] =>
      database.read(() =>
        database
          .prepare<[number, number], { text: string }>('SELECT text FROM notes ORDER BY id LIMIT ? OFFSET ?')
          .all(limit, offset)
          .map(({ text }) => text),
      );
    assert.deepEqual([first(2), first(0), first(-1), first(Number.MAX_SAFE_INTEGER)], [['a', 'b'], [], ['a', 'b', 'c'], ['a', 'b', 'c']]);
    assert.deepEqual(first(2, 1), ['b', 'c']);
    assert.throws(() => first(1.5), { code: 'INTERNAL' });
    const ids = database.read(() =>
      database.prepare<[number], { id: number }>('SELECT id FROM notes WHERE id IN (SELECT id FROM notes LIMIT ?)').all(1),
    );
    assert.deepEqual(ids, [{ id: 1 }]);
  });

  test('a number out of the file is no other row to whoever asks for it by its name', () => {
    using database = open(freshPath());
    note(database, 'one');
    const rows = (): unknown[] =>
      ['page_count', 'wal_checkpoint(NOOP)'].map((text) => database.read(() => database.prepare(`PRAGMA ${text}`).get()));
    const before = rows();
    const pages = database.read(() => database.pragma('page_count'));
    const { log, moved } = database.read(() => database.logState());
    assert.deepEqual(rows(), before);
    assert.deepEqual(before, [{ page_count: pages }, { busy: 0, log, checkpointed: moved }]);
    assert.ok(pages > 0 && log > 0 && moved === 0, `${pages} ${log} ${moved}`);
  });

  test('attempt takes back its own changes only', () => {
    using database = open(freshPath());
    database.write(() => {
      database.prepare("INSERT INTO notes (text) VALUES ('before')").run();
      assert.throws(() =>
        database.attempt(() => {
          database.prepare("INSERT INTO notes (text) VALUES ('inside')").run();
          database.prepare('INSERT INTO notes (text) VALUES (NULL)').run();
        }),
      );
      database.prepare("INSERT INTO notes (text) VALUES ('behind')").run();
    });
    assert.deepEqual(notes(database), ['before', 'behind']);
  });

  test('a full file says so, keeps what it has, and works again when there is room', () => {
    using database = open(freshPath());
    note(database, 'first');
    database.prepare('PRAGMA max_page_count = 4').get();
    assert.throws(() => note(database, 'x'.repeat(50_000)), { code: 'STORAGE-FULL', retryable: true });
    assert.deepEqual(notes(database), ['first']);
    database.prepare('PRAGMA max_page_count = 1000').get();
    note(database, 'second');
    assert.deepEqual(notes(database), ['first', 'second']);
  });

  test('a file that has gone is not made anew after an error; it is used again once it is back', () => {
    const clock = { ms: 0, now: () => clock.ms, monotonicMs: () => clock.ms };
    const path = freshPath();
    using database = open(path, { clock });
    note(database, 'kept');
    assert.throws(() => database.write(() => raise('SQLITE_IOERR_READ')), { code: 'STORAGE-IO' });
    renameSync(path, `${path}.away`);
    for (const ms of [1000, 2000]) {
      clock.ms = ms;
      assert.throws(() => notes(database), { code: 'STORAGE-OPEN' });
      assert.equal(existsSync(path), false);
    }
    renameSync(`${path}.away`, path);
    clock.ms = 3000;
    assert.deepEqual(notes(database), ['kept']);
  });

  test('a damaged file is looked at again after a minute, not before', () => {
    const clock = { ms: 0, now: () => clock.ms, monotonicMs: () => clock.ms };
    using database = open(freshPath(), { clock });
    assert.throws(() => database.read(() => raise('SQLITE_CORRUPT')), { code: 'STORAGE-DAMAGED' });
    clock.ms = 59_999;
    assert.throws(() => notes(database), { code: 'STORAGE-DAMAGED' });
    clock.ms = 60_000;
    assert.deepEqual(notes(database), []);
  });

  test('after closing everything is refused', () => {
    const database = open(freshPath());
    database.close();
    database.close();
    assert.throws(() => note(database, 'x'), { code: 'STORAGE-CLOSED' });
    assert.throws(() => notes(database), { code: 'STORAGE-CLOSED' });
  });
});

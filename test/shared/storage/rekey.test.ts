import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { Cipher } from '../../../shared/storage/connection.ts';
import { type Database, openDatabase } from '../../../shared/storage/database.ts';
import { createKeyFile, readKeyFile } from '../../../shared/storage/key-file.ts';
import { rekeyFile } from '../../../shared/storage/rekey.ts';
import { verifies } from '../../requirements.ts';

const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-rekey-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const MIGRATIONS = ['CREATE TABLE item (number INTEGER PRIMARY KEY, content BLOB NOT NULL) STRICT'];
const ROWS = 300;

interface Place {
  home: string;
  path: string;
  keyFile: string;
  open(): Database;
}

function place(cipher: Cipher = 'sqlcipher'): Place {
  const home = mkdtempSync(join(folder, 'place-'));
  const [path, keyFile] = [join(home, 'items.db'), join(home, 'items.key')];
  createKeyFile(keyFile);
  const open = (): Database => openDatabase({ path, keyFile, migrations: MIGRATIONS, cipher });
  using database = open();
  database.write(() => {
    for (let i = 0; i < ROWS; i += 1) database.prepare<[number, Buffer]>('INSERT INTO item VALUES (?, ?)').run(i, Buffer.alloc(500, i));
  });
  return { home, path, keyFile, open };
}

/** Everything is there, and one more row can be written. */
function works({ open }: Place): void {
  using database = open();
  const rows = database.read(() =>
    database.prepare<[], { content: Buffer }>('SELECT content FROM item WHERE number < 1000 ORDER BY number').all(),
  );
  assert.equal(rows.length, ROWS);
  for (const [i, { content }] of rows.entries()) assert.deepEqual(content, Buffer.alloc(500, i));
  assert.deepEqual(
    database.read(() => database.prepare('PRAGMA integrity_check').all()),
    [{ integrity_check: 'ok' }],
  );
  database.write(() => database.prepare("INSERT INTO item VALUES ((SELECT max(number) FROM item) + 1000, x'00')").run());
}

for (const cipher of ['sqlcipher', 'aegis256'] as const) {
  test(`${cipher}: after a change of the key the file opens with the new one alone, holds the same, and nothing is left beside it`, () => {
    const at = place(cipher);
    const before = readdirSync(at.home).sort();
    const old = readKeyFile(at.keyFile);
    rekeyFile({ ...at, cipher });
    assert.deepEqual(readdirSync(at.home).sort(), before);
    assert.notDeepEqual(readKeyFile(at.keyFile), old);
    for (const path of [at.path, at.keyFile]) assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.throws(() => openDatabase({ path: at.path, key: old, migrations: MIGRATIONS, cipher }), { code: 'STORAGE-KEY' });
    works(at);
    rekeyFile({ ...at, cipher });
    works(at);
  });
}

test('what was in the log alone when the process was killed is in the file after the change', () => {
  const at = place();
  const image = place();
  {
    using database = at.open();
    database.write(() => database.prepare('DELETE FROM item WHERE number = 0').run());
    for (const suffix of ['', '-wal']) copyFileSync(at.path + suffix, image.path + suffix);
    copyFileSync(at.keyFile, image.keyFile);
  }
  assert.ok(statSync(`${image.path}-wal`).size > 0);
  rekeyFile(image);
  using database = image.open();
  assert.deepEqual(
    database.read(() => database.prepare('SELECT count(*) AS rows FROM item').get()),
    { rows: ROWS - 1 },
  );
});

test('a file that is in use, and one whose key is wrong, stay as they are', () => {
  const at = place();
  const other = place();
  {
    using _ = at.open();
    assert.throws(() => rekeyFile(at), { code: 'STORAGE-LOCKED' });
  }
  assert.throws(() => rekeyFile({ path: at.path, keyFile: other.keyFile }), { code: 'STORAGE-KEY' });
  works(at);
  works(other);
});

test('a start finds the exchange done also in a file that was damaged since, and takes a stray new key for none', () => {
  verifies('REKEY-NEVER-LOCKS-OUT');
  for (const isExchanged of [true, false]) {
    const at = place();
    const [old, next] = [`${at.keyFile}.old`, `${at.keyFile}.next`];
    copyFileSync(at.keyFile, old);
    if (isExchanged) {
      rekeyFile(at);
      // As a power cut leaves it between the two exchanges; then a page goes bad.
      renameSync(at.keyFile, next);
      copyFileSync(old, at.keyFile);
    } else createKeyFile(next);
    const key = readKeyFile(isExchanged ? next : old);
    const bytes = readFileSync(at.path);
    bytes.fill(0x5a, 3 * 4096, 4 * 4096);
    writeFileSync(at.path, bytes);
    for (let start = 0; start < 2; start += 1) assert.throws(at.open, { code: 'STORAGE-DAMAGED' });
    assert.deepEqual(readKeyFile(at.keyFile), key);
  }
});

test('with a credential the new key goes where it is told, and the file opens with that', () => {
  verifies('KEY-CREDENTIAL');
  const at = place();
  const newKeyFile = join(at.home, 'new.key');
  const before = process.env.CREDENTIALS_DIRECTORY;
  process.env.CREDENTIALS_DIRECTORY = at.home;
  try {
    const content = readFileSync(at.keyFile);
    assert.throws(() => rekeyFile(at), { code: 'USAGE' });
    writeFileSync(newKeyFile, 'mine');
    assert.throws(() => rekeyFile({ ...at, newKeyFile }), { code: 'STORAGE-KEY-FILE' });
    rmSync(newKeyFile);
    rekeyFile({ ...at, newKeyFile });
    assert.deepEqual(readFileSync(at.keyFile), content);
    assert.throws(at.open, { code: 'STORAGE-KEY' });
  } finally {
    if (before === undefined) delete process.env.CREDENTIALS_DIRECTORY;
    else process.env.CREDENTIALS_DIRECTORY = before;
  }
  works({ ...at, open: () => openDatabase({ path: at.path, keyFile: newKeyFile, migrations: MIGRATIONS }) });
});

test('killed before any of its calls to the file system, the file opens with everything in it by the keys that are there', () => {
  verifies('REKEY-NEVER-LOCKS-OUT');
  const at = place();
  let [kills, changed] = [0, 0];
  for (let before = readKeyFile(at.keyFile); ; before = readKeyFile(at.keyFile)) {
    const { signal, status, stderr } = spawnSync(process.execPath, [
      join(import.meta.dirname, 'rekey-child.ts'),
      at.path,
      at.keyFile,
      `${kills}`,
    ]);
    works(at);
    if (!before.equals(readKeyFile(at.keyFile))) changed += 1;
    for (const left of [`${at.path}.next`, `${at.keyFile}.next`]) assert.ok(!existsSync(left), `${left} is left after ${kills} calls`);
    if (signal === null) {
      assert.equal(status, 0, stderr.toString());
      break;
    }
    kills += 1;
  }
  // Killed behind the exchange of the file, the next opening finishes it; before, it undoes it.
  assert.ok(kills > 15 && changed >= 2 && changed < kills, `${kills} kills, ${changed} changes of the key`);
});

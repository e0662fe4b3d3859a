import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import type { Cipher } from '../../../shared/storage/connection.ts';
import { type Database, openDatabase } from '../../../shared/storage/database.ts';
import { verifies } from '../../requirements.ts';

const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-copy-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const MIGRATIONS = ['CREATE TABLE pair (number INTEGER PRIMARY KEY, half INTEGER NOT NULL, filler BLOB NOT NULL) STRICT'];
let places = 0;

function place(cipher: Cipher = 'sqlcipher'): { path: string; to: string; key: Buffer; database: Database; openCopy: () => Database } {
  places += 1;
  const [path, to, key] = [join(folder, `${places}.db`), join(folder, `${places}.copy`), randomBytes(32)];
  const database = openDatabase({ path, key, migrations: MIGRATIONS, cipher });
  // What is tested here is not how long a commit takes.
  database.read(() => database.prepare('PRAGMA synchronous = OFF').run());
  return { path, to, key, database, openCopy: () => openDatabase({ path: to, key, migrations: MIGRATIONS, cipher }) };
}

/** One commit: two rows that belong together, of about `bytes`; it may change earlier rows too. */
function commit(database: Database, number: number, bytes = 300): void {
  database.write(() => {
    const add = database.prepare<[number, number, Buffer]>('INSERT OR REPLACE INTO pair VALUES (?, ?, ?)');
    add.run(2 * number, number, randomBytes(bytes));
    database
      .prepare<[Buffer, number]>('UPDATE pair SET filler = ? WHERE number = ?')
      .run(randomBytes(bytes), (number * 7919) % (2 * number + 1));
    add.run(2 * number + 1, number, randomBytes(bytes));
  });
}

/** How many commits a copy holds; it must hold the first so many, each whole. */
function commitsIn(copy: Database): number {
  return copy.read(() => {
    assert.deepEqual(copy.prepare('PRAGMA integrity_check').all(), [{ integrity_check: 'ok' }]);
    const rows = copy.prepare<[], { number: number; half: number }>('SELECT number, half FROM pair ORDER BY number').all();
    assert.deepEqual(
      rows.map(({ number, half }) => [number, half]),
      rows.map((_, i) => [i, Math.floor(i / 2)]),
    );
    assert.equal(rows.length % 2, 0, 'a commit is there in half');
    return rows.length / 2;
  });
}

for (const cipher of ['sqlcipher', 'aegis256'] as const) {
  test(`${cipher}: a copy made while commits go on holds whole commits, all up to its end, and opens with the same key`, async () => {
    verifies('BACKUP-ONLINE');
    const { to, database, openCopy } = place(cipher);
    using _ = database;
    let number = 0;
    while (number < 1500) commit(database, number++, 2000);
    let [copying, atEnd] = [true, 0];
    const beforeEnd = async (): Promise<void> => {
      atEnd = number;
    };
    const copied = database.copyTo(to, { beforeEnd }).finally(() => {
      copying = false;
    });
    const before = number;
    // More than a log's worth of pages, so that the log is moved into the file and begun anew in the middle.
    while (copying) {
      for (let i = 0; i < 40; i += 1) commit(database, number++, 2000);
      await turn();
    }
    assert.equal(statSync(to).size, (await copied).bytes);
    assert.equal(statSync(to).mode & 0o777, 0o600);
    using copy = openCopy();
    const held = commitsIn(copy);
    assert.ok(atEnd > before && held >= atEnd && held <= number, `${before} before, ${atEnd} at the end, ${held} held, ${number} made`);
    assert.equal(commitsIn(database), number);
  });
}

test('whatever is written between its steps, a copy is the state of one commit', async () => {
  verifies('BACKUP-ONLINE');
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 0, max: 500 }),
      fc.array(fc.integer({ min: 0, max: 60 }), { maxLength: 8 }),
      fc.boolean(),
      async (first, bursts, grows) => {
        const { to, database, openCopy } = place();
        using _ = database;
        let number = 0;
        while (number < first) commit(database, number++);
        const copying = database.copyTo(to);
        for (const burst of bursts) {
          await turn();
          for (let i = 0; i < burst; i += 1) commit(database, number++, grows ? 6000 : 100);
        }
        await copying;
        using copy = openCopy();
        assert.ok(commitsIn(copy) >= first);
      },
    ),
    { numRuns: 8 },
  );
});

test('a page that was changed in the log alone is not covered by the one in the file that is copied later', async () => {
  verifies('BACKUP-ONLINE');
  const { to, database, openCopy } = place();
  using _ = database;
  const last = 900;
  for (let number = 0; number < last; number += 1) commit(database, number, 2000);
  const copying = database.copyTo(to);
  await turn();
  const marked = Buffer.alloc(2000, 0x5a);
  database.write(() => database.prepare<[Buffer, number]>('UPDATE pair SET filler = ? WHERE number = ?').run(marked, 2 * last - 1));
  await copying;
  using copy = openCopy();
  assert.equal(commitsIn(copy), last);
  const row = copy.read(() => copy.prepare<[number], { filler: Buffer }>('SELECT filler FROM pair WHERE number = ?').get(2 * last - 1));
  assert.deepEqual(row?.filler, marked);
});

test('after a copy the log is moved into the file as before, and the next copy works', async () => {
  const { to, database } = place();
  using _ = database;
  for (let round = 0; round < 2; round += 1) {
    await database.copyTo(`${to}.${round}`);
    assert.deepEqual(
      database.read(() => database.prepare('PRAGMA wal_autocheckpoint').get()),
      { wal_autocheckpoint: 1000 },
    );
    commit(database, round);
  }
});

test('a log that was begun anew behind a copy fails it, and leaves nothing', async () => {
  const { to, database } = place();
  using _ = database;
  for (let number = 0; number < 200; number += 1) commit(database, number);
  const copying = database.copyTo(to, {
    beforeEnd: async () => {
      commit(database, 200);
      database.read(() => database.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get());
      commit(database, 201);
    },
  });
  await assert.rejects(copying, { code: 'STORAGE-COPY' });
  assert.ok(!existsSync(to));
});

test('a file that is there is not written over; a second copy at a time, an aborted one and one of a file that is closed end with a code', async () => {
  verifies('BACKUP-NEVER-OVER');
  const { to, database } = place();
  for (let number = 0; number < 500; number += 1) commit(database, number);
  writeFileSync(to, 'mine');
  await assert.rejects(database.copyTo(to), { code: 'STORAGE-COPY' });
  assert.equal(statSync(to).size, 4);
  rmSync(to);
  const first = database.copyTo(to);
  await assert.rejects(database.copyTo(`${to}.2`), { code: 'STORAGE-COPY' });
  await first;
  rmSync(to);
  await assert.rejects(database.copyTo(to, { signal: AbortSignal.abort(new Error('gone')) }), /gone/);
  const closing = database.copyTo(to, { beforeEnd: async () => database.close() });
  await assert.rejects(closing, { code: 'STORAGE-CLOSED' });
  assert.ok(!existsSync(to));
});

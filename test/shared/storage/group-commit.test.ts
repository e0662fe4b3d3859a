import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import SQLite from 'better-sqlite3-multiple-ciphers';
import { VitalmeshError } from '../../../shared/errors.ts';
import { Metrics } from '../../../shared/metrics.ts';
import { type Database, openDatabase } from '../../../shared/storage/database.ts';
import { GroupCommit, type GroupCommitOptions } from '../../../shared/storage/group-commit.ts';
import { verifies } from '../../requirements.ts';

const root = mkdtempSync(join(tmpdir(), 'vitalmesh-commit-'));
after(() => rmSync(root, { recursive: true, force: true }));

/** A clock that only the test moves. */
function stillClock(): { now(): number; monotonicMs(): number; ms: number } {
  const clock = { ms: 0, now: () => clock.ms, monotonicMs: () => clock.ms };
  return clock;
}

function setUp(options: Partial<GroupCommitOptions> = {}) {
  const clock = stillClock();
  const metrics = new Metrics();
  const database = openDatabase({
    path: join(mkdtempSync(join(root, 'd-')), 'file.db'),
    key: randomBytes(32),
    migrations: ['CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE) STRICT'],
    clock,
  });
  const commit = new GroupCommit(database, { name: 'test', metrics, clock, ...options });
  const put = (text: string): Promise<number> => commit.run((db) => insert(db, text));
  const notes = (): string[] =>
    database.read(() =>
      database
        .prepare<[], { text: string }>('SELECT text FROM notes ORDER BY id')
        .all()
        .map((row) => row.text),
    );
  const commits = (): number => metrics.get('storage_commits', 'test');
  return { clock, metrics, database, commit, put, notes, commits, [Symbol.dispose]: () => database.close() };
}

const insert = (database: Database, text: string): number =>
  Number(database.prepare<[string]>('INSERT INTO notes (text) VALUES (?)').run(text).lastInsertRowid);

/** The codes, or the results, of some promises. */
async function outcomes(promises: readonly Promise<unknown>[]): Promise<unknown[]> {
  const settled = await Promise.allSettled(promises);
  return settled.map((one) => (one.status === 'fulfilled' ? one.value : (one.reason as VitalmeshError).code));
}

describe('group commit', () => {
  test('a long log is moved into the file when those who waited for the commit have their answer', async () => {
    verifies('LOG-AFTER-ANSWER');
    using at = setUp();
    const log = () => at.database.read(() => at.database.logState());
    await at.put('short');
    for (let turns = 0; turns < 10; turns += 1) await setImmediate();
    assert.equal(log().moved, 0, 'a short one stays');
    await at.commit.run((db) => {
      for (let row = 0; row < 300; row += 1) insert(db, `${row}`.padEnd(3000, '.'));
    });
    const { log: pages, moved } = log();
    assert.ok(pages > 500 && pages < 1000, `${pages} pages`);
    assert.equal(moved, 0);
    // It is asked for once in some commits.
    for (const note of ['a', 'b']) await at.put(note);
    while (log().moved < pages) await setImmediate();
    assert.equal(at.notes().length, 303);
  });

  test('what is asked for in one turn shares a commit, and each gets its own result', async () => {
    using at = setUp();
    assert.deepEqual(await Promise.all([at.put('a'), at.put('b'), at.put('c')]), [1, 2, 3]);
    assert.equal(at.commits(), 1);
    await at.put('d');
    assert.equal(at.commits(), 2);
    assert.deepEqual(at.notes(), ['a', 'b', 'c', 'd']);
  });

  test('nothing is resolved before the commit', async () => {
    using at = setUp();
    let resolved = false;
    const done = at.put('a').then(() => {
      resolved = true;
    });
    const seen = at.commit.run(() => resolved);
    await done;
    assert.equal(await seen, false);
  });

  test('a unit that fails costs nobody else anything', async () => {
    using at = setUp();
    const refused = at.commit.run((db) => {
      insert(db, 'taken back');
      throw new VitalmeshError('INGEST-INVALID');
    });
    const results = await outcomes([at.put('a'), refused, at.put('a'), at.put('b')]);
    assert.deepEqual(results.slice(1, 3), ['INGEST-INVALID', 'INTERNAL']);
    assert.deepEqual(at.notes(), ['a', 'b']);
    assert.deepEqual(await outcomes([refused, at.put('c')]), ['INGEST-INVALID', Number(results[3]) + 1]);
  });

  test('a lone unit that fails leaves nothing behind', async () => {
    using at = setUp();
    const half = at.commit.run((db) => {
      insert(db, 'a');
      insert(db, 'a');
    });
    assert.deepEqual(await outcomes([half]), ['INTERNAL']);
    assert.deepEqual(at.notes(), []);
  });

  test('a transaction ends at its limit of rows; the rest comes in the next ones', async () => {
    using at = setUp({ maxRows: 10 });
    const units = Array.from({ length: 7 }, (_, i) => at.commit.run((db) => insert(db, `${i}`), 4));
    assert.deepEqual(await Promise.all(units), [1, 2, 3, 4, 5, 6, 7]);
    assert.equal(at.commits(), 3);
  });

  test('a transaction ends at its limit of time', async () => {
    using at = setUp({ maxMs: 5 });
    const units = Array.from({ length: 4 }, (_, i) =>
      at.commit.run((db) => {
        at.clock.ms += 3;
        return insert(db, `${i}`);
      }),
    );
    assert.deepEqual(await Promise.all(units), [1, 2, 3, 4]);
    assert.equal(at.commits(), 2);
  });

  test('a full disk refuses the whole commit, and the next one works when there is room', async () => {
    using at = setUp();
    await at.put('first');
    at.database.prepare('PRAGMA max_page_count = 6').get();
    const results = await outcomes([at.put('small'), at.put('x'.repeat(60_000)), at.put('another')]);
    assert.deepEqual(results, ['STORAGE-FULL', 'STORAGE-FULL', 2], 'what comes behind the commit that failed has one of its own');
    assert.equal(at.metrics.get('storage_failed_commits', 'test STORAGE-FULL'), 1);
    at.database.prepare('PRAGMA max_page_count = 1000').get();
    await at.put('second');
    assert.deepEqual(at.notes(), ['first', 'another', 'second']);
  });

  test('after an I/O error nothing is stored until the file has been opened anew, a second later at the earliest', async () => {
    using at = setUp();
    await at.put('first');
    const broken = at.commit.run((db) => {
      insert(db, 'lost');
      throw new SQLite.SqliteError('disk I/O error', 'SQLITE_IOERR_FSYNC');
    });
    assert.deepEqual(await outcomes([at.put('before'), broken]), ['STORAGE-IO', 'STORAGE-IO']);
    assert.throws(() => at.notes(), { code: 'STORAGE-IO' });
    at.clock.ms += 999;
    assert.deepEqual(await outcomes([at.put('too soon')]), ['STORAGE-IO']);
    assert.equal(at.database.openings, 1);
    at.clock.ms += 1;
    await at.put('again');
    assert.equal(at.database.openings, 2);
    assert.deepEqual(at.notes(), ['first', 'again']);
  });

  test('what can wait goes along with what is committed next, and in the order in which it was asked for', async () => {
    using at = setUp();
    const patient = at.commit.run((db) => insert(db, 'patient'), 1, 60_000);
    for (let turns = 0; turns < 10; turns += 1) await setImmediate();
    assert.equal(at.commits(), 0);
    assert.deepEqual(await Promise.all([patient, at.put('urgent')]), [1, 2]);
    assert.equal(at.commits(), 1);
  });

  test('what can wait is committed when it has waited, though nothing else comes', async () => {
    using at = setUp();
    const waiting = [5, 60_000].map((waitMs) => at.commit.run((db) => insert(db, `${waitMs}`), 1, waitMs));
    assert.deepEqual(await Promise.all(waiting), [1, 2], 'the first of them says how long');
    assert.equal(at.commits(), 1);
    assert.equal(await at.commit.run((db) => insert(db, 'next'), 1, 5), 3);
    assert.equal(at.commits(), 2);
  });

  test('closing commits what can wait', async () => {
    using at = setUp();
    const patient = at.commit.run((db) => insert(db, 'patient'), 1, 60_000);
    at.commit.close();
    assert.deepEqual(at.notes(), ['patient']);
    assert.equal(await patient, 1);
  });

  test('closing commits what waits, whatever the limits, and refuses what comes after', async () => {
    using at = setUp({ maxRows: 2 });
    const waiting = ['a', 'b', 'c', 'd', 'e'].map((text) => at.put(text));
    at.commit.close();
    assert.deepEqual(at.notes(), ['a', 'b', 'c', 'd', 'e']);
    assert.deepEqual(await outcomes([...waiting, at.put('f')]), [1, 2, 3, 4, 5, 'STORAGE-CLOSED']);
  });

  test('closing commits what a unit asks for that is committed by it, and nothing of one that comes behind', async () => {
    verifies('ACK-AFTER-COMMIT');
    using at = setUp({ maxRows: 1 });
    const rest: Promise<number>[] = [];
    const first = at.commit.run((db) => {
      rest.push(at.put('rest'));
      return insert(db, 'first');
    });
    at.commit.close();
    assert.deepEqual(at.notes(), ['first', 'rest']);
    assert.deepEqual(await outcomes([first, ...rest, at.put('late')]), [1, 2, 'STORAGE-CLOSED']);
  });
});

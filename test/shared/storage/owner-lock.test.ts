import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { linkSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, describe, test } from 'node:test';
import { type Database, openDatabase } from '../../../shared/storage/database.ts';
import { verifies } from '../../requirements.ts';

const root = mkdtempSync(join(tmpdir(), 'vitalmesh-lock-'));
after(() => rmSync(root, { recursive: true, force: true }));

const freshPath = (): string => join(mkdtempSync(join(root, 'd-')), 'file.db');
const KEY = Buffer.alloc(32, 9);
const open = (path: string): Database => openDatabase({ path, key: KEY, migrations: ['CREATE TABLE t (a) '] });

/** Opens the file in a process of its own, which holds it until it is killed. Resolves with what it said: `open`, or an error code. */
async function openElsewhere(path: string): Promise<{ said: string; child: ChildProcess }> {
  const storage = JSON.stringify(new URL('../../../shared/storage/database.ts', import.meta.url).href);
  const program = `
    import { openDatabase } from ${storage};
    try {
      globalThis.held = openDatabase({ path: process.argv[1], key: Buffer.alloc(32, 9), migrations: ['CREATE TABLE t (a)'] });
      console.log('open');
      setInterval(() => {}, 60_000);
    } catch (error) {
      console.log(error.code);
    }`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program, path], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [said] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  return { said, child };
}

async function killed(child: ChildProcess): Promise<void> {
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}

describe('one owner', () => {
  test('a second process is refused until the first has closed the file', async () => {
    verifies('OWNER-LOCK');
    const path = freshPath();
    const database = open(path);
    const second = await openElsewhere(path);
    assert.equal(second.said, 'STORAGE-LOCKED');
    await killed(second.child);
    database.close();
    const third = await openElsewhere(path);
    assert.equal(third.said, 'open');
    await killed(third.child);
  });

  test('the lock of a killed process ends with it', async () => {
    verifies('OWNER-LOCK');
    const path = freshPath();
    const first = await openElsewhere(path);
    assert.equal(first.said, 'open');
    assert.throws(() => open(path), { code: 'STORAGE-LOCKED' });
    await killed(first.child);
    open(path).close();
  });

  test('a second opening by the same process is refused, and the lock holds all the same', async () => {
    verifies('OWNER-LOCK');
    const path = freshPath();
    using database = open(path);
    for (let i = 0; i < 3; i += 1) assert.throws(() => open(path), { code: 'STORAGE-LOCKED' });
    // Reading the file closes a descriptor of it, which gives up POSIX locks on the file itself; the owner's lock stands beside it.
    readFileSync(path);
    const { said, child } = await openElsewhere(path);
    assert.equal(said, 'STORAGE-LOCKED');
    await killed(child);
    assert.equal(database.openings, 1);
  });

  test('the same file under another name is refused', async () => {
    const path = freshPath();
    using database = open(path);
    linkSync(path, `${path}.link`);
    const { said, child } = await openElsewhere(`${path}.link`);
    assert.equal(said, 'STORAGE-LOCKED');
    await killed(child);
    assert.equal(database.openings, 1);
  });

  test('a lock file left by a crash is no obstacle, one of other content is named', () => {
    const path = freshPath();
    writeFileSync(`${path}.lock`, '');
    open(path).close();
    writeFileSync(`${path}.lock`, 'something else '.repeat(500));
    assert.throws(() => open(path), { code: 'STORAGE-OPEN', detail: `${path}.lock` });
  });
});

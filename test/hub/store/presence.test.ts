import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { checkStore, openStore } from '../../../hub/store/open-store.ts';
import { createLogger } from '../../../shared/log.ts';
import { Metrics } from '../../../shared/metrics.ts';
import { createKeyFile } from '../../../shared/storage/key-file.ts';
import { verifies } from '../../requirements.ts';

const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-presence-'));
after(() => rmSync(folder, { recursive: true, force: true }));

interface Place {
  path: string;
  keyFile: string;
}

function place(): Place {
  const home = mkdtempSync(join(folder, 'hub-'));
  return { path: join(home, 'store.db'), keyFile: join(home, 'store.key') };
}

/** Opens the store there, and gives its id. */
async function opened(at: Place): Promise<string> {
  await using store = (await openStore(at, { metrics: new Metrics() })).store;
  return store.storeId;
}

test('where a store was, one that is gone, empty or damaged is refused, and nothing is put in its place', async () => {
  verifies('STORE-NEVER-ANEW');
  const losses: Record<string, [(at: Place) => void, string]> = {
    gone: [({ path }) => rmSync(path), 'STORAGE-MISSING'],
    empty: [({ path }) => truncateSync(path), 'STORAGE-MISSING'],
    'cut off': [({ path }) => truncateSync(path, 1000), 'STORAGE-DAMAGED'],
    'of zeroes': [({ path }) => writeFileSync(path, Buffer.alloc(readFileSync(path).length)), 'STORAGE-KEY'],
    'damaged behind its first page': [
      ({ path }) => {
        const bytes = readFileSync(path);
        bytes.fill(0x5a, 4096, 5 * 4096);
        writeFileSync(path, bytes);
      },
      'STORAGE-DAMAGED',
    ],
    'without its key': [({ keyFile }) => rmSync(keyFile), 'STORAGE-KEY-FILE'],
  };
  for (const [name, [lose, code]] of Object.entries(losses)) {
    const at = place();
    await opened(at);
    lose(at);
    const before = existsSync(at.path) ? readFileSync(at.path) : undefined;
    for (let start = 0; start < 2; start += 1) await assert.rejects(opened(at), { code }, name);
    assert.deepEqual(existsSync(at.path) ? readFileSync(at.path) : undefined, before, name);
  }
});

test('a first start is one also with a key that was made before, and a store that was put back or put there on purpose is taken', async () => {
  const [first, second] = [place(), place()];
  createKeyFile(first.keyFile);
  const id = await opened(first);
  renameSync(first.path, `${first.path}.away`);
  await assert.rejects(opened(first), { code: 'STORAGE-MISSING' });
  renameSync(`${first.path}.away`, first.path);
  assert.equal(await opened(first), id);
  const other = await opened(second);
  renameSync(second.path, first.path);
  renameSync(second.keyFile, first.keyFile);
  assert.equal(await opened(first), other);
  rmSync(first.path);
  rmSync(`${first.path}.id`);
  assert.notEqual(await opened(first), other);
});

test('a store that was begun is told of in the log, once, and the check says beforehand that there is none', async () => {
  verifies('STORE-ONLY-RUN-MAKES');
  const at = place();
  const lines: string[] = [];
  const log = createLogger({ component: 'hub', destination: { write: (line) => void lines.push(line) } });
  assert.match((await checkStore(at)) ?? '', /^There is no store at .*store\.db yet/);
  assert.ok(!existsSync(at.path) && !existsSync(at.keyFile));
  for (let start = 0; start < 2; start += 1) {
    await using _ = (await openStore(at, { metrics: new Metrics(), log })).store;
  }
  assert.equal(await checkStore(at), undefined);
  const [line = '{}', ...more] = lines;
  const { level, store, msg } = JSON.parse(line) as Record<string, unknown>;
  assert.deepEqual([level, store, msg, more], ['warn', at.path, 'a new, empty store was begun at this path', []]);
  rmSync(at.path);
  await assert.rejects(checkStore(at), { code: 'STORAGE-MISSING' });
});

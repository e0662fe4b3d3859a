import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import promises from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { AuditEvent } from '../../../hub/access/access.ts';
import { verifyAudit } from '../../../hub/audit/chain.ts';
import { makeBackup } from '../../../hub/backup/backup.ts';
import { createRecoveryKey } from '../../../hub/backup/recovery-key.ts';
import { type RestoreReport, restoreBackup } from '../../../hub/backup/restore.ts';
import { openSqliteStore } from '../../../hub/store/sqlite.ts';
import type { Store } from '../../../hub/store/store.ts';
import { systemClock } from '../../../shared/clock.ts';
import { Metrics } from '../../../shared/metrics.ts';
import { createKeyFile, readKeyFile } from '../../../shared/storage/key-file.ts';
import { arrivalOf, batchOf, event } from '../../contract/store.ts';
import { verifies } from '../../requirements.ts';
import { gathered, TEST_NOW } from '../../support/hub.ts';

const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-backup-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const recoveryKeyFile = join(folder, 'recovery.key');
const recipients = [createRecoveryKey(recoveryKeyFile)];
const clock = systemClock;

const ROWS = 4;
/** Of the batch of this number: so many observations of one patient. */
const batchOfNumber = (number: number) =>
  batchOf(
    Array.from({ length: ROWS }, (_, i) =>
      arrivalOf({ seq: 1 + number * ROWS + i, value: 60 + (number % 30), effective: TEST_NOW + number }),
    ),
  );

interface Hub {
  home: string;
  path: string;
  keyFile: string;
  dataKey: Buffer;
  open(): Store;
}

function hubFolder(): Hub {
  const home = mkdtempSync(join(folder, 'hub-'));
  const [path, keyFile] = [join(home, 'store.db'), join(home, 'store.key')];
  const dataKey = createKeyFile(keyFile);
  return { home, path, keyFile, dataKey, open: () => openSqliteStore({ path, keyFile, metrics: new Metrics() }) };
}

interface Place {
  home: string;
  to: string;
  keyFile: string;
}

function emptyPlace(): Place {
  const home = mkdtempSync(join(folder, 'other-machine-'));
  return { home, to: join(home, 'deep', 'store.db'), keyFile: join(home, 'deep', 'store.key') };
}

function restored(from: string, place: Place, keyFile = recoveryKeyFile): Promise<RestoreReport> {
  return restoreBackup({ from, recoveryKeyFile: keyFile, to: place.to, keyFile: place.keyFile, clock, uid: 1000 });
}

async function actions(store: Store): Promise<string[]> {
  return (await gathered(store.audit())).map(({ entry }) => (JSON.parse(entry) as AuditEvent).action);
}

test('a store is backed up under load; in another folder it is whole up to the stated position, no batch is there in part, and it reads the same', async () => {
  verifies('BACKUP-ONLINE', 'BACKUP-RESTORES', 'BACKUP-EVIDENCE');
  const hub = hubFolder();
  const store = hub.open();
  const committed: number[] = [];
  let number = 0;
  const put = async (): Promise<void> => {
    const mine = number;
    number += 1;
    committed[mine] = (await store.storeBatch(batchOfNumber(mine))).committed.position;
  };
  for (let i = 0; i < 60; i += 1) await Promise.all([put(), put(), put(), put(), put()]);
  const before = number;
  const to = join(hub.home, 'backup');
  let done = false;
  const making = makeBackup({ store, to, recipients, clock }).finally(() => {
    done = true;
  });
  while (!done) await Promise.all([put(), put(), put()]);
  const report = await making;
  assert.equal(statSync(to).mode & 0o777, 0o600);
  assert.deepEqual(
    readdirSync(hub.home).filter((name) => name.includes('part')),
    [],
  );
  const place = emptyPlace();
  const after = await restored(to, place);
  assert.deepEqual(readdirSync(join(place.home, 'deep')).sort(), ['store.db', 'store.key']);
  for (const path of [place.to, place.keyFile]) assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.notDeepEqual(readKeyFile(place.keyFile), hub.dataKey);

  await using again = openSqliteStore({ path: place.to, keyFile: place.keyFile, metrics: new Metrics() });
  const ids = (await gathered(await again.observations('clinic', {}, (rows) => event(rows)))).map(({ id }) => id);
  assert.equal(new Set(ids).size, ids.length);
  assert.equal(ids.length % ROWS, 0, 'a batch is there in part');
  const batches = ids.length / ROWS;
  const due = committed.filter((position) => position <= report.position).length;
  assert.ok(
    due >= before && batches >= due && batches <= number,
    `${before} before, ${due} up to the position, ${batches} restored of ${number}`,
  );
  assert.deepEqual(ids, Array.from({ length: batches }, (_, i) => batchOfNumber(i).arrivals.map(({ id }) => id)).flat());
  // The position restored is that of the last batch in it: what was committed behind it is not there, even in part.
  assert.equal(committed[batches - 1], after.position);
  assert.deepEqual([again.storeId, after.storeId, after.observations], [store.storeId, store.storeId, ids.length]);
  assert.ok((await verifyAudit(again.audit(), again.storeId)).intact);
  const { findings } = await again.verify();
  assert.deepEqual(findings, []);
  assert.equal((await actions(again)).filter((action) => action === 'store.restore').length, 1);
  await using original = store;
  const expected = await gathered(await original.observations('clinic', {}, (rows) => event(rows)));
  const found = await gathered(await again.observations('clinic', {}, (rows) => event(rows)));
  assert.deepEqual(found, expected.slice(0, found.length));
});

test('what was stored after the backup can be told by the lineage of the restored store: its epoch is new, and begins where the backup ended', async () => {
  verifies('BACKUP-RESTORES');
  const hub = hubFolder();
  const to = join(hub.home, 'backup');
  await using store = hub.open();
  await store.storeBatch(batchOfNumber(0));
  await makeBackup({ store, to, recipients, clock });
  const late = (await store.storeBatch(batchOfNumber(1))).committed;
  const place = emptyPlace();
  const { epoch, position } = await restored(to, place);
  await using again = openSqliteStore({ path: place.to, keyFile: place.keyFile, metrics: new Metrics() });
  const { epochs } = await again.lineage();
  const next = epochs[epochs.findIndex((line) => line.epoch === late.epoch) + 1];
  assert.deepEqual(next, { epoch, from: position });
  assert.ok(late.position > position);
  assert.deepEqual((await again.storeBatch(batchOfNumber(1))).results, Array(ROWS).fill('stored'));
});

test('a backup opens for each of its recipients, and for nobody else; none is made without one', async () => {
  verifies('BACKUP-SEALED');
  const hub = hubFolder();
  const [second, stranger, to] = [join(hub.home, 'second.key'), join(hub.home, 'stranger.key'), join(hub.home, 'backup')];
  const both = [...recipients, createRecoveryKey(second)];
  createRecoveryKey(stranger);
  await using store = hub.open();
  await store.storeBatch(batchOfNumber(0));
  await assert.rejects(makeBackup({ store, to, recipients: [], clock }), { code: 'BACKUP-NO-RECIPIENT' });
  assert.ok(!existsSync(to));
  await makeBackup({ store, to, recipients: both, clock });
  for (const keyFile of [recoveryKeyFile, second]) assert.equal((await restored(to, emptyPlace(), keyFile)).observations, ROWS);
  const nobody = emptyPlace();
  await assert.rejects(restored(to, nobody, stranger), { code: 'BACKUP-KEY' });
  chmodSync(second, 0o640);
  await assert.rejects(restored(to, nobody, second), { code: 'BACKUP-KEY' });
  writeFileSync(stranger, 'no key');
  await assert.rejects(restored(to, nobody, stranger), { code: 'BACKUP-KEY' });
  assert.deepEqual(readdirSync(nobody.home), []);
  assert.ok(!readFileSync(to).includes(hub.dataKey) && !readFileSync(to, 'utf8').includes(hub.dataKey.toString('hex')));
});

test('a backup that was cut off or changed anywhere is refused, and leaves nothing', async () => {
  verifies('BACKUP-SEALED', 'BACKUP-NEVER-OVER');
  const hub = hubFolder();
  const to = join(hub.home, 'backup');
  await using store = hub.open();
  await store.storeBatch(batchOfNumber(0));
  const { bodyBytes } = await makeBackup({ store, to, recipients, clock });
  const whole = readFileSync(to);
  const label = whole.indexOf('storeId', bodyBytes);
  const position = whole.indexOf('position', bodyBytes) + 'position\\":'.length;
  const changes: Record<string, [Buffer, string]> = {
    'one byte short': [whole.subarray(0, -1), 'BACKUP-DAMAGED'],
    'its body alone': [whole.subarray(0, bodyBytes), 'BACKUP-DAMAGED'],
    empty: [Buffer.alloc(0), 'BACKUP-DAMAGED'],
    'a byte of the body': [flipped(whole, 5000), 'BACKUP-DAMAGED'],
    'a letter of the label': [flipped(whole, label), 'BACKUP-DAMAGED'],
    'a digit of the position': [flipped(whole, position), 'BACKUP-KEY'],
    'a page taken out of the middle': [Buffer.concat([whole.subarray(0, 4096), whole.subarray(8192)]), 'BACKUP-DAMAGED'],
  };
  for (const [name, [content, code]] of Object.entries(changes)) {
    const [changed, place] = [join(hub.home, 'changed'), emptyPlace()];
    writeFileSync(changed, content);
    await assert.rejects(restored(changed, place), { code }, name);
    assert.deepEqual(readdirSync(place.home), [], name);
  }
});

test('nothing is written over: neither by a backup nor by a restore, and a restore wants an empty place', async () => {
  verifies('BACKUP-NEVER-OVER');
  const hub = hubFolder();
  const to = join(hub.home, 'backup');
  await using store = hub.open();
  await store.storeBatch(batchOfNumber(0));
  await makeBackup({ store, to, recipients, clock });
  const content = readFileSync(to);
  await assert.rejects(makeBackup({ store, to, recipients, clock }), { code: 'BACKUP-FILE' });
  assert.ok(readFileSync(to).equals(content));
  assert.throws(() => createRecoveryKey(recoveryKeyFile), { code: 'BACKUP-FILE' });
  const missing = join(hub.home, 'no', 'folder');
  await assert.rejects(makeBackup({ store, to: missing, recipients, clock }), { code: 'BACKUP-FILE', detail: /no such folder as .*mkdir/ });
  await assert.rejects(makeBackup({ store, to: hub.home, recipients, clock }), { code: 'BACKUP-FILE', detail: /is a folder: name a file/ });
  for (const taken of ['store.db', 'store.db-wal', 'store.key']) {
    const place = emptyPlace();
    mkdirSync(join(place.home, 'deep'));
    writeFileSync(join(place.home, 'deep', taken), 'mine');
    await assert.rejects(restored(to, place), { code: 'BACKUP-FILE' });
    assert.deepEqual(readdirSync(join(place.home, 'deep')), [taken]);
  }
});

test('a restore takes no FIFO for a backup, and one whose key cannot be written leaves no store that nobody can open', async () => {
  verifies('BACKUP-NEVER-OVER');
  const hub = hubFolder();
  const to = join(hub.home, 'backup');
  await using store = hub.open();
  await store.storeBatch(batchOfNumber(0));
  await makeBackup({ store, to, recipients, clock });
  const place = emptyPlace();
  const fifo = join(hub.home, 'fifo');
  assert.equal(spawnSync('mkfifo', [fifo]).status, 0);
  await assert.rejects(restored(fifo, place), { code: 'BACKUP-FILE' });
  await assert.rejects(restored(hub.home, place), { code: 'BACKUP-FILE' });
  for (const suffix of ['', '-wal', '.lock', '.restoring'])
    await assert.rejects(restored(to, { ...place, keyFile: place.to + suffix }), { code: 'BACKUP-FILE' });
  await assert.rejects(restored(to, { ...place, keyFile: join(hub.keyFile, 'key') }), { code: 'STORAGE-KEY-FILE' });
  assert.deepEqual(readdirSync(place.home), []);
  assert.ok(readKeyFile(hub.keyFile).equals(hub.dataKey));
  assert.equal((await restored(to, place)).observations, ROWS);
});

test('a backup whose caller goes away, and one of a store that is closed, leave nothing', async () => {
  verifies('BACKUP-NEVER-OVER');
  const hub = hubFolder();
  const store = hub.open();
  for (let number = 0; number < 50; number += 1) await store.storeBatch(batchOfNumber(number));
  const gone = new AbortController();
  const before = readdirSync(hub.home).sort();
  const to = join(hub.home, 'backup');
  const first = makeBackup({ store, to, recipients, clock, signal: gone.signal });
  gone.abort(new Error('gone'));
  await assert.rejects(first, /gone/);
  assert.deepEqual(readdirSync(hub.home).sort(), before);
  const second = makeBackup({ store, to, recipients, clock });
  await store[Symbol.asyncDispose]();
  await assert.rejects(second, { code: 'STORAGE-CLOSED' });
  assert.ok(!existsSync(to));
});

test('a place that knows no second names of files, as sticks and shares do, takes a backup all the same, and nothing is written over there', async (context) => {
  verifies('BACKUP-NEVER-OVER');
  const refused = context.mock.method(promises, 'link', () => Promise.reject(Object.assign(new Error('no links'), { code: 'EPERM' })));
  syncBuiltinESMExports();
  try {
    const hub = hubFolder();
    const to = join(hub.home, 'backup');
    await using store = hub.open();
    await store.storeBatch(batchOfNumber(0));
    await makeBackup({ store, to, recipients, clock });
    assert.equal(refused.mock.callCount(), 1);
    const content = readFileSync(to);
    await assert.rejects(makeBackup({ store, to, recipients, clock }), { code: 'BACKUP-FILE' });
    assert.ok(readFileSync(to).equals(content));
    assert.deepEqual(
      readdirSync(hub.home).filter((name) => name.startsWith('backup')),
      ['backup'],
    );
  } finally {
    refused.mock.restore();
    syncBuiltinESMExports();
  }
});

function flipped(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  copy.writeUInt8(copy.readUInt8(at) ^ 1, at);
  return copy;
}

test('a restore that fails leaves no folder that it made, and says why it could not', async () => {
  verifies('BACKUP-NEVER-OVER');
  const place = emptyPlace();
  const keyFile = join(place.home, 'keys', 'of', 'store.key');
  const nowhere = join(place.home, 'no.backup');
  await assert.rejects(restored(nowhere, { ...place, keyFile }), { code: 'BACKUP-FILE', detail: `${nowhere} is not there (ENOENT)` });
  writeFileSync(nowhere, 'no backup');
  await assert.rejects(restored(nowhere, { ...place, keyFile }), { code: 'BACKUP-DAMAGED' });
  assert.deepEqual(readdirSync(place.home), ['no.backup']);
  await assert.rejects(restored(nowhere, { ...place, to: place.home }), { code: 'BACKUP-FILE', detail: /is a folder: name a file in it/ });
});

test('a store that is a database is refused as one, before anything is said of recipients', async () => {
  const store = {} as Store;
  await assert.rejects(makeBackup({ store, to: '/x', recipients: [], clock }), {
    code: 'USAGE',
    detail: /PostgreSQL.*backup is not for it/,
  });
});

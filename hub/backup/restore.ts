import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { type FileHandle, link, open, rm } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { Clock } from '../../shared/clock.ts';
import { VitalmeshError } from '../../shared/errors.ts';
import { Metrics } from '../../shared/metrics.ts';
import { recode } from '../../shared/storage/connection.ts';
import { openDatabase } from '../../shared/storage/database.ts';
import { makeFolders, syncFolder, writeKeyFile } from '../../shared/storage/key-file.ts';
import { recordMaintenance } from '../access/maintenance.ts';
import { STORE_MIGRATIONS } from '../store/schema.ts';
import { openSqliteStore } from '../store/sqlite.ts';
import { type Container, digestOf, openDataKey, readContainer } from './container.ts';
import { readRecoveryKey } from './recovery-key.ts';

export interface RestoreOptions {
  from: string;
  /** File with the recovery key of one of the recipients. */
  recoveryKeyFile: string;
  /** Path of the store to be made, and of its key file; neither may exist. */
  to: string;
  keyFile: string;
  clock: Clock;
  /** User id of whoever restores, for the evidence. */
  uid: number;
}

/** What `vitalmesh-hub restore --json` prints. */
export interface RestoreReport {
  store: string;
  keyFile: string;
  storeId: string;
  madeAt: number;
  /** Of the last commit that is in it. */
  position: number;
  /** Drawn for the life of the store from here on. */
  epoch: string;
  observations: number;
  events: number;
}

/**
 * Makes a store out of a backup, under a new data key, as a new epoch of the same store, with evidence of it. The store gets its name
 * once it was checked as a whole and is on disk. Throws BACKUP-FILE (something is there, or it cannot be written), BACKUP-KEY, BACKUP-DAMAGED,
 * BACKUP-VERSION, STORAGE-*.
 */
export async function restoreBackup(options: RestoreOptions): Promise<RestoreReport> {
  const { from, recoveryKeyFile, to, keyFile } = options;
  const recoveryKey = readRecoveryKey(recoveryKeyFile);
  for (const path of [to, `${to}-wal`, `${to}-journal`, keyFile]) {
    if (existsSync(path)) throw new VitalmeshError('BACKUP-FILE', { detail: `${path} (EEXIST)` });
  }
  const unnamed = `${to}.restoring`;
  try {
    makeFolders(dirname(resolve(to)));
    await removeAll(unnamed);
    const container = await takeBody(from, unnamed);
    const key = randomBytes(32);
    recode(unnamed, openDataKey(container, recoveryKey), key, 'sqlcipher');
    const report = await begun(unnamed, key, container, options);
    await sync(unnamed);
    await link(unnamed, to);
    syncFolder(dirname(resolve(to)));
    // Behind the store: with the key alone, a hub would begin an empty one.
    writeKeyFile(keyFile, key);
    return { store: to, keyFile, ...report };
  } catch (thrown) {
    if (thrown instanceof VitalmeshError) throw thrown;
    throw new VitalmeshError('BACKUP-FILE', { cause: thrown, detail: `${to} (${(thrown as NodeJS.ErrnoException).code ?? 'error'})` });
  } finally {
    await removeAll(unnamed);
  }
}

/** Copies the body and compares its digest with that of the label. */
async function takeBody(from: string, to: string): Promise<Container> {
  await using file = await opened(from);
  const container = await readContainer(file);
  const { bodyBytes, sha256 } = container.label;
  await using copy = await open(to, 'wx', 0o600);
  const digest = await digestOf(file, bodyBytes, async (block) => {
    for (let done = 0; done < block.length; ) done += (await copy.write(block, done)).bytesWritten;
  });
  if (digest !== sha256) throw new VitalmeshError('BACKUP-DAMAGED', { detail: 'its digest is not that of its label' });
  return container;
}

async function opened(from: string): Promise<FileHandle> {
  try {
    return await open(from, 'r');
  } catch (cause) {
    throw new VitalmeshError('BACKUP-FILE', { cause, detail: `${from} (${(cause as NodeJS.ErrnoException).code ?? 'error'})` });
  }
}

/** Checks the whole file, and opens it as a store, which begins a new epoch of it. */
async function begun(
  path: string,
  key: Buffer,
  { label }: Container,
  { clock, uid }: RestoreOptions,
): Promise<Omit<RestoreReport, 'store' | 'keyFile'>> {
  const held = checked(path, key, label);
  await using store = openSqliteStore({ path, key, metrics: new Metrics(), clock });
  const last = (await store.lineage()).epochs.at(-1);
  if (store.storeId !== label.storeId || last?.from !== held.position)
    throw new VitalmeshError('BACKUP-DAMAGED', { detail: 'it is of another store' });
  await recordMaintenance(store, { tenants: store.tenants(), uid, action: 'store.restore', at: clock.now() });
  return { storeId: store.storeId, madeAt: label.madeAt, epoch: last.epoch, ...held };
}

const HELD = `
  SELECT (SELECT coalesce(max(seq), 0) FROM audit) AS position, coalesce(sum(observations), 0) AS observations, coalesce(sum(events), 0) AS events
  FROM total`;

/** What is in a file in which every page, index and row is as it must be. */
function checked(path: string, key: Buffer, label: Container['label']): Pick<RestoreReport, 'position' | 'observations' | 'events'> {
  using database = openDatabase({ path, key, migrations: STORE_MIGRATIONS });
  const found = database.read(() => database.prepare<[], { integrity_check: string }>('PRAGMA integrity_check(1)').get());
  if (found?.integrity_check !== 'ok') throw new VitalmeshError('BACKUP-DAMAGED', { detail: 'the database in it is not whole' });
  const held = database.read(() => database.prepare<[], ReturnType<typeof checked>>(HELD).get());
  if (!held || held.position < label.position)
    throw new VitalmeshError('BACKUP-DAMAGED', { detail: 'it ends before the position that it states' });
  return held;
}

async function sync(path: string): Promise<void> {
  await using file = await open(path, 'r+');
  await file.sync();
}

async function removeAll(path: string): Promise<void> {
  for (const suffix of ['', '-wal', '-journal', '.lock']) await rm(path + suffix, { force: true });
}

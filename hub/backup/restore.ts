import { randomBytes } from 'node:crypto';
import { constants, existsSync } from 'node:fs';
import { type FileHandle, link, open, rm, rmdir } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { Clock, Instant } from '../../shared/clock.ts';
import { VitalmeshError } from '../../shared/errors.ts';
import { Metrics } from '../../shared/metrics.ts';
import { recode } from '../../shared/storage/connection.ts';
import { openDatabase } from '../../shared/storage/database.ts';
import { makeFolders, readKeyFile, syncFolder, writeKeyFile } from '../../shared/storage/key-file.ts';
import { recordMaintenance } from '../access/maintenance.ts';
import { readTombstones } from '../privacy/tombstone-file.ts';
import { STORE_MIGRATIONS } from '../store/schema.ts';
import { openSqliteStore } from '../store/sqlite.ts';
import { SQL } from '../store/statements.ts';
import { type Container, digestOf, openDataKey, readContainer } from './container.ts';
import { fileError, refuseTaken } from './file-error.ts';
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
  // Beside what is to be put back: a list that cannot be followed must not let anybody back who was erased.
  readTombstones(`${to}.erased`);
  const recoveryKey = readRecoveryKey(recoveryKeyFile);
  for (const path of [to, `${to}-wal`, `${to}-journal`, keyFile]) refuseTaken(path);
  if (['', '-wal', '-journal', '.lock', '.restoring'].some((suffix) => resolve(keyFile) === resolve(to) + suffix))
    throw new VitalmeshError('BACKUP-FILE', { detail: `${keyFile} (the store itself, or a file of it)` });
  const unnamed = `${to}.restoring`;
  const missing = [...missingFolders(to), ...missingFolders(keyFile)];
  let isMade = false;
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
    await writeKey(keyFile, key, to);
    isMade = true;
    return { store: to, keyFile, ...report };
  } catch (thrown) {
    if (thrown instanceof VitalmeshError) throw thrown;
    throw fileError(to, thrown);
  } finally {
    await removeAll(unnamed).catch(() => undefined);
    if (!isMade) await removeEmpty(missing);
  }
}

/** The folders of a file that are not there, the innermost first. */
function missingFolders(file: string): string[] {
  const missing: string[] = [];
  for (let folder = dirname(resolve(file)); !existsSync(folder); folder = dirname(folder)) missing.push(folder);
  return missing;
}

/** What a restore that failed made on its way; a folder that somebody put something into stays. */
async function removeEmpty(folders: readonly string[]): Promise<void> {
  for (const folder of folders) await rmdir(folder).catch(() => undefined);
}

/** Writes the key of a store that was just named; where that fails, the store goes again, for nobody could open it. */
async function writeKey(keyFile: string, key: Buffer, store: string): Promise<void> {
  try {
    writeKeyFile(keyFile, key);
  } catch (thrown) {
    // The name may have been given before what failed; a key of another store is not touched.
    if (isKeyIn(keyFile, key)) await rm(keyFile, { force: true });
    await rm(store, { force: true });
    syncFolder(dirname(resolve(store)));
    throw thrown;
  }
}

function isKeyIn(keyFile: string, key: Buffer): boolean {
  try {
    return readKeyFile(keyFile).equals(key);
  } catch {
    return false;
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
  let file: FileHandle;
  try {
    // Without O_NONBLOCK the opening of a FIFO waits for whoever writes into it.
    file = await open(from, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  } catch (cause) {
    throw fileError(from, cause);
  }
  if ((await file.stat()).isFile()) return file;
  await file.close();
  throw new VitalmeshError('BACKUP-FILE', { detail: `${from} (not a regular file)` });
}

/** Checks the whole file, and opens it as a store, which begins a new epoch of it. */
async function begun(
  path: string,
  key: Buffer,
  { label }: Container,
  { clock, uid }: RestoreOptions,
): Promise<Omit<RestoreReport, 'store' | 'keyFile'>> {
  const held = checked(path, key, label, clock.now());
  await using store = openSqliteStore({ path, key, metrics: new Metrics(), clock });
  const last = (await store.lineage()).epochs.at(-1);
  if (store.storeId !== label.storeId || last?.from !== held.position)
    throw new VitalmeshError('BACKUP-DAMAGED', { detail: 'it is of another store' });
  // By which a verification tells what came behind the backup from what was cut off.
  const { hash } = await store.auditHead();
  const args = { position: held.position, digest: Buffer.from(hash).toString('hex'), madeAt: label.madeAt, backup: label.sha256 };
  await recordMaintenance(store, { tenants: store.tenants(), uid, action: 'store.restore', at: clock.now(), args });
  return { storeId: store.storeId, madeAt: label.madeAt, epoch: last.epoch, ...held };
}

const HELD = `
  SELECT (SELECT coalesce(max(seq), 0) FROM audit) AS position, coalesce(sum(observations), 0) AS observations, coalesce(sum(events), 0) AS events
  FROM total`;

/** What is in a file in which every page, index and row is as it must be; from the backup on its bindings are unknown. */
function checked(
  path: string,
  key: Buffer,
  label: Container['label'],
  now: Instant,
): Pick<RestoreReport, 'position' | 'observations' | 'events'> {
  using database = openDatabase({ path, key, migrations: STORE_MIGRATIONS });
  const found = database.read(() => database.prepare<[], { integrity_check: string }>('PRAGMA integrity_check(1)').get());
  if (found?.integrity_check !== 'ok') throw new VitalmeshError('BACKUP-DAMAGED', { detail: 'the database in it is not whole' });
  const held = database.read(() => database.prepare<[], ReturnType<typeof checked>>(HELD).get());
  if (!held || held.position < label.position)
    throw new VitalmeshError('BACKUP-DAMAGED', { detail: 'it ends before the position that it states' });
  // Who lay in which bed from then on, the backup does not know.
  database.write(() => database.prepare<[Instant, Instant, Instant | null]>(SQL.addUnknown).run(label.madeAt, now, null));
  return held;
}

async function sync(path: string): Promise<void> {
  await using file = await open(path, 'r+');
  await file.sync();
}

async function removeAll(path: string): Promise<void> {
  for (const suffix of ['', '-wal', '-journal', '.lock']) await rm(path + suffix, { force: true });
}

import { closeSync, openSync } from 'node:fs';
import SQLite from 'better-sqlite3-multiple-ciphers';
import { VitalmeshError } from '../errors.ts';
import { lockHolder } from './lock-holder.ts';
import { storageError } from './sqlite-errors.ts';

/**
 * Takes `<path>.lock` for this process until disposed, or throws STORAGE-LOCKED when anybody, this process included, has it; it
 * names the process where the kernel tells. The
 * kernel holds the lock (fcntl, through SQLite's exclusive locking mode), so it ends with the process, SIGKILL too. It stands beside
 * the file and not in it, so that a file can be closed, opened anew or set aside without losing its owner. The lock file stays: to
 * remove it would let two processes lock two files of one name.
 */
export function acquireOwnerLock(path: string): Disposable {
  const lockPath = `${path}.lock`;
  let connection: SQLite.Database | undefined;
  try {
    createEmpty(lockPath);
    connection = new SQLite(lockPath, { timeout: 0 });
    connection.pragma('journal_mode = MEMORY');
    connection.pragma('locking_mode = EXCLUSIVE');
    connection.exec('BEGIN EXCLUSIVE');
  } catch (thrown) {
    connection?.close();
    const error = storageError(thrown);
    if (error.code === 'STORAGE-LOCKED') {
      const pid = lockHolder(lockPath);
      throw new VitalmeshError('STORAGE-LOCKED', { cause: thrown, detail: pid === undefined ? path : `${path}, by process ${pid}` });
    }
    throw new VitalmeshError('STORAGE-OPEN', { cause: thrown, detail: lockPath });
  }
  const held = connection;
  return { [Symbol.dispose]: () => void held.close() };
}

/**
 * Makes a file of mode 0600 if there is none; true when it made it. An existing file is not touched: closing any descriptor of a
 * file gives up all POSIX locks this process has on it.
 */
export function createEmpty(path: string): boolean {
  try {
    closeSync(openSync(path, 'wx', 0o600));
    return true;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw cause;
  }
}

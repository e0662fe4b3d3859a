import { chmodSync, closeSync, existsSync, fsyncSync, openSync, readSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import SQLite from 'better-sqlite3-multiple-ciphers';
import { VitalmeshError } from '../errors.ts';
import { makeFolders, syncFolder } from './key-file.ts';
import { createEmpty } from './owner-lock.ts';
import { provesKey } from './page-mac.ts';
import { storageError } from './sqlite-errors.ts';

/** `sqlcipher`: AES-256-CBC with HMAC-SHA512 a page, the format of SQLCipher 4. `aegis256`: AEGIS-256, faster where the CPU has AES instructions. */
export type Cipher = 'sqlcipher' | 'aegis256';

interface ConnectionOptions {
  path: string;
  key: Buffer;
  cipher: Cipher;
  cacheKib: number;
  /** As in `DatabaseOptions`. */
  logPages?: number;
  /** Whether what is removed is written over with zeros (sqlite.org/pragma.html#pragma_secure_delete); not unless told. */
  erases?: boolean;
  /** False when the file was open before: one that has gone meanwhile is an error then, not a reason for a new one. */
  mayCreate: boolean;
}

/** Another process cannot hold the file for long: only a foreign tool can, and waiting blocks the thread. */
const BUSY_TIMEOUT_MS = 1000;
/** SQLite's and SQLCipher's page size. */
export const PAGE_BYTES = 4096;
/** From so many pages on the log is moved into the file, when nobody waits for a commit (`Database.moveLog`), unless told otherwise. */
export const LOG_PAGES = 500;
const PLAIN_HEADER = 'SQLite format 3\0';

/** A connection with key, durability and safety settings in force, to a file that passed its integrity check. The caller owns the file. */
export function openConnection(options: ConnectionOptions): SQLite.Database {
  const { path, key, cipher, cacheKib, logPages = LOG_PAGES, erases = false, mayCreate } = options;
  prepareFile(path, mayCreate);
  let connection: SQLite.Database;
  try {
    connection = new SQLite(path, { timeout: BUSY_TIMEOUT_MS });
  } catch (thrown) {
    throw storageError(thrown);
  }
  try {
    // Before the first access: the log's index then lives in this process alone, and there is no -shm file (sqlite.org/wal.html, 8).
    connection.pragma('locking_mode = EXCLUSIVE');
    unlock(connection, path, key, cipher);
    configure(connection, cacheKib, logPages);
    if (erases) connection.pragma('secure_delete = ON');
    checkIntegrity(connection, path);
    secureLog(connection, path, mayCreate);
    return connection;
  } catch (thrown) {
    connection.close();
    throw storageError(thrown);
  }
}

/** The folder of a file to be opened, made with mode 0700 if need be. Throws STORAGE-OPEN. */
export function makeFolder(path: string): void {
  try {
    makeFolders(dirname(resolve(path)));
  } catch (cause) {
    throw new VitalmeshError('STORAGE-OPEN', { cause, detail: dirname(resolve(path)) });
  }
}

function prepareFile(path: string, mayCreate: boolean): void {
  try {
    refuseRemains(path);
    if (mayCreate && createEmpty(path)) {
      syncFolder(dirname(resolve(path)));
      return;
    }
    // SQLite gives the log the mode of the file, but only when it makes it.
    for (const suffix of ['', '-wal']) if (existsSync(path + suffix)) chmodSync(path + suffix, 0o600);
    if (header(path) === PLAIN_HEADER) throw new VitalmeshError('STORAGE-KEY', { detail: `${path} is not encrypted` });
  } catch (cause) {
    if (cause instanceof VitalmeshError) throw cause;
    throw new VitalmeshError('STORAGE-OPEN', { cause, detail: `${path} (${(cause as NodeJS.ErrnoException).code ?? 'error'})` });
  }
}

/**
 * Refuses what SQLite would take for a new database and write over: a file shorter than a page, and a log whose file is missing or
 * empty (SQLite deletes such a log, although committed data may be in it).
 */
function refuseRemains(path: string): void {
  const bytes = sizeOf(path);
  if (bytes === 0 && sizeOf(`${path}-wal`) > 0) throw new VitalmeshError('STORAGE-DAMAGED', { detail: `${path} is empty, its log is not` });
  // With a rollback journal beside it, it is a first page half written, which the journal takes back.
  if (bytes > 0 && bytes < PAGE_BYTES && sizeOf(`${path}-journal`) === 0) {
    throw new VitalmeshError('STORAGE-DAMAGED', { detail: `${path} is shorter than a page` });
  }
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

function header(path: string): string {
  const fd = openSync(path, 'r');
  try {
    const bytes = Buffer.alloc(PLAIN_HEADER.length);
    return bytes.toString('latin1', 0, readSync(fd, bytes, 0, bytes.length, 0));
  } finally {
    closeSync(fd);
  }
}

/**
 * Encrypts a closed file anew, in place, with a pragma of which nobody promises what it leaves when it is cut off: so only ever a
 * copy that is thrown away then. Throws STORAGE-*.
 */
export function recode(path: string, from: Buffer, to: Buffer, cipher: Cipher): void {
  const connection = new SQLite(path, { fileMustExist: true });
  try {
    connection.pragma('locking_mode = EXCLUSIVE');
    unlock(connection, path, from, cipher);
    // Out of WAL mode first; then nothing is kept for taking it back.
    for (const mode of ['DELETE', 'OFF']) connection.pragma(`journal_mode = ${mode}`);
    connection.pragma(`rekey = ${keyText(to, cipher)}`);
  } catch (thrown) {
    throw storageError(thrown);
  } finally {
    connection.close();
  }
}

function keyText(key: Buffer, cipher: Cipher): string {
  const hex = key.toString('hex');
  return cipher === 'sqlcipher' ? `"x'${hex}'"` : `'raw:${hex}'`;
}

/** Hands the raw key over (no key derivation from a passphrase, which takes 200 ms) and proves it by reading the first page. */
export function unlock(connection: SQLite.Database, path: string, key: Buffer, cipher: Cipher): void {
  if (cipher === 'sqlcipher') {
    connection.pragma("cipher = 'sqlcipher'");
    connection.pragma('legacy = 4');
  } else {
    connection.pragma("cipher = 'aegis'");
    connection.pragma("algorithm = 'aegis-256'");
  }
  connection.pragma(`key = ${keyText(key, cipher)}`);
  try {
    connection.pragma('schema_version');
  } catch (cause) {
    if ((cause as { code?: string }).code !== 'SQLITE_NOTADB') throw cause;
    if (cipher === 'sqlcipher' && provesKey(path, key))
      throw new VitalmeshError('STORAGE-DAMAGED', { cause, detail: `${path}: its first page` });
    // The first page proves itself with the key; where no other page does, a wrong key and a damaged first page look the same.
    throw new VitalmeshError('STORAGE-KEY', { cause, detail: `${path}: wrong key, or a damaged first page` });
  }
}

/** From so many pages on SQLite moves the log by itself, within a commit (sqlite.org/pragma.html#pragma_wal_autocheckpoint). */
export function moveAtCommit(logPages: number): string {
  return `wal_autocheckpoint = ${2 * logPages}`;
}

function configure(connection: SQLite.Database, cacheKib: number, logPages: number): void {
  connection.pragma(moveAtCommit(logPages));
  const journal = connection.pragma('journal_mode = WAL', { simple: true });
  // FULL fsyncs the log at every commit; NORMAL would lose the last commits in a power cut (sqlite.org/pragma.html#pragma_synchronous).
  connection.pragma('synchronous = FULL');
  connection.pragma('foreign_keys = ON');
  connection.pragma('trusted_schema = OFF');
  connection.pragma('cell_size_check = ON');
  connection.pragma('temp_store = MEMORY');
  connection.pragma('mmap_size = 0');
  connection.pragma(`cache_size = -${cacheKib}`);
  connection.pragma('journal_size_limit = 16777216');
  const version = connection.prepare<[], string>('SELECT sqlite_version()').pluck().get() ?? '';
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const synchronous = connection.pragma('synchronous', { simple: true });
  if (major !== 3 || minor < 53 || journal !== 'wal' || synchronous !== 2) {
    throw new VitalmeshError('INTERNAL', { detail: `SQLite ${version}, journal ${journal}, synchronous ${synchronous}` });
  }
}

function checkIntegrity(connection: SQLite.Database, path: string): void {
  const found = connection.pragma('quick_check(1)', { simple: true });
  if (found !== 'ok') throw new VitalmeshError('STORAGE-DAMAGED', { detail: path });
}

/**
 * Moves into the file what the log held at opening. What SQLite finds there counts as committed, but may never have been synced: a process
 * that was killed, or a sync that failed, leaves it with the kernel alone, and who has it sent again would be told that it is on disk.
 * A full disk cannot take it into the file; then the log is synced, which is as good unless a sync of it has failed before.
 */
function secureLog(connection: SQLite.Database, path: string, isFirst: boolean): void {
  try {
    connection.pragma('wal_checkpoint(PASSIVE)');
  } catch (thrown) {
    if (!isFirst || storageError(thrown).code !== 'STORAGE-FULL') throw thrown;
    const fd = openSync(`${path}-wal`, 'r+');
    try {
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  }
}

import SQLite from 'better-sqlite3-multiple-ciphers';
import { type ErrorCode, VitalmeshError } from '../errors.ts';

/** Primary result codes (sqlite.org/rescode.html) by what an operator can do about them; extended codes begin with their primary one. */
const CODES: readonly (readonly [prefix: string, code: ErrorCode])[] = [
  ['SQLITE_FULL', 'STORAGE-FULL'],
  ['SQLITE_IOERR', 'STORAGE-IO'],
  ['SQLITE_READONLY', 'STORAGE-IO'],
  ['SQLITE_NOMEM', 'STORAGE-IO'],
  ['SQLITE_CORRUPT', 'STORAGE-DAMAGED'],
  ['SQLITE_NOTADB', 'STORAGE-DAMAGED'],
  ['SQLITE_BUSY', 'STORAGE-LOCKED'],
  ['SQLITE_LOCKED', 'STORAGE-LOCKED'],
  ['SQLITE_CANTOPEN', 'STORAGE-OPEN'],
  ['SQLITE_PERM', 'STORAGE-OPEN'],
];

/**
 * Any error of SQLite as a coded one; the detail is SQLite's own code, never its text, which may quote a statement. A VitalmeshError
 * passes unchanged, anything else (a broken constraint, a defect) becomes INTERNAL.
 */
export function storageError(thrown: unknown): VitalmeshError {
  if (thrown instanceof VitalmeshError) return thrown;
  if (!(thrown instanceof SQLite.SqliteError)) return new VitalmeshError('INTERNAL', { cause: thrown });
  const code = CODES.find(([prefix]) => thrown.code.startsWith(prefix))?.[1] ?? 'INTERNAL';
  return new VitalmeshError(code, { cause: thrown, detail: thrown.code });
}

/**
 * True when the connection must not be used again: after a failed write or fsync nobody knows what the disk holds, and only the
 * file itself, read anew, can tell.
 */
export function endsConnection(error: VitalmeshError): boolean {
  return error.code === 'STORAGE-IO' || error.code === 'STORAGE-DAMAGED';
}

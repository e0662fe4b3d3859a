import { readFileSync, rmSync } from 'node:fs';
import { VitalmeshError } from '../../shared/errors.ts';
import { writeOwnersFile } from '../../shared/storage/key-file.ts';
import { isAbsent } from '../../shared/storage/presence.ts';

/** Beside the file of a store, once it was opened: which store is here. */
const noteOf = (path: string): string => `${path}.id`;

/**
 * Throws STORAGE-MISSING where a store was and its file is gone or empty: SQLite would begin a new one in its place. To be called before it is
 * opened.
 */
export function refuseLost(path: string): void {
  const storeId = read(path);
  if (storeId !== undefined && isAbsent(path)) throw new VitalmeshError('STORAGE-MISSING', { detail: `${path} (store ${storeId})` });
}

/** Notes that this store is here; a failure with it is no reason to stop. */
export function noteStore(path: string, storeId: string): void {
  if (read(path) === storeId) return;
  try {
    rmSync(noteOf(path), { force: true });
    writeOwnersFile(noteOf(path), `${storeId}\n`);
  } catch {
    // Without the note an emptied file is not told from a first start.
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(noteOf(path), 'utf8').trim();
  } catch {
    return undefined;
  }
}

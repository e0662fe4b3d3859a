import { VitalmeshError } from '../../shared/errors.ts';
import { readOwnerFile } from '../../shared/identity/owner-file.ts';
import { replaceFile } from '../../shared/storage/replace-file.ts';

/**
 * The newest signed note of a file outside of the store: whoever has the store alone cannot take the evidence back behind it. Undefined where there is no such
 * file. Throws AUDIT-NOTE-LOST for one that cannot be read, or that others can.
 */
export function readKeptNote(path: string): string | undefined {
  try {
    return readOwnerFile(path);
  } catch (cause) {
    throw new VitalmeshError('AUDIT-NOTE-LOST', { detail: path, cause });
  }
}

/** Keeps a note: the file (mode 0600) is replaced by a whole one that is on disk. Throws STORAGE-IO. */
export function writeKeptNote(path: string, note: string): void {
  try {
    replaceFile(path, note);
  } catch (cause) {
    throw new VitalmeshError('STORAGE-IO', { cause, detail: `${path} (${(cause as NodeJS.ErrnoException).code ?? 'not writable'})` });
  }
}

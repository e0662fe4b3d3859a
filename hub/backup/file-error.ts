import { existsSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { VitalmeshError } from '../../shared/errors.ts';

const RIGHTS = 'may not be used by this user: see to its permissions and those of its folder';

/** What is wrong and what to do, by the error of the system. */
const WORDS: Readonly<Record<string, string>> = {
  EEXIST: 'is there already: take another name',
  EISDIR: 'is a folder: name a file in it',
  ENOENT: 'is not there',
  ENOTDIR: 'lies below a file that is no folder',
  ENOSPC: 'has no room: free space, or take another disk',
  EDQUOT: 'has no room: free space, or take another disk',
  EROFS: 'is on a disk that is read-only',
  EACCES: RIGHTS,
  EPERM: RIGHTS,
};

/** BACKUP-FILE of this path, for an error of the system, or its code; the words say what to do. */
export function fileError(path: string, cause: unknown): VitalmeshError {
  const code = typeof cause === 'string' ? cause : ((cause as NodeJS.ErrnoException).code ?? 'error');
  const words = WORDS[code];
  return new VitalmeshError('BACKUP-FILE', { cause, detail: words === undefined ? `${path} (${code})` : `${path} ${words} (${code})` });
}

/** Throws BACKUP-FILE where a new file of this name cannot be: something has the name, or it is that of a folder. */
export function refuseTaken(path: string): void {
  if (path.endsWith('/') || statSync(path, { throwIfNoEntry: false })?.isDirectory()) throw fileError(path, 'EISDIR');
  if (existsSync(path)) throw fileError(path, 'EEXIST');
}

/** Throws BACKUP-FILE where the folder of a new file is not there: a backup makes none, for a name that was mistyped would become one. */
export function refuseNoFolder(path: string): void {
  const folder = dirname(resolve(path));
  if (existsSync(folder)) return;
  throw new VitalmeshError('BACKUP-FILE', { detail: `there is no such folder as ${folder}: make it (mkdir -p), or name another (ENOENT)` });
}

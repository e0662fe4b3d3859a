import { statSync } from 'node:fs';
import { VitalmeshError } from '../errors.ts';

/** True where a new file would be begun: there is none, or an empty one, and no log, which would be one of damage. */
export function isAbsent(path: string): boolean {
  return size(path) === 0 && size(`${path}-wal`) === 0;
}

/** For what only works on a file that is there: a path that was mistyped must not become a new, empty one. Throws STORAGE-MISSING; makes nothing. */
export function refuseAbsent(path: string): void {
  if (isAbsent(path)) throw new VitalmeshError('STORAGE-MISSING', { detail: path });
}

function size(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

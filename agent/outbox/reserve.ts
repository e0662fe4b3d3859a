import { closeSync, existsSync, fsyncSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

/** A log of 1000 pages of 4 KiB, where SQLite begins it anew, must fit into the file: until then nothing can be written. */
const RESERVE_BYTES = 6 * 1024 * 1024;
/** Below this much free space, what is left is for rows. */
const ENOUGH_BYTES = 2 * RESERVE_BYTES;

/** The file beside an outbox. */
export function reserveOf(path: string): string {
  return `${path}.reserve`;
}

/** Puts some megabytes aside where there is room for it; a disk without room or an error with it is no reason to stop. */
export function keepReserve(path: string): void {
  try {
    const { bavail, bsize } = statfsSync(dirname(resolve(path)));
    if (existsSync(path) || bavail * bsize < ENOUGH_BYTES) return;
    const fd = openSync(path, 'wx', 0o600);
    try {
      // Really written: a hole in a file sets nothing aside.
      writeSync(fd, Buffer.alloc(RESERVE_BYTES, 0xa5));
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  } catch {
    releaseReserve(path);
  }
}

/** Gives the space back, so that an outbox on a full disk can be opened and what waits in it be sent. True when there was one. */
export function releaseReserve(path: string): boolean {
  try {
    rmSync(path);
    return true;
  } catch {
    return false;
  }
}

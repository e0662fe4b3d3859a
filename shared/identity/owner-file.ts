import { randomBytes } from 'node:crypto';
import { closeSync, constants, fstatSync, linkSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { VitalmeshError } from '../errors.ts';
import { syncFolder } from '../storage/key-file.ts';

const MAX_FILE_BYTES = 64 * 1024;

/**
 * Writes a file that only its owner can read (0600) and returns once it is on disk, name and all. It appears whole or not at all,
 * and never in place of another: false when there is one already. Throws IDENTITY-FILE.
 */
export function createOwnerFile(path: string, content: string): boolean {
  const draft = `${path}.${randomBytes(6).toString('hex')}.draft`;
  try {
    writeFileSync(draft, content, { flag: 'wx', mode: 0o600, flush: true });
    linkSync(draft, path);
    // A file's name is safe only once its folder is.
    syncFolder(dirname(resolve(path)));
    return true;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw new VitalmeshError('IDENTITY-FILE', { cause, detail: `${path} cannot be written (${(cause as NodeJS.ErrnoException).code})` });
  } finally {
    rmSync(draft, { force: true });
  }
}

/** The content of a file that only its owner can read; undefined when there is none. Throws IDENTITY-FILE, IDENTITY-MODE. */
export function readOwnerFile(path: string): string | undefined {
  let fd: number;
  try {
    // A FIFO in place of the file must not hold the process up.
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new VitalmeshError('IDENTITY-FILE', { cause, detail: path });
  }
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile() || stat.size > MAX_FILE_BYTES) throw new VitalmeshError('IDENTITY-FILE', { detail: `${path} is no file of ours` });
    if (process.platform !== 'win32' && (stat.mode & 0o077) !== 0) throw new VitalmeshError('IDENTITY-MODE', { detail: path });
    return readFileSync(fd, 'utf8');
  } finally {
    closeSync(fd);
  }
}

import { closeSync, fsyncSync, openSync, rmSync, writeSync } from 'node:fs';
import { VitalmeshError } from '../../../shared/errors.ts';

/**
 * Makes a file of mode 0600 for a token, then gets the token, so that none is made that could not be kept; no file stays when there is
 * no token. Throws FABRIC-TOKEN-FILE when the file is there already or cannot be written, and what `make` throws.
 */
export async function writeTokenFile<T extends { jwt: string }>(path: string, make: () => Promise<T>): Promise<T> {
  const fd = open(path);
  try {
    const made = await make();
    writeSync(fd, `${made.jwt}\n`);
    fsyncSync(fd);
    return made;
  } catch (thrown) {
    rmSync(path, { force: true });
    throw thrown instanceof VitalmeshError ? thrown : new VitalmeshError('FABRIC-TOKEN-FILE', { cause: thrown, detail: path });
  } finally {
    closeSync(fd);
  }
}

function open(path: string): number {
  try {
    return openSync(path, 'wx', 0o600);
  } catch (cause) {
    throw new VitalmeshError('FABRIC-TOKEN-FILE', { cause, detail: `${path} (${(cause as NodeJS.ErrnoException).code ?? 'error'})` });
  }
}

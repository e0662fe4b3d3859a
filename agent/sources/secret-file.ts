import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { VitalmeshError } from '../../shared/errors.ts';

const MAX_BYTES = 64 * 1024;

/**
 * Reads a file that holds a secret (a password of one line, a private key); a line end at its end is left out. Throws
 * SOURCE-CREDENTIALS when it is missing, empty, larger than 64 KiB, or can be read by anybody but its owner.
 */
export function readSecretFile(path: string): string {
  let text: string;
  try {
    const fd = openSync(path, 'r');
    try {
      // Of the open file, so that it cannot be exchanged between the look and the reading.
      const { mode, size } = fstatSync(fd);
      if (process.platform !== 'win32' && (mode & 0o077) !== 0) throw refused(path, `has mode 0${(mode & 0o777).toString(8)}`);
      if (size > MAX_BYTES) throw refused(path, 'is too large');
      text = readFileSync(fd, 'utf8').replace(/\r?\n$/, '');
    } finally {
      closeSync(fd);
    }
  } catch (cause) {
    if (cause instanceof VitalmeshError) throw cause;
    throw refused(path, (cause as NodeJS.ErrnoException).code ?? 'is unreadable', cause);
  }
  if (text === '') throw refused(path, 'is empty');
  return text;
}

function refused(path: string, why: string, cause?: unknown): VitalmeshError {
  return new VitalmeshError('SOURCE-CREDENTIALS', { detail: `${path} ${why}`, cause });
}

import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { syncFolder } from './key-file.ts';

/**
 * Replaces a file (mode 0600) by a whole one that is on disk when this returns. Throws as `node:fs` does, and leaves the one before then and no draft. For
 * small files of one writer: the draft has a name of its own beside it.
 */
export function replaceFile(path: string, content: string | Buffer): void {
  const draft = `${path}.draft`;
  try {
    const fd = openSync(draft, 'w', 0o600);
    try {
      writeFileSync(fd, content);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(draft, path);
    syncFolder(dirname(resolve(path)));
  } catch (thrown) {
    rmSync(draft, { force: true });
    throw thrown;
  }
}

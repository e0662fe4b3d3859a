import { formatInstant, type Instant, parseInstant } from '../clock.ts';
import { asVitalmeshError, VitalmeshError } from '../errors.ts';
import { readOwnerFile } from '../identity/owner-file.ts';
import type { Logger } from '../log.ts';
import { replaceFile } from '../storage/replace-file.ts';

/**
 * The time that an earlier run kept in this file; undefined when there is none. One that cannot be read, or lies after `notAfter` (beyond
 * which nobody had anything to keep it for), is left out and logged: it helps, and nothing depends on it.
 */
export function readKeptTime(path: string, notAfter: Instant, log: Logger): Instant | undefined {
  let text: string | undefined;
  try {
    text = readOwnerFile(path);
  } catch (thrown) {
    log.warn({ err: asVitalmeshError(thrown, 'STORAGE-IO'), file: path }, 'the time that was kept cannot be read, and is ignored');
    return undefined;
  }
  if (text === undefined) return undefined;
  const at = parseInstant(text.trimEnd())?.at;
  if (at !== undefined && at <= notAfter) return at;
  log.warn({ file: path }, at === undefined ? 'the time that was kept is damaged, and is ignored' : 'the time that was kept is ignored');
  return undefined;
}

/** Keeps a time: the file is replaced by a whole one that is on disk. Throws STORAGE-IO. */
export function writeKeptTime(path: string, at: Instant): void {
  try {
    replaceFile(path, `${formatInstant(at)}\n`);
  } catch (cause) {
    throw new VitalmeshError('STORAGE-IO', { cause, detail: `${path} (${(cause as NodeJS.ErrnoException).code ?? 'not writable'})` });
  }
}

import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { VitalmeshError } from '../../shared/errors.ts';

const MOST = 64;

/**
 * The numbers of a person that stand in a file, AUTHORITY|VALUE, one a line. In a file, because what stands on a command line is shown to everybody on the machine (`ps`) and
 * kept by shells. Throws PATIENT-NUMBERS, without what stands in it.
 */
export function readNumbersFile(path: string): string[] {
  let fd: number | undefined;
  try {
    fd = openSync(path, 'r');
    // Of the open file, so that it cannot be exchanged between the look and the reading.
    if (process.platform !== 'win32' && (fstatSync(fd).mode & 0o077) !== 0) throw refused(path, 'others can read it');
    const lines = readFileSync(fd, 'utf8').split('\n');
    const numbers = lines.map((line) => line.trim()).filter((line) => line !== '');
    const wrong = lines.findIndex((line) => line.trim() !== '' && !/^[^|]{0,255}\|[^|]{1,255}$/.test(line.trim()));
    if (wrong >= 0) throw refused(path, `line ${wrong + 1} is not AUTHORITY|VALUE`);
    if (numbers.length === 0 || numbers.length > MOST) throw refused(path, `it names ${numbers.length}`);
    return numbers;
  } catch (cause) {
    if (cause instanceof VitalmeshError) throw cause;
    throw refused(path, (cause as NodeJS.ErrnoException).code ?? 'error');
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

function refused(path: string, why: string): VitalmeshError {
  return new VitalmeshError('PATIENT-NUMBERS', { detail: `${path} (${why})` });
}

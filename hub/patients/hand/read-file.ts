import { readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import type { CommandIo } from '../../../shared/command-line.ts';
import { VitalmeshError } from '../../../shared/errors.ts';
import { isSendable, TEXT_LIMITS } from '../../../shared/observation-code.ts';
import type { Who } from './said.ts';

/** What a file holds, or what comes in (`-`), as UTF-8. Throws USAGE where it cannot be read, PATIENT-CENSUS where it is no UTF-8. */
export async function readText(path: string, { stdin }: Pick<CommandIo, 'stdin'>): Promise<string> {
  // Undecodable bytes read as U+FFFD, which would make one number of two.
  const read = path === '-' ? await text(stdin) : readBytes(path);
  if (read.includes('\uFFFD')) throw new VitalmeshError('PATIENT-CENSUS', { detail: 'not UTF-8' });
  return read;
}

function readBytes(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new VitalmeshError('USAGE', {
      detail: `a file cannot be read (${(cause as NodeJS.ErrnoException).code ?? 'unreadable'})`,
      cause,
    });
  }
}

/** People by the hospital's numbers, `AUTHORITY|VALUE` or `AUTHORITY|VALUE|VISIT`, one a line. Throws USAGE, with the line and nothing of it. */
export function parseNumbers(lines: string): Who[] {
  return lines.split('\n').flatMap((line, i) => {
    if (line.trim() === '') return [];
    const [authority = '', value = '', visit, ...more] = line.split('|').map((part) => part.trim());
    const fits = (part: string): boolean => isSendable(part, TEXT_LIMITS.identifier);
    const isBad = more.length > 0 || !fits(value) || (authority !== '' && !fits(authority)) || (visit !== undefined && !fits(visit));
    if (isBad) throw new VitalmeshError('USAGE', { detail: `line ${i + 1} is not AUTHORITY|VALUE or AUTHORITY|VALUE|VISIT` });
    return { patient: { authority, value }, ...(visit !== undefined && { visit }) };
  });
}

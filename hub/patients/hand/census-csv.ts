import { parseInstant } from '../../../shared/clock.ts';
import { VitalmeshError } from '../../../shared/errors.ts';
import { type CensusFault, type CensusFile, type CensusRow, type FaultyLine, faultIn, isClaim } from './census.ts';

const NEEDED = ['bed', 'authority', 'number'] as const;
const COLUMNS: readonly string[] = [...NEEDED, 'visit', 'since'];

/**
 * A census as CSV (RFC 4180): a header of `bed,authority,number[,visit][,since]` in any order, then a line a person. Bad lines are told by their number, and cost nothing
 * else. Throws PATIENT-CENSUS for a header that is none. Pure.
 */
export function parseCensusCsv(text: string): CensusFile {
  const [header, ...records] = recordsOf(text.replace(/^\uFEFF/u, ''));
  const names = header?.cells?.map((name) => name.trim().toLowerCase()) ?? [];
  const isHeader = NEEDED.every((name) => names.includes(name)) && names.every((name) => COLUMNS.includes(name));
  if (!isHeader || new Set(names).size < names.length)
    throw new VitalmeshError('PATIENT-CENSUS', { detail: 'the first line is not bed,authority,number[,visit][,since]' });
  const rows: CensusRow[] = [];
  const faults: FaultyLine[] = [];
  const claims: CensusRow[] = [];
  for (const { line, cells } of records) {
    const { row, fault } = cells === undefined ? { fault: 'quotes' as const } : rowOf(names, cells, line);
    if (fault !== undefined) faults.push({ line, fault });
    if (row) (fault === undefined ? rows : claims).push(row);
  }
  return { rows, faults, claims: claims.filter(isClaim) };
}

function rowOf(names: readonly string[], cells: readonly string[], line: number): { row?: CensusRow; fault?: CensusFault | undefined } {
  if (cells.length !== names.length) return { fault: 'columns' };
  const cell = (name: string): string => cells[names.indexOf(name)]?.trim() ?? '';
  const [visit, since] = [cell('visit'), cell('since')];
  const at = since === '' ? undefined : parseInstant(since)?.at;
  const row = {
    line,
    bed: cell('bed'),
    authority: cell('authority'),
    value: cell('number'),
    ...(visit !== '' && { visit }),
    ...(at !== undefined && { since: at }),
  };
  return { row, fault: faultIn(row) ?? (since !== '' && at === undefined ? 'since' : undefined) };
}

interface CsvRecord {
  /** Where it begins. */
  line: number;
  /** Undefined where a quote does not end in its line, or stands where none may. */
  cells: string[] | undefined;
}

/** Records that are not blank. What stands between quotes over several lines is none of them: nothing of a census has a line end, and each of them may be somebody. */
function recordsOf(text: string): CsvRecord[] {
  const records: CsvRecord[] = [];
  let [line, at] = [1, 0];
  while (at < text.length) {
    const { cells, end } = recordAt(text, at);
    const next = line + text.slice(at, end).split('\n').length - 1;
    if (cells?.some((cell) => cell.includes('\n'))) for (; line < next; line += 1) records.push({ line, cells: undefined });
    else if (cells === undefined || cells.some((cell) => cell.trim() !== '')) records.push({ line, cells });
    line = next;
    at = end;
  }
  return records;
}

/** The record that begins at `from`, and where the next one does. */
function recordAt(text: string, from: number): { cells: string[] | undefined; end: number } {
  const cells: string[] = [];
  let [at, cell] = [from, ''];
  for (;;) {
    if (text[at] === '"' && cell === '') {
      const quoted = quotedAt(text, at);
      // The rest of its line is all that can be left out: what follows are others' lines.
      if (quoted === undefined) return { cells: undefined, end: lineEnd(text, from) };
      [cell, at] = [quoted.cell, quoted.end];
      continue;
    }
    const char = text[at];
    if (char === ',' || char === '\n' || char === undefined) {
      cells.push(cell.endsWith('\r') ? cell.slice(0, -1) : cell);
      cell = '';
      if (char !== ',') return { cells, end: at + 1 };
    } else if (char === '"') return { cells: undefined, end: lineEnd(text, from) };
    else cell += char;
    at += 1;
  }
}

function lineEnd(text: string, from: number): number {
  const end = text.indexOf('\n', from);
  return end < 0 ? text.length : end + 1;
}

/** Two quotes within stand for one. Undefined where it does not end, or something but a separator follows. */
function quotedAt(text: string, from: number): { cell: string; end: number } | undefined {
  let cell = '';
  for (let at = from + 1; at < text.length; at += 1) {
    if (text[at] !== '"') cell += text[at];
    else if (text[at + 1] === '"') {
      cell += '"';
      at += 1;
    } else return /^(?:,|\r?\n|\r?$)/.test(text.slice(at + 1, at + 3)) ? { cell, end: at + 1 } : undefined;
  }
  return undefined;
}

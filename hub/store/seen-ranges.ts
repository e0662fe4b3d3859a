import type { Database } from '../../shared/storage/database.ts';
import { RETENTION_SQL } from './retention-statements.ts';

interface SeenRange {
  first: number;
  last: number;
  parts: string;
}

type Writing = Pick<Database, 'prepare'>;

/** The greatest row of which a range of this writer tells; undefined when there is none, as nearly always. */
export function lastSeenRow(database: Writing, writer: number): number | undefined {
  return database.prepare<[number], { last: number }>(RETENTION_SQL.lastRange).get(writer)?.last;
}

/** Whether a part of a row was stored and then removed. */
export function isInRange(database: Writing, writer: number, seq: number, part: number): boolean {
  const range = rangeOf(database, writer, seq);
  return range !== undefined && partsOf(range.parts).has(part);
}

/** Adds parts of a row that were removed, so that they stay known when nothing else of them is left. */
export function addToRanges(database: Writing, writer: number, seq: number, parts: Iterable<number>): void {
  const around = rangeOf(database, writer, seq);
  const text = formatParts([...(around ? partsOf(around.parts) : []), ...parts]);
  if (around?.parts === text) return;
  const put = database.prepare<[number, number, number, string]>(RETENTION_SQL.putRange);
  const drop = database.prepare<[number, number]>(RETENTION_SQL.dropRange);
  if (around) {
    drop.run(writer, around.first);
    if (around.first < seq) put.run(writer, around.first, seq - 1, around.parts);
    if (around.last > seq) put.run(writer, seq + 1, around.last, around.parts);
  }
  const left = rangeOf(database, writer, seq - 1);
  const right = rangeOf(database, writer, seq + 1);
  const first = left?.parts === text ? left.first : seq;
  const last = right?.parts === text ? right.last : seq;
  if (last > seq) drop.run(writer, seq + 1);
  put.run(writer, first, last, text);
}

function rangeOf(database: Writing, writer: number, seq: number): SeenRange | undefined {
  const range = database.prepare<[number, number], SeenRange>(RETENTION_SQL.rangeAt).get(writer, seq);
  return range !== undefined && range.last >= seq ? range : undefined;
}

/** `0-2,5` for 0, 1, 2 and 5, in any order and however often. */
export function formatParts(parts: readonly number[]): string {
  const runs: [number, number][] = [];
  for (const part of [...new Set(parts)].sort((a, b) => a - b)) {
    const run = runs.at(-1);
    if (run && run[1] === part - 1) run[1] = part;
    else runs.push([part, part]);
  }
  return runs.map(([first, last]) => (first === last ? String(first) : `${first}-${last}`)).join(',');
}

/** What `formatParts` was given. */
export function partsOf(text: string): Set<number> {
  const parts = new Set<number>();
  for (const run of text.split(',')) {
    const [first = 0, last = first] = run.split('-').map(Number);
    for (let part = first; part <= last; part += 1) parts.add(part);
  }
  return parts;
}

import type { Instant } from '../../shared/clock.ts';
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

/** Until when what was removed of a writer was received at the latest; undefined when that is not known. */
export function removedUpTo(database: Writing, writer: number): Instant | undefined {
  return database.prepare<[number], { removedUpTo: number | null }>(RETENTION_SQL.removedUpTo).get(writer)?.removedUpTo ?? undefined;
}

/** Parts of a row of a writer, and when the last of them was received. */
export interface SeenRow {
  writer: number;
  seq: number;
  parts: readonly number[];
  receivedAt: Instant;
}

/** Adds parts of rows that were removed, each row once, so that they stay known when nothing else of them is left. */
export function addToRanges(database: Writing, rows: readonly SeenRow[]): void {
  const note = database.prepare<[number, number]>(RETENTION_SQL.setRemovedUpTo);
  for (const [writer, of] of Map.groupBy(rows, (row) => row.writer)) {
    note.run(
      of.reduce((latest, { receivedAt }) => Math.max(latest, receivedAt), Number.MIN_SAFE_INTEGER),
      writer,
    );
  }
  const ordered = rows.toSorted((a, b) => a.writer - b.writer || a.seq - b.seq).map((row) => ({ ...row, text: formatParts(row.parts) }));
  for (let from = 0; from < ordered.length; ) {
    const first = ordered[from];
    if (first === undefined) return;
    let to = from + 1;
    // Rows of the same parts, one behind the other, are one range: mostly whole batches.
    while (ordered[to]?.writer === first.writer && ordered[to]?.seq === first.seq + to - from && ordered[to]?.text === first.text) to += 1;
    const last = first.seq + to - from - 1;
    const before = rangeBefore(database, first.writer, last);
    if (before === undefined || before.last < first.seq) putRange(database, first.writer, { first: first.seq, last, parts: first.text });
    else for (const { writer, seq, parts } of ordered.slice(from, to)) addRow(database, writer, seq, parts);
    from = to;
  }
}

function addRow(database: Writing, writer: number, seq: number, parts: readonly number[]): void {
  const around = rangeOf(database, writer, seq);
  const text = formatParts([...(around ? partsOf(around.parts) : []), ...parts]);
  if (around?.parts === text) return;
  if (around) {
    const put = database.prepare<[number, number, number, string]>(RETENTION_SQL.putRange);
    database.prepare<[number, number]>(RETENTION_SQL.dropRange).run(writer, around.first);
    if (around.first < seq) put.run(writer, around.first, seq - 1, around.parts);
    if (around.last > seq) put.run(writer, seq + 1, around.last, around.parts);
  }
  putRange(database, writer, { first: seq, last: seq, parts: text });
}

/** Puts a range where there is none, as one with those beside it that are alike. */
function putRange(database: Writing, writer: number, range: SeenRange): void {
  const left = rangeOf(database, writer, range.first - 1);
  const right = rangeOf(database, writer, range.last + 1);
  const isLike = (other: SeenRange | undefined): other is SeenRange => other?.parts === range.parts;
  if (isLike(right)) database.prepare<[number, number]>(RETENTION_SQL.dropRange).run(writer, right.first);
  const first = isLike(left) ? left.first : range.first;
  const last = isLike(right) ? right.last : range.last;
  database.prepare<[number, number, number, string]>(RETENTION_SQL.putRange).run(writer, first, last, range.parts);
}

/** The range in which a row lies. */
function rangeOf(database: Writing, writer: number, seq: number): SeenRange | undefined {
  const range = rangeBefore(database, writer, seq);
  return range !== undefined && range.last >= seq ? range : undefined;
}

/** The last range that begins at a row or before it. */
function rangeBefore(database: Writing, writer: number, seq: number): SeenRange | undefined {
  return database.prepare<[number, number], SeenRange>(RETENTION_SQL.rangeAt).get(writer, seq);
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

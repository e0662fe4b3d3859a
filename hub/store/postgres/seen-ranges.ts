import { formatParts, partsOf } from '../seen-ranges.ts';
import type { Commit } from './commits.ts';
import { RETENTION_PG } from './retention-statements.ts';

/** Rows from first to last of which the same parts were stored and removed; parts as `formatParts` writes them. */
export interface SeenRange {
  first: number;
  last: number;
  parts: string;
}

/** A key of which the row was removed. */
export interface RemovedKey {
  writer: number;
  seq: number;
  part: number;
  receivedAt: number;
}

/** Adds keys whose rows were removed, so that they stay known when nothing else of them is left. */
export async function addToRanges(commit: Commit, keys: readonly RemovedKey[]): Promise<void> {
  for (const [writer, removed] of Map.groupBy(keys, (key) => key.writer)) {
    const rows = new Map([...Map.groupBy(removed, ({ seq }) => seq)].map(([seq, of]) => [seq, of.map(({ part }) => part)]));
    const latest = removed.reduce((until, { receivedAt }) => Math.max(until, receivedAt), Number.MIN_SAFE_INTEGER);
    await commit.query(RETENTION_PG.setRemovedUpTo, [writer, latest]);
    const [least, greatest] = [Math.min(...rows.keys()), Math.max(...rows.keys())];
    const found = await commit.query<SeenRange>(RETENTION_PG.ranges, [writer, least - 1, greatest + 1]);
    const merged = withRows(
      found.map((range) => ({ ...range, parts: formatParts(partsOfMultirange(range.parts)) })),
      rows,
    );
    if (found.length > 0) await commit.query(RETENTION_PG.dropRanges, [writer, found.map(({ first }) => first)]);
    await commit.query(RETENTION_PG.putRanges, [
      writer,
      merged.map(({ first }) => first),
      merged.map(({ last }) => last),
      merged.map(({ parts }) => multirangeOf(parts)),
    ]);
  }
}

/** The ranges with more rows in them, by number with their parts; ascending, as few as can be. Pure. */
export function withRows(ranges: readonly SeenRange[], rows: ReadonlyMap<number, readonly number[]>): SeenRange[] {
  const merged: SeenRange[] = [];
  const put = (range: SeenRange): void => {
    if (range.first > range.last) return;
    const before = merged.at(-1);
    if (before && before.last + 1 === range.first && before.parts === range.parts) before.last = range.last;
    else merged.push({ ...range });
  };
  const left = [...rows].sort(([a], [b]) => a - b);
  const putRowsBefore = (limit: number): void => {
    for (let row = left[0]; row !== undefined && row[0] < limit; row = left[0]) {
      put({ first: row[0], last: row[0], parts: formatParts(row[1]) });
      left.shift();
    }
  };
  for (const { first, last, parts } of ranges) {
    putRowsBefore(first);
    let from = first;
    for (let row = left[0]; row !== undefined && row[0] <= last; row = left[0]) {
      const [seq, more] = row;
      put({ first: from, last: seq - 1, parts });
      put({ first: seq, last: seq, parts: formatParts([...partsOf(parts), ...more]) });
      from = seq + 1;
      left.shift();
    }
    put({ first: from, last, parts });
  }
  putRowsBefore(Number.POSITIVE_INFINITY);
  return merged;
}

/** `{[0,3),[5,6)}` for `0-2,5`. */
function multirangeOf(parts: string): string {
  const runs = parts.split(',').map((run) => run.split('-').map(Number));
  return `{${runs.map(([first = 0, last = first]) => `[${first},${last + 1})`).join(',')}}`;
}

function partsOfMultirange(text: string): number[] {
  return [...text.matchAll(/\[(\d+),(\d+)\)/g)].flatMap(([, first, end]) =>
    Array.from({ length: Number(end) - Number(first) }, (_, i) => Number(first) + i),
  );
}

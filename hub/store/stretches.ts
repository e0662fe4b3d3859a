import type { Instant } from '../../shared/clock.ts';
import { addCell, type Cell } from './cell.ts';

/** From the first value to the last, with none of those between more than `DENSE_MS` apart. */
export type Stretch = readonly [first: Instant, last: Instant];

/** No limit of age is shorter (`LIMIT_BOUNDS`), so between values that lie no further apart one is current by whatever limit. */
export const DENSE_MS = 60_000;

/**
 * Where in a cell values lay, in order: by that it can be said for any limit of age for how long one was current. Undefined where that is not kept,
 * of what was rolled up before it was: then `coveredMs` says it, by the limits of the table.
 */
export function stretchesOf({ firstAt, lastAt, coveredMs, stretches }: Cell): readonly Stretch[] | undefined {
  if (stretches !== undefined) return stretches;
  if (firstAt === null || lastAt === null) return [];
  return coveredMs === lastAt - firstAt ? [[firstAt, lastAt]] : undefined;
}

/** Adds what another cell of the same series and stretch of time holds, with where its values lay; `reachMs` is how long one is current by the table. */
export function addRolled(cell: Cell, other: Cell, reachMs: number): void {
  const [own, theirs] = [stretchesOf(cell), stretchesOf(other)];
  addCell(cell, other, reachMs);
  const all = own && theirs && joined([...own, ...theirs]);
  cell.stretches = all && all.length > 1 ? all : undefined;
  if (all) cell.coveredMs = coveredBy(all, reachMs);
}

function joined(stretches: readonly Stretch[]): Stretch[] {
  const all: Stretch[] = [];
  for (const next of stretches.toSorted(([a], [b]) => a - b)) {
    const before = all.at(-1);
    if (before === undefined || next[0] - before[1] > DENSE_MS) all.push(next);
    else all[all.length - 1] = [before[0], Math.max(before[1], next[1])];
  }
  return all;
}

/** For how long a value was current between the first and the last. */
function coveredBy(stretches: readonly Stretch[], reachMs: number): number {
  let covered = 0;
  for (const [i, [first, last]] of stretches.entries()) {
    const before = stretches[i - 1];
    covered += last - first + (before === undefined ? 0 : Math.min(reachMs, first - before[1]));
  }
  return covered;
}

/** As a row keeps them, from the first value on: by turns how long a stretch is and how long there is none, in milliseconds; null where there is one alone. */
export function textOf(stretches: readonly Stretch[] | undefined): string | null {
  if (stretches === undefined || stretches.length < 2) return null;
  return stretches
    .flatMap(([first, last], i) => {
      const before = stretches[i - 1];
      return before === undefined ? [last - first] : [first - before[1], last - first];
    })
    .join(' ');
}

/** The same read back. */
export function stretchesFrom(firstAt: Instant | null, text: string | null): Stretch[] | undefined {
  if (firstAt === null || text === null) return undefined;
  const lengths = text.split(' ').map(Number);
  const found: Stretch[] = [];
  let at = firstAt;
  for (let i = 0; i < lengths.length; i += 2) {
    const last = at + (lengths[i] ?? 0);
    found.push([at, last]);
    at = last + (lengths[i + 1] ?? 0);
  }
  return found;
}

/** Column of both engines, in the dialect of each the same. */
export const STRETCHES_STEP = `
-- Where in an hour values lay (stretches.ts); NULL where they lay in one stretch, or that was not kept.
ALTER TABLE rollup ADD COLUMN stretches TEXT;
`;

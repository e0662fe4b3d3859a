import type { Instant } from '../../shared/clock.ts';
import { FLAGS, type Flag } from '../../shared/reading.ts';
import type { Stretch } from './stretches.ts';
import { type Excluded, NOT_A_MEASUREMENT } from './trend.ts';

/** What lies in one stretch of a series, whatever its width: a bucket of a trend, a minute or an hour that was rolled up. */
export interface Cell extends Omit<Excluded, 'test'> {
  /** Values that count in what follows. */
  n: number;
  min: number | null;
  max: number | null;
  sum: number;
  last: number | null;
  /** Sort times of the first and the last value. */
  firstAt: Instant | null;
  lastAt: Instant | null;
  /** Milliseconds between `firstAt` and `lastAt` in which a value was no older than its limit. */
  coveredMs: number;
  /** Where between them values lay, of what was rolled up and is no one stretch (`stretchesOf`). */
  stretches?: readonly Stretch[] | undefined;
  /** Of the values that count; undefined for none, as nearly always. */
  flags: Set<Flag> | undefined;
}

/** A reading as the store's index has it: sort time, value (null: absent), flags parted by spaces. */
export type Point = readonly [at: Instant, value: number | null, flags: string | null];

const ORDER = Object.keys(FLAGS) as Flag[];

export function emptyCell(): Cell {
  return {
    n: 0,
    min: null,
    max: null,
    sum: 0,
    last: null,
    firstAt: null,
    lastAt: null,
    coveredMs: 0,
    flags: undefined,
    absent: 0,
    withdrawn: 0,
    undated: 0,
    doubtful: 0,
  };
}

/** Why a reading that stands counts in no number; undefined for one that counts. */
export function whyExcluded(value: number | null, flags: string | null): 'absent' | 'doubtful' | undefined {
  if (value === null) return 'absent';
  return flags !== null && flagsOf(flags).some((flag) => NOT_A_MEASUREMENT.includes(flag)) ? 'doubtful' : undefined;
}

/** Adds a reading that stands; true when it counts. Of equal times the one added later is the last. */
export function addReading(cell: Cell, [at, value, flags]: Point): boolean {
  const why = whyExcluded(value, flags);
  if (why !== undefined || value === null) {
    cell[why ?? 'absent'] += 1;
    return false;
  }
  cell.n += 1;
  cell.sum += value;
  if (cell.min === null || value < cell.min) cell.min = value;
  if (cell.max === null || value > cell.max) cell.max = value;
  if (cell.firstAt === null || at < cell.firstAt) cell.firstAt = at;
  if (cell.lastAt === null || at >= cell.lastAt) {
    cell.lastAt = at;
    cell.last = value;
  }
  if (flags !== null) addFlags(cell, flagsOf(flags));
  return true;
}

/** Counts a reading that does not stand: taken back or replaced (by a corrected or final one), or of an unknown time (`mayBeCurrent`). */
export function addSetAside(cell: Cell, flags: string | null): void {
  const has = new Set(flags === null ? [] : flagsOf(flags));
  cell[has.has('memory') && (has.has('clock') || has.has('clockless')) ? 'undated' : 'withdrawn'] += 1;
}

/**
 * Adds what another cell of the same series holds, an older one or one of the same stretch. `reachMs`: how long a value is current; the time
 * between the two counts as covered up to that.
 */
export function addCell(cell: Cell, other: Cell, reachMs: number): void {
  cell.coveredMs = coveredBy(cell, other, reachMs);
  cell.n += other.n;
  cell.sum += other.sum;
  cell.min = least(cell.min, other.min);
  cell.max = greatest(cell.max, other.max);
  if (other.lastAt !== null && (cell.lastAt === null || other.lastAt >= cell.lastAt)) cell.last = other.last;
  cell.firstAt = least(cell.firstAt, other.firstAt);
  cell.lastAt = greatest(cell.lastAt, other.lastAt);
  if (other.flags) addFlags(cell, other.flags);
  for (const why of ['absent', 'withdrawn', 'undated', 'doubtful'] as const) cell[why] += other[why];
}

function coveredBy(a: Cell, b: Cell, reachMs: number): number {
  if (a.firstAt === null || a.lastAt === null) return b.coveredMs;
  if (b.firstAt === null || b.lastAt === null) return a.coveredMs;
  const between = Math.max(a.firstAt, b.firstAt) - Math.min(a.lastAt, b.lastAt);
  const span = Math.max(a.lastAt, b.lastAt) - Math.min(a.firstAt, b.firstAt);
  return Math.min(span, a.coveredMs + b.coveredMs + Math.min(reachMs, Math.max(0, between)));
}

function addFlags(cell: Cell, flags: Iterable<Flag>): void {
  cell.flags ??= new Set();
  for (const flag of flags) cell.flags.add(flag);
}

/** The flags of a text, parted by spaces. */
export function flagsOf(flags: string): Flag[] {
  return flags.split(' ') as Flag[];
}

const NO_FLAGS: readonly Flag[] = [];

/** In the order of the table. */
export function inOrder(flags: ReadonlySet<Flag> | undefined): readonly Flag[] {
  return flags === undefined ? NO_FLAGS : ORDER.filter((flag) => flags.has(flag));
}

function least(a: number | null, b: number | null): number | null {
  if (a === null || b === null) return a ?? b;
  return Math.min(a, b);
}

function greatest(a: number | null, b: number | null): number | null {
  if (a === null || b === null) return a ?? b;
  return Math.max(a, b);
}

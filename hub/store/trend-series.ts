import type { Instant } from '../../shared/clock.ts';
import { vital } from '../../shared/vitals.ts';
import { addCell, addReading, addSetAside, type Cell, emptyCell, inOrder, type Point, whyExcluded } from './cell.ts';
import { Coverage } from './coverage.ts';
import type { DeviceChange, TrendBucket, TrendSeries } from './trend.ts';

/** A stretch of a series that was rolled up; it counts where it begins. */
export interface Rollup {
  start: Instant;
  cell: Cell;
}

/** What the store has of one device and vital sign, real or test. */
export interface Readings {
  /** That stand; ascending, of equal times in order of storing. Those before the first edge are for the coverage alone. */
  standing: readonly Point[];
  /** That do not stand. */
  setAside: readonly Point[];
  /** Ascending; those that begin before the first edge are for the coverage alone. */
  rollups: readonly Rollup[];
}

export const NO_READINGS: Readings = { standing: [], setAside: [], rollups: [] };

export interface SeriesOf {
  device: string;
  vital: string;
  real: Readings;
  test: Readings;
}

export interface Frame {
  edges: readonly Instant[];
  now: Instant;
  /** How long a value is current, in milliseconds. */
  reachMs: number;
}

/**
 * One series in buckets; undefined where nothing lies in any. Test readings count only where there is no real one from the first edge to
 * the last, whatever it is worth; else they are counted as left out. Pure.
 */
export function seriesOf({ device, vital: key, real, test }: SeriesOf, frame: Frame): TrendSeries | undefined {
  const isTest = !hasAny(real, frame);
  if (isTest && !hasAny(test, frame)) return undefined;
  const cells = new Cells(frame);
  const { standing, setAside, rollups } = isTest ? test : real;
  for (const point of standing) cells.at(point[0], (cell) => addReading(cell, point));
  for (const [at, , flags] of setAside) cells.at(at, (cell) => addSetAside(cell, flags));
  for (const { start, cell: rolled } of rollups) cells.at(start, (cell) => addCell(cell, rolled, frame.reachMs), true);
  if (!isTest) {
    for (const [at] of [...test.standing, ...test.setAside]) cells.leaveOut(at, 1);
    for (const { start, cell } of test.rollups) cells.leaveOut(start, sizeOf(cell));
  }
  const covered = coverageOf(standing, rollups, frame);
  return { device, vital: key, unit: vital(key)?.ucum ?? '', test: isTest, buckets: cells.buckets(covered) };
}

function hasAny({ standing, setAside, rollups }: Readings, { edges }: Frame): boolean {
  const from = edges[0] ?? 0;
  return standing.some(([at]) => at >= from) || setAside.some(([at]) => at >= from) || rollups.some(({ start }) => start >= from);
}

/** Readings of a cell, counted or not. */
function sizeOf({ n, absent, withdrawn, undated, doubtful }: Cell): number {
  return n + absent + withdrawn + undated + doubtful;
}

/** Rollups are rare among readings, so the two are only put in one order where there are any. */
function coverageOf(standing: readonly Point[], rollups: readonly Rollup[], { edges, now, reachMs }: Frame): Coverage {
  const coverage = new Coverage(edges, now, reachMs);
  let next = 0;
  const rolledBefore = (at: Instant): void => {
    for (let rollup = rollups[next]; rollup !== undefined && rollup.start <= at; rollup = rollups[next]) {
      const { firstAt, lastAt, coveredMs } = rollup.cell;
      if (firstAt !== null && lastAt !== null) coverage.stretch(firstAt, lastAt, coveredMs);
      next += 1;
    }
  };
  for (const [at, value, flags] of standing) {
    rolledBefore(at);
    if (whyExcluded(value, flags) === undefined) coverage.value(at);
  }
  rolledBefore(Number.POSITIVE_INFINITY);
  return coverage;
}

/** The buckets of a series while they are filled. */
class Cells {
  readonly #edges: readonly Instant[];
  readonly #cells: (Cell | undefined)[];
  readonly #tests: number[];
  readonly #rolled = new Set<number>();
  /** Where the last one lay: readings come in order, so the next one is there or beside it. */
  #hint = 0;

  constructor({ edges }: Frame) {
    this.#edges = edges;
    this.#cells = new Array<Cell | undefined>(edges.length - 1).fill(undefined);
    this.#tests = new Array<number>(edges.length - 1).fill(0);
  }

  at(at: Instant, add: (cell: Cell) => void, rolledUp = false): void {
    const index = this.#indexOf(at);
    if (index === undefined) return;
    let cell = this.#cells[index];
    if (cell === undefined) {
      cell = emptyCell();
      this.#cells[index] = cell;
    }
    add(cell);
    if (rolledUp) this.#rolled.add(index);
  }

  leaveOut(at: Instant, readings: number): void {
    const index = this.#indexOf(at);
    if (index !== undefined) this.#tests[index] = (this.#tests[index] ?? 0) + readings;
  }

  buckets(coverage: Coverage): TrendBucket[] {
    const buckets: TrendBucket[] = [];
    for (let index = 0; index < this.#cells.length; index += 1) {
      const cell = this.#cells[index];
      const test = this.#tests[index] ?? 0;
      const share = coverage.of(index);
      if (cell === undefined && test === 0 && share === 0) continue;
      const { n, min, max, sum, last, lastAt, flags, absent, withdrawn, undated, doubtful } = cell ?? emptyCell();
      buckets.push({
        index,
        n,
        min,
        max,
        mean: n === 0 ? null : sum / n,
        last,
        lastAt,
        excluded: { absent, withdrawn, undated, doubtful, test },
        flags: inOrder(flags),
        coverage: share,
        rolledUp: this.#rolled.has(index),
      });
    }
    return buckets;
  }

  #indexOf(at: Instant): number | undefined {
    const edges = this.#edges;
    let index = this.#hint;
    while (index > 0 && at < (edges[index] ?? 0)) index -= 1;
    while (index < edges.length - 1 && at >= (edges[index + 1] ?? 0)) index += 1;
    if (at < (edges[0] ?? 0) || index >= edges.length - 1) return undefined;
    this.#hint = index;
    return index;
  }
}

/** Where the set of devices that gave values is another than in the bucket before that has any; pure. */
export function deviceChanges(series: readonly TrendSeries[]): DeviceChange[] {
  const devices = new Map<number, Set<string>>();
  for (const { device, buckets } of series) {
    for (const { index, n } of buckets) {
      if (n === 0) continue;
      const there = devices.get(index) ?? new Set();
      devices.set(index, there.add(device));
    }
  }
  const changes: DeviceChange[] = [];
  let before: ReadonlySet<string> | undefined;
  for (const [index, there] of [...devices].sort(([a], [b]) => a - b)) {
    const began = before ? [...there.difference(before)].sort() : [];
    const ended = before ? [...before.difference(there)].sort() : [];
    if (began.length + ended.length > 0) changes.push({ index, began, ended });
    before = there;
  }
  return changes;
}

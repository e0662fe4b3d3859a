import type { Instant } from '../../shared/clock.ts';
import { vital } from '../../shared/vitals.ts';
import { addCell, addReading, addSetAside, type Cell, emptyCell, inOrder, type Point, whyExcluded } from './cell.ts';
import { Coverage } from './coverage.ts';
import { stretchesOf } from './stretches.ts';
import type { DeviceChange, Excluded, Trend, TrendBucket, TrendSeries } from './trend.ts';

/** A stretch of a series that was rolled up; it counts where it begins. */
export interface Rollup {
  start: Instant;
  cell: Cell;
}

/** What the store has of one series in one stretch of time. All ascending; of equal times in order of storing. */
export interface Readings {
  /** That stand. */
  standing: readonly Point[];
  /** That were taken back or replaced, or are of an unknown time. */
  setAside: readonly Point[];
  rollups: readonly Rollup[];
}

export interface Frame {
  edges: readonly Instant[];
  now: Instant;
  /** How long a value is current, in milliseconds. */
  reachMs: number;
}

const EMPTY: Readonly<Cell> = emptyCell();
const NONE_EXCLUDED: Excluded = { absent: 0, withdrawn: 0, undated: 0, doubtful: 0, test: 0 };

/**
 * One device's series in buckets; undefined where nothing lies in any. Test readings count only where there is no real one in the whole
 * trend, whatever it is worth; else they are counted as left out. Pure.
 */
export function seriesOf(device: string, key: string, real: Strand, test: Strand): TrendSeries | undefined {
  if (!real.hasAny && !test.hasAny) return undefined;
  const buckets = real.hasAny ? real.buckets(test) : test.buckets();
  return { device, vital: key, unit: vital(key)?.ucum ?? '', test: !real.hasAny, buckets };
}

/** The buckets of one device's real or test readings while they are filled, from the beginning to the end. */
export class Strand {
  readonly #frame: Frame;
  readonly #cells: (Cell | undefined)[];
  readonly #rolled = new Set<number>();
  readonly #coverage: Coverage;
  #hasAny = false;
  /** Where the last one lay: the next one is there or soon after. */
  #hint = 0;

  constructor(frame: Frame) {
    this.#frame = frame;
    this.#cells = new Array<Cell | undefined>(frame.edges.length - 1).fill(undefined);
    this.#coverage = new Coverage(frame.edges, frame.now, frame.reachMs);
  }

  /** True once anything lay between the first edge and the last. */
  get hasAny(): boolean {
    return this.#hasAny;
  }

  /** Adds what comes behind everything added before. What lies before the first edge is for the coverage alone. */
  add({ standing, setAside, rollups }: Readings): void {
    let next = 0;
    const rolledBefore = (at: Instant): void => {
      for (let rollup = rollups[next]; rollup !== undefined && rollup.start <= at; rollup = rollups[next]) {
        this.#addRollup(rollup);
        next += 1;
      }
    };
    for (const point of standing) {
      rolledBefore(point[0]);
      const cell = this.#cellAt(point[0]);
      const counts = cell ? addReading(cell, point) : whyExcluded(point[1], point[2]) === undefined;
      if (counts) this.#coverage.value(point[0]);
    }
    rolledBefore(Number.POSITIVE_INFINITY);
    for (const [at, , flags] of setAside) {
      const cell = this.#cellAt(at);
      if (cell) addSetAside(cell, flags);
    }
  }

  /** Ascending; where tests are given, with how many of them lie in each. */
  buckets(tests?: Strand): TrendBucket[] {
    const buckets: TrendBucket[] = [];
    for (let index = 0; index < this.#cells.length; index += 1) {
      const cell = this.#cells[index];
      const test = tests?.readingsIn(index) ?? 0;
      const coverage = this.#coverage.of(index);
      if (cell === undefined && test === 0 && coverage === 0) continue;
      const { n, min, max, sum, last, lastAt, flags, absent, withdrawn, undated, doubtful } = cell ?? EMPTY;
      const mean = n === 0 ? null : sum / n;
      const left = absent + withdrawn + undated + doubtful + test;
      const excluded = left === 0 ? NONE_EXCLUDED : { absent, withdrawn, undated, doubtful, test };
      buckets.push({
        index,
        n,
        min,
        max,
        mean,
        last,
        lastAt,
        excluded,
        flags: inOrder(flags),
        coverage,
        open: (this.#frame.edges[index + 1] ?? 0) > this.#frame.now,
        rolledUp: this.#rolled.has(index),
      });
    }
    return buckets;
  }

  /** Counted or not. */
  readingsIn(index: number): number {
    const cell = this.#cells[index];
    return cell === undefined ? 0 : cell.n + cell.absent + cell.withdrawn + cell.undated + cell.doubtful;
  }

  #addRollup({ start, cell: rolled }: Rollup): void {
    const { firstAt, lastAt, coveredMs } = rolled;
    const cell = this.#cellAt(start);
    if (cell) {
      addCell(cell, rolled, this.#frame.reachMs);
      this.#rolled.add(this.#hint);
    }
    const stretches = stretchesOf(rolled);
    if (stretches) for (const [first, last] of stretches) this.#coverage.stretch(first, last, last - first);
    else if (firstAt !== null && lastAt !== null) this.#coverage.stretch(firstAt, lastAt, coveredMs);
  }

  /** The cell of the bucket in which this instant lies; undefined outside of all. */
  #cellAt(at: Instant): Cell | undefined {
    const { edges } = this.#frame;
    let index = this.#hint;
    while (index > 0 && at < (edges[index] ?? 0)) index -= 1;
    while (index < edges.length - 1 && at >= (edges[index + 1] ?? 0)) index += 1;
    if (at < (edges[0] ?? 0) || index >= edges.length - 1) return undefined;
    this.#hint = index;
    this.#hasAny = true;
    let cell = this.#cells[index];
    if (cell === undefined) {
      cell = emptyCell();
      this.#cells[index] = cell;
    }
    return cell;
  }
}

/** Where the set of devices that gave values is another than in the bucket before that has any; pure. */
export function deviceChanges(series: readonly TrendSeries[]): DeviceChange[] {
  if (series.every(({ device }) => device === series[0]?.device)) return [];
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
    const began = before ? [...there].filter((device) => !before?.has(device)).sort() : [];
    const ended = before ? [...before].filter((device) => !there.has(device)).sort() : [];
    if (began.length + ended.length > 0) changes.push({ index, began, ended });
    before = there;
  }
  return changes;
}

/** How many values a trend shows; what its evidence counts. */
export function valuesIn({ series }: Pick<Trend, 'series'>): number {
  return series.flatMap(({ buckets }) => buckets).reduce((sum, { n }) => sum + n, 0);
}

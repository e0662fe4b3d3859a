import { type Instant, parseInstant } from '../../../shared/clock.ts';
import type { Flag } from '../../../shared/reading.ts';
import type { TrendView } from '../../access/history-views.ts';
import { type MEDIAN_OF, medianOf } from '../support/baseline.ts';

/** The last day of one series in numbers alone. Without a counted value all of them are null. */
export interface Shape {
  vital: string;
  unit: string;
  /** Values that count. */
  n: number;
  /** Readings that count in none of the numbers: without a value, doubtful, taken back, undated, or tests beside real ones. */
  excluded: number;
  min: number | null;
  /** Of the means of stretches; of readings themselves where no stretch has two. */
  median: number | null;
  medianOf: (typeof MEDIAN_OF)[number];
  max: number | null;
  last: number | null;
  /** Share, 0 to 1, of the time in which there was a current value. */
  coverage: number;
  /** Means of the quarters of the time, the oldest first: where it went, in numbers. Null where nothing was counted. */
  quarters: readonly (number | null)[];
  /** Any of the counted values has these. */
  flags: readonly Flag[];
}

const QUARTERS = 4;

/** What a trend says of one device, series by series; with nothing in it where it has no series of the device. Pure. */
export function shapesOf(
  { series, edges, vital }: Pick<TrendView, 'series' | 'edges' | 'vital'>,
  { device, test, unit }: { device: string; test: boolean; unit: string },
): Shape[] {
  const at = edges.map((edge) => parseInstant(edge)?.at ?? Number.NaN);
  const own = series.filter((one) => one.device === device && one.test === test);
  if (own.length === 0) return [shapeOf({ vital, unit, buckets: [] }, at)];
  return own.map((one) => shapeOf(one, at));
}

function shapeOf(
  { vital, unit, buckets }: Pick<TrendView['series'][number], 'vital' | 'unit' | 'buckets'>,
  edges: readonly Instant[],
): Shape {
  const [from = 0, to = 0] = [edges[0], edges.at(-1)];
  const spanOf = (index: number): number => (edges[index + 1] ?? to) - (edges[index] ?? to);
  const counted = buckets.flatMap(({ index, n, min, max, mean }) =>
    n === 0 || min === null || max === null || mean === null ? [] : [{ index, n, min, max, mean }],
  );
  const covered = buckets.reduce((sum, { index, coverage }) => sum + coverage * spanOf(index), 0);
  const latest = buckets.findLast(({ last }) => last !== null);
  const quarterOf = (index: number): number => Math.min(QUARTERS - 1, Math.floor((QUARTERS * ((edges[index] ?? to) - from)) / (to - from)));
  return {
    ...{ vital, unit },
    n: counted.reduce((sum, { n }) => sum + n, 0),
    excluded: buckets.reduce((sum, { excluded }) => sum + Object.values(excluded).reduce((all, one: number) => all + one, 0), 0),
    min: counted.length === 0 ? null : Math.min(...counted.map(({ min }) => min)),
    median: shortened(medianOf(counted.map(({ mean }) => mean))),
    medianOf: counted.every(({ n }) => n === 1) ? 'readings' : 'means',
    max: counted.length === 0 ? null : Math.max(...counted.map(({ max }) => max)),
    last: latest?.last ?? null,
    coverage: to > from ? rounded(covered / (to - from)) : 0,
    quarters: Array.from({ length: QUARTERS }, (_, quarter) => meanOf(counted.filter(({ index }) => quarterOf(index) === quarter))),
    flags: [...new Set(buckets.flatMap(({ n, flags }) => (n === 0 ? [] : flags)))].sort(),
  };
}

function meanOf(stretches: readonly { n: number; mean: number }[]): number | null {
  const n = stretches.reduce((sum, one) => sum + one.n, 0);
  return n === 0 ? null : shortened(stretches.reduce((sum, one) => sum + one.n * one.mean, 0) / n);
}

/** What is reckoned, with no more digits than a device has. */
function shortened<Value extends number | null>(value: Value): Value {
  return (value === null ? null : Number(value.toPrecision(4))) as Value;
}

function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}

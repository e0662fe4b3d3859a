import type { Flag } from '../../../shared/reading.ts';
import { IS_DOUBT } from '../preferred.ts';

/** What of a stretch of a trend is needed. */
export interface Stretch {
  n: number;
  min: number | null;
  max: number | null;
  mean: number | null;
  flags: readonly Flag[];
  /** That count in none of the numbers, by why. */
  excluded: { doubtful: number };
  /** 0 to 1. */
  coverage: number;
}

/** What a median is of: of the means of stretches, or of readings where no stretch has two. */
export const MEDIAN_OF = ['readings', 'means'] as const;

/** What is usual for somebody, by one device. */
export interface Baseline {
  device: string;
  vital: string;
  unit: string;
  /** Of the means of the stretches; of readings themselves where no stretch has two. */
  median: number | null;
  of: (typeof MEDIAN_OF)[number];
  min: number | null;
  max: number | null;
  /** Readings that count. */
  n: number;
  /** Readings that were left out: doubtful ones, and those in a stretch with something that is. */
  leftOut: number;
  /** Share, 0 to 1, of all stretches in which there was a current value. */
  coverage: number;
}

/** Median and range of a person's own stretches, without those in which any flag makes a value doubtful; `stretches` is how many there could be. Pure. */
export function baselineOf(
  series: { device: string; vital: string; unit: string; buckets: readonly Stretch[] },
  stretches: number,
): Baseline {
  const { device, vital, unit, buckets } = series;
  const sure = buckets.filter(({ flags }) => !flags.some((flag) => IS_DOUBT[flag]));
  const counted = sure.flatMap(({ n, min, max, mean }) =>
    n === 0 || min === null || max === null || mean === null ? [] : [{ n, min, max, mean }],
  );
  const sum = (of: readonly { n: number }[]): number => of.reduce((total, { n }) => total + n, 0);
  return {
    ...{ device, vital, unit },
    median: medianOf(counted.map(({ mean }) => mean)),
    of: counted.every(({ n }) => n === 1) ? 'readings' : 'means',
    min: counted.length === 0 ? null : Math.min(...counted.map(({ min }) => min)),
    max: counted.length === 0 ? null : Math.max(...counted.map(({ max }) => max)),
    n: sum(counted),
    leftOut: sum(buckets) - sum(sure) + buckets.reduce((total, { excluded }) => total + excluded.doubtful, 0),
    coverage: stretches === 0 ? 0 : rounded(sure.reduce((total, { coverage }) => total + coverage, 0) / stretches),
  };
}

/** Null of nothing. */
export function medianOf(values: readonly number[]): number | null {
  const sorted = values.toSorted((a, b) => a - b);
  const [low, high] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]];
  return low === undefined || high === undefined ? null : rounded((low + high) / 2);
}

function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}

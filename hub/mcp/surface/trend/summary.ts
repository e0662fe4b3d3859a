import type { Instant } from '../../../../shared/clock.ts';
import type { Excluded, TrendSeries } from '../../../store/trend.ts';

/** One series in a few numbers. */
export interface Summary {
  n: number;
  min: number | null;
  max: number | null;
  /** Of all readings that count, each alike. */
  mean: number | null;
  /** Share, 0 to 1, of the time until now, also of the stretches in which there is nothing. */
  coverage: number;
  excluded: Excluded;
}

/** What a series shows over all of its period. Pure. */
export function summaryOf({ buckets }: Pick<TrendSeries, 'buckets'>, edges: readonly Instant[], now: Instant): Summary {
  const counted = buckets.flatMap(({ n, min, max, mean }) =>
    n === 0 || min === null || max === null || mean === null ? [] : [{ n, min, max, mean }],
  );
  const shown = sum(counted.map(({ n }) => n));
  const lengthMs = (index: number): number => Math.max(0, Math.min(edges[index + 1] ?? now, now) - (edges[index] ?? now));
  const wholeMs = Math.max(0, Math.min(edges.at(-1) ?? now, now) - (edges[0] ?? now));
  const coveredMs = sum(buckets.map(({ index, coverage }) => coverage * lengthMs(index)));
  const excluded = (why: keyof Excluded): number => sum(buckets.map((one) => one.excluded[why]));
  return {
    // A masked bucket may count readings without showing what they were.
    n: sum(buckets.map(({ n }) => n)),
    min: counted.length === 0 ? null : Math.min(...counted.map(({ min }) => min)),
    max: counted.length === 0 ? null : Math.max(...counted.map(({ max }) => max)),
    mean: shown === 0 ? null : rounded(sum(counted.map(({ mean, n }) => mean * n)) / shown),
    coverage: wholeMs === 0 ? 0 : rounded(coveredMs / wholeMs),
    excluded: {
      absent: excluded('absent'),
      withdrawn: excluded('withdrawn'),
      undated: excluded('undated'),
      doubtful: excluded('doubtful'),
      test: excluded('test'),
    },
  };
}

function sum(of: readonly number[]): number {
  return of.reduce((total, one) => total + one, 0);
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}

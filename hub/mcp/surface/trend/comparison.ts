import type { Instant } from '../../../../shared/clock.ts';
import type { TrendView } from '../../../access/history-views.ts';
import { instantOf } from '../shown.ts';
import { summaryOf } from './summary.ts';
import { rounded, seriesHead, shownSummary, type Trend } from './view.ts';

const DAY_MS = 86_400_000;

/** With which earlier period one may be compared, and how that lies to it. */
export const COMPARISONS = ['previous', 'day_before', 'week_before'] as const;
export type Comparison = (typeof COMPARISONS)[number];

/** The period of the same length that is meant. Pure. */
export function earlier(comparison: Comparison, { from, to }: { from: Instant; to: Instant }): { from: Instant; to: Instant } {
  const backMs = { previous: to - from, day_before: DAY_MS, week_before: 7 * DAY_MS }[comparison];
  return { from: from - backMs, to: to - backMs };
}

/** The earlier period beside the later one: device by device, because two devices differ by more than a patient may. Pure. */
export function compared(period: Comparison, later: Trend, before: TrendView): NonNullable<Trend['comparison']> {
  const edges = before.edges.map(instantOf);
  const now = instantOf(before.asOf);
  const series = before.series.map((one) => ({ ...seriesHead(one), summary: shownSummary(summaryOf(one, edges, now)) }));
  const differences = later.series.flatMap(({ device, vital, unit, test, summary }) => {
    const other = series.find((one) => one.device === device && one.vital === vital && one.test === test);
    if (device === null || other === undefined) return [];
    const both = summary.mean === null || other.summary.mean === null ? null : rounded(summary.mean - other.summary.mean);
    return [{ vital, device, mean: both, unit }];
  });
  return { period, from: before.edges[0] ?? '', to: before.edges.at(-1) ?? '', series, differences };
}

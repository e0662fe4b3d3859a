import { counted } from '../../../../shared/counted.ts';
import { withUnit } from '../../../../shared/observation-code.ts';
import { whoseText } from '../shown.ts';
import type { Trend } from './view.ts';

type Series = Trend['series'][number];
type Summed = Pick<Series, 'device' | 'vital' | 'unit' | 'test' | 'summary'>;

/** A trend in plain English. Nothing in it comes from a device but numbers and identifiers. */
export function trendText(trend: Trend): string {
  const { name, vital, from, to, series, withoutData, deviceChanges, gaps, comparison } = trend;
  const hasValues = series.some(({ summary }) => summary.n > 0);
  return [
    ...whoseText(trend),
    `${name} (${vital}) from ${from} to ${to}.`,
    ...(hasValues ? [] : ['No reading counts in this period. This is missing data, not a normal finding.']),
    ...(series.some(({ test }) => test) ? ['TEST DATA: not measured on a person.'] : []),
    ...series.flatMap((one) => [summaryLine(one), ...one.buckets.map((bucket) => bucketLine(bucket))]),
    ...(trend.truncated ? [`Buckets before ${trend.shownFrom} are left out; the summaries are of the whole period.`] : []),
    ...(hasValues ? withoutData.map((one) => `NO DATA from ${one.from} to ${one.to}: nothing is known of this stretch.`) : []),
    ...deviceChanges.map(({ at }) => `OTHER DEVICES from ${at} on: a step there may be the device.`),
    ...gaps.map((gap) => `LOST from ${gap.from} to ${gap.to}: ${gap.reason}`),
    ...(trend.moreGaps === undefined ? [] : [`${trend.moreGaps} more gaps are not listed.`]),
    ...(trend.omittedDevices === undefined ? [] : [`${trend.omittedDevices} more devices are not shown.`]),
    ...(trend.stays ?? []).map((stay) => `Here from ${stay.from} ${stay.to === null ? 'on' : `to ${stay.to}`}.`),
    ...(comparison ? comparisonLines(comparison) : []),
    trend.notice,
  ].join('\n');
}

function summaryLine(series: Summed): string {
  const { n, min, max, mean, coverage, excluded = {} } = series.summary;
  const numbers =
    mean === null || min === null || max === null ? 'no value shown' : `mean ${withUnit(mean, series.unit)}, ${min} to ${max}`;
  const out = Object.entries(excluded).map(([why, count]) => `${count} ${why}`);
  return [
    `- ${series.vital}, device ${series.device ?? 'named in untrusted text'}${series.test ? ' (TEST)' : ''}: ${counted(n, 'reading')}, ${numbers}`,
    `current values for ${Math.round(coverage * 100)} % of the time`,
    ...(out.length === 0 ? [] : [`not counted: ${out.join(', ')}`]),
  ].join('; ');
}

function bucketLine({ from, n, min, max, mean, flags, open }: Series['buckets'][number]): string {
  const numbers = mean === null ? 'no value' : `${mean} (${min} to ${max})`;
  return `  ${from}: ${numbers}, n ${n}${flags ? ` [${flags.join(', ')}]` : ''}${open ? ', still open' : ''}`;
}

function comparisonLines({ from, to, series, differences }: NonNullable<Trend['comparison']>): string[] {
  return [
    `Compared with ${from} to ${to}:`,
    ...(series.some(({ summary }) => summary.n > 0)
      ? series.map(summaryLine)
      : ['Nothing counts in that period, so nothing can be compared.']),
    ...differences.map(({ vital, device, mean, unit }) =>
      mean === null
        ? `${vital}, device ${device}: cannot be compared, one of both has no value.`
        : `${vital}, device ${device}: mean ${mean > 0 ? '+' : ''}${withUnit(mean, unit)} against that period.`,
    ),
  ];
}

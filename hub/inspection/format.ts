import { formatInstant } from '../../shared/clock.ts';
import { meaningOf } from '../../shared/errors.ts';
import type { TrendView, VersionView } from '../access/history-views.ts';
import type { Excluded, TrendBucket, TrendGap } from '../store/trend.ts';
import type { StoreVerdict } from '../store/verdict.ts';

/** A trend for people, a line a bucket. */
export function formatTrend({ name, series, edges, gaps, omittedDevices, notice }: TrendView): string {
  const lines = series.flatMap(({ device, vital, unit, test, buckets }) => [
    `${name} (${vital}) in ${unit}, device ${device === '' ? 'unknown' : device}${test ? ', test data' : ''}`,
    ...buckets.map((bucket) => `  ${edges[bucket.index] ?? ''}  ${formatBucket(bucket)}`),
  ]);
  if (series.length === 0) lines.push('Nothing is stored of it in this time.');
  if (omittedDevices > 0) lines.push(`${omittedDevices} more devices are not shown.`);
  return [...lines, ...gaps.map(formatGap), notice].join('\n');
}

function formatBucket({ n, min, max, mean, last, excluded, flags, coverage, open, rolledUp }: TrendBucket): string {
  const values = n === 0 || mean === null ? 'none' : `${n}: ${min} to ${max}, mean ${mean.toFixed(1)}, last ${last}`;
  const left = Object.entries(excluded satisfies Excluded).filter(([, rows]) => rows > 0);
  return [
    values,
    `covered ${Math.round(coverage * 100)} %${open ? ' so far (NOT ENDED)' : ''}`,
    ...(left.length > 0 ? [`left out: ${left.map(([why, rows]) => `${rows} ${why}`).join(', ')}`] : []),
    ...(flags.length > 0 ? [flags.join(' ')] : []),
    ...(rolledUp ? ['rolled up'] : []),
  ].join('; ');
}

function formatGap({ from, to, device, reason, values }: TrendGap): string {
  return `Missing from ${formatInstant(from)} to ${formatInstant(to)}, device ${device}: ${reason}${values === null ? '' : `, ${values} values`}`;
}

/** Versions for people, a line each, in order of storing. */
export function formatHistory(versions: readonly VersionView[]): string {
  if (versions.length === 0) return 'Nothing is stored of such a measurement.';
  return versions
    .map(({ storedAt, status, stands, value, unit, absent, components, observation }) => {
      const parts = components.map((part) => `${part.vital} ${part.value ?? part.absent}`).join(', ');
      const shown = components.length > 0 ? parts : (value ?? absent);
      return `${stands ? '*' : ' '} ${formatInstant(storedAt)}  ${status.padEnd(16)} ${shown} ${unit}  ${observation}`;
    })
    .join('\n');
}

/** What `verify` counts, in words for whoever does not know the tables. */
const LOOKED_AT: Readonly<Record<string, string>> = {
  batches: 'deliveries of gateways',
  observations: 'measurements',
  events: 'events (alerts, waves, movements, devices, gaps)',
  latest: 'current values',
  seen: 'keys of what came in, each once',
  ranges: 'ranges of such keys whose rows were removed for their age',
  evidence: 'records of who did what',
};

/** A verdict for people. */
export function formatVerdict({ storeId, counts, findings }: StoreVerdict): string {
  const looked = Object.entries(counts).map(([table, rows]) => `${rows} ${LOOKED_AT[table] ?? table}`);
  const found = findings.map(({ code, rows, detail }) => `${meaningOf(code)} (${rows}; the first: ${detail})`);
  return [`Store ${storeId}. Looked at: ${looked.join(', ')}.`, ...(found.length > 0 ? found : ['Everything agrees.'])].join('\n');
}

import type { AlertsView } from '../../../../hub/access/alert-views.ts';
import type { LatestView, SourceView, VitalView } from '../../../../hub/access/door.ts';
import type { TrendView } from '../../../../hub/access/history-views.ts';
import type { DueRow, DueView } from '../../../../hub/clinical/due/due.ts';
import type { Worklist } from '../../../../hub/clinical/due/worklist.ts';
import type { SupportView } from '../../../../hub/clinical/support/support.ts';
import { told } from './times.ts';

// Answers in the short words of the key. A reader's zone is that of the answer.

/** `weight 81.4`; `weight (81.4)` where it is not current, `weight -` where there is none; with the device where several measure it, with its flags, and with what is doubtful beside it (`, doubtful 64`). */
export function latestOf({ vitals, mergedFrom }: LatestView): string {
  const shown = vitals.map((row) => {
    const device = vitals.some((other) => other !== row && other.vital === row.vital) ? ` ${row.device}` : '';
    const doubtful = row.doubtful ? `, doubtful ${numberOf({ ...row, ...row.doubtful, stale: false })}` : '';
    return `${row.vital} ${numberOf(row)}${device}${row.flags.length > 0 ? ` [${row.flags.join(' ')}]` : ''}${doubtful}`;
  });
  return [...(shown.length === 0 ? ['-'] : shown), ...(mergedFrom === undefined ? [] : ['merged'])].join(', ');
}

function numberOf({
  value,
  components,
  stale,
  lastKnown,
}: Pick<VitalView, 'value' | 'stale' | 'lastKnown'> & { components: readonly { value: number | null }[] }): string {
  const parts = (stale ? lastKnown?.components : components) ?? [];
  const number = stale ? lastKnown?.value : value;
  const text = parts.length > 0 ? parts.map((part) => part.value ?? '-').join('/') : String(number ?? '-');
  return stale ? `(${text})` : text;
}

/** `WS-01 live`, `gw-01 lost since 08 06:00`. */
export function sourcesOf({ sources }: { sources: readonly SourceView[] }): string {
  return sources
    .map(({ kind, id, state, since }) => `${id ?? kind} ${state}${since === null || state === 'live' ? '' : ` since ${told(since)}`}`)
    .join(', ');
}

/** `weight done 01 07:12`, `weight missed since 06 10:30`, `weight gateway-silent (missed) since …`, with what came too late. */
export function dueOf({ expected }: DueView): string {
  return expected.map(dueRowOf).join(', ') || '-';
}

function dueRowOf({ vital, state, byClock, since, late }: DueRow): string {
  const byTheClock = state === byClock ? '' : ` (${byClock})`;
  const when = since === null ? '' : state === 'done' ? ` ${told(since)}` : ` since ${told(since)}`;
  return `${vital} ${state}${byTheClock}${when}${late === null ? '' : `, late ${told(late.at)}`}`;
}

/** How many are how, and who is open, worst first: `46 done; 06 missed since 06 10:30`. */
export function worklistOf({ counts, rows, nothingExpected, withheld }: Worklist): string {
  const counted = Object.entries({ ...counts, nothingExpected, withheld }).flatMap(([what, n]) => (n > 0 ? [`${n} ${what}`] : []));
  return [counted.join(', '), ...rows.map((row) => `${row.patient.slice(-2)} ${dueRowOf(row)}`)].join('; ');
}

/** A device each: `WS-01 n 5, 81.2 to 82, last 81.4`; and what does not count, by why. */
export function trendOf({ series, gaps }: TrendView): string {
  const shown = series.map(({ device, buckets }) => {
    const full = buckets.filter(({ n }) => n > 0);
    const excluded = Object.entries(
      Object.groupBy(
        buckets.flatMap((b) => Object.entries(b.excluded)),
        ([why]) => why,
      ),
    )
      .map(([why, some = []]) => [why, some.reduce((sum, [, n]) => sum + n, 0)] as const)
      .filter(([, n]) => n > 0);
    const n = full.reduce((sum, bucket) => sum + bucket.n, 0);
    const [min, max] = [Math.min(...full.map((b) => b.min ?? Number.NaN)), Math.max(...full.map((b) => b.max ?? Number.NaN))];
    const numbers = n === 0 ? 'n 0' : `n ${n}, ${min} to ${max}, last ${full.at(-1)?.last}`;
    return [`${device} ${numbers}`, ...excluded.map(([why, count]) => `${count} ${why}`)].join(', ');
  });
  return [...(shown.length === 0 ? ['-'] : shown), ...gaps.map(({ device, reason }) => `gap ${device} ${reason}`)].join('; ');
}

/** `high active since 12 03:10 (told 12 03:10)`. */
export function alertsOf({ alerts }: AlertsView): string {
  return (
    alerts
      .map(({ state, stateSince, priority, delayedSeconds, untrusted }) =>
        [
          `${untrusted.text} ${priority} ${state} since ${told(stateSince)}`,
          ...(delayedSeconds === null ? [] : [`delayed ${delayedSeconds} s`]),
        ].join(', '),
      )
      .join('; ') || '-'
  );
}

/** What can tell of alarms at all: `VENT alarms live`. */
export function reportsOf({ sources }: AlertsView): string {
  return sources.map(({ kind, id, state, reports }) => [id ?? kind, ...(reports === null ? [] : [reports]), state].join(' ')).join(', ');
}

/** Score, gain, baseline: `NEWS2 partial, at least 3 without …; gain met 2.1 kg; usual 71.2 (70.8 to 71.6, n 12)`. */
export function supportOf({ news2, weight, baseline }: SupportView): string {
  const score =
    news2 &&
    (news2.total === null ? `NEWS2 partial, at least ${news2.atLeast}, without ${news2.missing.join(' ')}` : `NEWS2 ${news2.total}`);
  const gains = (weight ?? []).map(({ state, gainKg, n }) => `gain ${state}${gainKg === null ? '' : ` ${gainKg} kg`}, n ${n}`);
  const usual = (baseline ?? []).map(
    ({ vital, median, min, max, n, leftOut }) => `usual ${vital} ${median} (${min} to ${max}), n ${n}, left out ${leftOut}`,
  );
  return [...(score === null ? [] : [score]), ...gains, ...usual].join('; ') || '-';
}

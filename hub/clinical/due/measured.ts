import { type Instant, parseInstant } from '../../../shared/clock.ts';
import type { VitalView } from '../../access/door.ts';
import type { TrendView } from '../../access/history-views.ts';
import { IS_DOUBT } from '../preferred.ts';
import type { Occurrence } from './schedule.ts';
import type { Measured } from './state.ts';

/** What the newest rows say of a stretch of time: who measured then, that nobody did, or that older rows have to be asked. */
export type Newest = { done: Measured | null } | 'ask';

/** Whether the newest rows of a vital sign are enough to tell: one within the stretch is, and so is that all are older than it. Pure. */
export function newestWithin(rows: readonly VitalView[], { from, until }: Occurrence, isSandbox: boolean): Newest {
  const within = sureOf(rows, isSandbox).filter(({ at }) => at >= from && at < until);
  if (within.length > 0) return { done: latestOf(within) };
  return rows.some((row) => atOf(row) >= from) ? 'ask' : { done: null };
}

/** The newest sure reading at or after `from`. Pure. */
export function newestSince(rows: readonly VitalView[], from: Instant, isSandbox: boolean): Measured | null {
  return latestOf(sureOf(rows, isSandbox).filter(({ at }) => at >= from));
}

/** What a trend says of a stretch of time: who measured then, and stretches, in order of time, in which something is doubtful and something may not be. Pure. */
export function trendWithin(
  { series, edges }: Pick<TrendView, 'series' | 'edges'>,
  { from, until }: Occurrence,
  isSandbox: boolean,
): { done: Measured | null; mixed: Occurrence[] } {
  const counted = series
    .filter(({ test }) => isSandbox || !test)
    .flatMap(({ device, buckets }) =>
      buckets.map(({ index, n, lastAt, flags }) => ({ device, index, n, at: lastAt, isSure: !flags.some((flag) => IS_DOUBT[flag]) })),
    );
  const sure = counted.flatMap(({ device, at, isSure }) => (isSure && at !== null && at >= from && at < until ? [{ at, device }] : []));
  const mixed = new Set(counted.filter(({ isSure, n }) => !isSure && n > 1).map(({ index }) => index));
  const inOrder = [...mixed].sort((a, b) => a - b);
  const edgeAt = (i: number): Instant => parseInstant(edges[i] ?? '')?.at ?? Number.NaN;
  return {
    done: latestOf(sure),
    mixed: inOrder.map((i) => ({ from: edgeAt(i), until: edgeAt(i + 1) })).filter((one) => one.from < one.until),
  };
}

/** Whether a reading is one that counts: not a test, with a value, and nothing that makes it doubtful. Pure. */
export function counts(
  { value, components, flags, test }: Pick<VitalView, 'value' | 'flags' | 'test'> & { components: readonly { value: number | null }[] },
  isSandbox: boolean,
): boolean {
  const hasValue = value !== null || components.some((part) => part.value !== null);
  return (isSandbox || !test) && hasValue && !flags.some((flag) => IS_DOUBT[flag]);
}

/** Rows that say that something was measured, whether it is stale by now or not. */
function sureOf(rows: readonly VitalView[], isSandbox: boolean): Measured[] {
  return rows
    .filter(({ lastKnown, ...row }) => counts({ ...row, ...lastKnown }, isSandbox))
    .map((row) => ({ at: atOf(row), device: row.device }));
}

function atOf({ at }: VitalView): Instant {
  return parseInstant(at)?.at ?? Number.NaN;
}

function latestOf(all: readonly Measured[]): Measured | null {
  return all.reduce<Measured | null>((last, one) => (last === null || one.at > last.at ? one : last), null);
}

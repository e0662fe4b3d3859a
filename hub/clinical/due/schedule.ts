import { type Instant, type ZonedInstant, zonedInstant, zoneOffsetMin } from '../../../shared/clock.ts';

export const WEEKDAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
export const DAY_MIN = 24 * 60;

/** A stretch of the local day, in minutes after midnight; one that ends on the next day ends after `DAY_MIN`. */
export interface Window {
  fromMin: number;
  untilMin: number;
  /** On which it begins; Monday is 0. */
  weekdays: readonly number[];
}

/** One day's window; the end is not included. */
export interface Occurrence {
  from: Instant;
  until: Instant;
}

const MINUTE_MS = 60_000;
const DAY_MS = DAY_MIN * MINUTE_MS;

/**
 * The occurrences of a window that overlap [a, b), in order. They go by the clock on the wall: one across the night in which it is set is an hour shorter or longer. Where a window
 * begins or ends in an hour that is skipped, it keeps its length and is so much later; in an hour that comes twice, it covers both. Pure.
 */
export function occurrences(window: Window, zone: string, a: Instant, b: Instant): Occurrence[] {
  const found: Occurrence[] = [];
  // A window that began yesterday may go on, and a clock that was set moves one by a day at most.
  for (let day = localDay(a, zone) - 2; day <= localDay(b, zone) + 1; day += 1) {
    if (!window.weekdays.includes(weekdayOf(day))) continue;
    const one = occurrenceOn(day, window, zone);
    if (one.from < b && one.until > a) found.push(one);
  }
  return found;
}

/** The last occurrence that had opened at `now`, if any had within `REACH_DAYS`, and the first that had not; `aheadMs`: how long before its beginning one opens. Pure. */
export function around(
  window: Window,
  zone: string,
  now: Instant,
  aheadMs: number,
): { current: Occurrence | null; next: Occurrence | null } {
  for (const days of [3, REACH_DAYS]) {
    const near = occurrences(window, zone, now - days * DAY_MS, now + days * DAY_MS);
    const current = near.findLast(({ from }) => from - aheadMs <= now) ?? null;
    const next = near.find(({ from }) => from - aheadMs > now) ?? null;
    if ((current && next) || days === REACH_DAYS) return { current, next };
  }
  return { current: null, next: null };
}

/** A window of one day of the week, with what is tolerated, lies so far away at most. */
const REACH_DAYS = 10;

function occurrenceOn(day: number, { fromMin, untilMin }: Window, zone: string): Occurrence {
  const begin = localMoment(day, fromMin, zone);
  const lengthMs = (untilMin - fromMin) * MINUTE_MS;
  if (begin.doubt === 'gap') return { from: secondOf(begin, zone), until: secondOf(begin, zone) + lengthMs };
  return { from: begin.at, until: secondOf(localMoment(day, untilMin, zone), zone) };
}

/** Of two instants between which a time of day is in doubt the later one. */
function secondOf({ at, offsetMin, doubt }: ZonedInstant, zone: string): Instant {
  return doubt === 'none' ? at : at + Math.abs(zoneOffsetMin(at + DAY_MS, zone) - offsetMin) * MINUTE_MS;
}

/** Days since 1970-01-01 by the calendar of a zone. */
function localDay(at: Instant, zone: string): number {
  return Math.floor((at + zoneOffsetMin(at, zone) * MINUTE_MS) / DAY_MS);
}

/** 1970-01-01 was a Thursday. */
function weekdayOf(day: number): number {
  return (((day + 3) % 7) + 7) % 7;
}

function localMoment(day: number, minutes: number, zone: string): ZonedInstant {
  const shown = new Date(day * DAY_MS + minutes * MINUTE_MS);
  const date = { year: shown.getUTCFullYear(), month: shown.getUTCMonth() + 1, day: shown.getUTCDate() };
  const time = { hour: shown.getUTCHours(), minute: shown.getUTCMinutes(), second: 0, millisecond: 0 };
  // Parts of a date are always one.
  return zonedInstant({ ...date, ...time }, zone) ?? { at: shown.getTime(), offsetMin: 0, doubt: 'none' };
}

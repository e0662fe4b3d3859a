import type { Instant } from '../shared/clock.ts';

/** A row in order of storing, with when that was by the hub's clock of then. */
export interface StoredAt {
  key: number;
  storedAt: Instant;
}

/**
 * How many of the first rows were stored before `cutoff`, and all before them. The clock may have been wrong: what is dated before something that
 * was stored earlier, or ahead of `now`, is as young as the next that is dated believably, so that nothing is removed early. `since`: the
 * greatest believable date of what was stored before these rows. Pure.
 */
export function countDue(rows: readonly StoredAt[], { cutoff, now, since }: { cutoff: Instant; now: Instant; since: Instant }): number {
  let newest = since;
  for (const [i, { storedAt }] of rows.entries()) {
    const isBelievable = (date: Instant): boolean => date >= newest && date <= now;
    const date = isBelievable(storedAt) ? storedAt : rows.slice(i + 1).find((row) => isBelievable(row.storedAt))?.storedAt;
    if (date === undefined || date >= cutoff) return i;
    if (isBelievable(storedAt)) newest = storedAt;
  }
  return rows.length;
}

/** The greatest date of these that may be believed. */
export function newestOf(rows: readonly StoredAt[], now: Instant, since: Instant): Instant {
  return rows.reduce((newest, { storedAt }) => (storedAt <= now ? Math.max(newest, storedAt) : newest), since);
}

/** So much faster than time itself the retention may catch up, after the hub stood still for long. */
const CATCH_UP = 24;

/**
 * By which time ages are reckoned: the hub's clock, held back where it leapt ahead, because what is removed does not come back when the clock is
 * put right. `last` is what this gave `elapsedMs` (of the monotonic clock) ago. Pure.
 */
export function retentionNow(last: Instant, now: Instant, elapsedMs: number): Instant {
  return Math.min(now, last + CATCH_UP * elapsedMs);
}

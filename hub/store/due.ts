import type { Instant } from '../../shared/clock.ts';

/** A row in order of storing, with when that was by the hub's clock of then. */
export interface StoredAt {
  key: number;
  storedAt: Instant;
}

/**
 * How many of the first rows were stored before `cutoff`, and all before them. The clock may have been wrong: a row is as young as one that was
 * stored after it, so that a clock that stood behind removes nothing early; one dated ahead of `now` says nothing, and goes by what was stored
 * after it. Pure.
 */
export function countDue(rows: readonly StoredAt[], cutoff: Instant, now: Instant): number {
  let due = 0;
  for (const [i, { storedAt }] of rows.entries()) {
    const next = rows.slice(i + 1).find((row) => row.storedAt <= now)?.storedAt;
    const own = storedAt <= now ? storedAt : undefined;
    if (own === undefined && next === undefined) break;
    if (Math.max(own ?? Number.NEGATIVE_INFINITY, next ?? Number.NEGATIVE_INFINITY) >= cutoff) break;
    due = i + 1;
  }
  return due;
}

const HOUR_MS = 3_600_000;
/** So much faster than time itself the retention may catch up, after the hub stood still for long. */
const CATCH_UP = 24;

/**
 * By which time ages are reckoned: the hub's clock, held back where it leapt ahead, because what is removed does not come back when the clock is
 * put right. `last` is what this gave when it was asked `elapsedMs` (of the monotonic clock) ago; within a start of the hub it grows a day
 * an hour at most, and so does it over a stop of unknown length. Pure.
 */
export function retentionNow(last: Instant | undefined, now: Instant, elapsedMs: number): Instant {
  return last === undefined ? now : Math.min(now, last + CATCH_UP * (elapsedMs + HOUR_MS));
}

import type { Instant } from '../../../shared/clock.ts';

/** How many rows are looked at in one place of a series. */
export const ROWS_A_LOOK = 250;

/** As a series is kept: what stands, real or test. */
export const SERIES_TESTS = [0, 1] as const;

/** A row of a page, the newest first. */
export interface LookedAt {
  sortTime: Instant;
  writer: number;
}

/**
 * Where a series is looked at next for gateways that write it: before this time; undefined once it was seen to its beginning. Twice as far back each time (`newest`: where
 * it ends), so that a series of years is some thousand rows: a gateway is found that writes one row of some hundred, or wrote for about as long as it is ago. Pure.
 */
export function nextLook(newest: Instant, page: readonly LookedAt[]): Instant | undefined {
  const last = page.at(-1);
  if (last === undefined || page.length < ROWS_A_LOOK) return undefined;
  return last.sortTime - Math.max(1, newest - last.sortTime);
}

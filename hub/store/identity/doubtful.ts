import type { Instant } from '../../../shared/clock.ts';
import { JUMPS } from '../../clinical/doubt/jumps.ts';
import type { StoredReading } from '../store.ts';
import { DOUBTFUL, ODD_DOUBTFUL } from './judged.ts';

/** Which doubtful readings are wanted: of these patients, measured before, the newest, so many and all others of the same time as the last. */
export interface DoubtfulQuery {
  patients: readonly string[];
  before: Instant;
  most: number;
}

/** Newest first. `isMore`: others were measured before these. */
export interface DoubtfulPage {
  readings: readonly StoredReading[];
  isMore: boolean;
}

/** Of each patient the kinds of rows that are doubtful, as the index has them. */
export const DOUBTFUL_KINDS = Object.keys(JUMPS).flatMap((vital) =>
  [0, 1].flatMap((test) => [DOUBTFUL, ODD_DOUBTFUL].map((judged) => [vital, test, judged] as const)),
);

/** The newest of these, and all of the time of the last one. Pure. */
export function newestWithTies(readings: readonly StoredReading[], most: number): DoubtfulPage {
  const inOrder = readings.toSorted((a, b) => b.sortTime - a.sortTime || (a.id < b.id ? -1 : 1));
  const last = inOrder[most - 1]?.sortTime ?? Number.NEGATIVE_INFINITY;
  const page = inOrder.filter(({ sortTime }) => sortTime >= last);
  return { readings: page, isMore: page.length < inOrder.length };
}

import type { Instant } from '../../../shared/clock.ts';
import type { Arrival } from '../../store/store.ts';
import { isRevision, isSettled, mayBeCurrent } from '../sort-time.ts';
import { counts } from './measured.ts';
import type { Occurrence } from './schedule.ts';

/** What of an arrival says whether it is the reading that was expected. */
export type Heard = Pick<Arrival, 'patient' | 'vital' | 'status' | 'value' | 'components' | 'flags' | 'test' | 'sortTime' | 'effective'>;

/** What is known of one occurrence of one patient by what passed by. */
export interface Known {
  /** When the occurrence begins. */
  readonly from: Instant;
  /** Whether a reading that counts was stored: a settled one, or one whose final one may yet say otherwise. */
  readonly done: 'no' | 'preliminary' | 'settled';
  /** By the device's clock, when that one was measured. */
  readonly doneBy: Instant | null;
  /** It may be otherwise than `done` says: something was taken back, or its order is not known. */
  readonly isDoubted: boolean;
  /** When the last settled reading was measured that does not count: what else is told of the same measurement may not count either, a preliminary one of any. */
  readonly badBy: Instant | null;
}

/** Where nothing is known, as of what was stored before. */
export function nothingOf({ from }: Pick<Occurrence, 'from'>): Known {
  return { from, done: 'no', doneBy: null, isDoubted: false, badBy: null };
}

/** Whether a reading cannot change what is known, as by far the most: a monitor goes on when the reading that was expected is there. Pure. */
export function isIndifferent({ done, doneBy }: Known, { status, effective }: Pick<Heard, 'status' | 'effective'>): boolean {
  return done === 'settled' && effective !== doneBy && !isRevision(status);
}

/** What is known after one more reading, and whether the occurrence may stand otherwise by it. `span`: from when until when a reading counts. Pure. */
export function heard(known: Known, arrival: Heard, span: Occurrence, isSandbox: boolean): { known: Known; isChanged: boolean } {
  const { status, sortTime, effective, flags } = arrival;
  const isWithin = (at: Instant): boolean => at >= span.from && at < span.until;
  const isCounted = isWithin(sortTime) && mayBeCurrent(flags, status) && counts(arrival, isSandbox);
  const isBad = isWithin(sortTime) && isSettled(status) && !isCounted;
  const isSecondWord = isBad && (known.done === 'preliminary' || effective === known.doneBy);
  const isTakenBack = isSecondWord || (isRevision(status) && (isWithin(effective) || isWithin(sortTime)));
  const mayBeBad = effective === known.badBy || (!isSettled(status) && known.badBy !== null);
  const { done, doneBy }: Pick<Known, 'done' | 'doneBy'> = isTakenBack ? nothingOf(known) : known;
  return {
    known: {
      from: known.from,
      ...(isCounted && done !== 'settled' ? { done: isSettled(status) ? 'settled' : 'preliminary', doneBy: effective } : { done, doneBy }),
      isDoubted: known.isDoubted || isTakenBack || (isCounted && mayBeBad),
      badBy: isBad ? effective : known.badBy,
    },
    isChanged: isTakenBack || (isCounted && known.done === 'no'),
  };
}

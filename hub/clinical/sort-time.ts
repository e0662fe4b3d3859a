import type { Instant } from '../../shared/clock.ts';
import type { Observation } from '../../shared/fhir.ts';
import type { Flag } from '../../shared/reading.ts';
import { MAX_AHEAD_MS, type Sorted, withClock } from '../../shared/sort-time.ts';

export { EARLIEST, MAX_AHEAD_MS, type Sorted, sortTimeOf } from '../../shared/sort-time.ts';

/** By the hub's clock when it came, and by the sender's when it was sent, where it said so. */
export interface Arrived {
  at: Instant;
  sentAt: Instant | null;
}

export interface Times extends Sorted {
  /** From which a reading's age counts; never later than `at`, and earlier than `sortTime` where the sender's clock runs ahead. */
  freshAt: Instant;
}

/**
 * When a reading was measured, as the hub takes it, from what `sortTimeOf` gave. One that is still ahead of the hub's clock would stay
 * the newest until that time comes: it is ordered by when it came, less the time it lay with the sender, and marked `clock`. How
 * long it lay there is the difference of two times of the sender's own clock, so it holds however wrong that clock is.
 */
export function timesOf({ sortTime, flags }: Sorted, { at, sentAt }: Arrived): Times {
  const measuredBy = at - (sentAt === null ? 0 : Math.max(0, sentAt - sortTime));
  if (sortTime <= at + MAX_AHEAD_MS) return { sortTime, freshAt: Math.min(sortTime, measuredBy), flags };
  return { sortTime: measuredBy, freshAt: measuredBy, flags: withClock(flags) };
}

/** Whether an observation takes back the one of the same (patient, vital, device, effective). */
export function isWithdrawal(status: Observation['status']): boolean {
  return status === 'cancelled' || status === 'entered-in-error';
}

/** Whether an observation takes the place of what its sender sent before of the same (patient, vital, device, effective), or takes it back. */
export function isRevision(status: Observation['status']): boolean {
  return status === 'corrected' || isWithdrawal(status);
}

/** Whether an observation takes the place of preliminary ones of the same (patient, vital, device, effective), in whatever order they come. */
export function isSettled(status: Observation['status']): boolean {
  return status === 'final' || status === 'corrected';
}

/**
 * Whether a reading may become the current one. One that takes another back may not. One out of a device's memory whose
 * clock is in doubt may not: nobody knows when it was measured, and its time of receipt would put it before what was measured since.
 */
export function mayBeCurrent(flags: readonly Flag[], status: Observation['status']): boolean {
  if (isWithdrawal(status)) return false;
  return !(flags.includes('memory') && (flags.includes('clock') || flags.includes('clockless')));
}

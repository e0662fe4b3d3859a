import type { Instant } from '../../shared/clock.ts';
import type { Observation } from '../../shared/fhir.ts';
import type { Flag } from '../../shared/reading.ts';

/** How far a clock may run ahead of the next one (a device's of the gateway's, a gateway's of the hub's) before it is not believed. */
export const MAX_AHEAD_MS = 2 * 60_000;
/** No device that speaks to us measured before this; it is what clocks show after their battery died. */
export const EARLIEST: Instant = Date.UTC(2015, 0, 1);

/** By the hub's clock when it came, and by the sender's when it was sent, where it said so. */
export interface Arrived {
  at: Instant;
  sentAt: Instant | null;
}

export interface Sorted {
  /** By which readings are ordered. */
  sortTime: Instant;
  flags: readonly Flag[];
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

/**
 * By which time a reading is ordered, by the sender's clocks: the device's, unless that cannot be right or the device has no clock; then
 * that of its receipt. A device's time that was set aside is marked `clock`; no time is ever rewritten.
 */
export function sortTimeOf(effective: Instant, receivedAt: Instant, flags: readonly Flag[]): Sorted {
  const doubtful = flags.includes('clock') || flags.includes('clockless');
  const believed = !doubtful && effective >= EARLIEST && effective <= receivedAt + MAX_AHEAD_MS;
  if (believed || effective === receivedAt) return { sortTime: effective, flags };
  return { sortTime: receivedAt, flags: withClock(flags) };
}

function withClock(flags: readonly Flag[]): readonly Flag[] {
  return flags.includes('clock') ? flags : [...flags, 'clock'];
}

/** Whether an observation takes back the one of the same (patient, vital, device, effective). */
export function isWithdrawal(status: Observation['status']): boolean {
  return status === 'cancelled' || status === 'entered-in-error';
}

/**
 * Whether a reading may become the current one. One that takes another back may not. One out of a device's memory whose
 * clock is in doubt may not: nobody knows when it was measured, and its time of receipt would put it before what was measured since.
 */
export function mayBeCurrent(flags: readonly Flag[], status: Observation['status']): boolean {
  if (isWithdrawal(status)) return false;
  return !(flags.includes('memory') && (flags.includes('clock') || flags.includes('clockless')));
}

import type { Instant } from './clock.ts';
import type { Flag } from './reading.ts';

/** How far a clock may run ahead of the next one (a device's of the gateway's, a gateway's of the hub's) before it is not believed. */
export const MAX_AHEAD_MS = 2 * 60_000;
/** No device that speaks to us measured before this; it is what clocks show after their battery died. */
export const EARLIEST: Instant = Date.UTC(2015, 0, 1);

export interface Sorted {
  /** By which readings are ordered. */
  sortTime: Instant;
  flags: readonly Flag[];
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

export function withClock(flags: readonly Flag[]): readonly Flag[] {
  return flags.includes('clock') ? flags : [...flags, 'clock'];
}

import type { Instant } from '../../shared/clock.ts';
import type { Observation } from '../../shared/fhir.ts';
import type { Flag } from '../../shared/reading.ts';

/** How far a device's clock may run ahead of the gateway's before it is not believed (architecture §3.10). */
export const MAX_AHEAD_MS = 2 * 60_000;
/** No device that speaks to us measured before this; it is what clocks show after their battery died. */
export const EARLIEST: Instant = Date.UTC(2015, 0, 1);

/**
 * By which time a reading is ordered: the device's, unless that cannot be right or the device has no clock; then that of its receipt.
 * A device's time that was set aside is marked `clock`; no time is ever rewritten.
 */
export function sortTimeOf(effective: Instant, receivedAt: Instant, flags: readonly Flag[]): { sortTime: Instant; flags: readonly Flag[] } {
  const doubtful = flags.includes('clock') || flags.includes('clockless');
  const believed = !doubtful && effective >= EARLIEST && effective <= receivedAt + MAX_AHEAD_MS;
  if (believed || effective === receivedAt) return { sortTime: effective, flags };
  return { sortTime: receivedAt, flags: flags.includes('clock') ? flags : [...flags, 'clock'] };
}

/**
 * Whether a reading may become the current one. One that was cancelled or entered in error may not. One out of a device's memory whose
 * clock is in doubt may not: nobody knows when it was measured, and its time of receipt would put it before what was measured since.
 */
export function mayBeCurrent(flags: readonly Flag[], status: Observation['status']): boolean {
  if (status === 'cancelled' || status === 'entered-in-error') return false;
  return !(flags.includes('memory') && (flags.includes('clock') || flags.includes('clockless')));
}

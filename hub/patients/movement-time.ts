import type { Instant } from '../../shared/clock.ts';
import type { EventFacts } from '../../shared/event.ts';
import { MAX_AHEAD_MS, sortTimeOf } from '../../shared/sort-time.ts';
import { BY_HAND } from './by-hand.ts';

/** A movement that is told later than this after it happened counts from when its gateway heard it: then the clock of the hospital's system may be wrong, and nobody may lose what was measured on them to it. */
export const BELIEVED_MS = 48 * 3_600_000;
/** What it says of the time before counts where nobody else is known to have lain, as when a system tells at first of all who are there; but not what a dead clock says. */
export const REMEMBERED_MS = 400 * 24 * 3_600_000;

export interface MovementHeard extends Pick<EventFacts, 'effective' | 'receivedAt' | 'flags'> {
  /** Hub's clock. */
  at: Instant;
  /** The gateway's clock at sending; null where it did not say so. */
  sentAt: Instant | null;
}

/**
 * From when on a movement counts: from when it happened, or from when its gateway heard it (by the hub's clock, where the gateway's is another) if that is too long before, or after. What waited with its gateway
 * is as old as it says. Pure.
 */
export function movementTimeOf({ effective, receivedAt, flags, at, sentAt }: MovementHeard): Instant {
  const apart = sentAt === null ? 0 : at - sentAt;
  const heard = Math.min(at, Math.abs(apart) > MAX_AHEAD_MS ? receivedAt + apart : receivedAt);
  const { sortTime } = sortTimeOf(effective, heard, flags);
  return heard - sortTime > BELIEVED_MS ? heard : sortTime;
}

/** Whether a movement counts from later than when it says that it happened. By hand nothing is too long ago. Pure. */
export function isTooOld({ effective, sortTime, gateway }: { effective: Instant; sortTime: Instant; gateway: string }): boolean {
  return gateway !== BY_HAND && sortTime - effective > BELIEVED_MS;
}

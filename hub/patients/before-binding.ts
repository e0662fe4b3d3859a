import type { Instant } from '../../shared/clock.ts';
import type { Flag } from '../../shared/reading.ts';
import { MAX_AHEAD_MS } from '../clinical/sort-time.ts';
import type { UnknownStretch } from '../registry/bindings.ts';

/** When a reading was measured, as far as the hub can tell. */
export interface MeasuredAt {
  sortTime: Instant;
  flags: readonly Flag[];
  /** Hub's clock. */
  storedAt: Instant;
  /** The gateway's clock at sending; null where it did not say so. */
  sentAt: Instant | null;
}

/**
 * From when on what a stretch of time holds is surely of the binding, by the clock that its times are of; for stretches, as `isBeforeBinding` for
 * instants.
 */
export function boundFrom({ storedAt, sentAt }: Pick<MeasuredAt, 'storedAt' | 'sentAt'>, since: Instant): Instant {
  return since <= 0 ? Number.NEGATIVE_INFINITY : since + MAX_AHEAD_MS + Math.max(0, (sentAt ?? storedAt) - storedAt);
}

/**
 * Whether a reading was, or may have been, measured before its binding came into force: it is then whoever's was bound before. Its age by
 * the gateway's own clock stands against that clock being wrong, and a clock that runs ahead by no more than is believed of one never
 * lets an older reading through. Where the order of both cannot be known, it counts as before: a gateway's clock that was set back since,
 * or a row out of a device's memory whose clock is in doubt, unless its gateway says before which time it surely was not (`not-earlier`). What has been bound since ever takes everything.
 */
export function isBeforeBinding({ sortTime, flags, storedAt, sentAt }: MeasuredAt, since: Instant): boolean {
  if (since <= 0) return false;
  const isUndated = flags.includes('memory') && (flags.includes('clock') || flags.includes('clockless'));
  if (isUndated && !flags.includes('not-earlier')) return true;
  const ageMs = (sentAt ?? storedAt) - sortTime;
  if (ageMs < -MAX_AHEAD_MS) return true;
  return Math.min(sortTime, storedAt - Math.max(0, ageMs)) < since + MAX_AHEAD_MS;
}

/**
 * Whether what was measured from `sortTime` to `end` reaches, or may reach, into a stretch of which no binding is known. What is surely older than the
 * stretch is whoever's the store says; without the sender's clock at sending, or where a clock is in doubt, nothing surely is.
 */
export function mayReachInto({ from, until }: UnknownStretch, measured: MeasuredAt, end: Instant = measured.sortTime): boolean {
  if (!isBeforeBinding(measured, until)) return false;
  const { flags, storedAt, sentAt } = measured;
  if (sentAt === null || flags.includes('clock') || flags.includes('clockless')) return true;
  const ageMs = sentAt - end;
  return ageMs < -MAX_AHEAD_MS || Math.max(end, storedAt - ageMs) >= from - MAX_AHEAD_MS;
}

import type { Instant } from '../../shared/clock.ts';
import { panel, type Vital, vital } from '../../shared/vitals.ts';

/**
 * How long after its time a value is still the current one, by the class of its vital sign, in milliseconds. Continuous: a monitor
 * sends every second to every ten, so a minute of silence is no pause between two values. Spot: a home patient measures once a day, at
 * about the same time; one and a half days covers a late morning and nothing more. Settings are sent with the continuous values of their device.
 */
export const STALE_AFTER_MS: Readonly<Record<Vital['class'], number>> = {
  continuous: 60_000,
  spot: 36 * 3_600_000,
  setting: 60_000,
  waveform: 60_000,
};

export interface Dated {
  /** Key of the parameter table or of a panel. */
  vital: string;
  sortTime: Instant;
  storedAt: Instant;
}

/** The limit of a vital sign or panel, in milliseconds; the shortest for one that is not in the table. A panel has the class of its parts. */
export function staleAfterMs(key: string): number {
  const row = vital(key) ?? vital(panel(key)?.parts.systolic ?? '');
  return STALE_AFTER_MS[row?.class ?? 'continuous'];
}

/**
 * From when a value counts as old: its sort time, but never later than when the hub had it, since a gateway whose clock runs ahead
 * would otherwise keep its values current for as long as it is ahead.
 */
export function freshAt({ sortTime, storedAt }: Dated): Instant {
  return Math.min(sortTime, storedAt);
}

/** True from the limit on: such a value is history and must not be shown as current. */
export function isStale(row: Dated, now: Instant): boolean {
  return now >= freshAt(row) + staleAfterMs(row.vital);
}

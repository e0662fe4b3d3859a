import type { Instant } from '../../shared/clock.ts';
import { panel, type Vital, vital } from '../../shared/vitals.ts';
import { MAX_AHEAD_MS } from './sort-time.ts';

/** Where it was measured: what the gateway of a home measures is so at home, wherever its patient lies. */
export type Place = 'home' | 'bed';

const HOUR_MS = 3_600_000;

/**
 * How long after its time a value is still the current one, by the class of its vital sign and the place, in milliseconds. Continuous:
 * a monitor sends every second to every ten, so a minute of silence is no pause between two values. Spot: a home patient measures once
 * a day, at about the same time; one and a half days covers a late morning and nothing more. In a bed somebody comes round every few
 * hours at most, and what a monitor measured two hours ago says nothing of now. Settings are sent with the continuous values of their device.
 */
export const STALE_AFTER_MS: Readonly<Record<Place, Readonly<Record<Vital['class'], number>>>> = {
  home: { continuous: 60_000, spot: 36 * HOUR_MS, setting: 60_000, waveform: 60_000 },
  bed: { continuous: 60_000, spot: 2 * HOUR_MS, setting: 60_000, waveform: 60_000 },
};

/** `freshAt` of a row whose age nobody knows any more: it is stale until a newer one comes. */
export const AGE_UNKNOWN: Instant = 0;

/** How far the hub's clock may step back before what was stored ahead of it is of unknown age. */
export const STEP_MS = 1000;

export interface Dated {
  /** Key of the parameter table or of a panel. */
  vital: string;
  place: Place;
  /** From when its age counts. */
  freshAt: Instant;
}

/** The class of a vital sign; of a panel that of its parts, and `continuous`, which has the shortest limit, of what is not in the table. */
export function classOf(key: string): Vital['class'] {
  return (vital(key) ?? vital(panel(key)?.parts.systolic ?? ''))?.class ?? 'continuous';
}

/** The limit of a vital sign or panel by the table, in milliseconds. */
export function staleAfterMs(key: string, place: Place): number {
  return STALE_AFTER_MS[place][classOf(key)];
}

/**
 * True from the limit on, that of the table unless given: such a value is history and must not be shown as current. Also for one from ahead of now, as there are
 * after the hub's clock was set back: its age is unknown.
 */
export function isStale({ vital: key, place, freshAt }: Dated, now: Instant, limitMs = staleAfterMs(key, place)): boolean {
  return now >= freshAt + limitMs || freshAt > now + MAX_AHEAD_MS;
}

/** The age to be shown, in seconds. Where it is unknown, the least it could be for a value that is stale. */
export function ageSecondsOf(row: Dated, now: Instant, limitMs = staleAfterMs(row.vital, row.place)): number {
  const isKnown = row.freshAt !== AGE_UNKNOWN && row.freshAt <= now + MAX_AHEAD_MS;
  return isKnown ? Math.max(0, Math.floor((now - row.freshAt) / 1000)) : limitMs / 1000;
}

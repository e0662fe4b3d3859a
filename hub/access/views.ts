import { formatInstant, type Instant, zoneOffsetMin } from '../../shared/clock.ts';
import { panel, vital } from '../../shared/vitals.ts';
import { ageSecondsOf, isStale } from '../clinical/staleness.ts';
import type { StoredReading } from '../store/store.ts';
import type { Withheld } from './access.ts';
import type { LatestView, VitalView } from './door.ts';

/** Stands under everything that shows values. */
export const NOTICE =
  'Not an alarm system, not for diagnosis. Values are shown as the devices sent them; check age, flags and the patient before acting on them.';

/**
 * A stored row as a reader gets it at `now`. Nothing of a stale row stands where a current value would: the number is in `lastKnown`
 * alone. `at` is the time by which the row is ordered: the device's, or that of receipt where the device's was set aside (flag `clock`).
 */
export function vitalView(row: StoredReading, now: Instant): VitalView {
  const stale = isStale(row, now);
  const at = formatInstant(row.sortTime, row.offsetMin);
  return {
    vital: row.vital,
    name: nameOf(row.vital),
    value: stale ? null : row.value,
    unit: row.unit,
    absent: stale ? null : row.absent,
    components: row.components.map((part) => ({
      vital: part.vital,
      name: nameOf(part.vital),
      value: stale ? null : part.value,
      unit: part.unit,
      absent: stale ? null : part.absent,
    })),
    at,
    ageSeconds: ageSecondsOf(row, now),
    stale,
    lastKnown: stale
      ? { value: row.value, components: row.components.map((part) => ({ vital: part.vital, value: part.value })), at }
      : null,
    flags: row.flags,
    device: row.device,
    gateway: row.gateway,
    test: row.test,
    observation: row.id,
    receivedAt: row.receivedAt,
    storedAt: row.storedAt,
  };
}

/** Whose rows they are, and when they are shown. */
export interface LatestFrame {
  patient: string;
  bed: string | null;
  ward?: string;
  /** What the reader's token is not for. */
  withheld: readonly Withheld[];
  now: Instant;
  /** IANA. */
  zone: string;
}

/** What is current of a patient, not masked. */
export function latestView(rows: readonly StoredReading[], { now, zone, withheld, ...whose }: LatestFrame): LatestView {
  return {
    ...whose,
    asOf: formatInstant(now, zoneOffsetMin(now, zone)),
    vitals: vitalViews(rows, now),
    ...(withheld.length > 0 && { withheld }),
    notice: NOTICE,
  };
}

/**
 * The rows of a patient as a reader gets them, in an order in which whoever reads only the first loses least: what is current before
 * what is stale, the newest of each vital sign before its others, then by vital sign and device. Device ids that keep changing thus
 * hide no other vital sign.
 */
export function vitalViews(rows: readonly StoredReading[], now: Instant): VitalView[] {
  const seen = new Map<string, number>();
  const ranked = rows
    .map((row) => ({ row, view: vitalView(row, now) }))
    .sort(
      (a, b) => Number(a.view.stale) - Number(b.view.stale) || Number(a.row.test) - Number(b.row.test) || b.row.sortTime - a.row.sortTime,
    )
    .map(({ view }) => {
      const rank = seen.get(view.vital) ?? 0;
      seen.set(view.vital, rank + 1);
      return { view, rank };
    });
  ranked.sort(
    (a, b) =>
      Number(a.view.stale) - Number(b.view.stale) ||
      a.rank - b.rank ||
      compared(a.view.vital, b.view.vital) ||
      compared(a.view.device, b.view.device),
  );
  return ranked.map(({ view }) => view);
}

function compared(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** Plain English of a vital sign or panel; its key for one that is not in the table. */
export function nameOf(key: string): string {
  return vital(key)?.name ?? panel(key)?.name ?? key;
}

/**
 * When the newest was stored of what a reader is shown: where a token keeps something back, only if nothing of the patient was left out, else null.
 * The store knows one time for all of a patient, and that of what is hidden would pass for the age of what is seen.
 */
export function lastShownAt(
  lastStoredAt: Instant | null,
  { shown, stored, withheld }: { shown: readonly string[]; stored: readonly string[]; withheld: readonly Withheld[] },
): Instant | null {
  const isWhole = withheld.length === 0 || (shown.length > 0 && shown.length === stored.length);
  return isWhole ? lastStoredAt : null;
}

import { type Instant, zoneOffsetMin } from '../../shared/clock.ts';

/** Most buckets of one trend. */
export const MAX_TREND_BUCKETS = 2000;

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** Widths that a person reads off a clock or a calendar. */
const WIDTHS_MS: readonly number[] = [
  ...[1, 2, 5, 10, 15, 30].map((seconds) => seconds * 1000),
  ...[1, 2, 5, 10, 15, 30].map((minutes) => minutes * MINUTE_MS),
  ...[1, 2, 3, 6, 12].map((hours) => hours * HOUR_MS),
  ...[1, 7, 28].map((days) => days * DAY_MS),
];

export interface Span {
  from: Instant;
  to: Instant;
  /** Most buckets wanted. */
  points: number;
  /** IANA time zone in which buckets begin on the hour, at midnight, on a Monday. */
  zone: string;
}

/**
 * Edges of at most `points` buckets of one of the usual widths over [from, to), the narrowest that is enough; they begin where clock and
 * calendar of the zone do, but for the first and the last, which are `from` and `to` themselves. Where the zone's clock is set between two of
 * them, the bucket is by that much shorter or longer. Beyond the widest, all are of one width. Ascending; pure.
 */
export function bucketEdges({ from, to, points, zone }: Span): Instant[] {
  const most = Math.max(1, points);
  for (const widthMs of WIDTHS_MS) {
    // A width that is too narrow is told without making its edges.
    if ((to - from) / widthMs > most + 1) continue;
    const edges = edgesOf(from, to, widthMs, zone);
    if (edges.length - 1 <= most) return edges;
  }
  const widthMs = (to - from) / most;
  return [...Array.from({ length: most }, (_, i) => Math.floor(from + i * widthMs)), to];
}

function edgesOf(from: Instant, to: Instant, widthMs: number, zone: string): Instant[] {
  // Zones differ from each other, and from themselves in another season, by quarters of an hour.
  const offsetMin = widthMs <= 15 * MINUTE_MS ? zoneOffsetMin(from, zone) : undefined;
  const offsetAt = (at: Instant): number => offsetMin ?? zoneOffsetMin(at, zone);
  const edges = [from];
  for (let at = nextEdge(from, widthMs, offsetAt); at < to; at = nextEdge(at, widthMs, offsetAt)) edges.push(at);
  edges.push(to);
  return edges;
}

/** The first moment after `at` at which the zone's clock shows a multiple of the width; weeks begin on Monday. */
function nextEdge(at: Instant, widthMs: number, offsetAt: (at: Instant) => number): Instant {
  const offsetMs = offsetAt(at) * MINUTE_MS;
  // 1970-01-05 was a Monday.
  const originMs = widthMs > DAY_MS ? 4 * DAY_MS : 0;
  const local = (Math.floor((at + offsetMs - originMs) / widthMs) + 1) * widthMs + originMs;
  const next = local - offsetMs;
  const shifted = local - offsetAt(next) * MINUTE_MS;
  // An hour that the clock shows twice is one bucket with the one it repeats.
  return shifted > at ? shifted : next;
}

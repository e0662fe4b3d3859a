import type { Instant } from '../clock.ts';

const IMF_FIXDATE =
  /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d{2} (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} \d{2}:\d{2}:\d{2} GMT$/;
/** It is cut to the second, so on the average it is half of one late. */
const CUT_MS = 500;

/** The time in a `Date` header as servers must write it (RFC 9110 §5.6.7, §6.6.1); undefined for anything else. */
export function parseHttpDate(text: string | undefined): Instant | undefined {
  if (text === undefined || !IMF_FIXDATE.test(text)) return undefined;
  const at = Date.parse(text);
  // Date.parse takes 31 Feb for 3 March; written back it shows.
  return Number.isFinite(at) && new Date(at).toUTCString() === text ? at : undefined;
}

/** The time now, from the `Date` header of an answer that took so long since its request; undefined without a readable one. */
export function toldTime(date: string | undefined, roundTripMs: number): Instant | undefined {
  const at = parseHttpDate(date);
  return at === undefined ? undefined : at + CUT_MS + Math.round(Math.max(0, roundTripMs) / 2);
}

import { Temporal } from 'temporal-polyfill';
import type { Instant } from './machine-clock.ts';

export { type Clock, type Instant, systemClock } from './machine-clock.ts';

/** A date and time of day as a device without a zone shows it. `month` and `day` count from 1. */
export interface LocalTime {
  year: number;
  month: number;
  day: number;
  hour: number;
  minute: number;
  second: number;
  millisecond: number;
}

/** `gap`: the local time does not exist (clocks went forward); `overlap`: it exists twice (clocks went back), the earlier one is taken. */
export type LocalTimeDoubt = 'none' | 'gap' | 'overlap';

export interface ZonedInstant {
  at: Instant;
  /** Offset from UTC in minutes, east positive. */
  offsetMin: number;
  doubt: LocalTimeDoubt;
}

/** True for a zone this machine's time zone database knows (`Europe/Berlin`, `UTC`, `+05:30`). */
export function isZone(zone: string): boolean {
  try {
    Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(zone);
    return true;
  } catch {
    return false;
  }
}

/**
 * The instant at which clocks in `zone` show `local`, with its offset and whether daylight saving makes it doubtful.
 * Returns undefined when the parts do not form a date (month 13, 31 April).
 */
export function zonedInstant(local: LocalTime, zone: string): ZonedInstant | undefined {
  let plain: Temporal.PlainDateTime;
  try {
    plain = Temporal.PlainDateTime.from(local, { overflow: 'reject' });
  } catch {
    return undefined;
  }
  const earlier = plain.toZonedDateTime(zone, { disambiguation: 'earlier' });
  const later = plain.toZonedDateTime(zone, { disambiguation: 'later' });
  let doubt: LocalTimeDoubt = 'none';
  if (earlier.epochMilliseconds !== later.epochMilliseconds) doubt = earlier.toPlainDateTime().equals(plain) ? 'overlap' : 'gap';
  return { at: earlier.epochMilliseconds, offsetMin: Math.round(earlier.offsetNanoseconds / 60e9), doubt };
}

/** Offset of `zone` from UTC at an instant, in minutes, east positive. */
export function zoneOffsetMin(at: Instant, zone: string): number {
  return Math.round(Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(zone).offsetNanoseconds / 60e9);
}

/** FHIR dateTime/instant with milliseconds and offset: `2026-11-21T10:00:00.000+01:00` (FHIR R4 datatypes, dateTime). */
export function formatInstant(at: Instant, offsetMin = 0): string {
  const shown = at + offsetMin * 60_000;
  const second = Math.floor(shown / 1000);
  if (second !== written.second) written = { second, text: new Date(second * 1000).toISOString().slice(0, 19) };
  return `${written.text}.${String(shown - second * 1000).padStart(3, '0')}${formatOffset(offsetMin)}`;
}

/** The second that was written last: what is written together is of one second, mostly. */
let written = { second: Number.NaN, text: '' };

function formatOffset(offsetMin: number): string {
  if (offsetMin === 0) return '+00:00';
  const minutes = Math.abs(offsetMin);
  const hh = String(Math.floor(minutes / 60)).padStart(2, '0');
  const mm = String(minutes % 60).padStart(2, '0');
  return `${offsetMin < 0 ? '-' : '+'}${hh}:${mm}`;
}

const ISO_INSTANT = /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,9}))?(Z|[+-](?:0\d|1[0-4]):[0-5]\d)$/;

/** With nine decimals and an offset. */
const LONGEST_INSTANT = 35;

/** First and last instant that a FHIR dateTime with any offset can show with a year of four digits. */
const EARLIEST: Instant = Date.parse('0001-01-02T00:00:00Z');
const LATEST: Instant = Date.UTC(9999, 11, 31);
/** FHIR R4 dateTime: offsets end at 14:00. */
const MAX_OFFSET_MIN = 14 * 60;

/** Whether an instant, and an offset from UTC in minutes, can be written as a FHIR dateTime; times that cannot are taken nowhere. */
export function isShowable(at: Instant, offsetMin = 0): boolean {
  return Number.isInteger(at) && at >= EARLIEST && at <= LATEST && Number.isInteger(offsetMin) && Math.abs(offsetMin) <= MAX_OFFSET_MIN;
}

type Read = { readonly at: Instant; readonly offsetMin: number };

/** The two times that were read last: the values of a message have the same, and each is looked at more than once. */
let last: { text: string; read: Read | undefined } = { text: '', read: undefined };
let beforeLast = last;

/** Reads an ISO 8601 time that carries its offset; anything else (no offset, impossible date, none that `isShowable`) is undefined. */
export function parseInstant(text: string): Read | undefined {
  if (text.length > LONGEST_INSTANT) return undefined;
  if (text !== last.text) [last, beforeLast] = text === beforeLast.text ? [beforeLast, last] : [{ text, read: readInstant(text) }, last];
  return last.read;
}

function readInstant(text: string): Read | undefined {
  const m = ISO_INSTANT.exec(text);
  if (!m) return undefined;
  const [, y, mo, d, h, mi, s, frac = '', zone = 'Z'] = m;
  const parts = [y, mo, d, h, mi, s].map(Number);
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts;
  if (hour > 23 || minute > 59 || second > 59) return undefined;
  const millisecond = Number(frac.padEnd(3, '0').slice(0, 3));
  const utc = Date.UTC(year, month - 1, day, hour, minute, second, millisecond);
  const back = new Date(utc);
  // Date.UTC takes the years 0 to 99 for those of the last century.
  if (back.getUTCFullYear() !== year || back.getUTCMonth() !== month - 1 || back.getUTCDate() !== day) return undefined;
  let offsetMin = 0;
  if (zone !== 'Z') {
    const sign = zone.startsWith('-') ? -1 : 1;
    offsetMin = sign * (Number(zone.slice(1, 3)) * 60 + Number(zone.slice(4, 6)));
  }
  const at = utc - offsetMin * 60_000;
  return isShowable(at, offsetMin) ? { at, offsetMin } : undefined;
}

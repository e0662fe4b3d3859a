import { type Instant, isShowable, type LocalTimeDoubt, zonedInstant } from '../../shared/clock.ts';

export interface Hl7Time {
  at: Instant;
  offsetMin: number;
  doubt: LocalTimeDoubt;
}

const MINUTE_MS = 60_000;
const DTM = /^(\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(?:(\d{2})(?:\.(\d{1,4}))?)?([+-]\d{4})?$/;
/** Far more hours than messages of one minute speak of. */
const CACHED_HOURS = 256;

/** Offset of hours in which a zone does not change it, by zone and hour; asking the zone database costs more than a whole message. */
const steadyHours = new Map<string, number>();

/**
 * An HL7 time (DTM, v2.6 ch. 2A.21: `YYYYMMDDHHMM[SS[.S…]][±ZZZZ]`); without an offset it is local time of `zone`. Undefined for a
 * time that does not exist, cannot be shown (see `isShowable`) or has no hour and minute: a date alone says nothing about when something
 * was measured.
 */
export function parseHl7Time(text: string, zone: string): Readonly<Hl7Time> | undefined {
  if (text === last.text && zone === last.zone) return last.time;
  const time = parsed(text, zone);
  const shown = time && isShowable(time.at, time.offsetMin) ? time : undefined;
  // A copy of the text: a piece of a message would keep the whole message in memory.
  if (text.length <= LONGEST) last = { text: Buffer.from(text).toString(), zone, time: shown };
  return shown;
}

/** A message says the same time several times, and so do monitors that send at the same second. */
let last: { text: string; zone: string; time: Readonly<Hl7Time> | undefined } = { text: '', zone: '', time: undefined };
const LONGEST = 32;

function parsed(text: string, zone: string): Hl7Time | undefined {
  const match = DTM.exec(text);
  if (!match) return undefined;
  const [, y = '', mo = '', d = '', h = '', mi = '', s = '0', fraction = '', offset] = match;
  const [year, month, day, hour, minute, second] = [Number(y), Number(mo), Number(d), Number(h), Number(mi), Number(s)];
  const millisecond = fraction === '' ? 0 : Number(fraction.padEnd(3, '0').slice(0, 3));
  const utc = Date.UTC(year, month - 1, day, hour, minute, second, millisecond);
  if (year < 1000 || month < 1 || month > 12 || day < 1 || day > daysOf(year, month) || hour > 23 || minute > 59 || second > 59)
    return undefined;
  if (offset !== undefined) return withOffset(utc, offset);
  const steady = steadyOffset(year, month, day, hour, zone);
  if (steady !== undefined) return { at: utc - steady * MINUTE_MS, offsetMin: steady, doubt: 'none' };
  return zonedInstant({ year, month, day, hour, minute, second, millisecond }, zone);
}

function withOffset(utc: number, offset: string): Hl7Time | undefined {
  const hours = Number(offset.slice(1, 3));
  const minutes = Number(offset.slice(3));
  const size = hours * 60 + minutes;
  if (minutes > 59 || size > 14 * 60) return undefined;
  const offsetMin = offset.startsWith('-') && size > 0 ? -size : size;
  return { at: utc - offsetMin * MINUTE_MS, offsetMin, doubt: 'none' };
}

/** The zone's offset during an hour of local time, or undefined when it changes in it. */
function steadyOffset(year: number, month: number, day: number, hour: number, zone: string): number | undefined {
  if (zone === 'UTC') return 0;
  const key = `${zone} ${((year * 12 + month) * 31 + day) * 24 + hour}`;
  const known = steadyHours.get(key);
  if (known !== undefined) return known;
  const first = zonedInstant({ year, month, day, hour, minute: 0, second: 0, millisecond: 0 }, zone);
  const last = zonedInstant({ year, month, day, hour, minute: 59, second: 59, millisecond: 999 }, zone);
  if (!first || !last || first.doubt !== 'none' || last.doubt !== 'none' || first.offsetMin !== last.offsetMin) return undefined;
  if (steadyHours.size >= CACHED_HOURS) steadyHours.clear();
  steadyHours.set(key, first.offsetMin);
  return first.offsetMin;
}

function daysOf(year: number, month: number): number {
  return new Date(Date.UTC(year, month, 0)).getUTCDate();
}

/** The second that was written last: acknowledgements of one moment differ in milliseconds. */
let written = { second: Number.NaN, text: '' };

/** An instant as DTM in UTC with milliseconds: `20261121090000.000+0000`. */
export function formatHl7Time(at: Instant): string {
  const second = Math.floor(at / 1000);
  if (second !== written.second) written = { second, text: new Date(second * 1000).toISOString().slice(0, 19).replace(/[-:T]/g, '') };
  return `${written.text}.${String(at - second * 1000).padStart(3, '0')}+0000`;
}

import type { Instant } from '../../shared/clock.ts';
import { type Gap, type GapReason, type LostClass, MAX_GAP_COUNT, MAX_GAP_VITALS } from '../../shared/gap.ts';
import type { Flag, Reading, ReadingRecord } from '../../shared/reading.ts';
import { sortTimeOf } from '../../shared/sort-time.ts';

/** A record of class `gap`. */
export interface GapRecord extends ReadingRecord {
  gap: Gap;
  /** By which run of a clock its times are, as a row's; not a part of what is written. */
  clockRun?: number | null;
}

/** What of one record is gone: between which sort times, and how much. */
export interface Gone {
  from: Instant;
  to: Instant;
  values: number;
  vitals: readonly string[];
}

/** Two stretches that lie no further apart than this are told as one: it keeps an outage of days to some rows an hour. */
const ADJACENT_MS = 15 * 60_000;

/** By which time a part of a record is ordered. */
export function sortTime(
  { receivedAt }: ReadingRecord,
  { effective, flags = [] }: { effective?: Instant; flags?: readonly Flag[] },
): Instant {
  return sortTimeOf(effective ?? receivedAt, receivedAt, flags).sortTime;
}

/** All of a record is gone. */
export function goneOf(record: ReadingRecord): Gone {
  const { readings, waves = [], alerts = [], movement } = record;
  const times = [...readings, ...alerts, ...(movement ? [movement] : [])].map((part) => sortTime(record, part));
  for (const wave of waves) {
    const at = sortTime(record, wave);
    times.push(at, at + Math.round(Math.max(0, wave.samples.length - 1) * wave.periodMs));
  }
  const samples = waves.reduce((sum, { samples: run }) => sum + run.length, 0);
  const vitals = [...readings, ...waves].map(({ vital }) => vital);
  return stretch(times.length > 0 ? times : [record.receivedAt], times.length - 2 * waves.length + samples, vitals);
}

/** Some readings of a record are gone. */
export function goneReadings(record: ReadingRecord, readings: readonly Reading[]): Gone {
  return stretch(
    readings.map((reading) => sortTime(record, reading)),
    readings.length,
    readings.map(({ vital }) => vital),
  );
}

/** The gap that is left in the place of what is gone of one row. */
export function gapOf(record: ReadingRecord, reason: GapReason, gone: Gone, at: Instant): GapRecord {
  const { source, profile, device, subject, test } = record;
  const gap: Gap = { reason, lost: lostClass(record), rows: 1, ...gone };
  return { source, profile, device, receivedAt: at, subject, test, class: 'gap', readings: [], gap };
}

/** Gaps of the same place may become one: of one source, device and subject, for the same reason, of the same class, and by the same clock. */
export function placeOf({ source, profile, device, subject, test, gap, clockRun }: GapRecord): string {
  const { patient, visit, bed } = subject;
  return JSON.stringify([
    [gap.lost, gap.reason, ...(typeof clockRun === 'number' ? [clockRun] : [])],
    [source, profile, test],
    [device.id, device.idType, device.vendor, device.model],
    [patient?.value, patient?.authority, visit, bed],
  ]);
}

/** Two gaps of one place as one; undefined when they are too far apart, or there is more of them than can be counted. */
export function joined(a: GapRecord, b: GapRecord): GapRecord | undefined {
  const { from, to } = a.gap;
  if (b.gap.from > to + ADJACENT_MS || b.gap.to < from - ADJACENT_MS) return undefined;
  const [rows, values] = [a.gap.rows + b.gap.rows, a.gap.values + b.gap.values];
  if (Math.max(rows, values) > MAX_GAP_COUNT) return undefined;
  const both = { from: Math.min(from, b.gap.from), to: Math.max(to, b.gap.to), vitals: vitalsOf([...a.gap.vitals, ...b.gap.vitals]) };
  return { ...a, receivedAt: Math.max(a.receivedAt, b.receivedAt), gap: { ...a.gap, ...both, rows, values } };
}

/** As few gaps as say the same. */
export function collected(gaps: Iterable<GapRecord>): GapRecord[] {
  const open = new Map<string, GapRecord[]>();
  for (const gap of gaps) {
    const place = placeOf(gap);
    const there = open.get(place) ?? [];
    const last = there.at(-1);
    const one = last && joined(last, gap);
    if (one) there[there.length - 1] = one;
    else there.push(gap);
    open.set(place, there);
  }
  return [...open.values()].flat();
}

function stretch(times: readonly Instant[], values: number, vitals: readonly string[]): Gone {
  const from = times.reduce((least, at) => Math.min(least, at), Number.POSITIVE_INFINITY);
  const to = times.reduce((greatest, at) => Math.max(greatest, at), Number.NEGATIVE_INFINITY);
  return { from, to, values, vitals: vitalsOf(vitals) };
}

function vitalsOf(vitals: readonly string[]): string[] {
  return [...new Set(vitals)].sort().slice(0, MAX_GAP_VITALS);
}

/** What is lost with a record. */
export function lostClass({ class: rowClass }: Pick<ReadingRecord, 'class'>): LostClass {
  // A gap is never given up; one that was damaged is a stretch of whatever it told of.
  return rowClass === 'gap' ? 'continuous' : rowClass;
}

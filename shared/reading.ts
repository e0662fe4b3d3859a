import type { DeviceAlert } from './alert.ts';
import type { Instant } from './clock.ts';
import type { DeviceTree } from './device-tree.ts';
import { VitalmeshError } from './errors.ts';
import type { Gap } from './gap.ts';
import type { Movement } from './movement.ts';
import type { Wave } from './wave.ts';

/** Why there is no value (FHIR data-absent-reason, http://terminology.hl7.org/CodeSystem/data-absent-reason). */
export const ABSENT_REASONS = [
  'unknown',
  'error',
  'not-a-number',
  'negative-infinity',
  'positive-infinity',
  'not-performed',
  'temp-unknown',
  'unsupported',
  'masked',
] as const;
export type AbsentReason = (typeof ABSENT_REASONS)[number];

/** What makes a value doubtful or special. Flags travel with the reading to the reader; they never change or hide a value. */
export const FLAGS = {
  clock: "The device's clock is in doubt; the gateway's time of receipt is used for order.",
  clockless: 'The device has no clock; its time is the time of receipt.',
  'dst-gap': 'The local time given does not exist (clocks went forward).',
  'dst-overlap': 'The local time given exists twice (clocks went back); the earlier one was taken.',
  memory: "Measured earlier and read out of the device's memory.",
  motion: 'The device saw motion or artefact.',
  'low-perfusion': 'The device saw low or marginal perfusion.',
  searching: 'The device is searching for a pulse.',
  'sensor-off': 'The sensor is off or disconnected.',
  'out-of-range': 'Outside the plausible range of the parameter table.',
  'low-battery': 'The device reports a low battery.',
  'device-alarm': 'The device reports an alarm.',
  questionable: 'The device or sender marked the value as questionable.',
  'unit-assumed': 'The sender gave no unit; that of the profile was assumed.',
  demo: 'The device is in demonstration or simulation mode.',
  'identity-doubtful':
    'It may be somebody else’s: it jumps from this person’s own, or is what nobody can have, and was neither repeated nor confirmed. Set by the hub alone.',
  'not-earlier': 'Nobody knows when it was received, but surely not before the time of receipt that it gives.',
} as const;
export type Flag = keyof typeof FLAGS;

export type ReadingStatus = 'final' | 'preliminary' | 'corrected' | 'cancelled';

/** One value of one vital sign, or its absence, as a device sent it. */
export interface Reading {
  /** Key of the parameter table (`shared/vitals.ts`). */
  vital: string;
  /** In the UCUM unit of the parameter table. Absent exactly when `absent` is given. */
  value?: number;
  absent?: AbsentReason;
  /** As sent, when value or unit were converted. Unit in UCUM. */
  original?: { value: number; unit: string };
  /** When it was measured, by the device; without it the record's time of receipt counts. */
  effective?: Instant;
  /** Offset from UTC of the device's time, in minutes; for display only. */
  offsetMin?: number;
  /** MDC code the device sent, where it differs from the parameter table's. */
  mdc?: number;
  /** `final` unless given. */
  status?: ReadingStatus;
  flags?: readonly Flag[];
  /**
   * Which measurement of its panel within the record this is, counted from 0, which is left out: pressures of different ones, as of two
   * arterial lines, are never shown as one.
   */
  measurement?: number;
  /** The device's own alarm limits, as text (`50-120`); untrusted, already cleaned. */
  limits?: string;
}

/** Every hint about whose reading it is. The hub decides; nothing here is trusted by itself. */
export interface SubjectHints {
  /** PID-3 or a field of the payload: the value with its assigning authority ('' when none was given). */
  patient?: { value: string; authority: string };
  visit?: string;
  bed?: string;
}

/** How an outbox treats a row when space runs out, the best protected first. `spot` and `continuous` hold readings, the others what they are called. */
export const ROW_CLASSES = ['alert', 'gap', 'movement', 'device', 'spot', 'continuous', 'waveform'] as const;
export type RowClass = (typeof ROW_CLASSES)[number];

/** What one frame, message or payload gave: the unit that is stored, acknowledged and sent. */
export interface ReadingRecord {
  /** Name of the configured source. */
  source: string;
  /** Decoding profile (`nonin-df8`, `hl7-pcd01`, `mqtt-…`). */
  profile: string;
  device: {
    /** Serial number, EUI-64 or the name given in the configuration. */
    id: string;
    /** `serial`, `eui64`, `mac`, or `config` when the configuration names it. */
    idType: 'serial' | 'eui64' | 'mac' | 'config';
    vendor?: string;
    model?: string;
  };
  /** When the gateway had the whole frame. */
  receivedAt: Instant;
  subject: SubjectHints;
  /** Test, demonstration or simulated data: tagged HTEST, and the tag cannot be removed on the way. */
  test: boolean;
  /** Says which of the following it holds; all of its content is of one kind. */
  class: RowClass;
  /** Empty unless the class is `spot` or `continuous`. */
  readings: readonly Reading[];
  alerts?: readonly DeviceAlert[];
  movement?: Movement;
  waves?: readonly Wave[];
  /** What the device is made of. */
  tree?: DeviceTree;
  /** What is missing. */
  gap?: Gap;
}

/**
 * Of rows that are written: 3 where the readings have one time, which stands once; else 2. Those of version 1 are still read: their
 * readings have all fields, and times that count from 1970.
 */
const [ROW_VERSION, ONE_TIME_VERSION] = [2, 3];

/** In rows on disk; never changed after a release. */
const CLASS_CODES: Readonly<Record<RowClass, number>> = { continuous: 0, spot: 1, alert: 2, movement: 3, waveform: 4, device: 5, gap: 6 };

/** A record as the outbox keeps it: a version byte, then compact JSON in UTF-8 with short field names. */
export function encodeRecord(record: ReadingRecord): Buffer {
  const { device, receivedAt, readings } = record;
  const time = timeOfAll(readings);
  const compact = {
    s: record.source,
    p: record.profile,
    d: [device.id, device.idType, device.vendor, device.model],
    t: receivedAt,
    u: record.subject,
    x: record.test ? 1 : undefined,
    c: CLASS_CODES[record.class] || undefined,
    a: record.alerts,
    m: record.movement,
    w: record.waves,
    v: record.tree,
    g: record.gap,
    e: time && [time.effective - receivedAt, time.offsetMin],
    r: readings.map((reading) => compactReading(reading, receivedAt, time !== undefined)),
  };
  const text = JSON.stringify(compact);
  const row = Buffer.allocUnsafe(1 + Buffer.byteLength(text));
  row[0] = time ? ONE_TIME_VERSION : ROW_VERSION;
  row.write(text, 1);
  return row;
}

/** The time that several readings have, all of them. */
function timeOfAll(readings: readonly Reading[]): { effective: Instant; offsetMin: number | undefined } | undefined {
  const effective = readings[0]?.effective;
  const offsetMin = readings[0]?.offsetMin;
  if (readings.length < 2 || effective === undefined) return undefined;
  for (const reading of readings) if (reading.effective !== effective || reading.offsetMin !== offsetMin) return undefined;
  return { effective, offsetMin };
}

/** The fields of a reading in the order of how often they are there, up to the last one that is; its time counts from that of receipt. */
function compactReading(reading: Reading, receivedAt: Instant, isTimed: boolean): unknown[] {
  const { vital, value, absent, effective, offsetMin, flags, status, mdc, original, limits, measurement } = reading;
  const fields: unknown[] = [vital, value ?? absent];
  const isBare = flags === undefined && status === undefined && mdc === undefined && original === undefined;
  // Nearly every reading there is.
  if (isTimed && isBare && limits === undefined && measurement === undefined) return fields;
  if (isTimed) fields.push(undefined, undefined);
  else fields.push(effective === undefined ? undefined : effective - receivedAt, offsetMin);
  fields.push(flags, status, mdc, original && [original.value, original.unit], limits, measurement);
  while (fields.at(-1) === undefined) fields.pop();
  return fields;
}

interface CompactRow {
  s: string;
  p: string;
  d: [string, ReadingRecord['device']['idType'], string | null, string | null];
  t: number;
  u: SubjectHints;
  x?: number;
  c?: number;
  a?: DeviceAlert[];
  m?: Movement;
  w?: Wave[];
  v?: DeviceTree;
  g?: Gap;
  /** The time of all readings, in version 3. */
  e?: [ago: number, offsetMin: number | null];
  r: CompactReading[];
}

type CompactReading = [
  vital: string,
  content: number | AbsentReason,
  effective?: number | null,
  offsetMin?: number | null,
  flags?: Flag[] | null,
  status?: ReadingStatus | null,
  mdc?: number | null,
  original?: [number, string] | null,
  limits?: string | null,
  measurement?: number,
];

/** Reads what `encodeRecord` wrote. Throws OUTBOX-DAMAGED-ROW for anything else. */
export function decodeRecord(row: Uint8Array): ReadingRecord {
  const [version] = row;
  if (version !== 1 && version !== ROW_VERSION && version !== ONE_TIME_VERSION)
    throw new VitalmeshError('OUTBOX-DAMAGED-ROW', { detail: `row version ${version ?? 'none'}` });
  let c: CompactRow;
  try {
    c = JSON.parse(Buffer.from(row.buffer, row.byteOffset + 1, row.byteLength - 1).toString('utf8')) as CompactRow;
    const [id, idType, vendor, model] = c.d;
    return {
      source: c.s,
      profile: c.p,
      device: { id, idType, ...(vendor ? { vendor } : {}), ...(model ? { model } : {}) },
      receivedAt: c.t,
      subject: c.u,
      test: c.x === 1,
      class: classOf(c.c),
      readings: decodeReadings(c.r, version === 1 ? 0 : c.t, timeOf(c, version)),
      ...(c.a && { alerts: c.a }),
      ...(c.m && { movement: c.m }),
      ...(c.w && { waves: c.w }),
      ...(c.v && { tree: c.v }),
      ...(c.g && { gap: c.g }),
    };
  } catch (cause) {
    throw new VitalmeshError('OUTBOX-DAMAGED-ROW', { cause });
  }
}

/** The time of all readings, which is there in version 3 and in no other: without it, readings with a time would come out with none. */
function timeOf(row: CompactRow, version: number): CompactRow['e'] {
  const isTimed = version === ONE_TIME_VERSION;
  if (isTimed ? isTime(row.e) : row.e === undefined) return row.e;
  throw new VitalmeshError('OUTBOX-DAMAGED-ROW', { detail: 'time' });
}

/** An instant, and minutes from UTC where they were said. */
function isTime(time: unknown): boolean {
  if (!Array.isArray(time) || time.length !== 2) return false;
  const [ago, offsetMin]: unknown[] = time;
  return Number.isInteger(ago) && (offsetMin === null || Number.isInteger(offsetMin));
}

function classOf(code = 0): RowClass {
  const found = ROW_CLASSES.find((name) => CLASS_CODES[name] === code);
  if (!found) throw new VitalmeshError('OUTBOX-DAMAGED-ROW', { detail: 'class' });
  return found;
}

/** `from`: the instant that their times count from. `time`: that of all of them. */
function decodeReadings(rows: readonly CompactReading[], from: Instant, time: CompactRow['e']): Reading[] {
  return rows.map(([vital, content, ago, offset, flags, status, mdc, original, limits, measurement]) => {
    const reading: Reading = typeof content === 'number' ? { vital, value: content } : { vital, absent: content };
    const [effective, offsetMin] = time ?? [ago, offset];
    if (isThere(effective)) reading.effective = from + effective;
    if (isThere(offsetMin)) reading.offsetMin = offsetMin;
    if (isThere(flags)) reading.flags = flags;
    if (isThere(status)) reading.status = status;
    if (isThere(mdc)) reading.mdc = mdc;
    if (isThere(original)) reading.original = { value: original[0], unit: original[1] };
    if (isThere(limits)) reading.limits = limits;
    if (measurement !== undefined) reading.measurement = measurement;
    return reading;
  });
}

function isThere<T>(field: T | null | undefined): field is T {
  return field !== null && field !== undefined;
}

import { type Instant, type ZonedInstant, zonedInstant } from '../../shared/clock.ts';
import type { Flag, Reading } from '../../shared/reading.ts';
import { type DecodeContext, identifier, MAX_DEVICE_ID, type Rejected, type SerialProfile } from '../decoding.ts';
import { type DeviceHeader, deviceProfile, type FrameContent } from './device.ts';
import { absentReason, flagsOf, type StatusMeaning } from './status.ts';
import { type TimeReader, timePattern } from './time-pattern.ts';

/** A value of a line. `form` must match the whole value, its first group is the number; `missing` are the texts for no value. */
export interface TextReading {
  vital: string;
  key: string;
  form: RegExp;
  missing: readonly string[];
}

/** A bit of a hexadecimal value; without `of` it concerns all readings of the line. */
export interface TextStatus {
  key: string;
  mask: number;
  means: StatusMeaning;
  of?: readonly string[];
}

/** A device that sends lines of KEY=VALUE. */
export interface TextDevice extends DeviceHeader {
  /** Form of the local time that begins each line, or `none`: then the time of receipt counts and readings are marked clockless. */
  clock: 'none' | { stamp: string };
  /** Where the serial number stands, and its form: one that lost a character would be another device's. */
  serial?: { key: string; form: RegExp };
  status: readonly TextStatus[];
  /** Form of each status value, since one that was cut would say less; what a line says is in doubt without one that must be there. */
  statusForms: Readonly<Record<string, { form: RegExp; required: boolean }>>;
  readings: readonly TextReading[];
  /** A line with none of these keys is not of this protocol. */
  anchors: readonly string[];
  /** Keys that are known and left aside, because the parameter table has no row for them. */
  unread: readonly string[];
  /** Words that may stand beside the values. */
  words?: RegExp;
}

/** A device as a table of keys, to be checked line by line against its manual. A value that does not have its form costs only itself. */
export function defineTextDevice(device: TextDevice): SerialProfile {
  const stamp = device.clock === 'none' ? undefined : timePattern(device.clock.stamp);
  const stampWords = device.clock === 'none' ? 0 : device.clock.stamp.split(' ').length;
  return deviceProfile(device, (frame, _receivedAt: Instant, context) => new LineReader(device, frame, context, stamp, stampWords).read());
}

class LineReader {
  readonly #device: TextDevice;
  readonly #frame: Uint8Array;
  readonly #context: DecodeContext;
  readonly #stamp: TimeReader | undefined;
  readonly #stampWords: number;
  readonly #rejected: Rejected[] = [];
  readonly #values = new Map<string, string>();

  constructor(device: TextDevice, frame: Uint8Array, context: DecodeContext, stamp: TimeReader | undefined, stampWords: number) {
    this.#device = device;
    this.#frame = frame;
    this.#context = context;
    this.#stamp = stamp;
    this.#stampWords = stampWords;
  }

  read(): FrameContent {
    const words = Buffer.from(this.#frame)
      .toString('latin1')
      .split(/[ \t]+/)
      .filter(Boolean);
    const keyed = words.filter((word) => word.includes('='));
    if (!this.#take(keyed)) return { readings: [], rejected: this.#rejected };
    const time = this.#time(words.slice(0, this.#stampWords).join(' '));
    const readings = this.#readings(time);
    const rest = words.slice(time.at === undefined ? 0 : this.#stampWords).filter((word) => !word.includes('='));
    if (time.at !== undefined || !this.#stamp) this.#checkWords(rest);
    return { readings, rejected: this.#rejected, ...this.#serial() };
  }

  /** Sorts the values by key; false when this is no line of values, or two lines that ran into each other. */
  #take(keyed: readonly string[]): boolean {
    const { readings, status, serial, unread, anchors } = this.#device;
    const known = new Set([...readings.map(({ key }) => key), ...status.map(({ key }) => key), ...unread, ...(serial ? [serial.key] : [])]);
    let strange = false;
    for (const word of keyed) {
      const key = word.slice(0, word.indexOf('='));
      if (this.#values.has(key)) return this.#rejectLine('DECODE-FIELD');
      if (isGlued(key, known)) return this.#rejectLine('DECODE-FIELD');
      if (known.has(key)) this.#values.set(key, word.slice(key.length + 1));
      else strange = true;
    }
    if (!anchors.some((key) => this.#values.has(key))) return this.#rejectLine('DECODE-GARBAGE', strange);
    if (strange) this.#rejectLine('DECODE-UNKNOWN-CODE');
    return true;
  }

  #rejectLine(code: Rejected['code'], keep = true): false {
    const bytes = this.#frame.length;
    this.#rejected.push({ code, part: 'line', bytes, ...(keep ? { raw: new Uint8Array(this.#frame) } : {}) });
    return false;
  }

  #rejectField(part: string): void {
    const text = this.#values.get(part) ?? '';
    this.#rejected.push({ code: 'DECODE-FIELD', part, bytes: text.length, raw: Buffer.from(text, 'latin1') });
  }

  #time(text: string): Partial<ZonedInstant> & { flags: Flag[] } {
    if (!this.#stamp) return { flags: ['clockless'] };
    const local = this.#stamp(text);
    const zoned = local && zonedInstant(local, this.#context.zone);
    if (!zoned) {
      this.#rejected.push({ code: 'DECODE-TIME', part: 'stamp', bytes: text.length });
      return { flags: ['clock'] };
    }
    return { ...zoned, flags: zoned.doubt === 'none' ? [] : [`dst-${zoned.doubt}`] };
  }

  #readings({ at, offsetMin, flags }: Partial<ZonedInstant> & { flags: Flag[] }): Reading[] {
    const said = this.#said();
    const readings: Reading[] = [];
    for (const { vital, key, form, missing } of this.#device.readings) {
      const text = this.#values.get(key);
      if (text === undefined) continue;
      const about = said.filter(({ of }) => of === undefined || of.includes(vital)).map(({ means }) => means);
      const all = [...new Set([...flags, ...flagsOf(about)])];
      const value = form.exec(text)?.[1];
      if (value === undefined && !missing.includes(text)) {
        this.#rejectField(key);
        continue;
      }
      readings.push({
        vital,
        ...(value === undefined ? { absent: absentReason(about) } : { value: Number(value) }),
        ...(at === undefined ? {} : { effective: at, offsetMin: offsetMin ?? 0 }),
        ...(all.length > 0 ? { flags: all } : {}),
      });
    }
    return readings;
  }

  #said(): { means: StatusMeaning; of?: readonly string[] }[] {
    const said: { means: StatusMeaning; of?: readonly string[] }[] = [];
    for (const key of new Set(this.#device.status.map((row) => row.key))) {
      const text = this.#values.get(key);
      const { form, required } = this.#device.statusForms[key] ?? { form: /^[0-9A-F]{1,8}$/, required: false };
      if (text === undefined) {
        if (required) said.push({ means: 'low-signal-quality' });
      } else if (form.test(text)) {
        const bits = Number.parseInt(text, 16);
        said.push(...this.#device.status.filter((row) => row.key === key && (bits & row.mask) !== 0));
      } else {
        // The device said something about the values, and it cannot be read: they are in doubt.
        this.#rejectField(key);
        said.push({ means: 'low-signal-quality' });
      }
    }
    return said;
  }

  #serial(): { serial?: string } {
    const { serial } = this.#device;
    const text = serial && this.#values.get(serial.key);
    if (!serial || text === undefined) return {};
    const read = serial.form.test(text) ? identifier(text, MAX_DEVICE_ID) : undefined;
    if (read === undefined) this.#rejectField(serial.key);
    return read === undefined ? {} : { serial: read };
  }

  #checkWords(words: readonly string[]): void {
    if (words.some((word) => !this.#device.words?.test(word))) this.#rejectLine('DECODE-FIELD');
  }
}

/** True for what is left where a line broke off and the next one went on: the beginning of one key, and another one (`HRSPO2`). */
function isGlued(key: string, known: ReadonlySet<string>): boolean {
  if (known.has(key)) return false;
  for (const second of known) {
    const first = key.endsWith(second) ? key.slice(0, -second.length) : '';
    if (first !== '') for (const other of known) if (other.startsWith(first)) return true;
  }
  return false;
}

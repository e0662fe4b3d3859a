import { type Instant, isZone, parseInstant, type ZonedInstant, zonedInstant } from '../../shared/clock.ts';
import type { ErrorCode } from '../../shared/errors.ts';
import type { Flag, Reading, ReadingRecord } from '../../shared/reading.ts';
import { checkReading } from '../../shared/reading-check.ts';
import { toRowUnit, vital } from '../../shared/vitals.ts';
import { type DecodeContext, type Decoded, identifier, MAX_DEVICE_ID, MAX_IDENTIFIER, type Rejected } from '../decoding.ts';
import { timePattern } from '../devices/time-pattern.ts';
import { type Json, parseJson } from './json.ts';
import type { CompiledPath, Mapping, Metric, Predicate } from './mapping.ts';

type Time = Partial<Pick<ZonedInstant, 'at' | 'offsetMin'>> & { flags: readonly Flag[] };

const NUMBER = /^[+-]?\d+(?:\.\d+)?$/;
const LOCAL_ISO = ['YYYY-MM-DDTHH:mm:ss', 'YYYY-MM-DDTHH:mm:ss.SSS'].map((pattern) => timePattern(pattern));
const MAX_ITEMS = 1000;
/** Flags that tell of a state that ends by itself: a value missing under them is expected to come back. */
const PASSING: readonly Flag[] = ['sensor-off', 'searching', 'low-perfusion', 'motion'];
const SIGNIFICANT_DIGITS = 12;

/** Reads one JSON payload by a mapping. `topic` '' stands for a payload without one. A bad field costs only what it says. */
export function decodePayload(mapping: Mapping, topic: string, payload: Uint8Array, receivedAt: Instant, context: DecodeContext): Decoded {
  const refuse = (code: ErrorCode, part: string): Decoded => ({
    records: [],
    rejected: [{ code, part, bytes: payload.length, raw: new Uint8Array(payload) }],
  });
  if (payload.length > context.maxFrameBytes)
    return { records: [], rejected: [{ code: 'DECODE-OVERSIZED', part: 'payload', bytes: payload.length }] };
  const segments = topic === '' ? new Map<string, string>() : topicSegments(mapping.match, topic);
  if (!segments) return refuse('DECODE-FIELD', 'topic');
  const json = parseJson(payload);
  if (json === undefined) return refuse('DECODE-JSON', 'payload');
  const items = mapping.each ? nodes(mapping.each, json) : [json];
  if (items.length > MAX_ITEMS) return refuse('DECODE-OVERSIZED', 'each');
  if (items.length === 0) return refuse('DECODE-FIELD', 'each');
  const decoded: Decoded = { records: [], rejected: [] };
  for (const item of items) {
    const one = new ItemReader(mapping, segments, item, json, receivedAt, context).read();
    if (one.record) decoded.records.push(one.record);
    decoded.rejected.push(...one.rejected);
  }
  return decoded;
}

class ItemReader {
  readonly #mapping: Mapping;
  readonly #segments: ReadonlyMap<string, string>;
  readonly #item: Json;
  readonly #payload: Json;
  readonly #receivedAt: Instant;
  readonly #context: DecodeContext;
  readonly #rejected: Rejected[] = [];
  #itemBytes: Uint8Array | undefined;

  constructor(
    mapping: Mapping,
    segments: ReadonlyMap<string, string>,
    item: Json,
    payload: Json,
    receivedAt: Instant,
    context: DecodeContext,
  ) {
    this.#mapping = mapping;
    this.#segments = segments;
    this.#item = item;
    this.#payload = payload;
    this.#receivedAt = receivedAt;
    this.#context = context;
  }

  read(): { record?: ReadingRecord; rejected: Rejected[] } {
    const { name, kinds, drop } = this.#mapping;
    if (drop.some((when) => this.#holds(when))) return this.#refuse('DECODE-DROPPED', 'item', false);
    const kind = kinds.find(({ when }) => when === undefined || this.#holds(when));
    if (!kind) return this.#refuse('DECODE-UNKNOWN-CODE', 'kind');
    const device = this.#device();
    if (!device) return this.#refuse('DECODE-FIELD', 'device');
    if (this.#context.devices && !this.#context.devices.includes(device.id)) return this.#refuse('DECODE-DEVICE-UNKNOWN', 'item');
    const patient = this.#patient();
    const time = this.#time();
    const raised = [...new Set([...time.flags, ...this.#flags()])];
    const test = this.#isTest();
    const readings = kind.metrics.map((row) => this.#reading(row, time, raised)).filter((reading) => reading !== undefined);
    if (readings.length === 0) {
      return this.#rejected.length > 0 ? { rejected: this.#rejected } : this.#refuse('DECODE-FIELD', 'metrics');
    }
    const record: ReadingRecord = {
      source: this.#context.source,
      profile: name,
      // Vendor and model of a mapping are those of the hub that publishes, not of what measured.
      device,
      receivedAt: this.#receivedAt,
      subject: { ...(patient ? { patient } : {}), ...(this.#context.bed ? { bed: this.#context.bed } : {}) },
      test: this.#context.test || test,
      class: kind.class,
      readings,
    };
    return { record, rejected: this.#rejected };
  }

  #refuse(code: ErrorCode, part: string, keep = true): { rejected: Rejected[] } {
    this.#reject(code, part, this.#item, keep);
    return { rejected: this.#rejected };
  }

  /** Keeps the whole item: a value without its device and time is of no use to whoever looks into quarantine. */
  #reject(code: ErrorCode, part: string, content: Json | undefined, keep = true): void {
    const bytes = content === undefined ? 0 : Buffer.byteLength(JSON.stringify(content));
    if (keep) this.#itemBytes ??= new Uint8Array(Buffer.from(JSON.stringify(this.#item)));
    this.#rejected.push({ code, part, bytes, ...(keep && this.#itemBytes ? { raw: this.#itemBytes } : {}) });
  }

  /** Undefined when the item names no device, or another one than the topic, by which a broker decides who may publish. */
  #device(): Pick<ReadingRecord['device'], 'id' | 'idType'> | undefined {
    const { device } = this.#mapping;
    if (!device) return { id: this.#context.deviceId ?? this.#context.source, idType: 'config' };
    const ofTopic = device.segment === undefined ? undefined : this.#segments.get(device.segment);
    const found = device.path ? one(nodes(device.path, this.#root(device.of))) : ofTopic;
    const id = identifierOf(found, MAX_DEVICE_ID);
    if (id === undefined || (ofTopic !== undefined && ofTopic !== id)) return undefined;
    return { id, idType: device.type };
  }

  /** What the device says about itself. A word that the mapping does not know may mean anything: it is counted, and leaves the values in doubt. */
  #flags(): Flag[] {
    const { flags, vocabulary } = this.#mapping;
    const raised = flags.filter(({ when }) => this.#holds(when)).map(({ flag }) => flag);
    for (const field of vocabulary.flags) {
      const unknown = nodes(field.path, this.#item).find((value) => value !== null && !field.values.has(value));
      if (unknown === undefined) continue;
      this.#reject('DECODE-FIELD', 'flags', unknown);
      raised.push('questionable');
    }
    return raised;
  }

  /** Whether it is a test, and also where the item does not say clearly that it is none: a demonstration must never pass for a patient. */
  #isTest(): boolean {
    const { test, vocabulary } = this.#mapping;
    if (test !== undefined && this.#holds(test)) return true;
    const field = vocabulary.test;
    const unknown = field && nodes(field.path, this.#item).find((value) => !field.values.has(value));
    if (unknown !== undefined) this.#reject('DECODE-FIELD', 'test', unknown);
    return unknown !== undefined;
  }

  #patient(): { value: string; authority: string } | undefined {
    const { patient } = this.#mapping;
    const found = patient && one(nodes(patient.path, this.#root(patient.of)));
    if (!patient || found === undefined || found === null || found === '') return this.#context.patient;
    const value = identifierOf(found, MAX_IDENTIFIER);
    // Whose it is was said, and cannot be read: no other hint may take its place.
    if (value === undefined) this.#reject('DECODE-FIELD', 'patient', found);
    return value === undefined ? undefined : { value, authority: patient.authority };
  }

  #time(): Time {
    const { time } = this.#mapping;
    if (!time) return { flags: ['clockless'] };
    const found = one(nodes(time.path, this.#root(time.of)));
    const read = instantOf(found, time.format, time.zone ?? this.#context.zone);
    if (read) return read;
    this.#reject('DECODE-TIME', 'time', found);
    return { flags: ['clock'] };
  }

  #reading(row: Metric, { at, offsetMin }: Time, flags: readonly Flag[]): Reading | undefined {
    const part = `metrics.${row.vital}`;
    const found = nodes(row.path, this.#item);
    const content = found[0];
    if (content === undefined && !row.required) return undefined;
    const refuse = (code: ErrorCode): undefined => {
      this.#reject(code, part, content);
    };
    if (content === undefined || found.length > 1) return refuse('DECODE-FIELD');
    const reading: Reading = { vital: row.vital };
    const all = [...flags];
    if (content === null || row.missing.some((missing) => missing === content)) {
      reading.absent = flags.some((flag) => PASSING.includes(flag)) ? 'temp-unknown' : 'unknown';
    } else {
      const value = numberOf(content);
      if (value === undefined) return refuse('DECODE-FIELD');
      if (!this.#measured(reading, row, scaled(value, row), all)) return refuse('DECODE-UNIT');
    }
    if (at !== undefined) {
      reading.effective = at;
      if (offsetMin !== undefined) reading.offsetMin = offsetMin;
    }
    if (all.length > 0) reading.flags = all;
    const refused = checkReading(reading);
    return refused === undefined ? reading : refuse(refused);
  }

  /** Puts the value in the unit of the parameter table into the reading; false when its unit is unknown. */
  #measured(reading: Reading, row: Metric, value: number, flags: Flag[]): boolean {
    let ucum: string | undefined;
    if (typeof row.unit === 'string') ucum = row.unit;
    else {
      const text = one(nodes(row.unit.path, this.#item));
      if (text === undefined || text === null || text === '') {
        ucum = row.unit.assume;
        if (ucum !== undefined) flags.push('unit-assumed');
      } else ucum = typeof text === 'string' && Object.hasOwn(row.unit.map, text) ? row.unit.map[text] : undefined;
    }
    const target = vital(row.vital);
    const converted = target && ucum !== undefined ? toRowUnit(target, value, ucum) : undefined;
    if (converted === undefined || ucum === undefined) return false;
    reading.value = converted;
    if (ucum !== target?.ucum) reading.original = { value, unit: ucum };
    return true;
  }

  #holds(when: Predicate): boolean {
    const found = nodes(when.path, this.#item);
    return 'exists' in when ? found.length > 0 === when.exists : found.some((content) => content === when.equals);
  }

  #root(of: 'item' | 'payload'): Json {
    return of === 'payload' ? this.#payload : this.#item;
  }
}

/** The variable levels of a topic by name; undefined when the topic is another. */
function topicSegments(match: string, topic: string): Map<string, string> | undefined {
  const levels = match.split('/');
  const given = topic.split('/');
  if (levels.length !== given.length) return undefined;
  const segments = new Map<string, string>();
  for (const [i, level] of levels.entries()) {
    const text = given[i] ?? '';
    if (level.startsWith('{')) segments.set(level.slice(1, -1), text);
    else if (level !== text) return undefined;
  }
  return segments;
}

/** What a path leads to. Nothing, where the path itself gives up (a recursive descent over too much). */
function nodes(path: CompiledPath, json: Json): Json[] {
  try {
    return path.query(json).values() as Json[];
  } catch {
    return [];
  }
}

/** The one value of a path; undefined for none, and for several, since nothing says which. */
function one(found: readonly Json[]): Json | undefined {
  return found.length === 1 ? found[0] : undefined;
}

function identifierOf(content: Json | undefined, maxLength: number): string | undefined {
  if (typeof content === 'number' && Number.isSafeInteger(content)) return String(content);
  return typeof content === 'string' ? identifier(content, maxLength) : undefined;
}

function numberOf(content: Json): number | undefined {
  const value = typeof content === 'string' && content.length <= 32 && NUMBER.test(content.trim()) ? Number(content) : content;
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

function scaled(value: number, { scale, offset }: Metric): number {
  return scale === 1 && offset === 0 ? value : Number((value * scale + offset).toPrecision(SIGNIFICANT_DIGITS));
}

function instantOf(content: Json | undefined, format: NonNullable<Mapping['time']>['format'], zone: string): Time | undefined {
  if (format === 'epoch_s' || format === 'epoch_ms') {
    const value = content === undefined ? undefined : numberOf(content);
    const at = value === undefined ? undefined : Math.round(format === 'epoch_s' ? value * 1000 : value);
    return at === undefined || !Number.isSafeInteger(at) ? undefined : { at, flags: [] };
  }
  if (typeof content !== 'string') return undefined;
  const instant = format === 'iso' ? parseInstant(content) : undefined;
  if (instant) return { ...instant, flags: [] };
  const readers = format === 'iso' ? LOCAL_ISO : [timePattern(format.pattern)];
  const local = readers.map((read) => read?.(content)).find((read) => read !== undefined);
  const zoned = local && isZone(zone) ? zonedInstant(local, zone) : undefined;
  return zoned && { at: zoned.at, offsetMin: zoned.offsetMin, flags: zoned.doubt === 'none' ? [] : [`dst-${zoned.doubt}`] };
}

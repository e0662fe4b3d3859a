import type { Instant } from '../../shared/clock.ts';
import type { ErrorCode } from '../../shared/errors.ts';
import type { Flag, Reading, ReadingRecord, SubjectHints } from '../../shared/reading.ts';
import { checkReading } from '../../shared/reading-check.ts';
import type { Vital } from '../../shared/vitals.ts';
import type { DecodeContext, Rejected } from '../decoding.ts';
import type { AckError } from './ack.ts';
import { type Device, deviceOf, senderOf } from './device.ts';
import type { Hl7Message } from './message.ts';
import { readObx } from './obx.ts';
import type { Segment } from './segment.ts';
import { bedOf, patientOf, visitOf } from './subject.ts';
import { type Hl7Time, parseHl7Time } from './time.ts';

const NULL = '""';
/** A record holds at most so many readings (see `checkRecord`); a longer message makes several. */
const MAX_READINGS = 500;
/** With so many bad parts a message is not read on; what is left of it is kept as one part. */
const MAX_REJECTED = 2000;
/** A device counts four levels (1.1.1.150456). */
const MAX_PATH = 64;
/** Readings join one of the last groups: a monitor has a few devices, and a message made of thousands must not be searched each time. */
const RECENT_GROUPS = 16;
/** HL7 table 0103: debugging, training, and the `N` of newer versions for everything that is not production. */
const NOT_PRODUCTION = new Set(['D', 'T', 'N']);
/** Segments of an ORU^R01, and of a batch around it, that say nothing about a vital sign (HL7 v2.8 ch. 7.3.1, 2.15). */
const LEFT_ASIDE = new Set(
  'SFT UAC ARV PD1 NK1 NTE PRT OH1 OH2 OH3 OH4 PV2 DB1 ORC TQ1 TQ2 CTD FT1 CTI SPM SAC CON DEV DSC EVN AL1 DG1 MRG ROL ADD FHS BHS BTS FTS'.split(
    ' ',
  ),
);

/** Readings that become one record: of one patient, one device, all real or all test. */
interface Group {
  subject: SubjectHints;
  mds: string;
  own: Device | undefined;
  test: boolean;
  spot: boolean;
  readings: Reading[];
}

export interface OruContent {
  records: ReadingRecord[];
  rejected: Rejected[];
  /** The rejected parts that the sender is told of. */
  errors: AckError[];
}

/**
 * The readings of an ORU^R01 of the shape of IHE PCD-01 (PCD TF-2, 3.1): numbers under MDC codes, of one patient per PID, contained in
 * the devices that OBX-4 counts. `bed` of the subject is PV1-3.3 where given, else PV1-3 unit, room and bed joined by `^`.
 * Each bad OBX is rejected by itself.
 */
export function readOru(message: Hl7Message, receivedAt: Instant, context: DecodeContext, profile: string): OruContent {
  return new OruReader(message, receivedAt, context, profile).read();
}

class OruReader {
  readonly #message: Hl7Message;
  readonly #receivedAt: Instant;
  readonly #context: DecodeContext;
  readonly #profile: string;
  readonly #testMessage: boolean;
  readonly #content: OruContent = { records: [], rejected: [], errors: [] };
  readonly #groups: Group[] = [];
  /** Device of each MDS (first number of OBX-4), as its own row in OBX-18 says. */
  readonly #devices = new Map<string, Device>();
  /** Times of rows without a value by OBX-4: they hold for the rows contained in them. */
  #rowTimes: Map<string, Hl7Time> | undefined;
  #deviceRejected = false;
  #subject: SubjectHints;
  #groupTime = '';
  #index = 0;
  #obx = 0;
  #lastText = '';
  #lastTime: Hl7Time | undefined;

  constructor(message: Hl7Message, receivedAt: Instant, context: DecodeContext, profile: string) {
    this.#message = message;
    this.#receivedAt = receivedAt;
    this.#context = context;
    this.#profile = profile;
    this.#testMessage = context.test || NOT_PRODUCTION.has(message.header.component(11, 1).trim().toUpperCase());
    this.#subject = this.#hints(context.patient);
  }

  read(): OruContent {
    const message = this.#message;
    for (this.#index = 1; this.#index < message.segments; this.#index += 1) {
      if (this.#content.rejected.length >= MAX_REJECTED) {
        this.#rejectRest('rest');
        break;
      }
      const name = message.name(this.#index);
      switch (name) {
        case 'OBX':
          this.#observation(message.open(this.#index));
          break;
        case 'OBR':
          this.#groupTime = message.open(this.#index).component(7, 1);
          this.#rowTimes = undefined;
          break;
        case 'PID':
          this.#patient(message.open(this.#index));
          break;
        case 'PV1':
          this.#visit(message.open(this.#index));
          break;
        case 'MSH':
          // Two messages ran into each other: nothing of the second may be taken for the first one's patient.
          this.#rejectRest('MSH[2]');
          break;
        default:
          // A name that no segment has is one that was damaged on the way; what it held is kept.
          if (!isLeftAside(name)) this.#reject('HL7-SEGMENT', `segment[${this.#index + 1}]`);
      }
    }
    for (const group of this.#groups) this.#finish(group);
    return this.#content;
  }

  #rejectRest(part: string): void {
    const raw = this.#message.bytes(this.#index, this.#message.segments);
    this.#content.rejected.push({ code: 'HL7-SEGMENT', part, bytes: raw.length, raw });
    this.#content.errors.push({ code: 'HL7-SEGMENT' });
    this.#index = this.#message.segments;
  }

  #patient(pid: Segment): void {
    this.#groupTime = '';
    this.#rowTimes = undefined;
    const patient = patientOf(pid);
    if (patient === 'unreadable') this.#reject('DECODE-FIELD', 'PID-3', { segment: 'PID', sequence: 1, field: 3 });
    // Where it was said whose it is, and that cannot be read, no other hint may take its place.
    this.#subject = this.#hints(patient === 'none' ? this.#context.patient : patient === 'unreadable' ? undefined : patient);
  }

  #hints(patient: SubjectHints['patient']): SubjectHints {
    return { ...(patient ? { patient } : {}), ...(this.#context.bed ? { bed: this.#context.bed } : {}) };
  }

  #visit(pv1: Segment): void {
    const subject = this.#hints(this.#subject.patient);
    for (const [key, field, hint] of [['bed', 3, bedOf(pv1)] as const, ['visit', 19, visitOf(pv1)] as const]) {
      if (hint === 'unreadable') this.#reject('DECODE-FIELD', `PV1-${field}`, { segment: 'PV1', sequence: 1, field });
      else if (hint !== 'none') subject[key] = hint.text;
    }
    this.#subject = subject;
  }

  #observation(obx: Segment): void {
    this.#obx += 1;
    const path = obx.field(4);
    const content = readObx(obx);
    switch (content.kind) {
      case 'structure':
        this.#structure(obx, path);
        break;
      case 'other-type':
        this.#otherType(obx, content.isNumber);
        break;
      case 'refused':
        this.#rejectObx(content.code, content.field);
        break;
      case 'reading': {
        const { reading, flags, row, test } = content;
        this.#time(reading, flags, obx, path);
        if (flags.length > 0) reading.flags = flags;
        const refused = checkReading(reading);
        if (refused === undefined) this.#add(reading, row, path, test, obx);
        else this.#rejectObx(refused, 5);
      }
    }
  }

  /** Texts, codes and waveforms are counted; what looks like a number may be a measurement, and is kept. */
  #otherType(obx: Segment, keep: boolean): void {
    const raw = keep ? this.#message.bytes(this.#index, this.#index + 1) : undefined;
    this.#content.rejected.push({ code: 'HL7-VALUE-TYPE', part: `OBX[${this.#obx}]`, bytes: obx.length, ...(raw ? { raw } : {}) });
  }

  /** OBX-14, or that of the row it is contained in, else OBR-7, else MSH-7; without any the time of receipt counts. */
  #time(reading: Reading, flags: Flag[], obx: Segment, path: string): void {
    const field = obx.component(14, 1);
    const own = field === NULL ? '' : field;
    let time = own === '' ? this.#containing(path) : this.#parsed(own);
    if (own !== '' && !time) {
      this.#rejectObx('DECODE-TIME', 14, false);
      flags.push('clock');
    }
    time ??= this.#parsed(this.#groupTime) ?? this.#parsed(this.#message.header.component(7, 1));
    if (!time) return;
    reading.effective = time.at;
    reading.offsetMin = time.offsetMin;
    if (time.doubt !== 'none') flags.push(`dst-${time.doubt}`);
  }

  #parsed(text: string): Hl7Time | undefined {
    if (text === '') return undefined;
    if (text !== this.#lastText) {
      this.#lastText = text;
      this.#lastTime = parseHl7Time(text, this.#context.zone);
    }
    return this.#lastTime;
  }

  #containing(path: string): Hl7Time | undefined {
    if (!this.#rowTimes || path.length > MAX_PATH) return undefined;
    for (let end = path.lastIndexOf('.'); end > 0; end = path.lastIndexOf('.', end - 1)) {
      const time = this.#rowTimes.get(path.slice(0, end));
      if (time) return time;
    }
    return undefined;
  }

  /** A row of a device, channel or panel: who measures, and when what it contains was measured. */
  #structure(obx: Segment, path: string): void {
    if (path.length > MAX_PATH) {
      this.#rejectObx('DECODE-FIELD', 4);
      return;
    }
    const time = this.#parsed(obx.component(14, 1));
    if (time) {
      this.#rowTimes ??= new Map();
      this.#rowTimes.set(path.replace(/(?:\.0)+$/, ''), time);
    }
    const device = deviceOf(obx);
    const [mds = '', ...below] = path.split('.');
    if (device && mds !== '' && below.every((part) => part === '0')) this.#devices.set(mds, device);
  }

  #add(reading: Reading, row: Vital, path: string, testRow: boolean, obx: Segment): void {
    const dot = path.indexOf('.');
    const mds = dot < 0 ? path : path.slice(0, dot);
    const own = obx.field(18) === '' ? undefined : deviceOf(obx);
    const test = testRow || this.#testMessage;
    const spot = row.class === 'spot';
    let group: Group | undefined;
    for (let i = this.#groups.length - 1; i >= 0 && i >= this.#groups.length - RECENT_GROUPS; i -= 1) {
      const g = this.#groups[i];
      if (g?.subject === this.#subject && g.mds === mds && g.own?.id === own?.id && g.test === test && g.spot === spot) {
        group = g.readings.length < MAX_READINGS ? g : undefined;
        break;
      }
    }
    if (!group) {
      group = { subject: this.#subject, mds, own, test, spot, readings: [] };
      this.#groups.push(group);
    }
    group.readings.push(reading);
  }

  #finish(group: Group): void {
    const device = this.#devices.get(group.mds) ?? group.own ?? this.#configuredDevice();
    if (this.#context.devices && !this.#isListed(device.id)) {
      this.#rejectDevice();
      return;
    }
    this.#content.records.push({
      source: this.#context.source,
      profile: this.#profile,
      device,
      receivedAt: this.#receivedAt,
      subject: group.subject,
      test: group.test,
      class: group.spot ? 'spot' : 'continuous',
      readings: group.readings,
    });
  }

  /** The name of the configuration, else the sender of MSH-3, else the source. */
  #configuredDevice(): Device {
    const { deviceId, source } = this.#context;
    if (deviceId !== undefined) return { id: deviceId, idType: 'config' };
    return senderOf(this.#message.header) ?? { id: source, idType: 'config' };
  }

  #isListed(id: string): boolean {
    const { header } = this.#message;
    return [id, header.component(3, 1), header.component(3, 2)].some((name) => name !== '' && this.#context.devices?.includes(name));
  }

  /** The whole message is kept, once, however many devices of it are not listed. */
  #rejectDevice(): void {
    if (this.#deviceRejected) return;
    this.#deviceRejected = true;
    const raw = this.#message.bytes(0, this.#message.segments);
    this.#content.rejected.push({ code: 'DECODE-DEVICE-UNKNOWN', part: 'message', bytes: raw.length, raw });
    this.#content.errors.push({ code: 'DECODE-DEVICE-UNKNOWN' });
  }

  #rejectObx(code: ErrorCode, field: number, keep = true): void {
    this.#reject(code, `OBX[${this.#obx}]${keep ? '' : `-${field}`}`, { segment: 'OBX', sequence: this.#obx, field }, 0, keep);
  }

  #reject(code: ErrorCode, part: string, location?: AckError['location'], length = 0, keep = true): void {
    const raw = keep ? this.#message.bytes(this.#index, this.#index + 1) : undefined;
    this.#content.rejected.push({ code, part, bytes: raw?.length ?? length, ...(raw ? { raw } : {}) });
    this.#content.errors.push({ code, ...(location ? { location } : {}) });
  }
}

function isLeftAside(name: string): boolean {
  return LEFT_ASIDE.has(name) || name.startsWith('Z');
}

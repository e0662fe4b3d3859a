import type { Instant } from '../../shared/clock.ts';
import type { ErrorCode } from '../../shared/errors.ts';
import type { Reading, ReadingRecord, SubjectHints } from '../../shared/reading.ts';
import { checkAlert, checkReading } from '../../shared/reading-check.ts';
import type { DecodeContext, Rejected } from '../decoding.ts';
import type { AckError } from './ack.ts';
import { AlertGroups } from './alert-groups.ts';
import { Containment, onlyNews } from './containment.ts';
import { type Device, deviceOf } from './device.ts';
import type { Dialect, ObxRules } from './dialect.ts';
import { type KnownRow, type KnownRows, knownRows } from './known-rows.ts';
import { MAX_PATH, MeasuredAt } from './measured-at.ts';
import { Measurements } from './measurements.ts';
import { type Hl7Message, NAMING_SEGMENTS } from './message.ts';
import { isTestRow, readObx } from './obx.ts';
import { type Item, Records } from './records.ts';
import { partAgain, rowAgain } from './row-again.ts';
import { CurrentGroup } from './row-group.ts';
import { componentOf, type Segment, trimmed } from './segment.ts';
import { FOREIGN, isLeftAside } from './segment-names.ts';
import { bedOf, type Hint, namesSomebody, patientOf, visitOf } from './subject.ts';
import { unknownCode } from './unknown-code.ts';
import { isAttribute, readWave, rowsBeneath, type WaveContent } from './waves.ts';

/** With so many bad parts a message is not read on; what is left of it is kept as one part. */
const MAX_REJECTED = 2000;
/** So many rows and parts of a message can be read again by themselves; the rest is kept as it came. */
const MOST_AGAIN = 64;
const NOBODY: SubjectHints = {};
/** HL7 table 0103: debugging, training, and the `N` of newer versions for everything that is not production. */
export const NOT_PRODUCTION = new Set(['D', 'T', 'N']);
export interface OruContent {
  records: ReadingRecord[];
  rejected: Rejected[];
  /** The rejected parts that the sender is told of. */
  errors: AckError[];
}

/** What of a message is read. */
interface Extent {
  use: 'readings' | 'alerts';
  /** Its last segments, so many; those before them only say what they are of. */
  only?: number | undefined;
}

/**
 * What an ORU tells. `alerts`: the alerts of an ORU^R40 of the shape of IHE PCD-04 (PCD TF-2, 3.4), one a group of OBR and its OBX; of a
 * message that is about nobody, as is a heartbeat, nothing. `readings`: the readings of an ORU^R01 of the shape of IHE PCD-01 (PCD TF-2,
 * 3.1): numbers under MDC codes, of one patient per PID, contained in the devices that OBX-4 counts. Each bad OBX is rejected by itself; behind a PID or a segment that cannot be read nothing says whose the
 * rest is, and all of it is rejected up to the next PID. Patient and bed of the configuration hold for messages that name none themselves.
 */
export function readOru(
  message: Hl7Message,
  receivedAt: Instant,
  context: DecodeContext,
  dialect: Dialect,
  extent: Extent = { use: 'readings' },
): OruContent {
  return new OruReader(message, receivedAt, context, dialect, extent).read();
}

const ASIDE: WaveContent = { kind: 'aside' };

class OruReader {
  readonly #message: Hl7Message;
  readonly #context: DecodeContext;
  readonly #rules: ObxRules;
  /** Rows of numbers that came before; where each row has to be read, undefined. */
  readonly #known: KnownRows | undefined;
  readonly #testMessage: boolean;
  readonly #rejected: Rejected[] = [];
  readonly #errors: AckError[] = [];
  readonly #records: Records;
  readonly #times: MeasuredAt;
  readonly #group: CurrentGroup;
  /** Whether patient and bed are named by the message, or may have been: then those of the configuration are not in force. */
  #namesPatient: boolean;
  /** The PID that was looked at for that last, by number of its segment. */
  #named: { index: number; patient: ReturnType<typeof patientOf> } | undefined;
  #namesBed: boolean;
  #measurements = new Measurements();
  /** OBX-4 of the last wave, whose attributes may follow; '' where there is none, or it has none. */
  #wavePath = '';
  /** Of a message of alerts. */
  readonly #alerts: AlertGroups | undefined;
  /** Where OBX-18 stands once: the last one, and for which MDS. */
  #lastDevice: { mds: string; device: Hint<Device> } | undefined;
  /** Where it is told what devices are made of. */
  readonly #containment: Containment | undefined;
  /** Number of the first segment that is read for itself. */
  readonly #onlyFrom: number;
  /** Rejected rows that were made into messages of their own. */
  #again = 0;
  #hasPatient = false;
  #subject: SubjectHints;
  #index = 0;
  #obr = 0;
  #obx = 0;

  constructor(message: Hl7Message, receivedAt: Instant, context: DecodeContext, { name: profile, obx }: Dialect, { use, only }: Extent) {
    this.#message = message;
    this.#context = context;
    this.#rules = obx;
    this.#group = new CurrentGroup(message);
    this.#records = new Records({ header: message.header, receivedAt, context, profile }, () => this.#rejectDevice());
    this.#testMessage = context.test || NOT_PRODUCTION.has(trimmed(message.header.component(11, 1)).toUpperCase());
    this.#times = new MeasuredAt(message.header.component(7, 1), context.zone, ({ segment, sequence, field }) =>
      this.#reject('DECODE-TIME', `${segment}[${sequence}]-${field}`, { segment, sequence, ...(field ? { field } : {}) }, false),
    );
    this.#namesPatient = names(message, 'PID', (pid, index) => {
      this.#named = { index, patient: patientOf(pid) };
      return namesSomebody(pid, this.#named.patient);
    });
    this.#namesBed = names(message, 'PV1', (pv1) => bedOf(pv1) !== 'none');
    this.#subject = this.#hints(undefined);
    this.#onlyFrom = only === undefined ? 0 : message.segments - only;
    this.#containment = context.containment && use === 'readings' && !only ? new Containment() : undefined;
    this.#alerts = use === 'alerts' ? this.#alertGroups() : undefined;
    this.#known = use === 'readings' && !only ? knownRows(obx, message.separators) : undefined;
  }

  read(): OruContent {
    const message = this.#message;
    // Who was named behind the header cannot be told from it any more.
    if (message.hidden(0) !== undefined) this.#rejectUpTo(message.segments, 'HL7-SEGMENT', 'MSH');
    for (this.#index += 1; this.#index < message.segments; this.#index += 1) {
      if (this.#rejected.length >= MAX_REJECTED) {
        this.#rejectUpTo(message.segments, 'HL7-SEGMENT', 'rest');
        break;
      }
      const known = this.#wavePath === '' ? this.#known?.next(message.text, message.from(this.#index), message.to(this.#index)) : undefined;
      if (known && (this.#hasPatient || !this.#namesPatient)) {
        this.#knownRow(known);
        continue;
      }
      const name = message.name(this.#index);
      const hidden = message.hidden(this.#index);
      if (hidden !== undefined) {
        this.#rejectHidden(name, hidden);
        continue;
      }
      switch (name) {
        case 'OBX':
          // What comes before the patient it is of could be anybody's.
          if (this.#namesPatient && !this.#hasPatient) this.#rejectUpToPatient('HL7-SEGMENT', `OBX[${this.#obx + 1}]`);
          else if (this.#alerts) this.#alertRow(this.#alerts, message.open(this.#index));
          else this.#observation(message.open(this.#index));
          break;
        case 'OBR':
          this.#begin();
          break;
        case 'PID':
          this.#patient(message.open(this.#index));
          break;
        case 'PV1':
          this.#visit(message.open(this.#index));
          break;
        case 'MSH':
          // Two messages ran into each other: nothing of the second may be taken for the first one's patient.
          this.#rejectUpTo(message.segments, 'HL7-SEGMENT', 'MSH[2]');
          break;
        default:
          if (FOREIGN.has(name)) this.#reject('HL7-SEGMENT', `segment[${this.#index + 1}]`);
          // A name that no segment has was damaged on the way, and may have been that of another patient.
          else if (!isLeftAside(name)) this.#rejectUpToPatient('HL7-SEGMENT', `segment[${this.#index + 1}]`);
      }
    }
    this.#alerts?.end();
    this.#describe();
    const all = this.#records.finish();
    const records = this.#containment ? onlyNews(all, this.#context) : all;
    return { records, rejected: this.#rejected, errors: this.#errors };
  }

  /** A group begins; where a message of alerts ends one, its alert is of the patient and place until here. */
  #begin(): void {
    this.#alerts?.end();
    this.#obr += 1;
    this.#group.begin(this.#index);
    this.#lastDevice = undefined;
    const obr = this.#message.open(this.#index);
    this.#times.group(obr.component(7, 1), this.#obr);
    if (this.#alerts && !this.#alerts.begin(obr, this.#index, this.#obr))
      this.#reject('DECODE-FIELD', `OBR[${this.#obr}]-3`, { segment: 'OBR', sequence: this.#obr, field: 3 });
  }

  /**
   * A segment that holds what could be another, or a text: kept. Where it could name another patient, or what was read of it holds for the
   * rows behind it, the rest with it.
   */
  #rejectHidden(name: string, hidden: string): void {
    const part = `segment[${this.#index + 1}]`;
    const isAlone = !NAMING_SEGMENTS.has(hidden) && (name === 'OBX' || FOREIGN.has(name) || isLeftAside(name));
    if (!isAlone) this.#rejectUpToPatient('HL7-SEGMENT', part);
    else {
      if (name === 'OBX') this.#obx += 1;
      this.#reject('HL7-SEGMENT', part);
    }
  }

  /** Rejects this segment and all behind it up to the next PID; to the end where another message has run into this one. */
  #rejectUpToPatient(code: ErrorCode, part: string, location?: AckError['location']): void {
    this.#alerts?.end();
    const message = this.#message;
    let to = this.#index;
    do {
      if (message.isHeader(to)) to = message.segments;
      else to += 1;
    } while (to < message.segments && message.name(to) !== 'PID');
    // Whose it would be is said by itself, or by what was in force until here.
    const again = this.#partAgain(this.#index, to);
    this.#namesPatient = true;
    this.#namesBed = true;
    this.#rejectUpTo(to, code, part, location, again);
  }

  #rejectUpTo(to: number, code: ErrorCode, part: string, location?: AckError['location'], again: Pick<Rejected, 'again'> = {}): void {
    const raw = this.#message.bytes(this.#index, to);
    this.#rejected.push({ code, part, bytes: raw.length, raw, ...again });
    this.#errors.push({ code, ...(location ? { location } : {}) });
    for (; this.#index < to; this.#index += 1) {
      const name = this.#message.name(this.#index);
      if (name === 'OBX') this.#obx += 1;
      else if (name === 'OBR') this.#obr += 1;
    }
    this.#index -= 1;
  }

  /** Nothing of one patient (device, time, half a blood pressure) holds for the next. */
  #patient(pid: Segment): void {
    this.#alerts?.end();
    this.#describe();
    this.#lastDevice = undefined;
    this.#records.nextPatient();
    this.#measurements = new Measurements();
    this.#times.group('', this.#obr);
    this.#group.begin(0);
    const patient = this.#named?.index === this.#index ? this.#named.patient : patientOf(pid);
    this.#hasPatient = true;
    if (patient === 'unreadable') this.#rejectUpToPatient('DECODE-FIELD', 'PID-3', { segment: 'PID', sequence: 1, field: 3 });
    else this.#subject = this.#hints(patient === 'none' ? undefined : patient);
  }

  #hints(named: SubjectHints['patient']): SubjectHints {
    const patient = named ?? (this.#namesPatient ? undefined : this.#context.patient);
    const bed = this.#namesBed ? undefined : this.#context.bed;
    const hints: SubjectHints = {};
    if (patient) hints.patient = patient;
    if (bed) hints.bed = bed;
    return hints;
  }

  #visit(pv1: Segment): void {
    this.#alerts?.place();
    const subject = this.#hints(this.#subject.patient);
    const [bed, visit] = [bedOf(pv1), visitOf(pv1)];
    if (bed === 'unreadable') this.#rejectVisit(3);
    else if (bed !== 'none') subject.bed = bed.text;
    if (visit === 'unreadable') this.#rejectVisit(19);
    else if (visit !== 'none') subject.visit = visit.text;
    this.#subject = subject;
  }

  #rejectVisit(field: number): void {
    this.#reject('DECODE-FIELD', `PV1-${field}`, { segment: 'PV1', sequence: 1, field });
  }

  #observation(obx: Segment): void {
    const message = this.#message;
    const known =
      this.#wavePath === '' ? this.#known?.find(message.text, message.from(this.#index), message.to(this.#index), obx) : undefined;
    if (known) {
      this.#knownRow(known);
      return;
    }
    this.#obx += 1;
    const path = trimmed(obx.field(4));
    // Also of a row that is refused or left aside: it may be the one that names the device. One without a type may name a part of it.
    if (this.#rules.deviceOnce && obx.field(2) !== '') this.#deviceOf(deviceOf(obx), componentOf(path, 1, '.'));
    const use = this.#rules.use(obx, this.#group);
    if (this.#index < this.#onlyFrom) {
      if (use === 'value' && readObx(obx, this.#rules).kind === 'structure') this.#structure(obx, path);
      return;
    }
    if (use === 'alarm') {
      this.#alarm(obx, path);
      return;
    }
    if (use !== 'value') {
      this.#aside(use === 'setting' ? 'HL7-SETTING' : 'HL7-ASIDE', obx);
      return;
    }
    if (this.#wavePath !== '') {
      if (isAttribute(obx, this.#wavePath)) {
        this.#aside('HL7-ASIDE', obx);
        return;
      }
      if (!path.startsWith(`${this.#wavePath}.`)) this.#wavePath = '';
    }
    const content = readObx(obx, this.#rules);
    const vital =
      content.kind === 'reading' ? content.row.key : content.kind === 'structure' || content.kind === 'setting' ? undefined : content.vital;
    const measurement = vital === undefined ? undefined : this.#measurements.of(vital, path);
    switch (content.kind) {
      case 'structure':
        this.#structure(obx, path);
        break;
      case 'setting':
        this.#aside('HL7-SETTING', obx);
        break;
      case 'other-type':
        if (content.vital === undefined && obx.field(2).trim() === 'NA') this.#wave(obx, path);
        else this.#otherType(obx, content.isNumber);
        break;
      case 'refused':
        this.#rejectObx(content.code, content.field, true, unknownIn(obx, content.code));
        break;
      case 'reading': {
        const { reading, flags, row, test } = content;
        const said = [...flags];
        this.#containment?.metric(path, row, reading.mdc);
        this.#times.stamp(reading, flags, path, obx.component(14, 1), this.#obx);
        if (measurement) reading.measurement = measurement;
        if (flags.length > 0) reading.flags = flags;
        const refused = checkReading(reading);
        if (refused !== undefined) this.#rejectObx(refused, 5);
        else {
          const mds = componentOf(path, 1, '.');
          const device = deviceOf(obx);
          this.#known?.learn(message.text, message.from(this.#index), message.to(this.#index), obx, {
            ...content,
            flags: said,
            path,
            mds,
            device,
          });
          this.#add({ class: row.class === 'spot' ? 'spot' : 'continuous', reading }, mds, test, device);
        }
      }
    }
  }

  /** A row like one before. That one passed every check, and neither a number in digits nor a time that was read can be what is refused. */
  #knownRow({ path, mds, row, reading: said, flags: known, test, device, isPart }: KnownRow): void {
    this.#obx += 1;
    if (this.#rules.deviceOnce) this.#deviceOf(device, mds);
    const reading: Reading = { vital: row.key, value: this.#known?.value ?? Number.NaN };
    if (said.mdc !== undefined) reading.mdc = said.mdc;
    if (said.status !== undefined) reading.status = said.status;
    if (said.limits !== undefined) reading.limits = said.limits;
    const flags = known.length > 0 ? [...known] : [];
    const measurement = isPart ? this.#measurements.of(row.key, path) : undefined;
    this.#containment?.metric(path, row, said.mdc);
    this.#times.stamp(reading, flags, path, this.#known?.time(this.#message.text) ?? '', this.#obx);
    if (measurement !== undefined && measurement > 0) reading.measurement = measurement;
    if (flags.length > 0) reading.flags = flags;
    this.#add({ class: row.class === 'spot' ? 'spot' : 'continuous', reading }, mds, test, device);
  }

  /** A row by which the sender tells of an alarm, in its own form. */
  #alarm(obx: Segment, path: string): void {
    const alert = this.#rules.alarm?.(obx, this.#group);
    if (!alert) {
      this.#rejectObx('DECODE-FIELD', 5);
      return;
    }
    if (alert.effective === undefined) {
      const flags = [...(alert.flags ?? [])];
      this.#times.stamp(alert, flags, path, obx.component(14, 1), this.#obx);
      if (flags.length > 0) alert.flags = flags;
    }
    const refused = checkAlert(alert);
    if (refused === undefined) this.#add({ class: 'alert', alert }, componentOf(path, 1, '.'), isTestRow(obx), deviceOf(obx));
    else this.#rejectObx(refused, 5);
  }

  /** A wave, and the rows beneath it; where waves are not read, it is counted. */
  #wave(obx: Segment, path: string): void {
    this.#wavePath = path;
    const beneath = this.#context.waves ? rowsBeneath(this.#message, this.#index, path) : [];
    const content = this.#context.waves ? readWave(obx, beneath, this.#rules) : ASIDE;
    if (content.kind === 'aside') this.#aside('HL7-ASIDE', obx);
    else if (content.kind === 'refused') this.#rejectObx(content.code, content.field, true, unknownIn(obx, content.code), beneath.length);
    else {
      const { wave, flags, test } = content;
      this.#times.stamp(wave, flags, path, obx.component(14, 1), this.#obx);
      if (flags.length > 0) wave.flags = flags;
      this.#add({ class: 'waveform', wave }, componentOf(path, 1, '.'), test, deviceOf(obx));
    }
  }

  /** Texts and codes are counted; what looks like a number may be a measurement, and is kept. */
  #otherType(obx: Segment, keep: boolean): void {
    const raw = keep ? this.#message.bytes(this.#index, this.#index + 1) : undefined;
    const kept = raw ? { raw, ...this.#readAgain() } : {};
    this.#rejected.push({ code: 'HL7-VALUE-TYPE', part: `OBX[${this.#obx}]`, bytes: obx.length, ...kept });
  }

  /** A dialect that is mended later may know the row. `beneath`: of a wave, how many rows say how it was sampled; an alert is of several rows. */
  #readAgain(beneath?: number): Pick<Rejected, 'again'> {
    if (this.#alerts || (this.#wavePath !== '' && beneath === undefined) || this.#again >= MOST_AGAIN) return {};
    return this.#kept(rowAgain(this.#message, this.#index, this.#rules, beneath), 1 + (beneath ?? 0));
  }

  /** The same of segments `from` up to `to`. */
  #partAgain(from: number, to: number): Pick<Rejected, 'again'> {
    // Before the first patient of a message it is nobody's; by itself it would be anybody's.
    if (this.#namesPatient && !this.#hasPatient && this.#message.name(from) !== 'PID') return {};
    return this.#again >= MOST_AGAIN ? {} : this.#kept(partAgain(this.#message, from, to, this.#rules), to - from);
  }

  /** The same of the alert that ends here. One that begins below the OBR of another would take its name. */
  #groupAgain(from: number): Pick<Rejected, 'again'> {
    return this.#message.name(from) === 'OBR' ? this.#partAgain(from, Math.min(this.#index, this.#message.segments)) : {};
  }

  #kept(raw: Uint8Array | undefined, last: number): Pick<Rejected, 'again'> {
    if (!raw) return {};
    this.#again += 1;
    const { patient, bed } = this.#context;
    const subject = { ...(patient && !this.#namesPatient && { patient }), ...(bed !== undefined && !this.#namesBed && { bed }) };
    return { again: { raw, subject, ...(last > 1 && { last }) } };
  }

  /** A row of a device, channel or panel: who measures, and when what it contains was measured. */
  #structure(obx: Segment, path: string): void {
    if (path.length > MAX_PATH) {
      this.#rejectObx('DECODE-FIELD', 4);
      return;
    }
    this.#times.row(path, obx.component(14, 1), this.#obx);
    this.#containment?.structure(obx, path);
    const device = deviceOf(obx);
    if (device === 'unreadable') this.#rejectObx('DECODE-FIELD', 18);
    const [mds = '', ...below] = path.split('.');
    if (device !== 'none' && mds !== '' && below.every((part) => part === '0')) this.#records.setDevice(mds, device);
  }

  #add(item: Item, mds: string, testRow: boolean, own: Hint<Device>): void {
    const test = testRow || this.#testMessage;
    const device = this.#deviceOf(own, mds);
    if (!this.#records.add({ item, subject: this.#subject, mds, device, test })) this.#rejectObx('DECODE-FIELD', 18);
  }

  /** OBX-18 of a row, or that of a row before it where the dialect says so. */
  #deviceOf(own: Hint<Device>, mds: string): Hint<Device> {
    if (!this.#rules.deviceOnce) return own;
    if (own !== 'none') this.#lastDevice = { mds, device: own };
    return this.#lastDevice?.mds === mds ? this.#lastDevice.device : own;
  }

  #alertRow(alerts: AlertGroups, obx: Segment): void {
    this.#obx += 1;
    alerts.row(obx, obx.field(4).trim(), this.#index, this.#obx);
  }

  #alertGroups(): AlertGroups {
    return new AlertGroups({
      times: this.#times,
      refuseRow: (code, field) => this.#rejectObx(code, field),
      keepGroup: (refused, from) => Object.assign(refused, this.#groupAgain(from)),
      refuseGroup: (code, from, obr) => {
        if (from < this.#onlyFrom) return;
        const raw = this.#message.bytes(from, Math.min(this.#index, this.#message.segments));
        this.#rejected.push({ code, part: `OBR[${obr}]`, bytes: raw.length, raw, ...this.#groupAgain(from) });
        this.#errors.push({ code, location: { segment: 'OBR', sequence: obr } });
      },
      other: (kind) => {
        const obx = this.#message.open(this.#index);
        if (kind === 'structure') this.#structure(obx, obx.field(4).trim());
        else this.#aside('HL7-ASIDE', obx);
      },
      add: (alert, mds, device, testRow) =>
        this.#records.add({ item: { class: 'alert', alert }, subject: this.#subject, mds, device, test: testRow || this.#testMessage }),
    });
  }

  /** Counted, and not kept: nothing in it is a measurement. */
  #aside(code: ErrorCode, obx: Segment): void {
    this.#rejected.push({ code, part: `OBX[${this.#obx}]`, bytes: obx.length });
  }

  /** What the devices until here are made of; it is of no patient, and of the device that their readings are of. */
  #describe(): void {
    for (const [mds, tree] of this.#containment?.trees() ?? []) {
      const device = this.#lastDevice?.mds === mds ? this.#lastDevice.device : 'none';
      this.#records.add({ item: { class: 'device', tree }, subject: NOBODY, mds, device, test: this.#testMessage });
    }
  }

  /** The whole message is kept, once, however many devices of it are not listed. */
  #rejectDevice(): void {
    const raw = this.#message.bytes(0, this.#message.segments);
    this.#rejected.push({ code: 'DECODE-DEVICE-UNKNOWN', part: 'message', bytes: raw.length, raw });
    this.#errors.push({ code: 'DECODE-DEVICE-UNKNOWN' });
  }

  #rejectObx(code: ErrorCode, field: number, keep = true, unknown?: string, beneath?: number): Rejected {
    const location = { segment: 'OBX', sequence: this.#obx, field };
    return this.#reject(code, `OBX[${this.#obx}]${keep ? '' : `-${field}`}`, location, keep, unknown, beneath);
  }

  #reject(code: ErrorCode, part: string, location?: AckError['location'], keep = true, unknown?: string, beneath?: number): Rejected {
    const raw = keep ? this.#message.bytes(this.#index, this.#index + 1) : undefined;
    const rejected: Rejected = { code, part, bytes: raw?.length ?? 0, ...(raw && { raw }), ...(unknown === undefined ? {} : { unknown }) };
    // What is before the part that is read was told when the message came.
    if (this.#index < this.#onlyFrom) return rejected;
    if (raw && location?.segment === 'OBX') Object.assign(rejected, this.#readAgain(beneath));
    this.#rejected.push(rejected);
    this.#errors.push({ code, ...(location ? { location } : {}) });
    return rejected;
  }
}

/** What the operator is told of a row whose code or unit is not in the table. */
function unknownIn(obx: Segment, code: ErrorCode): string | undefined {
  if (code === 'DECODE-UNKNOWN-CODE') return unknownCode(obx, 3);
  return code === 'DECODE-UNIT' ? unknownCode(obx, 6) : undefined;
}

/** Whether any segment of this name says whom or where it is about, be it readable or not; up to where another message begins. */
function names(message: Hl7Message, segment: 'PID' | 'PV1', says: (segment: Segment, index: number) => boolean): boolean {
  for (let i = 1; i < message.segments; i += 1) {
    const name = message.name(i);
    if (name === 'MSH') return false;
    if (name === segment && says(message.open(i), i)) return true;
  }
  return false;
}

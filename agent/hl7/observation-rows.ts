import type { Reading } from '../../shared/reading.ts';
import { checkAlert, checkReading } from '../../shared/reading-check.ts';
import { type Device, deviceOf } from './device.ts';
import type { ObxRules } from './dialect.ts';
import type { KnownRow, KnownRows } from './known-rows.ts';
import type { MeasuredAt } from './measured-at.ts';
import { Measurements } from './measurements.ts';
import type { MessageCursor } from './message-cursor.ts';
import { isTestRow, readObx } from './obx.ts';
import type { Item, Records } from './records.ts';
import type { RejectedParts } from './rejected-parts.ts';
import type { RowDevices } from './row-devices.ts';
import type { CurrentGroup } from './row-group.ts';
import { componentOf, type Segment, trimmed } from './segment.ts';
import type { Hint } from './subject.ts';
import type { SubjectInForce } from './subject-in-force.ts';
import { unknownIn } from './unknown-code.ts';
import { isAttribute, readWave, rowsBeneath, type WaveContent } from './waves.ts';

const ASIDE: WaveContent = { kind: 'aside' };

/** What the rows of a message are read with. */
export interface RowContext {
  at: MessageCursor;
  rules: ObxRules;
  /** Rows of numbers that came before; where each row has to be read, undefined. */
  known: KnownRows | undefined;
  /** Whether waves are read. */
  waves: boolean;
  group: CurrentGroup;
  times: MeasuredAt;
  subject: SubjectInForce;
  devices: RowDevices;
  records: Records;
  rejected: RejectedParts;
}

/** Reads the OBX of an ORU^R01, one row at a time: each becomes a reading, an alert, a wave or a word about a device, or is rejected by itself. */
export class ObservationRows {
  readonly #at: MessageCursor;
  readonly #rules: ObxRules;
  readonly #known: KnownRows | undefined;
  readonly #waves: boolean;
  readonly #group: CurrentGroup;
  readonly #times: MeasuredAt;
  readonly #subject: SubjectInForce;
  readonly #devices: RowDevices;
  readonly #records: Records;
  readonly #rejected: RejectedParts;
  #measurements = new Measurements();

  constructor({ at, rules, known, waves, group, times, subject, devices, records, rejected }: RowContext) {
    this.#at = at;
    this.#rules = rules;
    this.#known = known;
    this.#waves = waves;
    this.#group = group;
    this.#times = times;
    this.#subject = subject;
    this.#devices = devices;
    this.#records = records;
    this.#rejected = rejected;
  }

  /** Half a blood pressure of one patient is none of the next. */
  nextPatient(): void {
    this.#measurements = new Measurements();
  }

  /** The row that stands here, if it is the one that came at this place the last time; it is not read yet. */
  next(): KnownRow | undefined {
    const { message, index, wavePath } = this.#at;
    return wavePath === '' ? this.#known?.next(message.text, message.from(index), message.to(index)) : undefined;
  }

  /** A row like one before. That one passed every check, and neither a number in digits nor a time that was read can be what is refused. */
  readKnown({ path, mds, row, reading: said, flags: known, test, device, isPart }: KnownRow): void {
    const at = this.#at;
    at.obx += 1;
    if (this.#rules.deviceOnce) this.#devices.of(device, mds);
    const reading: Reading = { vital: row.key, value: this.#known?.value ?? Number.NaN };
    if (said.mdc !== undefined) reading.mdc = said.mdc;
    if (said.status !== undefined) reading.status = said.status;
    if (said.limits !== undefined) reading.limits = said.limits;
    const flags = known.length > 0 ? [...known] : [];
    const measurement = isPart ? this.#measurements.of(row.key, path) : undefined;
    this.#devices.metric(path, row, said.mdc);
    this.#times.stamp(reading, flags, path, this.#known?.time(at.message.text) ?? '', at.obx);
    if (measurement !== undefined && measurement > 0) reading.measurement = measurement;
    if (flags.length > 0) reading.flags = flags;
    this.#add({ class: row.class === 'spot' ? 'spot' : 'continuous', reading }, mds, test, device);
  }

  /** The row that stands here. */
  read(obx: Segment): void {
    const at = this.#at;
    const { message, index } = at;
    const known = at.wavePath === '' ? this.#known?.find(message.text, message.from(index), message.to(index), obx) : undefined;
    if (known) {
      this.readKnown(known);
      return;
    }
    at.obx += 1;
    const path = trimmed(obx.field(4));
    // Also of a row that is refused or left aside: it may be the one that names the device. One without a type may name a part of it.
    if (this.#rules.deviceOnce && obx.field(2) !== '') this.#devices.of(deviceOf(obx), componentOf(path, 1, '.'));
    const use = this.#rules.use(obx, this.#group);
    if (at.isContext) {
      if (use === 'value' && readObx(obx, this.#rules).kind === 'structure') this.#devices.structure(obx, path);
      return;
    }
    if (use === 'alarm') {
      this.#alarm(obx, path);
      return;
    }
    if (use !== 'value') {
      this.#rejected.aside(use === 'setting' ? 'HL7-SETTING' : 'HL7-ASIDE', obx);
      return;
    }
    if (at.wavePath !== '') {
      if (isAttribute(obx, at.wavePath)) {
        this.#rejected.aside('HL7-ASIDE', obx);
        return;
      }
      if (!path.startsWith(`${at.wavePath}.`)) at.wavePath = '';
    }
    this.#value(obx, path);
  }

  /** A row that is neither an alarm nor about another one. */
  #value(obx: Segment, path: string): void {
    const content = readObx(obx, this.#rules);
    const vital =
      content.kind === 'reading' ? content.row.key : content.kind === 'structure' || content.kind === 'setting' ? undefined : content.vital;
    const measurement = vital === undefined ? undefined : this.#measurements.of(vital, path);
    switch (content.kind) {
      case 'structure':
        this.#devices.structure(obx, path);
        break;
      case 'setting':
        this.#rejected.aside('HL7-SETTING', obx);
        break;
      case 'other-type':
        if (content.vital === undefined && obx.field(2).trim() === 'NA') this.#wave(obx, path);
        else this.#rejected.otherType(obx, content.isNumber);
        break;
      case 'refused':
        this.#rejected.row(content.code, content.field, unknownIn(obx, content.code));
        break;
      case 'reading': {
        const { reading, flags, row, test } = content;
        const said = [...flags];
        this.#devices.metric(path, row, reading.mdc);
        this.#times.stamp(reading, flags, path, obx.component(14, 1), this.#at.obx);
        if (measurement) reading.measurement = measurement;
        if (flags.length > 0) reading.flags = flags;
        const refused = checkReading(reading);
        if (refused !== undefined) this.#rejected.row(refused, 5);
        else {
          const { message, index } = this.#at;
          const mds = componentOf(path, 1, '.');
          const device = deviceOf(obx);
          this.#known?.learn(message.text, message.from(index), message.to(index), obx, { ...content, flags: said, path, mds, device });
          this.#add({ class: row.class === 'spot' ? 'spot' : 'continuous', reading }, mds, test, device);
        }
      }
    }
  }

  /** A row by which the sender tells of an alarm, in its own form. */
  #alarm(obx: Segment, path: string): void {
    const alert = this.#rules.alarm?.(obx, this.#group);
    if (!alert) {
      this.#rejected.row('DECODE-FIELD', 5);
      return;
    }
    if (alert.effective === undefined) {
      const flags = [...(alert.flags ?? [])];
      this.#times.stamp(alert, flags, path, obx.component(14, 1), this.#at.obx);
      if (flags.length > 0) alert.flags = flags;
    }
    const refused = checkAlert(alert);
    if (refused === undefined) this.#add({ class: 'alert', alert }, componentOf(path, 1, '.'), isTestRow(obx), deviceOf(obx));
    else this.#rejected.row(refused, 5);
  }

  /** A wave, and the rows beneath it; where waves are not read, it is counted. */
  #wave(obx: Segment, path: string): void {
    const at = this.#at;
    at.wavePath = path;
    const beneath = this.#waves ? rowsBeneath(at.message, at.index, path) : [];
    const content = this.#waves ? readWave(obx, beneath, this.#rules) : ASIDE;
    if (content.kind === 'aside') this.#rejected.aside('HL7-ASIDE', obx);
    else if (content.kind === 'refused') {
      // A measurement beneath it is read for itself: with that one in it, the part would give it once more.
      const about = beneath.every((row) => isAttribute(row, path)) ? beneath.length : undefined;
      this.#rejected.row(content.code, content.field, unknownIn(obx, content.code), about);
    } else {
      const { wave, flags, test } = content;
      this.#times.stamp(wave, flags, path, obx.component(14, 1), at.obx);
      if (flags.length > 0) wave.flags = flags;
      this.#add({ class: 'waveform', wave }, componentOf(path, 1, '.'), test, deviceOf(obx));
    }
  }

  #add(item: Item, mds: string, test: boolean, own: Hint<Device>): void {
    const device = this.#devices.of(own, mds);
    if (!this.#records.add({ item, subject: this.#subject.current, mds, device, test })) this.#rejected.row('DECODE-FIELD', 18);
  }
}

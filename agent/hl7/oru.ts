import type { Instant } from '../../shared/clock.ts';
import type { ErrorCode } from '../../shared/errors.ts';
import type { ReadingRecord } from '../../shared/reading.ts';
import type { DecodeContext, Rejected } from '../decoding.ts';
import type { AckError } from './ack.ts';
import { AlertGroups } from './alert-groups.ts';
import { isDeviceRow } from './alerts.ts';
import { Containment, onlyNews } from './containment.ts';
import type { Dialect } from './dialect.ts';
import { knownRows } from './known-rows.ts';
import { MeasuredAt } from './measured-at.ts';
import { type Hl7Message, NAMING_SEGMENTS } from './message.ts';
import { MessageCursor } from './message-cursor.ts';
import { ObservationRows } from './observation-rows.ts';
import { PartsAgain } from './parts-again.ts';
import { Records } from './records.ts';
import { RejectedParts } from './rejected-parts.ts';
import { RowDevices } from './row-devices.ts';
import { CurrentGroup } from './row-group.ts';
import { type Segment, trimmed } from './segment.ts';
import { FOREIGN, isLeftAside } from './segment-names.ts';
import { SubjectInForce } from './subject-in-force.ts';

/** With so many bad parts a message is not read on; what is left of it is kept as one part. */
const MAX_REJECTED = 2000;
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

/** Goes through the segments: whose each row is, and in which group it stands. */
class OruReader {
  readonly #at: MessageCursor;
  readonly #context: DecodeContext;
  readonly #subject: SubjectInForce;
  readonly #group: CurrentGroup;
  readonly #times: MeasuredAt;
  readonly #again: PartsAgain;
  readonly #rejected: RejectedParts;
  readonly #records: Records;
  readonly #devices: RowDevices;
  readonly #rows: ObservationRows;
  /** Of a message of alerts. */
  readonly #alerts: AlertGroups | undefined;
  /** Whether it is told what devices are made of. */
  readonly #tellsDevices: boolean;

  constructor(
    message: Hl7Message,
    receivedAt: Instant,
    context: DecodeContext,
    { name: profile, obx: rules }: Dialect,
    { use, only }: Extent,
  ) {
    const { header } = message;
    const isWhole = use === 'readings' && !only;
    const test = context.test || NOT_PRODUCTION.has(trimmed(header.component(11, 1)).toUpperCase());
    this.#tellsDevices = context.containment === true && isWhole;
    this.#context = context;
    const at = new MessageCursor(message, only);
    const subject = new SubjectInForce(message, context);
    const again = new PartsAgain(at, rules, subject, use === 'alerts');
    const rejected = new RejectedParts(at, again);
    const group = new CurrentGroup(message);
    const times = new MeasuredAt(header.component(7, 1), context.zone, (place) => rejected.time(place));
    const records = new Records({ header, receivedAt, context, profile, test }, () => rejected.device());
    const devices = new RowDevices(at, rules, times, records, rejected, this.#tellsDevices ? new Containment() : undefined);
    const known = isWhole ? knownRows(rules, message.separators) : undefined;
    const waves = context.waves === true;
    this.#at = at;
    this.#subject = subject;
    this.#again = again;
    this.#rejected = rejected;
    this.#group = group;
    this.#times = times;
    this.#records = records;
    this.#devices = devices;
    this.#rows = new ObservationRows({ at, rules, known, waves, group, times, subject, devices, records, rejected });
    this.#alerts = use === 'alerts' ? this.#alertGroups() : undefined;
  }

  read(): OruContent {
    const at = this.#at;
    const { message } = at;
    const rows = this.#rows;
    const subject = this.#subject;
    const rejected = this.#rejected.all;
    // Who was named behind the header cannot be told from it any more.
    if (message.hidden(0) !== undefined) this.#rejected.upTo(message.segments, 'HL7-SEGMENT', 'MSH');
    for (at.index += 1; at.index < message.segments; at.index += 1) {
      if (rejected.length >= MAX_REJECTED) {
        this.#rejected.upTo(message.segments, 'HL7-SEGMENT', 'rest');
        break;
      }
      const known = rows.next();
      if (known && !subject.isToCome) rows.readKnown(known);
      else this.#segment(message.name(at.index));
    }
    this.#alerts?.end();
    this.#devices.describe();
    const all = this.#records.finish();
    const records = this.#tellsDevices ? onlyNews(all, this.#context) : all;
    return { records, rejected, errors: this.#rejected.errors };
  }

  /** The segment that stands here, by its name. */
  #segment(name: string): void {
    const at = this.#at;
    const { message } = at;
    const hidden = message.hidden(at.index);
    if (hidden !== undefined) {
      this.#rejectHidden(name, hidden);
      return;
    }
    switch (name) {
      case 'OBX':
        if (this.#subject.isToCome) this.#rejectUpToPatient('HL7-SEGMENT', `OBX[${at.obx + 1}]`);
        else if (this.#alerts) this.#alertRow(this.#alerts, message.open(at.index));
        else this.#rows.read(message.open(at.index));
        break;
      case 'OBR':
        this.#begin();
        break;
      case 'PID':
        this.#patient(message.open(at.index));
        break;
      case 'PV1':
        this.#visit(message.open(at.index));
        break;
      case 'MSH':
        // Two messages ran into each other: nothing of the second may be taken for the first one's patient.
        this.#rejected.upTo(message.segments, 'HL7-SEGMENT', 'MSH[2]');
        break;
      default:
        if (FOREIGN.has(name)) this.#rejected.segment('HL7-SEGMENT', `segment[${at.index + 1}]`);
        // A name that no segment has was damaged on the way, and may have been that of another patient.
        else if (!isLeftAside(name)) this.#rejectUpToPatient('HL7-SEGMENT', `segment[${at.index + 1}]`);
    }
  }

  /** A group begins; where a message of alerts ends one, its alert is of the patient and place until here. */
  #begin(): void {
    const at = this.#at;
    this.#alerts?.end();
    at.obr += 1;
    this.#group.begin(at.index);
    this.#devices.nextGroup();
    const obr = at.message.open(at.index);
    this.#times.group(obr.component(7, 1), at.obr);
    if (this.#alerts && !this.#alerts.begin(obr, at.index, at.obr))
      this.#rejected.segment('DECODE-FIELD', `OBR[${at.obr}]-3`, { segment: 'OBR', sequence: at.obr, field: 3 });
  }

  /** Nothing of one patient (device, time, half a blood pressure) holds for the next. */
  #patient(pid: Segment): void {
    this.#alerts?.end();
    this.#devices.describe();
    this.#devices.nextGroup();
    this.#records.nextPatient();
    this.#rows.nextPatient();
    this.#times.group('', this.#at.obr);
    this.#group.begin(0);
    if (!this.#subject.patient(pid, this.#at.index))
      this.#rejectUpToPatient('DECODE-FIELD', 'PID-3', { segment: 'PID', sequence: 1, field: 3 });
  }

  #visit(pv1: Segment): void {
    this.#alerts?.place();
    for (const field of this.#subject.visit(pv1))
      this.#rejected.segment('DECODE-FIELD', `PV1-${field}`, { segment: 'PV1', sequence: 1, field });
  }

  /**
   * A segment that holds what could be another, or a text: kept. Where it could name another patient, or what was read of it holds for the
   * rows behind it, the rest with it.
   */
  #rejectHidden(name: string, hidden: string): void {
    const part = `segment[${this.#at.index + 1}]`;
    const isAlone = !NAMING_SEGMENTS.has(hidden) && (name === 'OBX' || FOREIGN.has(name) || isLeftAside(name));
    if (!isAlone) this.#rejectUpToPatient('HL7-SEGMENT', part);
    else {
      if (name === 'OBX') this.#at.obx += 1;
      this.#rejected.segment('HL7-SEGMENT', part);
    }
  }

  /** Rejects this segment and all behind it up to the next PID; to the end where another message has run into this one. */
  #rejectUpToPatient(code: ErrorCode, part: string, location?: AckError['location']): void {
    this.#alerts?.end();
    const { message, index } = this.#at;
    let to = index;
    do {
      if (message.isHeader(to)) to = message.segments;
      else to += 1;
    } while (to < message.segments && message.name(to) !== 'PID');
    // Whose it would be is said by itself, or by what was in force until here.
    const again = this.#again.part(index, to);
    this.#subject.endConfigured();
    this.#rejected.upTo(to, code, part, location, again);
  }

  #alertRow(alerts: AlertGroups, obx: Segment): void {
    const at = this.#at;
    at.obx += 1;
    const path = obx.field(4).trim();
    const isDevice = isDeviceRow(obx);
    if (at.index < at.onlyFrom) {
      if (isDevice) this.#devices.structure(obx, path);
      // An alert that began before what is read was read then; a second one would take its name.
    } else if (this.#group.from > 0 && this.#group.from < at.onlyFrom && !isDevice) this.#rejected.row('DECODE-FIELD', 4);
    else alerts.row(obx, path, at.index, at.obx);
  }

  #alertGroups(): AlertGroups {
    const at = this.#at;
    const rejected = this.#rejected;
    return new AlertGroups({
      times: this.#times,
      refuseRow: (code, field) => rejected.row(code, field),
      keepGroup: (refused, from) => Object.assign(refused, this.#again.alert(from)),
      refuseGroup: (code, from, obr) => rejected.alert(code, from, obr),
      other: (kind) => {
        const obx = at.message.open(at.index);
        if (kind === 'structure') this.#devices.structure(obx, obx.field(4).trim());
        else rejected.aside('HL7-ASIDE', obx);
      },
      add: (alert, mds, device, test) =>
        this.#records.add({ item: { class: 'alert', alert }, subject: this.#subject.current, mds, device, test }),
    });
  }
}

import type { DeviceAlert } from '../../shared/alert.ts';
import type { ErrorCode } from '../../shared/errors.ts';
import type { Flag } from '../../shared/reading.ts';
import { checkAlert } from '../../shared/reading-check.ts';
import type { Rejected } from '../decoding.ts';
import { AlertRows, instanceOf } from './alerts.ts';
import type { Device } from './device.ts';
import type { MeasuredAt } from './measured-at.ts';
import type { Segment } from './segment.ts';
import type { Hint } from './subject.ts';

/** What the reader of a message does for its alerts. */
export interface AlertHost {
  readonly times: MeasuredAt;
  /** OBX-`field` of the row that is open was refused, and is kept. */
  refuseRow(code: ErrorCode, field: number): Rejected;
  /** That row was to be of an alert of which nothing came: the group from segment `from` up to the one that is open says what it is. */
  keepGroup(refused: Rejected, from: number): void;
  /** A row that says nothing of an alert: of a device, or an attribute that is not read. */
  other(kind: 'structure' | 'aside'): void;
  /** Group `obr` was refused; it is kept from segment `from` up to the one that is open. */
  refuseGroup(code: ErrorCode, from: number, obr: number): void;
  /** False where its device was named and cannot be read. */
  add(alert: DeviceAlert, mds: string, device: Hint<Device>, test: boolean): boolean;
}

/** Makes alerts of the rows of an ORU^R40, one a group; all of them end where another patient, place or group begins. */
export class AlertGroups {
  readonly #host: AlertHost;
  #rows: AlertRows | undefined;
  #instance: string | undefined;
  #from = 0;
  #obr = 0;
  /** A row of it that was refused, and is kept. */
  #refused: Rejected | undefined;

  constructor(host: AlertHost) {
    this.#host = host;
  }

  /** A group begins with segment `index`. False where OBR-3 or OBR-29 cannot be read: then its alert has no name. */
  begin(obr: Segment, index: number, sequence: number): boolean {
    this.end();
    this.#rows = new AlertRows();
    this.#from = index;
    this.#obr = sequence;
    this.#refused = undefined;
    const instance = instanceOf(obr);
    this.#instance = instance === 'unreadable' ? undefined : instance;
    return instance !== 'unreadable';
  }

  row(obx: Segment, path: string, index: number, sequence: number): void {
    if (this.#rows?.isNext(obx)) {
      this.#finish();
      this.#from = index;
      this.#rows = undefined;
    }
    if (!this.#rows) {
      this.#rows = new AlertRows();
      this.#from = index;
    }
    const said = this.#rows.add(obx);
    if (said === 'event') this.#stamp(this.#rows.alert, obx, path, sequence);
    else if (said === 'structure' || said === 'aside') this.#host.other(said);
    else if (typeof said === 'object') {
      const refused = this.#host.refuseRow(said.code, said.field);
      this.#refused ??= refused;
    }
  }

  /** Another place: an alert whose event came is of the one before; a group that only began goes on. */
  place(): void {
    if (!this.#rows?.hasEvent) return;
    this.#finish();
    this.#rows = undefined;
  }

  /** Nothing that follows belongs to the alert that was coming. */
  end(): void {
    this.#finish();
    this.#rows = undefined;
    this.#instance = undefined;
  }

  #finish(): void {
    const rows = this.#rows;
    if (!rows || rows.isHeartbeat) return;
    const alert = rows.finish();
    if (!alert) {
      // Without an event nobody knows what it is.
      if (this.#refused) this.#host.keepGroup(this.#refused, this.#from);
      else this.#host.refuseGroup('HL7-SEGMENT', this.#from, this.#obr);
      return;
    }
    // A name is of one alert: a second one below the same OBR has none, or the end of one would end both.
    if (this.#instance !== undefined) alert.instance = this.#instance;
    this.#instance = undefined;
    const refused = checkAlert(alert);
    if (refused) this.#host.refuseGroup(refused, this.#from, this.#obr);
    else if (!this.#host.add(alert, rows.mds, rows.device, rows.test)) this.#host.refuseGroup('DECODE-FIELD', this.#from, this.#obr);
  }

  #stamp(alert: DeviceAlert, obx: Segment, path: string, sequence: number): void {
    const flags: Flag[] = [];
    this.#host.times.stamp(alert, flags, path, obx.component(14, 1), sequence);
    if (flags.length > 0) alert.flags = flags;
  }
}

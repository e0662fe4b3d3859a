import type { SubjectHints } from '../../shared/reading.ts';
import type { Vital } from '../../shared/vitals.ts';
import type { Containment } from './containment.ts';
import { type Device, deviceOf } from './device.ts';
import type { ObxRules } from './dialect.ts';
import { MAX_PATH, type MeasuredAt } from './measured-at.ts';
import type { MessageCursor } from './message-cursor.ts';
import type { Records } from './records.ts';
import type { RejectedParts } from './rejected-parts.ts';
import type { Segment } from './segment.ts';
import type { Hint } from './subject.ts';

const NOBODY: SubjectHints = {};

/** What the devices of a message tell of themselves by rows without a value, and of which of them a row with one is. */
export class RowDevices {
  readonly #at: MessageCursor;
  readonly #isNamedOnce: boolean;
  readonly #times: MeasuredAt;
  readonly #records: Records;
  readonly #rejected: RejectedParts;
  /** Where it is told what devices are made of. */
  readonly #containment: Containment | undefined;
  /** Where OBX-18 stands once: the last one, and for which MDS. */
  #last: { mds: string; device: Hint<Device> } | undefined;

  constructor(
    at: MessageCursor,
    { deviceOnce }: Pick<ObxRules, 'deviceOnce'>,
    times: MeasuredAt,
    records: Records,
    rejected: RejectedParts,
    containment: Containment | undefined,
  ) {
    this.#at = at;
    this.#isNamedOnce = deviceOnce === true;
    this.#times = times;
    this.#records = records;
    this.#rejected = rejected;
    this.#containment = containment;
  }

  /** A row of a device, channel or panel, with its OBX-4: who measures, and when what it contains was measured. */
  structure(obx: Segment, path: string): void {
    if (path.length > MAX_PATH) {
      this.#rejected.row('DECODE-FIELD', 4);
      return;
    }
    this.#times.row(path, obx.component(14, 1), this.#at.obx);
    this.#containment?.structure(obx, path);
    const device = deviceOf(obx);
    if (device === 'unreadable') this.#rejected.row('DECODE-FIELD', 18);
    const [mds = '', ...below] = path.split('.');
    if (device !== 'none' && mds !== '' && below.every((part) => part === '0')) this.#records.setDevice(mds, device);
  }

  /** A row of a vital sign; `mdc`: the code that it was sent under, where that is told. */
  metric(path: string, row: Vital, mdc: number | undefined): void {
    this.#containment?.metric(path, row, mdc);
  }

  /** OBX-18 of a row, or that of a row before it where the dialect says so. */
  of(own: Hint<Device>, mds: string): Hint<Device> {
    if (!this.#isNamedOnce) return own;
    if (own !== 'none') this.#last = { mds, device: own };
    return this.#last?.mds === mds ? this.#last.device : own;
  }

  /** No row of another group names the device of those that follow. */
  nextGroup(): void {
    this.#last = undefined;
  }

  /** What the devices until here are made of; it is of no patient, and of the device that their readings are of. */
  describe(): void {
    for (const [mds, tree] of this.#containment?.trees() ?? []) {
      const device = this.#last?.mds === mds ? this.#last.device : 'none';
      this.#records.add({ item: { class: 'device', tree }, subject: NOBODY, mds, device, test: false });
    }
  }
}

import type { ErrorCode } from '../../shared/errors.ts';
import type { Rejected } from '../decoding.ts';
import type { AckError } from './ack.ts';
import type { TimePlace } from './measured-at.ts';
import type { MessageCursor } from './message-cursor.ts';
import type { Again, PartsAgain } from './parts-again.ts';
import type { Segment } from './segment.ts';

/** What of a message was not taken: counted, kept where it may be a measurement, and told to its sender where something is wrong with it. */
export class RejectedParts {
  readonly all: Rejected[] = [];
  /** Those that the sender is told of. */
  readonly errors: AckError[] = [];
  readonly #at: MessageCursor;
  readonly #again: PartsAgain;

  constructor(at: MessageCursor, again: PartsAgain) {
    this.#at = at;
    this.#again = again;
  }

  /**
   * The row that is read, for OBX-`field`. `unknown`: what the operator is told of a code or unit that is not in the table; `beneath`: of a
   * wave, how many rows say how it was sampled.
   */
  row(code: ErrorCode, field: number, unknown?: string, beneath?: number): Rejected {
    const { index, obx, onlyFrom } = this.#at;
    const raw = this.#bytes();
    const rejected: Rejected = { code, part: `OBX[${obx}]`, bytes: raw.length, raw, ...(unknown === undefined ? {} : { unknown }) };
    if (index >= onlyFrom) Object.assign(rejected, this.#again.row(beneath));
    return this.#add(rejected, { segment: 'OBX', sequence: obx, field });
  }

  /** The segment that is read. */
  segment(code: ErrorCode, part: string, location?: AckError['location']): void {
    const raw = this.#bytes();
    this.#add({ code, part, bytes: raw.length, raw }, location);
  }

  /** A time that cannot be read costs no value: nothing is kept. */
  time({ segment, sequence, field }: TimePlace): void {
    const location = { segment, sequence, ...(field ? { field } : {}) };
    this.#add({ code: 'DECODE-TIME', part: `${segment}[${sequence}]-${field}`, bytes: 0 }, location);
  }

  /** Counted, and not kept: nothing in it is a measurement. */
  aside(code: ErrorCode, obx: Segment): void {
    this.all.push({ code, part: `OBX[${this.#at.obx}]`, bytes: obx.length });
  }

  /** Texts and codes are counted; what looks like a number may be a measurement, and is kept. */
  otherType(obx: Segment, isNumber: boolean): void {
    const kept = isNumber ? { raw: this.#bytes(), ...this.#again.row() } : {};
    this.all.push({ code: 'HL7-VALUE-TYPE', part: `OBX[${this.#at.obx}]`, bytes: obx.length, ...kept });
  }

  /** The alert of group `obr`, from segment `from` up to the one that is read. */
  alert(code: ErrorCode, from: number, obr: number): void {
    const { message, index, onlyFrom } = this.#at;
    if (from < onlyFrom) return;
    const raw = message.bytes(from, Math.min(index, message.segments));
    this.all.push({ code, part: `OBR[${obr}]`, bytes: raw.length, raw, ...this.#again.alert(from) });
    this.errors.push({ code, location: { segment: 'OBR', sequence: obr } });
  }

  /** The segment that is read and all behind it up to `to`, as one part; the next one that is read is `to`. */
  upTo(to: number, code: ErrorCode, part: string, location?: AckError['location'], again: Again = {}): void {
    const raw = this.#at.message.bytes(this.#at.index, to);
    this.all.push({ code, part, bytes: raw.length, raw, ...again });
    this.#tell(code, location);
    this.#at.passUpTo(to);
  }

  /** The whole message is kept, once, however many devices of it are not listed. */
  device(): void {
    const { message } = this.#at;
    const raw = message.bytes(0, message.segments);
    this.all.push({ code: 'DECODE-DEVICE-UNKNOWN', part: 'message', bytes: raw.length, raw });
    this.#tell('DECODE-DEVICE-UNKNOWN', undefined);
  }

  #bytes(): Uint8Array {
    return this.#at.message.bytes(this.#at.index, this.#at.index + 1);
  }

  #add(rejected: Rejected, location: AckError['location']): Rejected {
    // What is before the part that is read was told when the message came.
    if (this.#at.index < this.#at.onlyFrom) return rejected;
    this.all.push(rejected);
    this.#tell(rejected.code, location);
    return rejected;
  }

  #tell(code: ErrorCode, location: AckError['location']): void {
    this.errors.push({ code, ...(location ? { location } : {}) });
  }
}

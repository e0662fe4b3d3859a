import { VitalmeshError } from '../../shared/errors.ts';
import type { Profile } from '../decoding.ts';
import { Hl7Blanker } from './blank-hl7.ts';

/** Replaces what may identify anybody or anything in one stream, keeping every length. */
export interface Blanker {
  blank(chunk: Uint8Array): Uint8Array;
}

/** What stands before the serial number in the frames of a device; undefined: its format has no place for one. */
const SERIAL_NUMBER_BEHIND: Readonly<Record<string, string | undefined>> = {
  'masimo-ascii1': 'SN=',
  'nonin-ascii': undefined,
  'nonin-df1': undefined,
  'nonin-df8': undefined,
};

/** A blanker for one connection or opening of a line. Throws CAPTURE-SOURCE for a format of which it is not known where names stand. */
export function blankerFor({ kind, name }: Pick<Profile, 'kind' | 'name'>): Blanker {
  if (kind === 'hl7') return new Hl7Blanker();
  if (kind !== 'serial' || !Object.hasOwn(SERIAL_NUMBER_BEHIND, name)) throw new VitalmeshError('CAPTURE-SOURCE', { detail: name });
  const mark = SERIAL_NUMBER_BEHIND[name];
  return mark === undefined ? { blank: (chunk) => chunk } : new SerialNumberBlanker(Buffer.from(mark));
}

/** Letters and digits behind a mark become X and 9. */
class SerialNumberBlanker implements Blanker {
  readonly #mark: Uint8Array;
  /** Bytes of the mark seen; all of them: within the number. */
  #seen = 0;

  constructor(mark: Uint8Array) {
    this.#mark = mark;
  }

  blank(chunk: Uint8Array): Uint8Array {
    return Uint8Array.from(chunk, (byte) => this.#byte(byte));
  }

  #byte(byte: number): number {
    const character = String.fromCharCode(byte);
    if (this.#seen === this.#mark.length && /[0-9A-Za-z]/.test(character)) return /[0-9]/.test(character) ? 0x39 : 0x58;
    if (this.#seen < this.#mark.length && byte === this.#mark[this.#seen]) this.#seen += 1;
    else this.#seen = byte === this.#mark[0] ? 1 : 0;
    return byte;
  }
}

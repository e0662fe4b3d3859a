import type { Blanker } from './blank.ts';

/** Which content of a field stays: all of it, what numbers are made of, its beginning, or nothing of some components. */
type Kept = 'all' | 'number' | 'beginning' | 'first-component' | 'by-type';

/**
 * What a capture without identifiers keeps of each segment, by field; every other field is blanked, and every segment that is not
 * here (HL7 v2.6 chapters 2, 3 and 7). Names, numbers, dates of birth, places, orders, serial numbers and free text are in none of these.
 */
const KEPT: Readonly<Record<string, Readonly<Record<number, Kept>>>> = {
  MSH: {
    ...{ 3: 'first-component', 5: 'first-component', 7: 'all', 9: 'all', 10: 'beginning', 11: 'all', 12: 'all', 13: 'all', 15: 'all' },
    ...{ 16: 'all', 17: 'all', 18: 'all', 19: 'all', 20: 'all', 21: 'all' },
  },
  EVN: { 1: 'all', 2: 'all', 6: 'all' },
  PID: { 1: 'number' },
  PV1: { 1: 'number', 2: 'all' },
  OBR: { 1: 'number', 4: 'all', 7: 'all', 8: 'all', 22: 'all', 25: 'all' },
  OBX: {
    ...{ 1: 'number', 2: 'all', 3: 'all', 4: 'all', 5: 'by-type', 6: 'all', 7: 'all', 8: 'all', 9: 'all', 10: 'all', 11: 'all' },
    ...{ 12: 'all', 13: 'all', 14: 'all', 17: 'all', 19: 'all' },
  },
  NTE: { 1: 'number', 2: 'all' },
  MSA: { 1: 'all', 2: 'beginning' },
  ERR: { 1: 'all', 2: 'all', 3: 'all', 4: 'all' },
};

/** Of MSH-10: where it is the kind of message (Mindray PDS) it has no more; where it is a hardware address, this is the manufacturer. */
const BEGINNING = 3;
/** OBX-3 of rows that say whose and where, as text or as a number (Mindray PDS, message 103). */
const NAMING_ROWS = new Set(['2301', '2308']);

/** Segments whose name is kept and nothing of them but their form, so that a message stays one of its kind. */
const EMPTIED =
  'PD1 PV2 NK1 MRG AL1 DG1 ORC TQ1 TQ2 PRT ROL SFT UAC ARV DB1 CTD CTI SPM SAC FT1 CON DEV DSC ADD QRD QRF QAK QPD FHS BHS BTS FTS';

const NAMES = [...Object.keys(KEPT), ...EMPTIED.split(' ')];
/** Segments that say which separators hold from them on. */
const HEADERS = new Set(['MSH', 'FHS', 'BHS']);

/** OBX-2 of a number, and of a code with its system. */
const NUMBERS = new Set(['NM', 'SN', 'NA', 'MA']);
const CODES = new Set(['CE', 'CWE', 'CNE', 'CF', 'IS', 'ID']);
/** Components of a code before its original text and what only free text follows (HL7 v2.6 ch. 2A, CWE). */
const CODE_COMPONENTS = 6;

const [CR, LF, START, END, ESC] = [0x0d, 0x0a, 0x0b, 0x1c, 0x1b];
const [BOM_FIRST, BOM_LAST] = [0xef, 0xbf];
const MAX_ENCODING = 5;
/** In every spelling of MSH-18 that names a set of one byte a character. */
const ISO_8859 = '8859';

/**
 * Blanks what may identify anybody in a stream of HL7 v2, byte by byte: digits become 9, everything else X. Lengths, separators, line ends
 * and MLLP blocks stay, however the stream is cut, and it may begin anywhere. What is not known for certain to be harmless is blanked.
 */
export class Hl7Blanker implements Blanker {
  #field = 0x7c;
  /** Component, repetition, escape, sub-component. */
  #encoding: number[] = [0x5e, 0x7e, 0x5c, 0x26];
  #name = '';
  #fields: Readonly<Record<number, Kept>> | undefined;
  /** Number of the field; 0 before the first. */
  #at = 0;
  #component = 1;
  /** Characters of the field before this one. */
  #length = 0;
  #type = '';
  /** OBX-3.1, as far as it is compared. */
  #code = '';
  /** MSH-18 of the message, as far as it is looked at. */
  #charset = '';
  /** Bytes that a character of UTF-8 still has. */
  #following = 0;
  /** Collects MSH-2. */
  #collecting = false;

  blank(chunk: Uint8Array): Uint8Array {
    const out = new Uint8Array(chunk.length);
    for (let i = 0; i < chunk.length; i += 1) out[i] = this.#byte(chunk[i] ?? 0);
    return out;
  }

  #byte(byte: number): number {
    if (byte === CR || byte === LF || byte === START || byte === END) {
      this.#begin();
      return byte;
    }
    if (this.#at === 0) return this.#opening(byte);
    if (this.#collecting) return this.#encodingCharacter(byte);
    // In a set that is neither, what looks like a separator may be half a character, and a text go on behind it.
    if (!this.#isUtf8(byte) && this.#fields !== KEPT.MSH && !this.#charset.includes(ISO_8859)) this.#fields = undefined;
    if (byte === this.#field) {
      this.#at += 1;
      this.#component = 1;
      this.#length = 0;
      return byte;
    }
    this.#length += 1;
    const [component, repetition, , subcomponent] = this.#encoding;
    if (byte === component) this.#component += 1;
    else if (byte === repetition) this.#component = 1;
    if (byte === component || byte === repetition || byte === subcomponent) return byte;
    // Behind an escape to another character set, bytes that look like separators are halves of characters.
    if (byte === ESC) this.#fields = undefined;
    if (this.#fields === KEPT.MSH && this.#at === 18 && this.#charset.length < 12) this.#charset += String.fromCharCode(byte);
    if (this.#fields === KEPT.OBX && this.#at === 2 && this.#type.length < 4) this.#type += String.fromCharCode(byte);
    if (this.#fields === KEPT.OBX && this.#at === 3 && this.#component === 1 && byte !== 0x20 && this.#code.length < 5)
      this.#code += String.fromCharCode(byte);
    return this.#isKept(byte) ? byte : blanked(byte);
  }

  #begin(): void {
    this.#name = '';
    this.#fields = undefined;
    this.#at = 0;
    this.#component = 1;
    this.#length = 0;
    this.#type = '';
    this.#code = '';
    this.#following = 0;
    this.#collecting = false;
  }

  /** False for a byte that has no place in UTF-8 where it stands. */
  #isUtf8(byte: number): boolean {
    if (this.#following > 0) {
      this.#following -= 1;
      if (byte >= 0x80 && byte < 0xc0) return true;
      this.#following = 0;
      return false;
    }
    if (byte >= 0x80) this.#following = followingOf(byte);
    return this.#following >= 0;
  }

  /** The name of a segment, and the separator behind it. */
  #opening(byte: number): number {
    if (this.#name === '' && byte >= 0xbb && (byte === BOM_FIRST || byte === BOM_LAST || byte === 0xbb)) return byte;
    if (this.#name.length < 3) {
      const name = this.#name + String.fromCharCode(byte);
      if (!isBeginning(name)) return this.#unknown(byte);
      this.#name = name;
      return byte;
    }
    if (HEADERS.has(this.#name)) {
      if (!isSeparator(byte)) return this.#unknown(byte);
      this.#field = byte;
      this.#charset = '';
      this.#encoding = [];
      this.#collecting = true;
      this.#at = 2;
    } else if (byte === this.#field) this.#at = 1;
    else return this.#unknown(byte);
    this.#fields = Object.hasOwn(KEPT, this.#name) ? KEPT[this.#name] : undefined;
    return byte;
  }

  /** No segment that is known: nothing of the line is kept. */
  #unknown(byte: number): number {
    this.#at = 1;
    return byte === this.#field ? byte : blanked(byte);
  }

  #encodingCharacter(byte: number): number {
    if (byte === this.#field) {
      this.#collecting = false;
      this.#at += 1;
      // An empty MSH-2 leaves the recommended characters in force.
      if (this.#encoding.length === 0) this.#encoding = [0x5e, 0x7e, 0x5c, 0x26];
      return byte;
    }
    if (this.#encoding.length >= MAX_ENCODING || !isSeparator(byte)) {
      this.#collecting = false;
      this.#fields = undefined;
      return blanked(byte);
    }
    this.#encoding.push(byte);
    return byte;
  }

  #isKept(byte: number): boolean {
    if (byte >= 0x80 || byte < 0x20) return false;
    const kept = this.#fields?.[this.#at];
    if (kept === 'all') return true;
    if (kept === 'number') return isDigit(byte);
    if (kept === 'beginning') return this.#length <= BEGINNING;
    if (kept === 'first-component') return this.#component === 1;
    if (kept !== 'by-type' || NAMING_ROWS.has(this.#code)) return false;
    if (NUMBERS.has(this.#type)) return isOfNumber(byte);
    return CODES.has(this.#type) && this.#component <= CODE_COMPONENTS;
  }
}

/** How many bytes come behind the first of a character of UTF-8; -1 for a byte that is none. */
function followingOf(byte: number): number {
  if (byte < 0xc2 || byte > 0xf4) return -1;
  return byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
}

function isBeginning(name: string): boolean {
  return /^Z[A-Z0-9]{0,2}$/.test(name) || NAMES.some((known) => known.startsWith(name));
}

function isSeparator(byte: number): boolean {
  return byte > 0x20 && byte < 0x7f && !isDigit(byte) && !isLetter(byte);
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}

function isLetter(byte: number): boolean {
  return (byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a);
}

/** Digits, signs, and the comparators and separators of SN. */
function isOfNumber(byte: number): boolean {
  return isDigit(byte) || '+-.<>=/:*'.includes(String.fromCharCode(byte));
}

function blanked(byte: number): number {
  if (byte === 0x22) return byte;
  return isDigit(byte) ? 0x39 : 0x58;
}

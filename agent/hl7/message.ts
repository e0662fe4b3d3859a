import { isAscii } from 'node:buffer';
import { VitalmeshError } from '../../shared/errors.ts';
import { decodeText, isEscapedCharset } from './charset.ts';

/** MSH-1 and MSH-2 (HL7 v2.6 ch. 2.5.4). A separator that MSH-2 leaves out is '' and separates nothing. */
export interface Separators {
  field: string;
  component: string;
  repetition: string;
  escape: string;
  subcomponent: string;
}

const CR = 13;
const LF = 10;
const ESC = '\u001b';
const BOM = '\u00ef\u00bb\u00bf';
const SEGMENT_NAME = /^[A-Z][A-Z0-9]{2}$/;
const FREQUENT_SEGMENTS = ['OBX', 'OBR', 'PID', 'PV1', 'NTE'];
const SEGMENT_OPENING = /^[A-Z][A-Z0-9]{2}[^\w\s]/;

/**
 * An HL7 v2 message, read on demand: its text and where its segments begin, and nothing is taken apart before it is asked for.
 * Segments end with CR, CRLF or LF.
 */
export class Hl7Message {
  /** The whole message; its characters are its bytes where `bytewise`. */
  readonly text: string;
  readonly bytewise: boolean;
  readonly separators: Separators;
  /** MSH as it came, character = byte: what an acknowledgement copies from. */
  readonly header: Segment;
  /** Where each segment begins and ends, one after the other. */
  readonly #bounds: number[];
  readonly #segment: Segment;

  /** Throws HL7-NO-MSH when the bytes do not begin with an MSH segment, HL7-CHARSET when MSH-18 is not known and would matter. */
  constructor(bytes: Uint8Array) {
    const raw = latin1Of(bytes);
    const hasBom = raw.startsWith(BOM);
    const from = opening(raw);
    this.header = headerAt(raw, from);
    this.separators = this.header.separators;
    this.text = raw;
    const ascii = isAscii(bytes);
    if (!ascii || raw.includes(ESC)) {
      const charset = this.header.component(18, 1);
      if (!ascii || isEscapedCharset(charset)) this.text = decodeText(bytes, raw, charset, hasBom);
    }
    this.bytewise = this.text === raw;
    this.#bounds = boundsOf(this.text, this.bytewise ? from : opening(this.text));
    this.#segment = new Segment(this.text, 0, 0, this.separators);
  }

  get segments(): number {
    return this.#bounds.length / 2;
  }

  /** Name of a segment, or '' when what stands there does not begin as a segment does. */
  name(index: number): string {
    const from = this.#bounds[2 * index] ?? 0;
    const end = this.#bounds[2 * index + 1] ?? 0;
    if (from + 3 > end || (from + 3 < end && this.text.charAt(from + 3) !== this.separators.field)) return '';
    // No new string for the segments that make up nearly all of a message.
    for (const name of FREQUENT_SEGMENTS) if (this.text.startsWith(name, from)) return name;
    const name = this.text.slice(from, from + 3);
    return SEGMENT_NAME.test(name) ? name : '';
  }

  /** A segment to read fields from; valid until the next one is opened. */
  open(index: number): Segment {
    this.#segment.move(this.#bounds[2 * index] ?? 0, this.#bounds[2 * index + 1] ?? 0);
    return this.#segment;
  }

  /** The bytes of segments `from` up to `to`, as they came, or in UTF-8 where they had to be decoded. A copy. */
  bytes(from: number, to: number): Uint8Array {
    const text = this.text.slice(this.#bounds[2 * from] ?? 0, this.#bounds[2 * to - 1] ?? 0);
    return new Uint8Array(Buffer.from(text, this.bytewise ? 'latin1' : 'utf8'));
  }
}

/** One segment. Fields count from 1 as in the standard (MSH-1 is the field separator itself); what is not there is ''. */
export class Segment {
  readonly separators: Separators;
  readonly #text: string;
  readonly #fieldCode: number;
  #from: number;
  #end: number;
  /** Where fields begin, found so far: field n of #starts[n] (n counts separators, so in MSH it is one less than the field's number). */
  readonly #starts: number[] = [];
  #found = 0;
  #shift = 0;

  constructor(text: string, from: number, end: number, separators: Separators) {
    this.#text = text;
    this.separators = separators;
    this.#fieldCode = separators.field.charCodeAt(0);
    this.#from = from;
    this.#end = end;
    this.move(from, end);
  }

  /** Points this reader to another segment. */
  move(from: number, end: number): void {
    this.#from = from;
    this.#end = end;
    this.#found = 0;
    this.#starts[0] = from;
    this.#shift = this.#text.startsWith('MSH', from) ? 1 : 0;
  }

  /** Length in characters. */
  get length(): number {
    return this.#end - this.#from;
  }

  /** A field as it came: escapes, repetitions and components still in it. */
  field(number: number): string {
    if (this.#shift === 1 && number === 1) return this.separators.field;
    const index = number - this.#shift;
    if (index > this.#found && !this.#search(index)) return '';
    const from = this.#starts[index] ?? this.#end;
    let to = this.#end;
    if (index < this.#found) to = (this.#starts[index + 1] ?? 1) - 1;
    else if (this.#search(index + 1)) to = (this.#starts[index + 1] ?? 1) - 1;
    return from < to ? this.#text.slice(from, to) : '';
  }

  /** A component of the first repetition of a field, as it came. */
  component(number: number, component: number): string {
    return componentOf(firstRepetition(this.field(number), this.separators), component, this.separators.component);
  }

  /** All repetitions of a field. */
  repetitions(number: number): string[] {
    const field = this.field(number);
    return this.separators.repetition === '' ? [field] : field.split(this.separators.repetition);
  }

  /** Finds where a field begins; false when the segment ends before it. */
  #search(index: number): boolean {
    const text = this.#text;
    const starts = this.#starts;
    const code = this.#fieldCode;
    const end = this.#end;
    let found = this.#found;
    for (let at = starts[found] ?? end; at < end && found < index; at += 1) {
      if (text.charCodeAt(at) !== code) continue;
      found += 1;
      starts[found] = at + 1;
    }
    this.#found = found;
    return found === index;
  }
}

export function firstRepetition(field: string, { repetition }: Separators): string {
  const end = repetition === '' ? -1 : field.indexOf(repetition);
  return end < 0 ? field : field.slice(0, end);
}

/** The nth part of a text, counted from 1; '' when there are fewer. */
export function componentOf(text: string, number: number, separator: string): string {
  if (separator === '') return number === 1 ? text : '';
  let from = 0;
  for (let n = 1; n < number; n += 1) {
    const next = text.indexOf(separator, from);
    if (next < 0) return '';
    from = next + 1;
  }
  const end = text.indexOf(separator, from);
  return end < 0 ? text.slice(from) : text.slice(from, end);
}

/**
 * Escape sequences resolved (HL7 v2.6 ch. 2.7): separators, hexadecimal data (one byte, one character), `\.br\` as a blank;
 * highlighting is left out. A sequence that is not known stays as text.
 */
export function unescapeText(text: string, separators: Separators): string {
  const mark = separators.escape;
  if (mark === '' || !text.includes(mark)) return text;
  const pieces = text.split(mark);
  let resolved = pieces[0] ?? '';
  for (let i = 1; i < pieces.length; i += 1) {
    const sequence = pieces[i] ?? '';
    const meaning = i + 1 < pieces.length ? meaningOf(sequence, separators) : undefined;
    if (meaning === undefined) resolved += mark + sequence;
    else {
      i += 1;
      resolved += meaning + (pieces[i] ?? '');
    }
  }
  return resolved;
}

/** Separators and line ends of a text as escape sequences. */
export function escapeText(text: string, separators: Separators): string {
  const { escape: mark, field, component, repetition, subcomponent } = separators;
  const names = new Map([
    [mark, 'E'],
    [field, 'F'],
    [component, 'S'],
    [repetition, 'R'],
    [subcomponent, 'T'],
  ]);
  return Array.from(text, (char) => {
    const name = names.get(char);
    if (name === undefined) return char;
    return mark === '' ? ' ' : mark + name + mark;
  }).join('');
}

function meaningOf(sequence: string, separators: Separators): string | undefined {
  switch (sequence) {
    case 'F':
      return separators.field;
    case 'S':
      return separators.component;
    case 'T':
      return separators.subcomponent;
    case 'R':
      return separators.repetition;
    case 'E':
      return separators.escape;
    case 'H':
    case 'N':
      return '';
    case '.br':
      return ' ';
    default:
      return /^X(?:[0-9A-Fa-f]{2})+$/.test(sequence) ? Buffer.from(sequence.slice(1), 'hex').toString('latin1') : undefined;
  }
}

function latin1Of(bytes: Uint8Array): string {
  const buffer = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return buffer.toString('latin1');
}

/** Where the message begins, behind a byte order mark and blank lines. */
function opening(text: string): number {
  let at = text.startsWith(BOM) ? BOM.length : 0;
  while (at < text.length && ' \t\r\n'.includes(text.charAt(at))) at += 1;
  return at;
}

/** The MSH segment of a message that may be cut short or cannot be read; undefined when it does not begin with one. */
export function headerOf(bytes: Uint8Array): Segment | undefined {
  const raw = latin1Of(bytes);
  try {
    return headerAt(raw, opening(raw));
  } catch {
    return undefined;
  }
}

function headerAt(raw: string, from: number): Segment {
  return new Segment(raw, from, segmentEnd(raw, from), separatorsOf(raw, from));
}

function separatorsOf(text: string, from: number): Separators {
  const field = text.charAt(from + 3);
  if (!text.startsWith('MSH', from) || field === '' || /[\w\s]/.test(field)) throw new VitalmeshError('HL7-NO-MSH');
  const end = Math.min(segmentEnd(text, from), from + 4 + 5);
  const encoding = text.slice(from + 4, end).split(field, 1)[0] ?? '';
  // An empty MSH-2 leaves the recommended characters in force.
  const [component = '', repetition = '', mark = '', subcomponent = ''] = encoding === '' ? '^~\\&' : encoding;
  return { field, component, repetition, escape: mark, subcomponent };
}

function segmentEnd(text: string, from: number): number {
  for (let at = from; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === CR || code === LF) return at;
  }
  return text.length;
}

/** CR ends a segment. LF does too, except in a message that has CRs: there an LF without a segment behind it belongs to a text. */
function boundsOf(text: string, from: number): number[] {
  const bounds: number[] = [];
  const next = !text.includes('\n', from) ? nextCr : text.includes('\r', from) ? nextCrOrOpening : nextLf;
  for (let at = from; at < text.length; ) {
    const found = next(text, at);
    const end = found < 0 ? text.length : found;
    if (end > at) bounds.push(at, end);
    at = end + 1;
    while (text.charCodeAt(at) === CR || text.charCodeAt(at) === LF) at += 1;
  }
  return bounds;
}

const nextCr = (text: string, from: number): number => text.indexOf('\r', from);
const nextLf = (text: string, from: number): number => text.indexOf('\n', from);

function nextCrOrOpening(text: string, from: number): number {
  for (let at = from; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === CR || (code === LF && SEGMENT_OPENING.test(text.slice(at + 1, at + 5)))) return at;
  }
  return -1;
}

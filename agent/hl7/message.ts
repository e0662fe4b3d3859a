import { isAscii } from 'node:buffer';
import { VitalmeshError } from '../../shared/errors.ts';
import { type DeclaredCharsets, decodeText, mayBeSwitched } from './charset.ts';
import { joined, mayBeJoined } from './joined.ts';
import { componentOf, Segment, type Separators } from './segment.ts';

const CR = 13;
const LF = 10;
const BOM = '\u00ef\u00bb\u00bf';
const SEGMENT_NAME = /^[A-Z][A-Z0-9]{2}$/;
const FREQUENT_SEGMENTS = ['OBX', 'OBR', 'PID', 'PV1', 'NTE'];
const HIDDEN_SEGMENT = /[\r\n]([A-Z][A-Z0-9]{2})([^\w\s])/g;
/** What says whose or from whom the rest is. */
export const NAMING_SEGMENTS: ReadonlySet<string> = new Set(['PID', 'PV1', 'MSH']);
/** A damaged name, a byte order mark, and the encoding characters. */
const MAX_HEADER_OPENING = 16;
/** Printable ASCII that is no letter, digit, blank, `.`, `+` or `-`. */
const SEPARATORS = /^[!-*,/:-@[-^`{-~]+$/;

/**
 * An HL7 v2 message, read on demand: its text and where its segments begin, and nothing is taken apart before it is asked for.
 * Segments end as the first one does: with CR (or CRLF), or with LF.
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
  /** Whether the other line end stands anywhere, and a segment could hide behind it. */
  readonly #mayHide: boolean;
  readonly #segment: Segment;
  readonly #bytes: Uint8Array | undefined;

  /** Throws HL7-NO-MSH when the bytes do not begin with an MSH segment, HL7-SEPARATORS for separators that cannot be ones, HL7-CHARSET when MSH-18 is not known and would matter. */
  constructor(bytes: Uint8Array) {
    const raw = latin1Of(bytes);
    const hasBom = raw.startsWith(BOM);
    const from = opening(raw);
    this.header = headerAt(raw, from);
    this.separators = this.header.separators;
    this.text = raw;
    const ascii = isAscii(bytes);
    const named = this.header.field(18);
    if (!ascii || named !== '') {
      const declared = charsetsOf(this.header);
      if (!ascii || mayBeSwitched(declared, raw)) this.text = decodeText(bytes, raw, declared, hasBom);
      if (declared.own !== '') this.separators = { ...this.separators, charset: declared.own };
    }
    this.bytewise = this.text === raw;
    const start = this.bytewise ? from : opening(this.text);
    const mark = segmentMark(this.text, start);
    this.#bounds = boundsOf(this.text, start, mark);
    this.#mayHide = this.text.includes(mark === '\r' ? '\n' : '\r');
    this.#bytes = this.bytewise ? bytes : undefined;
    this.#segment = new Segment(this.text, 0, 0, this.separators, this.#bytes);
  }

  get segments(): number {
    return this.#bounds.length / 2;
  }

  /** Where in the text a segment begins. */
  from(index: number): number {
    return this.#bounds[2 * index] ?? 0;
  }

  /** Where it ends, without its line end. */
  to(index: number): number {
    return this.#bounds[2 * index + 1] ?? 0;
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

  /** True for a header, by its name even with a character before it, by what only a header holds (the encoding characters), or hidden. */
  isHeader(index: number): boolean {
    const from = this.#bounds[2 * index] ?? 0;
    const { field, component, repetition, escape: mark, subcomponent } = this.separators;
    const opening = this.text.slice(from, Math.min(this.#bounds[2 * index + 1] ?? 0, from + MAX_HEADER_OPENING));
    return (
      this.hidden(index) === 'MSH' || /MSH/i.test(opening) || opening.includes(`${field}${component}${repetition}${mark}${subcomponent}`)
    );
  }

  /**
   * The name of what looks like a segment inside this one, behind the other line end: a text that was made to look so, or a sender who
   * mixes line ends; or behind none at all, where it was lost. MSH is found before PID and PV1, and these before others.
   */
  hidden(index: number): string | undefined {
    const behindOther = this.#mayHide ? this.#behindOtherEnd(index) : undefined;
    if (behindOther !== undefined && NAMING_SEGMENTS.has(behindOther)) return behindOther;
    // A line end may have been lost before a segment that says whose the rest is.
    const isJoined = mayBeJoined(this.text.slice(this.from(index), this.to(index)), this.separators.field);
    return (isJoined ? joined(this.name(index), this.segment(index)) : undefined) ?? behindOther;
  }

  #behindOtherEnd(index: number): string | undefined {
    const text = this.text.slice(this.#bounds[2 * index] ?? 0, this.#bounds[2 * index + 1] ?? 0);
    const names = Array.from(text.matchAll(HIDDEN_SEGMENT))
      .filter(([, , separator]) => separator === this.separators.field)
      .map(([, name = '']) => name);
    return names.find((name) => name === 'MSH') ?? names.find((name) => NAMING_SEGMENTS.has(name)) ?? names[0];
  }

  /** A segment to read fields from; valid until the next one is opened. */
  open(index: number): Segment {
    this.#segment.move(this.#bounds[2 * index] ?? 0, this.#bounds[2 * index + 1] ?? 0);
    return this.#segment;
  }

  /** A segment of its own, that stays valid. */
  segment(index: number): Segment {
    return new Segment(this.text, this.#bounds[2 * index] ?? 0, this.#bounds[2 * index + 1] ?? 0, this.separators, this.#bytes);
  }

  /** The bytes of segments `from` up to `to`, as they came, or in UTF-8 where they had to be decoded. A copy. */
  bytes(from: number, to: number): Uint8Array {
    const text = this.text.slice(this.#bounds[2 * from] ?? 0, this.#bounds[2 * to - 1] ?? 0);
    return new Uint8Array(Buffer.from(text, this.bytewise ? 'latin1' : 'utf8'));
  }
}

function charsetsOf(header: Segment): DeclaredCharsets {
  const { component, escape: mark } = header.separators;
  const [own = '', ...others] = header.repetitions(18).map((repetition) => componentOf(repetition, 1, component).trim());
  return { own, others, mark };
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
  const separators = raw.startsWith(RECOMMENDED_OPENING, from) ? RECOMMENDED : separatorsOf(raw, from);
  return new Segment(raw, from, segmentEnd(raw, from), separators);
}

/** What nearly every message begins with (HL7 v2.6 ch. 2.5.4). */
const RECOMMENDED_OPENING = 'MSH|^~\\&|';
const RECOMMENDED: Separators = { field: '|', component: '^', repetition: '~', escape: '\\', subcomponent: '&' };

function separatorsOf(text: string, from: number): Separators {
  const field = text.charAt(from + 3);
  if (!text.startsWith('MSH', from) || field === '' || /[\w\s]/.test(field)) throw new VitalmeshError('HL7-NO-MSH');
  const end = Math.min(segmentEnd(text, from), from + 4 + 5);
  const encoding = text.slice(from + 4, end).split(field, 1)[0] ?? '';
  // An empty MSH-2 leaves the recommended characters in force.
  const characters = encoding === '' ? '^~\\&' : encoding;
  // A separator that equals another, or that stands in numbers and identifiers, would cut them into others.
  const all = field + characters;
  if (new Set(all).size < all.length || !SEPARATORS.test(all)) throw new VitalmeshError('HL7-SEPARATORS');
  const [component = '', repetition = '', mark = '', subcomponent = ''] = characters;
  return { field, component, repetition, escape: mark, subcomponent };
}

function segmentEnd(text: string, from: number): number {
  for (let at = from; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === CR || code === LF) return at;
  }
  return text.length;
}

/** What ends MSH ends every segment; the other of CR and LF belongs to a text, whatever stands behind it. */
function segmentMark(text: string, from: number): string {
  return text.charAt(segmentEnd(text, from)) === '\n' ? '\n' : '\r';
}

function boundsOf(text: string, from: number, mark: string): number[] {
  const bounds: number[] = [];
  for (let at = from; at < text.length; ) {
    const found = text.indexOf(mark, at);
    const end = found < 0 ? text.length : found;
    if (end > at) bounds.push(at, end);
    at = end + 1;
    while (text.charCodeAt(at) === CR || text.charCodeAt(at) === LF) at += 1;
  }
  return bounds;
}

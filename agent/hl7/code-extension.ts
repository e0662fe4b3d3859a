import { VitalmeshError } from '../../shared/errors.ts';

/** What bytes mean from an escape sequence on: those below 0x80 (`g0`), or those above (`g1`). */
type Designation = { g0: 'ascii' | 'kanji' } | { g1: string };

/**
 * Escape sequences of ISO 2022 without their ESC, in hexadecimal, as HL7 names them: `\C2842\` is ESC ( B, `\M2442\` is ESC $ B (HL7 v2.6
 * ch. 2.7.2). JIS X 0201 Roman (284A) is read as ASCII: where it shows a yen sign stands the escape character.
 */
const DESIGNATIONS: ReadonlyMap<string, Designation> = new Map<string, Designation>([
  ['2842', { g0: 'ascii' }],
  ['284A', { g0: 'ascii' }],
  ['2440', { g0: 'kanji' }],
  ['2442', { g0: 'kanji' }],
  ['2949', { g1: 'katakana' }],
  ['2D41', { g1: 'iso-8859-1' }],
  ['2D42', { g1: 'iso-8859-2' }],
  ['2D43', { g1: 'iso-8859-3' }],
  ['2D44', { g1: 'iso-8859-4' }],
  ['2D4C', { g1: 'iso-8859-5' }],
  ['2D47', { g1: 'iso-8859-6' }],
  ['2D46', { g1: 'iso-8859-7' }],
  ['2D48', { g1: 'iso-8859-8' }],
  ['2D4D', { g1: 'iso-8859-9' }],
]);

const ESC = '\u001b';
/** ESC, intermediate bytes, a final byte (ISO 2022). */
const SEQUENCE = /^\u001b([\x20-\x2f]{1,3}[\x30-\x7e])/;
const NAMED = /^[CM]([0-9A-F]{4}|[0-9A-F]{6})$/;
/** Half a character, or one that its set does not have. */
const REPLACEMENT = '\ufffd';
/** The katakana of JIS X 0201 stand from 0xA1 to 0xDF, and in Unicode in the same order. */
const KATAKANA = { from: 0xa1, to: 0xdf, unicode: 0xff61 } as const;

const iso2022jp = new TextDecoder('iso-2022-jp');

/** Text of bytes (one a character) in a set by its label; of the message's own set where no label is given. */
export type DecodeRun = (run: string, label?: string) => string;

/** True where bytes or escape sequences switch to another set. */
export function switchesSets(latin1: string, mark: string): boolean {
  return latin1.includes(ESC) || (mark !== '' && (latin1.includes(`${mark}C`) || latin1.includes(`${mark}M`)));
}

/**
 * Text of a message that switches between character sets, as ISO 2022 has it (HL7 v2.6 ch. 2.15.9.18 and 2.15.9.20). Each line begins in
 * the message's own set: a sender that does not switch back costs the rest of its line, and no other. `mark` is the escape character.
 * Throws HL7-CHARSET for an escape sequence that is not of the table: what follows it would be taken for separators.
 */
export function decodeSwitching(latin1: string, mark: string, decodeRun: DecodeRun): string {
  return latin1
    .split(/([\r\n])/)
    .map((line) => (switchesSets(line, mark) ? new LineDecoder(line, mark, decodeRun).decode() : decodeRun(line)))
    .join('');
}

class LineDecoder {
  readonly #line: string;
  readonly #mark: string;
  readonly #decodeRun: DecodeRun;
  #text = '';
  #isKanji = false;
  #g1: string | undefined;
  #at = 0;

  constructor(line: string, mark: string, decodeRun: DecodeRun) {
    this.#line = line;
    this.#mark = mark;
    this.#decodeRun = decodeRun;
  }

  decode(): string {
    let from = 0;
    while (this.#at < this.#line.length) {
      const found = this.#switch();
      if (!found) {
        // Both bytes of a character of two: the second one may be the escape character.
        this.#at += this.#isKanji && isGraphic(this.#line, this.#at) && isGraphic(this.#line, this.#at + 1) ? 2 : 1;
        continue;
      }
      this.#flush(from);
      this.#at += found.length;
      from = this.#at;
      if ('g0' in found.to) this.#isKanji = found.to.g0 === 'kanji';
      else this.#g1 = found.to.g1;
    }
    this.#flush(from);
    return this.#text;
  }

  /** The escape sequence that stands here, if one does. */
  #switch(): { length: number; to: Designation } | undefined {
    const char = this.#line.charAt(this.#at);
    if (char === ESC) {
      const [all = '', sequence = ''] = SEQUENCE.exec(this.#line.slice(this.#at, this.#at + 5)) ?? [];
      const to = DESIGNATIONS.get(Buffer.from(sequence, 'latin1').toString('hex').toUpperCase());
      if (!to) throw new VitalmeshError('HL7-CHARSET');
      return { length: all.length, to };
    }
    if (char !== this.#mark || this.#mark === '') return undefined;
    const end = this.#line.indexOf(this.#mark, this.#at + 1);
    const [, sequence] = NAMED.exec(end < 0 ? '' : this.#line.slice(this.#at + 1, end)) ?? [];
    if (sequence === undefined) return undefined;
    const to = DESIGNATIONS.get(sequence);
    if (!to) throw new VitalmeshError('HL7-CHARSET');
    return { length: end + 1 - this.#at, to };
  }

  #flush(from: number): void {
    const run = this.#line.slice(from, this.#at);
    if (run === '') return;
    if (this.#isKanji) this.#text += kanji(run);
    else if (this.#g1 === 'katakana') this.#text += Array.from(run, katakana).join('');
    else this.#text += this.#decodeRun(run, this.#g1);
  }
}

function isGraphic(line: string, at: number): boolean {
  const code = line.charCodeAt(at);
  return code >= 0x21 && code <= 0x7e;
}

/** JIS X 0208, two bytes a character; a byte that is left over becomes a replacement character, and no other byte is lost. */
function kanji(run: string): string {
  let text = '';
  for (let at = 0; at < run.length; ) {
    let end = at;
    while (isGraphic(run, end) && isGraphic(run, end + 1)) end += 2;
    if (end > at) text += iso2022jp.decode(Buffer.from(`${ESC}$B${run.slice(at, end)}${ESC}(B`, 'latin1'));
    else {
      text += isGraphic(run, at) || run.charCodeAt(at) >= 0x80 ? REPLACEMENT : run.charAt(at);
      end += 1;
    }
    at = end;
  }
  return text;
}

function katakana(char: string): string {
  const code = char.charCodeAt(0);
  if (code < 0x80) return char;
  const isOne = code >= KATAKANA.from && code <= KATAKANA.to;
  return isOne ? String.fromCharCode(KATAKANA.unicode + code - KATAKANA.from) : REPLACEMENT;
}

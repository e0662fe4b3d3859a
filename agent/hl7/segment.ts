/** MSH-1 and MSH-2 (HL7 v2.6 ch. 2.5.4). A separator that MSH-2 leaves out is '' and separates nothing. */
export interface Separators {
  field: string;
  component: string;
  repetition: string;
  escape: string;
  subcomponent: string;
  /** The set of the message's text (MSH-18), in which hexadecimal data is written, too; left out where none is named. */
  charset?: string;
}

/** One segment. Fields count from 1 as in the standard (MSH-1 is the field separator itself); what is not there is ''. */
export class Segment {
  readonly separators: Separators;
  readonly #text: string;
  /** The same as bytes, where each character is one: there separators are found in a fraction of the time. */
  readonly #bytes: Uint8Array | undefined;
  /** Where fields begin: field n at #starts[n], or one less in MSH, whose first separator is a field itself. One more marks the end. */
  readonly #starts: number[] = [];
  #fields = 0;
  #shift = 0;
  #from = 0;
  #end = 0;

  /** `bytes` hold what `text` says, character by character. */
  constructor(text: string, from: number, end: number, separators: Separators, bytes?: Uint8Array) {
    this.#text = text;
    this.#bytes = bytes;
    this.separators = separators;
    this.move(from, end);
  }

  /** Points this reader to another segment. */
  move(from: number, end: number): void {
    this.#starts[0] = from;
    const fields = this.#bytes ? this.#findInBytes(this.#bytes, from, end) : this.#findInText(from, end);
    this.#starts[fields + 1] = end + 1;
    this.#fields = fields;
    this.#shift = this.#text.startsWith('MSH', from) ? 1 : 0;
    this.#from = from;
    this.#end = end;
  }

  #findInBytes(bytes: Uint8Array, from: number, end: number): number {
    const separator = this.separators.field.charCodeAt(0);
    const starts = this.#starts;
    let fields = 0;
    for (let at = from; at < end; at += 1) {
      if (bytes[at] !== separator) continue;
      fields += 1;
      starts[fields] = at + 1;
    }
    return fields;
  }

  #findInText(from: number, end: number): number {
    // Up to its end only: one without separators must not be searched through the whole text.
    const text = this.#text.slice(from, end);
    const separator = this.separators.field;
    let fields = 0;
    for (let at = text.indexOf(separator); at >= 0; at = text.indexOf(separator, at + 1)) {
      fields += 1;
      this.#starts[fields] = from + at + 1;
    }
    return fields;
  }

  /** Length in characters. */
  get length(): number {
    return this.#end - this.#from;
  }

  /** All of it, as it came. */
  get content(): string {
    return this.#text.slice(this.#from, this.#end);
  }

  /** Number of the last field. */
  get fields(): number {
    return this.#fields + this.#shift;
  }

  /** A field as it came: escapes, repetitions and components still in it. */
  field(number: number): string {
    if (this.#shift === 1 && number === 1) return this.separators.field;
    const index = number - this.#shift;
    if (index > this.#fields) return '';
    const from = this.#starts[index] ?? 0;
    const to = (this.#starts[index + 1] ?? 0) - 1;
    return from < to ? this.#text.slice(from, to) : '';
  }

  /** Where in the text a field begins; -1 for one that is not there. */
  start(number: number): number {
    return number <= this.fields ? (this.#starts[number - this.#shift] ?? -1) : -1;
  }

  /** A component of the first repetition of a field, as it came. */
  component(number: number, component: number): string {
    const field = this.field(number);
    return field === '' ? '' : componentOf(firstRepetition(field, this.separators), component, this.separators.component);
  }

  /** All repetitions of a field. */
  repetitions(number: number): string[] {
    const field = this.field(number);
    return this.separators.repetition === '' ? [field] : field.split(this.separators.repetition);
  }
}

export function firstRepetition(field: string, { repetition }: Separators): string {
  const end = repetition === '' ? -1 : field.indexOf(repetition);
  return end < 0 ? field : field.slice(0, end);
}

/** As `trim`, which asks the runtime even where there is nothing to take away. */
export function trimmed(text: string): string {
  return text === '' || (isVisible(text.charCodeAt(0)) && isVisible(text.charCodeAt(text.length - 1))) ? text : text.trim();
}

/** Of ASCII. */
function isVisible(code: number): boolean {
  return code > 0x20 && code < 0x7f;
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

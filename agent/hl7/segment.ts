/** MSH-1 and MSH-2 (HL7 v2.6 ch. 2.5.4). A separator that MSH-2 leaves out is '' and separates nothing. */
export interface Separators {
  field: string;
  component: string;
  repetition: string;
  escape: string;
  subcomponent: string;
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

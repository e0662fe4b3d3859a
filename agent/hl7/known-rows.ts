import type { Reading } from '../../shared/reading.ts';
import { panelOfPart, type Vital } from '../../shared/vitals.ts';
import type { Device } from './device.ts';
import type { ObxRules } from './dialect.ts';
import type { ObxContent } from './obx.ts';
import type { Segment, Separators } from './segment.ts';
import type { Hint } from './subject.ts';

/** Of all senders of a dialect together: two hundred monitors of sixteen rows with numbers of their own in them. */
const KEPT = 4096;
/** No row of a number is longer. */
const MAX_LENGTH = 256;
/** So many rows are not looked at where nearly none was like one before: a sender that writes something new into each of them. */
const REST = 65_536;
/** Line ends, what may be written as an escape sequence, and what a segment that lost its line end would begin with. */
const UNCOMMON = /[\r\n\\]|PID|PV1|MSH/;
const [ZERO, NINE, POINT, PLUS, MINUS] = [0x30, 0x39, 0x2e, 0x2b, 0x2d];
/** So many digits, and any power of ten up to that of their number, are exact: so is the quotient, rounded once, as the text would be. */
const MAX_DIGITS = 15;
const POWERS = Array.from({ length: MAX_DIGITS + 1 }, (_, n) => 10 ** n);

/** What a row of a number says beside the number (OBX-5) and the time (OBX-14). */
export interface KnownRow {
  readonly path: string;
  /** The first number of OBX-4, or ''. */
  readonly mds: string;
  readonly row: Vital;
  /** Without value and time. */
  readonly reading: Readonly<Pick<Reading, 'mdc' | 'status' | 'limits'>>;
  readonly flags: NonNullable<Reading['flags']>;
  readonly test: boolean;
  /** OBX-18. */
  readonly device: Hint<Device>;
  readonly isPart: boolean;
}

/** What was read of a row. `flags`: those of the row itself, without what is doubtful about its time. */
type ReadRow = Omit<Extract<ObxContent, { kind: 'reading' }>, 'kind'> & Pick<KnownRow, 'path' | 'mds' | 'device'>;

/** With its text: up to the value, between value and time, and behind the time, where there is a field for it. */
interface Entry extends KnownRow {
  readonly head: string;
  readonly middle: string;
  readonly tail: string | undefined;
  /** What came behind it the last time. */
  next: Entry | undefined;
}

const kept = new WeakMap<ObxRules, KnownRows>();

/** Rows that a dialect knows; undefined where a row alone does not say what it means, or separators are not those that all senders use. */
export function knownRows(rules: ObxRules, separators: Separators): KnownRows | undefined {
  const { field, component, repetition, escape: mark, subcomponent } = separators;
  if (!rules.ofRowAlone || `${field}${component}${repetition}${mark}${subcomponent}` !== '|^~\\&') return undefined;
  let rows = kept.get(rules);
  if (!rows) {
    rows = new KnownRows(rules.sentinels);
    kept.set(rules, rows);
  }
  return rows;
}

/**
 * A monitor sends the same rows in every message and in the same order, of which only the number and the time change. A row that is, but for
 * these, one that was read before says what that one said: it is found by its text, and nothing of it is taken apart again. Bounded, and
 * it keeps no values.
 */
export class KnownRows {
  readonly #entries = new Map<string, Entry>();
  readonly #sentinels: ObxRules['sentinels'];
  #last: Entry | undefined;
  #matches = 0;
  #rest = 0;
  #value = 0;
  #timeFrom = 0;
  #timeTo = 0;

  constructor(sentinels: ObxRules['sentinels']) {
    this.#sentinels = sentinels;
  }

  /** OBX-5 of the row that was found last. */
  get value(): number {
    return this.#value;
  }

  /** OBX-14 of the row that was found last, in the text that it was found in. */
  time(text: string): string {
    return this.#timeFrom < this.#timeTo ? text.slice(this.#timeFrom, this.#timeTo) : '';
  }

  /** The row that stands in `text` from `from` to `end`, if it is the one that came here the last time. */
  next(text: string, from: number, end: number): KnownRow | undefined {
    const guess = this.#last?.next;
    if (!guess || !this.#fits(guess, text, from, end)) return undefined;
    this.#last = guess;
    this.#matches += 1;
    return guess;
  }

  /** The same among all, of a row that is open. */
  find(text: string, from: number, end: number, obx: Segment): KnownRow | undefined {
    if (this.#rest > 0 || end - from > MAX_LENGTH || obx.fields < 5) return undefined;
    const entry = this.#entries.get(keyOf(partsOf(text, from, end, obx)));
    if (!entry || !this.#fits(entry, text, from, end)) return undefined;
    this.#follow(entry);
    this.#matches += 1;
    return entry;
  }

  /** Keeps what was read of a row, where another number and time would change nothing else. */
  learn(text: string, from: number, end: number, obx: Segment, read: ReadRow): void {
    if (this.#rest > 0) {
      this.#rest -= 1;
      return;
    }
    const { reading, row, flags, test, path, mds, device } = read;
    const isPlain = reading.value !== undefined && reading.original === undefined && obx.field(2) === 'NM';
    if (!isPlain || end - from > MAX_LENGTH || device === 'unreadable') return;
    const parts = partsOf(text, from, end, obx);
    const key = keyOf(parts);
    if (UNCOMMON.test(parts.join(' '))) return;
    if (this.#entries.size >= KEPT) this.#forget();
    const { mdc, status, limits } = reading;
    const said = { ...(mdc !== undefined && { mdc }), ...(status !== undefined && { status }), ...(limits !== undefined && { limits }) };
    const facts = { row, flags, test, isPart: panelOfPart(row.key) !== undefined };
    // Copies: pieces of a message would keep the whole message in memory.
    const [head, middle, tail] = parts.map(copy);
    const texts = { head: head ?? '', middle: middle ?? '', tail, path: copy(path), mds: copy(mds) };
    const own = device === 'none' ? device : { ...device, id: copy(device.id) };
    if (said.limits !== undefined) said.limits = copy(said.limits);
    const entry: Entry = { ...texts, reading: said, ...facts, device: own, next: undefined };
    this.#entries.set(copy(key), entry);
    this.#follow(entry);
  }

  #follow(entry: Entry): void {
    if (this.#last) this.#last.next = entry;
    this.#last = entry;
  }

  #forget(): void {
    if (this.#matches < this.#entries.size) this.#rest = REST;
    this.#entries.clear();
    this.#matches = 0;
    this.#last = undefined;
  }

  /** Whether a row is this one with a number and, where there is a field for it, nothing or a time. */
  #fits({ head, middle, tail }: Entry, text: string, from: number, end: number): boolean {
    // Slices are views: to compare them takes a quarter of what `startsWith` does.
    const valueFrom = from + head.length;
    if (text.slice(from, valueFrom) !== head) return false;
    const valueTo = this.#readNumber(text, valueFrom);
    const timeFrom = valueTo + middle.length;
    if (valueTo < 0 || text.slice(valueTo, timeFrom) !== middle) return false;
    const timeTo = tail === undefined ? timeFrom : endOfTime(text, timeFrom);
    this.#timeFrom = timeFrom;
    this.#timeTo = timeTo;
    return tail === undefined ? timeTo === end : timeTo + tail.length === end && text.slice(timeTo, end) === tail;
  }

  /** Where the number that begins here ends; -1 for what is not written in plain digits, or says that there is no value. */
  #readNumber(text: string, from: number): number {
    let at = from;
    let value = 0;
    let digits = 0;
    let point = -1;
    for (; at < text.length; at += 1) {
      const code = text.charCodeAt(at);
      if (code >= ZERO && code <= NINE) {
        value = value * 10 + (code - ZERO);
        digits += 1;
      } else if (code === POINT && point < 0 && digits > 0) point = digits;
      else break;
    }
    if (digits === 0 || digits > MAX_DIGITS || point === digits) return -1;
    this.#value = point < 0 ? value : value / (POWERS[digits - point] ?? Number.NaN);
    return this.#sentinels.size > 0 && this.#sentinels.has(this.#value) ? -1 : at;
  }
}

function endOfTime(text: string, from: number): number {
  let at = from;
  for (; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if ((code < ZERO || code > NINE) && code !== POINT && code !== PLUS && code !== MINUS) break;
  }
  return at;
}

/** Head, middle and, where OBX-14 is there, tail. */
function partsOf(text: string, from: number, end: number, obx: Segment): string[] {
  const value = obx.start(5);
  const valueTo = value + obx.field(5).length;
  const head = text.slice(from, value);
  if (obx.fields < 14) return [head, text.slice(valueTo, end)];
  const time = obx.start(14);
  return [head, text.slice(valueTo, time), text.slice(time + obx.field(14).length, end)];
}

/** A line end stands in none of them. */
function keyOf(parts: readonly string[]): string {
  return parts.join('\n');
}

function copy(text: string): string {
  return Buffer.from(text).toString();
}

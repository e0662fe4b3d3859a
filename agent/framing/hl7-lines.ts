import { Accumulator } from './accumulator.ts';
import { Discarded } from './discarded.ts';
import type { Framer, Framing, FramingEvent } from './framing.ts';

const CR = 0x0d;
const LF = 0x0a;
const BOM = [0xef, 0xbb, 0xbf];
const HEAD_BYTES = 1024;
/** Bytes that decide whether a line begins a message: a byte order mark, MSH and the field separator. */
const OPENING_BYTES = BOM.length + 4;

/**
 * HL7 messages of a file without MLLP: each begins at a line with an MSH segment, whatever the line ends. What lies before the
 * first is a message too, unless it is blank, so that its lack of an MSH is reported; batch headers and trailers (FHS, BHS, BTS,
 * FTS) stay with the message they follow.
 */
export const hl7Lines: Framing = (maxFrameBytes) => new Hl7LinesFramer(maxFrameBytes);

/**
 * The same of a network sender without MLLP blocks. The stream can break off anywhere, and half a number is another number: a last
 * message counts only if its last line has its end, and is `truncated` otherwise. A pause ends a message, too (`quiet`).
 */
export const hl7Unframed = (maxFrameBytes: number): Hl7LinesFramer => new Hl7LinesFramer(maxFrameBytes, true);

/** See `hl7Lines` and `hl7Unframed`. */
export class Hl7LinesFramer implements Framer {
  readonly #maxFrameBytes: number;
  readonly #strict: boolean;
  readonly #carried = new Accumulator();
  readonly #discarded: Discarded;
  /** Where in the carried bytes the search for the next message goes on. */
  #searched = 0;
  #oversized = false;
  #lineEnded = true;

  constructor(maxFrameBytes: number, strict = false) {
    this.#maxFrameBytes = maxFrameBytes;
    this.#strict = strict;
    this.#discarded = new Discarded(maxFrameBytes);
  }

  /** Bytes kept of a message that has not ended yet; 1 while the rest of an oversized one is awaited. */
  get held(): number {
    return this.#carried.length === 0 && this.#oversized ? 1 : this.#carried.length;
  }

  push(chunk: Uint8Array): FramingEvent[] {
    this.#carried.append(chunk, 0, chunk.length);
    if (chunk.length > 0) this.#lineEnded = isLineEnd(chunk[chunk.length - 1]);
    return this.#split(false);
  }

  /** Nothing came for a while: what is there is a message, if its last line is whole; else it is still awaited. */
  quiet(): FramingEvent[] {
    return this.#lineEnded ? this.end() : [];
  }

  end(): FramingEvent[] {
    const events = this.#split(true);
    const rest = this.#carried.take();
    if (this.#strict && !this.#lineEnded && !this.#oversized) this.#discarded.add(events, 'truncated', rest.length);
    else this.#message(rest, events);
    this.#discarded.flush(events);
    this.#oversized = false;
    this.#searched = 0;
    return events;
  }

  #split(last: boolean): FramingEvent[] {
    const events: FramingEvent[] = [];
    const bytes = this.#carried.peek();
    let begin = 0;
    let at = this.#searched;
    for (;;) {
      const end = lineEnd(bytes, at);
      at = end < 0 ? bytes.length : end;
      // The opening of the next line must be there as a whole; until then it is not decided where this message ends.
      if (end < 0 || (!last && bytes.length - end <= OPENING_BYTES)) break;
      at = end + 1;
      if (!opensMessage(bytes, at)) continue;
      this.#message(bytes.subarray(begin, at), events);
      begin = at;
    }
    begin = this.#limit(bytes, begin, at, events);
    // Frames just handed out lie in the buffer that `drop` would move within.
    if (events.length > 0) {
      const rest = this.#carried.take().subarray(begin);
      this.#carried.append(rest, 0, rest.length);
    } else this.#carried.drop(begin);
    this.#searched = at - begin;
    return events;
  }

  #message(bytes: Uint8Array, events: FramingEvent[]): void {
    if (this.#oversized || bytes.length > this.#maxFrameBytes) {
      this.#discarded.add(events, 'oversized', bytes.length, this.#oversized ? undefined : this.#head(bytes));
      this.#discarded.flush(events);
      this.#oversized = false;
    } else if (!isBlank(bytes)) events.push({ frame: bytes });
  }

  /** What a sender that waits for an answer is told by; nobody waits behind a file. */
  #head(bytes: Uint8Array): Uint8Array | undefined {
    return this.#strict ? bytes.slice(0, HEAD_BYTES) : undefined;
  }

  /** Lets go of a message that is already above the limit, up to where it has been searched. */
  #limit(bytes: Uint8Array, begin: number, at: number, events: FramingEvent[]): number {
    if (!this.#oversized && at - begin <= this.#maxFrameBytes) return begin;
    const head = this.#oversized ? undefined : this.#head(bytes.subarray(begin, at));
    this.#oversized = true;
    this.#discarded.add(events, 'oversized', at - begin, head);
    return Math.min(at, bytes.length);
  }
}

function lineEnd(bytes: Uint8Array, from: number): number {
  for (let at = from; at < bytes.length; at += 1) {
    if (isLineEnd(bytes[at])) return at;
  }
  return -1;
}

function isLineEnd(byte: number | undefined): boolean {
  return byte === CR || byte === LF;
}

function isBlank(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === CR || byte === LF || byte === 0x20 || byte === 0x09);
}

/** True when the line at `at` begins with MSH (a byte order mark may stand before it) and a field separator. */
export function opensMessage(bytes: Uint8Array, at: number): boolean {
  const from = BOM.every((byte, i) => bytes[at + i] === byte) ? at + BOM.length : at;
  const separator = bytes[from + 3] ?? 0x20;
  return bytes[from] === 0x4d && bytes[from + 1] === 0x53 && bytes[from + 2] === 0x48 && !/[\w\s]/.test(String.fromCharCode(separator));
}

import { Accumulator } from './accumulator.ts';
import { Discarded } from './discarded.ts';
import type { Framer, FramingEvent } from './framing.ts';

const START = 0x0b;
const END = 0x1c;
const CR = 0x0d;
const LF = 0x0a;
const HEAD_BYTES = 1024;

/** A message in its MLLP block (HL7 v2 Transport Specification: MLLP, release 1): `0B message 1C 0D`. */
export function mllpFrame(message: Uint8Array): Uint8Array {
  const block = new Uint8Array(message.length + 3);
  block[0] = START;
  block.set(message, 1);
  block[message.length + 1] = END;
  block[message.length + 2] = CR;
  return block;
}

/** The same of a text, character = byte. */
export function mllpBlock(message: string): string {
  return `\x0b${message}\x1c\r`;
}

/** What stands in blocks made by `mllpFrame`, without them. */
export function mllpContents(blocks: Uint8Array): Uint8Array {
  return blocks.filter((byte, at) => byte !== START && byte !== END && !(byte === CR && blocks[at - 1] === END));
}

/** CR and LF behind a block that belong to it: one of each. */
const MAX_LINE_ENDS = 2;

/**
 * MLLP blocks to messages. A message is whole at 1C, because some senders leave out the 0D behind it; up to two line ends right
 * behind a block belong to it. Bytes before 0B and empty blocks are garbage; a new 0B inside a block means that the end of the block before was lost
 * (`truncated`); a message above the limit is discarded up to its end or the next 0B.
 */
export const mllp = (maxFrameBytes: number): MllpFramer => new MllpFramer(maxFrameBytes);

type State = 'outside' | 'inside' | 'oversized' | 'behind';

/** See `mllp`. */
export class MllpFramer implements Framer {
  readonly #maxFrameBytes: number;
  readonly #carried = new Accumulator();
  readonly #discarded: Discarded;
  #state: State = 'outside';
  #lineEnds = 0;
  /** Where in the chunk at hand the next 1C and 0B stand; its length where there is none. Each byte is looked at once for each of them. */
  #nextEnd = -1;
  #nextStart = -1;

  constructor(maxFrameBytes: number) {
    this.#maxFrameBytes = maxFrameBytes;
    this.#discarded = new Discarded(maxFrameBytes);
  }

  /** Bytes kept of a message that has not ended yet. */
  get held(): number {
    return this.#carried.length;
  }

  push(chunk: Uint8Array): FramingEvent[] {
    const events: FramingEvent[] = [];
    this.#nextEnd = -1;
    this.#nextStart = -1;
    let at = 0;
    while (at < chunk.length) {
      if (this.#state === 'inside') at = this.#inside(chunk, at, events);
      else if (this.#state === 'oversized') at = this.#oversized(chunk, at, events);
      else at = this.#outside(chunk, at, events);
    }
    return events;
  }

  end(): FramingEvent[] {
    const events: FramingEvent[] = [];
    if (this.#state === 'inside') this.#discarded.add(events, 'truncated', 1 + this.#carried.take().length);
    this.#discarded.flush(events);
    this.#state = 'outside';
    return events;
  }

  #outside(chunk: Uint8Array, from: number, events: FramingEvent[]): number {
    let at = from;
    if (this.#state === 'behind') {
      const byte = chunk[at];
      if (this.#lineEnds < MAX_LINE_ENDS && (byte === CR || byte === LF)) {
        this.#lineEnds += 1;
        return at + 1;
      }
      this.#state = 'outside';
    }
    const start = chunk.indexOf(START, at);
    at = start < 0 ? chunk.length : start;
    this.#discarded.add(events, 'garbage', at - from);
    if (start < 0) return at;
    this.#begin();
    return at + 1;
  }

  #begin(): void {
    this.#state = 'inside';
  }

  #inside(chunk: Uint8Array, from: number, events: FramingEvent[]): number {
    const stop = this.#endOrStart(chunk, from, from + this.#maxFrameBytes - this.#carried.length + 1);
    if (stop < 0) {
      const rest = Math.min(chunk.length - from, this.#maxFrameBytes - this.#carried.length + 1);
      this.#carried.append(chunk, from, from + rest);
      if (this.#carried.length > this.#maxFrameBytes) this.#overflow(events);
      return from + rest;
    }
    const bytes = this.#carried.length + stop - from;
    if (chunk[stop] === START) {
      this.#discarded.add(events, 'truncated', 1 + bytes);
      this.#carried.drop(this.#carried.length);
      this.#begin();
    } else {
      if (bytes === 0) this.#discarded.add(events, 'garbage', 2);
      else {
        this.#discarded.flush(events);
        events.push({ frame: this.#message(chunk, from, stop) });
      }
      this.#behind();
    }
    return stop + 1;
  }

  #behind(): void {
    this.#state = 'behind';
    this.#lineEnds = 0;
  }

  #message(chunk: Uint8Array, from: number, to: number): Uint8Array {
    if (this.#carried.length === 0) return chunk.subarray(from, to);
    this.#carried.append(chunk, from, to);
    return this.#carried.take();
  }

  #overflow(events: FramingEvent[]): void {
    const seen = this.#carried.length;
    const head = this.#carried.peek().slice(0, HEAD_BYTES);
    this.#carried.drop(seen);
    this.#discarded.add(events, 'oversized', 1 + seen, head);
    this.#state = 'oversized';
  }

  #oversized(chunk: Uint8Array, from: number, events: FramingEvent[]): number {
    const stop = this.#endOrStart(chunk, from, chunk.length);
    const end = stop < 0 ? chunk.length : stop;
    this.#discarded.add(events, 'oversized', end - from);
    if (stop < 0) return end;
    this.#discarded.flush(events);
    if (chunk[stop] === START) this.#begin();
    else this.#behind();
    return stop + 1;
  }

  /** Index of the next 1C or 0B before `limit`, or -1. */
  #endOrStart(chunk: Uint8Array, from: number, limit: number): number {
    if (this.#nextEnd < from) this.#nextEnd = indexOf(chunk, END, from);
    if (this.#nextStart < from) this.#nextStart = indexOf(chunk, START, from);
    const next = Math.min(this.#nextEnd, this.#nextStart);
    return next < Math.min(limit, chunk.length) ? next : -1;
  }
}

function indexOf(chunk: Uint8Array, byte: number, from: number): number {
  const at = chunk.indexOf(byte, from);
  return at < 0 ? chunk.length : at;
}

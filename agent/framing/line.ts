import { Accumulator } from './accumulator.ts';
import { Discarded } from './discarded.ts';
import type { Framer, Framing, FramingEvent } from './framing.ts';

const CR = 0x0d;
const LF = 0x0a;
const NUL = 0x00;

/**
 * Text lines ended by CR, LF or CRLF, without their ends. NUL bytes around a line are padding that some devices send and are
 * stripped; one inside a line stays, so that whoever reads the line sees that it is broken. Empty lines are no frames. A line
 * above the smaller of `maxBytes` and the source's limit is discarded up to its end; a last line without end is `truncated`.
 */
export function line({ maxBytes }: { maxBytes: number }): Framing {
  return (maxFrameBytes) => new LineFramer(Math.min(maxBytes, maxFrameBytes));
}

class LineFramer implements Framer {
  readonly #maxBytes: number;
  readonly #carried = new Accumulator();
  readonly #discarded: Discarded;
  #oversized = false;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
    this.#discarded = new Discarded(maxBytes);
  }

  push(chunk: Uint8Array): FramingEvent[] {
    const events: FramingEvent[] = [];
    let from = 0;
    while (from < chunk.length) {
      const stop = lineEnd(chunk, from);
      const to = stop < 0 ? chunk.length : stop;
      this.#gather(chunk, from, to, events);
      if (stop >= 0) this.#finish(events);
      from = to + 1;
    }
    return events;
  }

  end(): FramingEvent[] {
    const events: FramingEvent[] = [];
    if (!this.#oversized) this.#discarded.add(events, 'truncated', stripNul(this.#carried.take()).length);
    this.#discarded.flush(events);
    this.#oversized = false;
    return events;
  }

  #gather(chunk: Uint8Array, from: number, to: number, events: FramingEvent[]): void {
    let at = from;
    if (!this.#oversized) {
      // NULs ahead of a line are dropped at once: padding must not count against the limit.
      if (this.#carried.length === 0) while (at < to && chunk[at] === NUL) at += 1;
      const taken = Math.min(to - at, this.#maxBytes + 1 - this.#carried.length);
      this.#carried.append(chunk, at, at + taken);
      at += taken;
      if (this.#carried.length <= this.#maxBytes) return;
      this.#oversized = true;
      this.#discarded.add(events, 'oversized', this.#carried.length);
      this.#carried.drop(this.#carried.length);
    }
    this.#discarded.add(events, 'oversized', to - at);
  }

  #finish(events: FramingEvent[]): void {
    if (this.#oversized) {
      this.#oversized = false;
      this.#discarded.flush(events);
      return;
    }
    if (this.#carried.length === 0) return;
    events.push({ frame: stripNul(this.#carried.take()) });
  }
}

function lineEnd(chunk: Uint8Array, from: number): number {
  for (let at = from; at < chunk.length; at += 1) {
    const byte = chunk[at];
    if (byte === CR || byte === LF) return at;
  }
  return -1;
}

function stripNul(bytes: Uint8Array): Uint8Array {
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === NUL) end -= 1;
  return bytes.subarray(0, end);
}

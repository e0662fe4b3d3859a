import { Accumulator } from './accumulator.ts';
import type { Framer, Framing, FramingEvent } from './framing.ts';
import { hl7Lines, opensMessage } from './hl7-lines.ts';
import { mllp } from './mllp.ts';

const MLLP_START = 0x0b;
/** Without a sign of either form by then, the stream is read as lines. */
const SNIFF_BYTES = 64 * 1024;

/**
 * HL7 messages with or without MLLP blocks: the first 0B or the first line with an MSH segment decides. A 0B among bare lines ends
 * them: it is in no text, and what follows it is a message of its own.
 */
export const hl7File: Framing = (maxFrameBytes) => new Hl7FileFramer(maxFrameBytes);

class Hl7FileFramer implements Framer {
  readonly #maxFrameBytes: number;
  readonly #opening = new Accumulator();
  #chosen: Framer | undefined;
  #bare = false;
  #searched = 0;

  constructor(maxFrameBytes: number) {
    this.#maxFrameBytes = maxFrameBytes;
  }

  push(chunk: Uint8Array): FramingEvent[] {
    if (this.#chosen) return this.#forward(this.#chosen, chunk);
    this.#opening.append(chunk, 0, chunk.length);
    const framing = this.#sniff(this.#opening.peek());
    return framing ? this.#choose(framing) : [];
  }

  end(): FramingEvent[] {
    const events = this.#chosen ? [] : this.#choose(hl7Lines);
    return events.concat(this.#chosen?.end() ?? []);
  }

  #choose(framing: Framing): FramingEvent[] {
    this.#chosen = framing(this.#maxFrameBytes);
    this.#bare = framing === hl7Lines;
    return this.#forward(this.#chosen, this.#opening.take());
  }

  #forward(framer: Framer, chunk: Uint8Array): FramingEvent[] {
    const start = this.#bare ? chunk.indexOf(MLLP_START) : -1;
    if (start < 0) return framer.push(chunk);
    this.#bare = false;
    this.#chosen = mllp(this.#maxFrameBytes);
    return [...framer.push(chunk.subarray(0, start)), ...framer.end(), ...this.#chosen.push(chunk.subarray(start))];
  }

  #sniff(bytes: Uint8Array): Framing | undefined {
    for (; this.#searched < bytes.length; this.#searched += 1) {
      if (this.#searched >= SNIFF_BYTES) return hl7Lines;
      if (bytes[this.#searched] === MLLP_START) return mllp;
      const lineStart = this.#searched === 0 || bytes[this.#searched - 1] === 0x0d || bytes[this.#searched - 1] === 0x0a;
      if (!lineStart) continue;
      // Seven bytes hold a byte order mark, MSH and the separator; with fewer it cannot be told yet.
      if (bytes.length - this.#searched < 7) return undefined;
      if (opensMessage(bytes, this.#searched)) return hl7Lines;
    }
    return undefined;
  }
}

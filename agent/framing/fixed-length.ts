import { Discarded } from './discarded.ts';
import type { Framer, Framing, FramingEvent } from './framing.ts';

export interface FixedLength {
  /** Length of a frame. */
  bytes: number;
  /** The bit that is set in byte 0 of a frame and clear in all others. */
  syncBit: { byte: 0; bit: number };
}

/**
 * Frames of one length that are told apart by one bit, without a checksum. A byte without the bit where a frame must begin is
 * garbage; a byte with the bit inside a frame means that the frame was cut short (`truncated`), and begins the next.
 */
export function fixedLength(form: FixedLength): Framing {
  return () => new FixedLengthFramer(form);
}

class FixedLengthFramer implements Framer {
  readonly #length: number;
  readonly #mask: number;
  readonly #discarded: Discarded;
  #frame: Uint8Array;
  #filled = 0;

  constructor({ bytes, syncBit }: FixedLength) {
    this.#length = bytes;
    this.#mask = 1 << syncBit.bit;
    this.#discarded = new Discarded(bytes);
    this.#frame = new Uint8Array(bytes);
  }

  push(chunk: Uint8Array): FramingEvent[] {
    const events: FramingEvent[] = [];
    for (const byte of chunk) {
      const sync = (byte & this.#mask) !== 0;
      if (sync) {
        this.#discarded.add(events, 'truncated', this.#filled);
        this.#filled = 0;
      } else if (this.#filled === 0) {
        this.#discarded.add(events, 'garbage', 1);
        continue;
      }
      this.#frame[this.#filled] = byte;
      this.#filled += 1;
      if (this.#filled === this.#length) this.#finish(events);
    }
    return events;
  }

  end(): FramingEvent[] {
    const events: FramingEvent[] = [];
    this.#discarded.add(events, 'truncated', this.#filled);
    this.#filled = 0;
    this.#discarded.flush(events);
    return events;
  }

  #finish(events: FramingEvent[]): void {
    this.#discarded.flush(events);
    events.push({ frame: this.#frame });
    this.#frame = new Uint8Array(this.#length);
    this.#filled = 0;
  }
}

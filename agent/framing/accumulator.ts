const INITIAL_BYTES = 1024;
/** A buffer that grew beyond this for one large frame is let go after it. */
const KEEP_BYTES = 64 * 1024;

/**
 * Bytes of one frame that came in several chunks, in one growing buffer: each byte is copied a constant number of times, and no
 * chunk is held on to, however small the pieces of a large frame are.
 */
export class Accumulator {
  #buffer = new Uint8Array(0);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  append(chunk: Uint8Array, from: number, to: number): void {
    const needed = this.#length + to - from;
    if (needed > this.#buffer.length) {
      const grown = new Uint8Array(Math.max(needed, this.#buffer.length * 2, INITIAL_BYTES));
      grown.set(this.#buffer.subarray(0, this.#length));
      this.#buffer = grown;
    }
    this.#buffer.set(to - from === chunk.length ? chunk : chunk.subarray(from, to), this.#length);
    this.#length = needed;
  }

  /** What has gathered, without taking it. */
  peek(): Uint8Array {
    return this.#buffer.subarray(0, this.#length);
  }

  /** What has gathered, given away: the next bytes go into a buffer of their own. */
  take(): Uint8Array {
    const taken = this.peek();
    this.#buffer = new Uint8Array(0);
    this.#length = 0;
    return taken;
  }

  /** Forgets the first `bytes`. */
  drop(bytes: number): void {
    if (bytes === 0) return;
    this.#buffer.copyWithin(0, bytes, this.#length);
    this.#length -= bytes;
    if (this.#length === 0 && this.#buffer.length > KEEP_BYTES) this.#buffer = new Uint8Array(0);
  }
}

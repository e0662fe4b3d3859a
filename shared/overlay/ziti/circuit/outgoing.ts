/** The chunks of one write, taken away in pieces of any length. */
export class OutgoingBytes {
  readonly #chunks: readonly Buffer[];
  #index = 0;
  #offset = 0;
  #length: number;

  constructor(chunks: readonly Buffer[]) {
    this.#chunks = chunks;
    this.#length = chunks.reduce((total, { length }) => total + length, 0);
  }

  get length(): number {
    return this.#length;
  }

  /** The next `length` bytes, which must be there, as views in order. */
  take(length: number): Buffer[] {
    const pieces: Buffer[] = [];
    let missing = length;
    while (missing > 0) {
      const chunk = this.#chunks[this.#index];
      if (!chunk) break;
      const piece = chunk.subarray(this.#offset, this.#offset + missing);
      pieces.push(piece);
      missing -= piece.length;
      this.#offset += piece.length;
      if (this.#offset === chunk.length) {
        this.#index += 1;
        this.#offset = 0;
      }
    }
    this.#length -= length;
    return pieces;
  }
}

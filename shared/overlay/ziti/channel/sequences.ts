const LAST = 0x7fff_ffff;

/**
 * The sequence numbers of the frames of one channel, from 1 on (openziti-wire.md §4). They are signed 32-bit integers, and replies
 * name them: behind the last one comes 1 again, and a number whose reply is still awaited is left out.
 */
export class Sequences {
  readonly #isAwaited: (sequence: number) => boolean;
  #last: number;

  constructor(isAwaited: (sequence: number) => boolean, last = 0) {
    this.#isAwaited = isAwaited;
    this.#last = last;
  }

  next(): number {
    do this.#last = this.#last === LAST ? 1 : this.#last + 1;
    while (this.#isAwaited(this.#last));
    return this.#last;
  }
}

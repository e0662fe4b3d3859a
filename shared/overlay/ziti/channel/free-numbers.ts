export interface FreeNumbersOptions {
  /** The largest one; behind it comes 1 again. */
  max: number;
  isTaken: (number: number) => boolean;
  /** The one given out last. */
  last?: number;
}

/** Gives out numbers from 1 on, one after another, leaving out those in use. Far fewer are in use than there are. */
export class FreeNumbers {
  readonly #options: FreeNumbersOptions;
  #last: number;

  constructor(options: FreeNumbersOptions) {
    this.#options = options;
    this.#last = options.last ?? 0;
  }

  next(): number {
    const { max, isTaken } = this.#options;
    do this.#last = this.#last >= max ? 1 : this.#last + 1;
    while (isTaken(this.#last));
    return this.#last;
  }
}

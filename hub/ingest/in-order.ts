/** A place in a line; disposing it lets the next one go on. */
export interface Place extends Disposable {
  /** Resolves when everybody before is done. */
  readonly turn: Promise<void>;
}

/** Lets work that was begun in some order be finished in that order, line by line; lines do not wait for each other. */
export class InOrder {
  readonly #last = new Map<string, Promise<void>>();

  /** The place behind all that were taken in this line so far. */
  place(line: string): Place {
    const turn = this.#last.get(line) ?? Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    // Who gives up early does not let those behind overtake those before.
    this.#last.set(
      line,
      turn.then(() => promise),
    );
    return { turn, [Symbol.dispose]: resolve };
  }
}

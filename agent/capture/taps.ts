/** Takes the bytes of one read; `link` tells connections and openings of a line apart. */
export type Tap = (link: number, chunk: Uint8Array) => void;

/** Where captures see what sources receive. Without a capture it costs a look into an empty table. */
export class Taps {
  readonly #taps = new Map<string, Set<Tap>>();

  /** What the source receives from now on, until disposed. */
  open(source: string, tap: Tap): Disposable {
    const taps = this.#taps.get(source) ?? new Set();
    this.#taps.set(source, taps);
    taps.add(tap);
    return {
      [Symbol.dispose]: () => {
        taps.delete(tap);
        if (taps.size === 0 && this.#taps.get(source) === taps) this.#taps.delete(source);
      },
    };
  }

  offer(source: string, link: number, chunk: Uint8Array): void {
    if (this.#taps.size === 0) return;
    for (const tap of this.#taps.get(source) ?? []) tap(link, chunk);
  }
}

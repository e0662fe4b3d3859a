/** Counts what each of many holds at a time, up to a limit of each. */
export class Places {
  readonly #taken = new Map<string, number>();

  /** A place of this one's, until it is disposed; undefined when it has so many already. */
  take(key: string, most: number): Disposable | undefined {
    const own = this.#taken.get(key) ?? 0;
    if (own >= most) return undefined;
    this.#taken.set(key, own + 1);
    let held = true;
    return {
      [Symbol.dispose]: () => {
        if (!held) return;
        held = false;
        const left = (this.#taken.get(key) ?? 1) - 1;
        if (left === 0) this.#taken.delete(key);
        else this.#taken.set(key, left);
      },
    };
  }
}

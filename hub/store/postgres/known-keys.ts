/** Keys that are on disk, so that they need not be looked up; bounded, and emptied when it is not certain that all of it is there. */
export class KnownKeys {
  readonly #most: number;
  readonly #keys = new Map<string, number>();

  constructor(most = 20_000) {
    this.#most = most;
  }

  get(first: string, second: string): number | undefined {
    return this.#keys.get(JSON.stringify([first, second]));
  }

  set(first: string, second: string, key: number): void {
    if (this.#keys.size >= this.#most) this.#keys.clear();
    this.#keys.set(JSON.stringify([first, second]), key);
  }

  clear(): void {
    this.#keys.clear();
  }
}

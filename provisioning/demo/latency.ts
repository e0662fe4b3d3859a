/** Times of delivery, for a summary at the end. */
export class Latencies {
  readonly #values: number[] = [];

  add(ms: number): void {
    this.#values.push(ms);
  }

  get count(): number {
    return this.#values.length;
  }

  /** The value that a share `p` (0 to 1) of all does not exceed, in milliseconds with one decimal; null without any (nearest rank). */
  percentile(p: number): number | null {
    const sorted = [...this.#values].sort((a, b) => a - b);
    const value = sorted[Math.max(0, Math.ceil(p * sorted.length) - 1)];
    return value === undefined ? null : Math.round(value * 10) / 10;
  }
}

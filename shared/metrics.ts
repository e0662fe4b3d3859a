/** Counters and gauges by name and label. Labels are names from tables (reasons, sources), never data from a device or about a patient. */
export class Metrics {
  readonly #values = new Map<string, number>();

  /** Adds to a counter. */
  count(name: string, label = '', by = 1): void {
    const key = label === '' ? name : `${name}{${label}}`;
    this.#values.set(key, (this.#values.get(key) ?? 0) + by);
  }

  /** Sets a gauge. */
  set(name: string, value: number, label = ''): void {
    this.#values.set(label === '' ? name : `${name}{${label}}`, value);
  }

  get(name: string, label = ''): number {
    return this.#values.get(label === '' ? name : `${name}{${label}}`) ?? 0;
  }

  /** All values, sorted by name. */
  snapshot(): Record<string, number> {
    return Object.fromEntries([...this.#values].sort(([a], [b]) => (a < b ? -1 : 1)));
  }
}

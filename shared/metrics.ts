interface Value {
  value: number;
}

/** Counters and gauges by name and label. Labels are names from tables (reasons, sources), never data from a device or about a patient. */
export class Metrics {
  /** By name, then label: to make one text of both would cost more than to count. */
  readonly #values = new Map<string, Map<string, Value>>();

  /** Adds to a counter. */
  count(name: string, label = '', by = 1): void {
    this.#of(name, label).value += by;
  }

  /** Sets a gauge. */
  set(name: string, value: number, label = ''): void {
    this.#of(name, label).value = value;
  }

  get(name: string, label = ''): number {
    return this.#values.get(name)?.get(label)?.value ?? 0;
  }

  /** All values, sorted by name: `name`, or `name{label}`. */
  snapshot(): Record<string, number> {
    const all: [string, number][] = [];
    for (const [name, labels] of this.#values) {
      for (const [label, { value }] of labels) all.push([label === '' ? name : `${name}{${label}}`, value]);
    }
    return Object.fromEntries(all.sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  #of(name: string, label: string): Value {
    let labels = this.#values.get(name);
    if (!labels) {
      labels = new Map();
      this.#values.set(name, labels);
    }
    let value = labels.get(label);
    if (!value) {
      value = { value: 0 };
      labels.set(label, value);
    }
    return value;
  }
}

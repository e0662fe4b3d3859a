import type { Clock } from './clock.ts';

const MAX_KEYS = 1024;

/** Says when something that may happen thousands of times is worth a line in the log again: once per key and time. */
export class Seldom {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #everyMs: number;
  readonly #lastMs = new Map<string, number>();

  constructor(clock: Pick<Clock, 'monotonicMs'>, everyMs: number) {
    this.#clock = clock;
    this.#everyMs = everyMs;
  }

  /** True the first time for `key`, and again once `everyMs` have passed since it was last true. With too many keys, new ones wait. */
  due(key: string): boolean {
    const nowMs = this.#clock.monotonicMs();
    const lastMs = this.#lastMs.get(key);
    if (lastMs !== undefined && nowMs - lastMs < this.#everyMs) return false;
    if (lastMs === undefined && this.#lastMs.size >= MAX_KEYS) this.#forgetOld(nowMs);
    if (lastMs === undefined && this.#lastMs.size >= MAX_KEYS) return false;
    this.#lastMs.set(key, nowMs);
    return true;
  }

  #forgetOld(nowMs: number): void {
    for (const [key, lastMs] of this.#lastMs) if (nowMs - lastMs >= this.#everyMs) this.#lastMs.delete(key);
  }
}

/**
 * What may be spent in the course of time: so much a second, and what was not spent for a while, up to `burst`, at once (a token bucket). What a
 * piece of work costs is known when it is done, so it may leave a debt, and nothing more is begun until that is paid: nothing is too large to
 * be done at all. Times are of a monotonic clock, in milliseconds.
 */
export class Budget {
  #left: number | undefined;
  #atMs = 0;

  /** How long until the debt is paid; 0 when there is none. */
  waitMs({ perSecond, burst }: Rate, nowMs: number): number {
    const left = this.#leftAt({ perSecond, burst }, nowMs);
    // What is left over by the arithmetic is no debt.
    return left > -1e-6 ? 0 : Math.ceil((-left / perSecond) * 1000);
  }

  spend(amount: number, rate: Rate, nowMs: number): void {
    this.#left = this.#leftAt(rate, nowMs) - amount;
    this.#atMs = nowMs;
  }

  #leftAt({ perSecond, burst }: Rate, nowMs: number): number {
    if (this.#left === undefined) return burst;
    return Math.min(burst, this.#left + ((nowMs - this.#atMs) / 1000) * perSecond);
  }
}

export interface Rate {
  perSecond: number;
  burst: number;
}

import type { Instant } from '../../shared/clock.ts';

/** For how much of each bucket a value was current. Told of values in the order of their times. */
export class Coverage {
  readonly #edges: readonly Instant[];
  readonly #now: Instant;
  readonly #reachMs: number;
  readonly #coveredMs: number[];
  /** Up to where the values told so far reach. */
  #until = Number.NEGATIVE_INFINITY;
  /** In which bucket that is; values come in order, so it only grows. */
  #bucket = 0;

  /** `reachMs`: how long a value is current. */
  constructor(edges: readonly Instant[], now: Instant, reachMs: number) {
    this.#edges = edges;
    this.#now = now;
    this.#reachMs = reachMs;
    this.#coveredMs = new Array<number>(edges.length - 1).fill(0);
  }

  /** One value. */
  value(at: Instant): void {
    this.#cover(at, at + this.#reachMs, 1);
  }

  /** Values from `first` to `last`, between which one was current for `coveredMs`. */
  stretch(first: Instant, last: Instant, coveredMs: number): void {
    if (last > first) this.#cover(first, last, Math.min(1, coveredMs / (last - first)));
    this.value(last);
  }

  /** Share of the bucket's time before `now`, 0 to 1. */
  of(index: number): number {
    const from = this.#edges[index] ?? 0;
    const lengthMs = Math.min(this.#edges[index + 1] ?? 0, this.#now) - from;
    return lengthMs <= 0 ? 0 : Math.min(1, (this.#coveredMs[index] ?? 0) / lengthMs);
  }

  /** What reaches over what was told before counts once. */
  #cover(from: Instant, until: Instant, weight: number): void {
    let start = Math.max(from, this.#until, this.#edges[0] ?? 0);
    const end = Math.min(until, this.#now, this.#edges.at(-1) ?? 0);
    this.#until = Math.max(this.#until, until);
    while (start < end) {
      const next = this.#edges[this.#bucket + 1] ?? end;
      if (start >= next) {
        this.#bucket += 1;
        continue;
      }
      const stop = Math.min(end, next);
      this.#coveredMs[this.#bucket] = (this.#coveredMs[this.#bucket] ?? 0) + (stop - start) * weight;
      start = stop;
    }
  }
}

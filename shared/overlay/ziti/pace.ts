import { Backoff, pause } from '../../lifecycle.ts';
import type { Retry } from './circuit/reasons.ts';

export interface BackoffTimes {
  minMs: number;
  maxMs: number;
}

/** What has stood so long has not been let in only to be cut off: its loss is no reason to wait longer than after the first. */
const STEADY_MS = 5000;

/** What a router's hint adds to the pause, in longest pauses of the back-off, and up to twice that: 2 s, 10 s, and minutes with the usual 30 s. */
const HINTED: Readonly<Record<Retry, number>> = { default: 0, 'start-over': 1 / 15, busy: 1 / 3, 'not-again': 5 };

/** For how long, in milliseconds with jitter, a router that hinted this is not asked for the same. It ends for every hint: operators mend things. */
export function hintedPauseMs(retry: Retry, { maxMs }: BackoffTimes): number {
  return HINTED[retry] * maxMs * (1 + Math.random());
}

/** In shortest pauses of the back-off: 5 s with the usual 500 ms. */
const SPREAD = 10;

/** Keeps a growing pause between the attempts at one thing, whoever makes them and however they end. */
export class Pace {
  readonly #backoff: Backoff;
  readonly #steadyMs: number;
  readonly #spreadMs: number;
  #readyAtMs = Number.NEGATIVE_INFINITY;

  constructor({ minMs, maxMs }: BackoffTimes) {
    this.#backoff = new Backoff(minMs, maxMs);
    this.#steadyMs = Math.min(maxMs, STEADY_MS);
    this.#spreadMs = Math.min(maxMs, SPREAD * minMs);
  }

  /** The next attempt has to wait. */
  get rests(): boolean {
    return this.#readyAtMs > performance.now();
  }

  /** Nobody wanted to try for long since it would have been allowed. */
  get wasLeftAlone(): boolean {
    return this.hasStood(this.#readyAtMs);
  }

  /** Whether what began then (`performance.now()`) has stood so long that its loss counts as a first one. */
  hasStood(sinceMs: number): boolean {
    return performance.now() - sinceMs >= this.#steadyMs;
  }

  /** An attempt is over, and the pause before the next begins. */
  spend(): void {
    this.#readyAtMs = performance.now() + this.#backoff.nextMs();
  }

  /** As `spend`, after the loss of what a whole fleet may have lost in this moment: it comes back spread over seconds. The pauses behind it are short ones. */
  spread(): void {
    this.#backoff.reset();
    this.#readyAtMs = performance.now() + Math.random() * this.#spreadMs;
  }

  /** The next pause is a short one again. One that has begun goes on. */
  reset(): void {
    this.#backoff.reset();
  }

  /** Resolves at the end of the pause, or when the signal aborts. */
  async rested(signal: AbortSignal): Promise<void> {
    if (this.rests) await pause(this.#readyAtMs - performance.now(), signal);
  }
}

import type { Clock } from '../../../clock.ts';
import { Backoff } from '../../../lifecycle.ts';

/** After a failure others are preferred for so long; doubling, with jitter. */
const AVOIDED = { minMs: 10_000, maxMs: 5 * 60_000 };
/** A fleet that was asked to come back at one moment comes over a time of this part of the wait, and this at least. */
const SPREAD = { part: 0.2, leastMs: 1000 };

/** What is remembered of how one controller answered lately. */
export class Standing {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #random: () => number;
  readonly #backoff: Backoff;
  #failures = 0;
  #failedAtMs = Number.NEGATIVE_INFINITY;
  #avoidedUntilMs = Number.NEGATIVE_INFINITY;
  #closedUntilMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Pick<Clock, 'monotonicMs'>, random: () => number) {
    this.#clock = clock;
    this.#random = random;
    this.#backoff = new Backoff(AVOIDED.minMs, AVOIDED.maxMs, () => (1 + random()) / 2);
  }

  /** Since it answered last, or from the beginning. */
  get failures(): number {
    return this.#failures;
  }

  /** By the clock that never jumps. */
  get failedAtMs(): number {
    return this.#failedAtMs;
  }

  /** It failed, and it is too soon to expect anything else. */
  get isAvoided(): boolean {
    return this.#clock.monotonicMs() < this.#avoidedUntilMs;
  }

  /** How long it is not to be asked, because it said so; 0 when it may be. */
  get closedForMs(): number {
    return Math.max(0, this.#closedUntilMs - this.#clock.monotonicMs());
  }

  /** `beganAtMs`: when it was asked. Several who wait for a controller that hangs find out one thing, and not several. */
  failed(beganAtMs: number, retryAfterMs = 0): void {
    const nowMs = this.#clock.monotonicMs();
    if (retryAfterMs > 0) {
      const spreadMs = Math.max(SPREAD.leastMs, retryAfterMs * SPREAD.part) * this.#random();
      this.#closedUntilMs = Math.max(this.#closedUntilMs, nowMs + retryAfterMs + spreadMs);
    }
    if (beganAtMs < this.#failedAtMs) return;
    this.#failures += 1;
    this.#failedAtMs = nowMs;
    this.#avoidedUntilMs = nowMs + this.#backoff.nextMs();
  }

  /** What was asked before the last failure says nothing of the time since. */
  answered(beganAtMs: number): void {
    if (beganAtMs < this.#failedAtMs) return;
    this.#failures = 0;
    this.#avoidedUntilMs = Number.NEGATIVE_INFINITY;
    this.#backoff.reset();
  }
}

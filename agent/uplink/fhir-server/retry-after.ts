import type { Clock } from '../../../shared/clock.ts';
import { pause } from '../../../shared/lifecycle.ts';
import { parseHttpDate } from '../../../shared/time/http-date.ts';

/** A server that asks for more is asked again all the same; by then somebody has looked. */
const MAX_MS = 60 * 60 * 1000;

/** Milliseconds that a `Retry-After` header asks for (RFC 9110 §10.2.3), an hour at most; undefined without a readable one. `date` is that of the answer. */
export function retryAfterMs(header: string | undefined, date: string | undefined): number | undefined {
  if (header === undefined) return undefined;
  if (/^\d{1,9}$/.test(header)) return Math.min(MAX_MS, Number(header) * 1000);
  const [at, now] = [parseHttpDate(header), parseHttpDate(date)];
  // By the server's own clock: ours may be another.
  return at === undefined || now === undefined ? undefined : Math.min(MAX_MS, Math.max(0, at - now));
}

/** Keeps requests back for as long as the server has asked for, whichever connection it said so on. */
export class RetryGate {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  #until = Number.NEGATIVE_INFINITY;

  constructor(clock: Pick<Clock, 'monotonicMs'>) {
    this.#clock = clock;
  }

  closeFor(ms: number): void {
    this.#until = Math.max(this.#until, this.#clock.monotonicMs() + ms);
  }

  /** Resolves when requests may be made, at the latest when the signal aborts. */
  async open(signal: AbortSignal): Promise<void> {
    for (let leftMs = this.#leftMs(); leftMs > 0 && !signal.aborted; leftMs = this.#leftMs()) await pause(leftMs, signal);
  }

  #leftMs(): number {
    return this.#until - this.#clock.monotonicMs();
  }
}

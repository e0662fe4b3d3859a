import type { Clock } from '../../shared/clock.ts';
import { VitalmeshError } from '../../shared/errors.ts';
import { pause } from '../../shared/lifecycle.ts';
import type { Logger } from '../../shared/log.ts';
import type { Metrics } from '../../shared/metrics.ts';
import { Seldom } from '../../shared/seldom.ts';
import { BURST_SECONDS, type GatewayLimits } from '../registry/gateway-limits.ts';
import { Budget, type Rate } from './budget.ts';

export interface PacesOptions {
  clock: Pick<Clock, 'monotonicMs'>;
  log: Logger;
  metrics: Metrics;
  /** How long a batch waits at most for its gateway's rate before it is sent back. */
  waitMs: number;
  /** Ends every wait. */
  stopped: AbortSignal;
}

/** INGEST-BUSY, with when to come again. */
export class Busy extends VitalmeshError {
  readonly afterS: number;

  constructor(afterMs: number) {
    const afterS = Math.max(1, Math.ceil(afterMs / 1000));
    super('INGEST-BUSY', { detail: `${afterS} s` });
    this.afterS = afterS;
  }
}

/** Of one gateway. */
interface Pace {
  entries: Budget;
  bytes: Budget;
  /** When a batch last had to wait, monotonic ms. */
  slowedMs: number | undefined;
}

const LOG_EVERY_MS = 60_000;
/** A gateway counts as slowed for so long after a batch of it had to wait. */
const SLOWED_MS = 60_000;

/**
 * Holds each gateway to its rate. A batch of one that has sent more than that waits before its body is read, so that it stays in the gateway's own
 * HTTP/2 window; where the wait would be longer than a gateway waits for its answer, it is told to come again. Nothing of it is lost: it
 * holds nothing as delivered that was not answered.
 */
export class Paces {
  readonly #options: PacesOptions;
  readonly #paces = new Map<string, Pace>();
  readonly #told: Seldom;

  constructor(options: PacesOptions) {
    this.#options = options;
    this.#told = new Seldom(options.clock, LOG_EVERY_MS);
  }

  /** Resolves when the gateway may send again. Rejects with `Busy`. */
  async admit(gateway: string, limits: GatewayLimits): Promise<void> {
    const { clock, waitMs, stopped } = this.#options;
    const pace = this.#of(gateway);
    const untilMs = clock.monotonicMs() + waitMs;
    for (;;) {
      const nowMs = clock.monotonicMs();
      const leftMs = Math.max(pace.entries.waitMs(entryRate(limits), nowMs), pace.bytes.waitMs(byteRate(limits), nowMs));
      if (leftMs === 0) return;
      this.#slowed(gateway, pace, nowMs);
      if (nowMs + leftMs > untilMs || stopped.aborted) throw new Busy(leftMs);
      await pause(leftMs, stopped);
    }
  }

  /** What a batch cost that was admitted. */
  spend(gateway: string, limits: GatewayLimits, entries: number, bytes: number): void {
    const nowMs = this.#options.clock.monotonicMs();
    const pace = this.#of(gateway);
    pace.entries.spend(entries, entryRate(limits), nowMs);
    pace.bytes.spend(bytes, byteRate(limits), nowMs);
  }

  isSlowed(gateway: string): boolean {
    const slowedMs = this.#paces.get(gateway)?.slowedMs;
    return slowedMs !== undefined && this.#options.clock.monotonicMs() - slowedMs < SLOWED_MS;
  }

  /** Kept for ever, since a gateway that comes back must not begin anew; there are no more than the registry lists. */
  #of(gateway: string): Pace {
    let pace = this.#paces.get(gateway);
    if (!pace) {
      pace = { entries: new Budget(), bytes: new Budget(), slowedMs: undefined };
      this.#paces.set(gateway, pace);
    }
    return pace;
  }

  #slowed(gateway: string, pace: Pace, nowMs: number): void {
    const { log, metrics } = this.#options;
    pace.slowedMs = nowMs;
    metrics.count('ingest_slowed_batches');
    if (this.#told.due(gateway)) log.warn({ gateway, code: 'INGEST-BUSY' }, 'a gateway sends more than its rate; its batches wait');
  }
}

function entryRate({ entriesPerSecond: perSecond }: GatewayLimits): Rate {
  return { perSecond, burst: perSecond * BURST_SECONDS };
}

function byteRate({ bytesPerSecond: perSecond }: GatewayLimits): Rate {
  return { perSecond, burst: perSecond * BURST_SECONDS };
}

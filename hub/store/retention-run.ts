import { type Clock, systemClock } from '../../shared/clock.ts';
import { pause, type Service } from '../../shared/lifecycle.ts';
import { type Logger, silentLogger } from '../../shared/log.ts';
import type { Metrics } from '../../shared/metrics.ts';
import { RetentionRounds, removeInSteps } from '../retention-rounds.ts';
import type { RetentionTime } from '../retention-time.ts';
import type { RetentionPolicy } from './retention.ts';
import type { Store } from './store.ts';

export interface RetentionRunOptions {
  store: Pick<Store, 'retain'>;
  policy: RetentionPolicy;
  /** By which time ages are reckoned. */
  time: Pick<RetentionTime, 'moment'>;
  metrics: Metrics;
  clock?: Clock;
  log?: Logger;
  /** Waits; a test hands in its own. */
  wait?: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** Removes what is older than the policy keeps it: once an hour all that is due, in small steps with rests between them. Counts `store_removed`. */
export class RetentionRun implements Service {
  readonly name = 'retention';
  readonly #options: Required<RetentionRunOptions>;
  readonly #rounds: RetentionRounds;

  constructor(options: RetentionRunOptions) {
    const own = { clock: systemClock, log: silentLogger, wait: pause, ...options };
    this.#options = own;
    this.#rounds = new RetentionRounds({
      round: (signal) => this.#round(signal),
      failed: (err) => own.log.warn({ err }, 'what is too old could not be removed'),
      wait: own.wait,
    });
  }

  async start(signal: AbortSignal): Promise<void> {
    this.#rounds.start(signal);
  }

  /** Resolves when the step at hand is over. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#rounds[Symbol.asyncDispose]();
  }

  async #round(signal: AbortSignal): Promise<boolean> {
    const { store, policy, time, clock, metrics, log, wait } = this.#options;
    const now = time.moment(clock.now());
    const removed = await removeInSteps(() => store.retain({ policy, now }), { metric: 'store_removed', metrics, clock, wait, signal });
    if (Object.keys(removed).length > 0) log.info({ removed }, 'what is older than it is kept was removed');
    return true;
  }
}

import { type Clock, systemClock } from '../../shared/clock.ts';
import { asVitalmeshError } from '../../shared/errors.ts';
import { pause, type Service } from '../../shared/lifecycle.ts';
import { type Logger, silentLogger } from '../../shared/log.ts';
import type { Metrics } from '../../shared/metrics.ts';
import type { RetentionTime } from '../retention-time.ts';
import type { Retained, RetentionPolicy } from './retention.ts';
import type { Store } from './store.ts';

const HOUR_MS = 3_600_000;
/** Of the writer's time the retention takes a fifth at most. */
const REST = 4;
const SHORTEST_REST_MS = 25;
const AFTER_FAILURE_MS = 60_000;

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
  readonly #stop = new AbortController();
  #running: Promise<void> = Promise.resolve();

  constructor(options: RetentionRunOptions) {
    this.#options = { clock: systemClock, log: silentLogger, wait: pause, ...options };
  }

  async start(signal: AbortSignal): Promise<void> {
    this.#running = this.#run(AbortSignal.any([signal, this.#stop.signal]));
  }

  /** Resolves when the step at hand is over. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { wait, log } = this.#options;
    while (!signal.aborted) {
      try {
        await this.#round(signal);
        await wait(HOUR_MS, signal);
      } catch (error) {
        log.warn({ err: asVitalmeshError(error) }, 'what is too old could not be removed');
        await wait(AFTER_FAILURE_MS, signal);
      }
    }
  }

  async #round(signal: AbortSignal): Promise<void> {
    const { store, policy, time, clock, metrics, log, wait } = this.#options;
    const now = time.moment(clock.now());
    const removed: Partial<Record<Retained, number>> = {};
    for (let more = true; more && !signal.aborted; ) {
      const startMs = clock.monotonicMs();
      const step = await store.retain({ policy, now });
      for (const name of Object.keys(step.removed) as Retained[]) {
        const rows = step.removed[name] ?? 0;
        removed[name] = (removed[name] ?? 0) + rows;
        metrics.count('store_removed', name, rows);
      }
      more = step.more;
      if (more) await wait(Math.max(SHORTEST_REST_MS, REST * (clock.monotonicMs() - startMs)), signal);
    }
    if (Object.keys(removed).length > 0) log.info({ removed }, 'what is older than it is kept was removed');
  }
}

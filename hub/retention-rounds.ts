import type { Clock } from '../shared/clock.ts';
import { asVitalmeshError, type VitalmeshError } from '../shared/errors.ts';
import type { Metrics } from '../shared/metrics.ts';

const HOUR_MS = 3_600_000;
const AFTER_FAILURE_MS = 60_000;
/** Of the writer's time a retention takes a fifth at most. */
const REST = 4;
const SHORTEST_REST_MS = 25;

type Wait = (ms: number, signal: AbortSignal) => Promise<void>;

export interface RoundsOptions {
  /** Removes all that is due; false where that cannot be done yet. */
  round(signal: AbortSignal): Promise<boolean>;
  failed(error: VitalmeshError): void;
  wait: Wait;
}

/** A round once an hour; a minute behind one that failed, or that could not be done yet. */
export class RetentionRounds implements AsyncDisposable {
  readonly #options: RoundsOptions;
  readonly #stop = new AbortController();
  #running: Promise<void> = Promise.resolve();

  constructor(options: RoundsOptions) {
    this.#options = options;
  }

  start(signal: AbortSignal): void {
    this.#running = this.#run(AbortSignal.any([signal, this.#stop.signal]));
  }

  /** Resolves when the step at hand is over. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { round, failed, wait } = this.#options;
    while (!signal.aborted) {
      let isDone = false;
      try {
        isDone = await round(signal);
      } catch (thrown) {
        failed(asVitalmeshError(thrown));
      }
      await wait(isDone ? HOUR_MS : AFTER_FAILURE_MS, signal);
    }
  }
}

/** What one step removed, and whether there is more. */
interface Step<Name extends string> {
  removed: Partial<Record<Name, number>>;
  more: boolean;
}

/** Steps with rests between them until nothing is due; resolves with what was removed in all. Counts `metric` by what it was. */
export async function removeInSteps<Name extends string>(
  step: () => Promise<Step<Name>>,
  { metric, metrics, clock, wait, signal }: { metric: string; metrics: Metrics; clock: Clock; wait: Wait; signal: AbortSignal },
): Promise<Partial<Record<Name, number>>> {
  const all: Partial<Record<Name, number>> = {};
  for (let more = true; more && !signal.aborted; ) {
    const startMs = clock.monotonicMs();
    const { removed, more: isMore } = await step();
    for (const name of Object.keys(removed) as Name[]) {
      const count = removed[name] ?? 0;
      all[name] = (all[name] ?? 0) + count;
      metrics.count(metric, name, count);
    }
    more = isMore;
    if (more) await wait(Math.max(SHORTEST_REST_MS, REST * (clock.monotonicMs() - startMs)), signal);
  }
  return all;
}

import { asVitalmeshError } from '../../shared/errors.ts';
import { type Backoff, pause } from '../../shared/lifecycle.ts';
import type { Source, SourceStatus } from './source.ts';
import type { SourceTally } from './tally.ts';

/**
 * A source on one link that is opened again whenever it is lost. `session` opens the link and works until the signal aborts
 * (then it resolves) or the link is lost (then it throws: SOURCE-OPEN, SOURCE-LOST); it leaves nothing open in either case.
 * `start` does not wait for the link: a device that is switched off is no reason not to start.
 */
export class ReopeningSource implements Source {
  readonly name: string;
  readonly #tally: SourceTally;
  readonly #backoff: Backoff;
  readonly #session: (signal: AbortSignal) => Promise<void>;
  readonly #stopped = new AbortController();
  #running: Promise<void> = Promise.resolve();

  constructor(tally: SourceTally, backoff: Backoff, session: (signal: AbortSignal) => Promise<void>) {
    this.name = tally.name;
    this.#tally = tally;
    this.#backoff = backoff;
    this.#session = session;
  }

  async start(signal: AbortSignal): Promise<void> {
    this.#running = this.#run(AbortSignal.any([signal, this.#stopped.signal]));
  }

  status(): SourceStatus {
    return this.#tally.status();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped.abort();
    await this.#running;
    this.#tally.stopped();
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.#session(signal);
      } catch (error) {
        if (signal.aborted) break;
        this.#tally.down(asVitalmeshError(error, 'SOURCE-LOST'));
      }
      await pause(this.#backoff.nextMs(), signal);
      if (!signal.aborted) this.#tally.reopened();
    }
    this.#tally.stopped();
  }
}

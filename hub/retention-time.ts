import type { Clock, Instant } from '../shared/clock.ts';
import { asVitalmeshError } from '../shared/errors.ts';
import type { Logger } from '../shared/log.ts';
import { BUILT_AT } from '../shared/time/built-at.ts';
import { readKeptTime, writeKeptTime } from '../shared/time/kept-time.ts';
import { retentionNow } from './due.ts';

export interface RetentionTimeOptions {
  /** Where it is kept from one run of the hub to the next. */
  path: string;
  clock: Pick<Clock, 'monotonicMs'>;
  log: Logger;
}

/**
 * By which time a retention reckons ages: it follows the hub's by a day an hour at most, of the hours in which the hub runs. Where it has come is its own, and kept in a
 * file of its own: the time that the hub keeps goes with every leap, and a start that went on from that would let all of a leap count at once.
 */
export class RetentionTime {
  readonly #options: RetentionTimeOptions;
  #now: Instant;
  #lastMs: number | undefined;

  /** Without a file, or with a damaged one, it begins when this software was made: before that nothing of its store is young. */
  constructor(options: RetentionTimeOptions) {
    this.#options = options;
    this.#now = Math.max(BUILT_AT, readKeptTime(options.path, Number.POSITIVE_INFINITY, options.log) ?? BUILT_AT);
  }

  /** The time to go by when the hub's is `known`; the first one of a run has come no further than the last that was kept. */
  moment(known: Instant): Instant {
    const { path, clock, log } = this.#options;
    const nowMs = clock.monotonicMs();
    // A hub that is started again and again would else gain an hour each time.
    this.#now = retentionNow(this.#now, known, this.#lastMs === undefined ? 0 : nowMs - this.#lastMs);
    this.#lastMs = nowMs;
    try {
      writeKeptTime(path, this.#now);
    } catch (thrown) {
      // A full disk must not keep the retention from making room; the next run goes on from an earlier time, and removes less.
      log.warn({ err: asVitalmeshError(thrown) }, 'how far the retention has come could not be kept');
    }
    return this.#now;
  }
}

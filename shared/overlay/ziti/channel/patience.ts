import { stoodStill } from '../../../awake-limit.ts';

export interface PatienceOptions {
  /** How long an answer is waited for at first. */
  limitMs: number;
  /** Whether this side reads at all. */
  isReading: () => boolean;
  /** What has come so far that shows life, in any unit; it only grows. */
  signs: () => number;
  /** Growth of `signs` within a limit for which the wait goes on for another one. */
  leastSigns: number;
  /** The wait goes on for signs of life, but no longer than so many limits: whoever delivers and never answers is of no use either. */
  mostLimits: number;
  /** The answer is given up. Called once for each `begin`. */
  onOver: () => void;
}

/**
 * How long an answer to a probe is waited for. One may be behind bulk that comes first; a time in which this side did not read, or
 * its process did not run, is nobody's delay and does not count.
 */
export class Patience {
  readonly #options: PatienceOptions;
  #timer: NodeJS.Timeout | undefined;
  /** Counts the waits, so that a judgement of one that is over finds that out. */
  #round = 0;
  #limits = 0;

  constructor(options: PatienceOptions) {
    this.#options = options;
  }

  begin(): void {
    this.end();
    this.#limits = 0;
    this.#wait();
  }

  /** The answer has come, or is no longer waited for. */
  end(): void {
    clearTimeout(this.#timer);
    this.#round += 1;
  }

  #wait(): void {
    const { limitMs, signs } = this.#options;
    const round = this.#round;
    const [since, before] = [performance.now(), signs()];
    this.#timer = setTimeout(() => {
      // What came in meanwhile is still unread then.
      const isLate = stoodStill(since, limitMs);
      // After a time in which the process stood still, timers come before what the socket has received meanwhile.
      setImmediate(() => {
        if (this.#round === round) this.#judge(before, isLate);
      });
    }, limitMs).unref();
  }

  #judge(before: number, isLate: boolean): void {
    const { isReading, signs, leastSigns, mostLimits, onOver } = this.#options;
    if (isReading() && !isLate) {
      this.#limits += 1;
      if (this.#limits === mostLimits || signs() - before < leastSigns) {
        onOver();
        return;
      }
    }
    this.#wait();
  }
}

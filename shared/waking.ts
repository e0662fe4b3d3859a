import { type Clock, systemClock } from './clock.ts';

const LOOK_EVERY_MS = 2000;
/** So much more than the interval has passed when the machine slept. A process that is merely busy seldom gets there, and then it does no harm. */
const NOTICED_MS = 3000;

/**
 * Notices that the machine has slept, or this process stood still: a timer comes long after it was due, or the wall clock went on while
 * the one that never jumps stood still (on Linux it does not count the time of a suspended machine, and no timer comes late). A wall clock
 * that is set forward looks the same, so whoever is told only looks whether all is still well: connections may be dead, tokens have run out.
 */
export class SleepWatch {
  readonly #clock: Clock;
  readonly #listeners = new Set<() => void>();
  #timer: NodeJS.Timeout | undefined;
  #last = { wallMs: 0, monotonicMs: 0 };

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Calls `listener`, which must not throw, within two seconds of each waking, until the returned object is disposed. */
  onWake(listener: () => void): Disposable {
    // Wrapped, so that one function registered twice counts twice.
    const entry = (): void => listener();
    this.#listeners.add(entry);
    if (!this.#timer) {
      this.#passedMs();
      this.#timer = setInterval(() => this.#look(), LOOK_EVERY_MS).unref();
    }
    return { [Symbol.dispose]: () => this.#leave(entry) };
  }

  #leave(entry: () => void): void {
    this.#listeners.delete(entry);
    if (this.#listeners.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #look(): void {
    if (this.#passedMs() < LOOK_EVERY_MS + NOTICED_MS) return;
    for (const listener of [...this.#listeners]) listener();
  }

  /** Since it was last asked, by the clock that says more. */
  #passedMs(): number {
    const now = { wallMs: this.#clock.now(), monotonicMs: this.#clock.monotonicMs() };
    const passedMs = Math.max(now.wallMs - this.#last.wallMs, now.monotonicMs - this.#last.monotonicMs);
    this.#last = now;
    return passedMs;
  }
}

/** Of this machine. */
export const machineSleep = new SleepWatch(systemClock);

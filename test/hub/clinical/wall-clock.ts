import type { Timer } from '../../../hub/clinical/staleness-watch.ts';
import { TestClock } from '../../support/hub.ts';

/** A clock whose wall can be set without any time passing. */
export class WallClock extends TestClock {
  #set = 0;

  override monotonicMs(): number {
    return this.now() - this.#set;
  }

  setWall(ms: number): void {
    this.#set += ms;
    this.advance(ms);
  }
}

/** A timer that the test lets fire, by the monotonic clock: moves it to when it is due. */
export class TestTimer implements Timer {
  readonly #clock: TestClock;
  #set: { fire: () => void; at: number } | undefined;
  pending = 0;

  constructor(clock: TestClock) {
    this.#clock = clock;
  }

  set(fire: () => void, delayMs: number): Disposable {
    const set = { fire, at: this.#clock.monotonicMs() + delayMs };
    this.#set = set;
    this.pending += 1;
    return {
      [Symbol.dispose]: () => {
        if (this.#set === set) this.#set = undefined;
        this.pending -= 1;
      },
    };
  }

  /** Lets time pass, firing what falls due on the way. */
  pass(ms: number): void {
    const until = this.#clock.monotonicMs() + ms;
    for (let next = this.#takeDue(until); next !== undefined; next = this.#takeDue(until)) {
      this.#clock.advance(Math.max(next.at - this.#clock.monotonicMs(), 0));
      next.fire();
    }
    this.#clock.advance(until - this.#clock.monotonicMs());
  }

  #takeDue(until: number): { fire: () => void; at: number } | undefined {
    const set = this.#set;
    if (set === undefined || set.at > until) return undefined;
    this.#set = undefined;
    return set;
  }
}

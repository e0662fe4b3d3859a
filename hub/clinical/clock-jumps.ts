import type { Clock } from '../../shared/clock.ts';

/** By so much the wall clock must have moved against the monotonic one to have been set. Slewing moves it by half a thousandth. */
const JUMP_MS = 100;

/** Notices that the wall clock was set. */
export class ClockJumps {
  readonly #clock: Pick<Clock, 'now' | 'monotonicMs'>;
  #ahead: number;

  constructor(clock: Pick<Clock, 'now' | 'monotonicMs'>) {
    this.#clock = clock;
    this.#ahead = this.#wallAhead();
  }

  /** By how much it was set since it was last asked, ms; 0 where it was not. */
  take(): number {
    const ahead = this.#wallAhead();
    const jump = ahead - this.#ahead;
    this.#ahead = ahead;
    return Math.abs(jump) < JUMP_MS ? 0 : jump;
  }

  #wallAhead(): number {
    return this.#clock.now() - this.#clock.monotonicMs();
  }
}

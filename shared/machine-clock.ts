// Apart from `clock.ts`, which has it too: what needs no zones spares a thread the library for them, three megabytes.

/** UTC milliseconds since 1970, an integer. The only form of time inside Vitalmesh; zones exist at the rim alone. */
export type Instant = number;

/** Where a component takes its time from, so that a test can move it. */
export interface Clock {
  /** Wall clock, UTC milliseconds. May jump. */
  now(): Instant;
  /** Milliseconds that never jump or go back; for measuring durations. */
  monotonicMs(): number;
}

/** The machine's own clocks. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
};

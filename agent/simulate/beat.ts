import type { Instant } from '../../shared/clock.ts';
import { pause } from '../../shared/lifecycle.ts';

/**
 * Calls `beat` once an interval, `phaseMs` after each whole multiple of it on the wall clock, until the signal aborts or a beat says
 * `false`; a late beat is skipped, as a device's display skips. Devices of a ward do not beat together, hence the phase. With an interval of 0
 * one beat follows the other.
 */
export async function atEvery(
  intervalMs: number,
  phaseMs: number,
  signal: AbortSignal,
  beat: (at: Instant) => boolean | Promise<boolean>,
): Promise<void> {
  while (!signal.aborted) {
    let due = Date.now();
    // The other side has its turn in between.
    if (intervalMs === 0) await new Promise((turn) => setImmediate(turn));
    else {
      due = (Math.floor((due - phaseMs) / intervalMs) + 1) * intervalMs + phaseMs;
      await pause(Math.max(0, due - Date.now()), signal);
    }
    if (signal.aborted || !(await beat(due))) return;
  }
}

import { type Clock, type Instant, systemClock } from '../../shared/clock.ts';
import { type Logger, silentLogger } from '../../shared/log.ts';
import { NetworkClock } from '../../shared/time/network-clock.ts';

export const DAY_MS = 24 * 60 * 60 * 1000;

/** A machine whose clock began to run in the year 2000. OpenSSL in this process knows the true time all the same. */
export const clocklessMachine: Clock = {
  now: () => Date.UTC(2000, 0, 1) + Math.floor(performance.now()),
  monotonicMs: systemClock.monotonicMs,
};

/** The clock of a program on such a machine. */
export function clockAtFloor(floor: Instant, log: Logger = silentLogger): NetworkClock {
  return new NetworkClock({ machine: clocklessMachine, floors: { certain: floor }, log });
}

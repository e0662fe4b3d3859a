import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Clock } from '../clock.ts';

/** One start of a machine, and how long ago it was. */
export interface Boot {
  /** Another one after each start. Of a machine that does not tell it, another one for each process. */
  readonly id: string;
  /** Whether time in which the machine slept counts. Where it does not, a machine that slept seems to be one whose clock was set. */
  readonly countsSleep: boolean;
  /** Milliseconds since then; never goes back. `anew`: also right after the machine woke up. */
  sinceMs(anew?: boolean): number;
}

const BOOT_ID = '/proc/sys/kernel/random/boot_id';
/** Seconds since the start, sleep included (CLOCK_BOOTTIME; proc_uptime(5)), in hundredths. */
const UPTIME = '/proc/uptime';
/** It is read at most so often: until then, a machine that woke up has not slept. */
const READ_EVERY_MS = 20;
/** Two readings of `UPTIME` differ by so much from each other without a sleep between them. */
const COARSE_MS = 50;

export interface BootFiles {
  bootId?: string;
  uptime?: string;
}

/** The present start of this machine; counted from the start of the process where Linux does not tell. */
export function thisBoot(clock: Pick<Clock, 'monotonicMs'>, { bootId = BOOT_ID, uptime = UPTIME }: BootFiles = {}): Boot {
  const id = textOf(bootId)?.trim();
  if (!id || uptimeMs(uptime) === undefined) return processBoot(clock);
  let sleptMs: number | undefined;
  let readAtMs = Number.NEGATIVE_INFINITY;
  return {
    id,
    countsSleep: true,
    sinceMs(anew = false) {
      const nowMs = clock.monotonicMs();
      if (anew || nowMs - readAtMs >= READ_EVERY_MS) {
        readAtMs = nowMs;
        const slept = (uptimeMs(uptime) ?? Number.NaN) - nowMs;
        // The monotonic clock is the finer one, and says how time passes as long as nobody slept.
        if (sleptMs === undefined || slept - sleptMs > COARSE_MS) sleptMs = slept;
      }
      return nowMs + (sleptMs ?? 0);
    },
  };
}

/** Counted by the process's own clock. */
export function processBoot(clock: Pick<Clock, 'monotonicMs'>): Boot {
  return { id: randomUUID(), countsSleep: false, sinceMs: () => clock.monotonicMs() };
}

function uptimeMs(path: string): number | undefined {
  const seconds = Number.parseFloat(textOf(path) ?? '');
  return Number.isFinite(seconds) ? seconds * 1000 : undefined;
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

import { randomUUID } from 'node:crypto';
import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import type { Clock } from '../clock.ts';

/** One start of a machine, and how long ago it was. */
export interface Boot {
  /** Another one after each start. Of a machine that does not tell it, another one for each process. */
  readonly id: string;
  /** Whether time in which the machine slept counts. Where it does not, a machine that slept seems to be one whose clock was set. */
  readonly countsSleep: boolean;
  /** Whether the machine may have stood still, and no count of its own says so, because it is a virtual one; it does not unless told. */
  readonly mayStandStill?: boolean;
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
/** When this process was started, in hundredths of a second since the start of the machine (CLOCK_BOOTTIME; proc_pid_stat(5), field 22), of a container, too. */
const SELF = '/proc/self/stat';
/** `UPTIME` is another count than the machine's where it is behind by more. */
const ANOTHER_COUNT_MS = 1000;

export interface BootFiles {
  bootId?: string;
  uptime?: string;
  self?: string;
}

export interface BootOptions extends BootFiles {
  mayStandStill?: boolean;
  /** Since the start of the machine, without sleeps (CLOCK_MONOTONIC). */
  awakeMs?(): number;
  /** Since the start of this process. */
  processMs?(): number;
}

/**
 * The present start of this machine; counted from the start of the process where Linux does not tell. In a container `/proc/uptime` may count from the container's start
 * (lxcfs), under the boot id of the machine: then what is missing is added, so that two containers of one start of the machine count alike.
 */
export function thisBoot(clock: Pick<Clock, 'monotonicMs'>, options: BootOptions = {}): Boot {
  const { bootId = BOOT_ID, uptime = UPTIME, mayStandStill = false } = options;
  const id = textOf(bootId)?.trim();
  const uptimeMs = readerOf(uptime);
  const shown = uptimeMs();
  if (!id || shown === undefined) return processBoot(clock, mayStandStill);
  const behind = sinceStartMs(options) - shown;
  const missingMs = behind > ANOTHER_COUNT_MS ? behind : 0;
  let sleptMs = shown + missingMs - clock.monotonicMs();
  let readAtMs = Number.NEGATIVE_INFINITY;
  return {
    id,
    countsSleep: true,
    mayStandStill,
    sinceMs(anew = false) {
      const nowMs = clock.monotonicMs();
      if (anew || nowMs - readAtMs >= READ_EVERY_MS) {
        readAtMs = nowMs;
        const slept = (uptimeMs() ?? Number.NaN) + missingMs - nowMs;
        // The monotonic clock is the finer one, and says how time passes as long as nobody slept.
        if (slept - sleptMs > COARSE_MS) sleptMs = slept;
      }
      return nowMs + sleptMs;
    },
  };
}

/** Counted by the process's own clock. */
export function processBoot(clock: Pick<Clock, 'monotonicMs'>, mayStandStill = false): Boot {
  return { id: randomUUID(), countsSleep: false, mayStandStill, sinceMs: () => clock.monotonicMs() };
}

/** How long ago the machine surely started at least: by the clock that sleeps stop, and by when this process was started. */
function sinceStartMs({
  self = SELF,
  awakeMs = () => Number(process.hrtime.bigint()) / 1e6,
  processMs = () => process.uptime() * 1000,
}: BootOptions): number {
  const fields = textOf(self)?.split(') ').at(-1)?.split(' ');
  const startedMs = Number(fields?.[19]) * 10;
  return Math.max(awakeMs(), Number.isFinite(startedMs) ? startedMs + processMs() : 0);
}

/** Reads `UPTIME`, which stays open: it is read up to fifty times a second, between a value's coming and its being on disk. */
function readerOf(path: string): () => number | undefined {
  const bytes = Buffer.alloc(64);
  let file: number | undefined;
  const read = (): number => {
    try {
      file ??= openSync(path, 'r');
      return 1000 * Number.parseFloat(bytes.toString('latin1', 0, readSync(file, bytes, 0, bytes.length, 0)));
    } catch {
      return Number.NaN;
    }
  };
  return () => {
    for (let attempt = 0; attempt < 2; attempt += 1) {
      const ms = read();
      if (Number.isFinite(ms)) return ms;
      // What shows it (lxcfs) may have been started anew.
      if (file !== undefined) abandon(file);
      file = undefined;
    }
    return undefined;
  };
}

/** Closing a file of what ended fails as reading it does. */
function abandon(file: number): void {
  try {
    closeSync(file);
  } catch {
    // Its number is free all the same (close(2)).
  }
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

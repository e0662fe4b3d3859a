import { readdirSync, readFileSync } from 'node:fs';

/** What a process takes up at a moment. */
export interface Sample {
  atMs: number;
  /** Resident memory, in MB (10^6 bytes). */
  rssMb: number;
  /** Open descriptors. */
  fds: number;
}

/**
 * What may be added while nothing leaks: caches fill (32 MiB in the hub), and the heap is collected seldom. Over the first minutes of a process,
 * while it is compiled and its heap finds its size, a slope says little: buffers outside of the heap may then reach 64 MB, at which V8 collects them.
 */
export const BOUNDS = { rssMb: 48, rssMbAnHour: 16, fds: 8, fdsAnHour: 1, warmingHours: 5 / 60, warmingRssMb: 112 } as const;

const PAGE_BYTES = 4096;
const HOUR_MS = 3_600_000;

/** Undefined when the process has ended. */
export function sampleOf(pid: number, atMs: number): Sample | undefined {
  try {
    const [, resident = '0'] = readFileSync(`/proc/${pid}/statm`, 'latin1').split(' ');
    return { atMs, rssMb: (Number(resident) * PAGE_BYTES) / 1e6, fds: readdirSync(`/proc/${pid}/fd`).length };
  } catch {
    return undefined;
  }
}

export interface Growth {
  rssMb: number;
  fds: number;
  /** Over how long. */
  hours: number;
  isBounded: boolean;
}

/** What a process grew by over the second half of its samples: the slope (least squares) times the time. */
export function growthOf(samples: readonly Sample[]): Growth {
  const half = samples.slice(Math.floor(samples.length / 2));
  const hours = ((half.at(-1)?.atMs ?? 0) - (half[0]?.atMs ?? 0)) / HOUR_MS;
  const [rssMb, fds] = [slope(half, ({ rssMb: mb }) => mb) * hours, slope(half, ({ fds: count }) => count) * hours];
  const mostMb = hours < BOUNDS.warmingHours ? BOUNDS.warmingRssMb : BOUNDS.rssMb + BOUNDS.rssMbAnHour * hours;
  const isBounded = rssMb <= mostMb && fds <= BOUNDS.fds + BOUNDS.fdsAnHour * hours;
  return { rssMb, fds, hours, isBounded };
}

/** A hour. */
function slope(samples: readonly Sample[], of: (sample: Sample) => number): number {
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
  const times = samples.map(({ atMs }) => atMs / HOUR_MS);
  const [middle, level] = [mean(times), mean(samples.map(of))];
  const spread = times.reduce((sum, time) => sum + (time - middle) ** 2, 0);
  const together = samples.reduce((sum, sample, i) => sum + ((times[i] ?? 0) - middle) * (of(sample) - level), 0);
  return spread === 0 ? 0 : together / spread;
}

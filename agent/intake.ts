import type { Clock } from '../shared/clock.ts';
import type { Metrics } from '../shared/metrics.ts';
import type { ReadingRecord } from '../shared/reading.ts';
import type { Rejected } from './decoding.ts';
import type { Outbox } from './outbox/outbox.ts';
import type { Intake } from './sources/source.ts';

/** Counters of the intake; the label is `source/code`, or the source alone for bytes. */
export const INTAKE_METRICS = {
  rejected: 'intake_rejected_total',
  rejectedBytes: 'intake_rejected_bytes_total',
  /** Bytes of rejected parts that were not kept because the part or the source was over its limit. */
  unkeptBytes: 'intake_unkept_bytes_total',
} as const;

export interface IntakeOptions {
  outbox: Pick<Outbox, 'append' | 'quarantineBytes'>;
  metrics: Metrics;
  clock: Clock;
  /** Of one part, so many bytes from its beginning are kept. 64 KiB unless told. */
  partBytes?: number;
  /** Of one source, so many bytes an hour are kept, so that a broken sender cannot fill the disk. 16 MiB unless told. */
  hourlyBytes?: number;
}

const HOUR_MS = 3_600_000;

/** Where all sources hand in: records go to the outbox, rejected parts are counted by source and code and kept in quarantine. */
export function createIntake({ outbox, metrics, clock, partBytes = 64 * 1024, hourlyBytes = 16 * 1024 * 1024 }: IntakeOptions): Intake {
  const allowances = new Map<string, Allowance>();

  const keep = (source: string, { raw, bytes }: Rejected): Uint8Array | undefined => {
    if (!raw || raw.byteLength === 0) return undefined;
    let allowance = allowances.get(source);
    if (!allowance) {
      allowance = new Allowance(hourlyBytes, clock.monotonicMs());
      allowances.set(source, allowance);
    }
    const kept = raw.subarray(0, Math.min(partBytes, allowance.take(Math.min(partBytes, raw.byteLength), clock.monotonicMs())));
    const unkept = Math.max(bytes, raw.byteLength) - kept.byteLength;
    if (unkept > 0) metrics.count(INTAKE_METRICS.unkeptBytes, source, unkept);
    return kept.byteLength > 0 ? kept : undefined;
  };

  return {
    async store(records: readonly ReadingRecord[]) {
      if (records.length > 0) await outbox.append(records);
    },
    async reject(source, rejected) {
      const writes: Promise<void>[] = [];
      for (const part of rejected) {
        metrics.count(INTAKE_METRICS.rejected, `${source}/${part.code}`);
        metrics.count(INTAKE_METRICS.rejectedBytes, `${source}/${part.code}`, part.bytes);
        const kept = keep(source, part);
        if (kept) writes.push(outbox.quarantineBytes(source, part.code, part.part, kept));
      }
      await Promise.all(writes);
    },
  };
}

/** Bytes that may be kept: `perHour` at once, growing back evenly over an hour. */
class Allowance {
  readonly #perHour: number;
  #left: number;
  #at: number;

  constructor(perHour: number, nowMs: number) {
    this.#perHour = perHour;
    this.#left = perHour;
    this.#at = nowMs;
  }

  /** Takes `wanted` bytes if there are so many, otherwise none. */
  take(wanted: number, nowMs: number): number {
    this.#left = Math.min(this.#perHour, this.#left + ((nowMs - this.#at) / HOUR_MS) * this.#perHour);
    this.#at = nowMs;
    if (wanted > this.#left) return 0;
    this.#left -= wanted;
    return wanted;
  }
}

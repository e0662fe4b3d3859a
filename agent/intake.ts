import type { Clock, Instant } from '../shared/clock.ts';
import type { Metrics } from '../shared/metrics.ts';
import { encodeRecord, type Reading, type ReadingRecord } from '../shared/reading.ts';
import { checkReading, checkRecord } from '../shared/reading-check.ts';
import type { ClockRun } from '../shared/time/clock-run.ts';
import { inDoubt } from './boots/retime.ts';
import type { MessageKey, ReadAgain, Rejected } from './decoding.ts';
import { observationCount } from './observation-count.ts';
import type { Origin, Outbox } from './outbox/outbox.ts';
import type { Intake, Stored } from './sources/source.ts';
import { Unstored } from './unstored.ts';

/** Counters of the intake; the label of rejections is `source/code`. */
export const INTAKE_METRICS = {
  /** Observations that the records on disk amount to. */
  observations: 'intake_observations_total',
  rejected: 'intake_rejected_total',
  rejectedBytes: 'intake_rejected_bytes_total',
  /** Bytes of rejected parts that were not kept because the part or the source was over its limit. */
  unkeptBytes: 'intake_unkept_bytes_total',
} as const;

export interface IntakeOptions {
  outbox: Pick<Outbox, 'append' | 'appendMessage' | 'find' | 'quarantineBytes'>;
  metrics: Metrics;
  clock: Clock;
  /** Whether the time of receipt was stamped while the time was not known; never unless told. */
  isDoubtful?: (receivedAt: Instant) => boolean;
  /** The run of the clock that stamped a time of receipt, where nobody has confirmed it: the outbox puts its rows right. There is none unless told. */
  runOf?: (receivedAt: Instant) => ClockRun | undefined;
  /** What is known of each source, by its name: kept beside bytes that cannot be decoded, so that they can be read again later. */
  origins?: ReadonlyMap<string, Omit<Origin, 'doubtful'>>;
  /** Of one part, so many bytes from its beginning are kept. 64 KiB unless told. */
  partBytes?: number;
  /** Of one source, so many bytes an hour are kept, so that a broken sender cannot fill the disk. 16 MiB unless told. */
  hourlyBytes?: number;
}

const HOUR_MS = 3_600_000;

/**
 * Where all sources hand in: records go to the outbox, rejected parts are counted by source and code and kept in quarantine. What no
 * decoder should have let through is found here, before a device is told that all is well, and not when a batch is made of it.
 */
export function createIntake(options: IntakeOptions): Intake {
  const {
    outbox,
    metrics,
    clock,
    isDoubtful = () => false,
    runOf = () => undefined,
    origins,
    partBytes = 64 * 1024,
    hourlyBytes = 16 * 1024 * 1024,
  } = options;
  const allowances = new Map<string, Allowance>();
  const unstored = new Unstored({ outbox, clock, metrics, runOf });

  const keep = (source: string, { bytes, ...part }: Rejected): Uint8Array | undefined => {
    const raw = part.again?.raw ?? part.raw;
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

  const reject = async (source: string, rejected: readonly Rejected[]): Promise<void> => {
    const writes: Promise<void>[] = [];
    const known = origins?.get(source);
    const origin = known && { ...known, doubtful: isDoubtful(clock.now()) };
    for (const part of rejected) {
      metrics.count(INTAKE_METRICS.rejected, `${source}/${part.code}`);
      metrics.count(INTAKE_METRICS.rejectedBytes, `${source}/${part.code}`, part.bytes);
      const kept = keep(source, part);
      if (!kept) continue;
      const whole = (part.again?.raw ?? part.raw)?.byteLength;
      const own = part.again && origin ? partOrigin(origin, part.again) : origin;
      writes.push(outbox.quarantineBytes(source, part.code, part.part, kept, own, whole));
    }
    await Promise.all(writes);
  };

  return {
    reject,
    async store(records, message, sendsAgain = () => true) {
      const good: ReadingRecord[] = [];
      const run = records[0] && runOf(records[0].receivedAt);
      const wrong: { source: string; part: Rejected }[] = [];
      for (const received of records) {
        const record = !run && isDoubtful(received.receivedAt) ? inDoubt(received) : received;
        if (checkRecord(record) === undefined) {
          good.push(record);
          continue;
        }
        const { left, part } = divide(record);
        wrong.push({ source: record.source, part });
        if (left) good.push(left);
      }
      const appending = append(outbox, good, message, run);
      appending.catch(() => {
        if (!sendsAgain()) unstored.add(good);
      });
      const rejecting = wrong.map(({ source, part }) => reject(source, [part]));
      // A failure of the one must not leave the other without somebody who waits for it.
      const [outcome] = rejecting.length > 0 ? await Promise.all([appending, ...rejecting]) : [await appending];
      if (unstored.some) void unstored.store();
      if (outcome !== 'held') for (const record of good) metrics.count(INTAKE_METRICS.observations, '', observationCount(record));
      return outcome;
    },
  };
}

async function append(
  outbox: Pick<Outbox, 'append' | 'appendMessage' | 'find'>,
  records: readonly ReadingRecord[],
  message: MessageKey | undefined,
  run: ClockRun | undefined,
): Promise<Stored> {
  if (!message) {
    await outbox.append(records, { run });
    return 'stored';
  }
  // What holds nothing good is not known by its message, and read again each time.
  if (records.length === 0) return (await outbox.find(message)) === 'name' ? 'stored-again' : 'stored';
  const { keys, isNameUsed } = await outbox.appendMessage(records, message, { run });
  return keys.length === 0 ? 'held' : isNameUsed ? 'stored-again' : 'stored';
}

/** The origin of a part of a message: whose it is was decided by the whole of it. */
export function partOrigin(
  { context: { patient: _, bed: __, ...context }, last: ___, ...origin }: Origin,
  { subject, last }: ReadAgain,
): Origin {
  return { ...origin, context: { ...context, ...subject }, row: true, ...(last !== undefined && { last }) };
}

/** What is left of a record without the readings that could never be sent, and those as a rejected part; all of it when the record itself is wrong. */
function divide(record: ReadingRecord): { left: ReadingRecord | undefined; part: Rejected } {
  const wrong: Reading[] = [];
  const right = record.readings.filter((reading) => checkReading(reading) === undefined || !wrong.push(reading));
  const left = { ...record, readings: right };
  const code = checkRecord(record) ?? 'DECODE-FIELD';
  const sound = right.length > 0 && checkRecord(left) === undefined;
  const raw = encodeRecord(sound ? { ...record, readings: wrong } : record);
  return { left: sound ? left : undefined, part: { code, part: 'record', bytes: raw.byteLength, raw } };
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

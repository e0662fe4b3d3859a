import type { Clock } from '../../shared/clock.ts';
import type { ErrorCode } from '../../shared/errors.ts';
import type { Service } from '../../shared/lifecycle.ts';
import type { Logger } from '../../shared/log.ts';
import type { Metrics } from '../../shared/metrics.ts';
import type { ReadingRecord } from '../../shared/reading.ts';
import type { Taps } from '../capture/taps.ts';
import type { MessageKey, Rejected } from '../decoding.ts';
import type { UnknownCode } from '../unknown-codes.ts';

/** What became of records: `stored`; `held`, because their message was on disk already; or `stored-again`, under the name of another message. */
export type Stored = 'stored' | 'held' | 'stored-again';

/** What a source hands its results to. */
export interface Intake {
  /**
   * Resolves when all records are on disk, rejects (STORAGE-*) when they are not: only then may the device be told so. `message` is what
   * they came in, where its sender gives names to messages: one that is on disk already is not stored again. `sendsAgain`: whether the
   * device does when it is not told that they are stored; true unless told. Of what else could not be stored, a gap is remembered.
   */
  store(records: readonly ReadingRecord[], message?: MessageKey, sendsAgain?: () => boolean): Promise<Stored>;
  /** Counts a rejected part and keeps it in quarantine when it has bytes. Durable before it resolves. */
  reject(source: string, rejected: readonly Rejected[]): Promise<void>;
}

export interface SourceEnvironment {
  intake: Intake;
  clock: Clock;
  log: Logger;
  metrics: Metrics;
  /** Where a capture sees the bytes of a source. */
  taps?: Taps;
}

/** Counters every source keeps, under these names with the source's name as label. */
export const SOURCE_METRICS = {
  bytes: 'source_bytes_total',
  records: 'source_records_total',
  readings: 'source_readings_total',
  rejected: 'source_rejected_total',
  connections: 'source_connections',
} as const;

export interface SourceStatus {
  name: string;
  type: string;
  state: 'starting' | 'running' | 'waiting' | 'stopped';
  /** Why it waits; null while it does not, and while it is open and nothing came yet. */
  code: ErrorCode | null;
  /** Where it reads: a path, or host:port as really bound. */
  endpoint: string;
  records: number;
  readings: number;
  rejected: number;
  /** Messages that were stored under the name of an earlier one with other content; left out where none were. */
  storedAgain?: number;
  /** UTC ms of the last record, or null. */
  lastRecordAt: number | null;
  /** How often codes came that are not in the table, the most frequent first; left out where none did. */
  unknownCodes?: readonly UnknownCode[];
}

/** Where bytes come from: a serial line, an MLLP listener, an MQTT broker. Reopens by itself what is lost; a device is acknowledged only after `store` resolved. */
export interface Source extends Service {
  status(): SourceStatus;
}

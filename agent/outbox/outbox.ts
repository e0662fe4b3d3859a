import type { Instant } from '../../shared/clock.ts';
import type { ErrorCode } from '../../shared/errors.ts';
import type { ReadingRecord, RowClass } from '../../shared/reading.ts';
import type { RowKey } from '../../shared/uplink/key.ts';
import type { MessageKey } from '../decoding.ts';

export interface OutboxRow extends RowKey {
  class: RowClass;
  receivedAt: Instant;
  record: ReadingRecord;
}

export interface QuarantineEntry {
  id: number;
  at: Instant;
  code: ErrorCode;
  source: string;
  part: string;
  bytes: number;
}

export interface OutboxStatus {
  epoch: string;
  pending: number;
  oldestPendingAt: Instant | null;
  delivered: number;
  quarantined: number;
  fileBytes: number;
}

/**
 * Durable store-and-forward. Whatever a method resolved for survives a power cut. Rows are handed out in order of `seq`; a row
 * stays until `complete` or `quarantine`. One process owns the file (STORAGE-LOCKED for a second one). Errors: STORAGE-*.
 */
export interface Outbox extends AsyncDisposable {
  readonly epoch: string;
  /**
   * Appends one row a record; resolves after the commit that holds them all. Appends of one event-loop turn share a commit. `message` is
   * what the records came in, kept in the same commit: when it is on disk already, nothing is appended and there are no keys.
   */
  append(records: readonly ReadingRecord[], from?: { message?: MessageKey | undefined }): Promise<RowKey[]>;
  /** Whether this message was appended, as far back as messages are kept (the newest 100,000), or another one of its name. */
  find(message: MessageKey): 'message' | 'name' | undefined;
  /** Pending rows with `seq` greater than `after`, at most `limit`. Unreadable rows go to quarantine and are left out. */
  pending(after: number, limit: number): OutboxRow[];
  /** Marks rows as held by the hub. */
  complete(rows: readonly RowKey[]): Promise<void>;
  /** Takes rows out of the way with the reason why, keeping their content. */
  quarantine(rows: readonly RowKey[], code: ErrorCode): Promise<void>;
  /** Keeps bytes that could not be decoded. */
  quarantineBytes(source: string, code: ErrorCode, part: string, raw: Uint8Array): Promise<void>;
  /** Takes a new epoch and gives every pending row a key under it: after UPLINK-KEY-REUSED. Returns the new epoch. */
  rekey(): Promise<string>;
  quarantined(limit: number): QuarantineEntry[];
  status(): OutboxStatus;
  /** Called after rows became pending, until disposed. */
  onAppend(listener: () => void): Disposable;
}

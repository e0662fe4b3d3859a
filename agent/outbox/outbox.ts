import type { Instant } from '../../shared/clock.ts';
import type { ErrorCode } from '../../shared/errors.ts';
import type { ReadingRecord, RowClass } from '../../shared/reading.ts';
import type { ClockRun, KnownTime } from '../../shared/time/clock-run.ts';
import type { RowKey } from '../../shared/uplink/key.ts';
import type { Lineage, StorePosition } from '../../shared/uplink/lineage.ts';
import type { DecodeContext, MessageKey, Profile } from '../decoding.ts';

export interface OutboxRow extends RowKey {
  class: RowClass;
  receivedAt: Instant;
  record: ReadingRecord;
}

/** A row that the hub holds, and where it committed it. */
export interface DeliveredRow extends RowKey {
  committed?: StorePosition;
}

/** What a hub that went back to an earlier state costs: rows that wait again, and gaps in the place of those that were gone. */
export interface Redelivered {
  rows: number;
  gaps: number;
}

export interface QuarantineEntry {
  id: number;
  at: Instant;
  code: ErrorCode;
  source: string;
  part: string;
  bytes: number;
  /** Of a row; null for bytes that could not be decoded. */
  class: RowClass | null;
}

/** What was known of a source when bytes of it came: whose they are must not change with the configuration. */
export interface Origin {
  profile: string;
  kind: Profile['kind'];
  context: DecodeContext;
  /** The time of receipt was stamped while the time was not known. */
  doubtful: boolean;
  /** The bytes are a part of a message behind what gives it its meaning: of them only the last segments are read (`ReadAgain`). */
  row?: true;
  /** How many; one unless told. */
  last?: number;
}

/** An entry of quarantine with what it holds. */
export interface QuarantinedContent extends QuarantineEntry {
  /** A row as `encodeRecord` writes it, or the first bytes of what could not be decoded. */
  body: Uint8Array;
  /** Of a row: how many of its resources the hub holds under its old key; undefined where nobody knows. */
  held?: number;
  /** Of bytes: undefined where nothing was kept of it. */
  origin?: Origin;
}

/** What an entry of quarantine amounts to when it is read again. */
export interface Found {
  records: readonly ReadingRecord[];
  /** The message that they came in. */
  message?: MessageKey | undefined;
  /** Parts of it that cannot be read yet; of the origin that the entry had, unless they have one of their own. */
  rest?: readonly { code: ErrorCode; part: string; bytes: number; raw: Uint8Array; origin?: Origin }[];
}

/** What became of records that came in a message. */
export interface Appended {
  /** None when the message was on disk already. */
  keys: RowKey[];
  /** Another message of this name was appended before. */
  isNameUsed: boolean;
}

/** What stamped the time of receipt of records, where nobody had confirmed it. */
export interface Stamped {
  run?: ClockRun | undefined;
}

/** Some rows counted by class. */
export interface Census {
  /** The last row that was counted; undefined when there was none left. */
  last: number | undefined;
  pending: Partial<Record<RowClass, number>>;
  delivered: Partial<Record<RowClass, number>>;
}

export interface OutboxStatus {
  epoch: string;
  /** Id of the hub's store that the data go to; null before the first, and where there is no hub. */
  storeId: string | null;
  pending: number;
  oldestPendingAt: Instant | null;
  /** Of those that wait, how many were received while the time was not known, and are not sent before it is. */
  untimed: number;
  delivered: number;
  quarantined: number;
  /** Of the file and its log on disk. */
  fileBytes: number;
  /** Of the file, what is in use, and how much may be. */
  usedBytes: number;
  limitBytes: number;
  /** What was written to the disk, by day in UTC: pages to the log, and at most as many as were moved to the file. */
  writtenBytes: { today: number; yesterday: number };
  /** Names of damaged files that were set aside and are still there. */
  setAside: readonly string[];
  /** What is wrong with it: it cannot store, is full, or becomes full; null while all is well. */
  code: ErrorCode | null;
}

/**
 * Durable store-and-forward. Whatever a method resolved for survives a power cut. Rows are handed out in order of `seq`; a row
 * stays until `complete` or `quarantine`, unless room is needed for what matters more, or it becomes too old: then a row of class `gap`
 * takes its place in the same commit. One process owns the file (STORAGE-LOCKED for a second one). What is called first is done first. Errors: STORAGE-*.
 */
export interface Outbox extends AsyncDisposable {
  readonly epoch: string;
  /** The greatest `seq` given so far, as far as anybody was told of it, whatever has become of the row; 0 before the first. */
  readonly lastSeq: number;
  /**
   * Appends one row a record; resolves after the commit that holds them all. Appends of one event-loop turn share a commit. Rejects with
   * OUTBOX-FULL when it is full and nothing is left that may go. Rows of a run that is `held`, and all behind them, are not handed out before
   * `timeKnown`.
   */
  append(records: readonly ReadingRecord[], by?: Stamped): Promise<RowKey[]>;
  /** The same of what came in a message, which is kept in the same commit: when it is on disk already, nothing is appended and there are no keys. */
  appendMessage(records: readonly ReadingRecord[], message: MessageKey, by?: Stamped): Promise<Appended>;
  /**
   * The time is known: rows of runs that were never handed out get the time of receipt that they truly had, or are marked as of nobody knows
   * when. Resolves when that is done, or is to be tried again; never rejects.
   */
  timeKnown(known: KnownTime): Promise<void>;
  /** Whether this message was appended, as far back as messages are kept (the newest 100,000), or another one of its name. */
  find(message: MessageKey): Promise<'message' | 'name' | undefined>;
  /**
   * Pending rows with `seq` greater than `after`, at most `limit`, to be sent: from now on the hub may hold them, and they are not
   * changed any more. Unreadable rows go to quarantine and are left out.
   */
  pending(after: number, limit: number): Promise<OutboxRow[]>;
  /** The same rows, to be looked at only. */
  waiting(after: number, limit: number): Promise<OutboxRow[]>;
  /** Marks rows as held by the hub, with where it committed them, as far as it says so. */
  complete(rows: readonly DeliveredRow[]): Promise<void>;
  /** Id of the hub's store that the data go to; null before the first. */
  readonly storeId: string | null;
  /**
   * From now on the data go to this store. Resolves with how many rows are sent again, because they were delivered to another one before and
   * nothing was told of where; the others follow with `redeliver`.
   */
  setStoreId(storeId: string): Promise<number>;
  /** Up to where the hub's store told of commits that hold delivered rows, in the order in which its epochs were met. */
  toldOf(): Promise<readonly StorePosition[]>;
  /**
   * Compares what was delivered with what the hub's store says of its life. Rows that it does not hold any more are pending again, with the
   * keys that they had; a gap of class `restored` stands for those that were removed here meanwhile. To be called before rows are handed out
   * over a new connection.
   */
  redeliver(lineage: Lineage): Promise<Redelivered>;
  /** Takes rows out of the way with the reason why, keeping their content. `held`: how many of a row's resources the hub has. */
  quarantine(rows: readonly (RowKey & { held?: number })[], code: ErrorCode): Promise<void>;
  /** Keeps bytes that could not be decoded, with what was known of their source; `bytes`: how many there were, where `raw` is their beginning. */
  quarantineBytes(source: string, code: ErrorCode, part: string, raw: Uint8Array, origin?: Origin, bytes?: number): Promise<void>;
  /** Takes a new epoch and gives every pending row a key under it: after UPLINK-KEY-REUSED. Returns the new epoch. */
  rekey(): Promise<string>;
  /** Entries of quarantine with an id less than `before`, the newest first, at most `limit`. */
  quarantined(limit: number, before?: number): Promise<QuarantineEntry[]>;
  /** An entry of quarantine with its content; undefined when there is none of this id. */
  content(id: number): Promise<QuarantinedContent | undefined>;
  /**
   * In one commit: takes an entry out of quarantine, appends what was found in it as rows under new keys, and puts the rest of it into
   * quarantine, with the time and origin that the entry had. When the message is on disk already, nothing is appended and there are no
   * keys. Rejects with OUTBOX-NO-ENTRY when the entry is gone: then nothing is done.
   */
  release(id: number, found: Found): Promise<RowKey[]>;
  /** Removes an entry of quarantine for ever; resolves with what it was. Rejects with OUTBOX-NO-ENTRY. */
  drop(id: number): Promise<QuarantineEntry>;
  /** Counts at most `limit` rows with `seq` greater than `after`. */
  census(after: number, limit: number): Promise<Census>;
  status(): Promise<OutboxStatus>;
  /** Called after rows became pending, until disposed. */
  onAppend(listener: () => void): Disposable;
  /** Called after rows became pending that come before some which were handed out, until disposed: they are met from the beginning only. */
  onReturn(listener: () => void): Disposable;
}

import type { Clock, Instant } from '../../shared/clock.ts';
import { asVitalmeshError, type ErrorCode, VitalmeshError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/log.ts';
import type { Metrics } from '../../shared/metrics.ts';
import { decodeRecord, encodeRecord, type ReadingRecord } from '../../shared/reading.ts';
import { type Database, openDatabase } from '../../shared/storage/database.ts';
import { GroupCommit } from '../../shared/storage/group-commit.ts';
import { ensureKeyFile } from '../../shared/storage/key-file.ts';
import type { RowKey } from '../../shared/uplink/key.ts';
import type { MessageKey } from '../decoding.ts';
import { beginEpoch, type Epoch, inEpochs } from './epochs.ts';
import { Mark } from './mark.ts';
import { Messages } from './messages.ts';
import type { Census, Found, Origin, Outbox, OutboxRow, OutboxStatus, QuarantinedContent, QuarantineEntry } from './outbox.ts';
import {
  contentOf,
  listQuarantined,
  MAX_RAW_BYTES,
  type Quarantined,
  type QuarantineLimits,
  quarantinePart,
  quarantineRows,
  takeOut,
} from './quarantine.ts';
import { keepReserve, releaseReserve } from './reserve.ts';
import { CLASS_NUMBERS, classOfNumber, MIGRATIONS } from './schema.ts';
import * as sql from './statements.ts';

export interface OutboxOptions {
  path: string;
  /** Made at the first start, together with the outbox; must be there from then on. */
  keyFile: string;
  clock: Clock;
  log: Logger;
  metrics: Metrics;
  /** How long delivered rows are kept, in milliseconds; 7 days unless told. They are there for a hub that was restored from a backup. */
  keepDeliveredMs?: number;
  /** How many delivered rows are kept at most; 1,000,000 (about 1 GB) unless told. */
  keepDeliveredRows?: number;
  /** How much quarantine keeps; 100,000 rows and 1,000 undecodable parts unless told. The oldest are dropped, counted and logged. */
  quarantineLimits?: QuarantineLimits;
}

const KEEP_DELIVERED_MS = 7 * 24 * 3_600_000;
const KEEP_DELIVERED_ROWS = 1_000_000;
const QUARANTINE_LIMITS: QuarantineLimits = { rows: 100_000, parts: 1_000 };

interface Counts {
  pending: number;
  delivered: number;
  quarantined: number;
}

/**
 * Opens the outbox, or makes it where there is none, and begins a new epoch. On a full disk the reserve beside it is given up for that.
 * Rejects with STORAGE-LOCKED, -KEY-FILE, -KEY, -DAMAGED, -SCHEMA, -OPEN, -FULL, -IO.
 */
export async function openOutbox(options: OutboxOptions): Promise<Outbox> {
  ensureKeyFile(options.keyFile, options.path);
  const reserve = reserveOf(options.path);
  try {
    const outbox = open(options);
    keepReserve(reserve);
    return outbox;
  } catch (thrown) {
    if (asVitalmeshError(thrown).code !== 'STORAGE-FULL' || !releaseReserve(reserve)) throw thrown;
    return open(options);
  }
}

function reserveOf(path: string): string {
  return `${path}.reserve`;
}

function open(options: OutboxOptions): Outbox {
  const database = openDatabase({
    path: options.path,
    keyFile: options.keyFile,
    migrations: MIGRATIONS,
    cacheKib: 4096,
    clock: options.clock,
  });
  const mark = new Mark(`${options.path}.mark`);
  try {
    return new SqliteOutbox(database, mark, options);
  } catch (thrown) {
    mark[Symbol.dispose]();
    database.close();
    throw thrown;
  }
}

class SqliteOutbox implements Outbox {
  readonly #database: Database;
  readonly #mark: Mark;
  readonly #commit: GroupCommit;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #metrics: Metrics;
  readonly #keepDeliveredMs: number;
  readonly #keepDeliveredRows: number;
  readonly #limits: QuarantineLimits;
  readonly #messages = new Messages();
  /** Messages on their way into the file, by both digests. */
  readonly #appending = new Map<string, Promise<RowKey[]>>();
  /** How many of them have a name. */
  readonly #names = new Map<string, number>();
  readonly #listeners = new Set<() => void>();
  /** Rows that cannot be read, on their way to quarantine. */
  readonly #leaving = new Set<number>();
  #epoch: Epoch;
  /** The epoch of the last rekey in the file; 0 when there was none. */
  #rekeyedId: number;
  #counts: Counts;
  #countedOpening: number;
  #announcing = false;
  #failing: ErrorCode | undefined;
  /** Found lost at an opening and not told of yet. */
  #lost = 0;
  #highest = 0;
  #markedOpening = 0;

  constructor(database: Database, mark: Mark, { clock, log, metrics, ...options }: OutboxOptions) {
    this.#database = database;
    this.#mark = mark;
    this.#clock = clock;
    this.#log = log;
    this.#metrics = metrics;
    this.#keepDeliveredMs = options.keepDeliveredMs ?? KEEP_DELIVERED_MS;
    this.#keepDeliveredRows = options.keepDeliveredRows ?? KEEP_DELIVERED_ROWS;
    this.#limits = options.quarantineLimits ?? QUARANTINE_LIMITS;
    this.#commit = new GroupCommit(database, { name: 'outbox', metrics, clock });
    this.#epoch = database.write(() => {
      const epoch = beginEpoch(database, clock.now(), false);
      this.#passMark();
      this.#messages.load(database);
      return epoch;
    });
    this.#markedOpening = database.openings;
    this.#tellOfLost();
    this.#rekeyedId = database.read(() => database.prepare<[], { id: number }>(sql.LAST_REKEY).get()?.id ?? 0);
    this.#counts = database.read(() => countRows(database));
    this.#countedOpening = database.openings;
    metrics.set('outbox_pending', this.#counts.pending);
  }

  get epoch(): string {
    return this.#epoch.text;
  }

  async append(records: readonly ReadingRecord[], { message }: { message?: MessageKey | undefined } = {}): Promise<RowKey[]> {
    if (records.length === 0) return [];
    if (!message) return await this.#append(records);
    const key = digestOf(message);
    const underWay = this.#appending.get(key);
    if (underWay) {
      // What becomes of the first becomes of the second.
      await underWay;
      return [];
    }
    return await this.#underWay(message, this.#append(records, message));
  }

  /** Lets those that bring the same message meanwhile wait for this one. */
  async #underWay(message: MessageKey, appending: Promise<RowKey[]>): Promise<RowKey[]> {
    const key = digestOf(message);
    this.#appending.set(key, appending);
    this.#names.set(message.name, (this.#names.get(message.name) ?? 0) + 1);
    try {
      return await appending;
    } finally {
      this.#appending.delete(key);
      const left = (this.#names.get(message.name) ?? 1) - 1;
      if (left > 0) this.#names.set(message.name, left);
      else this.#names.delete(message.name);
    }
  }

  find(message: MessageKey): 'message' | 'name' | undefined {
    if (this.#appending.has(digestOf(message))) return 'message';
    return this.#messages.find(message) ?? (this.#names.has(message.name) ? 'name' : undefined);
  }

  async #append(records: readonly ReadingRecord[], message?: MessageKey): Promise<RowKey[]> {
    const rows = records.map(storedRow);
    const keys = await this.#write((database) => this.#insert(database, rows, message), rows.length);
    this.#appended(keys, message);
    return keys;
  }

  /** Writes rows and the message that they came in, in the transaction under way; none when it is known. */
  #insert(database: Database, rows: readonly NewRow[], message: MessageKey | undefined): RowKey[] {
    const insert = database.prepare<[number, number, Instant, Buffer]>(sql.APPEND);
    const { id, text } = this.#epoch;
    this.#passMark();
    this.#messages.load(database);
    if (message) {
      if (this.#messages.find(message) === 'message') return [];
      this.#messages.write(database, message);
    }
    return rows.map((row) => ({
      epoch: text,
      seq: Number(insert.run(id, row.class, row.receivedAt, row.body).lastInsertRowid),
    }));
  }

  #appended(keys: readonly RowKey[], message: MessageKey | undefined): void {
    if (message) this.#messages.add(message);
    this.#markedOpening = this.#database.openings;
    this.#tellOfLost();
    this.#metrics.count('outbox_appended', '', keys.length);
    this.#changed({ pending: keys.length });
    this.#highest = Math.max(this.#highest, keys.at(-1)?.seq ?? 0);
    if (keys.length > 0) this.#announce();
  }

  pending(after: number, limit: number): OutboxRow[] {
    const rows: OutboxRow[] = [];
    let from = after;
    while (rows.length < limit) {
      const wanted = limit - rows.length;
      const found = this.#database.read(() =>
        this.#database.prepare<[number, number, number], StoredRow>(sql.PENDING).all(this.#rekeyedId, from, wanted),
      );
      const damaged: RowKey[] = [];
      for (const row of found) {
        from = row.seq;
        const decoded = this.#leaving.has(row.seq) ? undefined : readRow(row);
        if (decoded !== undefined) rows.push(decoded);
        else if (!this.#leaving.has(row.seq)) damaged.push(row);
      }
      if (damaged.length > 0) this.#setDamagedAside(damaged);
      if (found.length < wanted) break;
    }
    return rows;
  }

  async complete(rows: readonly RowKey[]): Promise<void> {
    if (rows.length === 0) return;
    const work = (database: Database) => {
      const now = this.#clock.now();
      const mark = database.prepare<[Instant, number, number, number, number]>(sql.COMPLETE);
      let delivered = 0;
      for (const { seq, epochId, writtenFrom } of inEpochs(database, rows)) {
        delivered += mark.run(now, epochId, seq, writtenFrom, epochId).changes;
      }
      return { delivered, pruned: this.#prune(database, now, rows.length) };
    };
    // What the hub has must be told so, or it is sent again and again. Rows that come in never get the reserve.
    const { delivered, pruned } = await this.#write(work, rows.length).catch((thrown: unknown) => {
      if (asVitalmeshError(thrown).code !== 'STORAGE-FULL' || !releaseReserve(reserveOf(this.#database.path))) throw thrown;
      return this.#write(work, rows.length);
    });
    this.#metrics.count('outbox_completed', '', delivered);
    this.#changed({ pending: -delivered, delivered: delivered - pruned });
  }

  async quarantine(rows: readonly (RowKey & { held?: number })[], code: ErrorCode): Promise<void> {
    if (rows.length === 0) return;
    const moved = await this.#write(
      (database) => quarantineRows(database, inEpochs(database, rows), code, this.#clock.now(), this.#limits),
      2 * rows.length,
    );
    this.#quarantined(moved, code);
    this.#changed({ pending: -moved.taken });
  }

  async quarantineBytes(source: string, code: ErrorCode, part: string, raw: Uint8Array, origin?: Origin): Promise<void> {
    // A copy: the caller may fill its buffer anew before the commit.
    const kept = Buffer.from(raw.subarray(0, MAX_RAW_BYTES));
    const known = origin === undefined ? null : JSON.stringify(origin);
    const entry = { at: this.#clock.now(), source, code, part, bytes: raw.length, kept, origin: known };
    const moved = await this.#write((database) => quarantinePart(database, entry, this.#limits));
    this.#quarantined(moved, code);
  }

  async rekey(): Promise<string> {
    const epoch = await this.#write((database) => beginEpoch(database, this.#clock.now(), true));
    this.#epoch = epoch;
    this.#rekeyedId = epoch.id;
    this.#metrics.count('outbox_rekeyed');
    return epoch.text;
  }

  quarantined(limit: number, before: number = Number.MAX_SAFE_INTEGER): QuarantineEntry[] {
    return this.#database.read(() => listQuarantined(this.#database, limit, before));
  }

  content(id: number): QuarantinedContent | undefined {
    return this.#database.read(() => contentOf(this.#database, id));
  }

  async release(id: number, found: Found): Promise<RowKey[]> {
    const { message } = found;
    if (!message) return await this.#release(id, found);
    const key = digestOf(message);
    // Whatever became of the one before, the file knows.
    for (let before = this.#appending.get(key); before; before = this.#appending.get(key)) await before.catch(() => undefined);
    // A sender that brings it meanwhile shares what becomes of this: when the entry is gone, both are told that nothing was stored.
    return await this.#underWay(message, this.#release(id, found));
  }

  async #release(id: number, { records, message, rest = [] }: Found): Promise<RowKey[]> {
    const rows = records.map(storedRow);
    const { keys, code, moved } = await this.#write((database) => {
      const { entry, origin } = takeOut(database, id);
      const inserted = this.#insert(database, rows, message);
      const put: Quarantined = { taken: 0, dropped: 0 };
      // When the message was on disk already, so is what could not be read of it.
      for (const { code: why, part, bytes, raw } of inserted.length > 0 ? rest : []) {
        const kept = Buffer.from(raw.subarray(0, MAX_RAW_BYTES));
        const one = { at: entry.at, source: entry.source, code: why, part, bytes, kept, origin };
        const { taken, dropped } = quarantinePart(database, one, this.#limits);
        put.taken += taken;
        put.dropped += dropped;
      }
      return { keys: inserted, code: entry.code, moved: put };
    }, rows.length + 1);
    this.#appended(keys, message);
    this.#metrics.count('outbox_released', code);
    this.#changed({ quarantined: moved.taken - moved.dropped - 1 });
    this.#tellOfDropped(moved.dropped);
    return keys;
  }

  async drop(id: number): Promise<QuarantineEntry> {
    const { entry } = await this.#write((database) => takeOut(database, id));
    this.#metrics.count('outbox_dropped', entry.code);
    this.#changed({ quarantined: -1 });
    return entry;
  }

  census(after: number, limit: number): Census {
    const rows = this.#database.read(() =>
      this.#database.prepare<[number, number], { seq: number; class: number; delivered: number }>(sql.CENSUS).all(after, limit),
    );
    const census: Census = { last: rows.at(-1)?.seq, pending: {}, delivered: {} };
    for (const { class: number, delivered } of rows) {
      const name = classOfNumber(number);
      const counts = delivered === 1 ? census.delivered : census.pending;
      if (name) counts[name] = (counts[name] ?? 0) + 1;
    }
    return census;
  }

  status(): OutboxStatus {
    const fileBytes = this.#database.fileBytes();
    return this.#database.read(() => {
      const oldest = this.#database.prepare<[], { at: Instant }>(sql.OLDEST_PENDING).get();
      // A file opened anew may hold what a failed commit had written before it failed.
      if (this.#countedOpening !== this.#database.openings) {
        this.#counts = countRows(this.#database);
        this.#countedOpening = this.#database.openings;
      }
      return { epoch: this.epoch, ...this.#counts, oldestPendingAt: oldest?.at ?? null, fileBytes };
    });
  }

  onAppend(listener: () => void): Disposable {
    const entry = (): void => listener();
    this.#listeners.add(entry);
    return { [Symbol.dispose]: () => void this.#listeners.delete(entry) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#commit.close();
    this.#database.close();
    this.#mark.raise(this.#highest);
    this.#mark[Symbol.dispose]();
  }

  /**
   * Once an opening of the file, in the transaction under way: goes on behind the mark, so that no number is given twice, whatever has
   * become of the rows that had it.
   */
  #passMark(): void {
    if (this.#markedOpening === this.#database.openings) return;
    const last = this.#database.prepare<[], { seq: number }>(sql.LAST_SEQ).get()?.seq ?? 0;
    const highest = Math.max(this.#mark.seq, this.#highest);
    if (last >= highest) return;
    this.#lost = highest - last;
    this.#database.prepare(sql.FORGET_SEQ).run();
    this.#database.prepare<[number]>(sql.SET_SEQ).run(highest);
  }

  #tellOfLost(): void {
    if (this.#lost === 0) return;
    this.#metrics.count('outbox_rows_lost', '', this.#lost);
    const err = new VitalmeshError('STORAGE-ROWS-LOST');
    this.#log.error({ err, rows: this.#lost }, 'rows were lost from the outbox; some of them may have been delivered before');
    this.#lost = 0;
  }

  /** One unit of the next commit; says once in the log when storing begins to fail and when it works again. */
  async #write<T>(work: (database: Database) => T, rows = 1): Promise<T> {
    try {
      const result = await this.#commit.run(work, rows);
      if (this.#failing !== undefined) this.#log.info({ was: this.#failing }, 'the outbox stores again');
      this.#failing = undefined;
      return result;
    } catch (thrown) {
      const error = asVitalmeshError(thrown);
      // An entry that is gone says nothing about the file.
      if (error.code === 'OUTBOX-NO-ENTRY') throw error;
      if (error.code !== this.#failing && error.code !== 'STORAGE-CLOSED') this.#log.error({ err: error }, 'the outbox cannot store');
      if (error.code !== 'STORAGE-CLOSED') this.#failing = error.code;
      throw error;
    }
  }

  /** Removes delivered rows that are due, at most about twice as many as came in: in small steps, and nothing piles up. How many. */
  #prune(database: Database, now: Instant, arrived: number): number {
    const most = 2 * arrived + 8;
    const old = database.prepare<[Instant, number]>(sql.PRUNE).run(now - this.#keepDeliveredMs, most).changes;
    const excess = Math.min(most - old, this.#counts.delivered + arrived - old - this.#keepDeliveredRows);
    return excess > 0 ? old + database.prepare<[number]>(sql.PRUNE_EXCESS).run(excess).changes : old;
  }

  #setDamagedAside(rows: readonly RowKey[]): void {
    for (const { seq } of rows) this.#leaving.add(seq);
    const done = (): void => {
      for (const { seq } of rows) this.#leaving.delete(seq);
    };
    // When it fails, `#write` has logged it, the rows stay, and the next `pending` tries again.
    this.quarantine(rows, 'OUTBOX-DAMAGED-ROW').then(() => {
      this.#log.error({ err: new VitalmeshError('OUTBOX-DAMAGED-ROW'), rows: rows.length }, 'unreadable rows were set aside');
      done();
    }, done);
  }

  #quarantined({ taken, dropped }: Quarantined, code: ErrorCode): void {
    this.#metrics.count('outbox_quarantined', code, taken);
    this.#changed({ quarantined: taken - dropped });
    this.#tellOfDropped(dropped);
  }

  #tellOfDropped(dropped: number): void {
    if (dropped === 0) return;
    this.#metrics.count('outbox_quarantine_dropped', '', dropped);
    this.#log.warn({ dropped }, 'quarantine is full; its oldest entries were dropped');
  }

  #changed(by: Partial<Counts>): void {
    this.#counts.pending += by.pending ?? 0;
    this.#counts.delivered += by.delivered ?? 0;
    this.#counts.quarantined += by.quarantined ?? 0;
    this.#metrics.set('outbox_pending', this.#counts.pending);
  }

  /** Tells the listeners once, however many appends one commit answered. */
  #announce(): void {
    if (this.#announcing) return;
    this.#announcing = true;
    queueMicrotask(() => {
      this.#announcing = false;
      this.#mark.raise(this.#highest);
      for (const listener of [...this.#listeners]) listener();
    });
  }
}

interface NewRow {
  class: number;
  receivedAt: Instant;
  body: Buffer;
}

function storedRow(record: ReadingRecord): NewRow {
  return { class: CLASS_NUMBERS[record.class], receivedAt: record.receivedAt, body: encodeRecord(record) };
}

interface StoredRow extends RowKey {
  receivedAt: Instant;
  body: Buffer;
}

function readRow({ seq, epoch, receivedAt, body }: StoredRow): OutboxRow | undefined {
  try {
    const record = decodeRecord(body);
    return { seq, epoch, receivedAt, class: record.class, record };
  } catch {
    // OUTBOX-DAMAGED-ROW is the only thing it throws; the caller sets the row aside under that code.
    return undefined;
  }
}

function countRows(database: Database): Counts {
  const count = (text: string): number => database.prepare<[], { n: number }>(text).get()?.n ?? 0;
  return { pending: count(sql.COUNT_PENDING), delivered: count(sql.COUNT_DELIVERED), quarantined: count(sql.COUNT_QUARANTINED) };
}

/** What tells one message from every other. */
function digestOf({ name, content }: MessageKey): string {
  return name + content;
}

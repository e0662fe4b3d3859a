import type { Clock, Instant } from '../../shared/clock.ts';
import { asVitalmeshError, type ErrorCode, VitalmeshError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/log.ts';
import type { Metrics } from '../../shared/metrics.ts';
import type { Database } from '../../shared/storage/database.ts';
import { GroupCommit, type RowCount } from '../../shared/storage/group-commit.ts';
import type { Amounts } from './amounts.ts';
import { beginEpoch, type Epoch } from './epochs.ts';
import { inherit, unlisted } from './inheritance.ts';
import type { Mark } from './mark.ts';
import { Notes } from './notes.ts';
import type { Places } from './places.ts';
import { releaseReserve, reserveOf } from './reserve.ts';
import type { RowOrigin } from './rows.ts';
import * as sql from './statements.ts';
import { applyChange, type Changed, countRows, type Tally } from './tally.ts';
import type { Written } from './wear.ts';

/** Numbers that nobody gets: a mark that was not synced is some commits behind. */
const NUMBERS_LEFT_OUT = 1_000_000;

/** SQLite's and SQLCipher's page size. */
const PAGE_BYTES = 4096;

export interface OutboxFileOptions {
  clock: Clock;
  log: Logger;
  metrics: Metrics;
  path: string;
  keyFile: string;
  places: Places;
  /**
   * Once an opening, in the first transaction that brings rows. `inherited`: the file is a new one in the place of one that was set aside, in
   * which rows had numbers up to this.
   */
  entered(database: Database, inherited: number | undefined): void;
  /** After a commit that listed a file which was set aside. */
  onInherited(): void;
}

export interface Counts {
  pending: number;
  delivered: number;
  quarantined: number;
}

/** What the parts of the outbox share: the file and the one way to write to it, the epoch of now, and how much there is. */
export class OutboxFile implements Disposable {
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly #database: Database;
  readonly #mark: Mark;
  readonly #notes: Notes;
  readonly #commit: GroupCommit;
  readonly #options: OutboxFileOptions;
  #epoch: Epoch = { id: 0, text: '' };
  /** The epoch of the last rekey in the file; 0 when there was none. */
  #rekeyedId = 0;
  #tally: Tally;
  #countedOpening: number;
  #failing: ErrorCode | undefined;
  /** Files that were set aside and listed in the transaction that entered. */
  #inherited = 0;
  /** Found lost at an opening and not told of yet. */
  #lost = 0;
  #highest = 0;
  #markedOpening = 0;

  /** Begins a new epoch. */
  constructor(database: Database, mark: Mark, options: OutboxFileOptions) {
    const { clock, log, metrics } = options;
    this.#options = options;
    this.#database = database;
    this.#mark = mark;
    this.#notes = new Notes(mark, clock, metrics);
    this.clock = clock;
    this.log = log;
    this.metrics = metrics;
    this.#commit = new GroupCommit(database, { name: 'outbox', metrics, clock });
    this.#epoch = database.write(() => {
      this.enter(database);
      return beginEpoch(database, clock.now(), false);
    });
    this.#tally = database.read(() => countRows(database));
    this.#countedOpening = database.openings;
    metrics.set('outbox_pending', this.#tally.pending.rows);
    this.told();
  }

  get epoch(): Epoch {
    return this.#epoch;
  }

  /** Rows that were written under an older epoch than this one go by this one, where it is greater. */
  get rekeyedId(): number {
    return this.#rekeyedId;
  }

  /** Bytes that were written, about. */
  get written(): Written {
    return this.#notes.written;
  }

  /** After a commit: counts what it wrote, and notes now and then what is worth knowing should the file be damaged. */
  keepNotes(): void {
    try {
      this.read((database) => this.#notes.commit(database));
    } catch {
      // Whoever writes next tells of the fault.
    }
  }

  /** Why the last write could not be stored; undefined when it was. */
  get failing(): ErrorCode | undefined {
    return this.#failing;
  }

  get pending(): Amounts {
    return this.#tally.pending;
  }

  /** Undecodable parts under `PART_NUMBER`. */
  get quarantined(): Amounts {
    return this.#tally.quarantined;
  }

  get delivered(): Amounts {
    return this.#tally.delivered;
  }

  /** Bytes of the file that are in use, and all of its bytes; the log beside it is apart. */
  pageBytes(): { usedBytes: number; fileBytes: number } {
    return this.read((database) => {
      const pages = database.pragma('page_count');
      const free = database.pragma('freelist_count');
      return { usedBytes: (pages - free) * PAGE_BYTES, fileBytes: pages * PAGE_BYTES };
    });
  }

  read<T>(work: (database: Database) => T): T {
    return this.#database.read(() => work(this.#database));
  }

  /** One unit of the next commit, or of one within `waitMs`; says once in the log when storing begins to fail and when it works again. */
  async write<T>(work: (database: Database) => T, rows: RowCount = 1, waitMs = 0): Promise<T> {
    try {
      const result = await this.#commit.run(work, rows, waitMs);
      if (this.#failing !== undefined) this.log.info({ was: this.#failing }, 'the outbox stores again');
      this.#failing = undefined;
      return result;
    } catch (thrown) {
      const error = asVitalmeshError(thrown);
      // An entry that is gone says nothing about the file.
      if (error.code === 'OUTBOX-NO-ENTRY') throw error;
      if (error.code !== this.#failing && error.code !== 'STORAGE-CLOSED') this.log.error({ err: error }, 'the outbox cannot store');
      if (error.code !== 'STORAGE-CLOSED') this.#failing = error.code;
      throw error;
    }
  }

  /** The same for what takes no more room, and gives some back: on a full disk the reserve is given up for it. */
  async writeOnReserve<T>(work: (database: Database) => T, rows = 1, waitMs = 0): Promise<T> {
    return await this.write(work, rows, waitMs).catch((thrown: unknown) => {
      if (asVitalmeshError(thrown).code !== 'STORAGE-FULL' || !releaseReserve(reserveOf(this.#database.path))) throw thrown;
      return this.write(work, rows);
    });
  }

  /** Takes a new epoch, by which everything that waits goes from now on. */
  async rekey(): Promise<string> {
    const epoch = await this.write((database) => {
      this.enter(database);
      return beginEpoch(database, this.clock.now(), true);
    });
    this.told();
    this.#epoch = epoch;
    this.#rekeyedId = epoch.id;
    this.metrics.count('outbox_rekeyed');
    return epoch.text;
  }

  /**
   * Once an opening of the file, at the beginning of each transaction that brings rows: goes on behind the mark, so that no number is given
   * twice, whatever has become of the rows that had it; and a file in the place of a damaged one begins with what that one knew.
   */
  enter(database: Database): void {
    if (this.#markedOpening === database.openings) return;
    const inherited = this.#inherit(database);
    this.#passMark(database, inherited);
    this.#rekeyedId = database.prepare<[], { id: number }>(sql.LAST_REKEY).get()?.id ?? 0;
    const isKnown = this.#epoch.id === 0 || database.prepare<[string], { id: number }>(sql.EPOCH_ID).get(this.#epoch.text) !== undefined;
    if (!isKnown || (inherited !== undefined && this.#epoch.id !== 0)) this.#epoch = beginEpoch(database, this.clock.now(), false);
    this.#options.entered(database, inherited);
  }

  /** The greatest number of rows in files that were set aside and are not in the list of this one; undefined when there are none. */
  #inherit(database: Database): number | undefined {
    const { path, keyFile, places } = this.#options;
    const names = unlisted(database, path);
    this.#inherited = names.length;
    const oldestAt = this.#mark.noted.oldestAt || null;
    const known = { at: this.clock.now(), oldestAt, highestSeq: Math.max(this.#mark.seq, this.#highest), places: places.all };
    const highest = names.map((name) => inherit(database, path, keyFile, name, known));
    return highest.length > 0 ? Math.max(...highest) : undefined;
  }

  #passMark(database: Database, inherited: number | undefined): void {
    const last = database.prepare<[], { seq: number }>(sql.LAST_SEQ).get()?.seq ?? 0;
    // The mark may be some commits behind.
    const highest = inherited === undefined ? Math.max(this.#mark.seq, this.#highest) : inherited + NUMBERS_LEFT_OUT;
    this.#lost = 0;
    if (last >= highest) return;
    if (inherited === undefined) this.#lost = highest - last;
    database.prepare(sql.FORGET_SEQ).run();
    database.prepare<[number]>(sql.SET_SEQ).run(highest);
  }

  /** After a commit in which `enter` ran: says what it found missing. */
  told(): void {
    if (this.#markedOpening === this.#database.openings) return;
    this.#markedOpening = this.#database.openings;
    if (this.#countedOpening !== this.#database.openings) this.#countSoon();
    if (this.#inherited > 0) this.#options.onInherited();
    if (this.#lost === 0) return;
    this.metrics.count('outbox_rows_lost', '', this.#lost);
    const err = new VitalmeshError('STORAGE-ROWS-LOST');
    this.log.error({ err, rows: this.#lost }, 'rows were lost from the outbox; some of them may have been delivered before');
    this.#lost = 0;
  }

  /** In a transaction that brings rows, behind them: whose they are. */
  placed(database: Database, rows: Iterable<{ record: RowOrigin; seq: number }>): void {
    const { places } = this.#options;
    for (const { record, seq } of rows) places.note(record, seq);
    places.keep(() => database.prepare<[], { seq: number }>(sql.OLDEST_SEQ).get()?.seq);
  }

  /** A row of this number is committed. */
  reached(seq: number): void {
    this.#highest = Math.max(this.#highest, seq);
  }

  raiseMark(): void {
    this.#mark.raise(this.#highest);
  }

  /** After a commit: what it changed. */
  changed(by: Changed): void {
    applyChange(this.#tally, by);
    this.metrics.set('outbox_pending', this.#tally.pending.rows);
  }

  /** While the file cannot be read, what was known last, and why. */
  status(): Counts & { oldestPendingAt: Instant | null; fileBytes: number; trouble: ErrorCode | null } {
    let oldestPendingAt: Instant | null = null;
    let trouble: ErrorCode | null = null;
    try {
      oldestPendingAt = this.read((database) => {
        this.#notes.measure(database);
        this.#countAnew();
        return database.prepare<[], { at: Instant }>(sql.OLDEST_PENDING).get()?.at ?? null;
      });
    } catch (thrown) {
      trouble = asVitalmeshError(thrown).code;
      if (trouble === 'STORAGE-CLOSED') throw thrown;
    }
    const { pending, delivered, quarantined } = this.#tally;
    const fileBytes = this.#database.fileBytes();
    return { pending: pending.rows, delivered: delivered.rows, quarantined: quarantined.rows, oldestPendingAt, fileBytes, trouble };
  }

  /** A file opened anew may hold what a failed commit had written before it failed. Not while commits are being answered. */
  #countAnew(): void {
    if (this.#countedOpening === this.#database.openings) return;
    this.#tally = countRows(this.#database);
    this.#countedOpening = this.#database.openings;
    this.metrics.set('outbox_pending', this.#tally.pending.rows);
  }

  #countSoon(): void {
    setImmediate(() => {
      try {
        this.read(() => this.#countAnew());
      } catch {
        // It failed again, or is closed; the next opening is counted.
      }
    });
  }

  [Symbol.dispose](): void {
    this.#commit.close();
    this.#notes.noteAtNext();
    this.keepNotes();
    this.#database.close();
    this.raiseMark();
    this.#mark[Symbol.dispose]();
  }
}

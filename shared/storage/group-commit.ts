import { VitalmeshError } from '../errors.ts';
import { type Clock, systemClock } from '../machine-clock.ts';
import type { Metrics } from '../metrics.ts';
import type { Database } from './database.ts';
import { storageError } from './sqlite-errors.ts';

export interface GroupCommitOptions {
  /** Label of the counters. */
  name: string;
  metrics: Metrics;
  clock?: Clock;
  /** A transaction takes no further unit once it holds this many rows; 256 unless told. */
  maxRows?: number;
  /** A transaction takes no further unit once it has run this long, in milliseconds; 5 unless told. */
  maxMs?: number;
  /** How long a transaction waits for more, in milliseconds, as long as each turn of the event loop brings some; 1 unless told. */
  gatherMs?: number;
}

/** Asking how long the log is costs as much as a short read: it is asked once in so many commits. */
const TIDY_EVERY = 4;

/** How many rows a unit writes, about; asked again until it is run, where more may come to it. */
export type RowCount = number | (() => number);

interface Unit {
  rows: RowCount;
  /** Does the work and keeps its result; throws what the work throws. */
  run(): void;
  resolve(): void;
  reject(error: VitalmeshError): void;
}

/**
 * Collects writes into one transaction, so that many callers share one fsync: those of one turn of the event loop, and of the turns behind it
 * as long as each brings more, because a commit costs as much as some twenty rows. Who writes alone waits for one turn. A unit of work that
 * fails costs nobody else: the batch is run again with a savepoint around each unit. Counts `storage_commits` and `storage_failed_commits`.
 */
export class GroupCommit {
  readonly #database: Database;
  readonly #name: string;
  readonly #metrics: Metrics;
  readonly #clock: Clock;
  readonly #maxRows: number;
  readonly #maxMs: number;
  readonly #gatherMs: number;
  /** Rows that waited at the last turn, and since when the first of them does; monotonic ms. */
  #gathered = 0;
  #sinceMs = 0;
  #queue: Unit[] = [];
  #scheduled: NodeJS.Immediate | undefined;
  /** Goes off when what can wait has waited long enough. */
  #patience: NodeJS.Timeout | undefined;
  /** Commits since the log was looked after, and when it is. */
  #untidied = 0;
  #tidying: NodeJS.Immediate | undefined;
  #closed = false;

  constructor(database: Database, { name, metrics, clock = systemClock, maxRows = 256, maxMs = 5, gatherMs = 1 }: GroupCommitOptions) {
    this.#database = database;
    this.#name = name;
    this.#metrics = metrics;
    this.#clock = clock;
    this.#maxRows = maxRows;
    this.#maxMs = maxMs;
    this.#gatherMs = gatherMs;
  }

  /**
   * Runs `work` inside the next transaction and resolves with its result after the commit. `work` is synchronous and touches nothing
   * but the database, because it may be run twice. `rows` is how many rows it writes, about. Rejects with the VitalmeshError that `work`
   * threw, or STORAGE-FULL, -DAMAGED, -CLOSED: nothing of it is stored then; or with STORAGE-IO: what a disk did with a commit that it
   * reported as failed shows when the file is opened anew, and it may be there after all. What nobody waits for may wait itself, so many
   * milliseconds at most: until then it goes along with whatever is committed next.
   */
  run<T>(work: (database: Database) => T, rows: RowCount = 1, waitMs = 0): Promise<T> {
    if (this.#closed) return Promise.reject(new VitalmeshError('STORAGE-CLOSED', { detail: this.#database.path }));
    return new Promise<T>((resolve, reject) => {
      let result: T;
      this.#queue.push({
        rows,
        run: () => {
          result = work(this.#database);
        },
        resolve: () => resolve(result),
        reject,
      });
      if (waitMs > 0) this.#patience ??= setTimeout(() => this.#schedule(), waitMs);
      else this.#schedule();
    });
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#sinceMs = this.#clock.monotonicMs();
    this.#gathered = this.#waitingRows();
    this.#scheduled = setImmediate(() => this.#turn());
  }

  /** Commits what is waiting and takes nothing more. The database stays open. */
  close(): void {
    // A unit may have taken as much as one may hold, and ask for another one for the rest.
    while (this.#queue.length > 0) this.#commitSome();
    this.#closed = true;
    clearTimeout(this.#patience);
    clearImmediate(this.#scheduled);
    this.#scheduled = undefined;
    clearImmediate(this.#tidying);
    this.#tidying = undefined;
  }

  #turn(): void {
    const waiting = this.#waitingRows();
    if (waiting > this.#gathered && waiting < this.#maxRows && this.#clock.monotonicMs() - this.#sinceMs < this.#gatherMs) {
      this.#gathered = waiting;
      this.#scheduled = setImmediate(() => this.#turn());
      return;
    }
    this.#scheduled = undefined;
    clearTimeout(this.#patience);
    this.#patience = undefined;
    this.#commitSome();
    if (this.#queue.length > 0) this.#schedule();
  }

  #waitingRows(): number {
    return this.#queue.reduce((sum, { rows }) => sum + numberOf(rows), 0);
  }

  /** One transaction of as many waiting units as the limits allow. Leaves the queue shorter, whatever happens. */
  #commitSome(): void {
    let taken = 0;
    try {
      this.#database.write(() => {
        taken = 0;
        const endMs = this.#clock.monotonicMs() + this.#maxMs;
        let rows = 0;
        for (const unit of this.#queue) {
          taken += 1;
          rows += numberOf(unit.rows);
          unit.run();
          if (rows >= this.#maxRows || this.#clock.monotonicMs() >= endMs) break;
        }
      });
    } catch (thrown) {
      const error = storageError(thrown);
      // A transaction that could not even begin concerns everybody who waits.
      const batch = this.#queue.splice(0, taken === 0 ? this.#queue.length : taken);
      if (batch.length > 1 && !concernsFile(error)) this.#commitApart(batch);
      else this.#reject(batch, error);
      return;
    }
    this.#settle(this.#queue.splice(0, taken), new Map());
  }

  /** One transaction again, in which a failing unit undoes only its own changes. */
  #commitApart(batch: readonly Unit[]): void {
    const failed = new Map<Unit, VitalmeshError>();
    try {
      this.#database.write(() => {
        for (const unit of batch) {
          try {
            this.#database.attempt(() => unit.run());
          } catch (thrown) {
            const error = storageError(thrown);
            if (concernsFile(error)) throw error;
            failed.set(unit, error);
          }
        }
      });
    } catch (thrown) {
      this.#reject(batch, storageError(thrown));
      return;
    }
    this.#settle(batch, failed);
  }

  #settle(batch: readonly Unit[], failed: ReadonlyMap<Unit, VitalmeshError>): void {
    this.#metrics.count('storage_commits', this.#name);
    for (const unit of batch) {
      const error = failed.get(unit);
      if (error === undefined) unit.resolve();
      else unit.reject(error);
    }
    this.#tidyLater();
  }

  /** Behind the answers to those who waited, which HTTP/2 writes one turn later: nobody waits for the log to be moved who need not. */
  #tidyLater(): void {
    this.#untidied += 1;
    if (this.#closed || this.#untidied < TIDY_EVERY) return;
    this.#untidied = 0;
    this.#tidying ??= setImmediate(() => {
      this.#tidying = setImmediate(() => {
        this.#tidying = undefined;
        this.#database.moveLog();
      });
    });
  }

  #reject(batch: readonly Unit[], error: VitalmeshError): void {
    this.#metrics.count('storage_failed_commits', `${this.#name} ${error.code}`);
    for (const unit of batch) unit.reject(error);
  }
}

function numberOf(rows: RowCount): number {
  return typeof rows === 'number' ? rows : rows();
}

/** True for errors that every unit of the transaction meets alike. */
function concernsFile(error: VitalmeshError): boolean {
  return error.code.startsWith('STORAGE-');
}

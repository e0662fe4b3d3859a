import type pg from 'pg';
import { type Clock, systemClock } from '../../../shared/clock.ts';
import { VitalmeshError } from '../../../shared/errors.ts';
import type { Metrics } from '../../../shared/metrics.ts';
import type { StorePosition } from '../../../shared/uplink/lineage.ts';
import type { AuditEvent } from '../../access/access.ts';
import type { Connections } from './connections.ts';
import { databaseError } from './errors.ts';
import { writeEvidence } from './evidence.ts';
import { POSTGRES_MIGRATIONS } from './schema.ts';
import { PG } from './statements.ts';
import { inTransaction, Transaction } from './transaction.ts';

/** The one row that says how far the store has come; who holds it is the only one that writes. */
export interface Head {
  version: number;
  epoch: string;
  position: number;
  hash: Buffer;
  lastBatch: number;
  lastObservation: number;
  lastEvent: number;
  /** How many partitions were ever dropped. */
  droppedWeeks: number;
  /** How many erasures of people were ever begun. */
  erasures: number;
  /** Which table it stands in: another one once the database was filled from a dump. */
  table: number;
}

/** A transaction that holds the head of the store. */
export class Commit extends Transaction {
  readonly #head: Head;
  #evidence: AuditEvent[] = [];
  #after: (() => void)[] = [];
  /** Whether other hubs are to be told. */
  tells = false;

  /** Names this process among the hubs of the database. */
  readonly hub: string;
  readonly #storeId: string;

  constructor(client: pg.ClientBase, head: Head, { hub, storeId }: Pick<CommitsOptions, 'hub' | 'storeId'>) {
    super(client);
    this.#head = { ...head };
    this.hub = hub;
    this.#storeId = storeId;
  }

  /** The next `count` keys; gives the first. */
  take(of: 'lastBatch' | 'lastObservation' | 'lastEvent', count: number): number {
    const first = this.#head[of] + 1;
    this.#head[of] += count;
    return first;
  }

  /** The last key that was given. */
  last(of: 'lastObservation' | 'lastEvent'): number {
    return this.#head[of];
  }

  /** Adds events to the chain; written when the transaction ends. */
  append(events: readonly AuditEvent[]): void {
    this.#evidence.push(...events);
    this.#head.position += events.length;
  }

  /** Where what was written so far stands. */
  get position(): StorePosition {
    return { epoch: this.#head.epoch, position: this.#head.position };
  }

  /** Of the chain of evidence up to where it was written: what was added is not, before the transaction ends. */
  get hash(): Buffer {
    return this.#head.hash;
  }

  get droppedWeeks(): number {
    return this.#head.droppedWeeks;
  }

  get erasures(): number {
    return this.#head.erasures;
  }

  get table(): number {
    return this.#head.table;
  }

  /** From here on what is written is of this epoch. */
  beginEpoch(epoch: string): void {
    this.#head.epoch = epoch;
  }

  /** Called once all of this is on disk. */
  afterwards(call: () => void): void {
    this.#after.push(call);
  }

  override async attempt<T>(work: () => Promise<T>): Promise<T> {
    const before = { head: { ...this.#head }, evidence: [...this.#evidence], after: [...this.#after], tells: this.tells };
    try {
      return await super.attempt(work);
    } catch (thrown) {
      Object.assign(this.#head, before.head);
      ({ evidence: this.#evidence, after: this.#after, tells: this.tells } = before);
      throw thrown;
    }
  }

  /** The last statements of the transaction. */
  async finish(): Promise<void> {
    const events = this.#evidence;
    const end = { storeId: this.#storeId, seq: this.#head.position - events.length, hash: this.#head.hash };
    if (events.length > 0) this.#head.hash = await writeEvidence(this, events, end);
    const { epoch, position, hash, lastBatch, lastObservation, lastEvent } = this.#head;
    await this.query(PG.setHead, [epoch, position, hash, lastBatch, lastObservation, lastEvent]);
    // Others read by position what changed: nothing of it is in here, for everybody who may connect can listen.
    if (this.tells) await this.query(PG.notify, [`${this.hub} ${position}`]);
  }

  settled(): void {
    for (const call of this.#after) call();
  }
}

export interface CommitsOptions {
  connections: Connections;
  /** Of this process; what it commits it need not be told. */
  hub: string;
  storeId: string;
  /** Called first in each transaction, once it holds the head. */
  begun: (commit: Commit) => Promise<void>;
  /**
   * Called with every error that may leave what is remembered of the database wrong. `unsureFrom`: where the commit began, if it may be there all the
   * same, because it was asked for and its answer did not come.
   */
  failed: (unsureFrom: number | undefined) => void;
  metrics: Metrics;
  clock?: Clock;
  /** A transaction takes no further unit once it holds this many rows; 1024 unless told. */
  maxRows?: number;
  /** A transaction takes no further unit once it has held the head this long, in milliseconds; 50 unless told. */
  maxMs?: number;
}

interface Unit {
  rows: number;
  run(commit: Commit): Promise<void>;
  resolve(): void;
  reject(error: VitalmeshError): void;
}

/**
 * Collects what waits while a commit is on its way into the next one, so that many callers share one fsync and one hold of the head. A
 * unit that fails costs nobody else: its batch is run again with a savepoint around each. Counts as `GroupCommit` does.
 */
export class Commits {
  readonly #options: Required<CommitsOptions>;
  #queue: Unit[] = [];
  #running: Promise<void> | undefined;
  #closed = false;

  constructor(options: CommitsOptions) {
    this.#options = { clock: systemClock, maxRows: 1024, maxMs: 50, ...options };
  }

  /**
   * Runs `work` inside a transaction that holds the head, and resolves with its result after the commit. `work` touches nothing but the
   * database, because it may be run twice. Rejects with what `work` threw, or STORAGE-*: nothing of it is stored then, except after
   * STORAGE-REMOTE, where the answer to the COMMIT itself may have been lost.
   */
  run<T>(work: (commit: Commit) => Promise<T>, rows = 1): Promise<T> {
    if (this.#closed) return Promise.reject(new VitalmeshError('STORAGE-CLOSED'));
    return new Promise<T>((resolve, reject) => {
      let result: T;
      const run = async (commit: Commit): Promise<void> => {
        result = await work(commit);
      };
      this.#queue.push({ rows, run, resolve: () => resolve(result), reject });
      this.#running ??= this.#drain();
    });
  }

  /** Commits what is waiting and takes nothing more. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#running;
  }

  async #drain(): Promise<void> {
    // What is asked for in the same turn goes into the same commit.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#queue.length > 0) await this.#commitSome();
    this.#running = undefined;
  }

  /** One transaction of as many waiting units as the limits allow. Leaves the queue shorter, whatever happens. */
  async #commitSome(): Promise<void> {
    const { clock, maxRows, maxMs } = this.#options;
    let taken = 0;
    try {
      await this.#write(async (commit) => {
        const endMs = clock.monotonicMs() + maxMs;
        let rows = 0;
        for (const unit of this.#queue) {
          taken += 1;
          await unit.run(commit);
          rows += unit.rows;
          if (rows >= maxRows || clock.monotonicMs() >= endMs) break;
        }
      });
    } catch (thrown) {
      const error = databaseError(thrown);
      // A transaction that could not even begin concerns everybody who waits.
      const batch = this.#queue.splice(0, taken === 0 ? this.#queue.length : taken);
      if (batch.length > 1 && !concernsAll(error)) await this.#commitApart(batch);
      else this.#reject(batch, error);
      return;
    }
    this.#settle(this.#queue.splice(0, taken), new Map());
  }

  /** One transaction again, in which a failing unit undoes only its own changes. */
  async #commitApart(batch: readonly Unit[]): Promise<void> {
    const failed = new Map<Unit, VitalmeshError>();
    try {
      await this.#write(async (commit) => {
        for (const unit of batch) {
          try {
            await commit.attempt(() => unit.run(commit));
          } catch (thrown) {
            const error = databaseError(thrown);
            if (concernsAll(error)) throw error;
            failed.set(unit, error);
          }
        }
      });
    } catch (thrown) {
      this.#reject(batch, databaseError(thrown));
      return;
    }
    this.#settle(batch, failed);
  }

  async #write(work: (commit: Commit) => Promise<void>): Promise<void> {
    const { connections, begun: onBegun, failed } = this.#options;
    let asked: number | undefined;
    try {
      const commit = await connections.with((client) =>
        inTransaction(client, `BEGIN; ${PG.takeHead}`, async ([, taken]) => {
          const [head] = (taken?.rows ?? []) as Head[];
          if (head === undefined) throw new VitalmeshError('STORAGE-DAMAGED', { detail: 'the table head is empty' });
          if (head.version !== POSTGRES_MIGRATIONS.length) throw new VitalmeshError('STORAGE-SCHEMA', { detail: `schema ${head.version}` });
          const begun = new Commit(client, head, this.#options);
          await onBegun(begun);
          await work(begun);
          await begun.finish();
          asked = head.position;
          return begun;
        }),
      );
      commit.settled();
    } catch (thrown) {
      failed(asked);
      throw thrown;
    }
  }

  #settle(batch: readonly Unit[], failed: ReadonlyMap<Unit, VitalmeshError>): void {
    this.#options.metrics.count('storage_commits', 'store');
    for (const unit of batch) {
      const error = failed.get(unit);
      if (error === undefined) unit.resolve();
      else unit.reject(error);
    }
  }

  #reject(batch: readonly Unit[], error: VitalmeshError): void {
    this.#options.metrics.count('storage_failed_commits', `store ${error.code}`);
    for (const unit of batch) unit.reject(error);
  }
}

/** True for errors that every unit of the transaction meets alike. */
function concernsAll(error: VitalmeshError): boolean {
  return error.code.startsWith('STORAGE-');
}

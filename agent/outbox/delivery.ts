import type { Instant } from '../../shared/clock.ts';
import { VitalmeshError } from '../../shared/errors.ts';
import type { Database } from '../../shared/storage/database.ts';
import type { RowKey } from '../../shared/uplink/key.ts';
import { Amounts } from './amounts.ts';
import type { Aside } from './aside.ts';
import type { ClockRuns } from './clock-runs.ts';
import { inEpochs } from './epochs.ts';
import type { OutboxFile } from './file.ts';
import type { DeliveredRow, OutboxRow } from './outbox.ts';
import { pruneOld, pruneOldest } from './pruned.ts';
import { readRow, type StoredRow } from './rows.ts';
import type { Sent } from './sent.ts';
import * as sql from './statements.ts';
import type { DeliveredAt, StoreLife } from './store-life.ts';

/** What the hub has waits so long for a commit with which it goes along, in milliseconds: each commit keeps what comes in waiting, and by this one nothing is lost. */
const FINISH_MS = 20;
/** So many rows at once do not wait. */
const FINISH_ROWS = 64;

export interface DeliveryOptions {
  keepDeliveredMs: number;
  keepDeliveredRows: number;
}

/** How rows leave for the hub: what waits is handed out, and kept for a while when the hub has it. */
export class Delivery {
  readonly #file: OutboxFile;
  readonly #aside: Aside;
  readonly #sent: Sent;
  readonly #life: StoreLife;
  readonly #runs: ClockRuns;
  readonly #options: DeliveryOptions;
  /** Rows that cannot be read, on their way to quarantine. */
  readonly #leaving = new Set<number>();

  constructor(file: OutboxFile, aside: Aside, sent: Sent, life: StoreLife, runs: ClockRuns, options: DeliveryOptions) {
    this.#file = file;
    this.#aside = aside;
    this.#sent = sent;
    this.#life = life;
    this.#runs = runs;
    this.#options = options;
  }

  pending(after: number, limit: number): OutboxRow[] {
    const rows = this.#waiting(after, limit, this.#file.read((database) => this.#runs.heldFrom(database)) ?? Number.MAX_SAFE_INTEGER);
    const last = rows.at(-1);
    if (last) this.#file.read((database) => this.#sent.handOut(database, { first: after + 1, last: last.seq }));
    return rows;
  }

  waiting(after: number, limit: number): OutboxRow[] {
    return this.#waiting(after, limit, Number.MAX_SAFE_INTEGER);
  }

  /** Up to the row before `end`. */
  #waiting(after: number, limit: number, end: number): OutboxRow[] {
    const rows: OutboxRow[] = [];
    let from = after;
    while (rows.length < limit) {
      const wanted = limit - rows.length;
      const found = this.#file.read((database) =>
        database
          .prepare<[number, number, number, number], StoredRow>(sql.PENDING)
          .all(this.#file.rekeyedId, this.#file.rekeyedId, from, wanted),
      );
      const damaged: RowKey[] = [];
      for (const row of found.filter(({ seq }) => seq < end)) {
        from = row.seq;
        const decoded = this.#leaving.has(row.seq) ? undefined : readRow(row);
        if (decoded !== undefined) rows.push(decoded);
        else if (!this.#leaving.has(row.seq)) damaged.push(row);
      }
      if (damaged.length > 0) this.#setDamagedAside(damaged);
      if (found.length < wanted || (found.at(-1)?.seq ?? 0) >= end) break;
    }
    return rows;
  }

  async complete(rows: readonly DeliveredRow[]): Promise<void> {
    if (rows.length === 0) return;
    const work = (database: Database) => {
      const now = this.#file.clock.now();
      const mark = database.prepare<(number | null)[], RowSize>(sql.COMPLETE);
      const delivered = new Amounts();
      const told = new Map<string, DeliveredAt>();
      for (const { seq, epochId, writtenFrom, committed } of inEpochs(database, rows)) {
        const at = committed && this.#life.deliveredAt(database, committed, told);
        const row = mark.get(now, epochId, at?.epochId ?? null, at?.position ?? null, seq, writtenFrom, epochId);
        if (row) delivered.add(row.class, row.bytes);
      }
      return { delivered, told, pruned: this.#prune(database, now, rows.length) };
    };
    // What the hub has must be told so, or it is sent again and again. Rows that come in never get the reserve.
    const { delivered, told, pruned } = await this.#file.writeOnReserve(work, rows.length, rows.length < FINISH_ROWS ? FINISH_MS : 0);
    this.#life.told(told.values());
    this.#file.metrics.count('outbox_completed', '', delivered.rows);
    this.#file.changed({ delivered, pruned });
  }

  /** Removes delivered rows that are due, at most about twice as many as came in: in small steps, and nothing piles up. */
  #prune(database: Database, now: Instant, arrived: number): Amounts {
    const { keepDeliveredMs, keepDeliveredRows } = this.#options;
    const most = 2 * arrived + 8;
    const pruned = pruneOld(database, now - keepDeliveredMs, most);
    const excess = Math.min(most - pruned.rows, this.#file.delivered.rows + arrived - pruned.rows - keepDeliveredRows);
    if (excess > 0) pruned.plus(pruneOldest(database, excess));
    return pruned;
  }

  #setDamagedAside(rows: readonly RowKey[]): void {
    for (const { seq } of rows) this.#leaving.add(seq);
    const done = (): void => {
      for (const { seq } of rows) this.#leaving.delete(seq);
    };
    // When it fails, `write` has logged it, the rows stay, and the next `pending` tries again.
    this.#aside.quarantine(rows, 'OUTBOX-DAMAGED-ROW').then(() => {
      this.#file.log.error({ err: new VitalmeshError('OUTBOX-DAMAGED-ROW'), rows: rows.length }, 'unreadable rows were set aside');
      done();
    }, done);
  }
}

interface RowSize {
  class: number;
  bytes: number;
}

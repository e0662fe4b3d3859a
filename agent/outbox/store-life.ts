import type { Instant } from '../../shared/clock.ts';
import type { Database } from '../../shared/storage/database.ts';
import { heldThrough, type Lineage, type StorePosition } from '../../shared/uplink/lineage.ts';
import { Amounts } from './amounts.ts';
import type { OutboxFile } from './file.ts';
import { collected } from './gaps.ts';
import type { Redelivered } from './outbox.ts';
import { takeLost } from './pruned.ts';
import { newRow } from './rows.ts';
import type { Sent } from './sent.ts';
import * as sql from './statements.ts';

/** A position with the number of its epoch in the file. */
export interface DeliveredAt {
  epochId: number;
  position: number;
}

/** Rows that become pending again in one commit. */
const STEP_ROWS = 500;

/** What the outbox knows of the hub's store: which one it is, and up to where it told of commits, epoch by epoch (`shared/uplink/lineage.ts`). */
export class StoreLife {
  readonly #file: OutboxFile;
  readonly #sent: Sent;
  #storeId: string | null;
  /** By number of the epoch in the file: the greatest position that a row was delivered at, or more. */
  readonly #told = new Map<number, number>();
  #isOfAnother = false;

  constructor(file: OutboxFile, sent: Sent) {
    this.#file = file;
    this.#sent = sent;
    this.#storeId = file.read((database) => database.prepare<[], { id: string }>(sql.STORE_ID).get()?.id ?? null);
    this.learn();
  }

  /** Looks up to where the file says that rows were delivered: at an opening, and when delivered rows came out of another file. */
  learn(): void {
    const told = this.#file.read((database) => database.prepare<[], { storeEpoch: number; position: number }>(sql.TOLD).all());
    for (const { storeEpoch, position } of told) this.#raise(storeEpoch, position);
  }

  /** Of the store that the data go to; null before the first. */
  get storeId(): string | null {
    return this.#storeId;
  }

  /** From now on the data go to this store. What was delivered without a position is sent again when it is another one. */
  async setStoreId(storeId: string): Promise<number> {
    if (storeId === this.#storeId) return 0;
    // First: cut off in between, they wait, and the store is not known yet.
    const rows = this.#storeId === null ? 0 : await this.#returnRows(sql.DELIVERED_UNTOLD, []);
    await this.#file.writeOnReserve((database) => database.prepare<[string]>(sql.SET_STORE_ID).run(storeId));
    this.#isOfAnother = this.#storeId !== null;
    this.#storeId = storeId;
    return rows;
  }

  /**
   * Up to where the store told of commits, in the order in which its epochs were met. Nothing between the naming of another store and its first
   * `redeliver`: until then it is of the store before.
   */
  toldOf(): StorePosition[] {
    if (this.#isOfAnother) return [];
    return this.#epochs().flatMap(({ id, epoch }) => {
      const position = this.#told.get(id) ?? -1;
      return position < 0 ? [] : [{ epoch, position }];
    });
  }

  /** Where a row was delivered, in the transaction under way. `told` collects the greatest position of each epoch, for `told`. */
  deliveredAt(database: Database, { epoch, position }: StorePosition, told: Map<string, DeliveredAt>): DeliveredAt {
    const before = told.get(epoch);
    const at = { epochId: before?.epochId ?? epochId(database, epoch), position };
    if (!before || before.position < position) told.set(epoch, at);
    return at;
  }

  /** After the commit in which rows were delivered there. */
  told(told: Iterable<DeliveredAt>): void {
    for (const { epochId: id, position } of told) this.#raise(id, position);
  }

  /** See `Outbox.redeliver`. Cut off in the middle, it goes on at the next call. */
  async redeliver(lineage: Lineage): Promise<Redelivered> {
    const all: Redelivered = { rows: 0, gaps: 0 };
    for (const { id, epoch } of this.#epochs()) {
      const held = heldThrough(lineage, epoch);
      if ((this.#told.get(id) ?? -1) <= held) continue;
      all.rows += await this.#returnRows(sql.DELIVERED_BEHIND, [id, held]);
      all.gaps += await this.#tellOfGone(id, held);
      this.#told.set(id, held);
    }
    this.#isOfAnother = false;
    this.#file.metrics.count('outbox_redelivered', '', all.rows);
    return all;
  }

  #epochs(): { id: number; epoch: string }[] {
    return this.#file.read((database) => database.prepare<[], { id: number; epoch: string }>(sql.STORE_EPOCHS).all());
  }

  #raise(id: number, position: number): void {
    this.#told.set(id, Math.max(position, this.#told.get(id) ?? -1));
  }

  /** Makes delivered rows pending again, the newest first, in small steps; how many. `find` takes `which`, a time and a limit. */
  async #returnRows(find: string, which: readonly number[]): Promise<number> {
    let total = 0;
    for (let from: Instant = Number.MAX_SAFE_INTEGER; ; ) {
      const rows = this.#file.read((database) =>
        database.prepare<number[], { seq: number; at: Instant }>(find).all(...which, from, STEP_ROWS),
      );
      const last = rows.at(-1);
      if (!last) return total;
      from = last.at;
      const seqs = rows.map(({ seq }) => seq);
      // The hub may hold them after all: they keep their content as well as their key.
      this.#file.read((database) => this.#sent.handOut(database, { first: Math.min(...seqs), last: Math.max(...seqs) }));
      const returned = await this.#file.writeOnReserve((database) => {
        const amounts = new Amounts();
        const back = database.prepare<[number, number], { class: number; bytes: number }>(sql.RETURN);
        for (const seq of seqs) {
          const row = back.get(this.#file.rekeyedId, seq);
          if (row) amounts.add(row.class, row.bytes);
        }
        return amounts;
      }, seqs.length);
      this.#file.changed({ came: returned, pruned: returned });
      total += returned.rows;
    }
  }

  /** Rows in the place of those that are neither at the hub nor here. */
  async #tellOfGone(storeEpoch: number, held: number): Promise<number> {
    const { came, last } = await this.#file.writeOnReserve((database) => {
      const amounts = new Amounts();
      let seq = 0;
      const insert = database.prepare<[number, number, Instant, null, Buffer]>(sql.APPEND);
      this.#file.enter(database);
      for (const record of collected(takeLost(database, storeEpoch, held))) {
        const row = newRow({ ...record, receivedAt: this.#file.clock.now() });
        seq = Number(insert.run(this.#file.epoch.id, row.class, row.receivedAt, null, row.body).lastInsertRowid);
        amounts.add(row.class, row.body.length);
      }
      return { came: amounts, last: seq };
    });
    this.#file.told();
    this.#file.reached(last);
    this.#file.changed({ came });
    return came.rows;
  }
}

/** The number of an epoch of the store, in the transaction under way. */
function epochId(database: Database, epoch: string): number {
  const found = database.prepare<[string], { id: number }>(sql.STORE_EPOCH).get(epoch);
  return found?.id ?? Number(database.prepare<[string]>(sql.ADD_STORE_EPOCH).run(epoch).lastInsertRowid);
}

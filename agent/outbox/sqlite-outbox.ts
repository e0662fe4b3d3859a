import type { ErrorCode } from '../../shared/errors.ts';
import type { ReadingRecord } from '../../shared/reading.ts';
import type { Database } from '../../shared/storage/database.ts';
import { filesAside } from '../../shared/storage/set-aside.ts';
import type { ClockRun, KnownTime } from '../../shared/time/clock-run.ts';
import type { RowKey } from '../../shared/uplink/key.ts';
import type { Lineage, StorePosition } from '../../shared/uplink/lineage.ts';
import type { MessageKey } from '../decoding.ts';
import { Appends, type Told } from './appends.ts';
import { Aside } from './aside.ts';
import { ClockRuns } from './clock-runs.ts';
import { Delivery } from './delivery.ts';
import { OutboxFile } from './file.ts';
import { GapRows } from './gap-rows.ts';
import type { Mark } from './mark.ts';
import { Messages } from './messages.ts';
import type { OutboxOptions } from './options.ts';
import type {
  Appended,
  Census,
  DeliveredRow,
  Found,
  Outbox,
  OutboxRow,
  OutboxStatus,
  QuarantinedContent,
  QuarantineEntry,
  Redelivered,
  Stamped,
} from './outbox.ts';
import type { Places } from './places.ts';
import { contentOf, listQuarantined, type QuarantineLimits } from './quarantine.ts';
import type { Level } from './room.ts';
import { type NewRow, newRow } from './rows.ts';
import { Salvage } from './salvage.ts';
import { classOfNumber } from './schema.ts';
import { Sent } from './sent.ts';
import * as sql from './statements.ts';
import { StoreLife } from './store-life.ts';
import { Upkeep } from './upkeep.ts';

/** Rows that are looked at in one turn. */
const ROWS_AT_ONCE = 256;

const KEEP_DELIVERED_MS = 7 * 24 * 3_600_000;
const KEEP_DELIVERED_ROWS = 1_000_000;
const QUARANTINE_LIMITS: QuarantineLimits = { rows: 100_000, parts: 1_000 };

const LEVEL_CODES = { calm: null, nearly: 'OUTBOX-NEARLY-FULL', full: 'OUTBOX-FULL' } as const satisfies Record<Level, ErrorCode | null>;

/** The outbox in one SQLite file, in the thread that calls it. */
export class SqliteOutbox implements Outbox {
  readonly #file: OutboxFile;
  readonly #appends: Appends;
  readonly #aside: Aside;
  readonly #delivery: Delivery;
  readonly #upkeep: Upkeep;
  readonly #life: StoreLife;
  readonly #runs: ClockRuns;
  readonly #path: string;
  readonly #salvage: Salvage | undefined;
  readonly #returns = new Set<() => void>();
  #placing: Promise<void> | undefined;
  #isLooking = false;

  constructor(database: Database, mark: Mark, places: Places, options: OutboxOptions) {
    const { keepDeliveredMs = KEEP_DELIVERED_MS, keepDeliveredRows = KEEP_DELIVERED_ROWS } = options;
    const messages = new Messages();
    const sent = new Sent();
    const gaps = new GapRows(sent);
    this.#path = options.path;
    this.#file = new OutboxFile(database, mark, {
      ...options,
      places,
      entered(_, inherited) {
        messages.load(database);
        sent.load(database);
        if (inherited !== undefined) sent.cover(database, inherited);
      },
      onInherited: () => this.#salvage?.begin(),
    });
    this.#upkeep = new Upkeep(this.#file, options.path, sent, gaps, options.limits ?? {});
    const { path, keyFile, sources = [] } = options;
    this.#salvage = new Salvage(this.#file, gaps, {
      ...{ path, keyFile, sources },
      onTaken: () => {
        this.#life.learn();
        this.#runs.goOn();
      },
      onReturned: () => this.#returned(),
    });
    this.#runs = new ClockRuns(this.#file, sent, gaps, () => this.#returned());
    this.#appends = new Appends(this.#file, messages, this.#runs, (rows) => this.#upkeep.room(rows));
    this.#aside = new Aside(this.#file, this.#appends, options.quarantineLimits ?? QUARANTINE_LIMITS);
    this.#life = new StoreLife(this.#file, sent);
    this.#delivery = new Delivery(this.#file, this.#aside, sent, this.#life, this.#runs, { keepDeliveredMs, keepDeliveredRows });
    this.#appends.onAppend(() => this.#lookLater());
    this.#look();
    this.#salvage.begin();
    this.#runs.goOn();
    if (!places.isWhole) this.#again();
  }

  get epoch(): string {
    return this.#file.epoch.text;
  }

  get lastSeq(): number {
    return this.#file.read((database) => database.prepare<[], { seq: number }>(sql.LAST_SEQ).get()?.seq ?? 0);
  }

  async append(records: readonly ReadingRecord[], { run }: Stamped = {}): Promise<RowKey[]> {
    return (await this.#appended(records, undefined, run)).keys;
  }

  appendMessage(records: readonly ReadingRecord[], message: MessageKey, { run }: Stamped = {}): Promise<Appended> {
    return this.#appended(records, message, run);
  }

  /** As `append` and `appendMessage`, of records that are encoded, and without a promise for each. */
  bring(rows: readonly NewRow[], message: MessageKey | undefined, run: ClockRun | undefined, told: Told): void {
    this.#appends.bring(rows, message, run, told);
  }

  #appended(records: readonly ReadingRecord[], message: MessageKey | undefined, run: ClockRun | undefined): Promise<Appended> {
    return new Promise((resolve, fail) =>
      this.bring(records.map(newRow), message, run, { settle: (keys, isNameUsed) => resolve({ keys, isNameUsed }), fail }),
    );
  }

  timeKnown(known: KnownTime): Promise<void> {
    return this.#runs.timeKnown(known);
  }

  async find(message: MessageKey): Promise<'message' | 'name' | undefined> {
    return this.#appends.find(message);
  }

  async pending(after: number, limit: number): Promise<OutboxRow[]> {
    return this.#delivery.pending(after, limit);
  }

  async waiting(after: number, limit: number): Promise<OutboxRow[]> {
    return this.#delivery.waiting(after, limit);
  }

  get storeId(): string | null {
    return this.#life.storeId;
  }

  async setStoreId(storeId: string): Promise<number> {
    const rows = await this.#life.setStoreId(storeId);
    if (rows > 0) this.#again();
    return rows;
  }

  async toldOf(): Promise<readonly StorePosition[]> {
    return this.#life.toldOf();
  }

  async redeliver(lineage: Lineage): Promise<Redelivered> {
    const back = await this.#life.redeliver(lineage);
    if (back.rows + back.gaps > 0) this.#again();
    return back;
  }

  async complete(rows: readonly DeliveredRow[]): Promise<void> {
    await this.#delivery.complete(rows);
    this.#look();
  }

  async quarantine(rows: readonly (RowKey & { held?: number })[], code: ErrorCode): Promise<void> {
    await this.#aside.quarantine(rows, code);
    this.#look();
  }

  async quarantineBytes(...args: Parameters<Outbox['quarantineBytes']>): Promise<void> {
    await this.#aside.quarantineBytes(...args);
    this.#look();
  }

  rekey(): Promise<string> {
    return this.#file.rekey();
  }

  async quarantined(limit: number, before: number = Number.MAX_SAFE_INTEGER): Promise<QuarantineEntry[]> {
    return this.#file.read((database) => listQuarantined(database, limit, before));
  }

  async content(id: number): Promise<QuarantinedContent | undefined> {
    return this.#file.read((database) => contentOf(database, id));
  }

  release(id: number, found: Found): Promise<RowKey[]> {
    return this.#aside.release(id, found);
  }

  drop(id: number): Promise<QuarantineEntry> {
    return this.#aside.drop(id);
  }

  async census(after: number, limit: number): Promise<Census> {
    const rows = this.#file.read((database) =>
      database.prepare<[number, number], { seq: number; class: number; delivered: number }>(sql.CENSUS).all(after, limit),
    );
    const census: Census = { last: rows.at(-1)?.seq, pending: {}, delivered: {} };
    for (const { class: number, delivered } of rows) {
      const name = classOfNumber(number);
      const counts = delivered === 1 ? census.delivered : census.pending;
      if (name) counts[name] = (counts[name] ?? 0) + 1;
    }
    return census;
  }

  async status(): Promise<OutboxStatus> {
    const { trouble, ...counts } = this.#file.status();
    const { level, usedBytes, limitBytes } = this.#upkeep.fullness;
    const { today, yesterday } = this.#file.written;
    const setAside = filesAside(this.#path);
    const writtenBytes = { today, yesterday };
    return {
      epoch: this.epoch,
      storeId: this.storeId,
      ...counts,
      untimed: trouble === null ? this.#file.read((database) => this.#runs.heldRows(database)) : 0,
      usedBytes,
      limitBytes,
      writtenBytes,
      setAside,
      code: trouble ?? this.#file.failing ?? LEVEL_CODES[level] ?? (setAside.length > 0 ? 'OUTBOX-SET-ASIDE' : null),
    };
  }

  onAppend(listener: () => void): Disposable {
    return this.#appends.onAppend(listener);
  }

  onReturn(listener: () => void): Disposable {
    const entry = (): void => listener();
    this.#returns.add(entry);
    return { [Symbol.dispose]: () => void this.#returns.delete(entry) };
  }

  /** Rows wait again that were passed, and whose they are may not be listed any more. */
  #again(): void {
    this.#upkeep.restart();
    this.#placing ??= this.#place().finally(() => {
      this.#placing = undefined;
    });
  }

  /** Looks through what waits for whose it is, beside the work of the day. */
  async #place(): Promise<void> {
    try {
      let after = 0;
      for (;;) {
        const rows = this.#delivery.waiting(after, ROWS_AT_ONCE);
        if (rows.length === 0) return;
        this.#file.read((database) => this.#file.placed(database, rows));
        after = rows.at(-1)?.seq ?? after;
        await turn();
      }
    } catch {
      // Whoever writes to the file tells of its faults; the next opening looks again.
    }
  }

  #returned(): void {
    this.#again();
    for (const listener of [...this.#returns]) listener();
  }

  /** Before anything else comes in, but behind the answers to those who waited, and what they do with them. */
  #lookLater(): void {
    if (this.#isLooking) return;
    this.#isLooking = true;
    process.nextTick(() => {
      this.#isLooking = false;
      this.#look();
    });
  }

  #look(): void {
    this.#file.keepNotes();
    this.#upkeep.look();
    this.#salvage?.again();
    this.#runs?.again();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#file[Symbol.dispose]();
  }
}

/** Between two pieces the devices have their turn. */
function turn(): Promise<void> {
  return new Promise((done) => setImmediate(done));
}

import type { Clock } from '../../shared/clock.ts';
import { asVitalmeshError, type ErrorCode, VitalmeshError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/log.ts';
import type { Metrics } from '../../shared/metrics.ts';
import type { ReadingRecord } from '../../shared/reading.ts';
import { type Database, openDatabase } from '../../shared/storage/database.ts';
import { ensureKeyFile, readKeyFile } from '../../shared/storage/key-file.ts';
import { filesAside } from '../../shared/storage/set-aside.ts';
import type { RowKey } from '../../shared/uplink/key.ts';
import type { Lineage, StorePosition } from '../../shared/uplink/lineage.ts';
import type { MessageKey } from '../decoding.ts';
import { Appends } from './appends.ts';
import { Aside } from './aside.ts';
import { Delivery } from './delivery.ts';
import { OutboxFile } from './file.ts';
import { GapRows } from './gap-rows.ts';
import { Mark } from './mark.ts';
import { Messages } from './messages.ts';
import type {
  Census,
  DeliveredRow,
  Found,
  Outbox,
  OutboxRow,
  OutboxStatus,
  QuarantinedContent,
  QuarantineEntry,
  Redelivered,
} from './outbox.ts';
import { type GapSource, Places } from './places.ts';
import { placesOf, provesKey } from './places-file.ts';
import { contentOf, listQuarantined, type QuarantineLimits } from './quarantine.ts';
import { keepReserve, releaseReserve, reserveOf } from './reserve.ts';
import type { Level } from './room.ts';
import { Salvage } from './salvage.ts';
import { classOfNumber, MIGRATIONS } from './schema.ts';
import { Sent } from './sent.ts';
import * as sql from './statements.ts';
import { StoreLife } from './store-life.ts';
import { type OutboxLimits, Upkeep } from './upkeep.ts';

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
  /** How large the file may become, and how long rows wait; 2 GiB and for ever unless told. */
  limits?: Partial<OutboxLimits>;
  /** Of which a gap tells when the file was damaged; none unless told. */
  sources?: readonly GapSource[];
  /** How much quarantine keeps; 100,000 rows and 1,000 undecodable parts unless told. The oldest are dropped, counted and logged. */
  quarantineLimits?: QuarantineLimits;
}

/** Rows that are looked at in one turn. */
const ROWS_AT_ONCE = 256;

const KEEP_DELIVERED_MS = 7 * 24 * 3_600_000;
const KEEP_DELIVERED_ROWS = 1_000_000;
const QUARANTINE_LIMITS: QuarantineLimits = { rows: 100_000, parts: 1_000 };

/**
 * Opens the outbox, or makes it where there is none, and begins a new epoch. On a full disk the reserve beside it is given up for that.
 * A damaged one is set aside, and what can be read of it taken over. Rejects with STORAGE-LOCKED, -KEY-FILE, -KEY, -SCHEMA, -OPEN, -FULL, -IO.
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

function open(options: OutboxOptions): Outbox {
  const database = openDatabase({
    path: options.path,
    keyFile: options.keyFile,
    migrations: MIGRATIONS,
    cacheKib: 4096,
    clock: options.clock,
    isRightKey: (key) => provesKey(placesOf(options.path), key),
    onSetAside(name, error) {
      options.metrics.count('outbox_set_aside');
      const err = new VitalmeshError('OUTBOX-SET-ASIDE', { detail: name, cause: error });
      options.log.error({ err, file: name }, 'the outbox is damaged; it was set aside, and a new one takes over');
    },
  });
  const mark = new Mark(`${options.path}.mark`);
  try {
    return new SqliteOutbox(database, mark, placesBeside(database, options), options);
  } catch (thrown) {
    mark[Symbol.dispose]();
    database.close();
    throw thrown;
  }
}

function placesBeside(database: Database, { path, keyFile, clock, log, metrics }: OutboxOptions): Places {
  const lastSeq = database.read(() => database.prepare<[], { seq: number }>(sql.LAST_SEQ).get()?.seq ?? 0);
  return new Places({ path: placesOf(path), key: readKeyFile(keyFile), clock, log, metrics, lastSeq });
}

const LEVEL_CODES = { calm: null, nearly: 'OUTBOX-NEARLY-FULL', full: 'OUTBOX-FULL' } as const satisfies Record<Level, ErrorCode | null>;

class SqliteOutbox implements Outbox {
  readonly #file: OutboxFile;
  readonly #appends: Appends;
  readonly #aside: Aside;
  readonly #delivery: Delivery;
  readonly #upkeep: Upkeep;
  readonly #life: StoreLife;
  readonly #path: string;
  readonly #salvage: Salvage | undefined;
  readonly #returns = new Set<() => void>();
  #placing: Promise<void> | undefined;

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
      onTaken: () => this.#life.learn(),
      onReturned: () => this.#returned(),
    });
    this.#appends = new Appends(this.#file, messages, (records) => this.#upkeep.room(records));
    this.#aside = new Aside(this.#file, this.#appends, options.quarantineLimits ?? QUARANTINE_LIMITS);
    this.#life = new StoreLife(this.#file, sent);
    this.#delivery = new Delivery(this.#file, this.#aside, sent, this.#life, { keepDeliveredMs, keepDeliveredRows });
    this.#appends.onAppend(() => this.#look());
    this.#look();
    this.#salvage.begin();
    if (!places.isWhole) this.#again();
  }

  get epoch(): string {
    return this.#file.epoch.text;
  }

  get lastSeq(): number {
    return this.#file.read((database) => database.prepare<[], { seq: number }>(sql.LAST_SEQ).get()?.seq ?? 0);
  }

  append(records: readonly ReadingRecord[], { message }: { message?: MessageKey | undefined } = {}): Promise<RowKey[]> {
    return this.#appends.append(records, message);
  }

  find(message: MessageKey): 'message' | 'name' | undefined {
    return this.#appends.find(message);
  }

  pending(after: number, limit: number): OutboxRow[] {
    return this.#delivery.pending(after, limit);
  }

  waiting(after: number, limit: number): OutboxRow[] {
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

  toldOf(): readonly StorePosition[] {
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

  quarantined(limit: number, before: number = Number.MAX_SAFE_INTEGER): QuarantineEntry[] {
    return this.#file.read((database) => listQuarantined(database, limit, before));
  }

  content(id: number): QuarantinedContent | undefined {
    return this.#file.read((database) => contentOf(database, id));
  }

  release(id: number, found: Found): Promise<RowKey[]> {
    return this.#aside.release(id, found);
  }

  drop(id: number): Promise<QuarantineEntry> {
    return this.#aside.drop(id);
  }

  census(after: number, limit: number): Census {
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

  status(): OutboxStatus {
    const { trouble, ...counts } = this.#file.status();
    const { level, usedBytes, limitBytes } = this.#upkeep.fullness;
    const { today, yesterday } = this.#file.written;
    const setAside = filesAside(this.#path);
    const writtenBytes = { today, yesterday };
    return {
      epoch: this.epoch,
      storeId: this.storeId,
      ...counts,
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
      for (let rows = this.waiting(after, ROWS_AT_ONCE); rows.length > 0; rows = this.waiting(after, ROWS_AT_ONCE)) {
        const found = rows;
        this.#file.read((database) => this.#file.placed(database, found));
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

  #look(): void {
    this.#file.keepNotes();
    this.#upkeep.look();
    this.#salvage?.again();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#file[Symbol.dispose]();
  }
}

/** Between two pieces the devices have their turn. */
function turn(): Promise<void> {
  return new Promise((done) => setImmediate(done));
}

import type { Instant } from '../../shared/clock.ts';
import { asVitalmeshError } from '../../shared/errors.ts';
import type { Database } from '../../shared/storage/database.ts';
import type { ClockRun } from '../../shared/time/clock-run.ts';
import type { RowKey } from '../../shared/uplink/key.ts';
import type { MessageKey } from '../decoding.ts';
import { Amounts } from './amounts.ts';
import type { ClockRuns } from './clock-runs.ts';
import type { OutboxFile } from './file.ts';
import type { Messages } from './messages.ts';
import type { NewRow, RowOrigin } from './rows.ts';
import * as sql from './statements.ts';

/** Who is told once what became of an append; not before it returned. */
export interface Told {
  settle(keys: RowKey[], isNameUsed: boolean): void;
  fail(error: unknown): void;
}

/** A message on its way into the file. Those that bring it meanwhile share what becomes of it. */
interface UnderWay {
  others: Told[] | undefined;
}

/** Rows on their way into the file, with who waits for them. */
interface Waiting extends UnderWay {
  rows: readonly NewRow[];
  message: MessageKey | undefined;
  /** By which they were stamped; undefined where the time was known. */
  run: ClockRun | undefined;
  /** Whether another message of this name was known when it came. */
  isNameUsed: boolean;
  told: Told;
}

/** Of one unit of a commit, about; see `GroupCommit`. */
const ROWS_A_UNIT = 256;

/** How rows come into the outbox: each message once, and whoever waits for rows is told. */
export class Appends {
  readonly #file: OutboxFile;
  readonly #messages: Messages;
  readonly #runs: ClockRuns;
  readonly #room: (rows: readonly NewRow[]) => Promise<void> | undefined;
  /** What came since the last unit of a commit was taken. */
  #waiting: Waiting[] = [];
  #waitingRows = 0;
  /** Messages on their way into the file, by both digests. */
  readonly #appending = new Map<string, UnderWay>();
  /** How many of them have a name. */
  readonly #names = new Map<string, number>();
  readonly #listeners = new Set<() => void>();
  #announcing = false;

  /** `room` is asked before rows come in: undefined when there is some, else what to wait for. */
  constructor(file: OutboxFile, messages: Messages, runs: ClockRuns, room: (rows: readonly NewRow[]) => Promise<void> | undefined) {
    this.#file = file;
    this.#messages = messages;
    this.#runs = runs;
    this.#room = room;
  }

  /** Rows with the message that they came in, if any. No keys are told for a message that is known. */
  bring(rows: readonly NewRow[], message: MessageKey | undefined, run: ClockRun | undefined, told: Told): void {
    const isNameUsed = message !== undefined && this.find(message) === 'name';
    const waiting: Waiting = { rows, message, run, isNameUsed, told, others: undefined };
    if (rows.length === 0) queueMicrotask(() => told.settle([], isNameUsed));
    else if (!message) this.#append(waiting);
    else {
      const underWay = this.#appending.get(digestOf(message));
      if (underWay) {
        underWay.others ??= [];
        underWay.others.push({ settle: () => told.settle([], isNameUsed), fail: (error) => told.fail(error) });
        return;
      }
      this.#begin(message, waiting);
      this.#append(waiting);
    }
  }

  /**
   * Does `appending`, which brings `message` in another way, once whatever brings it now has come to its end. A sender that brings it
   * meanwhile shares what becomes of this.
   */
  async instead(message: MessageKey, appending: () => Promise<RowKey[]>): Promise<RowKey[]> {
    const key = digestOf(message);
    // Whatever became of the one before, the file knows.
    for (let before = this.#appending.get(key); before; before = this.#appending.get(key)) await over(before);
    const underWay: UnderWay = { others: undefined };
    this.#begin(message, underWay);
    try {
      const keys = await appending();
      this.#end(message);
      for (const other of underWay.others ?? []) settle(other, [], false);
      return keys;
    } catch (thrown) {
      this.#end(message);
      for (const other of underWay.others ?? []) fail(other, thrown);
      throw thrown;
    }
  }

  find(message: MessageKey): 'message' | 'name' | undefined {
    if (this.#appending.size > 0 && this.#appending.has(digestOf(message))) return 'message';
    return this.#messages.find(message) ?? (this.#names.has(message.name) ? 'name' : undefined);
  }

  /** Writes rows and the message that they came in, in the transaction under way; none when it is known. */
  insert(database: Database, rows: readonly NewRow[], message: MessageKey | undefined): RowKey[] {
    return this.#insert(database, [{ rows, message, run: undefined }])[0] ?? [];
  }

  /** After the commit of `insert`. */
  appended(keys: readonly RowKey[], rows: readonly NewRow[], message: MessageKey | undefined): void {
    if (message) this.#messages.add(message);
    const came = new Amounts();
    for (const row of keys.length > 0 ? rows : []) came.add(row.class, row.body.length);
    this.#committed(keys.length, keys.at(-1)?.seq ?? 0, came);
  }

  onAppend(listener: () => void): Disposable {
    const entry = (): void => listener();
    this.#listeners.add(entry);
    return { [Symbol.dispose]: () => void this.#listeners.delete(entry) };
  }

  #append(waiting: Waiting): void {
    const making = this.#room(waiting.rows);
    if (!making) this.#enqueue(waiting);
    else
      making.then(
        () => this.#enqueue(waiting),
        (thrown: unknown) => this.#fail(waiting, thrown),
      );
  }

  /** Whatever comes until the commit begins is one unit of it: a promise and a savepoint each would cost as much as a row. */
  #enqueue(waiting: Waiting): void {
    this.#waitingRows += waiting.rows.length;
    if (this.#waiting.push(waiting) === 1) void this.#commitWaiting();
  }

  async #commitWaiting(): Promise<void> {
    let batch: readonly Waiting[] | undefined;
    const work = (database: Database): RowKey[][] => {
      // A transaction may be run twice, and each time with the same.
      batch ??= this.#take();
      return this.#insert(database, batch);
    };
    let keys: readonly RowKey[][];
    try {
      keys = await this.#file.write(work, () => this.#waitingRows);
    } catch (thrown) {
      await this.#failed(batch ?? this.#take(), thrown);
      return;
    }
    // Apart from the commit: what fails behind it must not have it written again.
    this.#settle(batch ?? [], keys);
  }

  /** As much as one unit may hold; what is left is the next one. */
  #take(): readonly Waiting[] {
    let rows = 0;
    let taken = 0;
    while (taken < this.#waiting.length && rows < ROWS_A_UNIT) {
      rows += this.#waiting[taken]?.rows.length ?? 0;
      taken += 1;
    }
    const batch = this.#waiting.splice(0, taken);
    this.#waitingRows -= rows;
    if (this.#waiting.length > 0) void this.#commitWaiting();
    return batch;
  }

  /** Writes what came in several messages, and once that it came; no keys for what is known. */
  #insert(database: Database, batch: readonly Pick<Waiting, 'rows' | 'message' | 'run'>[]): RowKey[][] {
    const insert = database.prepare<[number, number, Instant, number | null, Buffer]>(sql.APPEND);
    this.#file.enter(database);
    // Entering a file anew may begin another one.
    const { id, text } = this.#file.epoch;
    this.#messages.load(database);
    const news: MessageKey[] = [];
    const placed: { record: RowOrigin; seq: number }[] = [];
    let last: ClockRun | undefined;
    let of = this.#runs.place(database, undefined);
    const keys = batch.map(({ rows, message, run }) => {
      if (message && this.#messages.find(message) === 'message') return [];
      if (message) news.push(message);
      if (run !== last) of = this.#runs.place(database, run);
      last = run;
      return rows.map((row) => {
        const own = of.made(row);
        const seq = Number(insert.run(id, own.class, own.receivedAt, of.id, own.body).lastInsertRowid);
        placed.push({ record: own.origin, seq });
        return { epoch: text, seq };
      });
    });
    this.#file.placed(database, placed);
    this.#messages.write(database, news);
    return keys;
  }

  #settle(batch: readonly Waiting[], keys: readonly RowKey[][]): void {
    let rows = 0;
    let highest = 0;
    const came = new Amounts();
    for (const [i, { rows: sent, message, isNameUsed, told, others }] of batch.entries()) {
      const own = keys[i] ?? [];
      if (message) {
        this.#messages.add(message);
        this.#end(message);
      }
      for (const row of own.length > 0 ? sent : []) came.add(row.class, row.body.length);
      rows += own.length;
      highest = own.at(-1)?.seq ?? highest;
      settle(told, own, isNameUsed);
      for (const other of others ?? []) settle(other, [], false);
    }
    this.#committed(rows, highest, came);
  }

  /** What failed by one of them alone is written one by one; what concerns the file they all are told of. */
  async #failed(batch: readonly Waiting[], thrown: unknown): Promise<void> {
    const isOfFile = asVitalmeshError(thrown).code.startsWith('STORAGE-');
    if (isOfFile || batch.length === 1) {
      for (const one of batch) this.#fail(one, thrown);
      return;
    }
    for (const one of batch) {
      let keys: readonly RowKey[][];
      try {
        keys = await this.#file.write((database) => this.#insert(database, [one]), one.rows.length);
      } catch (own) {
        this.#fail(one, own);
        continue;
      }
      this.#settle([one], keys);
    }
  }

  #fail({ message, told, others }: Waiting, error: unknown): void {
    if (message) this.#end(message);
    fail(told, error);
    for (const other of others ?? []) fail(other, error);
  }

  #committed(rows: number, highest: number, came: Amounts): void {
    this.#file.told();
    this.#file.metrics.count('outbox_appended', '', rows);
    this.#file.reached(highest);
    if (rows === 0) return;
    this.#file.changed({ came });
    this.#announce();
  }

  #begin(message: MessageKey, underWay: UnderWay): void {
    this.#appending.set(digestOf(message), underWay);
    this.#names.set(message.name, (this.#names.get(message.name) ?? 0) + 1);
  }

  #end(message: MessageKey): void {
    this.#appending.delete(digestOf(message));
    const left = (this.#names.get(message.name) ?? 1) - 1;
    if (left > 0) this.#names.set(message.name, left);
    else this.#names.delete(message.name);
  }

  /** Tells the listeners once, however many appends one commit answered. */
  #announce(): void {
    if (this.#announcing) return;
    this.#announcing = true;
    queueMicrotask(() => {
      this.#announcing = false;
      this.#file.raiseMark();
      for (const listener of [...this.#listeners]) listener();
    });
  }
}

/** Resolves when nothing brings it any more. */
function over(underWay: UnderWay): Promise<void> {
  return new Promise((resolve) => {
    underWay.others ??= [];
    underWay.others.push({ settle: () => resolve(), fail: () => resolve() });
  });
}

function settle(told: Told, keys: RowKey[], isNameUsed: boolean): void {
  try {
    told.settle(keys, isNameUsed);
  } catch (thrown) {
    defect(thrown);
  }
}

function fail(told: Told, error: unknown): void {
  try {
    told.fail(error);
  } catch (thrown) {
    defect(thrown);
  }
}

/** What somebody throws who is told is theirs alone: the others are told all the same. */
function defect(thrown: unknown): void {
  queueMicrotask(() => {
    throw thrown;
  });
}

/** What tells one message from every other. */
function digestOf({ name, content }: MessageKey): string {
  return name + content;
}

import type { Instant } from '../../shared/clock.ts';
import type { ReadingRecord } from '../../shared/reading.ts';
import type { Database } from '../../shared/storage/database.ts';
import type { RowKey } from '../../shared/uplink/key.ts';
import type { MessageKey } from '../decoding.ts';
import type { OutboxFile } from './file.ts';
import type { Messages } from './messages.ts';
import { type NewRow, newRow } from './rows.ts';
import * as sql from './statements.ts';

/** How rows come into the outbox: each message once, and whoever waits for rows is told. */
export class Appends {
  readonly #file: OutboxFile;
  readonly #messages: Messages;
  /** Messages on their way into the file, by both digests. */
  readonly #appending = new Map<string, Promise<RowKey[]>>();
  /** How many of them have a name. */
  readonly #names = new Map<string, number>();
  readonly #listeners = new Set<() => void>();
  #announcing = false;

  constructor(file: OutboxFile, messages: Messages) {
    this.#file = file;
    this.#messages = messages;
  }

  async append(records: readonly ReadingRecord[], message: MessageKey | undefined): Promise<RowKey[]> {
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

  /**
   * Does `appending`, which brings `message` in another way, once whatever brings it now has come to its end. A sender that brings it
   * meanwhile shares what becomes of this.
   */
  async instead(message: MessageKey, appending: () => Promise<RowKey[]>): Promise<RowKey[]> {
    const key = digestOf(message);
    // Whatever became of the one before, the file knows.
    for (let before = this.#appending.get(key); before; before = this.#appending.get(key)) await before.catch(() => undefined);
    return await this.#underWay(message, appending());
  }

  find(message: MessageKey): 'message' | 'name' | undefined {
    if (this.#appending.has(digestOf(message))) return 'message';
    return this.#messages.find(message) ?? (this.#names.has(message.name) ? 'name' : undefined);
  }

  /** Writes rows and the message that they came in, in the transaction under way; none when it is known. */
  insert(database: Database, rows: readonly NewRow[], message: MessageKey | undefined): RowKey[] {
    const insert = database.prepare<[number, number, Instant, Buffer]>(sql.APPEND);
    const { id, text } = this.#file.epoch;
    this.#file.passMark();
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

  /** After the commit of `insert`. */
  appended(keys: readonly RowKey[], message: MessageKey | undefined): void {
    if (message) this.#messages.add(message);
    this.#file.told();
    this.#file.metrics.count('outbox_appended', '', keys.length);
    this.#file.changed({ pending: keys.length });
    this.#file.reached(keys.at(-1)?.seq ?? 0);
    if (keys.length > 0) this.#announce();
  }

  onAppend(listener: () => void): Disposable {
    const entry = (): void => listener();
    this.#listeners.add(entry);
    return { [Symbol.dispose]: () => void this.#listeners.delete(entry) };
  }

  async #append(records: readonly ReadingRecord[], message?: MessageKey): Promise<RowKey[]> {
    const rows = records.map(newRow);
    const keys = await this.#file.write((database) => this.insert(database, rows, message), rows.length);
    this.appended(keys, message);
    return keys;
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

/** What tells one message from every other. */
function digestOf({ name, content }: MessageKey): string {
  return name + content;
}

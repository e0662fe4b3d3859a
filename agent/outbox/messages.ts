import type { Database } from '../../shared/storage/database.ts';
import type { MessageKey } from '../decoding.ts';
import * as sql from './statements.ts';

/** So many of the newest messages are known; a sender that repeats one does so at once, or as the first after an outage. */
const KEPT = 100_000;
/** The file is trimmed once in so many messages. */
const TRIM_EVERY = 256;
/** Length of a digest in a key, in characters and bytes. */
const DIGEST = 16;
/** Contents that are known under one name: a sender whose names are not unique must not fill the memory. */
const PER_NAME = 8;

/**
 * The messages that rows came in, so that one that is sent again is known. In the file they are a list that is only added to (a table
 * under a random key would cost several times as much); to be found they are in memory, about 10 MB when full.
 */
export class Messages {
  /** Digests of contents by name, one behind the other. */
  readonly #contents = new Map<string, string>();
  /** Goes on where it was: each iteration from the beginning would pass over all that was deleted there, 100 µs and more when the list is full. */
  readonly #oldest = this.#contents.keys();
  readonly #kept: number;
  #opening = 0;

  constructor(kept = KEPT) {
    this.#kept = kept;
  }

  /** Whether this message is known, or another one of its name. */
  find({ name, content }: MessageKey): 'message' | 'name' | undefined {
    const contents = this.#contents.get(name);
    if (contents === undefined) return undefined;
    return holds(contents, content) ? 'message' : 'name';
  }

  /** Adds a message that is committed. */
  add({ name, content }: MessageKey): void {
    const before = this.#contents.get(name);
    if (before !== undefined) {
      if (holds(before, content)) return;
      this.#contents.delete(name);
    }
    this.#contents.set(name, before === undefined ? content : (before + content).slice(-PER_NAME * DIGEST));
    if (this.#contents.size <= this.#kept) return;
    const oldest = this.#oldest.next();
    if (!oldest.done) this.#contents.delete(oldest.value);
  }

  /** Reads what the file holds, once an opening, in the transaction under way: a commit that failed may be there after all. */
  load(database: Database): void {
    if (this.#opening === database.openings) return;
    this.#contents.clear();
    const rows = database.prepare<[number], { message: Buffer }>(sql.MESSAGES).all(this.#kept);
    for (const { message } of rows.reverse()) {
      const text = message.toString('latin1');
      for (let at = 0; at + 2 * DIGEST <= text.length; at += 2 * DIGEST) {
        this.add({ name: text.slice(at, at + DIGEST), content: text.slice(at + DIGEST, at + 2 * DIGEST) });
      }
    }
    this.#opening = database.openings;
  }

  /** Writes messages, in the transaction under way: one row, whose number is that of the last one, however many there are. */
  write(database: Database, messages: readonly MessageKey[]): void {
    if (messages.length === 0) return;
    const last = database.prepare<[], { id: number }>(sql.LAST_MESSAGE).get()?.id ?? 0;
    const id = last + messages.length;
    const digests = Buffer.from(messages.map(({ name, content }) => name + content).join(''), 'latin1');
    database.prepare<[number, Buffer]>(sql.ADD_MESSAGES).run(id, digests);
    if (Math.floor(id / TRIM_EVERY) > Math.floor(last / TRIM_EVERY)) database.prepare<[number]>(sql.TRIM_MESSAGES).run(id - this.#kept);
  }
}

function holds(contents: string, content: string): boolean {
  for (let at = 0; at < contents.length; at += DIGEST) if (contents.startsWith(content, at)) return true;
  return false;
}

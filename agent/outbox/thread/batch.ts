import type { Instant } from '../../../shared/clock.ts';
import { VitalmeshError } from '../../../shared/errors.ts';
import { encodeRecord, type ReadingRecord } from '../../../shared/reading.ts';
import type { ClockRun } from '../../../shared/time/clock-run.ts';
import type { MessageKey } from '../../decoding.ts';
import type { NewRow, RowOrigin } from '../rows.ts';
import { CLASS_NUMBERS } from '../schema.ts';
import type { NumberedOrigin, Origins } from './origins.ts';

/** Characters of a message's key: two digests. */
const DIGEST = 16;
const FIELDS = 3;

/** Appends of one turn of the event loop, as they go to the thread: encoded, and in few objects however many there are. */
export interface Batch {
  /** The number of the first of them; the others follow. */
  first: number;
  /** Of each: twice how many rows it has, and one more when they came in a message. */
  appends: number[];
  /** The keys of the messages, one behind the other. */
  messages: string;
  /** By which of them a clock stamped that nobody had confirmed, by their place in the batch. */
  runs: [append: number, run: ClockRun][];
  /** Of each row: when it was received, its length in bytes, and the number of its origin. */
  rows: number[];
  /** The rows as `encodeRecord` writes them, one behind the other. */
  bodies: ArrayBuffer;
  /** Origins that were given a number since the last batch. */
  origins: readonly NumberedOrigin[];
  /** No other numbers count than these and those to come. */
  isNewBeginning: boolean;
}

/** An append of a batch, with its number. */
export interface BatchedAppend {
  number: number;
  rows: NewRow[];
  message: MessageKey | undefined;
  run: ClockRun | undefined;
}

/** Gathers appends until they go. */
export class Gathering {
  readonly #origins: Origins;
  readonly #first: number;
  readonly #appends: number[] = [];
  #messages = '';
  readonly #runs: [number, ClockRun][] = [];
  readonly #rows: number[] = [];
  readonly #bodies: Buffer[] = [];
  #bytes = 0;
  readonly #news: NumberedOrigin[] = [];
  readonly #isNewBeginning: boolean;

  constructor(first: number, origins: Origins) {
    this.#first = first;
    this.#origins = origins;
    this.#isNewBeginning = origins.begin();
  }

  /** Of its rows. */
  get bytes(): number {
    return this.#bytes;
  }

  get appends(): number {
    return this.#appends.length;
  }

  get rows(): number {
    return this.#bodies.length;
  }

  /** Returns its number. The records are encoded at once: whoever hands them in may change them afterwards. */
  add(records: readonly ReadingRecord[], message: MessageKey | undefined, run: ClockRun | undefined): number {
    const place = this.#appends.length;
    for (const record of records) {
      const body = encodeRecord(record);
      this.#rows.push(record.receivedAt, body.length, this.#origins.numberOf(record, this.#news));
      this.#bodies.push(body);
      this.#bytes += body.length;
    }
    if (run) this.#runs.push([place, run]);
    if (message) this.#messages += message.name + message.content;
    this.#appends.push(2 * records.length + (message ? 1 : 0));
    return this.#first + place;
  }

  take(): Batch {
    const bodies = new ArrayBuffer(this.#bytes);
    const all = new Uint8Array(bodies);
    let at = 0;
    for (const body of this.#bodies) {
      all.set(body, at);
      at += body.length;
    }
    return {
      first: this.#first,
      appends: this.#appends,
      messages: this.#messages,
      runs: this.#runs,
      rows: this.#rows,
      bodies,
      origins: this.#news,
      isNewBeginning: this.#isNewBeginning,
    };
  }
}

/** Reads batches: the thread's side of `Gathering`, one for all of them. */
export class BatchReader {
  readonly #origins = new Map<number, RowOrigin>();

  read({ first, appends, messages, runs, rows, bodies, origins, isNewBeginning }: Batch): BatchedAppend[] {
    if (isNewBeginning) this.#origins.clear();
    for (const [number, origin] of origins) this.#origins.set(number, origin);
    const runOf = new Map(runs);
    let [row, byte, digest] = [0, 0, 0];
    return appends.map((coded, i) => {
      const own: NewRow[] = [];
      for (let n = coded >> 1; n > 0; n -= 1) {
        const [receivedAt = 0, length = 0, number = 0] = [rows[row], rows[row + 1], rows[row + 2]];
        own.push(this.#rowOf(receivedAt, Buffer.from(bodies, byte, length), number));
        row += FIELDS;
        byte += length;
      }
      const append = { number: first + i, rows: own, run: runOf.get(i) };
      if ((coded & 1) === 0) return { ...append, message: undefined };
      const name = messages.slice(digest, digest + DIGEST);
      const content = messages.slice(digest + DIGEST, digest + 2 * DIGEST);
      digest += 2 * DIGEST;
      return { ...append, message: { name, content } };
    });
  }

  #rowOf(receivedAt: Instant, body: Buffer, number: number): NewRow {
    const origin = this.#origins.get(number);
    if (!origin) throw new VitalmeshError('INTERNAL', { detail: 'a row of an origin without a number' });
    return { origin, class: CLASS_NUMBERS[origin.class], receivedAt, body };
  }
}

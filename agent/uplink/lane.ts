import type { OutboxRow } from '../outbox/outbox.ts';
import { type BatchLimits, Departures } from './flight.ts';
import type { LaneName } from './share.ts';

/** Rows read from the outbox at a time. */
const CHUNK_ROWS = 64;

/** A stretch of the outbox that is read from its beginning to its end, and what of it waits to be sent, in order. */
export class Lane {
  readonly name: LaneName;
  readonly departures: Departures;
  /** Batches on their way. */
  inFlight = 0;
  /** Until when a batch that could grow waits; monotonic ms. */
  lingerUntil: number | undefined;
  readonly #after: number;
  readonly #through: number;
  #rows: OutboxRow[] = [];
  #cursor: number;
  /** False only when there was nothing behind the cursor. */
  #more: boolean;

  /** Of the rows with a `seq` greater than `after`, up to `through`. */
  constructor(name: LaneName, { after, through }: { after: number; through: number }, limits: BatchLimits) {
    this.name = name;
    this.departures = new Departures(limits);
    this.#after = after;
    this.#through = through;
    this.#cursor = after;
    this.#more = after < through;
  }

  /** Nothing is left to be sent, as far as is known. */
  get isEmpty(): boolean {
    return !this.#more && this.#rows.length === 0 && this.departures.size === 0;
  }

  /** Rows may have become pending behind the cursor. */
  lookAgain(): void {
    this.#more = true;
  }

  /** Reads from the beginning: rows that stayed pending are met again. */
  startOver(): void {
    this.#rows = [];
    this.#cursor = this.#after;
    this.#more = true;
  }

  /** The next row, which stays; throws what `pending` throws. */
  peek(pending: (after: number, limit: number) => OutboxRow[]): OutboxRow | undefined {
    if (this.#rows.length === 0 && this.#more) {
      this.#more = false;
      const found = pending(this.#cursor, CHUNK_ROWS);
      this.#rows = found.filter(({ seq }) => seq <= this.#through);
      this.#more = this.#rows.length === CHUNK_ROWS;
    }
    return this.#rows[0];
  }

  /** Takes the row that `peek` gave; the stretch of numbers that is behind the cursor by that. */
  take({ seq }: OutboxRow): { after: number; through: number } {
    this.#rows.shift();
    const after = this.#cursor;
    this.#cursor = seq;
    return { after, through: seq };
  }
}

import type { OutboxRow } from '../outbox/outbox.ts';
import { type BatchLimits, Departures } from './flight.ts';
import type { LaneName } from './share.ts';

/**
 * Rows read from the outbox at a time. A chunk of the backlog holds several rows of each device; they are some two kilobytes each in memory.
 */
const CHUNK_ROWS: Readonly<Record<LaneName, number>> = { live: 64, backlog: 512 };

/**
 * A stretch of the outbox that is read from its beginning to its end, and what of it waits to be sent: in order for each device, and the rows of
 * a device together as far as one chunk holds them. What came from many beds in turn would cost the hub a page of its index for each value.
 */
export class Lane {
  readonly name: LaneName;
  readonly departures: Departures;
  /** Batches on their way. */
  inFlight = 0;
  /** Until when a batch that could grow waits; monotonic ms. */
  lingerUntil: number | undefined;
  readonly #after: number;
  readonly #through: number;
  /** What is left of the chunk that was read last, and which stretch of numbers that was. */
  #rows: OutboxRow[] = [];
  #chunk = { after: 0, through: 0 };
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

  /** The next row, which stays; rejects as `pending` does. */
  async peek(pending: (after: number, limit: number) => Promise<OutboxRow[]>): Promise<OutboxRow | undefined> {
    if (this.#rows.length === 0 && this.#more) {
      this.#more = false;
      const all = await pending(this.#cursor, CHUNK_ROWS[this.name]);
      const found = all.filter(({ seq }) => seq <= this.#through);
      this.#chunk = { after: this.#cursor, through: found.at(-1)?.seq ?? this.#cursor };
      this.#cursor = this.#chunk.through;
      // Some may have come while these were read.
      this.#more ||= found.length === CHUNK_ROWS[this.name];
      this.#rows = byDevice(found).reverse();
    }
    return this.#rows.at(-1);
  }

  /** Takes the row that `peek` gave; the stretch of numbers that is being sent with it, in no order. */
  take(): { after: number; through: number } {
    this.#rows.pop();
    return this.#chunk;
  }
}

/** The rows of each device together, in the order that they had. */
function byDevice(rows: readonly OutboxRow[]): OutboxRow[] {
  return [...Map.groupBy(rows, ({ record: { device } }) => `${device.idType} ${device.id}`).values()].flat();
}

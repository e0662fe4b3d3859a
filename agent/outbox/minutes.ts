import type { Instant } from '../../shared/clock.ts';
import type { Database } from '../../shared/storage/database.ts';
import { readable } from './giving-up.ts';
import { CLASS_NUMBERS } from './schema.ts';
import type { Sent } from './sent.ts';
import * as sql from './statements.ts';
import { type RowToThin, type ThinnedRow, thinned } from './thinning.ts';
import { Walk } from './walk.ts';

/** Rows are thinned together until there are so many and a minute is over; in no case more than the most. */
const ENOUGH_ROWS = 512;
const MOST_ROWS = 8192;

const MINUTE_MS = 60_000;

/** Reads continuous rows that were never sent, the oldest first, whole minutes at a time, and says what of them goes. */
export class Minutes {
  readonly #walk = new Walk();
  readonly #sent: Sent;
  #rows: RowToThin[] = [];
  #lastMinute = Number.NaN;

  constructor(sent: Sent) {
    this.#sent = sent;
  }

  /** All that there was is thinned. */
  get over(): boolean {
    return this.#walk.over && this.#rows.length === 0;
  }

  again(): void {
    this.#walk.again();
  }

  restart(): void {
    this.#walk.restart();
    this.#rows = [];
  }

  /** Reads a page further; what goes once some minutes are read whole, else undefined. */
  next(database: Database): ThinnedRow[] | undefined {
    const found = this.#walk.next(database, (row) => row.class === CLASS_NUMBERS.continuous && !this.#sent.has(row.seq));
    let cut: number | undefined;
    for (const { seq, receivedAt } of found) {
      const body = database.prepare<[number], { body: Buffer }>(sql.WAITING_BODY).get(seq)?.body;
      const record = body && readable(body);
      if (!record) continue;
      if (this.#rows.length >= ENOUGH_ROWS && minuteOf(receivedAt) !== this.#lastMinute) cut ??= this.#rows.length;
      this.#rows.push({ seq, record });
      this.#lastMinute = minuteOf(receivedAt);
    }
    if (cut === undefined && !this.#walk.over && this.#rows.length < MOST_ROWS) return undefined;
    const whole = this.#rows.slice(0, cut);
    this.#rows = cut === undefined ? [] : this.#rows.slice(cut);
    return thinned(whole);
  }
}

function minuteOf(at: Instant): number {
  return Math.floor(at / MINUTE_MS);
}

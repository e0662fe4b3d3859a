import type { Instant } from '../../shared/clock.ts';
import type { Database } from '../../shared/storage/database.ts';
import * as sql from './statements.ts';

/** A row that waits, without its content. */
export interface WaitingRow {
  seq: number;
  class: number;
  receivedAt: Instant;
  bytes: number;
}

/** Rows looked at in one go: a millisecond or two. */
const PAGE = 256;

/** Most rows and bytes that are taken at a time, so that a commit of them is no longer than one of a busy device. */
const MOST_ROWS = 64;
const MOST_BYTES = 256 * 1024;

/** Goes once through the rows that wait, from the oldest on, for those that somebody looks for. */
export class Walk {
  #after = 0;
  #over = false;

  /** It came to the end, and neither `again` nor `restart` was called since. */
  get over(): boolean {
    return this.#over;
  }

  /** Rows came in behind the end. */
  again(): void {
    this.#over = false;
  }

  /** Rows that it has passed may be there again. */
  restart(): void {
    this.#after = 0;
    this.#over = false;
  }

  /** The next rows that are `wanted`, at most one page further; maybe none although it is not over. It ends before the first row that is `tooYoung`. */
  next(database: Database, wanted: (row: WaitingRow) => boolean, tooYoung?: (row: WaitingRow) => boolean): WaitingRow[] {
    const page = database.prepare<[number, number], WaitingRow>(sql.WAITING).all(this.#after, PAGE);
    const taken: WaitingRow[] = [];
    let bytes = 0;
    for (const row of page) {
      if (taken.length === MOST_ROWS || bytes >= MOST_BYTES) return taken;
      if (tooYoung?.(row)) {
        this.#over = true;
        return taken;
      }
      this.#after = row.seq;
      if (!wanted(row)) continue;
      taken.push(row);
      bytes += row.bytes;
    }
    if (page.length < PAGE) this.#over = true;
    return taken;
  }
}

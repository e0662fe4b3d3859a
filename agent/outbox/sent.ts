import type { Database } from '../../shared/storage/database.ts';
import * as sql from './statements.ts';

/** Row numbers from `first` to `last`, both included. */
export interface SeqRange {
  first: number;
  last: number;
}

/** So many numbers are noted ahead: one small commit for as many rows that are handed out. */
const AHEAD = 1024;
/** Ranges that are kept apart; one comes with each connection at most. */
const MOST_RANGES = 64;

/**
 * Which rows may have been sent. The hub may hold them although it was never heard to say so; such a row is never changed, for under
 * another key its content would be stored twice, and under its own it would be another content. Noted on disk before rows are handed
 * out, and somewhat ahead: what a process before this one may have sent is known a little too generously, never too narrowly.
 */
export class Sent {
  /** By this process, exactly, and by those before it. */
  readonly #ranges: SeqRange[] = [];
  /** By this process alone; all rows from `#firstOwn` on came in while it ran. */
  readonly #handed: SeqRange[] = [];
  #firstOwn: number | undefined;
  /** As noted on disk. */
  #noted: SeqRange[] = [];

  /** Reads what processes before this one noted, in the transaction under way, and forgets what lies below all rows that wait. */
  load(database: Database): void {
    const oldest = database.prepare<[], { seq: number }>(sql.OLDEST_SEQ).get()?.seq ?? Number.MAX_SAFE_INTEGER;
    const noted = database.prepare<[], SeqRange>(sql.SENT).all();
    this.#noted = noted.filter(({ last }) => last >= oldest);
    if (this.#noted.length < noted.length) this.#write(database, this.#noted);
    for (const range of this.#noted) add(this.#ranges, range);
    this.#firstOwn ??= (database.prepare<[], { seq: number }>(sql.LAST_SEQ).get()?.seq ?? 0) + 1;
  }

  /** All rows up to this number may have been sent, in the transaction under way. */
  cover(database: Database, last: number): void {
    add(this.#ranges, { first: 1, last });
    const noted = this.#noted.map((each) => ({ ...each }));
    add(noted, { first: 1, last });
    this.#write(database, noted);
    this.#noted = noted;
  }

  has(seq: number): boolean {
    return this.#ranges.some(({ first, last }) => first <= seq && seq <= last);
  }

  /** The same without that generosity for rows that came in while this process ran: it knows what it handed out. */
  isSent(seq: number): boolean {
    const isOwn = this.#firstOwn !== undefined && seq >= this.#firstOwn;
    return isOwn ? this.#handed.some(({ first, last }) => first <= seq && seq <= last) : this.has(seq);
  }

  /** Rows of these numbers are about to be handed out: durable when this returns, unless the disk refuses. */
  handOut(database: Database, range: SeqRange): void {
    add(this.#ranges, range);
    add(this.#handed, range);
    if (this.#noted.some(({ first, last }) => first <= range.first && range.last <= last)) return;
    const noted = this.#noted.map((each) => ({ ...each }));
    add(noted, { first: range.first, last: range.last + AHEAD });
    try {
      database.write(() => this.#write(database, noted));
      this.#noted = noted;
    } catch {
      // What waits must get out above all on a disk that takes nothing; whoever writes next tells of the fault.
    }
  }

  #write(database: Database, ranges: readonly SeqRange[]): void {
    database.prepare(sql.FORGET_SENT).run();
    const insert = database.prepare<[number, number]>(sql.NOTE_SENT);
    for (const { first, last } of ranges) insert.run(first, last);
  }
}

/** Puts a range to sorted ones that do not touch; of too many, the two that lie closest become one. */
function add(ranges: SeqRange[], { first, last }: SeqRange): void {
  const before = ranges.findIndex((range) => range.last + 1 >= first);
  const at = before < 0 ? ranges.length : before;
  let count = 0;
  let [from, to] = [first, last];
  for (const range of ranges.slice(at)) {
    if (range.first > to + 1) break;
    from = Math.min(from, range.first);
    to = Math.max(to, range.last);
    count += 1;
  }
  ranges.splice(at, count, { first: from, last: to });
  if (ranges.length > MOST_RANGES) joinClosest(ranges);
}

function joinClosest(ranges: SeqRange[]): void {
  const gaps = ranges.slice(1).map((range, i) => range.first - (ranges[i]?.last ?? 0));
  const at = gaps.indexOf(Math.min(...gaps));
  const [low, high] = ranges.slice(at, at + 2);
  if (low && high) ranges.splice(at, 2, { first: low.first, last: high.last });
}

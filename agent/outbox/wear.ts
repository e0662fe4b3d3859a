import type { Clock } from '../../shared/clock.ts';
import type { Database } from '../../shared/storage/database.ts';

const DAY_MS = 86_400_000;
const PAGE_BYTES = 4096;
/** A page in the log has a header (sqlite.org/fileformat2.html, 4.1). */
const FRAME_BYTES = PAGE_BYTES + 24;
/** Asking for the state of the log costs a tenth of a commit. */
const EVERY = 4;

/** Bytes by day, in UTC. */
export interface Written {
  /** Days since 1970. */
  day: number;
  today: number;
  yesterday: number;
}

/**
 * How much the outbox writes to its disk in a day: a memory card is worn out by that. Counts the pages that went to the log, and those that
 * were moved from the log to the file, one page as often as it stood in the log: at most so many, and about, for some pages around
 * the emptying of the log are missed. What the file system writes for itself is not in it, nor what is beside the file.
 */
export class Wear {
  readonly #clock: Clock;
  #written: Written;
  #log = 0;
  #moved = 0;
  #opening = 0;
  #commits = 0;

  constructor(clock: Clock, kept: Written) {
    this.#clock = clock;
    this.#written = kept;
    this.#turnPage();
  }

  get written(): Written {
    this.#turnPage();
    return { ...this.#written };
  }

  /** After a commit. */
  commit(database: Database): void {
    this.#commits += 1;
    if (this.#commits % EVERY === 0) this.measure(database);
  }

  measure(database: Database): void {
    const { log, moved } = database.logState();
    // A log that was found at an opening was written before.
    const isNew = this.#opening !== database.openings;
    if (!isNew) {
      this.#turnPage();
      this.#written.today += grown(this.#log, log) * FRAME_BYTES + grown(this.#moved, moved) * PAGE_BYTES;
    }
    this.#opening = database.openings;
    this.#log = log;
    this.#moved = moved;
  }

  #turnPage(): void {
    const day = Math.floor(this.#clock.now() / DAY_MS);
    const { day: before, today } = this.#written;
    if (day === before) return;
    this.#written = { day, today: 0, yesterday: day === before + 1 ? today : 0 };
  }
}

/** The log is begun anew now and then. */
function grown(before: number, now: number): number {
  return now >= before ? now - before : now;
}

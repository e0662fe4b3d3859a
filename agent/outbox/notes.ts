import type { Clock } from '../../shared/clock.ts';
import type { Metrics } from '../../shared/metrics.ts';
import type { Database } from '../../shared/storage/database.ts';
import type { Mark } from './mark.ts';
import * as sql from './statements.ts';
import { Wear, type Written } from './wear.ts';

/** How often the mark is told more than a number. */
const EVERY_MS = 10_000;

/** What is noted beside the file, after commits and not at each: what was written, and when the oldest row came that waits. */
export class Notes {
  readonly #mark: Mark;
  readonly #clock: Clock;
  readonly #metrics: Metrics;
  readonly #wear: Wear;
  #notedAtMs = Number.NEGATIVE_INFINITY;

  constructor(mark: Mark, clock: Clock, metrics: Metrics) {
    this.#mark = mark;
    this.#clock = clock;
    this.#metrics = metrics;
    this.#wear = new Wear(clock, mark.noted.written);
  }

  get written(): Written {
    return this.#wear.written;
  }

  /** After a commit. Throws as the database does. */
  commit(database: Database): void {
    this.#wear.commit(database);
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#notedAtMs < EVERY_MS) return;
    this.#notedAtMs = nowMs;
    const oldestAt = database.prepare<[], { at: number }>(sql.OLDEST_PENDING).get()?.at ?? this.#clock.now();
    this.#mark.note({ oldestAt, written: this.written });
    this.#metrics.set('outbox_written_today_bytes', this.written.today);
  }

  /** Counts what was written since. */
  measure(database: Database): void {
    this.#wear.measure(database);
  }

  /** However short ago it was. */
  noteAtNext(): void {
    this.#notedAtMs = Number.NEGATIVE_INFINITY;
  }
}

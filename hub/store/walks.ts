import type { Instant } from '../../shared/clock.ts';
import type { Database } from '../../shared/storage/database.ts';
import { type EventRow, eventOf } from './event-row.ts';
import { type ObservationRow, observationOf, unpackReceived } from './observation-row.ts';
import { SQL } from './statements.ts';
import type { ObservationFilter, StoredEvent, StoredObservation } from './store.ts';

/** How many keys one part of a walk covers: 20 ms of the thread at most, even when none of them is wanted. */
export const KEYS_A_PAGE = 1000;

/** Kind and patient of a filter, each twice, null for any; as the statements of events take them. */
export type WantedEvents = readonly [string | null, string | null, string | null, string | null];

/** Resolves when others had their turn. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Reads in several turns. While any is under way, nothing may be removed. */
export class Walks {
  readonly #database: Database;
  #underWay = 0;

  constructor(database: Database) {
    this.#database = database;
  }

  get areUnderWay(): boolean {
    return this.#underWay > 0;
  }

  /** Counts as under way until disposed. */
  hold(): Disposable {
    this.#underWay += 1;
    return {
      [Symbol.dispose]: () => {
        this.#underWay -= 1;
      },
    };
  }

  /** Keys `first` to `last`, with their resources. */
  async *observations(tenant: string, filter: ObservationFilter, first: number, last: number): AsyncGenerator<StoredObservation> {
    const { patient: wanted = null, since = 0 } = filter;
    using _held = this.hold();
    for (let from = Math.max(first, 1); from <= last; from = this.#next(SQL.nextKept, from + KEYS_A_PAGE)) {
      const until = Math.min(from + KEYS_A_PAGE, last + 1);
      const page = this.#database.read(() =>
        this.#database
          .prepare<[number, number, string, string, number, string | null, string | null], ObservationRow>(SQL.observations)
          .all(from, until, tenant, tenant, since, wanted, wanted),
      );
      yield* this.#withResources(page);
      await turn();
    }
  }

  /** Keys up to `last`. */
  async *events(tenant: string, since: Instant, wanted: WantedEvents, last: number): AsyncGenerator<StoredEvent> {
    for (let from = 1; from <= last; from = this.#next(SQL.nextKeptEvent, from + KEYS_A_PAGE)) {
      const until = Math.min(from + KEYS_A_PAGE, last + 1);
      const page = this.#database.read(() =>
        this.#database
          .prepare<[number, number, string, number, ...WantedEvents], EventRow>(SQL.events)
          .all(from, until, tenant, since, ...wanted),
      );
      for (const row of page) yield eventOf(row);
      await turn();
    }
  }

  /** The first key from one on that is still there: between them may be millions that were removed. */
  #next(sql: string, from: number): number {
    const found = this.#database.read(() => this.#database.prepare<[number], { key: number | null }>(sql).get(from));
    return found?.key ?? Number.POSITIVE_INFINITY;
  }

  *#withResources(rows: readonly ObservationRow[]): Generator<StoredObservation> {
    let batch: number | undefined;
    let received: string[] = [];
    for (const row of rows) {
      if (row.batch !== batch) {
        batch = row.batch;
        const packed = this.#database.read(() => this.#database.prepare<[number], { received: Buffer }>(SQL.received).get(row.batch));
        received = packed ? unpackReceived(packed.received) : [];
      }
      yield observationOf(row, received);
    }
  }
}

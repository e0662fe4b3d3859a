import type { Instant } from '../../shared/clock.ts';
import type { Database } from '../../shared/storage/database.ts';
import { type EventRow, eventOf } from './event-row.ts';
import { behind } from './first-behind.ts';
import { type ObservationRow, observationOf, unpackReceived } from './observation-row.ts';
import { SQL } from './statements.ts';
import type { ObservationFilter, StoredEvent, StoredObservation } from './store.ts';

/** How many keys one part of a walk covers: 20 ms of the thread at most, even when none of them is wanted. */
export const KEYS_A_PAGE = 1000;

/** Kind and patient of a filter, each twice, null for any; as the statements of events take them. */
export type WantedEvents = readonly [string | null, string | null, string | null, string | null];

/** As the index has the rows of one vital sign and device: standing, and real or test. */
const STANDINGS = [-1, 0, 1].flatMap((standing) => [0, 1].map((test) => [standing, test] as const));

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
    const { patient, since = 0 } = filter;
    using _held = this.hold();
    if (patient !== undefined) return yield* this.#ofPatient(tenant, { patient, since }, first, last);
    for (let from = Math.max(first, 1); from <= last; from = this.#next(SQL.nextKept, from + KEYS_A_PAGE)) {
      const until = Math.min(from + KEYS_A_PAGE, last + 1);
      const page = this.#database.read(() =>
        this.#database
          .prepare<[number, number, string, string, number], ObservationRow>(SQL.observations)
          .all(from, until, tenant, tenant, since),
      );
      yield* this.#withResources(page);
      await turn();
    }
  }

  /** By the keys of the patient alone, who may have one row in each page of the others. */
  async *#ofPatient(
    tenant: string,
    { patient, since }: { patient: string; since: Instant },
    first: number,
    last: number,
  ): AsyncGenerator<StoredObservation> {
    const keys: number[] = [];
    for await (const page of this.keysOf(tenant, patient)) for (const { key } of page) if (key >= first && key <= last) keys.push(key);
    const inOrder = Float64Array.from(keys).sort();
    for (let from = 0; from < inOrder.length; from += KEYS_A_PAGE) {
      const page = JSON.stringify([...inOrder.subarray(from, from + KEYS_A_PAGE)]);
      const rows = this.#database.read(() =>
        // One that has become another's since its key was read is not given out.
        this.#database.prepare<[string, string, string, number], ObservationRow>(SQL.observationsOf).all(page, tenant, patient, since),
      );
      yield* this.#withResources(rows);
      await turn();
    }
  }

  /** The keys of all observations of a patient, series by series, out of the index of series alone. */
  async *keysOf(tenant: string, patient: string): AsyncGenerator<readonly { key: number }[]> {
    for (let at = { vital: '', device: '' }; ; ) {
      const series = this.#database.read(() =>
        this.#database
          .prepare<(string | number)[], { vital: string; device: string }>(SQL.nextSeries)
          .get(...behind([tenant, patient], [at.vital, at.device])),
      );
      if (series === undefined) return;
      at = series;
      for (const standing of STANDINGS) yield* this.#keysOf(tenant, patient, [at.vital, at.device, ...standing]);
    }
  }

  async *#keysOf(tenant: string, patient: string, of: readonly (string | number)[]): AsyncGenerator<readonly { key: number }[]> {
    for (let before = [Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER] as const; ; ) {
      const rows = this.#database.read(() =>
        this.#database
          .prepare<(string | number)[], { sortTime: number; key: number }>(SQL.seriesKeys)
          .all(tenant, patient, ...of, ...before),
      );
      const oldest = rows.at(-1);
      if (oldest === undefined) return;
      yield rows;
      before = [oldest.sortTime, oldest.key];
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

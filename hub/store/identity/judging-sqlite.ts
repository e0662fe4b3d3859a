import type { Instant } from '../../../shared/clock.ts';
import type { Database } from '../../../shared/storage/database.ts';
import type { LatestRows, Series } from '../latest-rows.ts';
import { SQL } from '../statements.ts';
import type { Arrival } from '../store.ts';
import { addJudged, judgeAgain } from './judge-sqlite.ts';
import { isComparable, nextOf } from './judged.ts';

/** Gathers, while rows of one patient are written or changed, whose readings are to be looked at again; `settle` does it within the same transaction. */
export class Judging {
  readonly #database: Pick<Database, 'prepare'>;
  readonly #patient: number;
  readonly #since = new Map<string, { vital: string; test: number; times: Instant[] }>();
  readonly #new: number[] = [];
  readonly #touched = new Map<string, Series & { keys: Set<number> }>();

  constructor(database: Pick<Database, 'prepare'>, patient: number) {
    this.#database = database;
    this.#patient = patient;
  }

  /** An arrival that was stored. */
  stored(key: number, arrival: Arrival): void {
    if (!arrival.judged) return;
    if (isComparable(arrival)) this.#new.push(key);
    this.changed(key, { ...arrival, test: arrival.test ? 1 : 0 });
  }

  /** A row that came, went, stands otherwise, or was confirmed. */
  changed(
    key: number,
    { vital, device, test, sortTime, effective }: Series & { test: number; sortTime: Instant; effective: Instant },
  ): void {
    const name = JSON.stringify([vital, test]);
    // What it takes back, or replaces, is ordered by the time of its device or by its own.
    const of = this.#since.get(name) ?? { vital, test, times: [] };
    this.#since.set(name, of);
    of.times.push(Math.min(sortTime, effective), sortTime);
    this.#touch({ vital, device }, key);
  }

  /** Decides, and sees to what is current; gives the vital signs of which any reading is doubtful now, or is not any more. */
  settle(latest: LatestRows): readonly string[] {
    if (this.#since.size === 0) return [];
    if (this.#new.length > 0) addJudged(this.#database, this.#new);
    const vitals = new Set<string>();
    for (const { times, ...series } of this.#since.values()) {
      for (let since = nextOf(times); since !== undefined; ) {
        const { changed, until } = judgeAgain(this.#database, { patient: this.#patient, ...series }, since);
        for (const { key, device } of changed) {
          vitals.add(series.vital);
          this.#touch({ vital: series.vital, device }, key);
        }
        since = nextOf(times, until);
      }
    }
    if (vitals.size > 0) for (const series of this.#touched.values()) if (vitals.has(series.vital)) this.#settleLatest(latest, series);
    return [...vitals];
  }

  #settleLatest(latest: LatestRows, { keys, ...series }: Series & { keys: ReadonlySet<number> }): void {
    latest.replaceGone(series);
    const best = this.#database.prepare<(string | number)[], { key: number }>(SQL.bestOf).get(this.#patient, series.vital, series.device);
    // What this did not touch may stand behind one that was stored while the hub's clock was ahead.
    if (best !== undefined && keys.has(best.key)) latest.putBest(series);
  }

  #touch({ vital, device }: Series, key: number): void {
    const name = JSON.stringify([vital, device]);
    const known = this.#touched.get(name);
    if (known) known.keys.add(key);
    else this.#touched.set(name, { vital, device, keys: new Set([key]) });
  }
}

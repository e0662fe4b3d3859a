import type { Instant } from '../../../shared/clock.ts';
import type { Database } from '../../../shared/storage/database.ts';
import type { LatestRows, Series } from '../latest-rows.ts';
import { SQL } from '../statements.ts';
import type { Arrival } from '../store.ts';
import { confirmedWith, isUsualNow, judgeAgain } from './judge-sqlite.ts';
import { comparedOf, flagsAs, isDoubtful, judgedFirst, OWN } from './judged.ts';
import { IDENTITY_SQL } from './statements.ts';

/** What is to be looked at of one series. */
interface Since {
  vital: string;
  test: number;
  since: Instant;
  /** Rows that came; undefined once anything else than coming happened to one. */
  came: Set<number> | undefined;
}

/** Gathers, while rows of one patient are written or changed, whose readings are to be looked at again; `settle` does it within the same transaction. */
export class Judging {
  readonly #database: Pick<Database, 'prepare'>;
  readonly #patient: number;
  readonly #since = new Map<string, Since>();
  readonly #touched = new Map<string, Series & { keys: Set<number> }>();
  readonly #vitals = new Set<string>();

  constructor(database: Pick<Database, 'prepare'>, patient: number) {
    this.#database = database;
    this.#patient = patient;
  }

  /** An arrival that was stored; `isAlone`: it took the place of no other. */
  stored(key: number, arrival: Arrival, isAlone: boolean): void {
    if (!arrival.judged) return;
    const { vital, device, flags } = arrival;
    const values = comparedOf(arrival);
    const isConfirmed = values !== undefined && confirmedWith(this.#database, this.#patient, { key, arrival, values });
    const judged = values === undefined ? undefined : judgedFirst(flags, isConfirmed);
    if (judged !== undefined) {
      const text = flagsAs(isDoubtful(judged), flags.length === 0 ? null : flags.join(' '));
      this.#database.prepare<[number, string | null, number]>(IDENTITY_SQL.setJudged).run(judged, text, key);
      if (isDoubtful(judged)) this.#vitals.add(vital);
    }
    this.#touch({ vital, device }, key);
    // Of one that is odd, or has nothing to compare, nothing follows for others.
    if (isAlone && (judged === undefined || isDoubtful(judged))) return;
    this.#lookAt({ ...arrival, test: arrival.test ? 1 : 0 }, isAlone && judged === OWN && !isConfirmed ? key : undefined);
  }

  /** A row that came, went, stands otherwise, or was confirmed. */
  changed(key: number, row: Series & { test: number; sortTime: Instant; effective: Instant }): void {
    this.#touch(row, key);
    this.#lookAt(row, undefined);
  }

  /** Decides, and sees to what is current; gives the vital signs of which any reading is doubtful now, or is not any more. */
  settle(latest: LatestRows): readonly string[] {
    for (const { since, came, vital, test } of this.#since.values()) {
      const series = { patient: this.#patient, vital, test };
      if (came !== undefined && isUsualNow(this.#database, series, came, since)) continue;
      for (const { key, device } of judgeAgain(this.#database, series, since)) {
        this.#vitals.add(vital);
        this.#touch({ vital, device }, key);
      }
    }
    if (this.#vitals.size > 0)
      for (const series of this.#touched.values()) if (this.#vitals.has(series.vital)) this.#settleLatest(latest, series);
    return [...this.#vitals];
  }

  #lookAt(
    { vital, test, sortTime, effective }: { vital: string; test: number; sortTime: Instant; effective: Instant },
    came?: number,
  ): void {
    const name = JSON.stringify([vital, test]);
    const of = this.#since.get(name) ?? { vital, test, since: sortTime, came: new Set() };
    this.#since.set(name, of);
    // What it takes back, or replaces, is ordered by the time of its device or by its own.
    of.since = Math.min(of.since, sortTime, effective);
    if (came === undefined) of.came = undefined;
    else of.came?.add(came);
  }

  #settleLatest(latest: LatestRows, { keys, ...series }: Series & { keys: ReadonlySet<number> }): void {
    latest.replaceGone(series);
    const best = this.#database
      .prepare<[number, string, string], { key: number }>(SQL.bestOf)
      .get(this.#patient, series.vital, series.device);
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

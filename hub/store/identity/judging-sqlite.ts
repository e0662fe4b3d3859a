import type { Instant } from '../../../shared/clock.ts';
import type { Database } from '../../../shared/storage/database.ts';
import type { LatestRows, Series } from '../latest-rows.ts';
import { SQL } from '../statements.ts';
import type { Arrival } from '../store.ts';
import { confirmedWith, isUsualNow, judgeAgain } from './judge-sqlite.ts';
import { comparedOf, flagsAs, isDoubtful, judgedFirst, OWN } from './judged.ts';
import { IDENTITY_SQL } from './statements.ts';
import { ToJudge, type Touched } from './to-judge.ts';

/** Gathers, while rows of one patient are written or changed, whose readings are to be looked at again; `settle` does it within the same transaction. */
export class Judging {
  readonly #database: Pick<Database, 'prepare'>;
  readonly #patient: number;
  readonly #toJudge = new ToJudge<number>();
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
    this.#toJudge.touch({ vital, device }, key);
    // Of one that is odd, or has nothing to compare, nothing follows for others.
    if (isAlone && (judged === undefined || isDoubtful(judged))) return;
    this.#toJudge.lookAt({ ...arrival, test: arrival.test ? 1 : 0 }, isAlone && judged === OWN && !isConfirmed ? key : undefined);
  }

  /** A row that came, went, stands otherwise, or was confirmed. */
  changed(key: number, row: Series & { test: number; sortTime: Instant; effective: Instant }): void {
    this.#toJudge.touch(row, key);
    this.#toJudge.lookAt(row, undefined);
  }

  /** Decides, and sees to what is current; gives the vital signs of which any reading is doubtful now, or is not any more. */
  settle(latest: LatestRows): readonly string[] {
    for (const { since, came, vital, test } of this.#toJudge.since) {
      const series = { patient: this.#patient, vital, test };
      if (came !== undefined && isUsualNow(this.#database, series, came, since)) continue;
      for (const { key, device } of judgeAgain(this.#database, series, since)) {
        this.#vitals.add(vital);
        this.#toJudge.touch({ vital, device }, key);
      }
    }
    if (this.#vitals.size > 0)
      for (const series of this.#toJudge.touched) if (this.#vitals.has(series.vital)) this.#settleLatest(latest, series);
    return [...this.#vitals];
  }

  #settleLatest(latest: LatestRows, { keys, ...series }: Touched): void {
    latest.replaceGone(series);
    const best = this.#database
      .prepare<[number, string, string], { key: number }>(SQL.bestOf)
      .get(this.#patient, series.vital, series.device);
    // What this did not touch may stand behind one that was stored while the hub's clock was ahead.
    if (best !== undefined && keys.has(best.key)) latest.putBest(series);
  }
}

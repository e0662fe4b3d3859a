import type { Instant } from '../../../shared/clock.ts';
import { AGE_UNKNOWN, STEP_MS } from '../../clinical/staleness.ts';
import { comparedOf, isDoubtful, OWN } from '../identity/judged.ts';
import { ToJudge, type Touched } from '../identity/to-judge.ts';
import type { Arrival, CurrencyChange } from '../store.ts';
import type { Commit } from './commits.ts';
import { type Came, isUsualNow, judgeAgain, keepFirst } from './identity-judge.ts';
import { PLACING_PG } from './placing-statements.ts';
import { type Standing, supersedes } from './standing.ts';
import { PG } from './statements.ts';

interface Series {
  vital: string;
  device: string;
}

/** Whose they are: the key of the patient, and the id. `at`: hub's clock. */
interface Whose {
  tenant: string;
  key: number;
  id: string;
  at: Instant;
}

/** As `Judging` of an SQLite store, within a commit of the tenant. */
export class Judging {
  readonly #commit: Commit;
  readonly #whose: Whose;
  readonly #changed: (change: CurrencyChange) => void;
  readonly #toJudge = new ToJudge<boolean>();
  readonly #new: Came[] = [];
  readonly #vitals = new Set<string>();

  constructor(commit: Commit, whose: Whose, changed: (change: CurrencyChange) => void) {
    this.#commit = commit;
    this.#whose = whose;
    this.#changed = changed;
  }

  /** An arrival that was stored; `isAlone`: it took the place of no other. */
  stored(key: number, arrival: Arrival, isAlone: boolean): void {
    if (!arrival.judged) return;
    this.#new.push({ key, arrival, values: comparedOf(arrival), isAlone });
    this.#toJudge.touch(arrival, key);
  }

  /** A row that came, went, stands otherwise, or was confirmed. */
  changed(key: number, row: Series & { test: boolean; sortTime: Instant; effective: Instant }): void {
    this.#toJudge.touch(row, key);
    this.#toJudge.lookAt(row);
  }

  /** Decides, and sees to what is current; gives the vital signs of which any reading is doubtful now, or is not any more. */
  async settle(): Promise<readonly string[]> {
    await this.#keepNew();
    for (const { since, came, vital, test } of this.#toJudge.since) {
      const series = { patient: this.#whose.key, vital, test };
      if (came !== undefined && (await isUsualNow(this.#commit, series, came, since))) continue;
      for (const { key, device } of await judgeAgain(this.#commit, series, since)) {
        this.#vitals.add(vital);
        this.#toJudge.touch({ vital, device }, key);
      }
    }
    for (const series of this.#toJudge.touched) if (this.#vitals.has(series.vital)) await this.#settleLatest(series);
    return [...this.#vitals];
  }

  async #keepNew(): Promise<void> {
    if (this.#new.length === 0) return;
    const { tenant, key: patient } = this.#whose;
    for (const { key, arrival, isAlone, judged, isConfirmed } of await keepFirst(this.#commit, { tenant, patient }, this.#new)) {
      if (judged !== undefined && isDoubtful(judged)) this.#vitals.add(arrival.vital);
      // Of one that is odd, or has nothing to compare, nothing follows for others.
      if (isAlone && (judged === undefined || isDoubtful(judged))) continue;
      this.#toJudge.lookAt(arrival, isAlone && judged === OWN && !isConfirmed ? key : undefined);
    }
  }

  async #settleLatest({ vital, device, keys }: Touched): Promise<void> {
    const { tenant, id: patient } = this.#whose;
    const which = [this.#whose.key, vital, device];
    const gone = (await this.#commit.query(PG.dropWithdrawn, which)).length > 0;
    if (gone) this.#changed({ tenant, patient, vital, device, gone: true });
    const [best] = await this.#commit.query<Standing>(PG.bestOf, which);
    // What this did not touch may stand behind one that was stored while the hub's clock was ahead.
    if (best !== undefined && (gone || keys.has(best.key))) await this.#put({ vital, device }, best);
  }

  async #put({ vital, device }: Series, best: Standing): Promise<void> {
    const { tenant, key: patient, id, at } = this.#whose;
    const [current] = await this.#commit.query<Standing>(PLACING_PG.current, [patient, vital, device]);
    if (current !== undefined && !supersedes(best, current)) return;
    const freshAt = best.storedAt > at + STEP_MS ? AGE_UNKNOWN : best.freshAt;
    const { key, test, sortTime, storedAt, place } = best;
    const columns = [[patient], [vital], [device], [test], [sortTime], [storedAt], [key], [freshAt], [place]];
    await this.#commit.query(PG.setLatest, [tenant, ...columns]);
    this.#changed({ tenant, patient: id, vital, device, freshAt, storedAt, place });
  }
}

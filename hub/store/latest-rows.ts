import type { Instant } from '../../shared/clock.ts';
import type { Database } from '../../shared/storage/database.ts';
import { MAX_AHEAD_MS } from '../clinical/sort-time.ts';
import { AGE_UNKNOWN, type Place, STEP_MS } from '../clinical/staleness.ts';
import { isNobody } from './placing/placing.ts';
import { MAX_LATEST, SQL } from './statements.ts';
import type { CurrencyChange } from './store.ts';

/** What may stand in `latest`, with the key of its observation. */
export interface Standing {
  key: number;
  test: number;
  sortTime: number;
  storedAt: number;
  freshAt: number;
  place: Place;
}

/** Whose rows of `latest`: the key, and the id. `at`: hub's clock. */
export interface Whose {
  tenant: string;
  key: number;
  id: string;
  at: Instant;
}

/** Which of them. */
export interface Series {
  vital: string;
  device: string;
}

/** What takes the place of a row from ahead of the hub's clock was measured within this time: it comes live. */
const LIVE_MS = 60_000;

type Writing = Pick<Database, 'prepare'>;

/** Collects what became of rows of `latest`, each once. Of what is under nobody it tells nothing. */
export class Currencies {
  readonly #changes = new Map<string, CurrencyChange>();

  readonly changed = (change: CurrencyChange): void => {
    if (!isNobody(change.patient)) this.#changes.set(JSON.stringify([change.patient, change.vital, change.device]), change);
  };

  list(): CurrencyChange[] {
    return [...this.#changes.values()];
  }
}

/** The rows of `latest` of one patient, within a transaction. */
export class LatestRows {
  readonly #database: Writing;
  readonly #whose: Whose;
  readonly #changed: (change: CurrencyChange) => void;

  constructor(database: Writing, whose: Whose, changed: (change: CurrencyChange) => void) {
    this.#database = database;
    this.#whose = whose;
    this.#changed = changed;
  }

  /** Puts a reading where none is, or one that it comes before. */
  put({ vital, device }: Series, { test, sortTime, storedAt, key, freshAt, place }: Standing): void {
    const { tenant, key: patient, id } = this.#whose;
    const { changes } = this.#database
      .prepare<(string | number)[]>(SQL.setLatest)
      .run(patient, vital, device, test, sortTime, storedAt, key, freshAt, place, MAX_AHEAD_MS, STEP_MS, LIVE_MS);
    if (changes > 0) this.#changed({ tenant, patient: id, vital, device, freshAt, storedAt, place });
  }

  /** Where the current row was set aside, or has become another's, puts in its place what remains. */
  replaceGone(series: Series): void {
    const { vital, device } = series;
    if (this.#database.prepare<[number, string, string]>(SQL.dropWithdrawn).run(this.#whose.key, vital, device).changes === 0) return;
    this.#gone(series);
    this.putBest(series);
  }

  /** Puts the best of what stands; true where there is any. */
  putBest(series: Series): boolean {
    const best = this.#database.prepare<[number, string, string], Standing>(SQL.bestOf).get(this.#whose.key, series.vital, series.device);
    if (best === undefined) return false;
    const isAhead = best.storedAt > this.#whose.at + STEP_MS;
    this.put(series, isAhead ? { ...best, freshAt: AGE_UNKNOWN } : best);
    return true;
  }

  count(): number {
    return this.#database.prepare<[number], { rows: number }>(SQL.countLatest).get(this.#whose.key)?.rows ?? 0;
  }

  /** Keeps them bounded; the observations stay. */
  trim(): void {
    const rows = this.count();
    if (rows <= MAX_LATEST) return;
    const { key } = this.#whose;
    const drop = this.#database.prepare<[number, string, string]>(SQL.dropLatest);
    const oldest = this.#database.prepare<[number, number], Series>(SQL.oldestLatest);
    for (const series of oldest.all(key, rows - MAX_LATEST)) {
      drop.run(key, series.vital, series.device);
      this.#gone(series);
    }
  }

  #gone({ vital, device }: Series): void {
    const { tenant, id } = this.#whose;
    this.#changed({ tenant, patient: id, vital, device, gone: true });
  }
}

import type { Instant } from '../../../shared/clock.ts';
import { JUMPS } from '../../clinical/doubt/jumps.ts';
import { anchorBefore, doubtsAgain, readFrom } from '../../clinical/doubt/whose.ts';
import { AGE_UNKNOWN, STEP_MS } from '../../clinical/staleness.ts';
import { DOUBTFUL, flagsAs, isComparable, type JudgedRow, keptOf, nextOf, OWN, pagesOf } from '../identity/judged.ts';
import type { Arrival, CurrencyChange } from '../store.ts';
import type { Commit } from './commits.ts';
import { IDENTITY_PG } from './identity-statements.ts';
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
  readonly #since = new Map<string, { vital: string; test: boolean; times: Instant[] }>();
  readonly #new: { key: number; sortTime: Instant }[] = [];
  readonly #touched = new Map<string, Series & { keys: Set<number> }>();

  constructor(commit: Commit, whose: Whose, changed: (change: CurrencyChange) => void) {
    this.#commit = commit;
    this.#whose = whose;
    this.#changed = changed;
  }

  /** An arrival that was stored. */
  stored(key: number, arrival: Arrival): void {
    if (!arrival.judged) return;
    if (isComparable(arrival)) this.#new.push({ key, sortTime: arrival.sortTime });
    this.changed(key, arrival);
  }

  /** A row that came, went, stands otherwise, or was confirmed. */
  changed(
    key: number,
    { vital, device, test, sortTime, effective }: Series & { test: boolean; sortTime: Instant; effective: Instant },
  ): void {
    const name = JSON.stringify([vital, test]);
    const of = this.#since.get(name) ?? { vital, test, times: [] };
    this.#since.set(name, of);
    of.times.push(Math.min(sortTime, effective), sortTime);
    this.#touch({ vital, device }, key);
  }

  /** Decides, and sees to what is current; gives the vital signs of which any reading is doubtful now, or is not any more. */
  async settle(): Promise<readonly string[]> {
    if (this.#since.size === 0) return [];
    if (this.#new.length > 0)
      await this.#commit.query(IDENTITY_PG.addJudged, [this.#new.map(({ key }) => key), this.#new.map(({ sortTime }) => sortTime)]);
    const vitals = new Set<string>();
    for (const { vital, test, times } of this.#since.values()) {
      for (let since = nextOf(times); since !== undefined; ) {
        const { changed, until } = await this.#again({ vital, test }, since);
        for (const { key, device } of changed) {
          vitals.add(vital);
          this.#touch({ vital, device }, key);
        }
        since = nextOf(times, until);
      }
    }
    for (const series of this.#touched.values()) if (vitals.has(series.vital)) await this.#settleLatest(series);
    return [...vitals];
  }

  async #again({ vital, test }: { vital: string; test: boolean }, since: Instant): Promise<{ changed: JudgedRow[]; until: Instant }> {
    const jump = JUMPS[vital];
    if (jump === undefined) return { changed: [], until: Number.MAX_SAFE_INTEGER };
    const which = [this.#whose.key, vital, test];
    const [anchor] = await this.#commit.query<{ at: Instant | null }>(IDENTITY_PG.anchor, [...which, anchorBefore(since, jump)]);
    const from = readFrom(anchor?.at ?? null, jump);
    const before: JudgedRow[][] = [];
    const after: JudgedRow[][] = [];
    for (const judged of [OWN, DOUBTFUL]) {
      before.push(await this.#commit.query<JudgedRow>(IDENTITY_PG.before, [...which, judged, from, since]));
      after.push(await this.#commit.query<JudgedRow>(IDENTITY_PG.after, [...which, judged, since]));
    }
    const { rows, isCut, until } = pagesOf(before, after);
    const kept = rows.map((row) => keptOf(vital, row));
    const doubts = new Map(doubtsAgain(kept, since, jump, isCut).map(({ key, doubtful }) => [key, doubtful]));
    const changed = rows.filter(({ key }) => doubts.has(key));
    if (changed.length === 0) return { changed, until };
    const isDoubtful = ({ key }: JudgedRow): boolean => doubts.get(key) ?? false;
    await this.#commit.query(IDENTITY_PG.setJudged, [
      changed.map(({ key }) => key),
      changed.map(({ sortTime }) => sortTime),
      changed.map((row) => (isDoubtful(row) ? DOUBTFUL : OWN)),
      changed.map((row) => flagsAs(isDoubtful(row), row.flags)),
    ]);
    return { changed, until };
  }

  async #settleLatest({ vital, device, keys }: Series & { keys: ReadonlySet<number> }): Promise<void> {
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

  #touch({ vital, device }: Series, key: number): void {
    const name = JSON.stringify([vital, device]);
    const known = this.#touched.get(name);
    if (known) known.keys.add(key);
    else this.#touched.set(name, { vital, device, keys: new Set([key]) });
  }
}

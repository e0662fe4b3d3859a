import type { Instant } from '../../../shared/clock.ts';
import { isDoubtable } from '../../clinical/doubt/jumps.ts';
import { AGE_UNKNOWN, STEP_MS } from '../../clinical/staleness.ts';
import { rollupsAt } from '../doubt.ts';
import { isNobody } from '../placing/placing.ts';
import { standingsOf } from '../placing/standing-again.ts';
import { MAX_LATEST } from '../statements.ts';
import type { CurrencyChange } from '../store.ts';
import { standAsAmended, type Version, type VersionRow, withStatus } from './amend-standing.ts';
import type { Commit } from './commits.ts';
import { Judging } from './identity.ts';
import { IDENTITY_PG } from './identity-statements.ts';
import { PLACING_PG } from './placing-statements.ts';
import { startsRolledFrom } from './rolled-from.ts';
import { doubtRollups } from './rollups.ts';
import { type Standing, supersedes } from './standing.ts';
import { PG } from './statements.ts';

/** One of two patients between whom rows move: the key, and the id. */
export interface Side {
  key: number;
  id: string;
}

interface Series {
  vital: string;
  device: string;
}

/** A row that moves, with what says which measurement it is a version of. */
export interface MovedReading extends Series {
  key: number;
  sortTime: Instant;
  storedAt: Instant;
  test: boolean;
  effective: Instant;
}

/** As `MovingReadings` of an SQLite store, within a commit of the tenant. */
export class MovingReadings {
  readonly #commit: Commit;
  readonly #tenant: string;
  readonly #was: Side;
  readonly #is: Side;
  readonly #at: Instant;
  readonly #currencies: Map<string, CurrencyChange>;
  readonly #series = new Map<string, Series>();
  readonly #keys = new Set<number>();
  /** What changed of vital signs that may be doubted. */
  readonly #doubtable: MovedReading[] = [];
  #newest: Instant = 0;
  #isAmended = false;
  /** How many current rows whom they leave had; undefined until anything moved. */
  #currentBefore: number | undefined;

  constructor(
    commit: Commit,
    { tenant, was, is, at }: { tenant: string; was: Side; is: Side; at: Instant },
    currencies: Map<string, CurrencyChange>,
  ) {
    this.#commit = commit;
    this.#tenant = tenant;
    this.#was = was;
    this.#is = is;
    this.#at = at;
    this.#currencies = currencies;
  }

  get vitals(): string[] {
    return [...new Set([...this.#series.values()].map(({ vital }) => vital))].sort();
  }

  /** Rows of one vital sign and device, by a bed or by hand. */
  async move(rows: readonly MovedReading[], bed: number | null): Promise<void> {
    const [first] = rows;
    if (first === undefined) return;
    this.#currentBefore ??= await this.#countOf(this.#was);
    this.#series.set(JSON.stringify([first.vital, first.device]), first);
    const keys = [rows.map(({ key }) => key), rows.map(({ sortTime }) => sortTime)];
    await this.#commit.query(PLACING_PG.move, [this.#was.key, this.#is.key, bed, ...keys]);
    for (const { key, storedAt } of rows) {
      this.#keys.add(key);
      this.#newest = Math.max(this.#newest, storedAt);
    }
    if (isDoubtable(first.vital)) this.#doubtable.push(...rows);
    if (this.#was.key !== this.#is.key) await this.#standAgain(first, rows);
  }

  /** Lets rows of one vital sign and device stand as people decided about them; of whom they are, who is the same on both sides. */
  async amended(rows: readonly MovedReading[]): Promise<void> {
    const [first] = rows;
    if (first === undefined) return;
    this.#currentBefore ??= await this.#countOf(this.#was);
    this.#series.set(JSON.stringify([first.vital, first.device]), first);
    this.#isAmended = true;
    const { vital, device } = first;
    await standAsAmended(this.#commit, this.#tenant, { patient: this.#was.key, vital, device, rows });
    for (const { key } of rows) this.#keys.add(key);
    if (isDoubtable(vital)) this.#doubtable.push(...rows);
  }

  async finish(): Promise<void> {
    if (this.#keys.size === 0 || (this.#was.key === this.#is.key && !this.#isAmended)) return;
    await this.#judge();
    for (const series of this.#series.values()) for (const side of [this.#was, this.#is]) await this.#settleLatest(side, series);
    await this.#fillUp();
    for (const side of [this.#was, this.#is]) await this.#trim(side);
    if (this.#was.key === this.#is.key) return;
    await this.#commit.query(PLACING_PG.touch, [this.#is.key, this.#newest]);
    await this.#commit.query(PLACING_PG.settleTouched, [this.#was.key, this.#newest]);
  }

  /** Decides anew, on both sides, whose the readings of personal devices are. */
  async #judge(): Promise<void> {
    if (this.#doubtable.length === 0) return;
    const keys = [this.#doubtable.map(({ key }) => key), this.#doubtable.map(({ sortTime }) => sortTime)];
    const rows = await this.#commit.query<MovedReading>(IDENTITY_PG.ofKeys, keys);
    for (const side of this.#was.key === this.#is.key ? [this.#was] : [this.#was, this.#is]) {
      const judging = new Judging(this.#commit, { tenant: this.#tenant, ...side, at: this.#at }, (change) => this.#changed(side, change));
      for (const row of rows) judging.changed(row.key, row);
      await judging.settle();
    }
  }

  /** Lets the versions of each measurement that was parted stand as if they had come for whom they are of now. */
  async #standAgain(series: Series, rows: readonly MovedReading[]): Promise<void> {
    const { vital, device } = series;
    const moved = new Set(rows.map(({ key }) => key));
    const parted = await this.#commit.query<Pick<MovedReading, 'test' | 'effective'>>(PLACING_PG.parted, [
      ...[this.#was.key, vital, device],
      rows.map(({ test }) => test),
      rows.map(({ effective }) => effective),
      this.#is.key,
      [...moved],
    ]);
    for (const measurement of parted) {
      const of = { ...series, ...measurement };
      const left = await this.#versionsOf(this.#was, of);
      const come = await this.#versionsOf(this.#is, of);
      if (left.length > 0) await this.#setStandings(this.#was, of, left);
      if (left.length > 0 || come.some(({ key }) => !moved.has(key))) await this.#setStandings(this.#is, of, come);
      // What it takes back or corrects is not kept any more, but may be in a rollup.
      else if (come.every(({ revises }) => revises === 1)) await this.#doubt(of);
    }
  }

  async #versionsOf({ key }: Side, of: Pick<MovedReading, keyof Series | 'test' | 'effective'>): Promise<Version[]> {
    const rows = await this.#commit.query<VersionRow>(PLACING_PG.versionsOf, [key, of.vital, of.device, of.test, of.effective]);
    return await withStatus(this.#commit, rows);
  }

  async #setStandings(
    side: Side,
    of: Pick<MovedReading, keyof Series | 'test' | 'effective'>,
    versions: readonly Version[],
  ): Promise<void> {
    const standings = standingsOf(versions);
    const changed = versions.filter(({ key, standing }) => standings.get(key) !== standing);
    for (const { key } of changed) this.#keys.add(key);
    const keys = [changed.map(({ key }) => key), changed.map(({ sortTime }) => sortTime)];
    if (changed.length > 0) await this.#commit.query(PLACING_PG.setStandings, [...keys, changed.map(({ key }) => standings.get(key) ?? 0)]);
    const measurement = [side.key, of.vital, of.device, of.test, of.effective];
    await this.#commit.query(PLACING_PG.dropPreliminary, measurement);
    for (const { key, sortTime, writer, seq, part, preliminary } of versions)
      if (preliminary === 1 && standings.get(key) === 1)
        await this.#commit.query(PG.addPreliminary, [this.#tenant, ...measurement, writer, seq, part, key, sortTime]);
  }

  async #doubt({ vital, device, test, effective }: Pick<MovedReading, keyof Series | 'test' | 'effective'>): Promise<void> {
    const of = { patient: this.#is.key, vital, device, test: Number(test) };
    const starts = [...(await startsRolledFrom(this.#commit, of, effective, 'any')), effective];
    const keys = new Map(starts.flatMap((start) => rollupsAt(of, start)).map((key) => [JSON.stringify(key), key]));
    await doubtRollups(this.#commit, this.#tenant, [...keys.values()]);
  }

  async #settleLatest(side: Side, series: Series): Promise<void> {
    const which = [side.key, series.vital, series.device];
    const gone = await this.#commit.query(PG.dropWithdrawn, which);
    if (gone.length > 0) this.#gone(side, series);
    const [best] = await this.#commit.query<Standing>(PG.bestOf, which);
    // What this did not touch may stand behind one that was stored while the hub's clock was ahead.
    if (best !== undefined && (gone.length > 0 || this.#keys.has(best.key))) await this.#put(side, series, best);
  }

  async #put(side: Side, series: Series, best: Standing): Promise<void> {
    const { vital, device } = series;
    const [current] = await this.#commit.query<Standing>(PLACING_PG.current, [side.key, vital, device]);
    if (current !== undefined && !supersedes(best, current)) return;
    const freshAt = best.storedAt > this.#at + STEP_MS ? AGE_UNKNOWN : best.freshAt;
    const { key, test, sortTime, storedAt, place } = best;
    await this.#commit.query(PG.setLatest, [
      this.#tenant,
      ...[[side.key], [vital], [device], [test], [sortTime], [storedAt], [key], [freshAt], [place]],
    ]);
    this.#changed(side, { tenant: this.#tenant, patient: side.id, vital, device, freshAt, storedAt, place });
  }

  /** Of whoever had as many current rows as there may be, others come to light. */
  async #fillUp(): Promise<void> {
    if ((this.#currentBefore ?? 0) < MAX_LATEST || (await this.#countOf(this.#was)) >= MAX_LATEST) return;
    const { key } = this.#was;
    for (let series: Series = { vital: '', device: '' }; ; ) {
      const [next] = await this.#commit.query<Series>(PLACING_PG.nextSeries, [key, series.vital, series.device]);
      if (next === undefined) return;
      series = next;
      const [best] = await this.#commit.query<Standing>(PG.bestOf, [key, next.vital, next.device]);
      if (best !== undefined) await this.#put(this.#was, next, best);
    }
  }

  async #trim(side: Side): Promise<void> {
    const rows = await this.#countOf(side);
    if (rows <= MAX_LATEST) return;
    for (const series of await this.#commit.query<Series>(PG.dropOldest, [side.key, rows - MAX_LATEST])) this.#gone(side, series);
  }

  async #countOf({ key }: Side): Promise<number> {
    return (await this.#commit.query<{ rows: number }>(PLACING_PG.countLatest, [key]))[0]?.rows ?? 0;
  }

  #gone(side: Side, { vital, device }: Series): void {
    this.#changed(side, { tenant: this.#tenant, patient: side.id, vital, device, gone: true });
  }

  #changed({ id }: Side, change: CurrencyChange): void {
    if (!isNobody(id)) this.#currencies.set(JSON.stringify([change.tenant, id, change.vital, change.device]), change);
  }
}

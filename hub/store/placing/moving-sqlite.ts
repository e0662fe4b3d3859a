import type { Instant } from '../../../shared/clock.ts';
import type { Database } from '../../../shared/storage/database.ts';
import { isDoubtable } from '../../clinical/doubt/jumps.ts';
import { doubtRollups, rollupsAt } from '../doubt.ts';
import { behind } from '../first-behind.ts';
import { Judging } from '../identity/judging-sqlite.ts';
import { IDENTITY_SQL } from '../identity/statements.ts';
import { type Currencies, LatestRows, type Series } from '../latest-rows.ts';
import { startsRolledFrom } from '../rolled-from.ts';
import { MAX_LATEST, SQL } from '../statements.ts';
import { type KeptVersion, standingsOf } from './standing-again.ts';
import { PLACING_SQL } from './statements.ts';

type Writing = Pick<Database, 'prepare'>;

/** One of two patients between whom rows move: the key, and the id. */
export interface Side {
  key: number;
  id: string;
}

/** A row that moves, with what says which measurement it is a version of. */
export interface MovedReading extends Series {
  key: number;
  test: number;
  effective: Instant;
  revises: number;
  preliminary: number;
}

/** A row of a personal device. */
type JudgedPlace = Series & { key: number; test: number; sortTime: Instant; effective: Instant };

/** Moves readings from one patient to another within a transaction, with all that follows of it; `finish` sees to what is current of both. */
export class MovingReadings {
  readonly #database: Writing;
  readonly #was: Side;
  readonly #is: Side;
  readonly #latest: readonly LatestRows[];
  /** How many current rows whom they leave had. */
  readonly #currentBefore: number;
  /** Vital signs and devices of which a row moved, and what moved or stands otherwise. */
  readonly #series = new Map<string, Series>();
  readonly #keys = new Set<number>();
  #isAmended = false;
  #newest = 0;

  constructor(database: Writing, { tenant, was, is, at }: { tenant: string; was: Side; is: Side; at: Instant }, currencies: Currencies) {
    this.#database = database;
    this.#was = was;
    this.#is = is;
    this.#latest = [was, is].map((side) => new LatestRows(database, { tenant, ...side, at }, currencies.changed));
    this.#currentBefore = this.#latest[0]?.count() ?? 0;
  }

  get vitals(): string[] {
    return [...new Set([...this.#series.values()].map(({ vital }) => vital))].sort();
  }

  /** Rows by a bed or by hand. */
  move(rows: readonly MovedReading[], bed: number | null): void {
    if (rows.length === 0) return;
    this.#touch(rows);
    const mayDepend = this.#mayDepend(rows);
    const keys = JSON.stringify(rows.map(({ key }) => key));
    this.#database.prepare<[number, number | null, string]>(PLACING_SQL.moveReadings).run(this.#is.key, bed, keys);
    for (const { key } of rows) {
      this.#keys.add(key);
      this.#newest = Math.max(this.#newest, key);
    }
    if (mayDepend) this.#standAgain(rows);
  }

  /** Lets rows stand as people decided about them; of whom they are, who is the same on both sides. */
  amended(rows: readonly MovedReading[]): void {
    if (rows.length === 0) return;
    this.#touch(rows);
    this.#isAmended = true;
    for (const { key } of rows) this.#keys.add(key);
    for (const of of measurementsOf(rows)) this.#setStandings(this.#versionsOf(this.#was, of));
  }

  #touch(rows: readonly MovedReading[]): void {
    for (const { vital, device } of rows) this.#series.set(JSON.stringify([vital, device]), { vital, device });
  }

  finish(): void {
    if (this.#keys.size === 0 || (this.#was.key === this.#is.key && !this.#isAmended)) return;
    this.#judge();
    for (const series of this.#series.values()) this.#settleLatest(series);
    this.#fillUp();
    for (const latest of this.#latest) latest.trim();
    if (this.#was.key !== this.#is.key) this.#settleLastStored();
  }

  /** Decides anew, on both sides, whose the readings of personal devices are. */
  #judge(): void {
    if (![...this.#series.values()].some(({ vital }) => isDoubtable(vital))) return;
    const ofKeys = this.#database.prepare<[string], JudgedPlace>(IDENTITY_SQL.ofKeys);
    const rows = ofKeys.all(JSON.stringify([...this.#keys]));
    for (const [i, latest] of this.#latest.slice(0, this.#was.key === this.#is.key ? 1 : 2).entries()) {
      const judging = new Judging(this.#database, i === 0 ? this.#was.key : this.#is.key);
      for (const { key, ...row } of rows) judging.changed(key, row);
      judging.settle(latest);
    }
  }

  /** Whether any version of what moves may set aside another one, at either side. */
  #mayDepend(rows: readonly MovedReading[]): boolean {
    if (this.#was.key === this.#is.key) return false;
    if (rows.some(({ revises, preliminary }) => revises + preliminary > 0)) return true;
    const may = this.#database.prepare<[number, number]>(PLACING_SQL.mayDepend);
    return [this.#was, this.#is].some(({ key }) => may.get(key, key) !== undefined);
  }

  /** Lets the versions of each measurement stand as if they had come for whom they are of now. */
  #standAgain(rows: readonly MovedReading[]): void {
    const moved = new Set(rows.map(({ key }) => key));
    for (const of of measurementsOf(rows)) {
      const left = this.#versionsOf(this.#was, of);
      const come = this.#versionsOf(this.#is, of);
      // What moved as a whole stands among itself as it did.
      if (left.length > 0) this.#setStandings(left);
      if (left.length > 0 || come.some(({ key }) => !moved.has(key))) this.#setStandings(come);
      // What it takes back or corrects is not kept any more, but may be in a rollup.
      else if (come.every(({ revises }) => revises === 1)) this.#doubt(of);
    }
  }

  #versionsOf({ key }: Side, { vital, device, test, effective }: MovedReading): KeptVersion[] {
    const which = [key, vital, device, test, effective] as const;
    return this.#database.prepare<(string | number)[], KeptVersion>(PLACING_SQL.versionsOf).all(...which, effective, ...which);
  }

  #setStandings(versions: readonly KeptVersion[]): void {
    const set = this.#database.prepare<[number, number]>(PLACING_SQL.setStanding);
    for (const [key, standing] of standingsOf(versions)) {
      if (versions.find((one) => one.key === key)?.standing === standing) continue;
      set.run(standing, key);
      this.#keys.add(key);
    }
  }

  #doubt({ vital, device, test, effective }: MovedReading): void {
    const of = { patient: this.#is.key, vital, device, test };
    for (const start of [...startsRolledFrom(this.#database, of, effective, 'any'), effective])
      doubtRollups(this.#database, rollupsAt(of, start));
  }

  #settleLatest(series: Series): void {
    const [was, is] = this.#latest;
    for (const [latest, side] of [
      [was, this.#was],
      [is, this.#is],
    ] as const) {
      latest?.replaceGone(series);
      const best = this.#database.prepare<[number, string, string], { key: number }>(SQL.bestOf).get(side.key, series.vital, series.device);
      // What this did not touch may stand behind one that was stored while the hub's clock was ahead.
      if (best !== undefined && this.#keys.has(best.key)) latest?.putBest(series);
    }
  }

  /** Of whoever had as many current rows as there may be, others come to light. */
  #fillUp(): void {
    const [was] = this.#latest;
    if (was === undefined || this.#currentBefore < MAX_LATEST || was.count() >= MAX_LATEST) return;
    const next = this.#database.prepare<(string | number)[], Series>(PLACING_SQL.nextSeries);
    const following = ({ vital, device }: Series): Series | undefined => next.get(...behind([this.#was.key], [vital, device]));
    const current = this.#database.prepare<[number, string, string]>(PLACING_SQL.currentOf);
    const { key } = this.#was;
    for (let series = following({ vital: '', device: '' }); series !== undefined; series = following(series))
      if (current.get(key, series.vital, series.device) === undefined) was.putBest(series);
  }

  #settleLastStored(): void {
    const storedAt = this.#database.prepare<[number], { storedAt: Instant }>(PLACING_SQL.storedAtOf).get(this.#newest)?.storedAt ?? 0;
    this.#database.prepare<[Instant, number]>(SQL.touchPatient).run(storedAt, this.#is.key);
    const { key } = this.#was;
    const kept =
      this.#database.prepare<[number], { lastStoredAt: Instant | null }>(PLACING_SQL.lastStoredAt).get(key)?.lastStoredAt ?? null;
    if (kept === null || kept > storedAt) return;
    const left = this.#lastStoredOf(key);
    if (left !== undefined) this.#database.prepare<[Instant | null, number]>(PLACING_SQL.setLastStoredAt).run(left, key);
  }

  /** When the newest of what is current was stored; null for somebody of whom nothing is kept, undefined where that cannot be told. */
  #lastStoredOf(patient: number): Instant | null | undefined {
    const newest = this.#database.prepare<[number], { storedAt: Instant | null }>(PLACING_SQL.newestCurrent).get(patient)?.storedAt;
    const any = newest ?? this.#database.prepare<[number], { storedAt: Instant }>(PLACING_SQL.anyObservation).get(patient)?.storedAt;
    if (any !== undefined) return any;
    return this.#database.prepare<[number]>(PLACING_SQL.anyRollup).get(patient) === undefined ? null : undefined;
  }
}

/** One row of each measurement. */
function measurementsOf(rows: readonly MovedReading[]): Iterable<MovedReading> {
  return new Map(rows.map((row) => [JSON.stringify([row.vital, row.device, row.test, row.effective]), row])).values();
}

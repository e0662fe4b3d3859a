import type { Instant } from '../../../shared/clock.ts';
import { type Apart, type Jump, REPEATED } from './jumps.ts';

/** One reading of a person's series: of one vital sign or panel, of whatever device of theirs. */
export interface Point {
  /** Of its row. */
  key: number;
  /** By which it is ordered. */
  at: Instant;
  /** By key of the parameter table. */
  values: Readonly<Record<string, number>>;
  /** Somebody said that it is this person's. */
  confirmed: boolean;
}

/** A point as it is kept. */
export interface Kept extends Point {
  doubtful: boolean;
}

/** Former values of the person's own, of before something else was repeated. */
interface Former {
  point: Point;
  /** How often they had been seen, and the index of the first of what came in their place. */
  seen: number;
  since: number;
  /** Those of before them. */
  before: Former | null;
}

/** One that is doubtful, by its index, and the earliest that it goes on from, where there is one. */
interface Doubted {
  i: number;
  from?: number;
}

/** The order in which points are looked at: the same whenever they came. */
export function inOrder<P extends Point>(points: readonly P[]): P[] {
  return points
    .map((point) => ({ point, name: JSON.stringify(Object.entries(point.values).sort()) }))
    .sort(
      (a, b) =>
        a.point.at - b.point.at ||
        Number(b.point.confirmed) - Number(a.point.confirmed) ||
        (a.name === b.name ? a.point.key - b.point.key : a.name < b.name ? -1 : 1),
    )
    .map(({ point }) => point);
}

/**
 * Which readings of a whole series are doubtful: the keys. By these rules, for each in order of time:
 * 1. What somebody confirmed is the person's, and so is the first after a `windowMs` without any of theirs.
 * 2. What is no jump from the last one of theirs is theirs.
 * 3. A jump is doubtful, until it is repeated with none of theirs in between: by a later one that is the `same` and comes within `REPEATED`, or by two later
 *    ones, whenever they come, that each go on from the one before (`goesOn`). Then it is as if the first of them had been theirs when it came.
 * 4. Where a vital sign `returns`: what is near their former values again, before those are a `windowMs` old, is theirs, and what was repeated in between is
 *    doubtful again, unless it has been seen more often than the former ones.
 * Pure, and the same in whatever order they came.
 */
export function doubtfulOf(points: readonly Point[], jump: Jump): Set<number> {
  const series = new Series(inOrder(points), jump);
  series.run(0);
  return series.doubtful();
}

/**
 * What becomes of rows that are kept, where any at or after `since` came, went, or was confirmed: those of which the doubt changes. `kept` are all that
 * `readFrom` names; decides exactly as `doubtfulOf` of the whole series would. Where they are too many, `isCut`, and they are the last ones before `since` and
 * the first ones from then on: the earliest that is theirs stays so, and what is before it stays as it is. Pure.
 */
export function doubtsAgain(kept: readonly Kept[], since: Instant, jump: Jump, isCut = false): { key: number; doubtful: boolean }[] {
  const rows = inOrder(kept);
  const last = rows.findLastIndex(({ at, doubtful }) => !doubtful && at < since - jump.windowMs);
  const anchor = last < 0 && isCut ? rows.findIndex(({ at, doubtful }) => !doubtful && at < since) : last;
  const series = new Series(rows, jump);
  series.resume(anchor, rows);
  // What is doubtful without anything before it was so by rows that are not kept any more.
  series.run(anchor >= 0 ? anchor + 1 : rows.findIndex(({ at, doubtful }) => !doubtful || at >= since - jump.windowMs));
  const now = series.doubtful();
  return rows.filter(({ key, doubtful }) => now.has(key) !== doubtful).map(({ key }) => ({ key, doubtful: now.has(key) }));
}

/**
 * From which time on rows are needed to decide again what came `since`: `anchorAt` is the time of the last one that is not doubtful from before
 * `anchorBefore(since)`, null where there is none.
 */
export function readFrom(anchorAt: Instant | null, { windowMs }: Jump): Instant {
  return anchorAt === null ? Number.MIN_SAFE_INTEGER : anchorAt - 2 * windowMs;
}

export function anchorBefore(since: Instant, { windowMs }: Jump): Instant {
  return since - windowMs;
}

class Series {
  readonly #points: readonly Point[];
  readonly #jump: Jump;
  readonly #accepted: boolean[];
  #own: Point | null = null;
  #former: Former | null = null;
  /** What is doubtful since the last one of their own. */
  #run: Doubted[] = [];

  constructor(points: readonly Point[], jump: Jump) {
    this.#points = points;
    this.#jump = jump;
    this.#accepted = points.map(() => false);
  }

  doubtful(): Set<number> {
    return new Set(this.#points.filter((_, i) => !this.#accepted[i]).map(({ key }) => key));
  }

  /** Takes up where a series stood behind its row `anchor`, by what is kept of the rows up to there; -1: at its beginning. */
  resume(anchor: number, rows: readonly Kept[]): void {
    let before: { point: Kept; i: number } | null = null;
    for (const [i, point] of rows.entries()) {
      if (i > anchor) break;
      this.#accepted[i] = !point.doubtful;
      if (point.doubtful) continue;
      if (point.confirmed || (before !== null && point.at - before.point.at > this.#jump.windowMs)) this.#former = null;
      else if (before !== null && this.#isJump(before.point, point)) this.#former = this.#formerOf(before.point, i);
      before = { point, i };
      this.#own = point;
    }
  }

  run(from: number): void {
    if (from < 0) return;
    for (let i = from; i < this.#points.length; i += 1) {
      const point = this.#points[i];
      if (point !== undefined) this.#next(i, point);
    }
  }

  #next(i: number, point: Point): void {
    if (this.#own === null || point.at - this.#own.at > this.#jump.windowMs) {
      this.#former = null;
      this.#accept(i, point);
      return;
    }
    const isJump = this.#isJump(this.#own, point);
    const first = this.#repeated(point, this.#own);
    if (point.confirmed) {
      if (first !== undefined) this.#beginAt(first, this.#own);
      this.#former = null;
      this.#accept(i, point);
    } else if (isJump && this.#isReturn(i, point)) this.#takeBack(i, point);
    else if (first !== undefined) {
      this.#beginAt(first, this.#own);
      this.#next(i, point);
    } else if (isJump) this.#doubt(i, point, this.#own);
    else this.#accept(i, point);
  }

  #accept(i: number, point: Point): void {
    this.#accepted[i] = true;
    this.#own = point;
    this.#run = [];
  }

  #doubt(i: number, point: Point, own: Point): void {
    const from = this.#run.find(({ i: before }) => this.#goesOn(before, point, own))?.i;
    this.#run.push({ i, ...(from !== undefined && { from }) });
  }

  /** The earliest of what is doubtful since their last own one that it repeats. */
  #repeated(point: Point, own: Point): number | undefined {
    const begins = this.#run.flatMap(({ i, from }) => {
      if (this.#isRepeatedBy(i, point)) return [i];
      return from !== undefined && this.#goesOn(i, point, own) ? [from] : [];
    });
    return begins.length === 0 ? undefined : Math.min(...begins);
  }

  /** Looks at what is doubtful again, from the one on that is theirs now: so what is decided later depends on nothing but what is theirs. */
  #beginAt(first: number, own: Point): void {
    const behind = this.#run.filter(({ i }) => i > first);
    this.#former = this.#formerOf(own, first);
    for (const i of [first, ...behind.map((one) => one.i)]) {
      const point = this.#points[i];
      if (point === undefined) continue;
      if (i === first) this.#accept(i, point);
      else this.#next(i, point);
    }
  }

  #isRepeatedBy(i: number, point: Point): boolean {
    const other = this.#points[i];
    return other !== undefined && isWhenRepeated(point.at - other.at) && !this.#differ(other, point, 'same');
  }

  /** Whether `point` is another measurement, and each part the `same` as before or further away from their own in the same direction, by no jump. */
  #goesOn(before: number, point: Point, own: Point): boolean {
    const other = this.#points[before];
    if (other === undefined || point.at - other.at < REPEATED.soon.leastMs || this.#isJump(other, point)) return false;
    return Object.entries(this.#jump.parts).every(([part, { same }]) => {
      const [was, is, theirs] = [other.values[part], point.values[part], own.values[part]];
      if (was === undefined || is === undefined || !isApart(was, is, same)) return true;
      return theirs !== undefined && (is - was) * (was - theirs) > 0;
    });
  }

  #formerOf(point: Point, since: number): Former {
    let seen = 0;
    for (let i = since - 1; i >= 0; i -= 1) {
      const other = this.#points[i];
      if (other === undefined || other.at < point.at - this.#jump.windowMs) break;
      if (this.#accepted[i] && !this.#isJump(other, point)) seen += 1;
    }
    return { point, seen, since, before: this.#former };
  }

  #isReturn(i: number, point: Point): boolean {
    const former = this.#former;
    if (!this.#jump.returns || former === null) return false;
    if (point.at - former.point.at > this.#jump.windowMs || this.#isJump(former.point, point)) return false;
    let seen = 0;
    for (let k = former.since; k < i; k += 1) if (this.#accepted[k]) seen += 1;
    return seen <= former.seen;
  }

  #takeBack(i: number, point: Point): void {
    for (let k = this.#former?.since ?? i; k < i; k += 1) this.#accepted[k] = false;
    this.#former = this.#former?.before ?? null;
    this.#accept(i, point);
  }

  #isJump(a: Point, b: Point): boolean {
    return this.#differ(a, b, 'jump');
  }

  /** Whether any part that both have differs by more. */
  #differ(a: Point, b: Point, by: 'jump' | 'same'): boolean {
    return Object.entries(this.#jump.parts).some(([part, limits]) => {
      const [one, other] = [a.values[part], b.values[part]];
      return one !== undefined && other !== undefined && isApart(one, other, limits[by]);
    });
  }
}

/** Rounded, so that 82 and 91 are as far apart as they look. */
function isApart(a: number, b: number, { absolute, relative = 0 }: Apart): boolean {
  const most = Math.max(absolute, relative * Math.max(Math.abs(a), Math.abs(b)));
  return Math.abs(a - b) > most + 1e-9;
}

function isWhenRepeated(apartMs: number): boolean {
  return Object.values(REPEATED).some(({ leastMs, mostMs }) => apartMs >= leastMs && apartMs <= mostMs);
}

import type { Instant } from '../../../shared/clock.ts';
import { type Apart, type Jump, REPEATED } from './jumps.ts';

/** Why a reading says nothing of whose the others are: its sender calls it no measurement, or nobody's is so (`out-of-range`). */
export type Odd = 'flagged' | 'impossible';

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
  /** Unless it is a measurement like others, or somebody confirmed just this one. */
  odd?: Odd;
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
 * 5. What is odd is none of the person's own, and repeats nothing: where it is impossible it is doubtful, else where it is a jump from the last one of theirs.
 * Pure, and the same in whatever order they came.
 */
export function doubtfulOf(points: readonly Point[], jump: Jump): Set<number> {
  const series = new Series(inOrder(points.filter(({ odd }) => odd === undefined)), jump);
  series.run(0);
  return new Set([...series.doubtful(), ...oddDoubts(points, series.own(), jump)]);
}

/** Which of the odd ones are doubtful; `own` are the person's, in order. */
function oddDoubts(points: readonly Point[], own: readonly Point[], jump: Jump): number[] {
  const doubtful: number[] = [];
  let next = 0;
  for (const point of inOrder(points.filter(({ odd }) => odd !== undefined))) {
    while ((own[next]?.at ?? Number.POSITIVE_INFINITY) <= point.at) next += 1;
    const last = own[next - 1];
    const isJump = last !== undefined && point.at - last.at <= jump.windowMs && differ(last, point, { jump, by: 'jump' });
    if (point.odd === 'impossible' || (isJump && !point.confirmed)) doubtful.push(point.key);
  }
  return doubtful;
}

/**
 * Whether points that are all later than the last one of a series, which is the person's own, are all theirs, so that nothing else is to be decided: none is odd or a
 * jump from the one before it. Pure.
 */
export function isUsual(last: Point, later: readonly Point[], jump: Jump): boolean {
  let own = last;
  for (const point of inOrder(later)) {
    if (point.odd !== undefined || point.at <= last.at) return false;
    if (point.at - own.at <= jump.windowMs && differ(own, point, { jump, by: 'jump' })) return false;
    own = point;
  }
  return true;
}

/** Whether two readings of one measurement say the same: no part of it differs by more than the table's `same`, and they have a part in common. Pure. */
export function isSame(a: Pick<Point, 'values'>, b: Pick<Point, 'values'>, jump: Jump): boolean {
  const isCommon = Object.keys(jump.parts).some((part) => a.values[part] !== undefined && b.values[part] !== undefined);
  return isCommon && !differ(a, b, { jump, by: 'same' });
}

/**
 * What becomes of rows that are kept, where any at or after `since` came, went, or was confirmed: those of which the doubt changes. `kept` are all that
 * `readFrom` names; decides exactly as `doubtfulOf` of the whole series would. Pure.
 */
export function doubtsAgain(kept: readonly Kept[], since: Instant, jump: Jump): { key: number; doubtful: boolean }[] {
  const rows = inOrder(kept.filter(({ odd }) => odd === undefined));
  const decided = anchorBefore(since, jump);
  const anchor = rows.findLastIndex(({ at, doubtful }) => !doubtful && at < decided);
  const series = new Series(rows, jump);
  series.resume(anchor, rows);
  // What is doubtful without anything before it was so by rows that are not kept any more.
  series.run(anchor >= 0 ? anchor + 1 : rows.findIndex(({ at, doubtful }) => !doubtful || at >= decided));
  // What lies before is held against readings that are not decided again, and of which not all are here.
  const odd = kept.filter((point) => point.odd !== undefined && point.at >= decided);
  const now = new Set([...series.doubtful(), ...oddDoubts(odd, series.own(), jump)]);
  return [...rows, ...odd].filter(({ key, doubtful }) => now.has(key) !== doubtful).map(({ key }) => ({ key, doubtful: now.has(key) }));
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

  /** Those of the person, in order. */
  own(): Point[] {
    return this.#points.filter((_, i) => this.#accepted[i]);
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
    return other !== undefined && isWhenRepeated(point.at - other.at) && !differ(other, point, { jump: this.#jump, by: 'same' });
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
    return differ(a, b, { jump: this.#jump, by: 'jump' });
  }
}

/** Whether any part that both have differs by more. */
function differ(a: Pick<Point, 'values'>, b: Pick<Point, 'values'>, { jump, by }: { jump: Jump; by: 'jump' | 'same' }): boolean {
  return Object.entries(jump.parts).some(([part, limits]) => {
    const [one, other] = [a.values[part], b.values[part]];
    return one !== undefined && other !== undefined && isApart(one, other, limits[by]);
  });
}

/** Rounded, so that 82 and 91 are as far apart as they look. */
function isApart(a: number, b: number, { absolute, relative = 0 }: Apart): boolean {
  const most = Math.max(absolute, relative * Math.max(Math.abs(a), Math.abs(b)));
  return Math.abs(a - b) > most + 1e-9;
}

function isWhenRepeated(apartMs: number): boolean {
  return Object.values(REPEATED).some(({ leastMs, mostMs }) => apartMs >= leastMs && apartMs <= mostMs);
}

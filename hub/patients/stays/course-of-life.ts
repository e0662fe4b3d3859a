import type { Instant } from '../../../shared/clock.ts';
import { makeUnsureBeside } from './overlap.ts';
import type { RecordKey } from './statement.ts';
import type { Stay } from './stays.ts';
import type { Step } from './steps.ts';

/** A stay that lasts, and what was said of it. */
interface Here {
  stay: Stay;
  /** The number under which the person was put there. */
  record: RecordKey;
  visit?: string | undefined;
}

type Placing = Extract<Step, { bed: string }>;
type Leaving = Extract<Step, { says: 'leave' | 'confirm' }>;

/** The stays of one life while what was said of it is gone through in order. */
export class Course {
  readonly #stays: Stay[] = [];
  /** Where the person is, as far as is known. Of several, neither is sure, and the last is where the person was put last. */
  #open: Here[] = [];
  /** The last that agreed with where the person is. */
  #agreedAt: Instant = Number.NEGATIVE_INFINITY;
  /** Visits that ended: what is still said of them moves nobody. */
  readonly #ended = new Set<string>();
  /** Visits of which it is known where they were. */
  readonly #placed = new Set<string>();
  /** By which number each visit was told of first; undefined once it was told of by two that were not known to be one. */
  readonly #firstOf = new Map<string, RecordKey | undefined>();
  /** Under which number each bed was last that of this life. */
  readonly #lastIn = new Map<string, RecordKey>();

  /** `isCeased`: the number was merged into another one by then. */
  take(step: Step, isCeased: boolean): void {
    if (step.visit !== undefined && !this.#firstOf.has(step.visit)) this.#firstOf.set(step.visit, step.record);
    switch (step.says) {
      case 'admit':
      case 'transfer':
        this.#place(step);
        break;
      case 'leave':
        this.#leave(step, isCeased);
        break;
      case 'confirm':
        this.#confirm(step);
        break;
      case 'doubt':
        this.#unsureFrom(step.at);
    }
  }

  /** What was said of another number turns out to be of this life: where the two lay at once, in different beds, neither is sure. */
  join(other: Course): void {
    const [own, theirs] = [[...this.#stays], [...other.#stays]];
    const asTheyWere = own.map((stay) => ({ ...stay }));
    this.#stays.push(...theirs);
    for (const stay of own) this.#stays.push(...makeUnsureBeside(stay, theirs));
    for (const stay of theirs) this.#stays.push(...makeUnsureBeside(stay, asTheyWere));
    const [ownOpen, open] = [this.#open, [...this.#open]];
    for (const here of other.#open) {
      const same = ownOpen.find(({ stay }) => stay.bed === here.stay.bed);
      if (same) isOne(same, here);
      else open.push(here);
    }
    this.#open = open.sort((a, b) => a.stay.from - b.stay.from);
    this.#agreedAt = Math.max(this.#agreedAt, other.#agreedAt);
    for (const visit of other.#ended) this.#ended.add(visit);
    for (const visit of other.#placed) this.#placed.add(visit);
    for (const [visit, record] of other.#firstOf) this.#firstOf.set(visit, this.#firstOf.has(visit) ? undefined : record);
    for (const [bed, record] of other.#lastIn) if (!this.#lastIn.has(bed)) this.#lastIn.set(bed, record);
  }

  stays(): Stay[] {
    return this.#stays.filter(({ from, to }) => to === null || to > from);
  }

  get #here(): Here | undefined {
    return this.#open.at(-1);
  }

  #place({ says, bed, priorBed, visit: named, record, at }: Placing): void {
    const here = this.#here;
    const visit = says === 'admit' ? named : (named ?? here?.visit);
    const isFromElsewhere = priorBed !== undefined && !this.#open.slice(0, -1).some(({ stay }) => stay.bed === priorBed);
    if (isFromElsewhere && here && here.stay.bed !== priorBed && here.stay.bed !== bed) this.#doubtUntil(at, priorBed);
    // Nobody is transferred after a discharge that nobody took back: one of both times is wrong.
    const isOver = says === 'transfer' && named !== undefined && this.#ended.has(named);
    if (named !== undefined) {
      if (!isOver) this.#ended.delete(named);
      this.#placed.add(named);
    }
    this.#moveTo(bed, at, { sure: !isOver, record, visit });
  }

  #leave({ bed, visit, record, at }: Leaving, isCeased: boolean): void {
    const wasOver = visit !== undefined && this.#ended.has(visit);
    if (visit !== undefined) this.#ended.add(visit);
    const here = this.#here;
    if (this.#open.length > 1) this.#leaveOneOf(bed, visit, at);
    else if (here) {
      const ended = this.#isEnded(here, { bed, visit, record }, { wasOver, isCeased });
      if (ended === 'unclear') this.#unsureFrom(at);
      if (ended !== 'yes') return;
      if (here.visit !== undefined) this.#ended.add(here.visit);
      if (bed && here.stay.bed !== bed) this.#doubtUntil(at, bed);
      this.#moveOut(at);
    }
  }

  /** Whether a discharge ends the stay that lasts: that of its visit, or of the bed that it names, and never another one. */
  #isEnded(
    here: Here,
    { bed, visit, record }: Pick<Leaving, 'bed' | 'visit' | 'record'>,
    { wasOver, isCeased }: { wasOver: boolean; isCeased: boolean },
  ): 'yes' | 'no' | 'unclear' {
    const namesIt = bed !== undefined && bed === here.stay.bed;
    if (visit === undefined) {
      if (bed === undefined) return isCeased && record !== here.record ? 'unclear' : 'yes';
      const left = this.#lastIn.get(bed);
      return namesIt || left === undefined || left === here.record ? 'yes' : 'no';
    }
    if (visit === here.visit) return 'yes';
    const first = this.#firstOf.get(visit);
    const isOfAnother = first !== undefined && first !== here.record;
    // Of a visit that is over, or was elsewhere, it says nothing of this one; else one of both numbers is wrong.
    if (wasOver || (this.#placed.has(visit) && (isOfAnother || here.visit !== undefined))) return namesIt ? 'unclear' : 'no';
    return here.visit !== undefined || isOfAnother || this.#placed.has(visit) ? 'unclear' : 'yes';
  }

  /** Of several beds in which the person may be, it left the one; without its name or its visit, nobody knows which. */
  #leaveOneOf(bed: string | undefined, visit: string | undefined, at: Instant): void {
    const byVisit = visit === undefined ? undefined : this.#open.find((here) => here.visit === visit);
    const left = this.#open.find(({ stay }) => stay.bed === bed) ?? byVisit;
    if (!left) return;
    left.stay.to = at;
    if (left.visit !== undefined) this.#ended.add(left.visit);
    this.#open = this.#open.filter((here) => here !== left);
  }

  #confirm({ bed, visit, record, at }: Leaving): void {
    // Updates still come for days after a discharge, with the bed in which somebody else lies by then.
    if (visit !== undefined && this.#ended.has(visit)) return;
    const here = this.#here;
    if (bed === undefined || here?.stay.bed === bed) {
      if (here && visit !== undefined) here.visit = visit;
      if (bed !== undefined && here?.stay.sure) this.#agreedAt = at;
      return;
    }
    if (this.#open.some(({ stay }) => stay.bed === bed)) return;
    this.#doubtUntil(at, bed);
    this.#moveTo(bed, at, { sure: false, record, visit: here?.visit ?? visit });
  }

  /** Since the last word that agreed, the person was where it was known to be, or already in `bed`: neither is sure. */
  #doubtUntil(at: Instant, bed: string): void {
    const here = this.#here;
    if (!here) return;
    const since = Math.max(here.stay.from, this.#agreedAt);
    this.#unsureFrom(since);
    here.stay.to = at;
    this.#stays.push({ bed, from: since, to: at, sure: false });
    this.#open = this.#open.slice(0, -1);
  }

  #unsureFrom(at: Instant): void {
    const here = this.#here;
    if (!here?.stay.sure) return;
    if (at <= here.stay.from) {
      here.stay.sure = false;
      return;
    }
    here.stay.to = at;
    here.stay = { ...here.stay, from: at, to: null, sure: false };
    this.#stays.push(here.stay);
  }

  #moveTo(bed: string, at: Instant, { sure, record, visit }: Pick<Here, 'record' | 'visit'> & { sure: boolean }): void {
    const here = this.#here;
    if (here && here.stay.bed === bed && here.stay.sure === sure) {
      this.#agreedAt = at;
      this.#open = [{ ...here, record, visit }];
      return;
    }
    this.#moveOut(at);
    if (bed === '') return;
    const stay = { bed, from: at, to: null, sure };
    this.#stays.push(stay);
    this.#open = [{ stay, record, visit }];
    this.#lastIn.set(bed, record);
  }

  #moveOut(at: Instant): void {
    for (const { stay } of this.#open) stay.to = at;
    this.#open = [];
    this.#agreedAt = at;
  }
}

/** Two stays that last in one bed are one, from the first that is sure. */
function isOne(own: Here, other: Here): void {
  const [first, second] = own.stay.from <= other.stay.from ? [own.stay, other.stay] : [other.stay, own.stay];
  const isFirst = first.sure || !second.sure;
  if (isFirst) second.to = second.from;
  else first.to = second.from;
  own.stay = isFirst ? first : second;
  own.visit ??= other.visit;
}

import type { Instant } from '../../../shared/clock.ts';
import type { RecordKey, Statement } from './statement.ts';
import { type Step, stepsOf } from './steps.ts';

/** That a person lay in a bed for a time. */
export interface Stay {
  bed: string;
  from: Instant;
  /** Null while it lasts. */
  to: Instant | null;
  /** False where what was said contradicts itself: the person may have been elsewhere. */
  sure: boolean;
}

/**
 * Where one person lay, from everything that was said of this one, in whatever order: no two stays at one time but where it is not known which is true.
 * What contradicts what is known (a transfer from another bed, an update that names another one, a discharge of another visit) shows that a movement was missed:
 * then nothing is sure. `joinedAt`: when it was last said that another's was this one's; before that, each number led a life of its own, and where two of them
 * lay at once is not known.
 */
export function staysOf(statements: readonly Statement[], joinedAt?: Instant): Stay[] {
  const course = new Course(joinedAt ?? Number.NEGATIVE_INFINITY);
  for (const step of stepsOf(statements)) course.take(step);
  return course.stays();
}

/** The stays of one person while what was said is gone through in order. */
class Course {
  readonly #joinedAt: Instant;
  readonly #stays: Stay[] = [];
  /** Where the person is, as far as is known, and where else it may be: then neither is sure. */
  #here: Stay | undefined;
  #also: Stay | undefined;
  /** The number under which it was put there. */
  #record: RecordKey | undefined;
  #visit: string | undefined;
  /** The last that agreed with where the person is. */
  #agreedAt: Instant = Number.NEGATIVE_INFINITY;
  /** Visits that ended: what is still said of them moves nobody. */
  readonly #ended = new Set<string>();
  /** Visits of which it is known where they were. */
  readonly #placed = new Set<string>();

  constructor(joinedAt: Instant) {
    this.#joinedAt = joinedAt;
  }

  take(step: Step): void {
    switch (step.says) {
      case 'admit':
      case 'transfer':
        this.#place(step);
        break;
      case 'leave':
        this.#leave(step);
        break;
      case 'confirm':
        this.#confirm(step);
        break;
      case 'doubt':
        this.#unsureFrom(step.at);
    }
  }

  stays(): Stay[] {
    return this.#stays.filter(({ from, to }) => to === null || to > from);
  }

  #place({ says, bed, priorBed, visit, record, at }: Extract<Step, { bed: string }>): void {
    const isFromElsewhere = priorBed !== undefined && priorBed !== this.#also?.bed;
    if (isFromElsewhere && this.#here && this.#here.bed !== priorBed && this.#here.bed !== bed) this.#doubtUntil(at, priorBed);
    // Nobody is transferred after a discharge that nobody took back: one of both times is wrong.
    const isOver = says === 'transfer' && visit !== undefined && this.#ended.has(visit);
    if (visit !== undefined) {
      if (!isOver) this.#ended.delete(visit);
      this.#placed.add(visit);
    }
    const isOfAnother = this.#record !== undefined && record !== this.#record && at < this.#joinedAt;
    if (isOfAnother && this.#here && this.#here.bed !== bed && bed !== '') this.#split(bed, at);
    else this.#moveTo(bed, at, !isOver);
    this.#record = record;
    this.#visit = says === 'admit' ? visit : (visit ?? this.#visit);
  }

  #leave({ bed, visit, at }: Extract<Step, { says: 'leave' | 'confirm' }>): void {
    if (visit !== undefined) this.#ended.add(visit);
    if (this.#also) {
      this.#leaveOneOf(bed, at);
      return;
    }
    const isOfAnother = visit !== undefined && visit !== this.#visit && (this.#visit !== undefined || this.#placed.has(visit));
    if (isOfAnother && this.#here) {
      // Of a visit that was elsewhere it says nothing of this one; else one of both numbers is wrong.
      const wasElsewhere = this.#visit !== undefined && this.#placed.has(visit) && bed !== this.#here.bed;
      if (!wasElsewhere) this.#unsureFrom(at);
      return;
    }
    if (bed && this.#here && this.#here.bed !== bed) this.#doubtUntil(at, bed);
    this.#moveTo('', at, true);
    this.#visit = undefined;
  }

  /** Of two beds in which the person may be, it left the one; without its name, nobody knows which. */
  #leaveOneOf(bed: string | undefined, at: Instant): void {
    if (bed !== undefined && bed === this.#here?.bed) {
      this.#here.to = at;
      this.#here = this.#also;
      this.#also = undefined;
    } else if (bed !== undefined && bed === this.#also?.bed) {
      this.#also.to = at;
      this.#also = undefined;
    }
  }

  #confirm({ bed, visit, at }: Extract<Step, { says: 'leave' | 'confirm' }>): void {
    // Updates still come for days after a discharge, with the bed in which somebody else lies by then.
    if (visit !== undefined && this.#ended.has(visit)) return;
    if (bed === undefined || this.#here?.bed === bed) {
      if (this.#here && visit !== undefined) this.#visit = visit;
      if (bed !== undefined && this.#here?.sure) this.#agreedAt = at;
      return;
    }
    if (this.#also?.bed === bed) return;
    if (this.#here) this.#doubtUntil(at, bed);
    this.#moveTo(bed, at, false);
  }

  /** Since the last word that agreed, the person was where it was known to be, or already in `bed`: neither is sure. */
  #doubtUntil(at: Instant, bed: string): void {
    const here = this.#here;
    if (!here) return;
    const since = Math.max(here.from, this.#agreedAt);
    this.#unsureFrom(since);
    if (this.#here) this.#here.to = at;
    this.#stays.push({ bed, from: since, to: at, sure: false });
    this.#here = undefined;
  }

  #unsureFrom(at: Instant): void {
    const here = this.#here;
    if (!here?.sure) return;
    if (at <= here.from) {
      here.sure = false;
      return;
    }
    here.to = at;
    this.#here = { ...here, from: at, to: null, sure: false };
    this.#stays.push(this.#here);
  }

  #split(bed: string, at: Instant): void {
    this.#unsureFrom(at);
    if (this.#also) this.#also.to = at;
    this.#also = this.#here;
    this.#here = { bed, from: at, to: null, sure: false };
    this.#stays.push(this.#here);
  }

  #moveTo(bed: string, at: Instant, sure: boolean): void {
    if (this.#also) this.#also.to = at;
    this.#also = undefined;
    if (this.#here && this.#here.bed === bed && this.#here.sure === sure) {
      this.#agreedAt = at;
      return;
    }
    if (this.#here) this.#here.to = at;
    this.#here = bed === '' ? undefined : { bed, from: at, to: null, sure };
    if (this.#here) this.#stays.push(this.#here);
    this.#agreedAt = at;
  }
}

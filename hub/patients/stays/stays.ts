import type { Instant } from '../../../shared/clock.ts';
import { compareSaid } from './order.ts';
import type { Statement } from './statement.ts';

/** That a person lay in a bed for a time. */
export interface Stay {
  bed: string;
  from: Instant;
  /** Null while it lasts. */
  to: Instant | null;
  /** False where what was said contradicts itself: the person may have been elsewhere. */
  sure: boolean;
}

type Placing = Extract<Statement, { says: 'admit' | 'transfer' }>;
type Step = Placing | Extract<Statement, { says: 'leave' | 'confirm' }>;

/**
 * Where one person lay, from everything that was said of this one, in whatever order: no two stays at one time but where it is not known which is true.
 * What contradicts what is known (a transfer from another bed, an update that names another one) shows that a movement was missed: since the last word that
 * agreed, nothing is sure.
 */
export function staysOf(statements: readonly Statement[]): Stay[] {
  const course = new Course();
  for (const step of withoutCancelled(statements)) course.take(step);
  return course.stays();
}

/** Without what was taken back. A `cancel` of something that nobody heard of still says where the patient is now. */
function withoutCancelled(statements: readonly Statement[]): Step[] {
  const steps: Step[] = [];
  const seen = new Set<string>();
  for (const statement of [...statements].sort(compareSaid)) {
    if (statement.says !== 'cancel') {
      steps.push(statement);
      continue;
    }
    // Heard twice, by two gateways, it must not take back two acts.
    const { key: _, ...said } = statement;
    const heard = JSON.stringify(said, Object.keys(said).sort());
    if (seen.has(heard)) continue;
    seen.add(heard);
    const undone = steps.findLastIndex((step) => step.says === statement.act && isOfVisit(step, statement));
    if (undone >= 0) undo(steps, undone);
    const now = leftAt(statement, undone >= 0);
    if (now) steps.push(now);
  }
  return steps;
}

/** The act goes, and what is the same said twice; with an admission everything that came of it. */
function undo(steps: Step[], undone: number): void {
  const act = steps[undone];
  for (let i = steps.length - 1; act && i >= 0; i -= 1) {
    const step = steps[i];
    const isSame = step && step.says === act.says && step.at === act.at && step.visit === act.visit && step.bed === act.bed;
    if (isSame || (step && i > undone && act.says === 'admit' && isOfVisit(step, act))) steps.splice(i, 1);
  }
}

/** Where a `cancel` leaves the patient, as a step of its own. */
function leftAt({ act, bed, says: _, ...said }: Extract<Statement, { says: 'cancel' }>, isUndone: boolean): Step | undefined {
  // Without the act, whatever was before it stands, and the bed only agrees with that or not.
  if (isUndone && act !== 'leave') return act === 'admit' || bed === undefined ? undefined : { ...said, says: 'confirm', bed };
  if (act === 'admit') return { ...said, says: 'leave' };
  return bed === undefined ? undefined : { ...said, says: 'transfer', bed };
}

function isOfVisit(a: Pick<Statement, 'visit'>, b: Pick<Statement, 'visit'>): boolean {
  return a.visit === undefined || b.visit === undefined || a.visit === b.visit;
}

/** The stays of one person while what was said is gone through in order. */
class Course {
  readonly #stays: Stay[] = [];
  /** Where the person is, as far as is known. */
  #here: Stay | undefined;
  #visit: string | undefined;
  /** The last that agreed with where the person is. */
  #agreedAt: Instant = 0;
  /** Visits that ended: what is still said of them moves nobody. */
  readonly #ended = new Set<string>();

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
    }
  }

  stays(): Stay[] {
    return this.#stays.filter(({ from, to }) => to === null || to > from);
  }

  #place({ says, bed, priorBed, visit, at }: Placing): void {
    if (priorBed !== undefined && this.#here && this.#here.bed !== priorBed && this.#here.bed !== bed) this.#doubtUntil(at, priorBed);
    // Nobody is transferred after a discharge that nobody took back: one of both times is wrong.
    const isOver = says === 'transfer' && visit !== undefined && this.#ended.has(visit);
    if (visit !== undefined && !isOver) this.#ended.delete(visit);
    this.#visit = visit ?? this.#visit;
    this.#moveTo(bed, at, !isOver);
  }

  #leave({ bed, visit, at }: Extract<Step, { says: 'leave' | 'confirm' }>): void {
    if (visit !== undefined) this.#ended.add(visit);
    if (visit !== undefined && this.#visit !== undefined && visit !== this.#visit) return;
    if (bed && this.#here && this.#here.bed !== bed) this.#doubtUntil(at, bed);
    this.#moveTo('', at, true);
    this.#visit = undefined;
  }

  #confirm({ bed, visit, at }: Extract<Step, { says: 'leave' | 'confirm' }>): void {
    // Updates still come for days after a discharge, with the bed in which somebody else lies by then.
    if (!bed || (visit !== undefined && this.#ended.has(visit))) return;
    if (this.#here?.bed === bed) {
      if (this.#here.sure) this.#agreedAt = at;
      return;
    }
    if (this.#here) this.#doubtUntil(at, bed);
    this.#moveTo(bed, at, false);
  }

  /** Since the last word that agreed, the person was where it was known to be, or already in `bed`: neither is sure. */
  #doubtUntil(at: Instant, bed: string): void {
    const here = this.#here;
    if (!here) return;
    const since = Math.max(here.from, this.#agreedAt);
    if (here.sure && since > here.from) {
      here.to = since;
      this.#stays.push({ ...here, from: since, to: at, sure: false });
    } else here.sure = false;
    here.to ??= at;
    this.#stays.push({ bed, from: since, to: at, sure: false });
    this.#here = undefined;
  }

  #moveTo(bed: string, at: Instant, sure: boolean): void {
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

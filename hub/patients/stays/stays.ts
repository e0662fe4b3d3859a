import type { Instant } from '../../../shared/clock.ts';
import { Course } from './course-of-life.ts';
import { type Join, Lives } from './lives.ts';
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
  /** True where it ended with a discharge. */
  left?: true;
  /** True for a time of which it was told too long afterwards: it counts where nobody else lay. */
  claimed?: true;
}

/**
 * Where one person lay, from everything that was said of this one, in whatever order: no two stays at one time but where it is not known which is true.
 * What contradicts what is known (a transfer from another bed, an update that names another one, a discharge of another visit) shows that a movement was missed:
 * then nothing is sure. `joins`: when it was said that another's number, or visit, was this one's; before that, each number led a life of its own, and where two of
 * them lay at once is not known.
 */
export function staysOf(statements: readonly Statement[], joins: readonly Join[] = []): Stay[] {
  const lives = new Lives(joins);
  const courses = new Map<RecordKey, Course>();
  const courseOf = (life: RecordKey): Course => {
    const course = courses.get(life) ?? new Course();
    courses.set(life, course);
    return course;
  };
  const joinUpTo = (at: Instant): void => {
    for (const { gone, into } of lives.upTo(at)) {
      const course = courses.get(gone);
      courses.delete(gone);
      if (course) courseOf(into).join(course);
    }
  };
  const steps = stepsOf(statements, joins);
  for (const step of steps) {
    joinUpTo(step.at);
    const life = lives.of(step.record);
    courseOf(life).take(step, step.record !== life);
  }
  joinUpTo(Number.POSITIVE_INFINITY);
  const discharges = new Set(steps.flatMap(({ says, at }) => (says === 'leave' ? [at] : [])));
  const stays = [...courses.values()].flatMap((course) =>
    course.stays().map((stay): Stay => (stay.to !== null && discharges.has(stay.to) ? { ...stay, left: true } : stay)),
  );
  return [...stays, ...steps.flatMap((step) => claimedBy(step, stays))];
}

/** Where a person says to have lain before something else of that time was heard of them, from when they were last elsewhere. */
function claimedBy(step: Step, stays: readonly Stay[]): Stay[] {
  if (!('claimedFrom' in step) || step.claimedFrom === undefined || step.bed === '') return [];
  const { bed, at, claimedFrom } = step;
  const elsewhere = stays.flatMap(({ from, to }) => (from < at ? [Math.min(to ?? at, at)] : []));
  const from = Math.max(claimedFrom, ...elsewhere);
  return from < at ? [{ bed, from, to: at, sure: true, claimed: true }] : [];
}

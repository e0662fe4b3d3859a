import { type Join, type JoinedLives, Lives } from './lives.ts';
import { compareSaid } from './order.ts';
import { countedOf, isOfVisit } from './said-again.ts';
import type { RecordKey, Statement } from './statement.ts';
import { toldOnce } from './told-twice.ts';

/** What remains of what was said of one person. `doubt`: something was taken back of which nobody heard, nor where that leaves the person. */
export type Step =
  | Exclude<Statement, { says: 'cancel' }>
  | (Omit<Extract<Statement, { says: 'leave' | 'confirm' }>, 'says'> & { says: 'doubt' });

/** A step, and whether it only follows from something that was taken back: then it is not itself what a later `cancel` takes back. */
interface Noted {
  step: Step;
  follows: boolean;
}

/**
 * Statements of one person in order, without what was taken back. What names no visit is of the one before it of its number, unless it admits somebody. `joins`: when which
 * numbers turned out to be this person's.
 */
export function stepsOf(statements: readonly Statement[], joins: readonly Join[] = []): Step[] {
  const noted: Noted[] = [];
  const lives = new Lives(joins);
  const visits = new Visits();
  for (const statement of countedOf(toldOnce(statements), joins).sort(compareSaid)) {
    for (const joined of lives.upTo(statement.at)) visits.join(joined);
    if (statement.says === 'cancel') {
      takeBack(noted, statement, (step) => lives.of(step.record) === lives.of(statement.record));
      continue;
    }
    const visit = visits.of(statement);
    noted.push({ step: visit === undefined ? statement : { ...statement, visit }, follows: false });
  }
  return noted.map(({ step }) => step);
}

/** The last visit of each number. */
class Visits {
  readonly #last = new Map<RecordKey, string | undefined>();

  /** Of whom nothing was said by the number that stays, what was said by the other one is of the same visit. */
  join({ gone, into }: JoinedLives): void {
    if (!this.#last.has(into) && this.#last.has(gone)) this.#last.set(into, this.#last.get(gone));
  }

  of({ says, record, visit, bed }: Exclude<Statement, { says: 'cancel' }>): string | undefined {
    // A discharge that names its bed is of whatever visit lies there.
    if (says === 'leave' && visit === undefined && bed !== undefined) return undefined;
    const now = says === 'admit' ? visit : (visit ?? this.#last.get(record));
    this.#last.set(record, now);
    return now;
  }
}

/** Whether something was said of the life of which something is taken back. */
type IsOfLife = (step: Step) => boolean;

function takeBack(noted: Noted[], cancel: Extract<Statement, { says: 'cancel' }>, isOfLife: IsOfLife): void {
  const { act, bed, says: _, ...said } = cancel;
  const undone = noted.findLastIndex(({ step, follows }) => !follows && step.says === act && isOfVisit(step, cancel) && isOfLife(step));
  const followsNow = (step: Step): number => noted.push({ step, follows: true });
  if (undone < 0) {
    // A cancel of something that nobody heard of still says where the patient is now.
    if (act === 'admit') followsNow({ ...said, says: 'leave' });
    else if (bed !== undefined) followsNow({ ...said, says: 'transfer', bed });
    else followsNow({ ...said, says: 'doubt' });
    return;
  }
  undo(noted, undone, isOfLife);
  // Without the act, whatever was before it stands, and the bed only agrees with that or not; but who was not discharged may have been moved meanwhile.
  if (bed === undefined || act === 'admit') return;
  followsNow(act === 'leave' ? { ...said, says: 'transfer', bed } : { ...said, says: 'confirm', bed });
}

/** The act goes, with an admission everything that came of it, and whatever followed from something else and repeats where the act put the patient. */
function undo(noted: Noted[], undone: number, isOfLife: IsOfLife): void {
  const act = noted[undone]?.step;
  if (act === undefined) return;
  for (let i = noted.length - 1; i > undone; i -= 1) {
    const { step, follows } = noted[i] ?? { step: act, follows: false };
    if (!isOfLife(step)) continue;
    const cameOfIt = act.says === 'admit' && isOfVisit(step, act);
    const repeatsIt = follows && act.says === 'transfer' && 'bed' in step && step.bed === act.bed;
    if (cameOfIt || repeatsIt) noted.splice(i, 1);
  }
  noted.splice(undone, 1);
}

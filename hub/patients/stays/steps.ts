import { compareSaid } from './order.ts';
import { countedOf, isOfVisit } from './said-again.ts';
import type { Statement } from './statement.ts';

/** What remains of what was said of one person. `doubt`: something was taken back of which nobody heard, nor where that leaves the person. */
export type Step =
  | Exclude<Statement, { says: 'cancel' }>
  | (Omit<Extract<Statement, { says: 'leave' | 'confirm' }>, 'says'> & { says: 'doubt' });

/** A step, and whether it only follows from something that was taken back: then it is not itself what a later `cancel` takes back. */
interface Noted {
  step: Step;
  follows: boolean;
}

/** Statements of one person in order, without what was taken back. What names no visit is of the one before it, unless it admits somebody. */
export function stepsOf(statements: readonly Statement[]): Step[] {
  const noted: Noted[] = [];
  let visit: string | undefined;
  for (const statement of countedOf(statements).sort(compareSaid)) {
    if (statement.says === 'cancel') {
      takeBack(noted, statement);
      continue;
    }
    visit = statement.says === 'admit' ? statement.visit : (statement.visit ?? visit);
    noted.push({ step: visit === undefined ? statement : { ...statement, visit }, follows: false });
  }
  return noted.map(({ step }) => step);
}

function takeBack(noted: Noted[], cancel: Extract<Statement, { says: 'cancel' }>): void {
  const { act, bed, says: _, ...said } = cancel;
  const undone = noted.findLastIndex(({ step, follows }) => !follows && step.says === act && isOfVisit(step, cancel));
  const followsNow = (step: Step): number => noted.push({ step, follows: true });
  if (undone < 0) {
    // A cancel of something that nobody heard of still says where the patient is now.
    if (act === 'admit') followsNow({ ...said, says: 'leave' });
    else if (bed !== undefined) followsNow({ ...said, says: 'transfer', bed });
    else followsNow({ ...said, says: 'doubt' });
    return;
  }
  undo(noted, undone);
  // Without the act, whatever was before it stands, and the bed only agrees with that or not; but who was not discharged may have been moved meanwhile.
  if (bed === undefined || act === 'admit') return;
  followsNow(act === 'leave' ? { ...said, says: 'transfer', bed } : { ...said, says: 'confirm', bed });
}

/** The act goes, with an admission everything that came of it, and whatever followed from something else and repeats where the act put the patient. */
function undo(noted: Noted[], undone: number): void {
  const act = noted[undone]?.step;
  if (act === undefined) return;
  for (let i = noted.length - 1; i > undone; i -= 1) {
    const { step, follows } = noted[i] ?? { step: act, follows: false };
    const cameOfIt = act.says === 'admit' && isOfVisit(step, act);
    const repeatsIt = follows && act.says === 'transfer' && 'bed' in step && step.bed === act.bed;
    if (cameOfIt || repeatsIt) noted.splice(i, 1);
  }
  noted.splice(undone, 1);
}

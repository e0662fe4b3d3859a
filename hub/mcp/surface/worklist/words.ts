import { counted } from '../../../../shared/counted.ts';
import type { DueState } from '../../../clinical/due/state.ts';
import { notKnownText } from '../place-not-known.ts';
import type { OpenPatient, WorklistAnswer } from './view.ts';

const STATE_WORDS: Readonly<Record<DueState, string>> = {
  missed: 'MISSED',
  overdue: 'OVERDUE',
  'gateway-silent': 'NOT KNOWN (gateway silent)',
  'device-silent': 'NOT KNOWN (device silent)',
  due: 'due now',
  'not-yet-due': 'not yet due',
  done: 'done',
};

/** A worklist in plain English: how many of which state, what it says nothing of, then one line a patient, worst first. */
export function worklistText(list: WorklistAnswer): string {
  const { ward, panel, asOf, version, total, nothingExpected, withOpen, counts, withheld = 0, patients, nextCursor, placeNotKnown } = list;
  const by = Object.entries(counts).map(([state, count]) => `${count} ${STATE_WORDS[state as DueState]}`);
  const whose = ward === undefined ? `Panel ${panel}` : `Ward ${ward}`;
  return [
    `${whose}, as of ${asOf}, expected readings by version ${version} of the site's file: ${by.length === 0 ? 'none' : by.join(', ')}. ${total === 0 ? 'Nobody lies here for sure.' : `Something is open of ${withOpen} of ${counted(total, 'patient')}.`}${notKnownText(placeNotKnown, 'IN THIS WARD')}`,
    ...(nothingExpected > 0 ? [`Nothing is expected of ${nothingExpected} of them: this says nothing of whether they were measured.`] : []),
    ...(withheld > 0
      ? [`Of ${withheld} of them your access token keeps something back, and nothing is said of what is expected of it.`]
      : []),
    ...patients.map(openText),
    ...(nextCursor === undefined ? [] : [`More follow: call get_worklist with the same group and cursor ${nextCursor}.`]),
    list.notice,
  ].join('\n');
}

/** One line; what it has no words for stands in the data. */
export function openText({ patient, bed, unplaced, open, more = 0 }: OpenPatient): string {
  const said = open.map(
    ({ vital, state, byClock, since, late }) =>
      `${vital} ${STATE_WORDS[state]}${byClock === undefined ? '' : `, by the clock ${STATE_WORDS[byClock]}`}${since === null ? '' : ` since ${since}`}${late === undefined ? '' : `, measured too late at ${late.at}`}`,
  );
  const where = [...(bed === null ? [] : [bed]), ...(unplaced ? ['PLACE NOT KNOWN'] : [])];
  return `- ${patient}${where.length === 0 ? '' : ` (${where.join(', ')})`}: ${[...said, ...(more > 0 ? [`${more} more`] : [])].join('; ')}`;
}

import { counted } from '../../../../shared/counted.ts';
import { ageText, MASKED_WORDS, scopeText, whereOf } from '../../wording.ts';
import { notKnownText } from '../place-not-known.ts';
import type { Found } from './find-patients-view.ts';

/** What was found in plain English: first how sure it is whom was meant, then one line a patient. */
export function foundText(found: Found): string {
  const { patients, total, truncated, nextCursor, masked, withheld, notice, placeNotKnown } = found;
  const more = notKnownText(placeNotKnown, 'IN THE WARDS OF THIS CALLER');
  if (total === 0) return `There is no patient this caller may see.${more}\n${notice}`;
  return [
    `${headText(found)}${more}`,
    ...(masked ? [MASKED_WORDS[masked]] : []),
    ...(withheld ? [`${scopeText(withheld)} This says nothing about the patients.`] : []),
    ...patients.map((row) => `- ${rowText(row, found)}`),
    ...(truncated ? [`More follow: call find_patients with the same search and cursor ${nextCursor}.`] : []),
    notice,
  ].join('\n');
}

function headText({ match, found }: Found): string {
  const patients = counted(found, 'patient');
  if (match === 'exact') return '1 patient is exactly who was named.';
  if (match === 'candidates') return `NOT SURE: ${patients} may be meant, and none is for certain. Ask which one; do not choose.`;
  if (match === 'group') return `${patients} of this group whom this caller may see.`;
  if (match === 'none')
    return 'Nobody whom this caller may see matches. That does not say that a bed is empty or that somebody is not here.';
  return `${patients}.`;
}

function rowText(
  { patient, unplaced, discharged, vitals, ageSeconds, ...where }: Found['patients'][number],
  { masked, withheld }: Found,
): string {
  const placed = discharged ? 'discharged' : whereOf(where, masked);
  const said = withheld ? coveredText(vitals.length, ageSeconds) : recordText(vitals.length, ageSeconds);
  return `${patient} (${unplaced ? 'bed not known for sure' : placed}): ${said}`;
}

function recordText(vitals: number, ageSeconds: number | null): string {
  return ageSeconds === null ? 'no data yet' : `${vitals} vital signs on record, last data ${ageText(ageSeconds)} ago`;
}

/** The same where a token shows a part alone: how much there is, nobody with it can know. */
function coveredText(shown: number, ageSeconds: number | null): string {
  if (shown === 0) return 'nothing that your access token covers';
  return `${shown} shown that your access token covers${ageSeconds === null ? '' : `, last data ${ageText(ageSeconds)} ago`}`;
}

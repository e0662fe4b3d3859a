import { counted } from '../../../../shared/counted.ts';
import { withUnit } from '../../../../shared/observation-code.ts';
import { ageText, byHandKindText } from '../../wording.ts';
import { notKnownText } from '../place-not-known.ts';
import type { GroupOverview, Member } from './get-group-overview-view.ts';

const QUALITY_WORDS: Readonly<Record<Member['quality'], string>> = {
  'place-unknown': 'PLACE NOT KNOWN',
  'no-data': 'NO DATA',
  'none-current': 'NOTHING CURRENT',
  lost: 'GATEWAY LOST',
  silent: 'DEVICE SILENT',
  'some-stale': 'SOME TOO OLD',
  doubtful: 'DOUBTFUL',
  flagged: 'flagged',
  current: 'current',
};

/** A group in plain English: how many of which quality, then one line a patient, worst data first. */
export function groupText({
  ward,
  panel,
  asOf,
  total,
  counts,
  patients,
  truncated,
  nextCursor,
  notice,
  placeNotKnown,
}: GroupOverview): string {
  const by = Object.entries(counts).map(([quality, count]) => `${count} ${QUALITY_WORDS[quality as Member['quality']]}`);
  return [
    `${ward === undefined ? `Panel ${panel}` : `Ward ${ward}`}, as of ${asOf}: ${total === 0 ? 'nobody lies here for sure.' : `${counted(total, 'patient')} by quality of their data, worst first: ${by.join(', ')}. It does not say how they are.`}${notKnownText(placeNotKnown, 'IN THIS WARD')}`,
    ...patients.map(memberText),
    ...(truncated ? [`More follow: call get_group_overview with the same group and cursor ${nextCursor}.`] : []),
    notice,
  ].join('\n');
}

/** One line; what it has no words for stands in the data. */
export function memberText({ patient, bed, quality, test, current, notCurrent = 0, moreCurrent = 0 }: Member): string {
  const said = current.map(({ vital, value, parts = {}, unit, ageSeconds, byHand, doubt }) => {
    const numbers =
      value === undefined || value === null
        ? Object.values(parts)
            .map((part) => part ?? '–')
            .join('/')
        : `${value}`;
    const hand = byHand ? ` [${byHandKindText(byHand.kind)}]` : '';
    return `${vital} ${withUnit(numbers, unit)} ${ageText(ageSeconds)}${hand}${doubt ? ' DOUBTFUL' : ''}`;
  });
  return [
    `- ${patient}${bed === null ? '' : ` (${bed})`}: ${QUALITY_WORDS[quality]}${test ? ', TEST' : ''}`,
    ...said,
    ...(moreCurrent > 0 ? [`${moreCurrent} more`] : []),
    ...(notCurrent > 0 ? [`${notCurrent} not current`] : []),
  ].join('; ');
}

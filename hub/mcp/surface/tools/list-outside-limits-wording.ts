import { withUnit } from '../../../../shared/observation-code.ts';
import { nameOf } from '../../../access/views.ts';
import { ageText, byHandText, byText, MASKED_WORDS, scopeText, severalOf } from '../../wording.ts';
import { notKnownText } from '../place-not-known.ts';
import type { Outside } from './list-outside-limits-view.ts';

/** In plain English, and first how much cannot be told: silence about somebody must not read as calm. */
export function outsideText({
  limits,
  version,
  counts,
  reasons,
  patients,
  truncated,
  nextCursor,
  masked,
  withheld,
  notice,
  asOf,
  placeNotKnown,
}: Outside): string {
  const why = Object.entries(reasons).map(([reason, count]) => `${count} ${reason}`);
  const whose =
    limits === 'device'
      ? 'the limits that the devices say they have'
      : `the ranges of the site${version === undefined ? '' : ` (version ${version})`}`;
  return [
    `${counts.notEvaluable} NOT EVALUABLE${why.length === 0 ? '' : ` (${why.join(', ')})`}; ${counts.outside} outside and ${counts.inside} inside ${whose}, of ${counts.patients} patients, as of ${asOf}.${notKnownText(placeNotKnown, 'IN THIS WARD')}`,
    ...(masked ? [MASKED_WORDS[masked]] : []),
    ...(withheld ? [`${scopeText(withheld)} This says nothing about the patients.`] : []),
    ...patients.flatMap(patientText),
    ...(truncated
      ? [
          `There is more than shown${nextCursor === undefined ? '' : `: call list_outside_limits with the same question and cursor ${nextCursor}`}.`,
        ]
      : []),
    notice,
  ].join('\n');
}

function patientText({ patient, bed, outside, inside, notEvaluable }: Outside['patients'][number]): string[] {
  const ofSeveral = severalOf([...outside, ...inside, ...notEvaluable].map(({ vital }) => vital));
  const by = ({ vital, device }: { vital: string; device?: string | null | undefined }): string =>
    device === undefined || !ofSeveral.has(vital) ? '' : byText(device);
  const rows = outside.map(
    ({ vital, value, unit, low, high, ageSeconds, device, byHand }) =>
      `${nameOf(vital)}${by({ vital, device })} ${withUnit(value, unit)}, ${ageText(ageSeconds)} ago, OUTSIDE ${low ?? '…'} to ${high ?? '…'}${byHand ? ` [${byHandText(byHand)}]` : ''}`,
  );
  const unknown = notEvaluable.map((one) => `${one.vital}${by(one)} ${one.reason}`);
  return [
    `- ${patient}${bed === null ? '' : ` (bed ${bed})`}: ${[...rows, `${inside.length} inside`, ...(unknown.length === 0 ? [] : [`not evaluable: ${unknown.join(', ')}`])].join('; ')}`,
  ];
}

import { ageText } from '../../wording.ts';
import type { Described } from './view.ts';

/** Vital signs of the table in plain English. */
export function describedText({ total, vitals, truncated, notice }: Described): string {
  return [
    ...(total === 0 ? ['No vital sign of this hub matches. Search for fewer or other words.'] : []),
    ...vitals.map(line),
    ...(truncated ? [`${total} match: search for more words.`] : []),
    notice,
  ].join('\n');
}

function line({
  vital,
  name,
  unit,
  loinc,
  mdc,
  kind,
  alternatives,
  plausible,
  partOf,
  parts,
  staleAfterSeconds,
}: Described['vitals'][number]): string {
  const codes = [...loinc.map((code) => `LOINC ${code}`), ...(mdc ? [`MDC ${mdc.code} ${mdc.refid}`] : [])];
  const { inBed, atHome } = staleAfterSeconds;
  return [
    `- ${vital}: ${name}, in ${unit === '1' ? 'no unit' : unit}, ${kind}`,
    ...(codes.length === 0 ? [] : [codes.join(', ')]),
    ...(partOf === undefined ? [] : [`part of ${partOf}`]),
    ...(parts ? [`parts ${parts.join(', ')}`] : []),
    ...(alternatives ? [`measures the same as ${alternatives.filter((key) => key !== vital).join(', ')}`] : []),
    ...(plausible ? [`plausible (not normal) ${plausible.min} to ${plausible.max}`] : []),
    `current for ${ageText(inBed)} in a bed, ${ageText(atHome)} at home`,
  ].join('; ');
}

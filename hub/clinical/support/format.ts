import { formatInstant } from '../../../shared/clock.ts';
import { counted } from '../../../shared/counted.ts';
import type { Baseline } from './baseline.ts';
import type { Missing, ShownInput } from './inputs.ts';
import type { SupportView } from './support.ts';
import type { Weighing, WeightGain, WeightUnknown } from './weight-gain.ts';

/** What is reckoned of a patient, for people at a terminal. */
export function formatSupport({ patient, asOf, version, news2, weight, baseline, notice }: SupportView): string {
  return [
    `Patient ${patient}, as of ${asOf}, by version ${version} of the site's file`,
    ...(news2 === null ? ['NEWS2: not applied to this patient.'] : newsLines(news2)),
    ...(weight === null ? ['Weight: no rule is applied to this patient.'] : weight.map(weightLine)),
    ...(baseline === null ? ['Baseline: not applied to this patient.'] : baseline.map(baselineLine)),
    notice,
  ].join('\n');
}

const WHY: Readonly<Record<Missing, string>> = {
  none: 'nothing was sent',
  stale: 'too old to be current',
  absent: 'sent without a value',
  doubtful: 'doubtful',
  unobserved: 'no device measures it: look at the patient',
};

function newsLines({ scale, total, atLeast, singleThree, points, inputs }: NonNullable<SupportView['news2']>): string[] {
  const score = total === null ? `partial, at least ${atLeast}` : String(total);
  return [
    `NEWS2 (SpO2 scale ${scale}): ${score}${singleThree ? '; three points in a single parameter' : ''}`,
    ...inputs.map(
      (input) =>
        `  ${input.parameter}: ${inputWords(input)}${points[input.parameter] === null ? '' : `, ${points[input.parameter]} points`}`,
    ),
  ];
}

function inputWords({ value, unit, missing, vital, device, at }: ShownInput): string {
  const by = vital === null ? '' : ` (${vital} of ${device ?? 'no device'}, ${at ?? ''})`;
  return `${missing === null ? `${value} ${unit ?? ''}` : `MISSING, ${WHY[missing]}`}${by}`;
}

const UNKNOWN: Readonly<Record<WeightUnknown, string>> = {
  none: 'not weighed within its days',
  stale: 'not weighed lately enough',
  once: 'not weighed often enough',
  doubtful: 'the newest weight is DOUBTFUL and may be somebody else’s: weigh again',
};

function weightLine({ rule, state, why, device, from, to, gainKg }: WeightGain): string {
  const asked = `Weight, ${rule.gainKg} kg within ${rule.days} days (${rule.source})`;
  if (from === null || to === null) return `${asked}: unknown, ${UNKNOWN[why ?? 'none']}`;
  return `${asked}: ${state === 'met' ? 'MET' : 'not met'}; ${gainKg} kg on ${device}, from ${weighed(from)} to ${weighed(to)}`;
}

function weighed({ kg, at }: Weighing): string {
  return `${kg} kg (${formatInstant(at)})`;
}

function baselineLine({ vital, device, unit, median, of, min, max, n, leftOut, coverage }: Baseline): string {
  if (median === null) return `Baseline of ${vital} on ${device}: nothing that counts`;
  const what = of === 'means' ? 'median of means' : 'median';
  return `Baseline of ${vital} on ${device}: ${what} ${median} ${unit}, ${min} to ${max}; ${counted(n, 'reading')}, ${leftOut} left out as doubtful, ${Math.round(coverage * 100)} % of the time`;
}

import { withUnit } from '../../../../shared/observation-code.ts';
import { panel, vital } from '../../../../shared/vitals.ts';
import { nameOf } from '../../../access/views.ts';
import { ageText, byHandText, scopeText, sourceText } from '../../wording.ts';
import { whoseText } from '../shown.ts';
import type { Overview } from './get-patient-overview-view.ts';

type Row = Overview['vitals'][number];

/** The overview in plain English, with what no reader may miss first. Nothing in it comes from a device but numbers, and nothing is concluded. */
export function overviewText(overview: Overview): string {
  const { vitals, alerts, due, association = [], notLive, withheld, truncated, notice } = overview;
  const missing = vitals.filter(isMissing);
  return [
    ...whoseText(overview),
    ...(withheld ? [`${scopeText(withheld)} This says nothing about the patient.`] : []),
    ...(vitals.some(({ test }) => test) ? ['TEST DATA: not measured on a person.'] : []),
    ...(vitals.length === 0 ? ['No vital signs are shown. This is missing data, not a normal finding.'] : []),
    ...(missing.length > 0 ? [`NO CURRENT VALUE, which is not normal: ${missing.map((row) => row.vital).join(', ')}.`] : []),
    ...vitals.map((row) => `- ${rowText(row, overview)}`),
    alertsText(alerts),
    ...(Object.keys(due.counts).length === 0 ? [] : [dueText(due)]),
    ...(association.length === 0 ? [] : [`Taken for this patient’s by ${association.map(associationText).join('; ')}.`]),
    ...notLive.flatMap(sourceText),
    ...(truncated ? ['There is more than shown here; see `omitted`.'] : []),
    notice,
  ].join('\n');
}

const DAY_S = 86_400;
const LEAST_TOLD_S = 180;
/** From which share of the day on it is not said how much of it was measured. */
const MOST_OF_DAY = 0.8;

function isMissing({ value = null, parts }: Row): boolean {
  return value === null && Object.values(parts ?? {}).every((part) => part === null);
}

function rowText(row: Row, { baseline = [] }: Overview): string {
  const { vital: key, ageSeconds, stale, lastKnown, flags = [], byHand, doubtful, disagrees, day = [], device, others = 0, unit } = row;
  const [first] = day;
  const usual = baseline.find((one) => one.vital === (first?.vital ?? key) && one.device === device);
  const known = lastKnown && numbersText(lastKnown, unit);
  const age = ageText(ageSeconds);
  const now = isMissing(row) ? noneText(row, age) : `${numbersText(row, unit)}, ${age} ago`;
  return [
    `${nameOf(key)}: ${stale ? `none current${known === undefined ? '' : `; last known ${known}, ${age} ago`}` : now}`,
    ...(flags.length > 0 ? [`[${flags.join(', ')}]`] : []),
    ...(byHand ? [byHandText(byHand)] : []),
    ...(disagrees === undefined ? [] : [`DISAGREES with another by ${disagrees}`]),
    ...(doubtful ? [`a newer ${numbersText(doubtful, unit) ?? 'one'} may be somebody else’s`] : []),
    // A panel by its first part; the others stand in the data. There is one device where no other row measures it.
    ...(first && first.n > 0 ? [dayText(first, others === 0 ? null : device)] : []),
    ...(usual?.median === undefined || usual.median === null ? [] : [`own usual ${usual.median} (${usual.min} to ${usual.max})`]),
  ].join('; ');
}

/** Whose it is, and of how much of the day, where that is not most of it: the spread of a minute is no day's. */
function dayText({ vital: part, min, max, median, coverage }: NonNullable<Row['day']>[number], device: Row['device']): string {
  const of = [...(part === undefined ? [] : [partName(part)]), ...(device === null ? [] : [`of ${device}`])]
    .map((one) => ` ${one}`)
    .join('');
  const covered = coverage < MOST_OF_DAY ? ` (of ${timeText(coverage * DAY_S)})` : '';
  return `24 h${of} ${min} to ${max}, median ${median}${covered}`;
}

/** The share of the day comes in thousandths, which are a minute and a half each. */
function timeText(seconds: number): string {
  return seconds < LEAST_TOLD_S ? `less than ${ageText(LEAST_TOLD_S)}` : `about ${ageText(seconds)}`;
}

function noneText({ absent }: Row, age: string): string {
  return `no value${absent === undefined ? '' : ` (${absent})`}, ${age} ago`;
}

/** Parts of a panel by the words of their place in it. */
function numbersText(
  { value = null, parts = {} }: { value?: number | null | undefined; parts?: Record<string, number | null> | undefined },
  unit: string,
): string | undefined {
  const said = [
    ...(value === null ? [] : [withUnit(value, unit)]),
    ...Object.entries(parts).flatMap(([key, part]) =>
      part === null ? [] : [`${partName(key)} ${withUnit(part, vital(key)?.ucum ?? unit)}`],
    ),
  ];
  return said.length === 0 ? undefined : said.join(', ');
}

function partName(key: string): string {
  const of = panel(key.replace(/_[a-z]+$/, ''))?.parts ?? {};
  return Object.entries(of).find(([, part]) => part === key)?.[0] ?? key;
}

function alertsText({ active, unknown, ended, atLeast, open, devices: { tell, cannot, unknown: unheard } }: Overview['alerts']): string {
  const words = open.map(
    ({ state, priority, type, vital: about, since }) =>
      `${state === 'active' ? 'ACTIVE' : 'NOT KNOWN IF STILL THERE'}, ${priority} ${type}${about ? ` (${about})` : ''} since ${since}`,
  );
  return [
    `Alerts told of: ${atLeast ? 'at least ' : ''}${active} active, ${unknown} not known, ${ended} ended in 24 h.`,
    ...words.map((one) => `${one}.`),
    `Devices that can tell of alarms: ${tell}, cannot: ${cannot}, not known: ${unheard}; that none is shown does not mean that none sounds.`,
  ].join(' ');
}

function dueText({ counts, open }: Overview['due']): string {
  const all = Object.entries(counts).map(([state, count]) => `${count} ${state}`);
  const each = open.map(({ vital: key, state, since }) => `${key} ${state}${since === null ? '' : ` since ${since}`}`);
  return `Expected readings: ${[all.join(', '), ...each].join('; ')}.`;
}

const BY = { gateway: 'the gateway of their home', bed: 'bed', device: 'device', movements: 'movements, bed' } as const;

function associationText({ by, of, since }: NonNullable<Overview['association']>[number]): string {
  return `${BY[by]}${of === null ? '' : ` ${of}`}, ${since === null ? 'since when is not known' : `since ${since}`}`;
}

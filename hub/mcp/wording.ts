import { withUnit } from '../../shared/observation-code.ts';
import type { Withheld } from '../access/access.ts';
import type { Latest, LatestRow } from './views.ts';

/** The latest values in plain English, for hosts that show a model only text. Nothing in it comes from a device but numbers. */
export function latestText(latest: Latest): string {
  const lines = [`Patient ${latest.patient} (${placeOf(latest)}), as of ${latest.asOf}.`];
  if (latest.mergedFrom !== undefined) lines.push(`MERGED: ${latest.mergedFrom}, which was asked for, is this patient by another number.`);
  if (latest.alsoKnownAs) lines.push(otherText(latest.alsoKnownAs, latest.masked));
  if (latest.discharged !== undefined)
    lines.push('DISCHARGED: nothing here is current; what is last known is of the stay that ended then.');
  if (latest.admitted !== undefined) lines.push(`HERE AGAIN since ${latest.admitted}: nothing of a stay before is current.`);
  if (latest.leftBed !== undefined) lines.push(leftText(latest.leftBed));
  if (latest.unplaced)
    lines.push(
      'PLACE NOT KNOWN: nobody knows for sure in which bed this patient lies, so what is measured there is shown under no patient.',
    );
  if (latest.masked) lines.push(MASKED_WORDS[latest.masked]);
  if (latest.vitals.some(({ test }) => test)) lines.push('TEST DATA: not measured on a person.');
  if (latest.withheld) lines.push(`${scopeText(latest.withheld)} This says nothing about the patient.`);
  if (latest.vitals.length === 0 && !latest.withheld?.includes('vital-signs'))
    lines.push('No vital signs are on record. This is missing data, not a normal finding.');
  const ofSeveral = severalOf(latest.vitals.map((row) => row.vital));
  for (const row of preferredFirst(latest.vitals)) {
    const by = ofSeveral.has(row.vital) ? byText(row.device) : '';
    lines.push(`- ${rowText({ ...row, name: `${row.name}${by}` }, latest)}${standingText(row, latest.vitals)}${doubtfulText(row)}`);
  }
  for (const source of latest.sources) lines.push(...sourceText(source));
  if (latest.demo)
    lines.push('DEMO: a device of this patient is in demonstration mode. What it sends is of nobody, and no number of it is current.');
  if (latest.truncated) lines.push('There are more rows than shown here.');
  lines.push(latest.notice);
  return lines.join('\n');
}

/** What a reader of words must know of an answer that is masked. */
export const MASKED_WORDS: Readonly<Record<NonNullable<Latest['masked']>, string>> = {
  limited: 'MASKED: pseudonyms stand for patients and devices; beds, gateways and free text are left out.',
  deidentified:
    'DEIDENTIFIED: pseudonyms stand for patients and devices; places and free text are left out, and times are shifted by an unknown number of days, so none of them is a real date.',
};

const WITHHELD_WORDS: Readonly<Record<Withheld, string>> = {
  'vital-signs': 'vital signs',
  laboratory: 'laboratory values',
  activity: 'activity',
  exam: 'examinations',
  procedure: 'settings of devices',
  other: 'other measurements',
};

/** What the token is for, which is no finding: whether there is anything beyond it is not told, and must not read as if there were none, or some. */
export function scopeText(withheld: readonly Withheld[]): string {
  return `Scope: your access token does not cover ${withheld.map((name) => WITHHELD_WORDS[name]).join(', ')}, whether or not there are any.`;
}

/** That a patient has another id under which the hospital goes on, in words. */
export function otherText({ patient, ...where }: NonNullable<Latest['alsoKnownAs']>, masked: Latest['masked']): string {
  const lies = where.bed === null ? 'who lies in no bed for sure' : whereOf(where, masked);
  return `ALSO KNOWN AS ${patient} (${lies}): what is measured there is shown under that id alone. Read it too.`;
}

/** That a patient left the beds that are followed, in words. */
export function leftText(leftBed: string): string {
  return `LEFT THE BED at ${leftBed}: what was measured in it is not current.`;
}

/** Where a patient is, in words. */
export function placeOf({
  discharged,
  leftBed,
  unplaced,
  masked,
  ...where
}: Pick<Latest, 'bed' | 'ward' | 'discharged' | 'leftBed' | 'unplaced' | 'masked'>): string {
  if (discharged !== undefined) return `discharged since ${discharged}`;
  // Moved elsewhere or at home: which of them, this answer does not say.
  if (leftBed !== undefined && where.bed === null && !masked) return 'in no bed that the hub follows';
  return unplaced ? 'bed not known for sure' : whereOf(where, masked);
}

export function whereOf({ bed, ward }: { bed: string | null; ward?: string | undefined }, masked: Latest['masked']): string {
  if (bed !== null) return `bed ${bed}`;
  if (ward !== undefined) return `ward ${ward}`;
  return masked ? 'place not shown' : 'at home';
}

/** A newer value that may be somebody else's. */
function doubtfulText({ doubtful, ...row }: LatestRow): string {
  if (!doubtful) return '';
  const said = lastKnownText({ ...row, lastKnown: doubtful }) ?? 'no number';
  return ` DOUBTFUL, not counted: ${said}, measured ${doubtful.at}; it jumps from this patient’s own and may be somebody else’s, until it is measured again or confirmed.`;
}

/** Those that are there more than once: of them each line says by which device it is. */
export function severalOf(vitals: readonly string[]): ReadonlySet<string> {
  const seen = new Set<string>();
  return new Set(vitals.filter((vital) => seen.size === seen.add(vital).size));
}

/** Why it is this patient's, where a person said so. */
export function byHandText({ kind, since }: NonNullable<LatestRow['byHand']>): string {
  return `${byHandKindText(kind)} since ${since}`;
}

/** The same for a line that has no room for the time. */
export function byHandKindText(kind: NonNullable<LatestRow['byHand']>['kind']): string {
  return `${kind === 'reassigned' ? 'given to this patient' : 'confirmed as this patient’s'} by hand`;
}

/** By which device something was measured, behind what it is; null for one whose name is text that it sent itself. */
export function byText(device: string | null): string {
  return device === null ? ' [device without an identifier]' : ` [device ${device}]`;
}

/** The same rows; of each vital sign the preferred one stands where the first one stood. */
function preferredFirst(rows: readonly LatestRow[]): LatestRow[] {
  const preferred = (row: LatestRow): number => Number(row.preferred);
  const next = new Map(
    [...Map.groupBy(rows, ({ vital }) => vital)].map(([vital, own]) => [
      vital,
      own.toSorted((a, b) => preferred(b) - preferred(a)).values(),
    ]),
  );
  return rows.map((row) => next.get(row.vital)?.next().value ?? row);
}

/** Why what is last known of it is not current. */
function whyNotCurrent(row: LatestRow, { discharged, leftBed }: Pick<Latest, 'discharged' | 'leftBed'>): string {
  if (discharged !== undefined) return 'the patient was discharged';
  if (row.formerStay) return 'the last one is of a stay that ended';
  if (row.demo) return 'its device is in demonstration mode';
  const isOld = row.ageSeconds >= row.staleAfter.seconds;
  if (!isOld && leftBed !== undefined && Date.parse(row.at) < Date.parse(leftBed)) return 'the last one is of before they left the bed';
  return 'the last one is too old';
}

function rowText(row: LatestRow, latest: Latest): string {
  const age = ageText(row.ageSeconds);
  const flags = row.flags.length === 0 ? '' : ` [${row.flags.join(', ')}]`;
  const doubt = row.byHand ? `${flags} [${byHandText(row.byHand)}]` : flags;
  if (row.stale) {
    const known = lastKnownText(row);
    const last = known === undefined ? 'No number was measured then either.' : `Last known: ${known}, measured ${age} ago.`;
    return `${row.name}: no current value, ${whyNotCurrent(row, latest)}. ${last}${doubt}`;
  }
  const now = valueText(row);
  if (now === undefined) {
    const reason = row.absent === undefined ? '' : ` (reason: ${row.absent})`;
    return `${row.name}: no value${reason}, ${age} ago. Missing is not normal.${doubt}`;
  }
  return `${row.name}: ${now}, ${age} ago${doubt}`;
}

/** Which of several measurements of one thing answers for it, and whether they agree. */
function standingText({ vital, measurand, preferred, disagreement }: LatestRow, rows: readonly LatestRow[]): string {
  const isOneOf = rows.filter((row) => row.measurand === measurand).length > 1;
  const chosen = preferred && isOneOf ? ` Preferred of what measures ${measurand}.` : '';
  if (!disagreement) return chosen;
  const { with: other, by, limit, unit } = disagreement;
  const whose = other.vital === vital ? `that of another device${other.device === null ? '' : ` (${other.device})`}` : other.vital;
  return `${chosen} DISAGREES with ${whose} by ${withUnit(by, unit)}, more than ${withUnit(limit, unit)}; which is right is not known.`;
}

const SOURCE_WORDS: Readonly<Record<Exclude<Latest['sources'][number]['state'], 'live' | 'elsewhere'>, string>> = {
  silent: 'is silent: nothing comes of it',
  lost: 'is lost: its connection is gone, and nothing can come',
  unknown: 'is in a state that is not known',
};

/** What is not as it should be with where the values come from. */
export function sourceText({ kind, id, state, since }: Latest['sources'][number]): string[] {
  if (state === 'live') return [];
  if (state === 'elsewhere')
    return [`${id === null ? 'A device' : `Device ${id}`} is no longer at this patient: what it sent last was not theirs.`];
  const what = kind === 'movements' ? 'What tells who lies where' : `A ${kind} of this patient`;
  return [`${what} ${SOURCE_WORDS[state]}${since === null ? '' : ` since ${since}`}. This says nothing about the patient.`];
}

function valueText({ value = null, unit, components }: LatestRow): string | undefined {
  if (!components) return value === null ? undefined : withUnit(value, unit);
  const measured = components.some((part) => part.value !== null) || value !== null;
  if (!measured) return undefined;
  const parts = components.map((part) => `${part.name} ${part.value === null ? 'no value' : withUnit(part.value, part.unit)}`);
  return [...(value === null ? [] : [withUnit(value, unit)]), ...parts].join(', ');
}

function lastKnownText({ lastKnown, unit, components }: LatestRow): string | undefined {
  if (!lastKnown) return undefined;
  const parts = (lastKnown.components ?? []).flatMap(({ vital, value }) => {
    if (value === null) return [];
    const named = components?.find((part) => part.vital === vital);
    return [`${named?.name ?? vital} ${withUnit(value, named?.unit ?? unit)}`];
  });
  const { value = null } = lastKnown;
  const all = [...(value === null ? [] : [withUnit(value, unit)]), ...parts];
  return all.length === 0 ? undefined : all.join(', ');
}

/** `4 s`, `14 min`, `3 h 20 min`, `2 d 5 h`. */
export function ageText(seconds: number): string {
  const s = Math.max(0, Math.round(seconds));
  if (s < 120) return `${s} s`;
  const min = Math.floor(s / 60);
  if (min < 120) return `${min} min`;
  const h = Math.floor(min / 60);
  if (h < 48) return `${h} h ${min % 60} min`;
  return `${Math.floor(h / 24)} d ${h % 24} h`;
}

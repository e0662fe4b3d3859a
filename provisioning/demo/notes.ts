import { withUnit } from '../../shared/observation.ts';
import { type ShownPatient, type ShownVital, shownValue, staleText } from './shown-patient.ts';

/** Something that a reader had better not miss. */
export interface Note {
  kind: 'transfer' | 'stale' | 'doubtful';
  /** One sentence. */
  text: string;
}

/**
 * What is new to somebody who was shown `before` of a patient and is shown `now`: another bed, and what is not current any more, of which one value is named (saturation before
 * others), and what may be somebody else's. Pure.
 */
export function noticed(before: ShownPatient | undefined, now: ShownPatient): Note[] {
  if (before === undefined) return [];
  const wasStale = new Set(before.vitals.filter(({ stale }) => stale).map(keyOf));
  const wasDoubtful = new Set(before.vitals.flatMap(({ doubtful }) => doubtful?.at ?? []));
  const fell = now.vitals.filter((vital) => vital.stale && !wasStale.has(keyOf(vital)));
  const [first] = [...fell.filter(({ vital }) => vital === 'spo2'), ...fell];
  return [
    ...(before.bed !== null && now.bed !== null && before.bed !== now.bed
      ? [{ kind: 'transfer', text: `${now.patient} lies in ${now.bed} now, no longer in ${before.bed}` } as const]
      : []),
    ...(first
      ? [{ kind: 'stale', text: `${now.patient} ${first.name} ${staleText(shownValue(first), Date.parse(first.at))}` } as const]
      : []),
    ...now.vitals.flatMap((vital) => doubtfulNote(now.patient, vital, wasDoubtful)),
  ];
}

function doubtfulNote(patient: string, { vital, value, unit, at, doubtful }: ShownVital, known: ReadonlySet<string>): Note[] {
  if (!doubtful || doubtful.value === null || value === null || known.has(doubtful.at)) return [];
  const apart = Math.round((doubtful.value - value) * 10) / 10;
  const than = `${withUnit(Math.abs(apart), unit)} ${apart < 0 ? 'less' : 'more'} than ${whenBefore(at, doubtful.at)}`;
  const whose = vital === 'weight' ? 'somebody else on the scale?' : 'somebody else?';
  return [{ kind: 'doubtful', text: `${patient} doubtful: ${withUnit(doubtful.value, unit)}, ${than}: ${whose}` }];
}

/** A time as seen from a later one, both by the clock of the device. */
function whenBefore(at: string, later: string): string {
  const days = Math.round((Date.parse(later.slice(0, 10)) - Date.parse(at.slice(0, 10))) / 86_400_000);
  if (days <= 0) return `at ${at.slice(11, 16)}`;
  return days === 1 ? 'yesterday' : `${days} days ago`;
}

function keyOf({ vital, device }: ShownVital): string {
  return `${vital} ${device}`;
}

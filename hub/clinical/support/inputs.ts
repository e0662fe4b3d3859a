import { parseInstant } from '../../../shared/clock.ts';
import { panel } from '../../../shared/vitals.ts';
import type { LatestView, VitalView } from '../../access/door.ts';
import { IS_DOUBT } from '../preferred.ts';
import { NEWS2_PARAMETERS, type News2Inputs, type News2Parameter } from './news2.ts';

/** Why something is not known. `unobserved`: no device measures it. */
export type Missing = 'none' | 'stale' | 'absent' | 'doubtful' | 'unobserved';

/** One input of a score, as it was shown. */
export interface ShownInput {
  parameter: News2Parameter;
  /** Null where it is missing. Of `oxygen` 1 where it is given, 0 on air. */
  value: number | null;
  unit: string | null;
  missing: Missing | null;
  /** Vital sign, device and time (ISO 8601) of what was looked at; null where there is none. */
  vital: string | null;
  device: string | null;
  at: string | null;
}

/** What one row says: its value, or why it does not count. */
type Said = { value: number; unit: string } | { missing: Missing };

const MEASURANDS: Partial<Record<News2Parameter, string>> = {
  'respiratory-rate': 'respiratory-rate',
  'oxygen-saturation': 'oxygen-saturation',
  'systolic-pressure': 'blood-pressure',
  'heart-rate': 'heart-rate',
  temperature: 'temperature',
};

/** Which vital signs tell whether oxygen is given, and above which of their values it is. */
const OXYGEN: readonly { vital: string; above: number }[] = [
  { vital: 'o2flow', above: 0 },
  { vital: 'fio2', above: 21 },
  { vital: 'fio2_set', above: 21 },
];

/** The chart asks for all of it at least every twelve hours (chart 4 of the same publication): what is older is of no score of now, though it may be current at home. */
const OLDEST_SECONDS = 12 * 3600;

/** The inputs of NEWS2 in what is current of a patient: of each measurand the preferred row, and nothing that is stale, doubtful or a test, nor what a newer one puts in doubt. Pure. */
export function news2Inputs(view: Pick<LatestView, 'vitals'>, isSandbox: boolean): { inputs: News2Inputs; shown: ShownInput[] } {
  const rows = view.vitals.filter(({ test }) => isSandbox || !test);
  const shown = NEWS2_PARAMETERS.map((parameter): ShownInput => {
    if (parameter === 'consciousness') return { ...NOTHING, parameter, missing: 'unobserved' };
    if (parameter === 'oxygen') return oxygenOf(rows);
    const of = rows.filter(({ measurand }) => measurand === MEASURANDS[parameter]);
    const row = of.find(({ preferred }) => preferred);
    return inputOf(parameter, row, row && (isInDoubt(row, of) ? { missing: 'doubtful' } : saidBy(row)));
  });
  const known = new Map(shown.map(({ parameter, value }) => [parameter, value ?? undefined]));
  const inputs: News2Inputs = {};
  for (const [parameter, value] of known) {
    if (value === undefined || parameter === 'consciousness') continue;
    if (parameter === 'oxygen') inputs.oxygen = value === 1;
    else inputs[parameter] = value;
  }
  return { inputs, shown };
}

const NOTHING = { value: null, unit: null, vital: null, device: null, at: null } as const;

function inputOf(parameter: News2Parameter, row: VitalView | undefined, said: Said | undefined): ShownInput {
  if (!row || !said) return { ...NOTHING, parameter, missing: 'none' };
  const of = { parameter, vital: row.vital, device: row.device, at: row.at };
  if ('missing' in said) return { ...of, value: null, unit: null, missing: said.missing };
  return { ...of, value: said.value, unit: said.unit, missing: null };
}

/** Whether a newer one of the same measurand is doubtful: it may be the person's, and the older one says nothing of now. */
function isInDoubt({ at }: VitalView, of: readonly VitalView[]): boolean {
  return of.some(({ doubtful }) => doubtful !== undefined && instantOf(doubtful.at) > instantOf(at));
}

function instantOf(at: string): number {
  return parseInstant(at)?.at ?? Number.POSITIVE_INFINITY;
}

/** Of a panel its systolic part. */
function saidBy({ vital, value, unit, components, flags, stale, ageSeconds }: VitalView): Said {
  if (stale || ageSeconds > OLDEST_SECONDS) return { missing: 'stale' };
  if (flags.some((flag) => IS_DOUBT[flag])) return { missing: 'doubtful' };
  const systolic = panel(vital)?.parts.systolic;
  const part = systolic === undefined ? { value, unit } : components.find((one) => one.vital === systolic);
  return part === undefined || part.value === null ? { missing: 'absent' } : { value: part.value, unit: part.unit };
}

/** Oxygen is given where anything that is known says so; on air only where something says that, and nothing else. */
function oxygenOf(rows: readonly VitalView[]): ShownInput {
  const told = OXYGEN.flatMap(({ vital, above }) =>
    rows.filter((row) => row.vital === vital).map((row) => ({ row, said: saidBy(row), above })),
  );
  const known = told.flatMap(({ row, said, above }) => ('missing' in said ? [] : [{ row, isGiven: said.value > above }]));
  const best = known.find(({ isGiven }) => isGiven) ?? known[0];
  if (best) return inputOf('oxygen', best.row, { value: best.isGiven ? 1 : 0, unit: '1' });
  return inputOf('oxygen', told[0]?.row, told[0]?.said);
}

import { z } from 'zod';
import { PANELS, type Panel, panel, panelOfPart, VITALS, type Vital, vital } from '../../../../shared/vitals.ts';
import { measurandOf } from '../../../clinical/measurands.ts';
import { classOf, staleAfterMs } from '../../../clinical/staleness.ts';

const described = z.object({
  vital: z.string().describe('Key, as every other tool takes and gives it.'),
  name: z.string(),
  unit: z.string().describe('UCUM; the one unit in which its values are given.'),
  loinc: z.array(z.string()),
  mdc: z.object({ code: z.number(), refid: z.string() }).optional().describe('IEEE 11073-10101.'),
  kind: z.string().describe('continuous, spot, setting or waveform.'),
  category: z.string().describe('FHIR category of its observations.'),
  measurand: z.object({ key: z.string(), name: z.string() }).describe('What it measures; several vital signs may measure the same.'),
  alternatives: z
    .array(z.string())
    .optional()
    .describe('All vital signs of this measurand, the preferred method first; they are never merged.'),
  plausible: z
    .object({ min: z.number(), max: z.number() })
    .optional()
    .describe('What can have been measured. Not a normal range, and no limit of anybody: values outside are marked, never hidden.'),
  partOf: z.string().optional().describe('The panel that it is a part of: its trend and latest values are asked for by that.'),
  parts: z.array(z.string()).optional().describe('Of a panel.'),
  staleAfterSeconds: z
    .object({ inBed: z.number(), atHome: z.number() })
    .describe('From which age on a value is not current any more, by class; what holds for a patient is staleAfter in get_latest_vitals.'),
});

/** What `describe_vital` gives. */
export const describedSchema = z.object({
  total: z.number().describe('How many vital signs match.'),
  vitals: z.array(described),
  truncated: z.boolean(),
  notice: z.string(),
});

export type Described = z.infer<typeof describedSchema>;
type Row = Described['vitals'][number];

const NOTICE =
  'Reference of this hub, of no patient. It holds no normal ranges and no alarm limits: those are of the site, the device and the patient.';

/** Every vital sign and panel, in the order of the table; a panel of pressures behind the others. */
const ALL: readonly Row[] = [...VITALS.filter(({ key }) => !panel(key)).map(ofVital), ...PANELS.map(ofPanel)];

/** What a search means, at most `rows` of it. Pure. */
export function describedBy(search: string, rows: number): Described {
  const found = matching(search);
  return { total: found.length, vitals: found.slice(0, rows), truncated: found.length > rows, notice: NOTICE };
}

/** By key or code alone where one is exactly that; else all that have every word in their key, name or measurand. */
function matching(search: string): readonly Row[] {
  const wanted = search.trim().toLowerCase();
  const exact = ALL.filter(
    ({ vital: key, loinc, mdc }) =>
      key === wanted || loinc.includes(wanted) || mdc?.refid.toLowerCase() === wanted || String(mdc?.code) === wanted,
  );
  if (exact.length > 0) return exact;
  const words = wanted.split(/\s+/);
  return ALL.filter(({ vital: key, name, measurand }) => {
    const text = `${key} ${name} ${measurand.key} ${measurand.name}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
}

function ofVital({ key, name, loinc, mdc, ucum, range, category }: Vital): Row {
  const whole = panelOfPart(key);
  return {
    ...{ vital: key, name, unit: ucum, loinc: [...loinc] },
    ...(mdc && { mdc: { ...mdc } }),
    ...{ kind: classOf(key), category },
    ...measuring(key),
    ...(range && { plausible: { ...range } }),
    ...(whole && { partOf: whole.key }),
    staleAfterSeconds: staleAfter(key),
  };
}

function ofPanel({ key, name, loinc, mdc, parts }: Panel): Row {
  const systolic = vital(parts.systolic);
  return {
    ...{ vital: key, name, unit: systolic?.ucum ?? '', loinc: [...loinc], mdc: { ...mdc } },
    ...{ kind: classOf(key), category: systolic?.category ?? 'vital-signs' },
    ...measuring(key),
    parts: Object.values(parts),
    staleAfterSeconds: staleAfter(key),
  };
}

function measuring(key: string): Pick<Row, 'measurand' | 'alternatives'> {
  const { key: measurand, name, ranks } = measurandOf(key).measurand;
  const all = ranks.flat();
  return { measurand: { key: measurand, name }, ...(all.length > 1 && { alternatives: all }) };
}

function staleAfter(key: string): Row['staleAfterSeconds'] {
  return { inBed: staleAfterMs(key, 'bed') / 1000, atHome: staleAfterMs(key, 'home') / 1000 };
}

import { convert, convertGlucose } from './units.ts';
import { VITAL_ROWS } from './vitals-table.ts';

/** Codes of http://terminology.hl7.org/CodeSystem/observation-category that the table uses. */
export type ObservationCategory = 'vital-signs' | 'laboratory' | 'activity' | 'exam' | 'procedure';

/** One row of the parameter table. `key` is its public name everywhere in Vitalmesh. */
export interface Vital {
  key: string;
  /** Plain English. */
  name: string;
  /** What is written into an Observation, the profile's code first; may be empty, then MDC alone names it. */
  loinc: readonly string[];
  /** LOINC codes that are understood but never written, because they claim more (a method) than the device said. */
  inputLoinc?: readonly string[];
  /** IEEE 11073-10101 code with its reference id. */
  mdc?: { code: number; refid: string };
  /** Other MDC codes of the same quantity (deprecated, or used in its place by some vendors); the device's own is written. */
  inputMdc?: readonly number[];
  /** The one unit in which values are kept and sent. */
  ucum: string;
  /** Plausible values, in `ucum`; a value outside is marked, never hidden or changed. */
  range?: { min: number; max: number };
  class: 'continuous' | 'spot' | 'setting' | 'waveform';
  category: ObservationCategory;
  /** The row of a panel: no value of its own, its parts carry them (see `PANELS`). */
  panel?: true;
  /** Its R4 profile knows no absence (bmi), so that an absent value is coded by MDC alone, under the profile `vitalsigns`. */
  valueRequired?: true;
  /** Where the codes were seen (devices.md §5.4). */
  evidence: string;
}

/** Values that belong into one Observation as components (FHIR R4 bp profile). */
export interface Panel {
  key: 'nibp' | 'cuff' | 'art' | 'abp';
  name: string;
  loinc: readonly ['85354-9'];
  mdc: { code: number; refid: string };
  /** Keys of the parameter table. */
  parts: { systolic: string; diastolic: string; mean: string };
}

export const VITALS: readonly Vital[] = VITAL_ROWS;

export const PANELS: readonly Panel[] = [
  {
    key: 'nibp',
    name: 'Blood pressure, non-invasive',
    loinc: ['85354-9'],
    mdc: { code: 150020, refid: 'MDC_PRESS_BLD_NONINV' },
    parts: { systolic: 'nibp_s', diastolic: 'nibp_d', mean: 'nibp_m' },
  },
  {
    key: 'cuff',
    name: 'Blood pressure (cuff)',
    loinc: ['85354-9'],
    mdc: { code: 150300, refid: 'MDC_PRESS_CUFF' },
    parts: { systolic: 'cuff_s', diastolic: 'cuff_d', mean: 'cuff_m' },
  },
  {
    key: 'art',
    name: 'Blood pressure, invasive',
    loinc: ['85354-9'],
    mdc: { code: 150016, refid: 'MDC_PRESS_BLD' },
    parts: { systolic: 'art_s', diastolic: 'art_d', mean: 'art_m' },
  },
  {
    key: 'abp',
    name: 'Arterial blood pressure (ABP)',
    loinc: ['85354-9'],
    mdc: { code: 150036, refid: 'MDC_PRESS_BLD_ART_ABP' },
    parts: { systolic: 'abp_s', diastolic: 'abp_d', mean: 'abp_m' },
  },
];

/** Bare term codes are below this; the full code puts the partition above it (IEEE 11073-10101). */
const TERM_CODES = 65_536;
/** Partition 2 (SCADA, physiological measurements) in the upper 16 bits. */
const PARTITION_2 = 131_072;

const BY_KEY = new Map(VITALS.map((v) => [v.key, v]));
const BY_MDC = new Map<number, Vital[]>();
const BY_LOINC = new Map<string, Vital[]>();
for (const vital of VITALS) {
  for (const code of [...(vital.mdc ? [vital.mdc.code] : []), ...(vital.inputMdc ?? [])]) listUnder(BY_MDC, code, vital);
  for (const code of [...vital.loinc, ...(vital.inputLoinc ?? [])]) listUnder(BY_LOINC, code, vital);
}
const PANEL_BY_KEY = new Map<string, Panel>(PANELS.map((p) => [p.key, p]));
const PANEL_BY_MDC = new Map(PANELS.map((p) => [p.mdc.code, p]));
const PANEL_BY_PART = new Map(PANELS.flatMap((p) => Object.values(p.parts).map((part) => [part, p])));

function listUnder<K>(index: Map<K, Vital[]>, code: K, vital: Vital): void {
  const listed = index.get(code);
  if (listed) listed.push(vital);
  else index.set(code, [vital]);
}

/** False for a value outside the plausible range of its row; without a value or a range there is nothing to doubt. */
export function isPlausible({ range }: Vital, value: number | null | undefined): boolean {
  return range === undefined || value === null || value === undefined || !(value < range.min || value > range.max);
}

/** A value in the unit of a row; undefined when the units have nothing to do with each other. */
export function toRowUnit({ key, ucum: own }: Vital, value: number, ucum: string): number | undefined {
  return key === 'glu' || key === 'glu_si' ? convertGlucose(value, ucum, own) : convert(value, ucum, own);
}

export function vital(key: string): Vital | undefined {
  return BY_KEY.get(key);
}

/** The row of a full MDC code. Where two rows share one (160184, glucose in mg/dL and mmol/L), the first; see `vitalsByMdc`. */
export function vitalByMdc(code: number): Vital | undefined {
  return BY_MDC.get(code)?.[0];
}

/** Every row of a full MDC code; more than one is told apart by the unit. */
export function vitalsByMdc(code: number): readonly Vital[] {
  return BY_MDC.get(code) ?? [];
}

/**
 * The row of a bare term code (below 65536), which some senders use in place of the full code: term 57676 is 188748 of partition 2.
 * Undefined for a full code: whoever asks must have decided that bare codes are acceptable here.
 */
export function vitalByBareTerm(term: number): Vital | undefined {
  return term >= 0 && term < TERM_CODES ? vitalByMdc(term + PARTITION_2) : undefined;
}

/** Every row that a LOINC code may stand for, in order of the table; MDC or unit tells them apart. */
export function vitalsByLoinc(loinc: string): readonly Vital[] {
  return BY_LOINC.get(loinc) ?? [];
}

export function panel(key: string): Panel | undefined {
  return PANEL_BY_KEY.get(key);
}

export function panelByMdc(code: number): Panel | undefined {
  return PANEL_BY_MDC.get(code);
}

/** The panel that a vital sign is a part of (`nibp_s` of `nibp`). */
export function panelOfPart(key: string): Panel | undefined {
  return PANEL_BY_PART.get(key);
}

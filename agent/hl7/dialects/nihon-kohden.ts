import { vital } from '../../../shared/vitals.ts';
import { type CodedVital, codedUnit } from '../codes.ts';
import { type Dialect, NO_SENTINELS, type RowUse } from '../dialect.ts';
import { componentOf, type Segment, type Separators } from '../segment.ts';

/**
 * OBX-3, code and text together, and the vital sign that it is. 058000 `VITAL ICP(S)` is not among them: (S) reads as systolic, as in the
 * pressures beside it, and the parameter table knows the mean alone.
 */
// biome-ignore format: one row a line, so that the table can be compared with its source
export const ROWS: readonly (readonly [obx3: string, vital: string])[] = [
  ['001000^VITAL HR', 'hr'],
  ['007000^VITAL SpO2', 'spo2'],
  ['007001^VITAL PR(spo2)', 'pr_oxi'],
  ['009000^NIBP SYS', 'nibp_s'],
  ['009001^NIBP DIAS', 'nibp_d'],
  ['009002^NIBP MEAN', 'nibp_m'],
  ['014000^VITAL TRECT', 't_rect'],
];

const NO_VITAL: CodedVital = { rows: [], mdc: undefined };
const BY_CODE: ReadonlyMap<string, CodedVital> = new Map(
  ROWS.map(([obx3, key]) => [obx3, { rows: [vital(key)].filter((row) => row !== undefined), mdc: undefined }]),
);
const CODES: ReadonlySet<string> = new Set(ROWS.map(([obx3]) => obx3.slice(0, 6)));
/** How the text of a value begins that comes once more (`072007^VITAL rPR(spo2)`); a capital follows. */
const DUPLICATE = 'VITAL r';

/** Central and bedside monitors that wait to be called, and then send by themselves. */
export const nihonKohden: Dialect = {
  name: 'hl7-nihon-kohden',
  vendor: 'Nihon Kohden',
  models: ['CNS-6201', 'BSM-3000 series', 'BSM-6000 series', 'PVM-2701', 'PVM-2703'],
  protocol: 'HL7 v2.4 ORU^R01 over MLLP, numbers under codes of six digits with their text',
  source:
    'Nihon Kohden protocol specifications 0614-905894C (CNS-6201, BSM-3000/6000, PVM-2701/2703); messages of public samples (devices.md 2.2)',
  connects: { senderCalls: false, senderListensAt: 7998 },
  messages: [{ type: 'ORU', event: 'R01', use: 'readings' }],
  // The day and a number that counts: where it goes on after a restart is not known, and what is taken for a repetition is lost.
  uniqueControlIds: false,
  obx: { vital: vitalOf, unit: codedUnit, sentinels: NO_SENTINELS, ofRowAlone: true, use: useOf },
  alarms: {
    form: 'none',
    says: [],
    limits: 'No alarm is read: none is shown for a monitor of this kind, whatever it sounds.',
  },
  limits: [
    'Only codes that are in the table are read, each with its own text; every other is refused and kept.',
    'Values that come twice (VITAL rPR(spo2)) are counted and left aside.',
    'Intracranial pressure (VITAL ICP(S)) is refused and kept: the systolic one has no row in the parameter table.',
    'The monitor does not name itself: give each one a source of its own; it is known by the name of that source.',
  ],
};

/** Code and text must be those of one row. */
function vitalOf(field: string, separators: Separators): CodedVital {
  const [code, text, more] = partsOf(field, separators);
  return more === '' ? (BY_CODE.get(`${code}^${text}`) ?? NO_VITAL) : NO_VITAL;
}

function useOf(obx: Segment): RowUse {
  const text = obx.component(3, 2).trim();
  if (!text.startsWith(DUPLICATE)) return 'value';
  const next = text.charAt(DUPLICATE.length);
  return next >= 'A' && next <= 'Z' && !CODES.has(obx.component(3, 1).trim()) ? 'aside' : 'value';
}

function partsOf(field: string, { component }: Separators): [code: string, text: string, more: string] {
  const part = (n: number): string => componentOf(field, n, component).trim();
  return [part(1), part(2), part(3)];
}

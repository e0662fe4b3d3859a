import type { DeviceAlert } from '../../../shared/alert.ts';
import { TEXT_LIMITS } from '../../../shared/observation-code.ts';
import type { AbsentReason } from '../../../shared/reading.ts';
import { vital } from '../../../shared/vitals.ts';
import { cleanText } from '../../decoding.ts';
import { type CodedVital, codedUnit } from '../codes.ts';
import type { Dialect, RowGroup, RowUse } from '../dialect.ts';
import { unescapeText } from '../escapes.ts';
import { pdsSubject } from '../pds-subject.ts';
import { componentOf, type Segment, type Separators } from '../segment.ts';

interface Row {
  /** OBX-3.1. */
  code: string;
  /** Key of the parameter table. */
  vital: string;
  /** OBX-4, where it is given. */
  module: string;
  /** OBX-3.2, where it is given: what tells apart pressures, and temperatures of another place. Any unless listed. */
  texts?: readonly string[];
}

// biome-ignore format: one row a line, so that the table can be compared with its source
export const ROWS: readonly Row[] = [
  { code: '101', vital: 'hr', module: '2101' },
  { code: '151', vital: 'rr', module: '2102' },
  { code: '160', vital: 'spo2', module: '2103' },
  { code: '161', vital: 'pr_oxi', module: '2103' },
  { code: '162', vital: 'pi', module: '2103' },
  { code: '170', vital: 'nibp_s', module: '2105', texts: ['Sys', 'NIBP S'] },
  { code: '171', vital: 'nibp_d', module: '2105', texts: ['Dia', 'NIBP D'] },
  { code: '172', vital: 'nibp_m', module: '2105', texts: ['Mean', 'NIBP M'] },
  { code: '200', vital: 'temp_u', module: '2104', texts: ['T1'] },
  { code: '201', vital: 'temp_u', module: '2104', texts: ['T2'] },
  { code: '250', vital: 'etco2', module: '2106', texts: ['EtCO2'] },
  { code: '500', vital: 'art_s', module: '2116', texts: ['Sys'] },
  { code: '501', vital: 'art_m', module: '2116', texts: ['Mean'] },
  { code: '502', vital: 'art_d', module: '2116', texts: ['Dia'] },
  { code: '503', vital: 'pap_s', module: '2117', texts: ['Sys'] },
  { code: '504', vital: 'pap_m', module: '2117', texts: ['Mean'] },
  { code: '505', vital: 'pap_d', module: '2117', texts: ['Dia'] },
];

const BY_CODE: ReadonlyMap<string, Row & CodedVital> = new Map(
  ROWS.map((row) => [row.code, { ...row, rows: [vital(row.vital)].filter((found) => found !== undefined), mdc: undefined }]),
);
const NO_VITAL: CodedVital = { rows: [], mdc: undefined };
/** A parameter that has no valid value. */
const SENTINELS: ReadonlyMap<number, AbsentReason> = new Map([[-100, 'unknown']]);

/** MSH-10 of messages of alarms. */
const ALARMS: ReadonlyMap<string, 'physiological' | 'technical'> = new Map([
  ['54', 'physiological'],
  ['56', 'technical'],
]);
/** OBX-3 of rows of these messages that are about the alarm system, not an alarm. */
const ALARM_SYSTEM = new Set(['2040', '2041']);
const ALARM_CODES = 'MINDRAY-PDS';

const message = (control: string, use: Dialect['messages'][number]['use']) => ({ type: 'ORU', event: 'R01', control, use });

/** Bedside monitors: each sends who its patient is once, then values without a name, unit or time. */
export const mindrayPds: Dialect = {
  name: 'hl7-mindray-pds',
  vendor: 'Mindray',
  models: ['BeneView T series', 'BeneVision N series', 'iMEC, iPM and uMEC series'],
  protocol: 'HL7 v2.3.1 ORU^R01 over MLLP, Patient Data Share: MSH-10 is the kind of message, numbers under codes of their own',
  source: 'Mindray Patient Data Share Protocol Programmer’s Guide 0010-20-43061; messages of public samples (devices.md 2.2)',
  connects: { senderCalls: false, senderListensAt: 4601 },
  messages: [
    message('103', 'subject'),
    message('204', 'readings'),
    message('503', 'readings'),
    message('54', 'readings'),
    message('56', 'readings'),
    message('205', 'aside'),
    message('106', 'heartbeat'),
  ],
  uniqueControlIds: false,
  obx: { vital: vitalOf, unit: codedUnit, sentinels: SENTINELS, use: useOf, alarm: alertOf },
  subject: pdsSubject,
  alarms: {
    form: 'vendor',
    says: ['phase', 'type'],
    limits:
      'Alarms that are there come as a list (messages 54 and 56), as the text that the monitor shows. Their priority is not read. That one ended is not said: the next list only leaves it out. Whether alarms are paused or silenced at the monitor is not read.',
  },
  limits: [
    'No unit is sent: set the monitor to mmHg and degrees Celsius. Every value is marked unit-assumed.',
    'The patient is who message 103 names, on this connection and up to the next 103: the patient number that was typed in at the monitor (row 2301), else PID-3. Where a 103, or what may have been one, cannot be read, nothing is taken before the next one that can be.',
    'A patient in the configuration is not used. What comes before the first 103 of a connection is of no patient, in the bed of the configuration.',
    'The bed is PV1-3 (office) with the bed name of row 2308: ICU^^BED-001.',
    'The monitor does not name itself: give each one a source of its own; it is known by the name of that source.',
    'Limits (message 205) are counted and left aside; kinds of message that are not listed are refused and kept.',
  ],
};

/** Code, module and text must be those of one row, where they are given. */
function vitalOf(field: string, { component }: Separators, obx: Segment): CodedVital {
  const row = BY_CODE.get(componentOf(field, 1, component).trim());
  if (!row || componentOf(field, 3, component).trim() !== '') return NO_VITAL;
  const module = obx.field(4).trim();
  const text = componentOf(field, 2, component).trim();
  const agrees = (module === '' || module === row.module) && (text === '' || !row.texts || row.texts.includes(text));
  return agrees ? row : NO_VITAL;
}

function useOf(obx: Segment, { header }: RowGroup): RowUse {
  if (!ALARMS.has(header.field(10).trim())) return 'value';
  return ALARM_SYSTEM.has(obx.component(3, 1).trim()) ? 'aside' : 'alarm';
}

/** `10033^**SpO2 TOO HIGH` in OBX-5. */
function alertOf(obx: Segment, { header }: RowGroup): DeviceAlert | undefined {
  const code = obx.component(5, 1).trim();
  const text = cleanText(unescapeText(obx.component(5, 2), obx.separators), TEXT_LIMITS.display);
  const status = obx.field(11).trim();
  if (obx.field(2).trim() !== 'CE' || !/^\d{1,6}$/.test(code) || text === undefined || (status !== '' && status !== 'F')) return undefined;
  const type = ALARMS.get(header.field(10).trim()) ?? 'unknown';
  return { code: { system: ALARM_CODES, code }, text, phase: 'present', state: 'unknown', priority: 'unknown', type };
}

import type { ErrorCode } from '../../shared/errors.ts';
import type { AbsentReason, Flag, Reading, ReadingStatus } from '../../shared/reading.ts';
import { toRowUnit, type Vital } from '../../shared/vitals.ts';
import { cleanText } from '../decoding.ts';
import type { ObxRules } from './dialect.ts';
import { unescapeText } from './escapes.ts';
import { componentOf, firstRepetition, type Segment, trimmed } from './segment.ts';

/** What OBX-8 may say about a value (IHE PCD TF-2, HL7 table 0078 as extended there). */
interface Condition {
  flag?: Flag;
  /** The device itself says that there is no valid value, whatever stands in OBX-5. */
  absent?: AbsentReason;
  test?: true;
}

const CONDITIONS: ReadonlyMap<string, Condition> = new Map<string, Condition>([
  ['INV', { absent: 'error' }],
  ['NAV', { absent: 'temp-unknown' }],
  ['NI', { absent: 'unknown' }],
  ['OFF', { absent: 'not-performed', flag: 'sensor-off' }],
  ['MSK', { absent: 'masked' }],
  ['NAN', { absent: 'not-a-number' }],
  ['NINF', { absent: 'negative-infinity' }],
  ['PINF', { absent: 'positive-infinity' }],
  ['QUES', { flag: 'questionable' }],
  ['CAL', { flag: 'questionable' }],
  ['EARLY', { flag: 'questionable' }],
  ['BUSY', { flag: 'questionable' }],
  ['TEST', { flag: 'demo', test: true }],
  ['DEMO', { flag: 'demo', test: true }],
  ['ALACT', { flag: 'device-alarm' }],
  ['PH', { flag: 'device-alarm' }],
  ['PM', { flag: 'device-alarm' }],
  ['PL', { flag: 'device-alarm' }],
]);

/**
 * What else HL7 table 0078 and IHE PCD (alarm source, no priority, inactive, valid) say beside a value: nothing that makes it doubtful.
 * A code that is in neither table is one whose meaning is not known here.
 */
const HARMLESS = new Set(
  '"" N A AA H HH HU L LL LU < > U D B W S R I MS VS IND POS NEG ND DET NR RR WR NULL PN SP ST SA VAL ALINH ALINACT'.split(' '),
);

/**
 * OBX-11 (HL7 table 0085). X and N say that there is no result at this time, which is what a monitor sends for a probe that is off: a
 * new row without a value, so that no older number stays the current one. D and W take an earlier row back. None of them has a value,
 * whatever stands in OBX-5.
 */
const STATUSES: ReadonlyMap<string, { status: ReadingStatus; absent?: AbsentReason }> = new Map([
  ['', { status: 'final' }],
  ['F', { status: 'final' }],
  ['R', { status: 'final' }],
  ['U', { status: 'final' }],
  ['P', { status: 'preliminary' }],
  ['S', { status: 'preliminary' }],
  ['C', { status: 'corrected' }],
  ['X', { status: 'final', absent: 'unknown' }],
  ['N', { status: 'final', absent: 'not-performed' }],
  ['D', { status: 'cancelled', absent: 'error' }],
  ['W', { status: 'cancelled', absent: 'error' }],
]);

/** What one OBX is: a row of a device or panel, a setting that has no row, a value of a type that is not read here, a bad one, or a reading (without its time). */
export type ObxContent =
  | { kind: 'structure' }
  | { kind: 'setting' }
  | { kind: 'other-type'; isNumber: boolean; vital: string | undefined }
  | { kind: 'refused'; code: ErrorCode; field: number; vital?: string }
  | { kind: 'reading'; reading: Reading; row: Vital; flags: Flag[]; test: boolean };

export const NULL = '""';
const MAX_LIMITS_TEXT = 64;
const PLAIN_TEXT = /^[\x21-\x7e][\x20-\x7e]{0,62}[\x21-\x7e]$/;

/** Reads an OBX: OBX-2, 3, 5, 6, 7, 8 and 11 (HL7 v2.6 ch. 7.4.2, IHE PCD TF-2 appendix B.8). */
export function readObx(obx: Segment, rules: ObxRules): ObxContent {
  const type = trimmed(obx.field(2));
  const value = obx.field(5);
  const { rows, mdc, isSetting } = rules.vital(firstRepetition(obx.field(3), obx.separators), obx.separators, obx);
  if (isSetting) return { kind: 'setting' };
  const metric = rows[0] && !rows[0].panel && rows[0].class !== 'waveform' ? rows[0] : undefined;
  const isEmpty = type === '' && (value === '' || value === NULL);
  if (isEmpty && !metric) return { kind: 'structure' };
  if (type !== 'NM' && type !== 'SN' && !isEmpty)
    return { kind: 'other-type', isNumber: typeof numberOf('NM', value, '') === 'number', vital: metric?.key };
  if (!metric) return { kind: 'refused', code: 'DECODE-UNKNOWN-CODE', field: 3 };
  const about = circumstances(obx);
  if (!about) return { kind: 'refused', code: 'DECODE-FIELD', field: 11, vital: metric.key };
  const number = about.absent === undefined ? numberOf(type, value, obx.separators.component) : 'absent';
  const sentinel = typeof number === 'number' && rules.sentinels.size > 0 ? rules.sentinels.get(number) : undefined;
  if (number === undefined) return { kind: 'refused', code: 'DECODE-FIELD', field: 5, vital: metric.key };

  const reading: Reading = { vital: metric.key };
  const flags = [...about.flags];
  const row = number === 'absent' || sentinel ? metric : measured(reading, flags, rows, number, obx, rules);
  if (!row) return { kind: 'refused', code: 'DECODE-UNIT', field: 6, vital: metric.key };
  reading.vital = row.key;
  if (number === 'absent' || sentinel) reading.absent = about.absent ?? sentinel ?? 'unknown';
  if (mdc !== undefined && row.inputMdc?.includes(mdc)) reading.mdc = mdc;
  if (about.status !== 'final') reading.status = about.status;
  const limits = limitsOf(obx);
  if (limits !== undefined) reading.limits = limits;
  return { kind: 'reading', reading, row, flags, test: about.test };
}

/** Puts the value into the reading, in the unit of its row, and returns that row; undefined when OBX-6 does not fit any of the rows. */
function measured(
  reading: Reading,
  flags: Flag[],
  rows: readonly Vital[],
  value: number,
  obx: Segment,
  rules: ObxRules,
): Vital | undefined {
  const unit = rules.unit(firstRepetition(obx.field(6), obx.separators), obx.separators, obx);
  const first = rows[0];
  if (!first || unit === 'unknown') return undefined;
  if (unit === 'none') {
    // Where only the unit tells two rows apart (glucose in mg/dL and mmol/L), none can be assumed.
    if (rows.length > 1) return undefined;
    flags.push('unit-assumed');
    reading.value = value;
    return first;
  }
  const row = rows.find(({ ucum }) => ucum === unit.ucum) ?? first;
  const converted = row.ucum === unit.ucum ? value : toRowUnit(row, value, unit.ucum);
  if (converted === undefined) return undefined;
  if (unit.assumed) flags.push('unit-assumed');
  reading.value = converted;
  if (row.ucum !== unit.ucum) reading.original = { value, unit: unit.ucum };
  return row;
}

/** OBX-7, the limits set on the device, as clean text. */
function limitsOf(obx: Segment): string | undefined {
  const field = obx.field(7);
  if (field === '') return undefined;
  const isPlain = PLAIN_TEXT.test(field) && !(obx.separators.escape !== '' && field.includes(obx.separators.escape));
  return isPlain ? field : cleanText(unescapeText(field, obx.separators), MAX_LIMITS_TEXT);
}

export interface Circumstances {
  status: ReadingStatus;
  absent: AbsentReason | undefined;
  flags: readonly Flag[];
  test: boolean;
}

const NO_FLAGS: readonly Flag[] = [];
const PLAIN: Circumstances = { status: 'final', absent: undefined, flags: NO_FLAGS, test: false };

/** What OBX-8 (all its repetitions) and OBX-11 say about a value; undefined for a status that is not of the table. */
export function circumstances(obx: Segment): Circumstances | undefined {
  const found = STATUSES.get(trimmed(obx.field(11)));
  if (!found) return undefined;
  if (found.status === 'final' && found.absent === undefined && obx.field(8) === '') return PLAIN;
  const said = conditionsOf(obx);
  const flags = new Set(said.flatMap(({ flag }) => flag ?? []));
  return {
    status: found.status,
    absent: found.absent ?? said.find(({ absent }) => absent !== undefined)?.absent,
    flags: [...flags],
    test: said.some(({ test }) => test === true),
  };
}

/** Whether OBX-8 says that a row is of a test or a demonstration. */
export function isTestRow(obx: Segment): boolean {
  return obx.field(8) !== '' && conditionsOf(obx).some(({ test }) => test === true);
}

const UNKNOWN_CONDITION: Condition = { flag: 'questionable' };

/** OBX-8 (IS, from v2.7 CWE): the code and the alternate code of every repetition, in upper or lower case. */
function conditionsOf(obx: Segment): Condition[] {
  const said: Condition[] = [];
  for (const repetition of obx.repetitions(8)) {
    for (const n of [1, 4]) {
      const component = componentOf(repetition, n, obx.separators.component);
      const code = componentOf(component, 1, obx.separators.subcomponent).trim().toUpperCase();
      if (code !== '' && !HARMLESS.has(code)) said.push(CONDITIONS.get(code) ?? UNKNOWN_CONDITION);
    }
  }
  return said;
}

/** NM (HL7 v2.6 ch. 2A.47). */
export const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)$/;
const MAX_DIGITS = 32;

/**
 * The number of OBX-5: NM, or SN without a comparator other than `=` and without a range or ratio (`=^98`), since `>400` is no
 * value. 'absent' for an empty field or the null `""`, undefined for what is no number.
 */
function numberOf(type: string, value: string, componentSeparator: string): number | 'absent' | undefined {
  if (value === '' || value === NULL) return 'absent';
  let text = value;
  if (type === 'SN') {
    const [comparator = '', number = '', separator = '', other = ''] = value.split(componentSeparator);
    if (!['', '='].includes(comparator.trim()) || separator !== '' || other !== '') return undefined;
    text = number;
  }
  text = trimmed(text);
  if (text === '') return 'absent';
  return text.length <= MAX_DIGITS && NUMBER.test(text) ? Number(text) : undefined;
}

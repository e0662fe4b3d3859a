import type { AbsentReason, Flag, ReadingStatus } from '../../shared/reading.ts';
import type { Segment } from './segment.ts';

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

/** OBX-11 (HL7 table 0085). A result that is cancelled, deleted or somebody else's has no value, whatever stands in OBX-5. */
const STATUSES: ReadonlyMap<string, { status: ReadingStatus; absent?: AbsentReason }> = new Map([
  ['', { status: 'final' }],
  ['F', { status: 'final' }],
  ['R', { status: 'final' }],
  ['U', { status: 'final' }],
  ['P', { status: 'preliminary' }],
  ['S', { status: 'preliminary' }],
  ['C', { status: 'corrected' }],
  ['X', { status: 'cancelled', absent: 'unknown' }],
  ['N', { status: 'cancelled', absent: 'not-performed' }],
  ['D', { status: 'cancelled', absent: 'error' }],
  ['W', { status: 'cancelled', absent: 'error' }],
]);

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
  const found = STATUSES.get(obx.field(11).trim());
  if (!found) return undefined;
  if (found.status === 'final' && obx.field(8) === '') return PLAIN;
  const conditions = obx.repetitions(8);
  const said = conditions.map((text) => CONDITIONS.get(text.trim())).filter((condition) => condition !== undefined);
  const flags = new Set(said.flatMap(({ flag }) => flag ?? []));
  return {
    status: found.status,
    absent: found.absent ?? said.find(({ absent }) => absent !== undefined)?.absent,
    flags: [...flags],
    test: said.some(({ test }) => test === true),
  };
}

const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)$/;
const MAX_DIGITS = 32;

/**
 * The number of OBX-5: NM, or SN without a comparator other than `=` and without a range or ratio (`=^98`), since `>400` is no
 * value. 'absent' for an empty field or the null `""`, undefined for what is no number.
 */
export function numberOf(type: string, value: string, componentSeparator: string): number | 'absent' | undefined {
  if (value === '' || value === '""') return 'absent';
  let text = value;
  if (type === 'SN') {
    const [comparator = '', number = '', separator = '', other = ''] = value.split(componentSeparator);
    if (!['', '='].includes(comparator.trim()) || separator !== '' || other !== '') return undefined;
    text = number;
  }
  text = text.trim();
  if (text === '') return 'absent';
  return text.length <= MAX_DIGITS && NUMBER.test(text) ? Number(text) : undefined;
}

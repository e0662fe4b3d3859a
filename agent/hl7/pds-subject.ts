import type { SubjectHints } from '../../shared/reading.ts';
import { identifier, MAX_IDENTIFIER } from '../decoding.ts';
import { unescapeText } from './escapes.ts';
import type { Hl7Message } from './message.ts';
import { componentOf, firstRepetition, type Segment } from './segment.ts';
import { bedOf, type Hint, patientOf } from './subject.ts';

type Subject = Pick<SubjectHints, 'patient' | 'bed'>;
type Patient = NonNullable<SubjectHints['patient']>;

/** OBX-3 of the rows of message 103 that say whose and where. */
const PATIENT_NUMBER = '2301';
const BED_NAME = '2308';
const NULL = '""';

/** Whether a row is one of those, wherever it stands. */
export function isNamingRow(obx: Segment): boolean {
  const code = obx.component(3, 1).trim();
  return code === PATIENT_NUMBER || code === BED_NAME;
}

/** What was found so far; `unreadable` ends it. */
interface Found {
  pid?: Hint<Patient>;
  pv1?: Hint<{ office: string; bed: string }>;
  number?: string;
  bedName?: string;
}

/**
 * Patient and bed of a message 103 of Mindray PDS. PID-3 is a number of the monitor's own making for every admission, so that the patient
 * number of row 2301 goes first, where there is such a row; one that is empty names nobody. Undefined where anything of it cannot be
 * read, or is there twice: an old patient must not stay, and a wrong one must not come.
 */
export function pdsSubject(message: Hl7Message): Subject | undefined {
  const found: Found = {};
  if (message.hidden(0) !== undefined) return undefined;
  for (let i = 1; i < message.segments; i += 1) {
    if (message.hidden(i) !== undefined || !take(found, message.name(i), message.open(i))) return undefined;
  }
  const { pid, pv1 = 'none', number, bedName } = found;
  if (pid === undefined || pid === 'unreadable' || pv1 === 'unreadable') return undefined;
  const patient = number === undefined ? (pid === 'none' ? 'none' : pid) : numbered(number);
  const bed = bedNamed(pv1 === 'none' ? { office: '', bed: '' } : pv1, bedName);
  if (patient === 'unreadable' || bed === 'unreadable') return undefined;
  return { ...(patient === 'none' ? {} : { patient }), ...(bed === 'none' ? {} : { bed }) };
}

/** False for a segment that has no place here, or comes a second time. */
function take(found: Found, name: string, segment: Segment): boolean {
  switch (name) {
    case 'PID':
      if (found.pid !== undefined) return false;
      found.pid = patientOf(segment);
      return true;
    case 'PV1':
      if (found.pv1 !== undefined) return false;
      found.pv1 = placeOf(segment);
      return true;
    case 'OBX':
      return takeRow(found, segment);
    default:
      return name === 'OBR' || name === 'NTE';
  }
}

function takeRow(found: Found, obx: Segment): boolean {
  const code = obx.component(3, 1).trim();
  const key = code === PATIENT_NUMBER ? 'number' : code === BED_NAME ? 'bedName' : undefined;
  if (key === undefined) return code !== '';
  if (found[key] !== undefined) return false;
  const text = unescapeText(obx.field(5), obx.separators).trim();
  found[key] = text === NULL ? '' : text;
  return true;
}

function numbered(text: string): Hint<Patient> {
  if (text === '') return 'none';
  const value = identifier(text, MAX_IDENTIFIER);
  return value === undefined ? 'unreadable' : { value, authority: '' };
}

/** PV1-3 `^^ICU&1&3232237756&4601&&1`: office, number of the bed, address and port of the monitor; or a place as anybody writes it. */
function placeOf(pv1: Segment): Hint<{ office: string; bed: string }> {
  const { component, subcomponent } = pv1.separators;
  const third = componentOf(firstRepetition(pv1.field(3), pv1.separators), 3, component);
  if (subcomponent === '' || !third.includes(subcomponent)) {
    const bed = bedOf(pv1);
    return typeof bed === 'string' ? bed : { office: '', bed: bed.text };
  }
  const [office = '', bed = ''] = [1, 2].map((n) => unescapeText(componentOf(third, n, subcomponent), pv1.separators).trim());
  return { office, bed };
}

function bedNamed({ office, bed }: { office: string; bed: string }, name: string | undefined): Hint<string> {
  const own = name || bed;
  if (own === '') return 'none';
  // The joint of the parts, in one of them, could be read as another place; a bed as anybody writes it is joined already.
  if (office.includes('^') || (name ?? '').includes('^')) return 'unreadable';
  const text = office === '' ? own : `${office}^^${own}`;
  return identifier(text, MAX_IDENTIFIER) ?? 'unreadable';
}

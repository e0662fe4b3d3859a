import type { Instant } from '../../../shared/clock.ts';
import type { AssignedId, Movement, MovementEvent, MovementParty } from '../../../shared/movement.ts';

/** A patient as the hospital numbers it: authority and value together, because two hospitals use the same numbers. */
export type RecordKey = string;

export function recordKey({ authority, value }: AssignedId): RecordKey {
  return JSON.stringify([authority, value]);
}

/** The number that `recordKey` made a key of. */
export function recordOf(key: RecordKey): AssignedId {
  const [authority, value] = JSON.parse(key) as [string, string];
  return { authority, value };
}

/** What can be taken back again. */
export type Act = 'admit' | 'transfer' | 'leave';

interface Said {
  record: RecordKey;
  /** PV1-19 and PID-18, where the message had them. */
  visit?: string;
  account?: string;
  /** When it happened, by whoever said it. */
  at: Instant;
  /** Tells apart what happened at one time; the same wherever and whenever it arrived. */
  key: string;
}

/**
 * One thing that somebody said about who is where. `admit` and `transfer` put a patient into a bed ('' is no bed), `leave` takes it out of wherever it is;
 * `bed` of a `leave` is what it left. `confirm` says where a patient is without moving it. `cancel` takes back the last such act of the patient, and `bed` is
 * where that leaves it.
 */
export type Statement = Said &
  (
    | { says: 'admit' | 'transfer'; bed: string; priorBed?: string }
    | { says: 'leave' | 'confirm'; bed?: string }
    | { says: 'cancel'; act: Act; bed?: string }
  );

/**
 * One thing that somebody said about who is who. `merge`: both numbers are one person's, which goes by `into`. `part`: they are not. `give`: a visit or
 * account was never `from`'s but `record`'s.
 */
export type Identification = Pick<Said, 'at' | 'key'> &
  ({ says: 'merge'; from: RecordKey; into: RecordKey } | { says: 'part'; one: RecordKey; other: RecordKey } | GivenVisit);

interface GivenVisit {
  says: 'give';
  from: RecordKey;
  record: RecordKey;
  visit?: string;
  account?: string;
}

/** What one movement comes down to. */
export interface Read {
  statements: Statement[];
  identifications: Identification[];
}

type Meaning = 'merge' | 'part' | 'give' | 'nothing' | Exclude<Statement['says'], 'cancel'> | { cancel: Act };

/** What each event says of who lies where (HL7 v2.6 ch. 3.3). */
const MEANINGS: Readonly<Record<MovementEvent, Meaning>> = {
  A01: 'admit',
  A02: 'transfer',
  A03: 'leave',
  A04: 'admit',
  // Somebody is expected, and not here.
  A05: 'nothing',
  A06: 'transfer',
  A07: 'transfer',
  // Not to be used for transfers (ch. 3.3.8): a bed that differs is a movement that was not told.
  A08: 'confirm',
  A11: { cancel: 'admit' },
  A12: { cancel: 'transfer' },
  A13: { cancel: 'leave' },
  A17: 'transfer',
  A34: 'merge',
  // Two accounts of one patient, who stays where it is.
  A35: 'nothing',
  A36: 'merge',
  A37: 'part',
  A40: 'merge',
  A44: 'give',
  A45: 'give',
  A47: 'merge',
};

/** What a movement says, under a key that is its own. Pure. */
export function readStatements({ event, parties }: Movement, at: Instant, key: string): Read {
  const meaning = MEANINGS[event];
  if (meaning === 'nothing') return { statements: [], identifications: [] };
  if (meaning === 'part') return { statements: [], identifications: parted(parties, at, key) };
  const each = parties.map((party, i) => ({ party, at, key: `${key} ${i}` }));
  if (meaning === 'merge' || meaning === 'give')
    return { statements: [], identifications: each.flatMap(({ party, ...said }) => identification(meaning, party, said)) };
  return { statements: each.flatMap(({ party, ...said }) => statement(meaning, party, said)), identifications: [] };
}

function identification(says: 'merge' | 'give', { patient, prior = {} }: MovementParty, said: Pick<Said, 'at' | 'key'>): Identification[] {
  if (!prior.patient) return [];
  const [from, record] = [recordKey(prior.patient), recordKey(patient)];
  if (from === record) return [];
  if (says === 'merge') return [{ ...said, says, from, into: record }];
  const { visit, account } = prior;
  if (visit === undefined && account === undefined) return [];
  return [{ ...said, says, from, record, ...(visit === undefined ? { account } : { visit }) } as Identification];
}

function parted(parties: readonly MovementParty[], at: Instant, key: string): Identification[] {
  const [one, other] = parties.map(({ patient }) => recordKey(patient));
  return one === undefined || other === undefined || one === other ? [] : [{ says: 'part', one, other, at, key }];
}

function statement(
  meaning: Exclude<Statement['says'], 'cancel'> | { cancel: Act },
  { patient, visit, account, bed, priorBed }: MovementParty,
  about: Pick<Said, 'at' | 'key'>,
): Statement[] {
  const said = { ...about, record: recordKey(patient), ...(visit !== undefined && { visit }), ...(account !== undefined && { account }) };
  const there = bed === undefined ? {} : { bed };
  if (typeof meaning === 'object') return [{ ...said, says: 'cancel', act: meaning.cancel, ...there }];
  if (meaning === 'leave' || meaning === 'confirm') return [{ ...said, says: meaning, ...there }];
  // Without a bed it says that somebody is somewhere.
  if (bed === undefined) return [];
  return [{ ...said, says: meaning, bed, ...(priorBed && { priorBed }) }];
}

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
  /** When its gateway heard it. */
  heard: Instant;
  /** Who said it (gateway), where that is known: of one gateway no word is a mere repetition once it said something else. */
  by?: string;
  /** Orders what was heard at one time, as text; the same wherever and whenever it arrived at the hub. */
  key: string;
}

/**
 * One thing that somebody said about who is where. `admit` and `transfer` put a patient into a bed ('' is no bed), `leave` takes it out of wherever it is;
 * `bed` of a `leave` is what it left. `confirm` says where a patient is without moving it; without a bed, that what was another visit goes on as this one. `cancel` takes back the last such act of the patient, and `bed` is
 * where that leaves it. `claimedFrom`: since when the patient lay there by whoever said it, where that is too long before it was heard to take anything from anybody.
 */
export type Statement = Said &
  (
    | { says: 'admit' | 'transfer'; bed: string; priorBed?: string; claimedFrom?: Instant }
    | { says: 'leave' | 'confirm'; bed?: string }
    | { says: 'cancel'; act: Act; bed?: string }
  );

/**
 * One thing that somebody said about who is who. `merge`: both numbers are one person's, which goes by `into`. `part`: they are not. `give`: a visit or
 * account was never `from`'s but `record`'s.
 */
export type Identification = Pick<Said, 'at' | 'heard' | 'key'> &
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

/** When a movement happened, when its gateway heard it, and what orders it among those of that time. */
export type Occasion = Pick<Said, 'at' | 'heard' | 'key' | 'by'> & { claimedFrom?: Instant };

/** What a movement says. Pure. */
export function readStatements({ event, parties }: Movement, occasion: Occasion): Read {
  const meaning = MEANINGS[event];
  if (meaning === 'nothing') return { statements: [], identifications: [] };
  if (meaning === 'part') return { statements: [], identifications: parted(parties, occasion) };
  const { claimedFrom, ...about } = occasion;
  const each = parties.map((party, i) => ({ party, ...about, key: `${occasion.key} ${String(i).padStart(3, '0')}` }));
  if (meaning === 'merge' || meaning === 'give')
    return { statements: [], identifications: each.flatMap(({ party, ...said }) => identification(meaning, party, said)) };
  return { statements: each.flatMap(({ party, ...said }) => statement(meaning, party, { ...said, claimedFrom })), identifications: [] };
}

function identification(says: 'merge' | 'give', { patient, prior = {} }: MovementParty, said: Occasion): Identification[] {
  if (!prior.patient) return [];
  const [from, record] = [recordKey(prior.patient), recordKey(patient)];
  if (from === record) return [];
  if (says === 'merge') return [{ ...said, says, from, into: record }];
  const { visit, account } = prior;
  if (visit === undefined && account === undefined) return [];
  return [{ ...said, says, from, record, ...(visit === undefined ? { account } : { visit }) } as Identification];
}

function parted(parties: readonly MovementParty[], occasion: Occasion): Identification[] {
  const [one, other] = parties.map(({ patient }) => recordKey(patient));
  return one === undefined || other === undefined || one === other ? [] : [{ ...occasion, says: 'part', one, other }];
}

function statement(
  meaning: Exclude<Statement['says'], 'cancel'> | { cancel: Act },
  { patient, visit, account, bed, priorBed }: MovementParty,
  { claimedFrom, ...about }: Omit<Occasion, 'claimedFrom'> & { claimedFrom: Instant | undefined },
): Statement[] {
  const said = { ...about, record: recordKey(patient), ...(visit !== undefined && { visit }), ...(account !== undefined && { account }) };
  const there = bed === undefined ? {} : { bed };
  if (typeof meaning === 'object') return [{ ...said, says: 'cancel', act: meaning.cancel, ...there }];
  if (meaning === 'leave') return [{ ...said, says: meaning, ...there }];
  if (meaning === 'confirm') return bed ? [{ ...said, says: meaning, bed }] : [];
  // Without a bed it says that somebody is somewhere.
  if (bed === undefined) return visit === undefined ? [] : [{ ...said, says: 'confirm' }];
  return [{ ...said, says: meaning, bed, ...(priorBed && { priorBed }), ...(claimedFrom !== undefined && { claimedFrom }) }];
}

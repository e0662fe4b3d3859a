import type { Instant } from '../../shared/clock.ts';
import type { ErrorCode } from '../../shared/errors.ts';
import type { AssignedId, Movement, MovementEvent, MovementParty } from '../../shared/movement.ts';
import type { Flag } from '../../shared/reading.ts';
import type { DecodeContext } from '../decoding.ts';
import type { AckError } from './ack.ts';
import { adtEvent } from './adt-event.ts';
import { senderOf } from './device.ts';
import { MeasuredAt } from './measured-at.ts';
import type { Hl7Message } from './message.ts';
import { NOT_PRODUCTION, type OruContent } from './oru.ts';
import type { Segment } from './segment.ts';
import { assignedId, bedOf, type Hint, hint, identifiersOf } from './subject.ts';

/** What an event must say to be one: how many patients, a place, who or what ceases to be. */
interface EventRule {
  patients: 1 | 2 | 'some';
  place?: true;
  prior?: 'patient' | 'account';
  /** The patient of MRG ceases to be. */
  merges?: true;
}

/** HL7 v2.6 ch. 3.3, the message of each event. */
const RULES: Readonly<Record<MovementEvent, EventRule>> = {
  A01: { patients: 1 },
  A02: { patients: 1, place: true },
  A03: { patients: 1 },
  A04: { patients: 1 },
  A05: { patients: 1 },
  A06: { patients: 1 },
  A07: { patients: 1 },
  A08: { patients: 1 },
  A11: { patients: 1 },
  A12: { patients: 1, place: true },
  A13: { patients: 1 },
  A17: { patients: 2, place: true },
  A34: { patients: 1, prior: 'patient', merges: true },
  A35: { patients: 1, prior: 'account' },
  A36: { patients: 1, prior: 'patient', merges: true },
  A37: { patients: 2 },
  A40: { patients: 'some', prior: 'patient', merges: true },
  A44: { patients: 'some', prior: 'patient' },
  A45: { patients: 1, prior: 'patient' },
  A47: { patients: 'some', prior: 'patient' },
};

/** More than any hospital merges in one message. */
const MAX_PARTIES = 100;
const MAX_OTHER_IDS = 20;
const NULL = '""';

type Party = { -readonly [K in keyof MovementParty]: MovementParty[K] };

/** Something that cannot be read, or is missing: the whole message is refused, because half a movement moves somebody wrongly. */
class Refused {
  readonly code: ErrorCode;
  readonly location: NonNullable<AckError['location']>;

  constructor(code: ErrorCode, segment: string, sequence: number, field?: number) {
    this.code = code;
    this.location = { segment, sequence, ...(field !== undefined && { field }) };
  }
}

/**
 * The movement that an ADT message tells of (HL7 v2.6 ch. 3), or why not: either all of it is read or nothing. Names, addresses and dates of
 * birth are not read.
 */
export function readAdt(message: Hl7Message, receivedAt: Instant, context: DecodeContext, profile: string): OruContent {
  const { header } = message;
  const device = senderOf(header) ?? { id: context.deviceId ?? context.source, idType: 'config' as const };
  const names = [device.id, header.component(3, 1), header.component(3, 2)];
  const isListed = context.devices === undefined || names.some((name) => name !== '' && context.devices?.includes(name));
  const read = isListed ? movementOf(message, context) : new Refused('DECODE-DEVICE-UNKNOWN', 'MSH', 1, 3);
  if (read instanceof Refused) {
    const raw = message.bytes(0, message.segments);
    const { code, location } = read;
    return { records: [], rejected: [{ code, part: 'message', bytes: raw.length, raw }], errors: [{ code, location }] };
  }
  const test = context.test || NOT_PRODUCTION.has(header.component(11, 1).trim().toUpperCase());
  const record = {
    source: context.source,
    profile,
    device,
    receivedAt,
    subject: {},
    test,
    class: 'movement' as const,
    readings: [],
    movement: read.movement,
  };
  // Counted, so that the operator sees it; the sender is told that all is well.
  const rejected = read.staleBytes > 0 ? [{ code: 'HL7-EVENT' as const, part: 'EVN-1', bytes: read.staleBytes }] : [];
  return { records: [record], rejected, errors: [] };
}

/** A movement, and where EVN-1 said another event than it, how long that is. */
interface Read {
  movement: Movement;
  staleBytes: number;
}

function movementOf(message: Hl7Message, { zone }: DecodeContext): Read | Refused {
  const evn = segmentOf(message, 'EVN');
  const stated = evn?.component(1, 1).trim() ?? '';
  const said = adtEvent(message.header.component(9, 2).trim(), stated);
  if (said === 'unknown') return new Refused('HL7-TYPE', 'MSH', 1, 9);
  if (said === 'contradiction') return new Refused('HL7-EVENT', 'EVN', 1, 1);
  const { event } = said;
  const [recordedAt, happenedAt] = [evn?.component(2, 1) ?? '', evn?.component(6, 1) ?? ''];
  const parties = partiesOf(message);
  if (parties instanceof Refused) return parties;
  const fault = faultOf(RULES[event], parties);
  if (fault) return fault;
  const flags: Flag[] = [];
  const movement: Movement = { event, parties };
  const times = new MeasuredAt(message.header.component(7, 1), zone, () => undefined);
  times.group(recordedAt, 1);
  times.stamp(movement, flags, '', happenedAt, 1);
  return { movement: flags.length > 0 ? { ...movement, flags } : movement, staleBytes: said.isStale ? stated.length : 0 };
}

function segmentOf(message: Hl7Message, name: string): Segment | undefined {
  for (let index = 1; index < message.segments; index += 1) if (message.name(index) === name) return message.open(index);
  return undefined;
}

/**
 * PID begins a party; PV1 and MRG belong to the PID before them. A second MRG or PV1 of the same patient begins another party of that
 * patient (A45 moves several visits of one).
 */
function partiesOf(message: Hl7Message): Party[] | Refused {
  const parties: Party[] = [];
  let party: Party | undefined;
  let isPlaced = false;
  let isMerged = false;
  if (message.hidden(0) !== undefined) return new Refused('HL7-SEGMENT', 'MSH', 1);
  for (let index = 1; index < message.segments; index += 1) {
    const name = message.name(index);
    // A damaged name, or a header within, may be that of another patient.
    if (name === '' || isDamaged(name) || message.isHeader(index) || message.hidden(index) !== undefined)
      return new Refused('HL7-SEGMENT', 'PID', parties.length + 1);
    if (name !== 'PID' && name !== 'PV1' && name !== 'MRG') continue;
    const segment = message.open(index);
    const sequence = parties.length;
    if (name === 'PID') {
      const begun = partyOf(segment, sequence + 1);
      if (begun instanceof Refused) return begun;
      party = begun;
      parties.push(party);
      [isPlaced, isMerged] = [false, false];
    } else if (!party) return new Refused('HL7-SEGMENT', name, 1);
    else {
      if (name === 'PV1' ? isPlaced : isMerged) {
        const { patient, otherIds, account } = party;
        party = { patient, ...(otherIds && { otherIds }), ...(account !== undefined && { account }) };
        parties.push(party);
        [isPlaced, isMerged] = [false, false];
      }
      const fault = name === 'PV1' ? place(party, segment, sequence) : merge(party, segment, sequence);
      if (fault) return fault;
      if (name === 'PV1') isPlaced = true;
      else isMerged = true;
    }
    if (parties.length > MAX_PARTIES) return new Refused('HL7-SEGMENT', 'PID', MAX_PARTIES + 1);
  }
  return parties;
}

const READ = ['PID', 'PV1', 'MRG'] as const;
/** Segments of ADT messages whose names differ from those by one character (HL7 v2.6 ch. 3 and 6). */
const ALIKE: ReadonlySet<string> = new Set(['PD1', 'PV2', 'PR1', 'DRG']);

/** Whether a name is one that is read but for one character, and none of a segment: what stands there would be another party's. */
function isDamaged(name: string): boolean {
  if (READ.some((read) => read === name) || ALIKE.has(name) || name.startsWith('Z')) return false;
  return READ.some((read) => [0, 1, 2].filter((i) => read.charAt(i) !== name.charAt(i)).length === 1);
}

function partyOf(pid: Segment, sequence: number): Party | Refused {
  const ids: AssignedId[] = [];
  for (const cx of identifiersOf(pid).slice(0, MAX_OTHER_IDS + 1)) {
    const id = assignedId(cx, pid.separators);
    if (id === 'unreadable') return new Refused('DECODE-FIELD', 'PID', sequence, 3);
    if (id !== 'none') ids.push(id);
  }
  const [patient, ...otherIds] = ids;
  if (!patient) return new Refused('DECODE-FIELD', 'PID', sequence, 3);
  const party: Party = { patient };
  if (otherIds.length > 0) party.otherIds = otherIds;
  const account = hint(pid.component(18, 1));
  if (account === 'unreadable') return new Refused('DECODE-FIELD', 'PID', sequence, 18);
  if (account !== 'none') party.account = account.text;
  return party;
}

function place(party: Party, pv1: Segment, sequence: number): Refused | undefined {
  const fields: [key: 'patientClass' | 'bed' | 'priorBed' | 'visit', field: number, said: Hint<{ text: string }>][] = [
    ['patientClass', 2, hint(pv1.component(2, 1))],
    ['bed', 3, bedOf(pv1, 3)],
    ['priorBed', 6, bedOf(pv1, 6)],
    ['visit', 19, hint(pv1.component(19, 1))],
  ];
  for (const [key, field, said] of fields) {
    if (said === 'unreadable') return new Refused('DECODE-FIELD', 'PV1', sequence, field);
    if (said !== 'none') party[key] = said.text;
    else if (key === 'bed' && pv1.field(field).trim() === NULL) party.bed = '';
  }
  return undefined;
}

function merge(party: Party, mrg: Segment, sequence: number): Refused | undefined {
  const patient = assignedId(mrg.repetitions(1)[0] ?? '', mrg.separators);
  if (patient === 'unreadable') return new Refused('DECODE-FIELD', 'MRG', sequence, 1);
  const prior: NonNullable<Party['prior']> = patient === 'none' ? {} : { patient };
  for (const [key, field] of [['account', 3] as const, ['visit', 5] as const]) {
    const said = hint(mrg.component(field, 1));
    if (said === 'unreadable') return new Refused('DECODE-FIELD', 'MRG', sequence, field);
    if (said !== 'none') prior[key] = said.text;
  }
  if (Object.keys(prior).length > 0) party.prior = prior;
  return undefined;
}

function faultOf({ patients, place: placed, prior, merges }: EventRule, parties: readonly Party[]): Refused | undefined {
  const count = new Set(parties.map(({ patient }) => keyOf(patient))).size;
  if (patients === 'some' ? count < 1 : count !== patients) return new Refused('HL7-SEGMENT', 'PID', Math.max(1, count));
  for (const [i, party] of parties.entries()) {
    if (placed && !party.bed) return new Refused('DECODE-FIELD', 'PV1', i + 1, 3);
    if (!prior) continue;
    if (!party.prior) return new Refused('HL7-SEGMENT', 'MRG', i + 1);
    if (party.prior[prior] === undefined) return new Refused('DECODE-FIELD', 'MRG', i + 1, prior === 'patient' ? 1 : 3);
  }
  if (prior === undefined) return contradictionOf(parties);
  return merges ? mergedWithItself(parties) : undefined;
}

/** A patient in two beds, or two patients in one: nobody could tell which of it is meant. */
function contradictionOf(parties: readonly Party[]): Refused | undefined {
  const beds = new Map<string, string>();
  const patients = new Map<string, string>();
  for (const [i, { patient, bed }] of parties.entries()) {
    if (!bed) continue;
    const key = keyOf(patient);
    if ((beds.get(key) ?? bed) !== bed || (patients.get(bed) ?? key) !== key) return new Refused('DECODE-FIELD', 'PV1', i + 1, 3);
    beds.set(key, bed);
    patients.set(bed, key);
  }
  return undefined;
}

/** A patient that ceases to be, and in the same or a later part of the message is one that others are merged into. */
function mergedWithItself(parties: readonly Party[]): Refused | undefined {
  const gone = new Set<string>();
  for (const [i, { patient, prior }] of parties.entries()) {
    if (prior?.patient) gone.add(keyOf(prior.patient));
    if (gone.has(keyOf(patient))) return new Refused('DECODE-FIELD', 'MRG', i + 1, 1);
  }
  return undefined;
}

function keyOf({ value, authority }: AssignedId): string {
  return JSON.stringify([authority, value]);
}

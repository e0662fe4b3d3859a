import type { Instant } from '../../../shared/clock.ts';
import type { AssignedId, Movement, MovementEvent, MovementParty } from '../../../shared/movement.ts';

/** A movement that says when it happened. */
export type DatedMovement = Movement & { effective: Instant };

/** A person in a statement, by the number that the hospital gave it. */
export interface Who {
  patient: AssignedId;
  visit?: string;
}

/** What an operator says of who lies where. `beds` of a discharge: those that it is from, where it is not the one that is known for sure. */
export type Said =
  | { act: 'admit' | 'move'; who: Who; bed: string }
  | { act: 'discharge'; who: Who; beds?: readonly string[] }
  | { act: 'swap'; one: Who; oneBed: string; other: Who; otherBed: string }
  | { act: 'merge'; from: Who; into: Who }
  | { act: 'unmerge'; one: Who; other: Who };
export type Act = Said['act'];

/** A statement as the movement that a hospital's system would have sent (HL7 v2.6 ch. 3.3), so that whatever reads those reads it. Pure. */
export function movementOf(said: Said, effective: Instant): DatedMovement {
  const told = (event: MovementEvent, ...parties: MovementParty[]): DatedMovement => ({ event, effective, offsetMin: 0, parties });
  switch (said.act) {
    case 'admit':
      return told('A01', { ...said.who, bed: said.bed });
    case 'move':
      return told('A02', { ...said.who, bed: said.bed });
    case 'discharge':
      return said.beds === undefined ? told('A03', said.who) : told('A03', ...said.beds.map((bed) => ({ ...said.who, bed })));
    case 'swap':
      return told('A17', { ...said.one, bed: said.otherBed }, { ...said.other, bed: said.oneBed });
    case 'merge':
      return told('A40', { ...said.into, prior: { patient: said.from.patient } });
    case 'unmerge':
      return told('A37', said.one, said.other);
  }
}

/** By which event each is taken back. Two numbers that were parted are merged again by saying so, because only that says which one survives. */
const UNDONE_BY: Partial<Record<MovementEvent, MovementEvent>> = { A01: 'A11', A02: 'A12', A03: 'A13', A17: 'A12', A40: 'A37' };

/**
 * What takes a statement back; undefined for one that cannot be. It happened when the statement did, and was heard later: then it takes back that one, and none of those
 * that were said of later times.
 */
export function undoing({ event, effective, parties }: DatedMovement): DatedMovement | undefined {
  const undo = UNDONE_BY[event];
  if (undo === undefined) return undefined;
  const [first] = parties;
  const prior = first?.prior?.patient;
  const named = undo === 'A37' && first && prior ? [{ patient: first.patient }, { patient: prior }] : parties.map(withoutPlace);
  return { event: undo, effective, offsetMin: 0, parties: named };
}

function withoutPlace({ patient, visit }: MovementParty): MovementParty {
  return { patient, ...(visit !== undefined && { visit }) };
}

/** Whether a statement can be taken back by its id. */
export function isUndoable({ event }: Pick<Movement, 'event'>): boolean {
  return UNDONE_BY[event] !== undefined;
}

/** Everybody whom a movement names. */
export function namedIn({ parties }: Pick<Movement, 'parties'>): AssignedId[] {
  return parties.flatMap(({ patient, prior }) => (prior?.patient ? [patient, prior.patient] : [patient]));
}

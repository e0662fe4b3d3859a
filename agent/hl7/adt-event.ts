import { MOVEMENTS, type MovementEvent } from '../../shared/movement.ts';

/**
 * What an event comes down to, of those that may stand for each other: the patient is here as PV1 says, or one patient of two is left. An
 * interface engine that makes an event of such another one changes MSH-9 and leaves EVN-1 behind. Events that are not here stand for
 * nothing but themselves: one that ends or undoes something is the opposite of most others.
 */
const ALIKE = {
  here: ['A01', 'A02', 'A04', 'A05', 'A06', 'A07', 'A08', 'A28', 'A31'],
  'one patient of two': ['A18', 'A30', 'A34', 'A36', 'A39', 'A40'],
  'one account of two': ['A35', 'A41'],
  'another number': ['A46', 'A47'],
} as const;

const MEANINGS: ReadonlyMap<string, string> = new Map(
  Object.entries(ALIKE).flatMap(([meaning, events]) => events.map((event) => [event, meaning] as const)),
);

/** Of HL7 table 0003: a letter and two digits; Z is for what a site makes up. */
const STANDARD_EVENT = /^[A-Y]\d\d$/;

/** The event of an ADT message. `isStale`: EVN-1 names another one, which does not count. */
export type AdtEvent = { event: MovementEvent; isStale: boolean } | 'contradiction' | 'unknown';

/**
 * Which movement a message tells of, by its MSH-9.2 (`named`) and EVN-1 (`stated`), '' where they are empty. MSH-9 counts: EVN-1 is retained for
 * backward compatibility alone (HL7 v2.6 ch. 3.4.1.1), and is the event where older senders put it there only. But where EVN-1 is an event of
 * the standard that says something else, one of the two is wrong, and nobody can tell which: a patient that was discharged, or moved.
 */
export function adtEvent(named: string, stated: string): AdtEvent {
  const event = named === '' ? stated : named;
  if (!Object.hasOwn(MOVEMENTS, event)) return 'unknown';
  const isStale = stated !== '' && stated !== event;
  if (isStale && STANDARD_EVENT.test(stated) && !areAlike(event, stated)) return 'contradiction';
  return { event: event as MovementEvent, isStale };
}

function areAlike(a: string, b: string): boolean {
  return MEANINGS.get(a) !== undefined && MEANINGS.get(a) === MEANINGS.get(b);
}

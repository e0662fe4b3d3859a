import { hash } from 'node:crypto';
import { namesIn } from '../../patients/names-in.ts';
import { isNobody } from '../placing/placing.ts';
import { type Arrival, type EventArrival, isEvent, type Refusal } from '../store.ts';
import { type ErasedPeople, earliestTimeIn } from './tombstone.ts';

/** Whether something that arrives is of a person who was erased: given to them, or naming them, or of before, naming them by a number, and a movement or nobody's. */
export function isOfErased(arrival: Arrival | EventArrival, erased: ErasedPeople): boolean {
  const stated = arrival.placed?.stated;
  if (stated && erased.isPatient(stated)) return true;
  const isMovement = isEvent(arrival) && arrival.kind === 'movement';
  const isUnplaced = arrival.placed !== undefined && arrival.patient !== null && isNobody(arrival.patient);
  if (arrival.patient !== null && !isUnplaced) return erased.isPatient(arrival.patient);
  return (isMovement || isUnplaced) && isLate(arrival, erased);
}

/** Whether something that arrives names, by a number, somebody who was erased since. */
export function isLate(arrival: Pick<Arrival | EventArrival, 'received' | 'effective'>, erased: ErasedPeople): boolean {
  return namesIn(JSON.parse(arrival.received)).some((name) => isUpTo(arrival.effective, erased.namedUpTo(name)));
}

/**
 * A refused part as it is kept, with the digest by which the same one is known. What may be of a person who was erased is kept without its content: it
 * is refused because the hub can give it to nobody, and the gateway spoke for that person when it was measured, or may have: it states no time.
 */
export function hushed(refusal: Refusal, gateway: string, erased: ErasedPeople | undefined): Refusal & { digest: Buffer } {
  const { id, received } = refusal;
  const isTheirs = received !== '' && erased !== undefined && mayBeUpTo(earliestTimeIn(received), erased.spokeUpTo(gateway));
  if (!isTheirs && received !== '') return { ...refusal, digest: hash('sha256', received, 'buffer') };
  // The digest of the content could be used to guess it.
  return { ...refusal, received: '', digest: hash('sha256', `erased ${id}`, 'buffer') };
}

function isUpTo(time: number | undefined, upTo: number | undefined): boolean {
  return time !== undefined && upTo !== undefined && time <= upTo;
}

function mayBeUpTo(time: number | undefined, upTo: number | undefined): boolean {
  return upTo !== undefined && (time === undefined || time <= upTo);
}

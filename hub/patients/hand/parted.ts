import type { Instant } from '../../../shared/clock.ts';
import { VitalmeshError } from '../../../shared/errors.ts';
import type { AssignedId } from '../../../shared/movement.ts';
import { readSaid, type ToldMovement } from '../said.ts';
import { type Identification, recordKey } from '../stays/statement.ts';
import { whoIsWho } from '../stays/who-is-who.ts';
import type { BatchPlaces } from '../whereabouts/placing.ts';

interface Known {
  at: Instant;
  places: Pick<BatchPlaces, 'whereIs'>;
}

/** Throws PATIENT-NOT-MERGED unless two numbers are one person's. Pure. */
export function refuseTwo(numbers: readonly AssignedId[], known: Known): void {
  if (!isOne(numbers, known)) throw new VitalmeshError('PATIENT-NOT-MERGED');
}

/** Throws PATIENT-ONE where the first of two numbers goes by another already, which is the second's person. That the one who stays is to cease is something new. Pure. */
export function refuseOne(numbers: readonly [AssignedId, AssignedId], known: Known): void {
  const { isOwn = true } = known.places.whereIs(numbers[0], known.at) ?? {};
  if (!isOwn && isOne(numbers, known)) throw new VitalmeshError('PATIENT-ONE');
}

function isOne([one, other]: readonly AssignedId[], { at, places }: Known): boolean {
  const [person, same] = [one, other].map((number) => number && places.whereIs(number, at)?.patient);
  return person !== undefined && person === same;
}

/** Whether two numbers would be one person's had a statement not been made: somebody else merged them, too, as the hospital's system may have done before or since. */
export async function isMergedOtherwise(
  movements: AsyncIterable<ToldMovement>,
  statement: string,
  numbers: readonly AssignedId[],
  isSandbox: boolean,
): Promise<boolean> {
  const identifications: Identification[] = [];
  for await (const movement of movements)
    if (movement.id !== statement) identifications.push(...(readSaid(movement, isSandbox)?.identifications ?? []));
  const { survivorOf } = whoIsWho(identifications);
  return new Set(numbers.map((number) => survivorOf(recordKey(number)))).size === 1;
}

/** Whether two numbers would be one person's all the same once a parting of them is told: where they were merged later than that. */
export async function isMergedLater(
  movements: AsyncIterable<ToldMovement>,
  parting: ToldMovement,
  [one, other]: readonly [AssignedId, AssignedId],
  isSandbox: boolean,
): Promise<boolean> {
  const identifications: Identification[] = [...(readSaid(parting, isSandbox)?.identifications ?? [])];
  for await (const movement of movements) identifications.push(...(readSaid(movement, isSandbox)?.identifications ?? []));
  const { survivorOf } = whoIsWho(identifications);
  return survivorOf(recordKey(one)) === survivorOf(recordKey(other));
}

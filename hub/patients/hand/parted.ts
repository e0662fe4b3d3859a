import type { Instant } from '../../../shared/clock.ts';
import { VitalmeshError } from '../../../shared/errors.ts';
import type { AssignedId } from '../../../shared/movement.ts';
import { readSaid, type ToldMovement } from '../said.ts';
import { type Identification, recordKey } from '../stays/statement.ts';
import { whoIsWho } from '../stays/who-is-who.ts';
import type { BatchPlaces } from '../whereabouts/placing.ts';

/** Throws PATIENT-NOT-MERGED unless two numbers are one person's. Pure. */
export function refuseTwo([one, other]: readonly AssignedId[], { at, places }: { at: Instant; places: BatchPlaces }): void {
  const [person, same] = [one, other].map((number) => number && places.whereIs(number, at)?.patient);
  if (person === undefined || person !== same) throw new VitalmeshError('PATIENT-NOT-MERGED');
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

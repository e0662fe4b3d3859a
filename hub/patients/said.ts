import type { Instant } from '../../shared/clock.ts';
import type { AssignedId } from '../../shared/movement.ts';
import { readMovement } from '../../shared/movement-resource.ts';
import { parseObservationId } from '../../shared/uplink/key.ts';
import type { StoredEvent } from '../store/store.ts';
import { type Read, readStatements } from './stays/statement.ts';

/** A movement as it is stored, or about to be. */
export type ToldMovement = Pick<StoredEvent, 'id' | 'gateway' | 'sortTime' | 'receivedAt' | 'test' | 'resource'>;

/** What a movement says, everybody whom it names, and who told it when it happened. */
export interface SaidByMovement extends Read {
  id: string;
  gateway: string;
  at: Instant;
  records: AssignedId[];
}

/** Reads one movement; undefined for what is marked as a test, which moves nobody, and for anything that is no movement. Pure. */
export function readSaid({ id, gateway, sortTime, receivedAt, test, resource }: ToldMovement): SaidByMovement | undefined {
  const movement = test ? undefined : readMovement(resource);
  if (!movement) return undefined;
  // Rows of a gateway are numbered as it heard them.
  const row = String(parseObservationId(id)?.seq ?? 0).padStart(16, '0');
  const read = readStatements(movement, { at: sortTime, heard: receivedAt, by: gateway, key: `${row} ${gateway} ${id}` });
  return {
    ...read,
    id,
    gateway,
    at: sortTime,
    records: movement.parties.flatMap(({ patient, prior }) => (prior?.patient ? [patient, prior.patient] : [patient])),
  };
}

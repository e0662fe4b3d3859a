import type { Instant } from '../../shared/clock.ts';
import type { AssignedId } from '../../shared/movement.ts';
import { readMovement } from '../../shared/movement-resource.ts';
import { EARLIEST } from '../../shared/sort-time.ts';
import { parseObservationId } from '../../shared/uplink/key.ts';
import type { StoredEvent } from '../store/store.ts';
import { isTooOld, REMEMBERED_MS } from './movement-time.ts';
import { type Read, readStatements } from './stays/statement.ts';

/** A movement as it is stored, or about to be. */
export type ToldMovement = Pick<StoredEvent, 'id' | 'gateway' | 'sortTime' | 'receivedAt' | 'test' | 'resource'>;

/** What a movement says, everybody whom it names, and who told it when it happened. */
export interface SaidByMovement extends Read {
  id: string;
  gateway: string;
  /** Number of the gateway's row. */
  row: number;
  at: Instant;
  /** When the gateway heard it. */
  heard: Instant;
  records: AssignedId[];
}

/** Reads one movement; undefined for anything that is no movement, and for what is marked as a test, which moves nobody but in a sandbox, where all is one. Pure. */
export function readSaid(
  { id, gateway, sortTime, receivedAt, test, resource }: ToldMovement,
  isSandbox = false,
): SaidByMovement | undefined {
  const movement = test && !isSandbox ? undefined : readMovement(resource);
  if (!movement) return undefined;
  // Rows of a gateway are numbered as it heard them.
  const row = parseObservationId(id)?.seq ?? 0;
  const key = `${String(row).padStart(16, '0')} ${gateway} ${id}`;
  const { effective } = movement;
  const isClaimed = isTooOld({ effective, sortTime, gateway }) && sortTime - effective <= REMEMBERED_MS && effective >= EARLIEST;
  const occasion = { at: sortTime, heard: receivedAt, by: gateway, key, ...(isClaimed && { claimedFrom: effective }) };
  const read = readStatements(movement, occasion);
  return {
    ...read,
    id,
    gateway,
    row,
    at: sortTime,
    heard: receivedAt,
    records: movement.parties.flatMap(({ patient, prior }) => (prior?.patient ? [patient, prior.patient] : [patient])),
  };
}

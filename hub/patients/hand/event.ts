import type { Instant } from '../../../shared/clock.ts';
import { movementResource } from '../../../shared/movement-resource.ts';
import { formatObservationId, newEpoch } from '../../../shared/uplink/key.ts';
import { canonicalJson } from '../../ingest/canonical.ts';
import type { EventArrival } from '../../store/store.ts';
import { BY_HAND } from '../by-hand.ts';
import type { ToldMovement } from '../said.ts';
import type { DatedMovement } from './said.ts';

/** Under this id a movement is looked at that is not kept. */
export const UNKEPT = formatObservationId({ agent: BY_HAND, epoch: newEpoch(), seq: 0, index: 0 });

/** What is said by hand, as it is stored and as it is told; `at`: UTC ms of when the hub was told. `source` says how. Pure. */
export function eventOf(
  { at: receivedAt }: { at: Instant },
  movement: DatedMovement,
  { id, source }: { id: string; source: string },
): { arrival: EventArrival; toldAs: ToldMovement } {
  const resource = movementResource(movement, { id, source, profile: 'by-hand', receivedAt, offsetMin: 0, test: false });
  const times = { effective: movement.effective, offsetMin: 0, receivedAt, sortTime: movement.effective };
  return {
    arrival: { kind: 'movement', id, patient: null, device: '', ...times, test: false, received: canonicalJson(resource) },
    toldAs: { id, gateway: BY_HAND, sortTime: movement.effective, receivedAt, test: false, resource },
  };
}

import { parseInstant } from '../../shared/clock.ts';
import { VitalmeshError } from '../../shared/errors.ts';
import type { EventKind } from '../../shared/event.ts';
import type { Observation, Resource, StretchObservation } from '../../shared/fhir.ts';
import { gapFrom } from '../../shared/gap-observation.ts';
import { formatObservationId } from '../../shared/uplink/key.ts';
import { givenOut, unpackReceived } from './observation-row.ts';
import type { StoredEvent } from './store.ts';

/** A row of the event table with what its writer adds. */
export interface EventRow {
  kind: string;
  tenant: string;
  gateway: string;
  patient: string | null;
  device: string;
  effective: number;
  offsetMin: number;
  receivedAt: number;
  sortTime: number;
  storedAt: number;
  test: number;
  agent: string;
  epoch: string;
  seq: number;
  part: number;
  received: Buffer;
}

/** Throws STORAGE-DAMAGED. */
export function eventOf(stored: EventRow): StoredEvent {
  const { agent, epoch, seq, part, received, kind, test, ...row } = stored;
  const [text] = unpackReceived(received);
  if (text === undefined) throw new VitalmeshError('STORAGE-DAMAGED', { detail: 'an event without its resource' });
  const resource = JSON.parse(text) as Resource;
  const { patient, tenant, gateway, device, effective, offsetMin, receivedAt, sortTime, storedAt } = row;
  return {
    ...{ tenant, gateway, patient, device, effective, offsetMin, receivedAt, sortTime, storedAt },
    id: formatObservationId({ agent, epoch, seq, index: part }),
    kind: kind as EventKind,
    test: test === 1,
    resource: resource.resourceType === 'Observation' && patient !== null ? givenOut(ofBinding(resource, stored), patient) : resource,
  };
}

/** Of a gap that began before its patient was bound only what came after that is the patient's; its row says from when on. */
function ofBinding(resource: Observation | StretchObservation, { effective, offsetMin }: EventRow): Observation | StretchObservation {
  if (!('effectivePeriod' in resource) || parseInstant(resource.effectivePeriod.start)?.at === effective) return resource;
  return gapFrom(resource, effective, offsetMin);
}

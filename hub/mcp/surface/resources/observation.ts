import type { ResourceRow } from '../contract.ts';
import { plainObservation } from '../plain-observation.ts';

export const observationResource: ResourceRow<'observation'> = {
  name: 'observation',
  title: 'FHIR Observation',
  description:
    'One measurement as a FHIR R4 Observation, by the id that other answers give for it: its codes, number and times as they came, with the patient that the hub set and without what devices and senders wrote.',
  mimeType: 'application/fhir+json',
  action: 'vitals.read',
  completes: {},
  follow: () => ({ of: 'nothing' }),
  read: async ({ id }, { door, caller, context }) => plainObservation(await door.observation(caller, id, context)),
};

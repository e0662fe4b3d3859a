import type { ResourceRow } from '../contract.ts';

export const observationResource: ResourceRow<'observation'> = {
  name: 'observation',
  title: 'FHIR Observation',
  description:
    'One measurement as a FHIR R4 Observation, by the id that other answers give for it: as it came, with the patient that the hub set.',
  mimeType: 'application/fhir+json',
  action: 'vitals.read',
  completes: {},
  follow: () => ({ of: 'nothing' }),
  read: ({ id }, { door, caller, context }) => door.observation(caller, id, context),
};

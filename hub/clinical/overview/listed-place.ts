import type { Principal } from '../../access/access.ts';
import type { PatientSummary } from '../../access/door.ts';
import type { Registry } from '../../registry/registry.ts';
import type { ListedPlace } from './find.ts';

/** Of a patient as the door listed them: where else they are, by the registry; nothing of whoever is masked. */
export function listedPlace(
  registry: Pick<Registry, 'patient'>,
  { tenant }: Pick<Principal, 'tenant'>,
  { patient, masked }: Pick<PatientSummary, 'patient' | 'masked'>,
): ListedPlace {
  const place = masked === undefined ? registry.patient(tenant, patient) : undefined;
  return {
    panels: place?.panels ?? [],
    ...(place?.unplaced && { unplaced: true, possible: place.possible ?? [] }),
    ...(place?.discharged !== undefined && { discharged: true }),
  };
}

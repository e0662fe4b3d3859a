import type { Registry } from '../registry/registry.ts';
import { type AccessResource, ANY_CATEGORY } from './access.ts';

/** Where a patient is, as far as reaching them hangs on it. */
export type Whereabouts = Pick<AccessResource, 'ward' | 'panels'>;

/** A tenant's patient as `decide` is asked about it, with ward and panels as the registry has them now; or the tenant as a whole; whatever is measured. */
export function resourceOf(
  registry: Pick<Registry, 'patient'>,
  tenant: string,
  patient?: string,
  place: Whereabouts = patient === undefined ? {} : (registry.patient(tenant, patient) ?? {}),
): AccessResource {
  const { ward, panels } = place;
  return {
    tenant,
    category: ANY_CATEGORY,
    ...(patient !== undefined && { patient }),
    ...(ward !== undefined && { ward }),
    ...(panels && { panels }),
  };
}

import type { Instant } from '../../../shared/clock.ts';
import { VitalmeshError } from '../../../shared/errors.ts';
import { type Call, granted } from '../../access/evidence-of-call.ts';
import type { Registry } from '../../registry/registry.ts';
import { nobodyIn } from '../../store/placing/placing.ts';
import type { Store } from '../../store/store.ts';
import type { ShownStay } from './shown.ts';

type Listing = Pick<Registry, 'gateways' | 'bindings' | 'inBed' | 'patient'>;

/** Beds of a tenant that follow movements, in order. */
export function followedBeds(registry: Pick<Registry, 'gateways'>, tenant: string): string[] {
  const own = registry.gateways().filter((gateway) => gateway.tenant === tenant);
  return [...new Set(own.flatMap(({ followed }) => [...(followed ?? [])]))].sort();
}

/** A bed that registry.yaml itself binds, as it says. Throws PATIENT-BED for one that it does not have. */
export function listedBed(registry: Listing, tenant: string, bed: string): ShownStay {
  const patient = registry.inBed(tenant, bed);
  if (patient === undefined) throw new VitalmeshError('PATIENT-BED', { detail: 'registry.yaml has no such bed' });
  return { bed, state: 'listed', patients: patient === null ? [] : [{ patient }], from: null, to: null };
}

/** Where somebody is of whom registry.yaml alone says it. Throws PATIENT-UNHEARD. */
export function listedPatient(registry: Listing, tenant: string, patient: string): ShownStay {
  const place = registry.patient(tenant, patient);
  if (place === undefined) throw new VitalmeshError('PATIENT-UNHEARD');
  return { bed: place.bed, state: 'listed', patients: [{ patient: place.patient }], from: null, to: null };
}

/** Followed beds in which nobody is known to lie. */
export function nobodyInThem(beds: readonly string[], newest: ReadonlyMap<string, Instant>): ShownStay[] {
  return beds.map((bed): ShownStay => {
    const lastReading = newest.get(bed);
    return { bed, state: 'nobody', patients: [], from: null, to: null, ...(lastReading !== undefined && { lastReading }) };
  });
}

/** When the newest was measured of what is nobody's in these beds, by bed; recorded as a read of it. Throws STORAGE-*. */
export async function newestOfNobody(store: Pick<Store, 'latest'>, call: Call, beds: readonly string[]): Promise<Map<string, Instant>> {
  const newest = new Map<string, Instant>();
  for (const bed of beds) {
    const [row] = await store.latest(call.principal.tenant, nobodyIn(bed), () => granted(call, null, 0));
    if (row) newest.set(bed, row.sortTime);
  }
  return newest;
}

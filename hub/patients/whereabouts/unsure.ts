import type { Instant } from '../../../shared/clock.ts';
import type { PatientPlace } from '../../registry/registry.ts';
import { windowAt } from './course.ts';
import { placeOf } from './present.ts';
import type { TenantPlaces } from './tenant-places.ts';

/**
 * Who may lie in one of the beds and lies in none of them for sure, as far as anybody heard: two are said to have one bed, or one is said to have two. Each once, with the beds that are possible,
 * in order of id. What is measured in such a bed is shown under nobody, so whoever reads a list must learn of them there.
 */
export function unsureIn(places: TenantPlaces, beds: ReadonlySet<string>, now: Instant): PatientPlace[] {
  const said = new Set<string>();
  for (const bed of beds) {
    const window = windowAt(places.courseOf(bed), now);
    const occupant = window?.state === 'occupied' ? window.who?.id : undefined;
    for (const id of places.saidToBeIn(bed, now)) if (id !== occupant) said.add(id);
  }
  return [...said].sort().flatMap((id) => {
    const place = placeOf(places, beds, id, now);
    return place && place.bed === null && place.possible !== undefined ? [place] : [];
  });
}

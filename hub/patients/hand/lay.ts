import type { Instant } from '../../../shared/clock.ts';
import type { AssignedId } from '../../../shared/movement.ts';
import type { BatchPlaces } from '../whereabouts/placing.ts';

/** Where somebody lay by a statement that came late, until what happened later. */
export interface Lay {
  /** Public id. */
  patient: string;
  bed: string;
  /** UTC ms, both. */
  from: Instant;
  to: Instant;
}

type Known = Pick<BatchPlaces, 'whereIs' | 'occupantOf' | 'segmentsIn'>;

/** Until when somebody surely lay in a bed into which they were put at a time; undefined while they do, and where they never surely did. Pure. */
export function layThere(places: Known, who: AssignedId, bed: string, at: Instant): Lay | undefined {
  const patient = places.whereIs(who, at)?.patient;
  if (patient === undefined) return undefined;
  const segments = places.segmentsIn(bed);
  let to = at;
  while (places.occupantOf(bed, to) === patient) {
    const segment = segments.find((one) => one.from <= to && (one.to === null || one.to > to));
    if (segment === undefined) break;
    if (segment.to === null) return undefined;
    to = segment.to;
  }
  return to === at ? undefined : { patient, bed, from: at, to };
}

import type { Instant } from '../../shared/clock.ts';
import { defined } from '../../shared/defined.ts';
import type { PatientPlace } from '../registry/registry.ts';
import type { ShownPatient } from './door.ts';

/** Whose a view is, as the registry knows it. */
export type Whose = Pick<
  PatientPlace,
  'patient' | 'bed' | 'ward' | 'admitted' | 'discharged' | 'leftBed' | 'unplaced' | 'mergedFrom' | 'alsoKnownAs'
>;

/** What stands above everything that is shown of one patient: whose it is, and as of when. `shown` writes a time as it is read, ISO 8601. Pure. */
export function headOf(whose: Whose & { zone: string }, now: Instant, shown: (at: Instant) => string): ShownPatient & { asOf: string } {
  const { patient, bed, ward, admitted, discharged, leftBed, unplaced, mergedFrom, alsoKnownAs, zone } = whose;
  const at = (time: Instant | undefined): string | undefined => (time === undefined ? undefined : shown(time));
  return {
    ...{ patient, bed, asOf: shown(now), zone },
    ...defined({ ward, admitted: at(admitted), discharged: at(discharged), leftBed: at(leftBed), unplaced, mergedFrom, alsoKnownAs }),
  };
}

import type { Instant } from '../../../shared/clock.ts';
import type { StoredEvent, StoredObservation } from '../../store/store.ts';
import type { LatestView, PatientSummary } from '../door.ts';
import type { TrendView, VersionView } from '../history-views.ts';

/**
 * How much of a patient is shown, least first. `deidentified` leaves out the eighteen kinds of identifiers of 45 CFR 164.514(b)(2) (Safe Harbor); `limited`
 * shows real times beside pseudonyms, but no place, device or free text (45 CFR 164.514(e)); `none` shows what there is.
 */
export const MASK_PROFILES = ['deidentified', 'limited', 'none'] as const;
export type MaskProfile = (typeof MASK_PROFILES)[number];

/**
 * What one principal is shown of what is stored, by allow-list: a field that no profile names is not shown. Pure, but for the secret that makes its pseudonyms, which differ
 * from tenant to tenant and from principal to principal.
 */
export interface Masking {
  /** The opaque id under which this principal knows the patient; the id itself where nothing is masked. */
  patient(patient: string): string;
  /** Back, out of these; undefined for a name that was not given to this principal. */
  patientOf(shown: string, among: Iterable<string>): string | undefined;
  summaries(rows: readonly PatientSummary[]): readonly PatientSummary[];
  latest(view: LatestView): LatestView;
  trend(view: TrendView): TrendView;
  versions(rows: readonly VersionView[]): readonly VersionView[];
  observation(row: StoredObservation): StoredObservation;
  event(row: StoredEvent): StoredEvent;
  /** A time as this principal may know it. */
  at(at: Instant, patient: string): Instant;
}

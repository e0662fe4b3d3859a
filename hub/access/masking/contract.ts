import type { Instant } from '../../../shared/clock.ts';
import type { StoredEvent, StoredObservation } from '../../store/store.ts';
import type { AlertsView } from '../alert-views.ts';
import type { LatestView, PatientSummary } from '../door.ts';
import type { DoubtfulReading } from '../doubtful-views.ts';
import type { GapsView } from '../gap-views.ts';
import type { TrendView, VersionView } from '../history-views.ts';

/**
 * How much of a patient is shown, least first. `deidentified` leaves out the eighteen kinds of identifiers of 45 CFR 164.514(b)(2) (Safe Harbor); `limited`
 * shows real times and the ward beside pseudonyms, but no bed, gateway, serial number or free text (45 CFR 164.514(e)(2)); `none` shows what there is.
 * Names, ages and dates of birth are in no view at all: gateways do not send them.
 */
export const MASK_PROFILES = ['deidentified', 'limited', 'none'] as const;
export type MaskProfile = (typeof MASK_PROFILES)[number];

/** What of it hides anything; stands in every masked answer. */
export type Masked = Exclude<MaskProfile, 'none'>;

/**
 * What one principal is shown of what is stored, by allow-list: a field that no profile names is not shown, and no text is shown that is not out of a table of
 * ours. Pure, but for the secret that makes its pseudonyms, which differ from tenant to tenant, from principal to principal and from profile to profile.
 */
export interface Masking {
  readonly profile: MaskProfile;
  /** The opaque id under which this principal knows the patient; the id itself where nothing is masked. */
  patient(patient: string): string;
  /** Back, out of these; undefined for a name that was not given to this principal. */
  patientOf(shown: string, among: Iterable<string>): string | undefined;
  /** The name under which it knows a device of a patient. */
  device(patient: string, device: string): string;
  /** `now`: the hub's time, for what cannot be told from a time that is not real. */
  summary(row: PatientSummary, now: Instant): PatientSummary;
  latest(view: LatestView): LatestView;
  alerts(view: AlertsView): AlertsView;
  gaps(view: GapsView): GapsView;
  trend(view: TrendView): TrendView;
  doubtful(view: DoubtfulReading): DoubtfulReading;
  /** Of a measurement of this patient. */
  versions(rows: readonly VersionView[], patient: string): readonly VersionView[];
  /** Undefined for what is not in the parameter table. */
  observation(row: StoredObservation): StoredObservation | undefined;
  /** Undefined for a kind that is not shown at all: waves, movements and what devices are made of. */
  event(row: StoredEvent): StoredEvent | undefined;
  /** The id under which it knows an observation or event. */
  observationName(id: string): string;
  /** Back, of those that it was shown lately; undefined for any other. */
  observationNamed(shown: string): string | undefined;
  /** A time as this principal may know it. */
  at(at: Instant, patient: string): Instant;
  /** The real time of one that it was shown. */
  instantOf(shown: Instant, patient: string): Instant;
}

/** Gives each principal its masking. */
export interface Maskings {
  of(principal: { id: string; tenant: string }, profile: MaskProfile): Masking;
}

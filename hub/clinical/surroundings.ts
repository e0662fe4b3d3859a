import type { Instant } from '../../shared/clock.ts';
import type { PatientPlace } from '../registry/registry.ts';
import type { StoredReading } from '../store/store.ts';
import type { ByHand } from './by-hand.ts';
import { BUILT_IN, type PatientLimits, type SiteRange } from './limits/limits.ts';
import type { Losses } from './sources/losses.ts';
import type { Source } from './sources/source.ts';
import type { Origin } from './sources/source-watch.ts';

/** A device of a patient that said it is in demonstration mode, so that nothing of it is anybody's: since when and until when it was heard. UTC ms. */
export interface Demo {
  device: string;
  since: Instant;
  lastAt: Instant;
}

/** What was known beside the rows when an answer was made, and cannot be told from them later; part of the evidence. */
export interface Beside {
  /** Gateways and movements. Devices follow from the rows. */
  sources: readonly Source[];
  demo: readonly Demo[];
  /** Devices of the rows that sent last what is another's, or nobody's. None unless given, as in evidence of before. */
  elsewhere?: readonly string[];
  /** Of a patient of a sandbox. */
  sandbox: boolean;
}

/** Where a patient is, as answers show it. */
export type ShownPlace = Pick<
  PatientPlace,
  'bed' | 'ward' | 'admitted' | 'discharged' | 'leftBed' | 'unplaced' | 'mergedFrom' | 'alsoKnownAs'
>;

/** What an answer showed beside the rows; who moved since lay elsewhere then. Evidence of before says nothing of the place. */
export interface ShownBeside extends Beside {
  /** IANA zone in which it was shown, where it was not that of the hub. */
  zone?: string;
  place?: ShownPlace;
  /** Where whoever lay in no bed for sure may have lain: by that the limits of age were. */
  possible?: NonNullable<PatientPlace['possible']>;
  /** Of what shape the view was (`LATEST_SHAPE`). Evidence of before does not say. */
  shape?: number;
  /** Which limits of the site were in force (`nameOfLimits`). Evidence of before does not say. */
  limits?: string | null;
  /** Observations that were shown as doubtful (`identity-doubtful`): by now they may be sure, or others doubtful. None unless given. */
  doubtful?: readonly string[];
  /** Observations that were shown as said to be this patient's by a person: that may be undone by now, or newer. None unless given. */
  byHand?: readonly (ByHand & { observation: string })[];
}

/** The limits that hold for a patient, and the version of the file they are of; null where the site has none. */
export interface LimitsInForce {
  of: PatientLimits;
  version: string | null;
  /** First digits of the SHA-256 of that file (`SiteRules`); not given where that is not known. */
  revision?: string;
}

/** By what evidence knows the limits that were in force: the file itself, for its version may have stayed as it was; null where the site has none. */
export function nameOfLimits({ version, revision }: LimitsInForce): string | null {
  return version === null ? null : (revision ?? version);
}

/** What of a row says where it came from. */
export type CurrentRow = Pick<StoredReading, 'gateway' | 'device' | 'receivedAt'>;

/** What the clinical core knows that is no row of the store. */
export interface Surroundings {
  /** IANA zone of a patient's home, where the site names one; undefined where it is that of the hub. */
  zone?(place: PatientPlace): string | undefined;
  limits(place: PatientPlace): LimitsInForce;
  ranges(place: PatientPlace): readonly SiteRange[];
  /** `rows`: what is current of the patient. */
  beside(tenant: string, place: PatientPlace, rows: readonly CurrentRow[], now: Instant): Beside;
  /** What was lost and is back, of the sources by which something of a patient came. */
  losses(tenant: string, patient: string, origin: Origin): readonly Losses[];
}

/** Where nothing but the store is known. */
export const NO_SURROUNDINGS: Surroundings = {
  limits: () => ({ of: BUILT_IN, version: null }),
  ranges: () => [],
  beside: () => ({ sources: [], demo: [], sandbox: false }),
  losses: () => [],
};

import type { Instant } from '../../shared/clock.ts';
import type { PatientPlace } from '../registry/registry.ts';
import type { HospitalStay } from './stays/hospital-stays.ts';

/** Who is here by what movements say, beside those whom registry.yaml names. Asked at each decision, so a movement counts from its commit on. */
export interface Presence {
  /** Who lies in a followed bed for sure, or may and lies in none for sure, in order of id. */
  patients(tenant: string): readonly PatientPlace[];
  /**
   * Somebody who was ever heard of, by public id: where they are now, `discharged` where they are nowhere, `leftBed` where they went from the followed beds to another place, and by the id that survived merges, which is `PatientPlace.patient` and
   * another than the one that was asked for where `mergedFrom` says so.
   */
  patient(tenant: string, id: string): PatientPlace | undefined;
  /** From when to when somebody was here by what movements told, in order; of the id that survived merges. */
  stays?(tenant: string, id: string): readonly HospitalStay[];
  /** Since when somebody who lies in a bed now does by what movements told, UTC ms; undefined where they do not say. */
  bedSince?(tenant: string, id: string, bed: string): Instant | undefined;
  isPatient(id: string): boolean;
  /** Who lies in a followed bed for sure; null while nobody does or nobody knows who. Undefined for a bed that is not followed. */
  inBed(tenant: string, bed: string): string | null | undefined;
  /**
   * Tells, synchronously and as soon as something else is known, of whom another answer may now be given: who came, went, changed beds or became sure or unsure, and
   * both ids of a merge or of its end. Hearing of somebody in vain does no harm.
   */
  onChange(listener: (tenant: string, patients: readonly string[]) => void): Disposable;
}

import type { Instant } from '../../shared/clock.ts';
import type { Observation } from '../../shared/fhir.ts';
import type { AbsentReason, Flag } from '../../shared/reading.ts';

/** A part of a panel (`nibp_s` of `nibp`). */
export interface StoredComponent {
  vital: string;
  value: number | null;
  unit: string;
  absent: AbsentReason | null;
}

/** One observation as it is stored and read; everything but `resource` is derived from it or added by the hub. */
export interface StoredObservation {
  /** FHIR id, made by the agent (or prefixed with the caller for foreign clients). */
  id: string;
  tenant: string;
  /** Identity id of the gateway that sent it. */
  gateway: string;
  /** Opaque patient id. */
  patient: string;
  /** Key of the parameter table or of a panel. */
  vital: string;
  device: string;
  value: number | null;
  unit: string;
  absent: AbsentReason | null;
  components: readonly StoredComponent[];
  flags: readonly Flag[];
  effective: Instant;
  receivedAt: Instant;
  storedAt: Instant;
  /** By what readings are ordered: architecture §3.10. */
  sortTime: Instant;
  test: boolean;
  resource: Observation;
}

export interface ObservationFilter {
  patient?: string;
  /** Stored at or after. */
  since?: Instant;
}

/** Reads that only `hub/access/door.ts` may make; each within one tenant. */
export interface StoreReader {
  /** The current one of every (vital, device) of a patient: greatest (sortTime, storedAt, id), with doubtful clocks never winning. */
  latest(tenant: string, patient: string): StoredObservation[];
  /** In order of storing. */
  observations(tenant: string, filter: ObservationFilter): Iterable<StoredObservation>;
  counts(tenant: string): StoreCounts;
}

export interface StoreCounts {
  observations: number;
  duplicates: number;
  quarantined: number;
  patients: number;
}

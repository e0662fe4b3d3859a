import type { Instant } from './clock.ts';
import type { Flag } from './reading.ts';

/** The HL7 v2 events that move patients (HL7 v2.6 ch. 3.3), and what each says. */
export const MOVEMENTS = {
  A01: 'admit',
  A02: 'transfer',
  A03: 'discharge',
  A04: 'register',
  A05: 'pre-admit',
  A06: 'to-inpatient',
  A07: 'to-outpatient',
  A08: 'update',
  A11: 'cancel-admit',
  A12: 'cancel-transfer',
  A13: 'cancel-discharge',
  A17: 'swap',
  A34: 'merge-patient',
  A35: 'merge-account',
  A36: 'merge-patient-account',
  A37: 'unlink',
  A40: 'merge-patient',
  A44: 'move-account',
  A45: 'move-visit',
  A47: 'change-identifier',
} as const;
export type MovementEvent = keyof typeof MOVEMENTS;
export type MovementKind = (typeof MOVEMENTS)[MovementEvent];

/** An identifier with who assigned it ('' when nobody is named). */
export interface AssignedId {
  value: string;
  authority: string;
}

/** One patient's part in a movement; an admission has one, a swap two. Identifiers only: names and dates of birth stay where they are. */
export interface MovementParty {
  /** PID-3: the medical record number first, then every other identifier. */
  patient: AssignedId;
  otherIds?: readonly AssignedId[];
  /** PV1-19. */
  visit?: string;
  /** PID-18. */
  account?: string;
  /** PV1-2 (HL7 table 0004). */
  patientClass?: string;
  /**
   * PV1-3, where the patient is now, and PV1-6, where it was; unit, room and bed joined by `^`, as `SubjectHints.bed`. '' when the message
   * says that there is none (HL7 null).
   */
  bed?: string;
  priorBed?: string;
  /** MRG-1, -3, -5: who or what ceases to be, or is left. */
  prior?: { patient?: AssignedId; account?: string; visit?: string };
}

/**
 * A movement as the hospital's system told it. The hub decides what follows from it; nothing here is trusted by itself.
 */
export interface Movement {
  event: MovementEvent;
  /** When it happened: EVN-6, else EVN-2, else MSH-7; without any the record's time of receipt. */
  effective?: Instant;
  offsetMin?: number;
  parties: readonly MovementParty[];
  flags?: readonly Flag[];
}

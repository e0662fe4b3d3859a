import type { Instant } from '../../../shared/clock.ts';
import type { AuditEvent } from '../../access/access.ts';
import type { DoubtfulPage, DoubtfulQuery } from '../identity/doubtful.ts';
import type { HistoryQuery } from '../store.ts';

/**
 * What a person decided about readings. `void`: entered in error, they count for nothing. `reassign`: they are another patient's. `confirm`: what was doubtful about
 * those that are there (`identity-doubtful`) is not any more.
 */
export const AMEND_KINDS = ['void', 'reassign', 'confirm'] as const;
export type AmendKind = (typeof AMEND_KINDS)[number];

/** Why; whatever else is to be said goes sealed into the evidence. */
export const AMEND_REASONS = ['wrong-patient', 'device-fault', 'artefact', 'test', 'duplicate', 'other'] as const;
export type AmendReason = (typeof AMEND_REASONS)[number];

/**
 * Which readings. Of observations: all versions of the measurements that they are versions of, those that are to come too. Of a stretch: what was measured (`sortTime`) of
 * this patient from `from` up to and without `to`, and all versions of it, whenever it comes.
 */
export type Selection =
  | { observations: readonly string[] }
  | { patient: string; device?: string; vital?: string; from: Instant; to: Instant };

/** A decision, as it is to be kept. */
export interface Amendment {
  tenant: string;
  kind: AmendKind;
  selection: Selection;
  /** Public id; of `reassign` alone. */
  to?: string;
  reason: AmendReason;
  at: Instant;
}

/** A decision that is kept. */
export interface KeptAmendment extends Omit<Amendment, 'selection'> {
  /** Random, opaque; by which it can be undone. */
  id: string;
  /** Whose readings they were; null once that person was erased. */
  patient: string | null;
  /** Time of the first measurement that it is of. */
  measuredFrom: Instant;
  /** Of a stretch alone. */
  stretch: { device: string | null; vital: string | null; from: Instant; to: Instant } | null;
  undoneAt: Instant | null;
}

/** A decision that was asked for. `already`: it was kept before, of the same, and was not kept again. */
export interface Decided extends KeptAmendment {
  already?: true;
}

/** What an amendment is, or would be, of. */
export interface Selected {
  /** Of each of whom there is a row: how many rows that are kept, and of which vital signs. */
  patients: readonly { patient: string; rows: number; vitals: readonly string[] }[];
  /** Readings of the stretch that the retention has rolled up: they stay where they are, and what was rolled up is flagged. */
  rolledUp: number;
}

/** An amendment, or its undoing, of which the last row was done. */
export interface AmendDone {
  tenant: string;
  id: string;
  kind: AmendKind;
  /** True where it was undone. */
  isUndone: boolean;
  patient: string;
  /** Of `reassign`: the other one. */
  to: string | null;
  reason: AmendReason;
  rows: number;
  rolledUp: number;
}

/** What an amendment changed, or had changed until it was undone. */
export interface Changed {
  /** How many rows that are kept row by row. */
  rows: number;
  /** Their ids, those that a call asked for at most. */
  observations: readonly string[];
  /** UTC ms of when the newest of what the retention has removed was stored: what it was of up to then may be gone. 0 where nothing was. */
  removedUpTo: Instant;
}

/** What was measured (`sortTime`) of somebody, or of nobody in a bed, from `from` up to and without `to`. Null: any device; without an end. */
export interface OfSomebody {
  patient: string;
  device: string | null;
  from: Instant;
  to: Instant | null;
}

/**
 * The part of the store by which people correct readings. What is decided is kept in one commit, and holds for what comes from then on; rows that are there follow in
 * order with what movements change, by the steps of `PlacingStore.reassign`, which tell of it (`amended`, `changed`, `currencies`) and go on where a hub that was killed
 * left off. Errors: STORAGE-*.
 */
export interface AmendStore {
  /** What a selection is of. Throws AMEND-UNKNOWN where an observation is not kept row by row, and of `kind` `confirm` what `amend` would. */
  select(tenant: string, selection: Selection, kind?: AmendKind): Promise<Selected>;
  /**
   * Keeps amendments, one for each patient of the selection, with the evidence of it; `corrections` are to be woken behind it. Throws AMEND-UNKNOWN, and AMEND-PATIENT where
   * `to` was erased or is the patient themself. Of readings that are void, or confirmed, already nothing is kept: given, as `already`, is by what they are; so of a stretch all
   * rows of which are void where one decision is of all of it. A reading that is not doubtful,
   * or does not stand, is not confirmed: throws AMEND-NOT-DOUBTFUL, AMEND-VOID, AMEND-REPLACED, and nothing is decided of the others.
   */
  amend(amendment: Amendment, evidence: (kept: readonly KeptAmendment[]) => readonly AuditEvent[]): Promise<readonly Decided[]>;
  /**
   * Ends one: from now on, and of the rows that are there, as movements have them by then. What was decided since of the same patient is of what comes back, and what was
   * given on since stays where it is until that is undone too. Throws AMEND-NOT-FOUND, AMEND-UNDONE.
   */
  undo(
    which: { tenant: string; id: string; at: Instant },
    evidence: (kept: KeptAmendment) => readonly AuditEvent[],
  ): Promise<KeptAmendment>;
  /** Other decisions in force that were done to rows to which this one was done, undone as it may be, in order of deciding; nothing of one that there is not. */
  holding(tenant: string, id: string): Promise<readonly KeptAmendment[]>;
  /** Of a tenant, or of one patient on either side, in order of deciding. */
  amendments(tenant: string, patient?: string): Promise<readonly KeptAmendment[]>;
  /** What is doubtful (flag `identity-doubtful`) and stands, for whoever decides about it. To be decided and recorded by whoever shows it. */
  doubtful(tenant: string, query: DoubtfulQuery): Promise<DoubtfulPage>;
  /** The measurement that an observation is a version of. Throws AMEND-UNKNOWN. */
  find(tenant: string, observation: string): Promise<HistoryQuery>;
  /** Of one observation, those too that were undone, in order of deciding. Throws AMEND-UNKNOWN. */
  amendmentsOf(tenant: string, observation: string): Promise<readonly KeptAmendment[]>;
  /** What an amendment changed, with `most` ids at most; nothing of one that there is not. */
  changed(tenant: string, id: string, most: number): Promise<Changed>;
  /** Ids of what is somebody's by now, `most` at most. */
  idsOf(tenant: string, which: OfSomebody, most: number): Promise<readonly string[]>;
}

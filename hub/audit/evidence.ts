import type { Instant } from '../../shared/clock.ts';
import type { OpenedEntry } from './sealed.ts';

/** One entry of the evidence as auditors read it. */
export interface EvidenceRecord extends OpenedEntry {
  /** Its number in the chain. */
  seq: number;
  /** SHA-256 that ties it to all before it, hex. */
  hash: string;
}

/** Which entries; all of them that hold. */
export interface EvidenceFilter {
  /** By the number in the chain, from here on. */
  fromSeq?: number;
  toSeq?: number;
  /** UTC ms of what was done, from and before. */
  from?: Instant;
  to?: Instant;
  /** About this patient alone. */
  patient?: string;
  /** Done by this principal. */
  principal?: string;
}

/** Entries of a page of a read of the evidence. */
export const EVIDENCE_PAGE = 500;

/** True for an entry that a page gave, which goes by number alone where a patient is named. */
export function isWanted({ event: { at, principal } }: EvidenceRecord, filter: EvidenceFilter): boolean {
  const { from = Number.NEGATIVE_INFINITY, to = Number.POSITIVE_INFINITY } = filter;
  return at >= from && at < to && (filter.principal === undefined || principal === filter.principal);
}

import type { Instant } from '../../shared/clock.ts';
import type { AuditEvent } from '../access/access.ts';
import type { ChainedEntry } from './chain.ts';
import { type NamedKey, type OpenedEntry, openEntry } from './sealed.ts';

/** One entry of the evidence as auditors read it. */
export interface EvidenceRecord extends OpenedEntry {
  /** Its number in the chain. */
  seq: number;
  /** SHA-256 that ties it to all before it, hex. */
  hash: string;
}

/** What stands in the chain and is no entry of a form that is known here: written by a later version, or not by a hub at all. */
export interface UnreadEntry {
  seq: number;
  /** Hex. */
  hash: string;
  unread: true;
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
  /** With `patient`: those alone that showed this observation, or may have, as far as the index knows. */
  saw?: string;
}

/** What the index says of one entry: what was shown of the patient, as tags. */
export interface IndexedShown {
  seq: number;
  shown: Uint8Array | null;
}

/** Rows of the index that are looked at at a time, and entries of them that are opened. */
export const INDEX_PAGE = 5000;

/** Entries of a page of a read of the evidence. */
export const EVIDENCE_PAGE = 500;

/** True for an entry that a page gave, which goes by number alone where a patient is named. */
export function isWanted({ event: { at, principal }, gone }: EvidenceRecord, filter: EvidenceFilter): boolean {
  const { from = Number.NEGATIVE_INFINITY, to = Number.POSITIVE_INFINITY } = filter;
  return !gone && at >= from && at < to && (filter.principal === undefined || principal === filter.principal);
}

/** An entry as a page gives it; `at`: by what the page is ordered besides. */
export interface TimedEntry extends ChainedEntry {
  at: Instant;
}

/** Behind which it is read on. */
export type EvidencePlace = Pick<TimedEntry, 'seq' | 'at'>;

/** Entries that a filter may name, and up to where these are all of them; undefined where there are no more. */
export interface EvidencePage {
  rows: readonly TimedEntry[];
  last: EvidencePlace | undefined;
}

/** A row of a page as auditors read it. */
export function openedRow(
  { seq, entry, hash }: ChainedEntry,
  storeId: string,
  keyOf: (subject: number) => Pick<NamedKey, 'patient' | 'secret'> | undefined,
): EvidenceRecord | UnreadEntry {
  const opened = openEntry(entry, storeId, keyOf);
  return opened === undefined ? unreadEntry({ seq, hash }) : { seq, hash: Buffer.from(hash).toString('hex'), ...opened };
}

export function unreadEntry({ seq, hash }: Omit<ChainedEntry, 'entry'>): UnreadEntry {
  return { seq, hash: Buffer.from(hash).toString('hex'), unread: true };
}

/** Each patient whom an event is about, once. */
export function whoseOf({ patient, patients }: Pick<AuditEvent, 'patient' | 'patients'>): readonly string[] {
  return patients === undefined ? (patient === null ? [] : [patient]) : [...new Set(patients)];
}

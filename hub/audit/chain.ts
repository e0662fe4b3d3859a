import { createHash, hash } from 'node:crypto';
import type { AuditEvent } from '../access/access.ts';

/** One entry of the evidence as it is kept: the bytes that were hashed, and the hash that ties it to all before it. */
export interface ChainedEntry {
  /** Counts from 1 without gaps. */
  seq: number;
  /** Canonical JSON of the event. */
  entry: string;
  /** SHA-256 of the previous hash and the entry; 32 bytes. */
  hash: Uint8Array;
}

/** A signed note of how far the chain had come, as it is kept. */
export interface StoredCheckpoint {
  seq: number;
  /** Text of the note, see checkpoint.ts. */
  note: string;
}

/** Somebody's note of how far the chain had come; one kept elsewhere finds a chain cut at its end. */
export interface AuditCheckpoint {
  seq: number;
  hash: Uint8Array;
}

export type AuditVerdict =
  | { intact: true; entries: number; head: Uint8Array }
  /** `seq` is the first number at which the chain does not hold. */
  | { intact: false; seq: number; fault: 'altered' | 'missing' | 'cut' };

/** The hash before the first entry: of the store's id, so that a chain of another store does not fit here. */
export function genesisHash(storeId: string): Buffer {
  return hash('sha256', `vitalmesh-audit-1:${storeId}`, 'buffer');
}

/** The one form in which an event is hashed and kept: JSON with these members in this order. */
export function canonicalEvent(event: AuditEvent): string {
  const { at, tenant, principal, role, action, patient, outcome, reason, count, channel, detail } = event;
  return JSON.stringify({ at, tenant, principal, role, action, patient, outcome, reason, count, channel, detail });
}

/** The hash that ties an entry to all before it. */
export function chainHash(previous: Uint8Array, entry: string): Buffer {
  return createHash('sha256').update(previous).update(entry).digest();
}

/**
 * Walks the chain from its beginning and names the first entry that was altered, is missing or stands elsewhere. A chain cut at its
 * end is found by a checkpoint that was noted before.
 */
export async function verifyAudit(
  chain: AsyncIterable<ChainedEntry> | Iterable<ChainedEntry>,
  storeId: string,
  checkpoint?: AuditCheckpoint,
): Promise<AuditVerdict> {
  let head = genesisHash(storeId);
  let entries = 0;
  for await (const { seq, entry, hash } of chain) {
    if (seq !== entries + 1) return { intact: false, seq: entries + 1, fault: 'missing' };
    head = chainHash(head, entry);
    if (!head.equals(hash)) return { intact: false, seq, fault: 'altered' };
    entries = seq;
    if (checkpoint?.seq === seq && !head.equals(checkpoint.hash)) return { intact: false, seq, fault: 'altered' };
  }
  if (checkpoint && checkpoint.seq > entries) return { intact: false, seq: entries + 1, fault: 'cut' };
  return { intact: true, entries, head };
}

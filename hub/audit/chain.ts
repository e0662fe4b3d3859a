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

/** Somebody's note of how far the chain had come: a checkpoint that the store keeps, or one that a gateway kept. */
export interface Noted {
  seq: number;
  /** Null: what should be a checkpoint of this chain is none that its key signed. */
  hash: Uint8Array | null;
}

/**
 * `altered`: the entry or its hash is not as it was written. `missing`: an entry stands elsewhere or nowhere. `cut`: the chain ends before what a note
 * knows of. `rewritten`: all of it agrees with itself, but not with a note. `forged`: a note that the key of the hub did not sign.
 * `unsigned`: no note of a key that is known covers the beginning, or what came since. `misfiled`: the index of patients or a patient's key does not agree with the entry.
 * `unknown-key`: a gateway's file has notes that a key signed which is not known here: another hub's, or made up; or the list of keys was exchanged.
 */
export type AuditFault = 'unknown-key' | 'altered' | 'missing' | 'cut' | 'rewritten' | 'forged' | 'unsigned' | 'misfiled';

export type AuditVerdict =
  | { intact: true; entries: number; head: Uint8Array }
  /** `seq` is the first number at which the chain does not hold. */
  | { intact: false; seq: number; fault: AuditFault };

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
 * Walks the chain from its beginning and names the first entry that was altered, is missing or stands elsewhere. A chain that was cut at its end or
 * written anew as a whole is found by notes, which are to be given in order of their numbers.
 */
export async function verifyAudit(
  chain: AsyncIterable<ChainedEntry> | Iterable<ChainedEntry>,
  storeId: string,
  notes: AsyncIterable<Noted> | Iterable<Noted> = [],
): Promise<AuditVerdict> {
  const pending = Symbol.asyncIterator in notes ? notes[Symbol.asyncIterator]() : notes[Symbol.iterator]();
  let note = await pending.next();
  let head = genesisHash(storeId);
  let entries = 0;
  for await (const { seq, entry, hash } of chain) {
    if (seq !== entries + 1) return { intact: false, seq: entries + 1, fault: 'missing' };
    head = chainHash(head, entry);
    if (!head.equals(hash)) return { intact: false, seq, fault: 'altered' };
    entries = seq;
    for (; !note.done && note.value.seq <= seq; note = await pending.next()) {
      if (note.value.hash === null) return { intact: false, seq: note.value.seq, fault: 'forged' };
      if (!head.equals(note.value.hash)) return { intact: false, seq, fault: 'rewritten' };
    }
  }
  if (!note.done) return { intact: false, seq: entries + 1, fault: 'cut' };
  return { intact: true, entries, head };
}

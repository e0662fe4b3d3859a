import { hash } from 'node:crypto';
import type { Instant } from '../../shared/clock.ts';
import { chainHash, isGone } from './link.ts';

/** One entry of the evidence as it is kept: the bytes that were hashed, and the hash that ties it to all before it. */
export interface ChainedEntry {
  /** Counts from 1 without gaps. */
  seq: number;
  /** Canonical JSON of the event; or what stands for it when the retention removed it (link.ts). */
  entry: string;
  /** SHA-256 of the previous hash and the entry (link.ts); 32 bytes. */
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
  /** Who has it besides the store, if anybody; `stranger`: a gateway, signed with a key that is not known. */
  with?: 'gateway' | 'stranger' | 'hub';
  /** When a gateway got it, by its own clock. */
  at?: Instant;
}

/** What goes along with a verification. */
export interface Along {
  /** Told each entry, before it is looked at. */
  visit(entry: ChainedEntry): void;
  /** Asked of a note that the chain does not agree with: true if the verification goes on, and it is judged by whoever asked for it. */
  differs(note: Noted): boolean;
}

const ALONE: Along = { visit: () => undefined, differs: () => false };

/**
 * `altered`: the entry or its hash is not as it was written. `missing`: an entry stands elsewhere or nowhere. `cut`: the chain ends before what a note
 * knows of. `rewritten`: all of it agrees with itself, but not with a note. `forged`: a note that the key of the hub did not sign.
 * `unsigned`: no note of a key that is known covers the beginning, or what came since. `misfiled`: the index of patients or a patient's key does not agree with the entry.
 * `removed`: the content of an entry is gone, and no anchor lets it. `false-anchor`: what says how much evidence was removed was not signed by the hub.
 * `unknown-key`: a gateway's file has notes that a key signed which is not known here: another hub's, or made up; or the list of keys was exchanged. `disputed`: and the chain
 * does not agree with them. `restored`: it does not agree with notes of what came behind a backup that was put back, as an entry of it says. `doubted`: a doubt that no operator answered for.
 */
export type AuditFault =
  | 'unknown-key'
  | 'disputed'
  | 'restored'
  | 'doubted'
  | 'altered'
  | 'missing'
  | 'cut'
  | 'rewritten'
  | 'forged'
  | 'unsigned'
  | 'misfiled'
  | 'removed'
  | 'false-anchor';

export type AuditVerdict =
  /** `gone`: entries without their content. */
  | { intact: true; entries: number; gone: number; head: Uint8Array }
  /** `seq` is the first number at which the chain does not hold. */
  | { intact: false; seq: number; fault: AuditFault };

/** The hash before the first entry: of the store's id, so that a chain of another store does not fit here. */
export function genesisHash(storeId: string): Buffer {
  return hash('sha256', `vitalmesh-audit-1:${storeId}`, 'buffer');
}

/** What the retention left of a chain. */
export interface Remains {
  /** The last entry that was removed whole. */
  start?: { seq: number; hash: Uint8Array } | undefined;
  /** Whether the content of an entry of this class may be gone. */
  mayBeGone(name: string, seq: number): boolean;
}

const WHOLE: Remains = { mayBeGone: () => false };

/**
 * Walks the chain from its beginning, or from where what is left of it begins, and names the first entry that was altered, is missing or stands elsewhere. A chain that was cut
 * at its end or written anew as a whole is found by notes, which are to be given in order of their numbers.
 */
export async function verifyAudit(
  chain: AsyncIterable<ChainedEntry> | Iterable<ChainedEntry>,
  storeId: string,
  notes: AsyncIterable<Noted> | Iterable<Noted> = [],
  { start, mayBeGone }: Remains = WHOLE,
  along: Along = ALONE,
): Promise<AuditVerdict> {
  const pending = Symbol.asyncIterator in notes ? notes[Symbol.asyncIterator]() : notes[Symbol.iterator]();
  let note = await pending.next();
  let head = start ? Buffer.from(start.hash) : genesisHash(storeId);
  let entries = start?.seq ?? 0;
  let gone = 0;
  // Of what the retention removed nothing is left to compare, but for its last entry.
  for (; !note.done && note.value.seq <= entries; note = await pending.next())
    if (note.value.hash === null || (note.value.seq === entries && !head.equals(note.value.hash) && !along.differs(note.value)))
      return { intact: false, seq: note.value.seq, fault: note.value.hash === null ? 'forged' : 'rewritten' };
  for await (const chained of chain) {
    const { seq, entry, hash } = chained;
    along.visit(chained);
    if (seq !== entries + 1) return { intact: false, seq: entries + 1, fault: 'missing' };
    head = chainHash(head, entry);
    if (!head.equals(hash)) return { intact: false, seq, fault: 'altered' };
    if (isGone(entry)) {
      if (!mayBeGone(classIn(entry), seq)) return { intact: false, seq, fault: 'removed' };
      gone += 1;
    }
    entries = seq;
    for (; !note.done && note.value.seq <= seq; note = await pending.next()) {
      if (note.value.hash === null) return { intact: false, seq: note.value.seq, fault: 'forged' };
      if (!head.equals(note.value.hash) && !along.differs(note.value)) return { intact: false, seq, fault: 'rewritten' };
    }
  }
  for (; !note.done; note = await pending.next()) if (!along.differs(note.value)) return { intact: false, seq: entries + 1, fault: 'cut' };
  return { intact: true, entries, gone, head };
}

function classIn(entry: string): string {
  return (JSON.parse(entry) as { class: string }).class;
}

import type { KeyObject } from 'node:crypto';
import type { Instant } from '../../shared/clock.ts';
import { checkpointText, originOf, readCheckpoint, signCheckpoint, signedBy } from '../../shared/signed-note.ts';
import type { Noted, Remains } from './chain.ts';
import { EVIDENCE_CLASSES, type EvidenceClass } from './classes.ts';

/** What the retention removes: the content of entries of one class, and whole entries from the beginning on. */
export type Removed = EvidenceClass | 'entries';

/** Up to where the retention may have removed something, as the store keeps it: one for each of `Removed`, each replaced by its next. */
export interface Anchor {
  what: Removed;
  /** Of `entries`: the remaining chain begins behind it. */
  seq: number;
  /** Of that entry. */
  hash: Uint8Array;
  /** The newest believable time of what was removed. */
  at: Instant;
  /** Signed note that says so. */
  note: string;
}

/** A line of its own in the note: no checkpoint of how far a chain has come can pass for an anchor. */
function extensionOf(what: Removed): string {
  return `vitalmesh-retained ${what}`;
}

/** The note of an anchor; `hash` is that of its entry. */
export function signAnchor(storeId: string, { what, seq, hash }: Pick<Anchor, 'what' | 'seq' | 'hash'>, privateKey: KeyObject): string {
  return signCheckpoint({ origin: originOf(storeId), size: seq, hash }, privateKey, extensionOf(what));
}

/** Whether a known key signed exactly this anchor. */
export function isSigned(storeId: string, { what, seq, hash, note }: Anchor, keys: readonly string[]): boolean {
  const read = readCheckpoint(note);
  const text = checkpointText({ origin: originOf(storeId), size: seq, hash }, extensionOf(what));
  return read !== undefined && read.text === text && signedBy(read, keys) === 'good';
}

/** What anchors say of a chain, whoever signed them. */
export function remainsOf(anchors: readonly Anchor[]): Remains {
  const upTo = new Map<string, number>(anchors.map(({ what, seq }) => [what, seq]));
  const mayBeGone = (name: string, seq: number): boolean => seq <= (upTo.get(name) ?? 0);
  return { start: anchors.find(({ what }) => what === 'entries'), mayBeGone };
}

/** Anchors of content as notes that the chain is held against, in order; those of removed entries cannot be. */
export function notesOfAnchors(anchors: readonly Anchor[]): Noted[] {
  const start = anchors.find(({ what }) => what === 'entries')?.seq ?? 0;
  const own = anchors.filter(({ what, seq }) => what !== 'entries' && seq > start);
  return own.map(({ seq, hash }) => ({ seq, hash })).sort((a, b) => a.seq - b.seq);
}

/** Those of the classes, in their order. */
export function ofClasses(anchors: readonly Anchor[]): (Anchor | undefined)[] {
  return EVIDENCE_CLASSES.map((name) => anchors.find(({ what }) => what === name));
}

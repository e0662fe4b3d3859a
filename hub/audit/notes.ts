import { originOf, readCheckpoint, signedBy } from '../../shared/signed-note.ts';
import type { ChainedEntry, Noted, StoredCheckpoint } from './chain.ts';
import { type AuditFault, verifyAudit } from './chain.ts';
import type { Witness } from './witness.ts';

/** What a chain is held against. */
export interface Against {
  storeId: string;
  /** The last entry, or the last that is noted, when the verification begins: what is noted later is left out. */
  upTo: number;
  /** Kept by the store, in order. */
  checkpoints: AsyncIterable<StoredCheckpoint> | Iterable<StoredCheckpoint>;
  /** Verifier keys that are known to be of this hub. */
  keys: readonly string[];
  /** Kept by gateways. */
  witnesses?: readonly Witness[];
  /** The note that the hub keeps outside of the store, which is the newest that it signed. */
  kept?: string | undefined;
  /** So many entries are signed at the latest; without it the end of the chain may be unsigned for as long as it is. */
  everyEntries?: number;
}

/** Entries that a hub writes until it has looked and signed. */
const UNSIGNED_SLACK = 5000;

/** What was found of a chain, with everything that it was held against. */
export interface EvidenceVerdict {
  storeId: string;
  intact: boolean;
  entries: number;
  /** The first fault, and the number of the entry at which it shows. */
  fault: AuditFault | null;
  seq: number | null;
  /** Hash of the last entry, hex. */
  head: string | null;
  /** Number of the last entry that a note of a known key covers; 0 for none. */
  signedUpTo: number;
  checkpoints: number;
  /** Notes of gateways that speak of this store, of keys that are known. */
  witnesses: number;
  /** Whose notes of this store were given: the gateway that its file names, and the verifier key. */
  witnessKeys: readonly { gateway: string; key: string; known: boolean }[];
  /** Ids of keys that signed a note and are not known here. */
  unknownKeys: readonly string[];
}

/** Verifies a chain of evidence against its checkpoints and what witnesses kept of them. Without any entry nothing needs to be signed. */
export async function verifyEvidence(
  chain: AsyncIterable<ChainedEntry> | Iterable<ChainedEntry>,
  against: Against,
): Promise<EvidenceVerdict> {
  const { storeId } = against;
  const tally = { checkpoints: 0, witnesses: 0, signedUpTo: 0, unknownUpTo: 0, unknown: new Set<string>() };
  const own = keptNote(against);
  const { witnessKeys, strangers } = whose(against);
  const others = [...witnessNotes(against, tally), ...(own ? [own] : [])].sort((a, b) => a.seq - b.seq);
  const verdict = await verifyAudit(chain, storeId, inOrder(storedNotes(against, tally), others));
  const { unknown, unknownUpTo: _, ...counts } = tally;
  const common = { storeId, ...counts, witnessKeys, unknownKeys: [...unknown].sort() };
  if (!verdict.intact) return { ...common, intact: false, entries: verdict.seq - 1, fault: verdict.fault, seq: verdict.seq, head: null };
  const { entries, head } = verdict;
  const { signedUpTo } = tally;
  const most = against.everyEntries === undefined ? Number.POSITIVE_INFINITY : against.everyEntries + UNSIGNED_SLACK;
  const unsigned = entries > 0 && (signedUpTo === 0 || tally.unknownUpTo > signedUpTo || against.upTo - signedUpTo > most);
  const faultAt = (fault: AuditFault, seq: number) => ({ intact: false, fault, seq });
  const first = strangers[0];
  const unknownKey = first === undefined ? { intact: true, fault: null, seq: null } : faultAt('unknown-key', first);
  const fault = unsigned ? faultAt('unsigned', signedUpTo + 1) : unknownKey;
  return { ...common, ...fault, entries, head: Buffer.from(head).toString('hex') };
}

interface Tally {
  checkpoints: number;
  witnesses: number;
  signedUpTo: number;
  /** The last entry that a note of a key covers which is not known. */
  unknownUpTo: number;
  unknown: Set<string>;
}

async function* storedNotes({ checkpoints, storeId, keys, upTo }: Against, tally: Tally): AsyncGenerator<Noted> {
  for await (const { seq, note } of checkpoints) {
    if (seq > upTo) return;
    tally.checkpoints += 1;
    const read = readCheckpoint(note);
    const signed = read ? signedBy(read, keys) : 'bad';
    if (!read || signed === 'bad' || read.origin !== originOf(storeId) || read.size !== seq) {
      yield { seq, hash: null };
      continue;
    }
    if (signed === 'unknown') {
      tally.unknownUpTo = Math.max(tally.unknownUpTo, seq);
      for (const { keyId } of read.signatures) tally.unknown.add(keyId);
    } else tally.signedUpTo = Math.max(tally.signedUpTo, seq);
    yield { seq, hash: read.hash };
  }
}

/** Which keys signed what gateways kept of this store; `strangers` are the numbers that notes of a key cover which is not known, in order. */
function whose({ witnesses = [], storeId, keys }: Against): Pick<EvidenceVerdict, 'witnessKeys'> & { strangers: number[] } {
  const own = witnesses.filter(({ checkpoint }) => checkpoint.origin === originOf(storeId));
  const found = new Map(own.map(({ gateway, key }) => [`${gateway} ${key}`, { gateway, key, known: keys.includes(key) }]));
  const strange = own.filter(({ key }) => !keys.includes(key));
  return { witnessKeys: [...found.values()], strangers: strange.map(({ checkpoint }) => checkpoint.size).sort((a, b) => a - b) };
}

/** Anybody can make a file and sign it, so only notes of known keys speak against the chain. */
function witnessNotes({ witnesses = [], storeId, keys }: Against, tally: Tally): Noted[] {
  const own = witnesses.filter(({ key, checkpoint }) => checkpoint.origin === originOf(storeId) && keys.includes(key));
  tally.witnesses = own.length;
  return own.map(({ checkpoint: { size, hash } }) => ({ seq: size, hash })).sort((a, b) => a.seq - b.seq);
}

/** Whichever key signed it: somebody who takes away the list of keys does not make it untrue. */
function keptNote({ kept, storeId, keys }: Against): Noted | undefined {
  if (kept === undefined) return undefined;
  const read = readCheckpoint(kept);
  if (!read || read.origin !== originOf(storeId) || signedBy(read, keys) === 'bad') return { seq: 1, hash: null };
  return { seq: read.size, hash: read.hash };
}

async function* inOrder(stored: AsyncGenerator<Noted>, kept: readonly Noted[]): AsyncGenerator<Noted> {
  let next = 0;
  for await (const note of stored) {
    for (let one = kept[next]; one !== undefined && one.seq <= note.seq; one = kept[next]) {
      yield one;
      next += 1;
    }
    yield note;
  }
  yield* kept.slice(next);
}

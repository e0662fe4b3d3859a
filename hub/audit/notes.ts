import type { Instant } from '../../shared/clock.ts';
import { VitalmeshError } from '../../shared/errors.ts';
import { originOf, type ReadNote, readCheckpoint, signedBy } from '../../shared/signed-note.ts';
import { type Anchor, isSigned, notesOfAnchors, remainsOf } from './anchors.ts';
import type { ChainedEntry, Noted, StoredCheckpoint } from './chain.ts';
import { type AuditFault, verifyAudit } from './chain.ts';
import { type Doubt, doubtsIn } from './doubts.ts';
import { type Acknowledged, Claims, type Restore } from './restores.ts';
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
  /** What the retention says that it removed. Nothing unless given. */
  anchors?: readonly Anchor[];
  /** Kept by gateways. */
  witnesses?: readonly Witness[];
  /** The note that the hub keeps outside of the store, which is the newest that it signed. */
  kept?: string | undefined;
  /** Entries of restores that whoever verifies knows of. */
  knownRestores?: readonly number[];
  /** So many entries are signed at the latest; without it the end of the chain may be unsigned for as long as it is. */
  everyEntries?: number;
}

/** Entries that a hub writes until it has looked and signed. */
export const UNSIGNED_SLACK = 5000;

/** What was found of a chain, with everything that it was held against. */
export interface EvidenceVerdict {
  storeId: string;
  intact: boolean;
  /** Number of the last entry that holds. */
  entries: number;
  /** The retention removed the entries up to this one; 0 for none. Where the rest begins is signed. */
  removedUpTo: number;
  /** Entries behind it of which it left when, of which tenant and class, and the digest of the content. */
  emptied: number;
  /** The first fault, and the number of the entry at which it shows. */
  fault: AuditFault | null;
  seq: number | null;
  /** Hash of the last entry, hex. */
  head: string | null;
  /** Number of the last entry that a note of a known key covers; 0 for none. */
  signedUpTo: number;
  /** Entries behind it, which nothing covers, and when the first of them was written (null where there is none, or it cannot be read). */
  unsigned: { entries: number; since: Instant | null };
  checkpoints: number;
  /** Notes of gateways that speak of this store, of keys that are known. */
  witnesses: number;
  /** Those of them that are of entries which the retention removed: there is nothing left to hold against them. */
  olderWitnesses: number;
  /** Whose notes of this store were given: the gateway that its file names, and the verifier key. */
  witnessKeys: readonly { gateway: string; key: string; known: boolean }[];
  /** Ids of keys that signed a note and are not known here. */
  unknownKeys: readonly string[];
  /** How many notes of keys that are not known agree with the chain, and how many do not. */
  strangers: { agree: number; differ: number };
  /** What the chain says of backups that were put back; whether the hub has signed that since. */
  restores: readonly (Restore & { signed: boolean })[];
  /**
   * Entries of before a restore that are not in this store: behind `from`, up to `to` at least; `restore`: the entry that says so. `notes`: how many notes speak
   * of them; without one what the hub had signed last says it, as an operator acknowledged. `known`: whoever verifies knows of that restore.
   */
  lost: { from: number; to: number; notes: number; restore: number; known: boolean } | null;
  /** What the newest note of the hub says to stand against the evidence. */
  doubts: readonly Doubt[];
  acknowledged: readonly Acknowledged[];
  /** Numbers of what is no entry of a form that is known, where all else holds and they were looked for. */
  unread?: readonly number[];
  /** Whether the index of patients, keys and all that is sealed were compared with the entries. */
  indexCompared: boolean;
}

/**
 * Verifies a chain of evidence against its checkpoints and what witnesses kept of them. Without any entry nothing needs to be signed. Throws AUDIT-NO-RESTORE where
 * the chain holds and an entry that was named as a known restore is none.
 */
export async function verifyEvidence(
  chain: AsyncIterable<ChainedEntry> | Iterable<ChainedEntry>,
  against: Against,
): Promise<EvidenceVerdict> {
  const { storeId } = against;
  const { anchors = [], keys } = against;
  const removedUpTo = anchors.find(({ what }) => what === 'entries')?.seq ?? 0;
  const tally = {
    removedUpTo,
    checkpoints: 0,
    witnesses: 0,
    olderWitnesses: 0,
    signedUpTo: 0,
    unknownUpTo: 0,
    unknown: new Set<string>(),
    doubts: [] as readonly Doubt[],
  };
  const kept = readKept(against);
  const own = kept && keptNote(kept, against);
  const witnessKeys = keysOf(against);
  const claims = new Claims();
  const tail = new Tail(tally);
  const apart: Noted[] = [];
  const differs = (note: Noted): boolean => {
    const isApart = note.with === 'stranger' || (note.with !== undefined && note.hash !== null && claims.behind(note) !== undefined);
    if (isApart) apart.push(note);
    return isApart;
  };
  const others = [...witnessNotes(against, tally), ...strangeNotes(against), ...notesOfAnchors(anchors), ...(own ? [own] : [])].sort(
    (a, b) => a.seq - b.seq,
  );
  const falseAnchor = anchors.find((anchor) => !isSigned(storeId, anchor, keys));
  const remains = remainsOf(anchors);
  if (falseAnchor === undefined) tally.signedUpTo = anchors.reduce((upTo, { seq }) => Math.max(upTo, seq), 0);
  const visit = (entry: ChainedEntry): void => {
    claims.visit(entry);
    tail.visit(entry);
  };
  const verdict = await verifyAudit(chain, storeId, inOrder(storedNotes(against, tally, claims), others), remains, { visit, differs });
  const { unknown, unknownUpTo: _, doubts: stored, ...counts } = tally;
  // It is written behind the store's newest, and says at least as much.
  const doubts = kept?.note && kept.note.size >= tally.signedUpTo ? doubtsIn(kept.note) : stored;
  const emptied = verdict.intact ? verdict.gone : 0;
  const { restores, acknowledged } = claims;
  const strange = apart.filter((note) => note.with === 'stranger');
  const lost = lostOf(apart, claims, against.knownRestores ?? []);
  const common = {
    ...{ storeId, ...counts, emptied, witnessKeys, unknownKeys: [...unknown].sort(), lost, doubts, acknowledged },
    restores: restores.map((one) => ({ ...one, signed: one.seq <= tally.signedUpTo })),
    strangers: { agree: strangeNotes(against).length - strange.length, differ: strange.length },
    unsigned: tail.unsigned,
    indexCompared: false,
  };
  if (falseAnchor !== undefined) {
    return { ...common, intact: false, entries: 0, fault: 'false-anchor', seq: falseAnchor.seq, head: null };
  }
  if (!verdict.intact) return { ...common, intact: false, entries: verdict.seq - 1, fault: verdict.fault, seq: verdict.seq, head: null };
  const { entries, head } = verdict;
  const { signedUpTo } = tally;
  const most = against.everyEntries === undefined ? Number.POSITIVE_INFINITY : against.everyEntries + UNSIGNED_SLACK;
  const unsigned = entries > 0 && (signedUpTo === 0 || tally.unknownUpTo > signedUpTo || against.upTo - signedUpTo > most);
  const faultAt = (fault: AuditFault, seq: number) => ({ intact: false, fault, seq });
  const signedSince = apart.find((note) => note.with === 'hub' && (claims.behind(note)?.seq ?? 0) <= signedUpTo);
  const isKnown = lost === null || lost.notes === 0 || lost.known;
  const nowhere = against.knownRestores?.find((seq) => !restores.some((one) => one.seq === seq));
  if (nowhere !== undefined) throw new VitalmeshError('AUDIT-NO-RESTORE', { detail: noRestore(nowhere, restores) });
  const unknownFirst = strangeNotes(against)[0];
  const found: (false | undefined | ReturnType<typeof faultAt>)[] = [
    // What the hub keeps of its newest note cannot lie before a restore behind which it has signed.
    signedSince && faultAt('rewritten', signedSince.seq),
    unsigned && faultAt('unsigned', signedUpTo + 1),
    strange[0] && faultAt('disputed', strange[0].seq),
    !isKnown && faultAt('restored', lost.restore),
    doubts[0] && faultAt('doubted', doubts[0].since),
    unknownFirst && faultAt('unknown-key', unknownFirst.seq),
  ];
  const fault = found.find((one) => typeof one === 'object') ?? { intact: true, fault: null, seq: null };
  return { ...common, ...fault, entries, head: Buffer.from(head).toString('hex') };
}

function noRestore(seq: number, restores: readonly Restore[]): string {
  const there = restores.map((one) => one.seq).join(', ');
  return `entry ${seq} is none; ${there === '' ? 'there is no restore in this evidence' : `restores are the entries ${there}`}`;
}

interface Tally {
  removedUpTo: number;
  olderWitnesses: number;
  checkpoints: number;
  witnesses: number;
  signedUpTo: number;
  /** The last entry that a note of a key covers which is not known. */
  unknownUpTo: number;
  unknown: Set<string>;
  doubts: readonly Doubt[];
}

/** Goes along with a chain and keeps what of its end no note covers. */
class Tail {
  readonly #tally: Pick<Tally, 'signedUpTo'>;
  #first: ChainedEntry | undefined;
  #last = 0;

  constructor(tally: Pick<Tally, 'signedUpTo'>) {
    this.#tally = tally;
  }

  /** The notes are read one ahead, so what lies behind the last one that was read is covered by none. */
  visit(entry: ChainedEntry): void {
    if (this.#first === undefined || this.#first.seq <= this.#tally.signedUpTo) this.#first = entry;
    this.#last = entry.seq;
  }

  get unsigned(): EvidenceVerdict['unsigned'] {
    const { signedUpTo } = this.#tally;
    if (this.#first === undefined || this.#first.seq <= signedUpTo) return { entries: 0, since: null };
    return { entries: this.#last - this.#first.seq + 1, since: atOf(this.#first) };
  }
}

function atOf({ entry }: ChainedEntry): Instant | null {
  try {
    const { at } = JSON.parse(entry) as { at?: unknown };
    return typeof at === 'number' ? at : null;
  } catch {
    return null;
  }
}

/** What a restore left behind: by the notes that differ, and by what the hub had signed last when an operator answered for it, after which its own note is another. */
function lostOf(apart: readonly Noted[], claims: Claims, known: readonly number[]): EvidenceVerdict['lost'] {
  const own = apart.filter((note) => note.with !== 'stranger');
  const last = own.at(-1);
  const restore = last ? claims.behind(last) : claims.answered.at(-1)?.restore;
  if (restore === undefined) return null;
  const signed = claims.answered.flatMap((one) => (one.restore.seq === restore.seq ? [one.upTo] : []));
  const to = Math.max(last?.seq ?? 0, ...signed);
  return { from: restore.position, to, notes: own.length, restore: restore.seq, known: known.includes(restore.seq) };
}

async function* storedNotes({ checkpoints, storeId, keys, upTo }: Against, tally: Tally, claims: Claims): AsyncGenerator<Noted> {
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
    } else {
      tally.signedUpTo = Math.max(tally.signedUpTo, seq);
      tally.doubts = doubtsIn(read);
      claims.signed(seq);
    }
    yield { seq, hash: read.hash };
  }
}

/** Which keys signed what gateways kept of this store. */
function keysOf({ witnesses = [], storeId, keys }: Against): EvidenceVerdict['witnessKeys'] {
  const own = witnesses.filter(({ checkpoint }) => checkpoint.origin === originOf(storeId));
  return [...new Map(own.map(({ gateway, key }) => [`${gateway} ${key}`, { gateway, key, known: keys.includes(key) }])).values()];
}

/** Anybody can make a file and sign it, so what a key says that is not known is a verdict of its own. */
function strangeNotes({ witnesses = [], storeId, keys }: Against): Noted[] {
  const own = witnesses.filter(({ key, checkpoint }) => checkpoint.origin === originOf(storeId) && !keys.includes(key));
  return own.map((witness) => notedBy(witness, 'stranger')).sort((a, b) => a.seq - b.seq);
}

function notedBy({ checkpoint: { size, hash }, at }: Witness, who: 'gateway' | 'stranger'): Noted {
  return { seq: size, hash, with: who, ...(at !== undefined && { at }) };
}

function witnessNotes({ witnesses = [], storeId, keys }: Against, tally: Tally): Noted[] {
  const own = witnesses.filter(({ key, checkpoint }) => checkpoint.origin === originOf(storeId) && keys.includes(key));
  tally.witnesses = own.length;
  tally.olderWitnesses = own.filter(({ checkpoint }) => checkpoint.size < tally.removedUpTo).length;
  return own.map((witness) => notedBy(witness, 'gateway')).sort((a, b) => a.seq - b.seq);
}

function readKept({ kept }: Against): { note: ReadNote | undefined } | undefined {
  return kept === undefined ? undefined : { note: readCheckpoint(kept) };
}

/** Whichever key signed it: somebody who takes away the list of keys does not make it untrue. */
function keptNote({ note }: { note: ReadNote | undefined }, { storeId, keys }: Against): Noted {
  if (!note || note.origin !== originOf(storeId) || signedBy(note, keys) === 'bad') return { seq: 1, hash: null };
  return { seq: note.size, hash: note.hash, with: 'hub' };
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

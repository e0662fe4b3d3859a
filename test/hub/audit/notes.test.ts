import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import { type ChainedEntry, genesisHash, type StoredCheckpoint } from '../../../hub/audit/chain.ts';
import { canonicalEvent, chainHash } from '../../../hub/audit/link.ts';
import { type Against, UNSIGNED_SLACK, verifyEvidence } from '../../../hub/audit/notes.ts';
import { originOf, signCheckpoint, verifierKey } from '../../../shared/signed-note.ts';
import { event } from '../../contract/store.ts';
import { verifies } from '../../requirements.ts';

const STORE = 'store-1';
const own = generateKeyPairSync('ed25519');
const other = generateKeyPairSync('ed25519');
const KEY = verifierKey(originOf(STORE), own.publicKey);

function chainOf(length: number, first = 0): ChainedEntry[] {
  let hash: Uint8Array = genesisHash(STORE);
  return Array.from({ length }, (_, i) => {
    const entry = canonicalEvent(event(first + i));
    hash = chainHash(hash, entry);
    return { seq: i + 1, entry, hash };
  });
}

function noteOf(chain: readonly ChainedEntry[], seq: number, key = own.privateKey): StoredCheckpoint {
  const { hash } = chain[seq - 1] ?? assert.fail();
  return { seq, note: signCheckpoint({ origin: originOf(STORE), size: seq, hash }, key) };
}

const CHAIN = chainOf(12);
const NOTES = [4, 8, 12].map((seq) => noteOf(CHAIN, seq));

function verdictOf(chain: readonly ChainedEntry[], change: Partial<Against> = {}): ReturnType<typeof verifyEvidence> {
  return verifyEvidence(chain, { storeId: STORE, upTo: 12, checkpoints: NOTES, keys: [KEY], ...change });
}

async function faultOf(chain: readonly ChainedEntry[], change: Partial<Against> = {}): Promise<[string | null, number | null]> {
  const { fault, seq, intact } = await verdictOf(chain, change);
  assert.equal(intact, fault === null);
  return [fault, seq];
}

test('a chain that its notes cover is intact, and the verdict says up to where it is signed', async () => {
  verifies('AUDIT-SIGNED');
  assert.deepEqual(await verdictOf(CHAIN), {
    storeId: STORE,
    intact: true,
    entries: 12,
    removedUpTo: 0,
    emptied: 0,
    fault: null,
    seq: null,
    head: Buffer.from(CHAIN.at(-1)?.hash ?? []).toString('hex'),
    signedUpTo: 12,
    checkpoints: 3,
    witnesses: 0,
    olderWitnesses: 0,
    witnessKeys: [],
    unknownKeys: [],
    unsigned: { entries: 0, since: null },
    indexCompared: false,
    strangers: { agree: 0, differ: 0 },
    restores: [],
    lost: null,
    doubts: [],
    acknowledged: [],
  });
});

test('each way to change a chain is found and named', async () => {
  verifies('AUDIT-CHAINED', 'AUDIT-SIGNED');
  const rewritten = chainOf(12, 100);
  const dropped = [...CHAIN.slice(0, 5), ...CHAIN.slice(6)];
  const altered = CHAIN.with(5, { ...(CHAIN[5] ?? assert.fail()), entry: canonicalEvent(event(99)) });
  const resealed = [...CHAIN.slice(0, 6), ...chainOf(12, 50).slice(6)];
  assert.deepEqual(await faultOf(altered), ['altered', 6]);
  assert.deepEqual(await faultOf(dropped), ['missing', 6]);
  assert.deepEqual(await faultOf(CHAIN.with(2, { ...(CHAIN[7] ?? assert.fail()), seq: 3 })), ['altered', 3]);
  assert.deepEqual(await faultOf(CHAIN.slice(0, 7)), ['cut', 8]);
  assert.deepEqual(await faultOf(rewritten), ['rewritten', 4]);
  assert.deepEqual(await faultOf(resealed), ['altered', 7]);
  assert.deepEqual(await faultOf([]), ['cut', 1]);
});

test('who writes a chain anew cannot sign it: without its notes it is unsigned, with notes of another key it is not covered', async () => {
  verifies('AUDIT-SIGNED');
  const rewritten = chainOf(12, 100);
  assert.deepEqual(await faultOf(rewritten, { checkpoints: [] }), ['unsigned', 1]);
  const foreign = [noteOf(rewritten, 12, other.privateKey)];
  const verdict = await verdictOf(rewritten, { checkpoints: foreign });
  assert.deepEqual([verdict.fault, verdict.unknownKeys.length], ['unsigned', 1]);
  const copied = [{ seq: 12, note: (NOTES[2] ?? assert.fail()).note.replace('\n12\n', '\n11\n') }];
  assert.deepEqual(await faultOf(CHAIN, { checkpoints: copied }), ['forged', 12]);
  const moved = [{ seq: 11, note: (NOTES[2] ?? assert.fail()).note }];
  assert.deepEqual(await faultOf(CHAIN, { checkpoints: moved }), ['forged', 11]);
  assert.deepEqual(await faultOf(CHAIN, { checkpoints: [{ seq: 3, note: 'nothing' }] }), ['forged', 3]);
});

test('a chain written anew and signed with the hub’s own key is found by what a gateway kept', async () => {
  verifies('AUDIT-SIGNED');
  const rewritten = chainOf(12, 100);
  const signed = [noteOf(rewritten, 12)];
  assert.deepEqual(await faultOf(rewritten, { checkpoints: signed }), [null, null], 'the hub alone cannot tell');
  const kept = (seq: number) => ({
    gateway: 'gw',
    key: KEY,
    checkpoint: { origin: originOf(STORE), size: seq, hash: CHAIN[seq - 1]?.hash ?? Buffer.of() },
  });
  assert.deepEqual(await faultOf(rewritten, { checkpoints: signed, witnesses: [kept(9), kept(2)] }), ['rewritten', 2]);
  assert.deepEqual(await faultOf(CHAIN.slice(0, 5), { checkpoints: [noteOf(CHAIN, 4)], upTo: 5, witnesses: [kept(9)] }), ['cut', 6]);
  const elsewhere = { gateway: 'gw', key: KEY, checkpoint: { origin: originOf('store-2'), size: 2, hash: Buffer.alloc(32) } };
  const verdict = await verdictOf(CHAIN, { witnesses: [kept(12), kept(3), elsewhere] });
  assert.deepEqual([verdict.intact, verdict.witnesses], [true, 2]);
});

test('notes of a key that is not known are a verdict of their own, which says whether the chain agrees with them', async () => {
  verifies('AUDIT-SIGNED');
  const key = verifierKey(originOf(STORE), other.publicKey);
  const made = (seq: number, hash = CHAIN[seq - 1]?.hash ?? Buffer.of()) => ({
    gateway: 'gw',
    key,
    checkpoint: { origin: originOf(STORE), size: seq, hash },
  });
  assert.deepEqual(await faultOf(CHAIN, { witnesses: [made(5)] }), ['unknown-key', 5]);
  const { witnesses, witnessKeys } = await verdictOf(CHAIN, { witnesses: [made(5)] });
  assert.deepEqual([witnesses, witnessKeys], [0, [{ gateway: 'gw', key, known: false }]]);
  const [wrong, beyond] = [made(5, Buffer.alloc(32)), made(99, Buffer.alloc(32))];
  assert.deepEqual(await faultOf(CHAIN, { witnesses: [made(3), wrong] }), ['disputed', 5]);
  assert.deepEqual(await faultOf(CHAIN, { witnesses: [beyond] }), ['disputed', 99]);
  assert.deepEqual((await verdictOf(CHAIN, { witnesses: [made(3), wrong, beyond] })).strangers, { agree: 1, differ: 2 });
  assert.deepEqual(await faultOf(CHAIN, { witnesses: [wrong], keys: [KEY, key] }), ['rewritten', 5], 'of a key that is known it counts');
  assert.deepEqual(await faultOf(chainOf(12, 100), { witnesses: [wrong] }), ['rewritten', 4], 'what the chain itself shows comes first');
});

test('a chain written anew under a list of keys that was exchanged is disputed by what gateways kept, and rewritten by a copy of the list', async () => {
  verifies('AUDIT-SIGNED');
  const exchanged = verifierKey(originOf(STORE), other.publicKey);
  const rewritten = chainOf(12, 100);
  const checkpoints = [noteOf(rewritten, 12, other.privateKey)];
  const kept = { gateway: 'gw', key: KEY, checkpoint: { origin: originOf(STORE), size: 8, hash: CHAIN[7]?.hash ?? Buffer.of() } };
  assert.deepEqual(await faultOf(rewritten, { checkpoints, keys: [exchanged] }), [null, null], 'the hub alone cannot tell');
  assert.deepEqual(await faultOf(rewritten, { checkpoints, keys: [exchanged], witnesses: [kept] }), ['disputed', 8]);
  assert.deepEqual(await faultOf(rewritten, { checkpoints, keys: [KEY], witnesses: [kept] }), ['rewritten', 8]);
});

test('how much may be unsigned is what is signed at once and what a hub writes until it looks, to the entry', async () => {
  verifies('AUDIT-SIGNED');
  const everyEntries = 10;
  const most = everyEntries + UNSIGNED_SLACK;
  const at = (upTo: number) => faultOf(CHAIN, { checkpoints: NOTES.slice(0, 1), upTo, everyEntries });
  assert.deepEqual(await at(4 + most), [null, null]);
  assert.deepEqual(await at(4 + most + 1), ['unsigned', 5]);
  assert.deepEqual(
    await faultOf(CHAIN, { checkpoints: NOTES.slice(0, 1), upTo: 4 + most + 1 }),
    [null, null],
    'where nobody says how often it is signed',
  );
});

test('what is noted while a chain is verified does not count against it', async () => {
  assert.deepEqual(await faultOf(CHAIN.slice(0, 8), { upTo: 8 }), [null, null]);
});

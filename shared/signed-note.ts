import { createPublicKey, hash, type KeyObject, sign, verify } from 'node:crypto';

/** How far a chain of evidence had come. */
export interface Checkpoint {
  /** `vitalmesh/<id of the store>`. */
  origin: string;
  /** Number of its last entry. */
  size: number;
  /** SHA-256 of all of it, 32 bytes. */
  hash: Uint8Array;
}

/** A note taken apart; what it says is true only as far as its signature is. */
export interface ReadNote extends Checkpoint {
  /** The signed text, with its line end. */
  text: string;
  signatures: readonly { name: string; keyId: string; signature: Buffer }[];
}

const ED25519 = 1;
const SIGNATURE_BYTES = 64;
const MAX_NOTE_CHARS = 2048;
const NAME = /^[^\s+]+$/u;
/** What stands before a 32-byte Ed25519 public key in DER (RFC 8410). */
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');

/** The origin of the chain of a store. */
export function originOf(storeId: string): string {
  return `vitalmesh/${storeId}`;
}

/** Public half of a key as C2SP signed-note writes it: name, first four bytes of its digest in hex, type and key in base64. */
export function verifierKey(name: string, publicKey: KeyObject): string {
  const raw = rawOf(publicKey);
  return `${name}+${keyIdOf(name, raw)}+${Buffer.concat([Buffer.of(ED25519), raw]).toString('base64')}`;
}

/** The text of a checkpoint; `extension`: a line of whoever signs it, which others pass over. */
export function checkpointText({ origin, size, hash: head }: Checkpoint, extension?: string): string {
  return `${origin}\n${size}\n${Buffer.from(head).toString('base64')}\n${extension === undefined ? '' : `${extension}\n`}`;
}

/** A checkpoint as a signed note (c2sp.org/tlog-checkpoint, c2sp.org/signed-note), under the name of its origin. */
export function signCheckpoint(checkpoint: Checkpoint, privateKey: KeyObject, extension?: string): string {
  const { origin } = checkpoint;
  const text = checkpointText(checkpoint, extension);
  const keyId = Buffer.from(keyIdOf(origin, rawOf(createPublicKey(privateKey))), 'hex');
  const signature = Buffer.concat([keyId, sign(null, Buffer.from(text), privateKey)]);
  return `${text}\n\u2014 ${origin} ${signature.toString('base64')}\n`;
}

/** Takes a note apart; undefined when it is none of a checkpoint. */
export function readCheckpoint(note: string): ReadNote | undefined {
  if (note.length > MAX_NOTE_CHARS) return undefined;
  const end = note.indexOf('\n\n');
  const text = note.slice(0, end + 1);
  const [origin = '', size = '', head = ''] = text.split('\n');
  const bytes = Buffer.from(head, 'base64');
  if (end < 0 || !NAME.test(origin) || !/^(0|[1-9]\d{0,15})$/.test(size) || bytes.length !== 32) return undefined;
  const lines = note
    .slice(end + 2)
    .split('\n')
    .filter(Boolean);
  const signatures = lines.map(readSignature).filter((signature) => signature !== undefined);
  return { origin, size: Number(size), hash: bytes, text, signatures };
}

function readSignature(line: string): ReadNote['signatures'][number] | undefined {
  const [, name, encoded] = /^\u2014 (\S+) (\S+)$/u.exec(line) ?? [];
  const bytes = Buffer.from(encoded ?? '', 'base64');
  if (name === undefined || bytes.length !== 4 + SIGNATURE_BYTES) return undefined;
  return { name, keyId: bytes.toString('hex', 0, 4), signature: bytes.subarray(4) };
}

/** `good`: signed by one of the keys; `bad`: it says that it is, and is not; `unknown`: by none of them. */
export type Signed = 'good' | 'bad' | 'unknown';

/** What the signatures of a note are worth to whoever knows these keys (`verifierKey`). */
export function signedBy({ text, origin, signatures }: ReadNote, keys: readonly string[]): Signed {
  let found: Signed = 'unknown';
  for (const key of keys) {
    const known = readKey(key);
    const own = known && signatures.find(({ name, keyId }) => name === origin && known.name === name && keyId === known.keyId);
    if (!own) continue;
    if (!verify(null, Buffer.from(text), known.publicKey, own.signature)) return 'bad';
    found = 'good';
  }
  return found;
}

/** Reads what `verifierKey` wrote; undefined for anything else. */
export function readKey(key: string): { name: string; keyId: string; publicKey: KeyObject } | undefined {
  const [, name = '', keyId, encoded = ''] = /^([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+=*)$/u.exec(key) ?? [];
  const bytes = Buffer.from(encoded, 'base64');
  if (bytes.length !== 33 || bytes[0] !== ED25519 || keyId !== keyIdOf(name, bytes.subarray(1))) return undefined;
  const der = Buffer.concat([SPKI_PREFIX, bytes.subarray(1)]);
  return { name, keyId, publicKey: createPublicKey({ key: der, format: 'der', type: 'spki' }) };
}

function rawOf(publicKey: KeyObject): Buffer {
  return publicKey.export({ format: 'der', type: 'spki' }).subarray(SPKI_PREFIX.length);
}

function keyIdOf(name: string, raw: Uint8Array): string {
  return hash('sha256', Buffer.concat([Buffer.from(`${name}\n`), Buffer.of(ED25519), raw])).slice(0, 8);
}

import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  type KeyObject,
} from 'node:crypto';

/**
 * Hybrid public key encryption, base mode, one message a key (RFC 9180): DHKEM(X25519, HKDF-SHA256), HKDF-SHA256 and AES in GCM. Keys are raw,
 * 32 bytes. What is sealed for a public key can be opened with its private key alone, and only with the same `info` and `aad`.
 */
export interface Sealed {
  /** The public key of the one-time pair, 32 bytes. */
  enc: Buffer;
  /** Text and tag. */
  ciphertext: Buffer;
}

interface Context {
  info: Buffer;
  aad: Buffer;
}

/** RFC 9180 §7.3: number and key length in bytes. `aes128` is there for the vectors of the RFC. */
const AEADS = { aes128: { id: 1, keyBytes: 16, name: 'aes-128-gcm' }, aes256: { id: 2, keyBytes: 32, name: 'aes-256-gcm' } } as const;
export type Aead = keyof typeof AEADS;

const KEM_ID = 0x0020;
const KDF_ID = 0x0001;
const HASH_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const BASE_MODE = Buffer.from([0]);
const EMPTY = Buffer.alloc(0);

/** Seals `text` for the holder of a key. `oneTime` is the private key of the one-time pair: 32 fresh random bytes. */
export function seal(recipient: Buffer, text: Buffer, { info, aad }: Context, oneTime: Buffer, aead: Aead = 'aes256'): Sealed {
  const enc = publicKeyOf(oneTime);
  const { key, nonce } = schedule(sharedSecret(oneTime, recipient, enc, recipient), info, aead);
  const cipher = createCipheriv(AEADS[aead].name, key, nonce);
  cipher.setAAD(aad);
  return { enc, ciphertext: Buffer.concat([cipher.update(text), cipher.final(), cipher.getAuthTag()]) };
}

/** Opens what was sealed; undefined when it was not for this key, or was changed. */
export function unseal(secret: Buffer, { enc, ciphertext }: Sealed, { info, aad }: Context, aead: Aead = 'aes256'): Buffer | undefined {
  try {
    const { key, nonce } = schedule(sharedSecret(secret, enc, enc, publicKeyOf(secret)), info, aead);
    const decipher = createDecipheriv(AEADS[aead].name, key, nonce, { authTagLength: TAG_BYTES });
    decipher.setAAD(aad);
    decipher.setAuthTag(ciphertext.subarray(-TAG_BYTES));
    return Buffer.concat([decipher.update(ciphertext.subarray(0, -TAG_BYTES)), decipher.final()]);
  } catch {
    return undefined;
  }
}

/** The public key of a private one. */
export function publicKeyOf(secret: Buffer): Buffer {
  const { x } = createPublicKey(privateKey(secret)).export({ format: 'jwk' });
  return Buffer.from(x ?? '', 'base64url');
}

/** RFC 9180 §4.1, Encap and Decap. OpenSSL refuses a public key with which every secret would be zero. */
function sharedSecret(own: Buffer, other: Buffer, enc: Buffer, recipient: Buffer): Buffer {
  const suite = Buffer.concat([Buffer.from('KEM'), twoBytes(KEM_ID)]);
  const secret = diffieHellman({ privateKey: privateKey(own), publicKey: publicKey(other) });
  const extracted = labeledExtract(suite, EMPTY, 'eae_prk', secret);
  return labeledExpand(suite, extracted, 'shared_secret', Buffer.concat([enc, recipient]), HASH_BYTES);
}

/** RFC 9180 §5.1. */
function schedule(secret: Buffer, info: Buffer, aead: Aead): { key: Buffer; nonce: Buffer } {
  const suite = Buffer.concat([Buffer.from('HPKE'), twoBytes(KEM_ID), twoBytes(KDF_ID), twoBytes(AEADS[aead].id)]);
  const context = Buffer.concat([
    BASE_MODE,
    labeledExtract(suite, EMPTY, 'psk_id_hash', EMPTY),
    labeledExtract(suite, EMPTY, 'info_hash', info),
  ]);
  const extracted = labeledExtract(suite, secret, 'secret', EMPTY);
  return {
    key: labeledExpand(suite, extracted, 'key', context, AEADS[aead].keyBytes),
    // Of the first and only message: its number is 0.
    nonce: labeledExpand(suite, extracted, 'base_nonce', context, NONCE_BYTES),
  };
}

/** RFC 9180 §4, LabeledExtract. */
function labeledExtract(suite: Buffer, salt: Buffer, label: string, text: Buffer): Buffer {
  return hmac(salt, Buffer.concat([Buffer.from('HPKE-v1'), suite, Buffer.from(label), text]));
}

/** RFC 9180 §4, LabeledExpand, of at most one block of the hash. */
function labeledExpand(suite: Buffer, key: Buffer, label: string, info: Buffer, bytes: number): Buffer {
  const labeled = Buffer.concat([twoBytes(bytes), Buffer.from('HPKE-v1'), suite, Buffer.from(label), info]);
  return hmac(key, Buffer.concat([labeled, Buffer.from([1])])).subarray(0, bytes);
}

function hmac(key: Buffer, text: Buffer): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

function twoBytes(number: number): Buffer {
  return Buffer.from([number >> 8, number & 0xff]);
}

/** What stands before a raw private key in PKCS #8 (RFC 8410 §7). */
const PKCS8 = Buffer.from('302e020100300506032b656e04220420', 'hex');

function privateKey(raw: Buffer): KeyObject {
  return createPrivateKey({ key: Buffer.concat([PKCS8, raw]), format: 'der', type: 'pkcs8' });
}

function publicKey(raw: Buffer): KeyObject {
  return createPublicKey({ key: { kty: 'OKP', crv: 'X25519', x: raw.toString('base64url') }, format: 'jwk' });
}

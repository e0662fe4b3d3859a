import { createHash, createPrivateKey, createPublicKey, diffieHellman, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { VitalmeshError } from '../../../errors.ts';
import type { KeyPair, SessionKeys } from './contract.ts';

/** X25519 keys, raw, and each half of the session keys. */
export const KEY_BYTES = 32;

/** DER of an X25519 key up to its 32 raw bytes (RFC 8410 §4, §7). */
const SPKI_PREFIX = Buffer.from('302a300506032b656e032100', 'hex');
const PKCS8_PREFIX = Buffer.from('302e020100300506032b656e04220420', 'hex');

/** A fresh key pair: the dialer's for each dial, the host's for each listener. */
export function newKeyPair(): KeyPair {
  const { publicKey, privateKey } = generateKeyPairSync('x25519', {
    publicKeyEncoding: { type: 'spki', format: 'der' },
    privateKeyEncoding: { type: 'pkcs8', format: 'der' },
  });
  return { publicKey: publicKey.subarray(SPKI_PREFIX.length), secretKey: privateKey.subarray(PKCS8_PREFIX.length) };
}

/**
 * The dialer's session keys (libsodium `crypto_kx_client_session_keys`, openziti-wire.md §8). Throws OVERLAY-CRYPTO for keys that
 * are not 32 bytes long, and for a peer key with which every secret would be the same (RFC 7748 §6.1).
 */
export function clientKeys(own: KeyPair, peerPublic: Uint8Array): SessionKeys {
  const { first, second } = agree(own, peerPublic, own.publicKey, peerPublic);
  return { rx: first, tx: second };
}

/** The host's session keys (`crypto_kx_server_session_keys`): the dialer's, swapped. Throws as `clientKeys` does. */
export function serverKeys(own: KeyPair, peerPublic: Uint8Array): SessionKeys {
  const { first, second } = agree(own, peerPublic, peerPublic, own.publicKey);
  return { rx: second, tx: first };
}

function agree(own: KeyPair, peerPublic: Uint8Array, client: Uint8Array, server: Uint8Array): { first: Buffer; second: Buffer } {
  if ([own.secretKey, own.publicKey, peerPublic].some(({ length }) => length !== KEY_BYTES)) throw refused();
  const hash = createHash('blake2b512').update(sharedSecret(own.secretKey, peerPublic)).update(client).update(server).digest();
  return { first: hash.subarray(0, KEY_BYTES), second: hash.subarray(KEY_BYTES) };
}

/** OpenSSL itself fails when the secret is all zeros, as it is for points of low order. */
function sharedSecret(secret: Uint8Array, peerPublic: Uint8Array): Buffer {
  try {
    return diffieHellman({ privateKey: privateKeyOf(secret), publicKey: publicKeyOf(peerPublic) });
  } catch (cause) {
    throw refused(cause);
  }
}

function privateKeyOf(secret: Uint8Array): KeyObject {
  return createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, secret]), type: 'pkcs8', format: 'der' });
}

function publicKeyOf(raw: Uint8Array): KeyObject {
  return createPublicKey({ key: Buffer.concat([SPKI_PREFIX, raw]), type: 'spki', format: 'der' });
}

function refused(cause?: unknown): VitalmeshError {
  return new VitalmeshError('OVERLAY-CRYPTO', { cause, detail: 'unusable key for the key agreement' });
}

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import sodium from 'libsodium-wrappers';
import type { KeyPair } from '../../../../../shared/overlay/ziti/crypto/contract.ts';
import { clientKeys, newKeyPair, serverKeys } from '../../../../../shared/overlay/ziti/crypto/kx.ts';
import { verifies } from '../../../../requirements.ts';
import { goldenVectors } from '../../../../support/ziti/crypto-vectors.ts';

await sodium.ready;

const hex = (text: string): Buffer => Buffer.from(text, 'hex');

/** Points with which every agreement comes to zero (RFC 7748 §6.1): 0, 1, the two of order 8, p-1, p, p+1. */
const LOW_ORDER = [
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
  '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  // The topmost bit is no part of a point (RFC 7748 §5), so these are two of the above.
  '0100000000000000000000000000000000000000000000000000000000000080',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
];

describe('key agreement', () => {
  test('comes to the keys of the Go implementation, on both sides', () => {
    const vectors = goldenVectors();
    const client: KeyPair = { secretKey: hex(vectors.ClientSecret), publicKey: hex(vectors.ClientPublic) };
    const server: KeyPair = { secretKey: hex(vectors.ServerSecret), publicKey: hex(vectors.ServerPublic) };
    assert.deepEqual(clientKeys(client, server.publicKey), { rx: hex(vectors.ClientRx), tx: hex(vectors.ClientTx) });
    assert.deepEqual(serverKeys(server, client.publicKey), { rx: hex(vectors.ServerRx), tx: hex(vectors.ServerTx) });
  });

  test('a fresh pair agrees with libsodium, whichever side it takes', () => {
    const own = newKeyPair();
    const peer = sodium.crypto_kx_keypair();
    assert.deepEqual(Buffer.from(sodium.crypto_scalarmult_base(own.secretKey)), own.publicKey);
    const asServer = sodium.crypto_kx_server_session_keys(peer.publicKey, peer.privateKey, own.publicKey);
    assert.deepEqual(clientKeys(own, peer.publicKey), { rx: Buffer.from(asServer.sharedTx), tx: Buffer.from(asServer.sharedRx) });
    const asClient = sodium.crypto_kx_client_session_keys(peer.publicKey, peer.privateKey, own.publicKey);
    assert.deepEqual(serverKeys(own, peer.publicKey), { rx: Buffer.from(asClient.sharedTx), tx: Buffer.from(asClient.sharedRx) });
  });

  test('no two pairs are the same', () => {
    assert.notDeepEqual(newKeyPair().secretKey, newKeyPair().secretKey);
  });

  test('a peer key with which the secret would be known to everybody is refused', () => {
    verifies('OVERLAY-END-TO-END');
    const own = newKeyPair();
    for (const point of LOW_ORDER) {
      assert.throws(() => clientKeys(own, hex(point)), { code: 'OVERLAY-CRYPTO' }, point);
      assert.throws(() => serverKeys(own, hex(point)), { code: 'OVERLAY-CRYPTO' }, point);
    }
  });

  test('keys of another length are refused', () => {
    const own = newKeyPair();
    for (const length of [0, 1, 31, 33, 64]) {
      const other = Buffer.alloc(length, 9);
      assert.throws(() => clientKeys(own, other), { code: 'OVERLAY-CRYPTO' });
      assert.throws(() => serverKeys(own, other), { code: 'OVERLAY-CRYPTO' });
      assert.throws(() => clientKeys({ ...own, secretKey: other }, newKeyPair().publicKey), { code: 'OVERLAY-CRYPTO' });
      assert.throws(() => clientKeys({ ...own, publicKey: other }, newKeyPair().publicKey), { code: 'OVERLAY-CRYPTO' });
    }
  });
});

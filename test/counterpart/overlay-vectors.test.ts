import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { clientKeys, serverKeys } from '../../shared/overlay/ziti/crypto/kx.ts';
import { secretReceiver, senderFrom } from '../../shared/overlay/ziti/crypto/secretstream.ts';
import { initialState } from '../../shared/overlay/ziti/crypto/stream-state.ts';
import { verifies } from '../requirements.ts';
import type { CryptoVectors, VectorMessage } from '../support/ziti/crypto-vectors.ts';

const VECTORS = join(import.meta.dirname, '..', '..', '..', 'shared', 'data', 'overlay-transcripts', 'crypto-vectors.json');

const hex = (text: string): Buffer => Buffer.from(text, 'hex');

test('keys and messages are those of the Go implementation, byte for byte, both ways', () => {
  verifies('OVERLAY-END-TO-END');
  const all = JSON.parse(readFileSync(VECTORS, 'utf8')) as CryptoVectors[];
  assert.equal(all.length, 3);
  for (const vectors of all) {
    const client = clientKeys({ secretKey: hex(vectors.ClientSecret), publicKey: hex(vectors.ClientPublic) }, hex(vectors.ServerPublic));
    const server = serverKeys({ secretKey: hex(vectors.ServerSecret), publicKey: hex(vectors.ServerPublic) }, hex(vectors.ClientPublic));
    assert.deepEqual(client, { rx: hex(vectors.ClientRx), tx: hex(vectors.ClientTx) });
    assert.deepEqual(server, { rx: client.tx, tx: client.rx });
    compare(client.tx, server.rx, hex(vectors.C2SHeader), vectors.C2S);
    compare(server.tx, client.rx, hex(vectors.S2CHeader), vectors.S2C);
  }
});

function compare(tx: Buffer, rx: Buffer, header: Buffer, messages: VectorMessage[]): void {
  const sender = senderFrom(initialState(tx, header), header);
  const receiver = secretReceiver(rx, header);
  assert.equal(messages.length, 12);
  for (const { Plain, Cipher } of messages) {
    const sealed = Buffer.alloc(Plain.length / 2 + sender.overheadBytes);
    sender.seal(hex(Plain), sealed, 0);
    assert.equal(sealed.toString('hex'), Cipher);
    assert.equal(receiver.open(hex(Cipher)).toString('hex'), Plain);
  }
}

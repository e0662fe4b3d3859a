import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import sodium from 'libsodium-wrappers';
import type { SecretReceiver, SecretSender } from '../../../../../shared/overlay/ziti/crypto/contract.ts';
import {
  NATIVE_FROM_BYTES,
  OVERHEAD_BYTES,
  receiverFrom,
  secretReceiver,
  secretSender,
  senderFrom,
} from '../../../../../shared/overlay/ziti/crypto/secretstream.ts';
import { push } from '../../../../../shared/overlay/ziti/crypto/sodium.ts';
import { initialState, StreamState } from '../../../../../shared/overlay/ziti/crypto/stream-state.ts';
import { verifies } from '../../../../requirements.ts';
import { goldenVectors, type VectorMessage } from '../../../../support/ziti/crypto-vectors.ts';

await sodium.ready;

const KEY = Buffer.alloc(32, 0x5a);
const NATIVE = 2 * NATIVE_FROM_BYTES;

const hex = (text: string): Buffer => Buffer.from(text, 'hex');

function seal(sender: SecretSender, plain: Uint8Array): Buffer {
  const sealed = Buffer.alloc(plain.length + sender.overheadBytes);
  sender.seal(plain, sealed, 0);
  return sealed;
}

/** A stream of ours, both ends. */
function stream(): { sender: SecretSender; receiver: SecretReceiver } {
  const sender = secretSender(KEY);
  return { sender, receiver: secretReceiver(KEY, sender.header) };
}

function refuses(receiver: SecretReceiver, sealed: Buffer, message?: string): void {
  assert.throws(() => receiver.open(sealed), { code: 'OVERLAY-CRYPTO' }, message);
}

/** Lengths on both sides of the border between libsodium and OpenSSL, and of every remainder that padding depends on. */
const lengths = fc.array(
  fc.oneof(
    fc.integer({ min: 0, max: 200 }),
    fc.integer({ min: NATIVE_FROM_BYTES - 40, max: NATIVE_FROM_BYTES + 40 }),
    fc.integer({ min: NATIVE_FROM_BYTES / 8, max: 2 * (NATIVE_FROM_BYTES / 8) }).map((eights) => 8 * eights),
  ),
  { minLength: 1, maxLength: 12 },
);

function checkVectors(key: string, header: string, messages: VectorMessage[]): void {
  const sender = senderFrom(initialState(hex(key), hex(header)), hex(header));
  const receiver = secretReceiver(hex(key), hex(header));
  for (const { Plain, Cipher } of messages) {
    assert.equal(seal(sender, hex(Plain)).toString('hex'), Cipher);
    assert.equal(receiver.open(hex(Cipher)).toString('hex'), Plain);
  }
}

describe('secretstream', () => {
  test('seals and opens as the Go implementation does', () => {
    const vectors = goldenVectors();
    assert.ok(vectors.C2S.some(({ Plain }) => Plain.length / 2 >= NATIVE_FROM_BYTES && Plain.length % 16 === 0));
    checkVectors(vectors.ClientTx, vectors.C2SHeader, vectors.C2S);
    checkVectors(vectors.ServerTx, vectors.S2CHeader, vectors.S2C);
  });

  test('derives its key as draft-irtf-cfrg-xchacha-03 §2.2.1 shows', () => {
    const key = hex('000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f');
    const state = initialState(key, hex('000000090000004a00000000314159271122334455667788'));
    assert.equal(state.bytes.toString('hex'), '82413b4227b27bfed30e42508a877d73a0f9e4d58a74a853c12ec41326d3ecdc010000001122334455667788');
  });

  test('libsodium opens what it seals, whatever lengths follow each other', () => {
    fc.assert(
      fc.property(lengths, (sizes) => {
        const sender = secretSender(KEY);
        const judge = sodium.crypto_secretstream_xchacha20poly1305_init_pull(sender.header, KEY);
        for (const size of sizes) {
          const plain = randomBytes(size);
          const opened = sodium.crypto_secretstream_xchacha20poly1305_pull(judge, seal(sender, plain), null);
          assert.ok(opened);
          assert.deepEqual(Buffer.from(opened.message), plain);
          assert.equal(opened.tag, 0);
        }
      }),
      { numRuns: 60 },
    );
  });

  test('it opens what libsodium seals, whatever lengths follow each other', () => {
    fc.assert(
      fc.property(lengths, (sizes) => {
        const { state, header } = sodium.crypto_secretstream_xchacha20poly1305_init_push(KEY);
        const receiver = secretReceiver(KEY, header);
        for (const size of sizes) {
          const plain = randomBytes(size);
          assert.deepEqual(receiver.open(Buffer.from(sodium.crypto_secretstream_xchacha20poly1305_push(state, plain, null, 0))), plain);
        }
      }),
      { numRuns: 60 },
    );
  });

  test('writes where it is told to, and nowhere else', () => {
    for (const size of [0, 7, NATIVE]) {
      const { sender, receiver } = stream();
      const target = Buffer.alloc(10 + size + OVERHEAD_BYTES + 10, 0xee);
      sender.seal(Buffer.alloc(size, 1), target, 10);
      assert.deepEqual(target.subarray(0, 10), Buffer.alloc(10, 0xee));
      assert.deepEqual(target.subarray(-10), Buffer.alloc(10, 0xee));
      assert.deepEqual(receiver.open(target.subarray(10, -10)), Buffer.alloc(size, 1));
    }
  });

  test('streams do not disturb each other, though libsodium works on one state', () => {
    const streams = [stream(), stream(), stream()];
    for (const size of [1, NATIVE, 33, 0, NATIVE + 1]) {
      const sealed = streams.map(({ sender }, i) => seal(sender, Buffer.alloc(size, i)));
      for (const [i, { receiver }] of streams.entries())
        assert.deepEqual(receiver.open(sealed[i] ?? Buffer.alloc(0)), Buffer.alloc(size, i));
    }
  });

  test("messages larger than libsodium's memory, which then becomes another one, do not disturb any stream", () => {
    const [large, small] = [stream(), stream()];
    for (const size of [3, 24 * 1024 * 1024 + 1, 3]) {
      assert.ok(large.receiver.open(seal(large.sender, Buffer.alloc(size, 'large'))).equals(Buffer.alloc(size, 'large')));
      assert.equal(small.receiver.open(seal(small.sender, Buffer.from('small'))).toString(), 'small');
    }
  });

  test('a message changed in any byte is refused', () => {
    verifies('OVERLAY-END-TO-END');
    for (const size of [0, 1, 8, 61]) {
      const { sender } = stream();
      const sealed = seal(sender, randomBytes(size));
      for (let at = 0; at < sealed.length; at++) {
        const changed = Buffer.from(sealed);
        changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8));
        refuses(secretReceiver(KEY, sender.header), changed, `byte ${at} of ${sealed.length}`);
      }
    }
  });

  test('a large message changed in any byte is refused', () => {
    verifies('OVERLAY-END-TO-END');
    const { sender } = stream();
    const sealed = seal(sender, randomBytes(NATIVE_FROM_BYTES));
    for (let at = 0; at < sealed.length; at++) {
      sealed[at] = (sealed[at] ?? 0) ^ 0x80;
      refuses(secretReceiver(KEY, sender.header), sealed, `byte ${at}`);
      sealed[at] = (sealed[at] ?? 0) ^ 0x80;
    }
  });

  test('a message cut short, or with something behind it, is refused', () => {
    verifies('OVERLAY-END-TO-END');
    for (const size of [20, NATIVE]) {
      const { sender } = stream();
      const sealed = seal(sender, randomBytes(size));
      for (const length of [0, 1, 16, 17, 18, size - 1, sealed.length - 8, sealed.length - 1]) {
        refuses(secretReceiver(KEY, sender.header), sealed.subarray(0, length), `${length} of ${sealed.length}`);
      }
      for (const more of [1, 8]) refuses(secretReceiver(KEY, sender.header), Buffer.concat([sealed, Buffer.alloc(more)]));
    }
  });

  test('messages out of order, left out or repeated are refused', () => {
    verifies('OVERLAY-END-TO-END');
    for (const size of [20, NATIVE]) {
      const { sender } = stream();
      const [first, second] = [seal(sender, randomBytes(size)), seal(sender, randomBytes(size))];
      refuses(secretReceiver(KEY, sender.header), second, 'the first left out');
      const receiver = secretReceiver(KEY, sender.header);
      receiver.open(first);
      refuses(receiver, first, 'repeated');
    }
  });

  test('a stream that has failed does not recover', () => {
    verifies('OVERLAY-END-TO-END');
    const { sender, receiver } = stream();
    const sealed = seal(sender, randomBytes(30));
    refuses(receiver, Buffer.concat([sealed, Buffer.of(0)]));
    refuses(receiver, sealed);
  });

  test('messages of another stream with the same key, and of the same header with another key, are refused', () => {
    verifies('OVERLAY-END-TO-END');
    for (const size of [20, NATIVE]) {
      const { sender } = stream();
      const sealed = seal(sender, randomBytes(size));
      refuses(secretReceiver(KEY, randomBytes(24)), sealed);
      refuses(secretReceiver(randomBytes(32), sender.header), sealed);
    }
  });

  test('a message with another tag than MESSAGE is refused', () => {
    for (const size of [5, NATIVE]) {
      for (const tag of [1, 2, 3, 0xff]) {
        const { state, header } = sodium.crypto_secretstream_xchacha20poly1305_init_push(KEY);
        const receiver = secretReceiver(KEY, header);
        refuses(
          receiver,
          Buffer.from(sodium.crypto_secretstream_xchacha20poly1305_push(state, Buffer.alloc(size), null, tag)),
          `tag ${tag}`,
        );
      }
    }
  });

  test('a stream ends before its counter begins anew', () => {
    const at = (counter: number): StreamState => new StreamState(KEY, Buffer.alloc(8, 1), counter);
    const sender = senderFrom(at(0xffff_fffe), Buffer.alloc(24));
    const receiver = receiverFrom(at(0xffff_fffe));
    const last = seal(sender, Buffer.from('last'));
    assert.throws(() => seal(sender, Buffer.from('one more')), { code: 'OVERLAY-CRYPTO' });
    assert.throws(() => seal(sender, Buffer.alloc(NATIVE)), { code: 'OVERLAY-CRYPTO' });
    assert.equal(receiver.open(last).toString(), 'last');
    refuses(receiverFrom(at(0xffff_ffff)), Buffer.from(push(at(0xffff_ffff), Buffer.from('authentic, but one too many'))));
  });

  test('keys and headers of another length are refused', () => {
    for (const length of [0, 16, 31, 33]) assert.throws(() => secretSender(Buffer.alloc(length)), { code: 'OVERLAY-CRYPTO' });
    for (const length of [0, 1, 23, 25, 41]) assert.throws(() => secretReceiver(KEY, Buffer.alloc(length)), { code: 'OVERLAY-CRYPTO' });
    assert.throws(() => secretReceiver(Buffer.alloc(31), Buffer.alloc(24)), { code: 'OVERLAY-CRYPTO' });
  });

  test('no two streams begin with the same header', () => {
    assert.notDeepEqual(secretSender(KEY).header, secretSender(KEY).header);
  });

  test('a whole message is delivered or nothing: what was opened before does not change with later messages', () => {
    const { sender, receiver } = stream();
    const first = receiver.open(seal(sender, Buffer.from('first')));
    receiver.open(seal(sender, Buffer.from('other')));
    assert.equal(first.toString(), 'first');
  });

  test('no error holds key or text', () => {
    const { sender, receiver } = stream();
    const sealed = seal(sender, Buffer.alloc(NATIVE, 'blood'));
    sealed[5] = (sealed[5] ?? 0) ^ 1;
    assert.throws(
      () => receiver.open(sealed),
      (error: Error) => !/blood|5a5a/i.test(`${error.message}${error.stack}${JSON.stringify(error)}`),
    );
  });
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { publicKeyOf, seal, unseal } from '../../../hub/backup/hpke.ts';
import { verifies } from '../../requirements.ts';

const hex = (text: string): Buffer => Buffer.from(text, 'hex');

test('the first message of RFC 9180, A.1.1 (X25519, HKDF-SHA256, AES-128-GCM, base mode) comes out byte for byte', () => {
  verifies('BACKUP-SEALED');
  const secret = hex('4612c550263fc8ad58375df3f557aac531d26850903e55a9f23f21d8534e8ac8');
  const oneTime = hex('52c4a758a802cd8b936eceea314432798d5baf2d7e9235dc084ab1b9cfa2f736');
  const recipient = hex('3948cfe0ad1ddb695d780e59077195da6c56506b027329794ab02bca80815c4d');
  const text = hex('4265617574792069732074727574682c20747275746820626561757479');
  const context = { info: hex('4f6465206f6e2061204772656369616e2055726e'), aad: hex('436f756e742d30') };
  assert.deepEqual(publicKeyOf(secret), recipient);
  const sealed = seal(recipient, text, context, oneTime, 'aes128');
  assert.equal(sealed.enc.toString('hex'), '37fda3567bdbd628e88668c3c8d7e97d1d1253b6d4ea6d44c150f741f1bf4431');
  assert.equal(
    sealed.ciphertext.toString('hex'),
    'f938558b5d72f1a23810b4be2ab4f84331acc02fc97babc53a52ae8218a355a96d8770ac83d07bea87e13c512a',
  );
  assert.deepEqual(unseal(secret, sealed, context, 'aes128'), text);
});

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length }).map((array) => Buffer.from(array));

test('what is sealed opens with its key and context, and with no other key, context or byte', () => {
  verifies('BACKUP-SEALED');
  fc.assert(
    fc.property(bytes(32), bytes(32), bytes(32), bytes(32), fc.nat(), (secret, other, oneTime, text, at) => {
      fc.pre(!publicKeyOf(secret).equals(publicKeyOf(other)));
      const context = { info: Buffer.from('info'), aad: Buffer.from('label') };
      const sealed = seal(publicKeyOf(secret), text, context, oneTime);
      assert.deepEqual(unseal(secret, sealed, context), text);
      assert.equal(unseal(other, sealed, context), undefined);
      for (const changed of [
        { ...context, aad: Buffer.from('label.') },
        { ...context, info: Buffer.from('inf') },
      ]) {
        assert.equal(unseal(secret, sealed, changed), undefined);
      }
      const ciphertext = Buffer.from(sealed.ciphertext);
      ciphertext.writeUInt8((ciphertext.readUInt8(at % ciphertext.length) ^ 1) & 0xff, at % ciphertext.length);
      assert.equal(unseal(secret, { ...sealed, ciphertext }, context), undefined);
    }),
    { numRuns: 50 },
  );
});

test('nothing is opened with a one-time key that makes every secret zero, or with parts of the wrong length', () => {
  const [secret, context] = [Buffer.alloc(32, 7), { info: Buffer.alloc(0), aad: Buffer.alloc(0) }];
  for (const sealed of [
    { enc: Buffer.alloc(32), ciphertext: Buffer.alloc(48) },
    { enc: Buffer.alloc(31, 9), ciphertext: Buffer.alloc(48) },
    { enc: Buffer.alloc(32, 9), ciphertext: Buffer.alloc(5) },
  ]) {
    assert.equal(unseal(secret, sealed, context), undefined);
  }
  assert.throws(() => seal(Buffer.alloc(32), Buffer.alloc(32), context, secret));
});

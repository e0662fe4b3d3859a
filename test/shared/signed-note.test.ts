import assert from 'node:assert/strict';
import { createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { originOf, readCheckpoint, readKey, signCheckpoint, signedBy, verifierKey } from '../../shared/signed-note.ts';
import { verifies } from '../requirements.ts';

const ORIGIN = originOf('0123');
const made = generateKeyPairSync('ed25519');
const KEY = verifierKey(ORIGIN, made.publicKey);

test('a checkpoint is a signed note as C2SP writes it', () => {
  verifies('AUDIT-SIGNED');
  // The seed of c2sp.org/signed-note's example is not published; this one is RFC 8032's first test key, signed with OpenSSL.
  const seed = '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60';
  const privateKey = createPrivateKey({ key: Buffer.from(`302e020100300506032b657004220420${seed}`, 'hex'), format: 'der', type: 'pkcs8' });
  const note = signCheckpoint({ origin: 'example.com/log', size: 7, hash: Buffer.alloc(32) }, privateKey);
  const [origin, size, head, empty, signature, end, ...more] = note.split('\n');
  assert.deepEqual([origin, size, head, empty, end, more], ['example.com/log', '7', Buffer.alloc(32).toString('base64'), '', '', []]);
  const key = verifierKey('example.com/log', createPublicKey(privateKey));
  assert.match(key, /^example\.com\/log\+[0-9a-f]{8}\+AddamAGCsQq31Uv\+08lkBzoO4XLz2qYjJa8CGmj3B1Ea$/);
  const [dash, name, encoded = ''] = signature?.split(' ') ?? [];
  assert.deepEqual([dash, name], ['\u2014', 'example.com/log']);
  const bytes = Buffer.from(encoded, 'base64');
  assert.deepEqual([bytes.length, bytes.toString('hex', 0, 4)], [68, key.split('+')[1]]);
});

test('what was signed is read back and good, and unknown to whoever knows another key', () => {
  verifies('AUDIT-SIGNED');
  fc.assert(
    fc.property(fc.nat(), fc.uint8Array({ minLength: 32, maxLength: 32 }), (size, hash) => {
      const read = readCheckpoint(signCheckpoint({ origin: ORIGIN, size, hash }, made.privateKey)) ?? assert.fail();
      assert.deepEqual([read.origin, read.size, Buffer.from(read.hash)], [ORIGIN, size, Buffer.from(hash)]);
      assert.equal(signedBy(read, [KEY]), 'good');
      assert.equal(signedBy(read, [verifierKey(ORIGIN, generateKeyPairSync('ed25519').publicKey)]), 'unknown');
      assert.equal(signedBy(read, []), 'unknown');
    }),
    { numRuns: 20 },
  );
});

test('no byte of a note can be changed without being found', () => {
  verifies('AUDIT-SIGNED');
  const note = signCheckpoint({ origin: ORIGIN, size: 1234, hash: randomBytes(32) }, made.privateKey);
  for (let i = 0; i < note.length; i += 1) {
    const changed = `${note.slice(0, i)}${note[i] === 'A' ? 'B' : 'A'}${note.slice(i + 1)}`;
    const read = readCheckpoint(changed);
    // The unused bits of a base64 text's last digit say nothing.
    if (read)
      assert.ok(signedBy(read, [KEY]) !== 'good' || Buffer.from(read.hash).equals(readCheckpoint(note)?.hash ?? Buffer.of()), changed);
  }
});

test('what is no note, and no key, is told as such', () => {
  const longest = 'x'.repeat(3000);
  for (const text of ['', '\n\n', 'a\nb\nc\n\n', `${ORIGIN}\n01\n${Buffer.alloc(32).toString('base64')}\n\n`, longest])
    assert.equal(readCheckpoint(text), undefined);
  for (const key of ['', 'a+b+c', KEY.slice(0, -4), KEY.replace('vitalmesh', 'other')]) assert.equal(readKey(key), undefined);
});

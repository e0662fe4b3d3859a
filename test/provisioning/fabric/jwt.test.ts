import assert from 'node:assert/strict';
import { createHmac, createPublicKey, generateKeyPairSync, verify } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { tokenKey } from '../../../provisioning/fabric/jwt.ts';

function rsaPem(): string {
  return generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

const pem = rsaPem();
const tokens = tokenKey(pem);
const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

test('a token is an RS256 JWT that anybody with the public key verifies', () => {
  const token = tokens.sign({ iss: 'https://127.0.0.1:1280', n: 1 });
  const [header = '', claims = '', signature = ''] = token.split('.');
  const { alg, typ, kid, ...rest } = JSON.parse(Buffer.from(header, 'base64url').toString());
  assert.deepEqual({ alg, typ, rest }, { alg: 'RS256', typ: 'JWT', rest: {} });
  assert.match(kid, /^[0-9a-f]{40}$/);
  assert.equal(Buffer.from(claims, 'base64url').toString(), '{"iss":"https://127.0.0.1:1280","n":1}');
  assert.ok(verify('sha256', Buffer.from(`${header}.${claims}`), createPublicKey(pem), Buffer.from(signature, 'base64url')));
  assert.deepEqual(tokens.read(token), { iss: 'https://127.0.0.1:1280', n: 1 });
});

test('a token of another key, without signature, or with another algorithm is none', () => {
  const [header = '', claims = '', signature = ''] = tokens.sign({ a: 1 }).split('.');
  const publicPem = createPublicKey(pem).export({ type: 'spki', format: 'pem' });
  const hs256 = `${encode({ ...JSON.parse(Buffer.from(header, 'base64url').toString()), alg: 'HS256' })}.${claims}`;
  const forged = [
    tokenKey(rsaPem()).sign({ a: 1 }),
    `${header}.${claims}.`,
    `${header}.${encode({ a: 2 })}.${signature}`,
    `${encode({ alg: 'none', typ: 'JWT' })}.${claims}.`,
    `${hs256}.${createHmac('sha256', publicPem).update(hs256).digest('base64url')}`,
  ];
  for (const token of forged) assert.deepEqual(tokens.read(token), { fault: 'signature' }, token);
  for (const token of ['', 'bogus', 'a.b', 'a.b.c.d', `${header}.${claims}.${'A'.repeat(10_000)}`])
    assert.deepEqual(tokens.read(token), { fault: 'segments' }, token.slice(0, 20));
});

test('one changed character anywhere makes it none', () => {
  const token = tokens.sign({ sub: 'gw1' });
  fc.assert(
    fc.property(fc.nat(token.length - 2), fc.constantFrom('A', 'b', '9', '.', '-'), (at, character) => {
      fc.pre(token[at] !== character);
      assert.ok('fault' in tokens.read(token.slice(0, at) + character + token.slice(at + 1)));
    }),
    { numRuns: 100 },
  );
});

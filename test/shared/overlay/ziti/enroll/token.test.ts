import assert from 'node:assert/strict';
import { createHmac, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { VitalmeshError } from '../../../../../shared/errors.ts';
import { readToken } from '../../../../../shared/overlay/ziti/enroll/token.ts';
import { verifies } from '../../../../requirements.ts';
import { jwt } from '../../../../support/ziti/enrolling-controller.ts';

const EXPIRES = 1_795_284_118;
const CLAIMS = {
  iss: 'https://ctrl.example:1280',
  sub: 'w3tTxxtTtz',
  aud: [''],
  exp: EXPIRES,
  jti: 'd61cb58e-af49-439d-a4ba-fb3ce2e90eaf',
  em: 'ott',
};
const NOW = EXPIRES * 1000 - 3_600_000;

interface KeyPair {
  publicKey: KeyObject;
  privateKey: KeyObject;
}

const ec = (namedCurve: string): KeyPair => generateKeyPairSync('ec', { namedCurve });
const p256 = ec('P-256');
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const honest = jwt(CLAIMS, p256.privateKey);

function refused(token: string, code: string, detail?: RegExp): void {
  assert.throws(
    () => readToken(token, NOW),
    (error: VitalmeshError) => {
      assert.equal(error.code, code);
      if (detail) assert.match(error.detail ?? '', detail);
      assert.equal(error.cause, undefined);
      return true;
    },
  );
}

test('a token says who issued it, for whom, and until when', () => {
  const token = readToken(`\uFEFF  ${honest}\r\n`, NOW);
  assert.equal(token.issuer.origin, 'https://ctrl.example:1280');
  assert.equal(token.identityId, 'w3tTxxtTtz');
  assert.equal(token.secret, 'd61cb58e-af49-439d-a4ba-fb3ce2e90eaf');
  assert.equal(token.expiresAt, EXPIRES * 1000);
  assert.deepEqual(token.controllers, ['https://ctrl.example:1280/edge/client/v1']);
});

test('every signature that a TLS key can make is understood, and only that key made it', () => {
  const keys: Record<string, KeyPair> = {
    ...Object.fromEntries(['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'].map((alg) => [alg, rsa])),
    ...{ ES256: p256, ES384: ec('P-384'), ES512: ec('P-521') },
  };
  for (const [alg, { publicKey, privateKey }] of Object.entries(keys)) {
    const token = readToken(jwt(CLAIMS, privateKey, { alg }), NOW);
    assert.equal(token.isSignedBy(publicKey), true, alg);
    for (const other of [...Object.values(keys).map((pair) => pair.publicKey), ec('P-256').publicKey]) {
      if (other !== publicKey) assert.equal(token.isSignedBy(other), false, alg);
    }
  }
  assert.equal(readToken(honest, NOW).isSignedBy(generateKeyPairSync('ed25519').publicKey), false);
});

test('a key of the right kind but of another curve or padding than the token says has not signed it', () => {
  const p384 = ec('P-384');
  assert.equal(readToken(jwt(CLAIMS, p384.privateKey, { alg: 'ES256' }), NOW).isSignedBy(p384.publicKey), false);
  const [header, payload, signature] = jwt(CLAIMS, rsa.privateKey, { alg: 'RS256' }).split('.');
  assert.ok(header);
  const posing = Buffer.from(JSON.stringify({ alg: 'PS256' })).toString('base64url');
  assert.equal(readToken(`${posing}.${payload}.${signature}`, NOW).isSignedBy(rsa.publicKey), false);
});

test('signatures that need no private key are refused', () => {
  const payload = Buffer.from(JSON.stringify(CLAIMS)).toString('base64url');
  for (const alg of ['none', 'None', 'HS256', 'HS384', 'HS512', 'EdDSA', 'RS1', 'es256', '', 'constructor', '__proto__', 256, null]) {
    const signed = `${Buffer.from(JSON.stringify({ alg })).toString('base64url')}.${payload}`;
    const secret = p256.publicKey.export({ type: 'spki', format: 'pem' });
    refused(`${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`, 'ENROLL-TOKEN');
  }
  refused(`${honest.split('.').slice(0, 2).join('.')}.`, 'ENROLL-TOKEN');
});

test('a header that demands what is not understood is refused', () => {
  refused(jwt(CLAIMS, p256.privateKey, { crit: ['exp'] }), 'ENROLL-TOKEN', /crit/);
});

test('every other kind of enrolment is named', () => {
  verifies('ENROLL-CLEAR');
  for (const em of ['ottca', 'ca', 'updb', 'erott', 'network', 'token'])
    refused(jwt({ ...CLAIMS, em }, p256.privateKey), 'ENROLL-KIND', new RegExp(`^${em}$`));
  refused(jwt({ ...CLAIMS, em: 'x\u001b[31m' }, p256.privateKey), 'ENROLL-KIND', /^unknown$/);
  // As a real controller writes it: without an expiry, its URL as the subject.
  refused(jwt({ iss: 'https://c:1280/', sub: 'https://c:1280/', jti: 'x', em: 'network', ctrls: null }, p256.privateKey), 'ENROLL-KIND');
});

test('an expired token is refused with the time, but a clock may be a minute off', () => {
  verifies('ENROLL-CLEAR');
  const at = (now: number) => readToken(honest, now);
  assert.doesNotThrow(() => at(EXPIRES * 1000 + 60_000));
  assert.throws(() => at(EXPIRES * 1000 + 60_001), { code: 'ENROLL-EXPIRED', detail: 'it expired on 2026-11-21T18:01:58.000Z' });
});

test('claims that are missing or malformed are named', () => {
  const wrong: Record<string, readonly unknown[]> = {
    em: [undefined, null, 1, ['ott']],
    iss: [undefined, 'http://c:1280', 'c:1280', 'https://', 'https://user:pass@c:1280', 7],
    sub: [undefined, '', 'a/b', 'a b', 'x'.repeat(65), '\u0000', 5],
    jti: [undefined, '', 'a b', 'x'.repeat(513), 'é', {}],
    exp: [undefined, null, '1795284118', -1, 1e300],
    ctrls: ['tls:c:1280', [1], Array.from({ length: 65 }, () => 'tls:c:1280')],
  };
  for (const [claim, values] of Object.entries(wrong)) {
    for (const value of values) refused(jwt({ ...CLAIMS, [claim]: value }, p256.privateKey), 'ENROLL-TOKEN', new RegExp(`${claim}|issuer`));
  }
  for (const claims of [null, [], 'text', 7]) refused(jwt(claims, p256.privateKey), 'ENROLL-TOKEN', /claims/);
});

test('what is no token is refused', () => {
  const [header, payload, signature] = honest.split('.');
  for (const text of [
    ...['', '.', '..', '...', 'a.b.c', '{}', `${header}.${payload}`, `${honest}.${signature}`, `${header}.${payload}.${signature}=`],
    ...[`${header}. ${payload}.${signature}`, `"${honest}"`, 'x'.repeat(20_000), `${' '.repeat(17_000)}${honest}`],
    `${Buffer.from('[['.repeat(2000)).toString('base64url')}.${payload}.${signature}`,
  ])
    refused(text, 'ENROLL-TOKEN');
});

test('a path behind the issuer changes nothing', () => {
  for (const iss of [`${CLAIMS.iss}/`, `${CLAIMS.iss}/edge/client/v1`])
    assert.deepEqual(readToken(jwt({ ...CLAIMS, iss }, p256.privateKey), NOW).controllers, [`${CLAIMS.iss}/edge/client/v1`]);
});

test('further controllers are taken from a network that serves the API at its control addresses', () => {
  const controllers = (ctrls: readonly string[] | null) => readToken(jwt({ ...CLAIMS, ctrls }, p256.privateKey), NOW).controllers;
  const own = 'https://ctrl.example:1280/edge/client/v1';
  assert.deepEqual(controllers(null), [own]);
  assert.deepEqual(controllers(['tls:ctrl.example:1280']), [own]);
  const second = 'https://[2001:db8::2]:1280/edge/client/v1';
  assert.deepEqual(controllers(['tls:[2001:db8::2]:1280', 'tls:ctrl.example:1280', 'tls:a/b:1', 'dtls:c:2', 'tls:c:99999']), [own, second]);
  assert.deepEqual(controllers(['tls:ctrl.example:6262', 'tls:other.example:6262']), [own], 'a port of the control plane alone');
});

test('whatever is changed in a token, its signature no longer holds', () => {
  verifies('ENROLL-CLEAR');
  const { publicKey } = p256;
  assert.equal(readToken(honest, NOW).isSignedBy(publicKey), true);
  const end = honest.lastIndexOf('.');
  fc.assert(
    fc.property(fc.nat(end - 1), fc.constantFrom(...'ABab01-_'), (at, letter) => {
      const changed = `${honest.slice(0, at)}${letter}${honest.slice(at + 1)}`;
      fc.pre(changed !== honest);
      try {
        assert.equal(readToken(changed, NOW).isSignedBy(publicKey), false);
      } catch (error) {
        assert.ok(error instanceof VitalmeshError && error.code.startsWith('ENROLL-'));
      }
    }),
    { numRuns: 200 },
  );
});

test('no text and no claims make anything but a token or a coded error', () => {
  const parts = fc.oneof(
    fc.string(),
    fc.json().map((json) => Buffer.from(json).toString('base64url')),
    fc.constantFrom(...honest.split('.')),
  );
  const texts = fc.array(parts, { maxLength: 4 }).map((all) => all.join('.'));
  const claims = fc.record({
    iss: fc.anything(),
    sub: fc.anything(),
    jti: fc.anything(),
    exp: fc.anything(),
    em: fc.anything(),
    ctrls: fc.anything(),
  });
  const partly = fc.tuple(claims, fc.subarray(Object.keys(CLAIMS))).map(([any, kept]) => {
    const own = Object.fromEntries(Object.entries(CLAIMS).filter(([name]) => kept.includes(name)));
    const json = JSON.stringify({ ...any, ...own }, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value));
    return `${honest.split('.')[0]}.${Buffer.from(json).toString('base64url')}.AAAA`;
  });
  fc.assert(
    fc.property(fc.oneof(texts, partly), (text) => {
      try {
        readToken(text, NOW).isSignedBy(p256.publicKey);
      } catch (error) {
        assert.ok(error instanceof VitalmeshError && error.code.startsWith('ENROLL-'), String(error));
      }
    }),
    { numRuns: 200 },
  );
});

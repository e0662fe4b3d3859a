import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { base64url, exportJWK, generateKeyPair, SignJWT } from 'jose';
import { TokenRefusal } from '../../../../hub/access/tokens/token.ts';
import { TokenVerifier } from '../../../../hub/access/tokens/verifier.ts';
import { verifies } from '../../../requirements.ts';
import { TEST_NOW, TestClock } from '../../../support/hub.ts';
import { ISSUER, RESOURCE, type TestIssuerOptions, testIssuer, trusted } from '../../../support/tokens.ts';

const NOW_SECONDS = TEST_NOW / 1000;

async function setUp(options: Partial<TestIssuerOptions> = {}) {
  const clock = new TestClock();
  const idp = await testIssuer({ now: () => clock.now(), ...options });
  const verifier = new TokenVerifier([trusted(idp, clock)], clock);
  return { ...idp, clock, verifier, faultOf: (token: string) => faultOf(verifier, token) };
}

/** Why a token is refused; fails when it is taken. */
async function faultOf(verifier: TokenVerifier, token: string): Promise<string> {
  try {
    await verifier.verify(token);
  } catch (error) {
    assert.ok(error instanceof TokenRefusal, String(error));
    assert.ok(!error.message.includes(token.slice(0, 20)) || token.length < 20);
    return error.fault;
  }
  return assert.fail('the token was taken');
}

const encode = (value: unknown): string => base64url.encode(typeof value === 'string' ? value : JSON.stringify(value));

test('a good token says who, for which client, until when, and what for', async () => {
  verifies('TOKEN-CHECKED', 'TOKEN-SCOPES');
  const { verifier, sign } = await setUp();
  assert.deepEqual(await verifier.verify(await sign({ scope: 'openid user/Observation.rs?category=vital-signs' })), {
    issuer: 'hospital',
    subject: 'nurse-1',
    client: 'ward-app',
    id: 'token-1',
    issuedAt: TEST_NOW - 10_000,
    expiresAt: TEST_NOW + 300_000,
    scopes: [{ context: 'user', resource: 'Observation', may: 'rs', category: 'vital-signs' }],
  });
});

test('every algorithm of the list is taken, by a key that is for it', async () => {
  verifies('TOKEN-CHECKED');
  for (const alg of ['RS256', 'RS384', 'PS256', 'ES256', 'ES384', 'EdDSA']) {
    const { verifier, sign } = await setUp({ alg });
    assert.equal((await verifier.verify(await sign())).subject, 'nurse-1', alg);
  }
  const { faultOf: fault, sign } = await setUp({ alg: 'ES256', algorithms: ['RS256'] });
  assert.equal(await fault(await sign()), 'algorithm');
});

test('an unsigned token, and one that is signed with the public key for a secret, are refused', async () => {
  verifies('TOKEN-ATTACKS');
  for (const alg of ['ES256', 'RS256']) {
    const { faultOf: fault, sign, spki, jwks } = await setUp({ alg });
    const [, payload = ''] = (await sign()).split('.');
    for (const none of ['none', 'None', 'NONE', '']) {
      const head = encode({ alg: none, typ: 'at+jwt' });
      assert.ok(['malformed', 'algorithm'].includes(await fault(`${head}.${payload}.`)));
      assert.ok(['malformed', 'algorithm'].includes(await fault(`${head}.${payload}.AA`)), none);
    }
    const secrets = [
      spki,
      spki.trimEnd(),
      JSON.stringify(jwks.keys[0]),
      JSON.stringify(jwks),
      base64url.decode(String(jwks.keys[0]?.n ?? jwks.keys[0]?.x)),
    ];
    for (const [name, hash] of [
      ['HS256', 'sha256'],
      ['HS384', 'sha384'],
      ['HS512', 'sha512'],
    ] as const) {
      const input = `${encode({ alg: name, kid: 'key-1', typ: 'at+jwt' })}.${payload}`;
      for (const secret of secrets) {
        const mac = createHmac(hash, secret).update(input).digest('base64url');
        assert.equal(await fault(`${input}.${mac}`), 'algorithm', name);
      }
    }
  }
});

test('a key, or the address of one, that a token brings with it is not looked at', async () => {
  verifies('TOKEN-ATTACKS');
  const { faultOf: fault } = await setUp();
  const own = await generateKeyPair('ES256', { extractable: true });
  const jwk = await exportJWK(own.publicKey);
  const claims = { iss: ISSUER, aud: RESOURCE, sub: 'nurse-1', client_id: 'ward-app', iat: NOW_SECONDS, exp: NOW_SECONDS + 60 };
  const headers: [Record<string, unknown>, string][] = [
    [{ kid: 'key-1', jwk }, 'signature'],
    [{ kid: 'key-1', jku: 'https://evil.example/jwks' }, 'signature'],
    [{ kid: 'key-1', x5u: 'https://evil.example/cert', x5c: ['AAAA'] }, 'signature'],
    [{ kid: '../../../../dev/null' }, 'key'],
    [{ kid: '__proto__' }, 'key'],
    [{ kid: "' OR 1=1 --" }, 'key'],
    [{ kid: '' }, 'key'],
    [{ kid: 'x'.repeat(4000) }, 'key'],
    [{}, 'signature'],
  ];
  for (const [header, expected] of headers) {
    const token = await new SignJWT(claims).setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', ...header }).sign(own.privateKey);
    assert.equal(await fault(token), expected, JSON.stringify(header).slice(0, 60));
  }
  for (const kid of [1, null, {}, ['key-1'], true]) {
    const token = `${encode({ alg: 'ES256', typ: 'at+jwt', kid })}.${encode(claims)}.${'A'.repeat(86)}`;
    assert.ok(['key', 'malformed'].includes(await fault(token)), JSON.stringify(kid));
  }
  const critical = await setUp();
  const head = encode({ alg: 'ES256', kid: 'key-1', typ: 'at+jwt', crit: ['exp'], exp: 1 });
  assert.equal(await critical.faultOf(`${head}.${encode(claims)}.${'A'.repeat(86)}`), 'algorithm');
});

test('without a kid a token is taken only where one key fits', async () => {
  verifies('TOKEN-CHECKED');
  const [one, other] = await Promise.all([setUp({ kid: 'a' }), setUp({ kid: 'b' })]);
  assert.equal((await one.verifier.verify(await one.sign({}, { kid: undefined }))).subject, 'nurse-1');
  const both = new TokenVerifier([trusted({ ...one, jwks: { keys: [...one.jwks.keys, ...other.jwks.keys] } }, one.clock)], one.clock);
  assert.equal(await faultOf(both, await one.sign({}, { kid: undefined })), 'key');
  assert.equal((await both.verify(await one.sign())).subject, 'nurse-1');
});

test('a token for another service, or by another issuer, is refused', async () => {
  verifies('TOKEN-ATTACKS');
  const { faultOf: fault, sign, clock, verifier } = await setUp();
  for (const aud of [
    undefined,
    '',
    'https://other.example',
    `${RESOURCE}/`,
    RESOURCE.toUpperCase(),
    [],
    ['https://other.example'],
    { [RESOURCE]: true },
    [[RESOURCE]],
  ])
    assert.equal(await fault(await sign({ aud: aud as string })), 'audience', JSON.stringify(aud));
  assert.equal((await verifier.verify(await sign({ aud: ['https://other.example', RESOURCE] }))).subject, 'nurse-1');
  for (const iss of [undefined, '', `${ISSUER}/`, 'https://evil.example', ISSUER.toUpperCase()])
    assert.equal(await fault(await sign({ iss: iss as string })), 'issuer', String(iss));
  assert.equal(await fault(await sign({ iss: [ISSUER] as unknown as string })), 'issuer');

  const second = await testIssuer({ now: () => clock.now(), name: 'clinic', issuer: 'https://clinic.example' });
  const first = await testIssuer({ now: () => clock.now() });
  const two = new TokenVerifier([trusted(first, clock), trusted(second, clock)], clock);
  assert.equal((await two.verify(await second.sign())).issuer, 'clinic');
  assert.equal(await faultOf(two, await second.sign({ iss: ISSUER })), 'signature');
  assert.equal(await faultOf(two, await first.sign({ iss: 'https://clinic.example' })), 'signature');
});

test('what is no access token is refused: an ID token, a refresh token, another JWT of the issuer', async () => {
  verifies('TOKEN-ATTACKS');
  const { faultOf: fault, sign, verifier } = await setUp();
  for (const typ of [undefined, 'JWT', 'jwt', 'id_token+jwt', 'application/jwt', 'at+jwt+x', 1])
    assert.equal(await fault(await sign({}, { typ })), 'type', String(typ));
  for (const typ of ['at+jwt', 'AT+JWT', 'application/at+jwt', 'Application/AT+jwt'])
    assert.equal((await verifier.verify(await sign({}, { typ }))).subject, 'nurse-1', typ);
  const keycloak = await setUp({ like: 'keycloak' });
  for (const typ of ['ID', 'Refresh', undefined, 'bearer'])
    assert.equal(await keycloak.faultOf(await keycloak.sign({ typ, azp: 'ward-app' }, { typ: 'JWT' })), 'claims', String(typ));
});

test('a token counts from its beginning to its end, and for no longer than is taken', async () => {
  verifies('TOKEN-CHECKED');
  const { faultOf: fault, sign, clock, verifier } = await setUp();
  const token = await sign();
  clock.advance(299_999);
  assert.equal((await verifier.verify(token)).subject, 'nurse-1');
  clock.advance(1);
  assert.equal(await fault(token), 'expired');
  clock.advance(60_000);
  assert.equal(await fault(token), 'expired');

  const fresh = await setUp();
  const at = (iat: unknown, exp: unknown, nbf?: unknown) => fresh.sign({ iat: iat as number, exp: exp as number, nbf: nbf as number });
  assert.equal((await fresh.verifier.verify(await at(NOW_SECONDS + 30, NOW_SECONDS + 60))).subject, 'nurse-1');
  assert.equal(await fresh.faultOf(await at(NOW_SECONDS + 31, NOW_SECONDS + 60)), 'early');
  assert.equal(await fresh.faultOf(await at(NOW_SECONDS, NOW_SECONDS + 60, NOW_SECONDS + 31)), 'early');
  assert.equal((await fresh.verifier.verify(await at(NOW_SECONDS, NOW_SECONDS + 3600))).subject, 'nurse-1');
  assert.equal(await fresh.faultOf(await at(NOW_SECONDS, NOW_SECONDS + 3601)), 'lifetime');
  assert.equal(await fresh.faultOf(await at(NOW_SECONDS + 20, NOW_SECONDS + 10)), 'lifetime');
  for (const odd of [undefined, null, 'soon', {}, [], true, -1, 0, 1e300, String(NOW_SECONDS + 60)])
    for (const claims of [at(odd, NOW_SECONDS + 60), at(NOW_SECONDS, odd)])
      assert.ok(['claims', 'malformed', 'expired', 'lifetime'].includes(await fresh.faultOf(await claims)), String(odd));
});

test('claims that are missing, of another kind, or borrowed from every object are refused', async () => {
  verifies('TOKEN-ATTACKS');
  const { faultOf: fault, sign } = await setUp();
  for (const odd of [
    undefined,
    null,
    '',
    ' ',
    'a b',
    'a\nb',
    'é',
    'x'.repeat(256),
    1,
    true,
    ['nurse-1'],
    { toString: 'nurse-1' },
    { sub: { sub: 'nurse-1' } },
  ]) {
    assert.equal(await fault(await sign({ sub: odd as string })), 'claims', `sub ${JSON.stringify(odd)}`);
    assert.equal(await fault(await sign({ client_id: odd as string })), 'claims', `client ${JSON.stringify(odd)}`);
    if (odd !== undefined) assert.equal(await fault(await sign({ jti: odd as string })), 'claims', `jti ${JSON.stringify(odd)}`);
  }
  for (const name of ['constructor', '__proto__', 'toString', 'hasOwnProperty']) {
    const odd = await setUp({ claims: { subject: name, scopes: ['scope'], client: ['client_id'] } });
    assert.equal(await odd.faultOf(await odd.sign()), 'claims', name);
  }
});

test('no claim changes what another object has, or adds a claim to another token', async () => {
  verifies('TOKEN-ATTACKS');
  const { verifier, privateKey, faultOf: fault } = await setUp();
  const head = { alg: 'ES256', kid: 'key-1', typ: 'at+jwt' };
  const usual = `"iss":"${ISSUER}","aud":"${RESOURCE}","client_id":"ward-app","iat":${NOW_SECONDS},"exp":${NOW_SECONDS + 60}`;
  const signed = async (text: string): Promise<string> => {
    const { CompactSign } = await import('jose');
    return await new CompactSign(new TextEncoder().encode(text)).setProtectedHeader(head).sign(privateKey);
  };
  const token = await verifier.verify(await signed(`{${usual},"sub":"nurse-1","__proto__":{"scope":"user/*.cruds","polluted":1}}`));
  assert.deepEqual(token.scopes, []);
  assert.equal(({} as { polluted?: number }).polluted, undefined);
  assert.equal(await fault(await signed(`{${usual},"__proto__":{"sub":"nurse-1"}}`)), 'claims');
  const deep = `${'['.repeat(2000)}${']'.repeat(2000)}`;
  assert.deepEqual((await verifier.verify(await signed(`{${usual},"sub":"nurse-1","scope":${deep}}`))).scopes, []);
  for (const text of ['[]', 'null', '"x"', '1', '{', '', `[{${usual},"sub":"nurse-1"}]`])
    assert.equal(await fault(await signed(text)), 'malformed', text);
});

test('scopes stand where the issuer puts them; in another form, or in other claims, they open nothing', async () => {
  verifies('TOKEN-SCOPES');
  const { verifier, sign } = await setUp();
  const scopesOf = async (scope: unknown): Promise<number> => (await verifier.verify(await sign({ scope }))).scopes.length;
  assert.equal(await scopesOf('user/Observation.r  user/Observation.s'), 2);
  assert.equal(await scopesOf(['user/Observation.r', 'user/Observation.s']), 2);
  for (const odd of [
    undefined,
    null,
    1,
    {},
    { 0: 'user/Observation.r' },
    [['user/Observation.r']],
    [{ scope: 'user/Observation.r' }],
    [1, null],
  ])
    assert.equal(await scopesOf(odd), 0, JSON.stringify(odd));
  assert.deepEqual(
    (await verifier.verify(await sign({ scope: 'openid', scp: ['user/Observation.r'], roles: ['user/Observation.r'] }))).scopes,
    [],
  );
});

test('a changed token is refused, whichever bit of it', async () => {
  verifies('TOKEN-ATTACKS');
  const { verifier, sign } = await setUp({ alg: 'EdDSA' });
  const token = await sign();
  await fc.assert(
    fc.asyncProperty(fc.nat(token.length - 1), fc.constantFrom(...'ABCghi012-_.='), async (at, char) => {
      const changed = token.slice(0, at) + char + token.slice(at + 1);
      if (changed === token || sameBytes(changed, token)) return;
      await assert.rejects(verifier.verify(changed), TokenRefusal);
    }),
    { numRuns: 300 },
  );
});

/** The last character of a part may hold bits that mean nothing. */
function sameBytes(a: string, b: string): boolean {
  const bytes = (token: string): string[] => token.split('.').map((part) => Buffer.from(part, 'base64url').toString('hex'));
  return JSON.stringify(bytes(a)) === JSON.stringify(bytes(b));
}

test('what is not a token, or far too long, is refused before anything is made of it', async () => {
  verifies('TOKEN-ATTACKS');
  const { faultOf: fault, sign } = await setUp();
  const token = await sign();
  for (const text of [
    '',
    '.',
    '..',
    'a.b',
    'a.b.c.d',
    `${token}.x`,
    ` ${token}`,
    `${token}\n`,
    token.replace('.', '..'),
    'ä.b.c',
    '\0.\0.\0',
  ]) {
    assert.equal(await fault(text), 'malformed', JSON.stringify(text.slice(0, 20)));
  }
  assert.equal(await fault(await sign({ scope: 'x '.repeat(5000) })), 'size');
  assert.equal(await fault('a'.repeat(10_000_000)), 'size');
  await fc.assert(
    fc.asyncProperty(fc.string({ maxLength: 200 }), async (text) => assert.equal(await fault(text), 'malformed')),
    { numRuns: 50 },
  );
});

test('a client of which no tokens are taken is refused', async () => {
  verifies('TOKEN-CHECKED');
  const { faultOf: fault, sign, verifier } = await setUp({ clients: ['ward-app'] });
  assert.equal((await verifier.verify(await sign())).client, 'ward-app');
  assert.equal(await fault(await sign({ client_id: 'other-app' })), 'client');
});

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { exportJWK, generateKeyPair } from 'jose';
import { IssuerKeys } from '../../../../hub/access/tokens/issuer-keys.ts';
import { parseKeySet } from '../../../../hub/access/tokens/key-set.ts';
import { keysFromFile, keysOverOverlay, type OverlayKeys } from '../../../../hub/access/tokens/key-sources.ts';
import { TokenVerifier } from '../../../../hub/access/tokens/verifier.ts';
import { VitalmeshError } from '../../../../shared/errors.ts';
import { createMemoryNetwork } from '../../../../shared/overlay/memory.ts';
import { verifies } from '../../../requirements.ts';
import { TestAuthority } from '../../../support/certificates.ts';
import { TestClock } from '../../../support/hub.ts';
import { testIssuer } from '../../../support/tokens.ts';

const clockOfNow = () => new TestClock();

test('of a set only public keys for signatures are taken, and one with a private or shared key not at all', async () => {
  verifies('ISSUER-KEYS');
  const rsa = await exportJWK((await generateKeyPair('RS256', { extractable: true })).publicKey);
  const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true });
  const ec = await exportJWK(publicKey);
  assert.equal(parseKeySet({ keys: [rsa, { ...ec, use: 'sig' }] }).keys.length, 2);
  assert.equal(
    parseKeySet({ keys: [rsa, { ...rsa, use: 'enc' }, { kty: 'AKP', alg: 'ML-DSA-44', pub: 'AA' }, { ...ec, crv: 'secp256k1' }] }).keys
      .length,
    1,
  );
  const bad = [
    null,
    [],
    {},
    { keys: [] },
    { keys: {} },
    { keys: [null] },
    { keys: [{ kty: 1 }] },
    { keys: [rsa, await exportJWK(privateKey)] },
    { keys: [rsa, { kty: 'oct', k: 'c2VjcmV0' }] },
    { keys: [rsa, { kty: 'oct' }] },
    { keys: [{ ...rsa, use: 'enc' }] },
    { keys: [{ ...rsa, n: 'AQAB' }] },
    { keys: Array.from({ length: 65 }, () => rsa) },
  ];
  for (const value of bad) assert.throws(() => parseKeySet(value), { code: 'ACCESS-ISSUER-KEYS' }, JSON.stringify(value).slice(0, 80));
});

test('keys in a file are read; what is wrong with it is told without its content', async (t) => {
  verifies('ISSUER-KEYS');
  const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-jwks-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'jwks.json');
  writeFileSync(file, '{"keys":[]}');
  assert.deepEqual(await keysFromFile(file), { keys: [] });
  for (const [text, said] of [
    ['{"secret', /not JSON/],
    ['x'.repeat(300_000), /more than/],
  ] as const) {
    writeFileSync(file, text);
    await assert.rejects(keysFromFile(file), (error: VitalmeshError) => {
      assert.equal(error.code, 'ACCESS-ISSUER-KEYS');
      assert.match(error.message, said);
      assert.doesNotMatch(error.message, /secret/);
      return true;
    });
  }
  await assert.rejects(keysFromFile(join(folder, 'missing')), { code: 'ACCESS-ISSUER-KEYS', detail: /ENOENT/ });
});

test('a key that is new to the hub is looked for when a token needs it, and not more often than may be', async () => {
  verifies('ISSUER-KEYS');
  const clock = clockOfNow();
  const [old, rolled, foreign] = await Promise.all(['a', 'b', 'c'].map((kid) => testIssuer({ now: () => clock.now(), kid })));
  assert.ok(old && rolled && foreign);
  let { jwks } = old;
  let loads = 0;
  const load = async () => {
    loads += 1;
    return jwks;
  };
  const keys = new IssuerKeys({ load, clock, onFailure: (error) => assert.fail(error) });
  const verifier = new TokenVerifier([{ issuer: old.issuer, keys }], clock);
  const [first, second] = await Promise.all([verifier.verify(await old.sign()), verifier.verify(await old.sign())]);
  assert.deepEqual([first?.subject, second?.subject, loads], ['nurse-1', 'nurse-1', 1]);
  jwks = { keys: [...old.jwks.keys, ...rolled.jwks.keys] };
  await assert.rejects(verifier.verify(await rolled.sign()), { fault: 'key' });
  clock.advance(10_000);
  const both = [await rolled.sign(), await rolled.sign()];
  assert.equal((await Promise.all(both.map((token) => verifier.verify(token)))).length, 2);
  assert.equal(loads, 2);
  for (let i = 0; i < 20; i += 1) await assert.rejects(verifier.verify(await foreign.sign()), { fault: 'key' });
  assert.equal(loads, 2);
  assert.deepEqual(keys.status(), { keys: 2, at: clock.now(), code: null, since: null });
});

test('an issuer that is away locks nobody out for a day, and after that nobody gets in', async () => {
  verifies('ISSUER-KEYS');
  const clock = clockOfNow();
  const idp = await testIssuer({ now: () => clock.now() });
  let away = false;
  const failures: string[] = [];
  const load = async () => {
    if (away) throw new VitalmeshError('ACCESS-ISSUER-KEYS', { detail: 'away' });
    return idp.jwks;
  };
  const keys = new IssuerKeys({ load, clock, onFailure: ({ code }) => failures.push(code) });
  const verifier = new TokenVerifier([{ issuer: idp.issuer, keys }], clock);
  const enters = async (): Promise<string> => (await verifier.verify(await idp.sign())).subject;
  assert.equal(await enters(), 'nurse-1');
  away = true;
  clock.advance(600_000);
  assert.equal(await enters(), 'nurse-1');
  await keys.refresh();
  assert.equal(keys.status().code, 'ACCESS-ISSUER-KEYS');
  clock.advance(23 * 3_600_000);
  assert.equal(await enters(), 'nurse-1');
  clock.advance(3_600_000);
  await assert.rejects(enters(), { code: 'ACCESS-ISSUER-KEYS' });
  assert.ok(failures.length >= 2);
  away = false;
  clock.advance(10_000);
  assert.equal(await enters(), 'nurse-1');
  assert.equal(keys.status().code, null);
});

test('keys come over the overlay, by TLS within it, from the host that was named and from no other', async () => {
  verifies('ISSUER-KEYS');
  const [authority, other] = await Promise.all([TestAuthority.make(), TestAuthority.make()]);
  const { cert, key } = await authority.issue('sso.hospital.example');
  const answers: Record<string, (response: ServerResponse) => void> = {
    '/good': (response) => response.end('{"keys":[]}'),
    '/moved': (response) => response.writeHead(302, { location: 'https://sso.hospital.example/good' }).end(),
    '/gone': (response) => response.writeHead(404).end('{"keys":[]}'),
    '/text': (response) => response.end('<html>secret</html>'),
    '/large': (response) => response.end('x'.repeat(300_000)),
  };
  const server = createServer({ cert, key }, (request, response) => answers[request.url ?? '']?.(response));
  const network = createMemoryNetwork();
  await using idp = network.overlay({ id: 'idp', name: 'idp' });
  await using hub = network.overlay({ id: 'hub', name: 'hub' });
  const binding = await idp.bind('sso', (stream) => {
    stream.on('error', () => stream.destroy());
    server.emit('connection', stream);
  });
  server.on('tlsClientError', (_, socket) => socket.destroy());
  const get = (path: string, more: Partial<OverlayKeys> = {}) =>
    keysOverOverlay({ overlay: hub, service: 'sso', url: `https://sso.hospital.example${path}`, ca: authority.pem, ...more });

  assert.deepEqual(await get('/good'), { keys: [] });
  const refused: [string, () => Promise<unknown>, RegExp][] = [
    ['another authority', () => get('/good', { ca: other.pem }), /TLS/],
    ['the authorities of Node', () => keysOverOverlay({ overlay: hub, service: 'sso', url: 'https://sso.hospital.example/good' }), /TLS/],
    ['another host', () => get('', { url: 'https://evil.example/good' }), /TLS/],
    ['a redirect', () => get('/moved'), /TLS, HTTP or JSON/],
    ['an error of HTTP', () => get('/gone'), /HTTP 404/],
    ['no JSON', () => get('/text'), /JSON/],
    ['too much', () => get('/large'), /more than/],
    ['no such service', () => get('/good', { service: 'nobody' }), /OVERLAY-/],
  ];
  for (const [what, call, said] of refused) {
    await assert.rejects(
      call(),
      (error: VitalmeshError) => {
        assert.equal(error.code, 'ACCESS-ISSUER-KEYS');
        assert.match(error.message, said);
        assert.doesNotMatch(error.message, /secret/);
        return true;
      },
      what,
    );
  }
  await binding[Symbol.asyncDispose]();
});

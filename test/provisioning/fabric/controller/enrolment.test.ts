import assert from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync, verify, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import { connect } from 'node:tls';
import { verifyChain } from '../../../../shared/identity/chain.ts';
import { readCertificates } from '../../../../shared/identity/identity.ts';
import { x509 } from '../../../../shared/identity/x509.ts';
import { verifies } from '../../../requirements.ts';
import { assertRefused, claimsOf, csrOf, FabricSite, newKeys, P256, P384, type Reply, RSA } from '../site.ts';

let site: FabricSite;
before(async () => {
  site = await FabricSite.start();
});
after(() => site[Symbol.asyncDispose]());

let names = 0;
function newIdentity(): Promise<{ id: string; jwt: string }> {
  names += 1;
  return site.fabric.admin.createIdentity({ name: `e${names}` });
}

const BAD_TOKEN = [400, 'INVALID_ENROLLMENT_TOKEN'] as const;
const BAD_CSR = [400, 'COULD_NOT_PROCESS_CSR', { code: 'UNHANDLED', message: 'could not decode csrPem as PEM' }] as const;

function certificatesOf(reply: Reply): X509Certificate[] {
  assert.equal(reply.status, 200, reply.text);
  assert.equal(reply.headers['content-type'], 'application/json');
  assert.deepEqual(Object.keys(reply.json), ['data', 'meta']);
  assert.deepEqual(Object.keys(reply.json.data), ['cert']);
  return readCertificates(reply.json.data.cert, 'cert');
}

describe('enrolment token', () => {
  test('names the controller, the identity and the kind, and is signed by the TLS key of the controller it names', async () => {
    const { id, jwt } = await newIdentity();
    const { exp, jti, ...claims } = claimsOf(jwt);
    assert.deepEqual(claims, { iss: site.origin, sub: id, aud: [''], em: 'ott', ctrls: [site.origin.replace('https://', 'tls:')] });
    assert.match(String(jti), /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    const left = Number(exp) - Date.now() / 1000;
    assert.ok(left > 3 * 3600 - 60 && left <= 3 * 3600);

    const socket = connect({ host: '127.0.0.1', port: Number(new URL(site.origin).port), rejectUnauthorized: false });
    await once(socket, 'secureConnect');
    const peer = socket.getPeerX509Certificate();
    socket.destroy();
    const [header = '', body = '', signature = ''] = jwt.split('.');
    assert.equal(JSON.parse(Buffer.from(header, 'base64url').toString()).alg, 'RS256');
    assert.ok(peer && verify('sha256', Buffer.from(`${header}.${body}`), peer.publicKey, Buffer.from(signature, 'base64url')));
  });
});

describe('GET .well-known/est/cacerts', () => {
  for (const path of ['/edge/client/v1/.well-known/est/cacerts', '/.well-known/est/cacerts'])
    test(`${path} gives root and intermediate as base64 PKCS #7 to everybody`, async () => {
      const { status, headers, text } = await site.call('GET', path, { absolute: true, headers: { accept: 'application/pkcs7-mime' } });
      assert.equal(status, 200);
      assert.equal(headers['content-type'], 'application/pkcs7-mime');
      assert.equal(headers['content-transfer-encoding'], 'base64');
      assert.match(text, /^([A-Za-z0-9+/]{64}\n)+[A-Za-z0-9+/=]{0,64}\n?$/);
      // As PKCS #7 of the certificate library, which has no part in how it was made.
      const bundle = new x509.X509Certificates(Buffer.from(text, 'base64'));
      const given = Array.from(bundle, (certificate) => new X509Certificate(Buffer.from(certificate.rawData)).fingerprint256).sort();
      const ours = readCertificates(site.fabric.caPem, 'ca').map(({ fingerprint256 }) => fingerprint256);
      assert.deepEqual(given, ours.sort());
    });
});

describe('POST enroll', () => {
  for (const [kind, algorithm] of Object.entries({ P256, P384, RSA }))
    test(`certifies a ${kind} key: leaf and intermediate, the identity by its SPIFFE name`, async () => {
      const { id, jwt } = await newIdentity();
      const keys = await newKeys(algorithm);
      const [leaf, intermediate, ...rest] = certificatesOf(await site.spend(jwt, await csrOf(keys, 'a name of my own', algorithm)));
      assert.ok(leaf && intermediate);
      assert.deepEqual(rest, []);
      const trusted = readCertificates(site.fabric.caPem, 'ca');
      assert.equal(verifyChain([leaf, intermediate], trusted, { now: Date.now(), trustDomain: 'vitalmesh-fabric' }).identityId, id);
      assert.equal(leaf.subject, 'CN=a name of my own');
      assert.ok(
        leaf.publicKey.equals(
          createPublicKey({ key: Buffer.from(await crypto.subtle.exportKey('spki', keys.publicKey)), format: 'der', type: 'spki' }),
        ),
      );
      const days = (leaf.validToDate.getTime() - leaf.validFromDate.getTime()) / 86_400_000;
      assert.ok(days > 365 && days < 366);
    });

  test('takes the request as x-pem-file, as text, as JSON, and with the token in the body', async () => {
    const csr = await csrOf(await newKeys(), 'x');
    const ways: ((token: unknown) => Promise<Reply>)[] = [
      (token) =>
        site.call('POST', `/enroll?method=ott&token=${token}`, { body: csr, headers: { 'content-type': 'application/x-pem-file' } }),
      (token) =>
        site.call('POST', `/enroll?token=${token}&method=ott`, { body: csr, headers: { 'content-type': 'text/plain; charset=utf-8' } }),
      (token) => site.call('POST', `/enroll?method=ott&token=${token}`, { body: { clientCsr: csr } }),
      // As the C SDK of 2022 does.
      (token) =>
        site.call('POST', `/enroll?method=ott&token=${token}`, { absolute: true, body: csr, headers: { 'content-type': 'text/plain' } }),
      (token) => site.call('POST', '/enroll/ott', { body: { token, clientCsr: csr } }),
    ];
    for (const way of ways) assert.equal(certificatesOf(await way(claimsOf((await newIdentity()).jwt).jti)).length, 2);
  });

  test('a common name that is long or odd is not taken over', async () => {
    for (const odd of ['x'.repeat(65), 'a\nb', 'a\u0000b', '']) {
      const { jwt } = await newIdentity();
      const [leaf] = certificatesOf(await site.spend(jwt, await csrOf(await newKeys(), odd)));
      assert.equal(leaf?.subject, `CN=e${names}`);
    }
  });

  test('gives one certificate for a token, also to many at once', async () => {
    verifies('FABRIC-ENROLS-ONCE');
    const { jwt } = await newIdentity();
    const csrs = await Promise.all(Array.from({ length: 8 }, async () => csrOf(await newKeys(), 'x')));
    const replies = await Promise.all(csrs.map((csr) => site.spend(jwt, csr)));
    assert.equal(replies.filter(({ status }) => status === 200).length, 1);
    for (const reply of replies) if (reply.status !== 200) assertRefused(reply, ...BAD_TOKEN);
    assertRefused(await site.spend(jwt, csrs[0] ?? ''), ...BAD_TOKEN);
  });

  test('unknown, voided, expired and disabled tokens are refused alike', async () => {
    const csr = await csrOf(await newKeys(), 'x');
    const withToken = (token: string): Promise<Reply> =>
      site.call('POST', `/enroll?method=ott&token=${token}`, { body: csr, headers: { 'content-type': 'text/plain' } });
    for (const token of ['', 'x', '6f84ecff-5033-4b9a-8618-69189c8abbf5', "' OR 1=1 --", 'x'.repeat(4000)])
      assertRefused(await withToken(encodeURIComponent(token)), ...BAD_TOKEN);
    const { id, jwt } = await newIdentity();
    const { jwt: newer } = await site.fabric.admin.reissueToken(id);
    assertRefused(await site.spend(jwt, csr), ...BAD_TOKEN);
    await site.fabric.admin.disableIdentity(id);
    assertRefused(await site.spend(newer, csr), ...BAD_TOKEN);
    await site.fabric.admin.enableIdentity(id);
    await site.fabric.admin.deleteIdentity(id);
    assertRefused(await site.spend(newer, csr), ...BAD_TOKEN);
  });

  test('a request that is refused does not spend the token', async () => {
    verifies('FABRIC-ENROLS-ONCE');
    const { jwt } = await newIdentity();
    const [mine, other] = await Promise.all([newKeys(), newKeys()]);
    const swapped = await csrOf({ publicKey: other.publicKey, privateKey: mine.privateKey }, 'x');
    const good = await csrOf(mine, 'x');
    const weak = generateKeyPairSync('rsa', { modulusLength: 1024 });
    const weakKeys = {
      publicKey: weak.publicKey.toCryptoKey(RSA, true, ['verify']),
      privateKey: weak.privateKey.toCryptoKey(RSA, true, ['sign']),
    };
    const p521 = { name: 'ECDSA', namedCurve: 'P-521', hash: 'SHA-512' };
    const refused = [
      swapped,
      await csrOf(weakKeys, 'x', RSA),
      await csrOf(await newKeys(p521), 'x', p521),
      '-----BEGIN CERTIFICATE REQUEST-----\nMIIB\n-----END CERTIFICATE REQUEST-----\n',
      good.replace(/\n[A-Za-z0-9+/]{64}\n/, '\n'),
      'not a request',
      site.fabric.caPem,
    ];
    for (const csr of refused) assertRefused(await site.spend(jwt, csr), ...BAD_CSR);
    const token = String(claimsOf(jwt).jti);
    const missing = { field: 'clientCsr', reason: 'clientCsr in body is required', value: '<nil>' };
    assertRefused(await site.call('POST', '/enroll/ott', { body: { token } }), 400, 'COULD_NOT_VALIDATE', missing);
    assertRefused(
      await site.call('POST', `/enroll?method=ott&token=${token}`, { body: { clientCsr: [good] } }),
      400,
      'COULD_NOT_VALIDATE',
      missing,
    );
    assert.equal(certificatesOf(await site.spend(jwt, good)).length, 2);
  });

  test('media types, methods and missing parts are refused as the real one does', async () => {
    verifies('FABRIC-CONTROLLER-AS-REAL');
    const { jwt } = await newIdentity();
    const csr = await csrOf(await newKeys(), 'x');
    const path = `/enroll?method=ott&token=${claimsOf(jwt).jti}`;
    const post = (at: string, headers: Record<string, string>, body: string = csr): Promise<Reply> =>
      site.call('POST', at, { body, headers });
    assertRefused(await post(path, { 'content-type': 'application/pkcs10' }), 415, 'COULD_NOT_VALIDATE', {
      field: 'Content-Type',
      reason: 'unsupported media type "application/pkcs10", only [application/json application/x-pem-file text/plain] are allowed',
      value: 'application/pkcs10',
    });
    assert.equal((await post(path, { 'content-type': 'text/plain', accept: 'application/x-pem-file' })).status, 415);
    assertRefused(await post('/enroll', { 'content-type': 'text/plain' }), 602, 'COULD_NOT_VALIDATE', {
      field: 'method',
      reason: 'method in query is required',
      value: '[]',
    });
    assert.equal((await post('/enroll?method=foo', { 'content-type': 'text/plain' })).status, 606);
    for (const method of ['ottca', 'ca', 'updb', 'erott', 'token'])
      assertRefused(await post(path.replace('ott', method), { 'content-type': 'text/plain' }), ...BAD_TOKEN);
    assertRefused(await post('/enroll?method=ott', { 'content-type': 'text/plain' }), ...BAD_TOKEN);
    for (const body of ['[]', 'null', '{', '1', '"x"'])
      assertRefused(await post(path, { 'content-type': 'application/json' }, body), 400, 'COULD_NOT_PARSE_BODY');
    assertRefused(await post('/enroll/ott', { 'content-type': 'application/json' }, ''), 602, 'COULD_NOT_VALIDATE', {
      field: 'ottEnrollmentRequest',
      reason: 'ottEnrollmentRequest in body is required',
      value: '',
    });
    assert.equal(certificatesOf(await post(path, { 'content-type': 'text/plain', accept: 'application/json' })).length, 2);
  });
});

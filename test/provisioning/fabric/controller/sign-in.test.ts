import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createCa, loadCa } from '../../../../provisioning/fabric/ca.ts';
import { verifies } from '../../../requirements.ts';
import { assertRefused, csrOf, type Enrolled, FabricSite, newKeys, privatePem } from '../site.ts';

let site: FabricSite;
before(async () => {
  site = await FabricSite.start();
});
after(() => site[Symbol.asyncDispose]());

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const INVALID = 'zt-session realm="zt-session" error="invalid" error_description="token is invalid"';

async function identityFrom(ca: Awaited<ReturnType<typeof createCa>>, id: string): Promise<Enrolled> {
  const { id: file } = await ca.issueIdentity({ id, name: 'x' });
  return { id, key: file.key.slice('pem:'.length), cert: file.cert.slice('pem:'.length) };
}

describe('POST authenticate?method=cert', () => {
  test('gives a session to the certificate that was enrolled, in header and body', async () => {
    const gw = await site.enrol('ward 3, bed 1');
    const { status, headers, json } = await site.authenticate(gw);
    assert.equal(status, 200);
    const { data, meta } = json;
    assert.deepEqual(meta, {});
    assert.match(data.token, UUID);
    assert.match(data.id, /^c[0-9a-z]{24}$/);
    assert.equal(headers['zt-session'], data.token);
    assert.equal(headers['expiration-seconds'], '1800');
    assert.match(String(headers['expires-at']), /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} \+0000 UTC$/);
    assert.equal(data.identityId, gw.id);
    assert.equal(data.identity.name, 'ward 3, bed 1');
    assert.deepEqual(data.authQueries, []);
    assert.equal(data.expirationSeconds, 1800);
    assert.equal(Date.parse(data.expiresAt) - Date.parse(data.createdAt), 1_800_000);
    assert.equal(data.ipAddress, '127.0.0.1');
  });

  test('the body may say what SDKs say of themselves, or be empty', async () => {
    const gw = await site.enrol('talkative');
    const sdk = {
      sdkInfo: { type: 'ziti-sdk-golang', version: 'v1.7.0' },
      envInfo: { os: 'linux' },
      configTypes: ['intercept.v1', 7, 'x'.repeat(500)],
    };
    const { json } = await site.call('POST', '/authenticate?method=cert', { body: sdk, certificate: gw });
    assert.deepEqual(json.data.configTypes, ['intercept.v1']);
    assert.equal((await site.call('POST', '/authenticate?method=cert', { certificate: gw })).status, 200);
    const text = await site.call('POST', '/authenticate?method=cert', {
      body: '{}',
      headers: { 'content-type': 'text/plain' },
      certificate: gw,
    });
    assertRefused(text, 415, 'COULD_NOT_VALIDATE', {
      field: 'Content-Type',
      reason: 'unsupported media type "text/plain", only [application/json] are allowed',
      value: 'text/plain',
    });
    const broken = await site.call('POST', '/authenticate?method=cert', {
      body: '{',
      headers: { 'content-type': 'application/json' },
      certificate: gw,
    });
    assertRefused(broken, 400, 'COULD_NOT_PARSE_BODY');
  });

  test('no certificate, a foreign, a self-signed, one of ours that was never enrolled: all are told the same', async () => {
    verifies('FABRIC-SIGN-IN');
    const gw = await site.enrol('gw');
    const sameNames = await createCa({ trustDomain: 'vitalmesh-fabric', commonName: 'Vitalmesh trial network' });
    const keys = await newKeys();
    const selfSigned = await createCa({ trustDomain: 'self.test', commonName: gw.id });
    const forged = await identityFrom(sameNames, gw.id);
    const [leaf = ''] = forged.cert.split(/(?<=-----END CERTIFICATE-----\n)/);
    const [, trustedIntermediate = ''] = gw.cert.split(/(?<=-----END CERTIFICATE-----\n)/);
    const neverEnrolled = await identityFrom(await loadCa(join(site.home, 'ca')), gw.id);
    const others = [
      undefined,
      neverEnrolled,
      forged,
      { ...forged, cert: leaf + trustedIntermediate },
      await identityFrom(selfSigned, gw.id),
    ];
    for (const certificate of others) assertRefused(await site.authenticate(certificate), 401, 'INVALID_AUTH');
    assert.equal((await site.authenticate(gw)).status, 200);
    // The certificate without its key never gets as far as a request.
    await assert.rejects(site.authenticate({ cert: gw.cert, key: privatePem(keys) }));
  });

  test('a disabled, deleted or expired identity, or a certificate that was replaced, is refused; enabling helps', async () => {
    verifies('FABRIC-SIGN-IN');
    const gw = await site.enrol('changing');
    await site.fabric.admin.disableIdentity('changing');
    assertRefused(await site.authenticate(gw), 401, 'INVALID_AUTH');
    await site.fabric.admin.enableIdentity('changing');
    assert.equal((await site.authenticate(gw)).status, 200);

    const { jwt } = await site.fabric.admin.reissueToken('changing');
    const keys = await newKeys();
    const reply = await site.spend(jwt, await csrOf(keys, 'x'));
    const replaced = { id: gw.id, key: privatePem(keys), cert: reply.json.data.cert };
    assertRefused(await site.authenticate(gw), 401, 'INVALID_AUTH');
    assert.equal((await site.authenticate(replaced)).status, 200);

    await site.fabric.admin.deleteIdentity(gw.id);
    assertRefused(await site.authenticate(replaced), 401, 'INVALID_AUTH');

    const aged = await site.enrol('aged');
    const { validToDate } = new X509Certificate(aged.cert);
    site.clock.ahead = validToDate.getTime() - Date.now() + 60_000;
    try {
      assertRefused(await site.authenticate(aged), 401, 'INVALID_AUTH');
    } finally {
      site.clock.ahead = 0;
    }
  });

  test('other methods are refused as the real one does', async () => {
    const gw = await site.enrol('methodical');
    const post = (query: string): ReturnType<FabricSite['call']> =>
      site.call('POST', `/authenticate${query}`, { body: {}, certificate: gw });
    for (const method of ['password', 'ext-jwt']) assertRefused(await post(`?method=${method}`), 401, 'INVALID_AUTH');
    assertRefused(await post(''), 602, 'COULD_NOT_VALIDATE', { field: 'method', reason: 'method in query is required', value: '[]' });
    const reason = 'method in query should be one of [password cert ext-jwt]';
    assertRefused(await post('?method=foo'), 606, 'COULD_NOT_VALIDATE', { field: 'method', reason, value: 'foo' });
  });
});

describe('the session', () => {
  test('is shown, with or without the certificate, and stays good over a restart', async () => {
    verifies('FABRIC-SURVIVES-RESTART');
    const gw = await site.enrol('lasting', ['gateways']);
    const { id, token, headers } = await site.signIn(gw);
    for (const certificate of [gw, undefined]) {
      const { status, json } = await site.call('GET', '/current-api-session', { headers, ...(certificate && { certificate }) });
      assert.equal(status, 200);
      assert.deepEqual([json.data.id, json.data.token, json.data.identityId], [id, token, gw.id]);
    }
    const { caPem } = site.fabric;
    await site.stop();
    await site.start();
    assert.equal(site.fabric.caPem, caPem);
    const { json } = await site.call('GET', '/current-identity', { headers });
    assert.deepEqual([json.data.id, json.data.name, json.data.roleAttributes, json.meta], [gw.id, 'lasting', ['gateways'], null]);
    assert.equal(json.data.authenticators.cert.fingerprint, new X509Certificate(gw.cert).fingerprint256.replaceAll(':', '').toLowerCase());
    assert.equal((await site.authenticate(gw)).status, 200);
  });

  test('without one, with a wrong one, and with a bearer token the answer says what is wrong', async () => {
    verifies('FABRIC-CONTROLLER-AS-REAL');
    const none = await site.call('GET', '/services');
    assertRefused(none, 401, 'UNAUTHORIZED', { code: 'UNHANDLED', message: 'unauthenticated for invalid credentials' });
    const missing = 'error="missing" error_description="no matching token was provided"';
    assert.equal(none.headers['www-authenticate'], `zt-session realm="zt-session" ${missing},Bearer realm="openziti-oidc" ${missing}`);
    for (const token of ['x', '6f84ecff-5033-4b9a-8618-69189c8abbf5', "' OR '1'='1"]) {
      const wrong = await site.call('GET', '/services', { headers: { 'zt-session': token } });
      assertRefused(wrong, 401, 'UNAUTHORIZED');
      assert.equal(wrong.headers['www-authenticate'], INVALID);
    }
    const bearer = await site.call('GET', '/services', { headers: { authorization: 'Bearer x.y.z' } });
    assertRefused(bearer, 401, 'UNAUTHORIZED');
    assert.equal(bearer.headers['www-authenticate'], 'Bearer realm="openziti-oidc" error="invalid" error_description="token is invalid"');
  });

  test('ends by signing out, after half an hour without a call, and with its identity', async () => {
    const gw = await site.enrol('ending');
    const ends: (() => unknown)[] = [
      async () => {
        const { status, json } = await site.call('DELETE', '/current-api-session', { headers: session.headers });
        assert.deepEqual([status, json], [200, { data: {}, meta: {} }]);
      },
      () => {
        site.clock.ahead += 1_800_001;
      },
      () => site.fabric.admin.disableIdentity('ending'),
    ];
    let session = await site.signIn(gw);
    for (const end of ends) {
      session = await site.signIn(gw);
      await end();
      assertRefused(await site.call('GET', '/current-api-session', session), 401, 'UNAUTHORIZED');
    }
    site.clock.ahead = 0;
  });
});

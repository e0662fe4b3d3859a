import assert from 'node:assert/strict';
import { createPublicKey, verify, X509Certificate } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { verifies } from '../../../requirements.ts';
import { CALLBACK, OidcClient } from '../oidc.ts';
import { claimsOf, type Enrolled, FabricSite, type Reply } from '../site.ts';

let site: FabricSite;
let gateway: Enrolled;
let count = 0;
before(async () => {
  site = await FabricSite.start();
  gateway = await site.enrol('gw1', ['gateways']);
});
after(() => site[Symbol.asyncDispose]());

async function stranger(): Promise<{ name: string; client: OidcClient }> {
  count += 1;
  const name = `other-${count}`;
  return { name, client: new OidcClient(site, await site.enrol(name)) };
}

function assertOauth({ status, json, text }: Reply, expected: number, error: string): void {
  assert.deepEqual([status, json.error], [expected, error], text);
  assert.equal(typeof json.error_description, 'string');
}

function challengeOf({ headers }: Reply): string {
  return String(headers['www-authenticate']);
}

const INVALID = 'Bearer realm="openziti-oidc" error="invalid" error_description="token is invalid"';
const EXPIRED = 'Bearer realm="openziti-oidc" error="expired" error_description="token expired"';

describe('tokens', () => {
  test('have the claims of a real controller, its lifetimes, and a signature that its published key verifies', async () => {
    verifies('FABRIC-OIDC');
    const client = new OidcClient(site, gateway);
    const { access, refresh, id, expiresIn } = await client.tokens();
    assert.ok(expiresIn === 1799 || expiresIn === 1800);
    const sha1 = new X509Certificate(gateway.cert).fingerprint.replaceAll(':', '').toLowerCase();
    const { iat, exp, nbf, auth_time, jti, z_asid, z_authid, z_ra, ...rest } = claimsOf(access);
    assert.deepEqual(rest, {
      ...{ amr: ['cert'], aud: ['native'], client_id: 'native', iss: `${site.origin}/oidc`, scopes: ['openid', 'offline_access'] },
      ...{ sub: gateway.id, z_acf: sha1, z_aid: 'native', z_cae: true, z_cer: false, z_cfs: [sha1], z_ckrr: false, z_env: {} },
      ...{ z_iccc: false, z_ice: true, z_sdk: {}, z_t: 'a' },
    });
    assert.deepEqual([Number(exp) - Number(iat), nbf, auth_time], [1800, iat, iat]);
    for (const text of [jti, z_asid, z_authid, z_ra]) assert.match(String(text), /^\S{5,40}$/);
    const refreshed = claimsOf(refresh);
    assert.deepEqual([refreshed.z_t, Number(refreshed.exp) - Number(refreshed.iat), refreshed.z_asid], ['r', 86_400, z_asid]);
    const { nonce, name, azp, c_hash, at_hash } = claimsOf(id);
    assert.deepEqual([nonce, name, azp], ['a nonce', 'gw1', 'native']);
    for (const hash of [c_hash, at_hash]) assert.match(String(hash), /^[\w-]{22}$/);
    const [jwk] = (await client.get('/oidc/keys')).json.keys;
    const [header = '', payload = '', signature = ''] = access.split('.');
    assert.equal(JSON.parse(Buffer.from(header, 'base64url').toString()).kid, jwk.kid);
    assert.equal('d' in jwk, false);
    const key = createPublicKey({ key: jwk, format: 'jwk' });
    assert.ok(verify('sha256', Buffer.from(`${header}.${payload}`), key, Buffer.from(signature, 'base64url')));
  });

  test('what the client tells of itself stands in them, shortened', async () => {
    const client = new OidcClient(site, gateway);
    const id = await client.requestId();
    await client.post('/oidc/login/cert', {
      id,
      envOs: 'linux',
      envArch: 'x'.repeat(1000),
      sdkType: 'vitalmesh',
      username: '',
      password: '',
    });
    const code = new URL((await client.get(`/oidc/authorize/callback?id=${id}`)).headers.location ?? '').searchParams.get('code') ?? '';
    const claims = claimsOf((await client.spend(code)).json.access_token);
    assert.deepEqual([claims.z_env, claims.z_sdk], [{ arch: 'x'.repeat(128), os: 'linux' }, { type: 'vitalmesh' }]);
  });

  test('are good only beside their certificate, whatever else is shown', async () => {
    verifies('FABRIC-OIDC');
    const { access, refresh, id } = await new OidcClient(site, gateway).tokens();
    const { client: other } = await stranger();
    const good = await new OidcClient(site, gateway).call('GET', '/current-api-session', access);
    assert.deepEqual([good.status, good.json.data.identityId, good.json.data.id], [200, gateway.id, claimsOf(access).z_asid]);
    assert.ok(good.json.data.expirationSeconds >= 1790 && good.json.data.expirationSeconds <= 1800);
    for (const client of [new OidcClient(site), other]) {
      const refused = await client.call('GET', '/current-api-session', access);
      assert.deepEqual([refused.status, challengeOf(refused)], [401, INVALID]);
      assertOauth(await client.refresh(refresh), 400, 'access_denied');
    }
    const client = new OidcClient(site, gateway);
    const [head = '', , signature = ''] = access.split('.');
    const forged = [head, Buffer.from(JSON.stringify({ ...claimsOf(access), sub: 'admin' })).toString('base64url'), signature].join('.');
    for (const wrong of [refresh, id, forged, '', 'x', 'a.b.c'])
      assert.equal(
        challengeOf(await client.call('GET', '/services', wrong)),
        wrong === '' ? challengeOf(await client.get('/services')) : INVALID,
      );
  });

  test('end in time, which is told from not being good; renewed by then they go on, also with a token that was spent before', async () => {
    verifies('FABRIC-OIDC');
    await using own = await FabricSite.start();
    const client = new OidcClient(own, await own.enrol('gw'));
    const { access, refresh } = await client.tokens();
    own.clock.ahead = 1_801_000;
    const expired = await client.call('GET', '/services', access);
    assert.deepEqual([expired.status, challengeOf(expired)], [401, EXPIRED]);
    const renewed = (await client.refresh(refresh)).json;
    assert.equal((await client.call('GET', '/services', renewed.access_token)).status, 200);
    assert.equal(claimsOf(renewed.access_token).z_asid, claimsOf(access).z_asid);
    assert.notEqual(renewed.refresh_token, refresh);
    assert.deepEqual([claimsOf(renewed.id_token).nonce, claimsOf(renewed.id_token).name], [undefined, 'gw']);
    assert.equal((await client.refresh(refresh)).status, 200);
    own.clock.ahead += 86_401_000;
    assertOauth(await client.refresh(renewed.refresh_token), 400, 'invalid_grant');
  });

  test('end with the identity at once and for ever; a sign-in of the same moment is good', async () => {
    verifies('FABRIC-OIDC');
    const { name, client } = await stranger();
    const { access, refresh } = await client.tokens();
    await site.fabric.admin.disableIdentity(name);
    assert.equal(challengeOf(await client.call('GET', '/services', access)), INVALID);
    assertOauth(await client.refresh(refresh), 400, 'invalid_grant');
    assert.deepEqual((await client.logIn(await client.requestId())).status, 401);
    await site.fabric.admin.enableIdentity(name);
    const again = await client.tokens();
    assert.equal((await client.call('GET', '/services', again.access)).status, 200);
    assert.equal(challengeOf(await client.call('GET', '/services', access)), INVALID);
    await site.fabric.admin.deleteIdentity(name);
    assert.equal(challengeOf(await client.call('GET', '/services', again.access)), INVALID);
    assertOauth(await client.refresh(again.refresh), 500, 'server_error');
  });

  test('an identity that is disabled between its login and its code gets nothing', async () => {
    verifies('FABRIC-OIDC');
    const { name, client } = await stranger();
    const code = await client.code();
    await site.fabric.admin.disableIdentity(name);
    assertOauth(await client.spend(code), 400, 'invalid_grant');
  });

  test('cannot be signed out; a re-enrolment lets a running session be, as the real one does, and no new one begin', async () => {
    verifies('FABRIC-CONTROLLER-AS-REAL');
    const { name, client } = await stranger();
    const { access } = await client.tokens();
    const gone = await client.call('DELETE', '/current-api-session', access);
    assert.deepEqual([gone.status, gone.json.error.code], [404, 'NOT_FOUND']);
    const { jwt } = await site.fabric.admin.reissueToken(name);
    const { newKeys, csrOf } = await import('../site.ts');
    assert.equal((await site.spend(jwt, await csrOf(await newKeys(), name))).status, 200);
    assert.equal((await client.call('GET', '/services', access)).status, 200);
    assert.equal((await client.logIn(await client.requestId())).status, 401);
  });

  test('survive a restart of the network', async () => {
    await using own = await FabricSite.start();
    const client = new OidcClient(own, await own.enrol('gw'));
    const { access, refresh } = await client.tokens();
    await own.stop();
    await own.start();
    assert.equal((await client.call('GET', '/services', access)).status, 200);
    assert.equal((await client.refresh(refresh)).status, 200);
  });
});

describe('the steps', () => {
  test('answer as the real one: cert for who shows one, username for who does not', async () => {
    verifies('FABRIC-CONTROLLER-AS-REAL');
    const client = new OidcClient(site, gateway);
    const { status, headers, text } = await client.authorize();
    assert.deepEqual([status, headers['content-type']], [302, 'text/html; charset=utf-8']);
    assert.match(String(headers.location), /^\/oidc\/login\/cert\?authRequestID=[0-9a-f-]{36}$/);
    assert.equal(text, `<a href="${headers.location}">Found</a>.\n\n`);
    const page = await client.get(String(headers.location));
    assert.deepEqual([page.status, page.text], [200, 'please POST to this URL']);
    assert.match(String((await new OidcClient(site).authorize()).headers.location), /^\/oidc\/login\/username\?/);
    const posted = await client.post('/oidc/authorize', client.question());
    assert.match(String(posted.headers.location), /^\/oidc\/login\/cert\?/);
  });

  for (const [what, over] of [
    ['an unknown client', { client_id: 'stranger' }],
    ['a redirect to elsewhere', { redirect_uri: 'https://elsewhere.example/auth/callback' }],
    ['a redirect to another path', { redirect_uri: 'http://localhost:8080/auth/callback/x' }],
    ['a redirect to a name that begins like ours', { redirect_uri: 'http://localhost.example/auth/callback' }],
    ['no redirect', { redirect_uri: '' }],
    ['an endless state', { state: 'x'.repeat(600) }],
  ] as const)
    test(`${what} is refused where it asks`, async () => {
      verifies('FABRIC-OIDC');
      assertOauth(await new OidcClient(site, gateway).authorize(over), 400, 'invalid_request');
    });

  for (const [what, over, error] of [
    ['another flow', { response_type: 'token' }, 'unsupported_response_type'],
    ['no openid', { scope: 'offline_access' }, 'invalid_request'],
    ['no challenge', { code_challenge: '' }, 'invalid_request'],
    ['a plain challenge', { code_challenge_method: 'plain' }, 'invalid_request'],
  ] as const)
    test(`${what} is refused by the redirect`, async () => {
      verifies('FABRIC-OIDC');
      const { status, headers } = await new OidcClient(site, gateway).authorize(over);
      const location = new URL(headers.location ?? '');
      assert.equal(status, 302);
      assert.equal(`${location.origin}${location.pathname}`, CALLBACK);
      assert.deepEqual([location.searchParams.get('error'), location.searchParams.get('state')], [error, 'a state']);
    });

  for (const redirect of ['http://127.0.0.1:1/auth/callback', 'https://localhost/auth/callback', 'openziti://auth/callback'])
    test(`the redirect ${redirect} is let through`, async () => {
      assert.match(
        String((await new OidcClient(site, gateway).authorize({ redirect_uri: redirect })).headers.location),
        /^\/oidc\/login\/cert/,
      );
    });

  test('a request that nobody made, or nobody signed in to, comes to nothing', async () => {
    verifies('FABRIC-OIDC');
    const client = new OidcClient(site, gateway);
    const id = await client.requestId();
    for (const wrong of [id, 'x', '']) assertOauth(await client.get(`/oidc/authorize/callback?id=${wrong}`), 400, 'invalid_request');
    assertOauth(await client.logIn('18090786-c7cb-4624-8b46-89c7774e962a'), 400, 'invalid_request');
    const anonymous = await new OidcClient(site).logIn(id);
    assert.deepEqual([anonymous.status, anonymous.json.code, anonymous.json.error], [401, 'INVALID_AUTH', undefined]);
  });

  test('a code is good once, also when its first use was wrong', async () => {
    verifies('FABRIC-OIDC');
    const client = new OidcClient(site, gateway);
    const code = await client.code();
    assert.equal((await client.spend(code)).status, 200);
    assertOauth(await client.spend(code), 400, 'invalid_grant');
    const { client: other } = await stranger();
    for (const [by, over, error] of [
      [client, { code_verifier: 'x'.repeat(43) }, 'invalid_grant'],
      [client, { redirect_uri: 'http://localhost:1/auth/callback' }, 'invalid_grant'],
      [client, { client_id: 'openziti' }, 'invalid_client'],
      [other, { code_verifier: client.verifier }, 'access_denied'],
    ] as const) {
      const next = await client.code();
      assertOauth(await by.spend(next, over), 400, error);
      assertOauth(await client.spend(next), 400, 'invalid_grant');
    }
  });

  test('a request and a code are good for minutes only', async () => {
    verifies('FABRIC-OIDC');
    await using own = await FabricSite.start();
    const client = new OidcClient(own, await own.enrol('gw'));
    const [id, code] = [await client.requestId(), await client.code()];
    own.clock.ahead = 61_000;
    assertOauth(await client.spend(code), 400, 'invalid_grant');
    own.clock.ahead = 301_000;
    assertOauth(await client.logIn(id), 400, 'invalid_request');
  });

  test('other grants are refused; the Go SDK refreshes by token exchange, with its client id as a user', async () => {
    verifies('FABRIC-CONTROLLER-AS-REAL');
    const client = new OidcClient(site, gateway);
    assertOauth(await client.post('/oidc/oauth/token', { grant_type: 'password' }), 400, 'unsupported_grant_type');
    assertOauth(await client.post('/oidc/oauth/token', {}), 400, 'unsupported_grant_type');
    const { refresh, access } = await client.tokens();
    const type = (name: string): string => `urn:ietf:params:oauth:token-type:${name}`;
    const basic = { authorization: `Basic ${Buffer.from('native:').toString('base64')}` };
    const exchange = (subject: string, wanted: string, subjectType = 'refresh_token'): Promise<Reply> =>
      client.post(
        '/oidc/oauth/token',
        {
          grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
          subject_token: subject,
          subject_token_type: type(subjectType),
          requested_token_type: type(wanted),
        },
        basic,
      );
    const exchanged = (await exchange(refresh, 'refresh_token')).json;
    assert.equal(exchanged.issued_token_type, type('refresh_token'));
    assert.deepEqual([claimsOf(exchanged.access_token).z_t, claimsOf(exchanged.refresh_token).z_t], ['a', 'r']);
    assert.equal((await client.call('GET', '/services', exchanged.access_token)).status, 200);
    const idToken = (await exchange(refresh, 'id_token')).json;
    assert.deepEqual([idToken.token_type, claimsOf(idToken.access_token).name], ['N_A', 'gw1']);
    assertOauth(await exchange(access, 'refresh_token'), 400, 'invalid_grant');
    assertOauth(await exchange(refresh, 'saml2'), 400, 'invalid_request');
    assertOauth(await exchange(refresh, 'access_token', 'access_token'), 400, 'invalid_request');
  });

  test('discovery names what is there', async () => {
    const { json } = await new OidcClient(site).get('/oidc/.well-known/openid-configuration');
    assert.equal(json.issuer, `${site.origin}/oidc`);
    for (const [name, status] of [
      ['authorization_endpoint', 400],
      ['jwks_uri', 200],
    ] as const)
      assert.equal((await new OidcClient(site).get(new URL(json[name]).pathname)).status, status);
    assertOauth(await new OidcClient(site).post(new URL(json.token_endpoint).pathname, {}), 400, 'unsupported_grant_type');
  });

  test('a host that is no issuer finds nothing', async () => {
    verifies('FABRIC-CONTROLLER-AS-REAL');
    const client = new OidcClient(site, gateway);
    const path = `/oidc/authorize?${new URLSearchParams(client.question())}`;
    for (const host of ['controller.example', '127.0.0.1.example', '127.0.0.1:1:2', '10.0.0.1:1280'])
      assert.equal((await client.get(path, { headers: { host } })).status, 404, host);
    for (const host of ['localhost:1280', '127.0.0.1:1', '[::1]:1280'])
      assert.equal((await client.get(path, { headers: { host } })).status, 302, host);
  });

  test('bodies that are no form, and paths beside, are refused', async () => {
    const client = new OidcClient(site, gateway);
    const headers = { 'content-type': 'application/json' };
    assert.equal((await site.call('POST', '/oidc/oauth/token', { absolute: true, body: '{}', headers })).status, 415);
    assert.equal((await client.get('/oidc/oauth/token')).status, 405);
    assert.equal((await client.get('/oidc/login/username?authRequestID=x')).status, 404);
    assert.equal((await client.post('/oidc/oauth/token', { grant_type: 'x'.repeat(70_000) })).status, 413);
  });

  test('anybody may begin sign-ins without end; memory does not grow with them', async () => {
    const client = new OidcClient(site, gateway);
    const { LoginRequests } = await import('../../../../provisioning/fabric/controller/oidc/login-requests.ts');
    const logins = new LoginRequests({ now: () => 0, monotonicMs: () => 0 });
    const request = { clientId: 'native', redirectUri: CALLBACK, scopes: [], state: '', nonce: undefined, codeChallenge: client.verifier };
    const ids = Array.from({ length: 4097 }, () => logins.begin(request));
    assert.deepEqual([logins.has(ids[0] ?? ''), logins.has(ids[1] ?? '')], [false, true]);
  });
});

describe('a network without OIDC', () => {
  test('says so, and has none of it', async () => {
    verifies('FABRIC-OIDC');
    await using own = await FabricSite.start({ signIn: 'certificate' });
    const client = new OidcClient(own, await own.enrol('gw'));
    const { json } = await own.call('GET', '/version');
    assert.deepEqual([json.data.capabilities, Object.keys(json.data.apiVersions)], [[], ['edge', 'edge-client']]);
    assert.equal((await client.authorize()).status, 404);
    assert.equal((await client.refresh('x')).status, 404);
    const { access } = await new OidcClient(site, gateway).tokens();
    assert.equal(challengeOf(await client.call('GET', '/services', access)), INVALID);
  });
});

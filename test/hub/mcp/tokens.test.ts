import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JWTPayload } from 'jose';
import { verifies } from '../../requirements.ts';
import { evidenceOf } from '../../support/evidence.ts';
import { sampleBundle, sampleObservation } from '../../support/hub.ts';

import { codeOf, INITIALIZE, listen, modern, type RawHttp, rawHttp, readToEnd, requestBytes, SERVICE } from './support.ts';
import { REGISTRY, type TokenSite, tokenSite } from './token-site.ts';

const METADATA = '/.well-known/oauth-protected-resource/mcp';
const LATEST = 'vitals://patient/pat-icu-01/latest';
const READ = modern('resources/read', { uri: LATEST });
const LIST = modern('resources/read', { uri: 'vitals://patients' });

const bearer = async ({ idp }: TokenSite, claims: JWTPayload = {}): Promise<{ authorization: string }> => ({
  authorization: `Bearer ${await idp.sign(claims)}`,
});

/** Status, our code, and `WWW-Authenticate`. */
async function refusal(response: Response): Promise<[number, string | undefined, string | null]> {
  return [response.status, await codeOf(response), response.headers.get('www-authenticate')];
}

async function answered(response: Response): Promise<number> {
  await response.text();
  return response.status;
}

async function sessionOf(http: RawHttp, headers: Record<string, string>): Promise<string> {
  const response = await http.post(INITIALIZE, headers);
  await response.text();
  return response.headers.get('mcp-session-id') ?? '';
}

/** An answer that has no end of its own. */
interface Stream {
  /** All of it, once the hub has ended it. */
  whole: Promise<string>;
  /** Resolves when this has come. */
  until(text: string): Promise<void>;
}

function streamed(response: Response): Stream {
  assert.equal(response.status, 200);
  let seen = '';
  const waiting: { text: string; resolve: () => void }[] = [];
  const read = async (): Promise<string> => {
    const decoder = new TextDecoder();
    for await (const chunk of response.body ?? []) {
      seen += decoder.decode(chunk as Uint8Array, { stream: true });
      for (const one of waiting) if (seen.includes(one.text)) one.resolve();
    }
    return seen;
  };
  const whole = read();
  const until = (text: string): Promise<void> =>
    new Promise((resolve, reject) => {
      waiting.push({ text, resolve });
      if (seen.includes(text)) resolve();
      whole.then(() => reject(new Error(`it ended without ${text}`)), reject);
    });
  return { whole, until };
}

test('who needs a token is told where to get one, gets there by what the answer says, and then gets in', async () => {
  verifies('TOKEN-CHALLENGE', 'CALLER-PROVES');
  await using site = await tokenSite();
  await using http = rawHttp(site.as('ai-nurse'));
  const [status, code, challenge] = await refusal(await http.post(READ));
  assert.deepEqual([status, code], [401, 'ACCESS-TOKEN-NEEDED']);
  assert.equal(challenge, `Bearer scope="user/Observation.rs?category=vital-signs", resource_metadata="http://${SERVICE}${METADATA}"`);
  const document = await http.request('GET', METADATA);
  assert.equal(document.headers.get('content-type'), 'application/json');
  assert.deepEqual(await document.json(), {
    resource: `http://${SERVICE}/mcp`,
    authorization_servers: [site.idp.issuer.issuer],
    scopes_supported: ['user/Observation.rs?category=vital-signs'],
    bearer_methods_supported: ['header'],
    resource_name: 'Vitalmesh',
  });
  assert.equal(await answered(await http.post(READ, await bearer(site))), 200);
  await using stranger = rawHttp(site.as('ai-stranger'));
  assert.equal((await refusal(await stranger.post(READ)))[2], `Bearer resource_metadata="http://${SERVICE}${METADATA}"`);
  const { scopes_supported: both } = (await (await stranger.request('GET', METADATA)).json()) as { scopes_supported: string[] };
  assert.deepEqual(both, ['user/Observation.rs?category=vital-signs', 'system/Observation.rs?category=vital-signs']);
  for (const path of [`${METADATA}/`, '/.well-known/oauth-protected-resource', `${METADATA}?x=1`])
    assert.equal(await answered(await http.request('GET', path, await bearer(site))), 404, path);
  assert.equal(await answered(await http.request('POST', METADATA, await bearer(site), '{}')), 404);
});

test('every request shows its token anew: what the one before proved is not taken for it', async () => {
  verifies('CALLER-PROVES');
  await using site = await tokenSite();
  await using http = rawHttp(site.as('ai-nurse'));
  const good = await bearer(site);
  assert.equal(await answered(await http.post(READ, good)), 200);
  assert.deepEqual((await refusal(await http.post(READ))).slice(0, 2), [401, 'ACCESS-TOKEN-NEEDED']);
  const session = { 'mcp-session-id': await sessionOf(http, good) };
  const list = { jsonrpc: '2.0', id: 2, method: 'tools/list' };
  assert.equal(await answered(await http.post(list, { ...session, ...good })), 200);
  assert.deepEqual((await refusal(await http.post(list, session))).slice(0, 2), [401, 'ACCESS-TOKEN-NEEDED']);
});

test('a stolen token alone and a stolen identity alone open nothing', async () => {
  verifies('CALLER-PROVES', 'TENANT-EVERYWHERE');
  await using site = await tokenSite();
  const nurse = await bearer(site);
  const cases: [identity: string, headers: Record<string, string>, status: number, code: string][] = [
    ['ai-nurse', {}, 401, 'ACCESS-TOKEN-NEEDED'],
    ['ai-doctor', nurse, 403, 'ACCESS-CREDENTIALS'],
    ['ai-monitor', nurse, 403, 'ACCESS-CREDENTIALS'],
    ['ai-stranger', nurse, 403, 'ACCESS-CREDENTIALS'],
    ['gw-icu', nurse, 403, 'ACCESS-CREDENTIALS'],
    ['ai-other', nurse, 403, 'ACCESS-CREDENTIALS'],
    ['ai-nurse', await bearer(site, { sub: 'other-1' }), 403, 'ACCESS-CREDENTIALS'],
    ['ai-other', await bearer(site, { sub: 'early-warning' }), 403, 'ACCESS-CREDENTIALS'],
    ['ai-nurse', await bearer(site, { sub: 'stranger' }), 403, 'ACCESS-UNKNOWN-CALLER'],
  ];
  for (const [identity, headers, status, code] of cases) {
    await using http = rawHttp(site.as(identity));
    for (const body of [INITIALIZE, READ, listen([LATEST])])
      assert.deepEqual((await refusal(await http.post(body, headers))).slice(0, 2), [status, code], `${identity} ${status}`);
  }
  for (const name of ['ai-nurse', 'nurse-1', 'hub']) {
    await using named = rawHttp(site.as(`ai-${name}-2`, name));
    assert.equal((await refusal(await named.post(READ, nurse)))[1], 'ACCESS-CREDENTIALS', `it calls itself ${name}`);
    assert.equal((await refusal(await named.post(READ)))[1], 'ACCESS-TOKEN-NEEDED', `it calls itself ${name}`);
  }
  const shown = (await evidenceOf(site.hub.store)).filter(({ outcome }) => outcome === 'allowed');
  assert.deepEqual(shown, []);
  await using program = rawHttp(site.as('ai-stranger'));
  assert.equal(await answered(await program.post(READ, await bearer(site, { sub: 'early-warning' }))), 200);
});

test('a token that is not good is refused with 401, whatever is wrong with it, and the answer says what', async () => {
  verifies('TOKEN-CHALLENGE', 'TOKEN-ATTACKS');
  await using site = await tokenSite();
  await using http = rawHttp(site.as('ai-nurse'));
  const { authorization } = await bearer(site);
  const [head = '', payload = ''] = authorization.split('.');
  const cases: [headers: Record<string, string>, words: RegExp][] = [
    [await bearer(site, { aud: 'https://other.example' }), /it was not issued for this service/],
    [await bearer(site, { exp: site.clock.now() / 1000 - 1 }), /it has expired/],
    [await bearer(site, { nbf: site.clock.now() / 1000 + 120 }), /it is not valid yet/],
    [await bearer(site, { iss: 'https://evil.example' }), /its issuer is not known/],
    [{ authorization: `${head}.${payload}.${'A'.repeat(86)}` }, /its signature does not hold/],
    [{ authorization: 'Bearer x' }, /it is not a signed JWT/],
    [{ authorization: 'Bearer' }, /it is not a signed JWT/],
    [{ authorization: 'Basic bnVyc2U6c2VjcmV0' }, /it is not a signed JWT/],
    [{ authorization: `Bearer ${'a'.repeat(9000)}` }, /it is too long/],
  ];
  for (const [headers, words] of cases) {
    const [status, code, challenge] = await refusal(await http.post(READ, headers));
    assert.deepEqual([status, code], [401, 'ACCESS-TOKEN'], String(words));
    assert.match(challenge ?? '', /^Bearer error="invalid_token", error_description="[a-zA-Z ,]+", resource_metadata="/);
    assert.match(challenge ?? '', words);
  }
  const twice = await site.as('ai-nurse').dial(SERVICE);
  twice.write(requestBytes(READ, { authorization }).replace('\r\n\r\n', `\r\nauthorization: ${authorization}\r\n\r\n`));
  assert.match(await readToEnd(twice), /^HTTP\/1\.1 401 [\s\S]*"code":"ACCESS-TOKEN"/);
});

test('a token counts also where none is needed', async () => {
  verifies('CALLER-PROVES');
  await using site = await tokenSite();
  await using http = rawHttp(site.as('ai-monitor'));
  assert.equal(await answered(await http.post(READ)), 200);
  assert.equal((await http.post(READ, await bearer(site, { aud: 'x' }))).status, 401);
  assert.equal((await http.post(READ, { authorization: 'Bearer x' })).status, 401);
});

test('a token that is for listing alone opens no value, by no way, and each refusal says which scope it takes and is recorded', async () => {
  verifies('TOKEN-CHALLENGE', 'TOKEN-SCOPES', 'REFUSALS-RECORDED');
  await using site = await tokenSite();
  await using http = rawHttp(site.as('ai-nurse'));
  const lists = await bearer(site, {
    scope: 'openid user/Observation.s system/Observation.rs patient/Patient.rs launch/patient',
  });
  assert.equal(await answered(await http.post(LIST, lists)), 200);
  const session = { 'mcp-session-id': await sessionOf(http, lists), ...lists };
  const legacy = (method: string, params: object) => ({ jsonrpc: '2.0', id: 2, method, params });
  const tool = { name: 'get_latest_vitals', arguments: { patient: 'pat-icu-01' } };
  const attempts: [body: unknown, headers: Record<string, string>][] = [
    [READ, lists],
    [modern('tools/call', tool), lists],
    [listen([LATEST]), lists],
    [listen(['vitals://patients']), lists],
    [legacy('resources/subscribe', { uri: LATEST }), session],
    [legacy('resources/subscribe', { uri: 'vitals://patients' }), session],
    [legacy('resources/read', { uri: LATEST }), session],
    [legacy('tools/call', tool), session],
  ];
  for (const [body, headers] of attempts) {
    const [status, code, challenge] = await refusal(await http.post(body, headers));
    assert.deepEqual([status, code], [403, 'ACCESS-SCOPE'], JSON.stringify(body));
    assert.match(
      challenge ?? '',
      /^Bearer error="insufficient_scope", scope="user\/Observation\.r\?category=vital-signs", resource_metadata="/,
    );
  }
  const denied = (await evidenceOf(site.hub.store)).filter(({ outcome }) => outcome === 'denied');
  assert.deepEqual(
    denied.map(({ action, reason, principal }) => `${principal} ${action} ${reason}`),
    attempts.map(([body]) => `ai-nurse ${/subscri/.test(JSON.stringify(body)) ? 'vitals.subscribe' : 'vitals.read'} scope`),
  );
  assert.equal(site.service.status().subscriptions, 0);

  const nothing = await bearer(site, { scope: 'openid profile' });
  for (const body of [LIST, READ, modern('resources/list', {}), modern('tools/call', { name: 'find_patients', arguments: {} })])
    assert.equal((await refusal(await http.post(body, nothing)))[0], 403);
});

test('a session is of the token’s subject as well: nobody else gets into it, not with the same identity either', async () => {
  verifies('CALLER-PROVES', 'MCP-GATED');
  await using site = await tokenSite();
  await using http = rawHttp(site.as('ai-nurse'));
  const nurse = await bearer(site);
  const session = await sessionOf(http, nurse);
  const list = { jsonrpc: '2.0', id: 2, method: 'tools/list' };
  await using doctor = rawHttp(site.as('ai-doctor'));
  assert.deepEqual(
    (await refusal(await doctor.post(list, { ...(await bearer(site, { sub: 'doctor-1' })), 'mcp-session-id': session }))).slice(0, 2),
    [404, 'MCP-SESSION'],
  );
  site.reload(REGISTRY.replace('subject: nurse-1', 'subject: nurse-2'));
  const successor = await bearer(site, { sub: 'nurse-2' });
  assert.deepEqual((await refusal(await http.post(list, { ...successor, 'mcp-session-id': session }))).slice(0, 2), [404, 'MCP-SESSION']);
  assert.deepEqual((await refusal(await http.post(list, { ...nurse, 'mcp-session-id': session }))).slice(0, 2), [
    403,
    'ACCESS-UNKNOWN-CALLER',
  ]);
});

const LAPSES: Record<string, (site: TokenSite) => void> = {
  expired: ({ clock }) => clock.advance(300_000),
  revoked: ({ reload }) => reload(`${REGISTRY}revoked: [{ issuer: hospital, jti: token-1 }]\n`),
  removed: ({ reload }) => reload(REGISTRY.replace('subject: nurse-1', 'subject: nurse-2')),
  changed: ({ reload }) => reload(REGISTRY.replace('patients: [pat-icu-01]', 'patients: [pat-icu-01, pat-icu-02]')),
};
for (const [reason, lapse] of Object.entries(LAPSES)) {
  test(`streams of both revisions end when their token or row is ${reason}, though no token is seen again`, async () => {
    verifies('RIGHTS-END-STREAMS');
    await using site = await tokenSite();
    await using http = rawHttp(site.as('ai-nurse'));
    const nurse = await bearer(site);
    const modernStream = streamed(await http.post(listen([LATEST]), nurse));
    await modernStream.until('resources/updated');
    const session = { 'mcp-session-id': await sessionOf(http, nurse), ...nurse };
    const legacyStream = streamed(await http.request('GET', '/mcp', { accept: 'text/event-stream', ...session }));
    assert.equal(
      await answered(await http.post({ jsonrpc: '2.0', id: 2, method: 'resources/subscribe', params: { uri: LATEST } }, session)),
      200,
    );
    await legacyStream.until('resources/updated');
    lapse(site);
    assert.match(await modernStream.whole, new RegExp(`"vitalmesh/ended":"${reason}"`));
    await legacyStream.whole;
    const { sessions, streams, subscriptions } = site.service.status();
    assert.deepEqual([sessions, streams, subscriptions], [0, 0, 0]);
  });
}

test('a session lives on with a newer token, and ends with the newest', async () => {
  verifies('RIGHTS-END-STREAMS');
  await using site = await tokenSite();
  await using http = rawHttp(site.as('ai-nurse'));
  const id = { 'mcp-session-id': await sessionOf(http, await bearer(site)) };
  const first = await bearer(site);
  const stream = streamed(await http.request('GET', '/mcp', { accept: 'text/event-stream', ...id, ...first }));
  const subscribe = { jsonrpc: '2.0', id: 2, method: 'resources/subscribe', params: { uri: LATEST } };
  assert.equal(await answered(await http.post(subscribe, { ...id, ...first })), 200);
  await stream.until('resources/updated');
  site.clock.advance(200_000);
  assert.equal(
    await answered(await http.post({ ...subscribe, method: 'tools/list', params: {} }, { ...id, ...(await bearer(site)) })),
    200,
  );
  site.clock.advance(200_000);
  await site.hub.ingest.batch('gw-icu', sampleBundle([sampleObservation({ receivedAt: site.clock.now() })]));
  const before = site.service.status().sessions;
  site.clock.advance(100_001);
  await stream.whole;
  assert.deepEqual([before, site.service.status().sessions], [1, 0]);
});

test('a session that follows somebody ends with a request whose token lasts longer and covers less, and one that follows nobody goes on', async () => {
  verifies('TOKEN-NOT-NARROWED');
  await using site = await tokenSite();
  await using http = rawHttp(site.as('ai-nurse'));
  const list = { jsonrpc: '2.0', id: 3, method: 'tools/list', params: {} };
  for (const scope of ['user/Observation.rs?category=laboratory', 'user/Observation.s', '']) {
    for (const follows of [true, false]) {
      const wide = await bearer(site);
      const id = { 'mcp-session-id': await sessionOf(http, wide) };
      const stream = streamed(await http.request('GET', '/mcp', { accept: 'text/event-stream', ...id, ...wide }));
      const subscribe = { jsonrpc: '2.0', id: 2, method: 'resources/subscribe', params: { uri: LATEST } };
      if (follows) assert.equal(await answered(await http.post(subscribe, { ...id, ...wide })), 200);
      if (follows) await stream.until('resources/updated');
      const shorter = await bearer(site, { scope, exp: Math.floor(site.clock.now() / 1000) + 60 });
      assert.equal(await answered(await http.post(list, { ...id, ...shorter })), 200, 'the stream goes by the one that lasts longer');
      site.clock.advance(10_000);
      const answer = await http.post(list, { ...id, ...(await bearer(site, { scope })) });
      assert.equal(answer.status, follows ? 404 : 200, `${scope} ${follows}`);
      await answer.text();
      if (follows) await stream.whole;
      assert.equal(site.service.status().sessions, follows ? 0 : 1);
      if (!follows) {
        await answered(await http.request('DELETE', '/mcp', { ...id, ...(await bearer(site)) }));
        await stream.whole;
      }
    }
  }
});

test('what a token covers nothing of cannot be subscribed to, in either revision, and the refusal is recorded', async () => {
  verifies('TOKEN-NOT-NARROWED');
  await using site = await tokenSite();
  await using http = rawHttp(site.as('ai-nurse'));
  const laboratory = await bearer(site, { scope: 'user/Observation.rs?category=laboratory' });
  const session = { 'mcp-session-id': await sessionOf(http, laboratory), ...laboratory };
  const subscribe = (uri: string) => ({ jsonrpc: '2.0', id: 2, method: 'resources/subscribe', params: { uri } });
  for (const what of ['latest/spo2', 'trend/nibp_s', 'latest/nibp']) {
    const uri = `vitals://patient/pat-icu-01/${what}`;
    for (const answer of [await http.post(subscribe(uri), session), await http.post(listen([LATEST, uri]), laboratory)])
      assert.match(await answer.text(), /"code":"ACCESS-SCOPE"/, what);
  }
  for (const uri of [LATEST, 'vitals://patient/pat-icu-01/latest/glu'])
    assert.match(await (await http.post(subscribe(uri), session)).text(), /"result"/, uri);
  const denied = (await evidenceOf(site.hub.store)).filter(({ outcome }) => outcome === 'denied');
  assert.deepEqual(
    denied.map(({ action, reason }) => `${action} ${reason}`),
    Array.from({ length: 6 }, () => 'vitals.subscribe scope'),
  );
  assert.equal(site.service.status().subscriptions, 2);
});

test('whoever subscribes with a token that covers more than that of its stream, or as one that covers less comes, is not left in silence', async () => {
  verifies('TOKEN-NOT-NARROWED');
  await using site = await tokenSite();
  await using http = rawHttp(site.as('ai-nurse'));
  const scope = 'user/Observation.rs?category=laboratory';
  const subscribe = { jsonrpc: '2.0', id: 2, method: 'resources/subscribe', params: { uri: 'vitals://patient/pat-icu-01/latest/spo2' } };
  const wide = await bearer(site);
  site.clock.advance(1000);
  const narrow = await bearer(site, { scope });
  const id = { 'mcp-session-id': await sessionOf(http, narrow) };
  assert.match(await (await http.post(subscribe, { ...id, ...wide })).text(), /"code":"ACCESS-SCOPE"/);
  const other = { 'mcp-session-id': await sessionOf(http, wide) };
  const open = site.hub.door.openSubscription.bind(site.hub.door);
  site.hub.door.openSubscription = async (...args) => {
    await open(...args);
    await answered(await http.post({ jsonrpc: '2.0', id: 3, method: 'tools/list', params: {} }, { ...other, ...narrow }));
  };
  const stream = streamed(await http.request('GET', '/mcp', { accept: 'text/event-stream', ...other, ...wide }));
  await (await http.post(subscribe, { ...other, ...wide })).text().catch(() => '');
  assert.doesNotMatch(await stream.whole, /resources\/updated/);
  const { sessions, subscriptions } = site.service.status();
  assert.deepEqual([sessions, subscriptions], [1, 0]);
});

test('a right that is taken back between admission and delivery delivers nothing', async () => {
  verifies('RIGHTS-END-STREAMS');
  await using site = await tokenSite();
  const open = site.hub.door.openSubscription.bind(site.hub.door);
  site.hub.door.openSubscription = async (...args) => {
    await open(...args);
    LAPSES.revoked?.(site);
  };
  await using http = rawHttp(site.as('ai-nurse'));
  const nurse = await bearer(site);
  const whole = await streamed(await http.post(listen([LATEST]), nurse)).whole;
  assert.match(whole, /"vitalmesh\/ended":"revoked"/);
  assert.doesNotMatch(whole, /resources\/updated/);
  site.reload(REGISTRY);
  const session = { 'mcp-session-id': await sessionOf(http, nurse), ...nurse };
  const stream = streamed(await http.request('GET', '/mcp', { accept: 'text/event-stream', ...session }));
  await answered(await http.post({ jsonrpc: '2.0', id: 2, method: 'resources/subscribe', params: { uri: LATEST } }, session));
  assert.doesNotMatch(await stream.whole, /resources\/updated/);
  assert.equal(site.service.status().subscriptions, 0);
  assert.equal((await refusal(await http.post(READ, nurse)))[1], 'ACCESS-TOKEN');
});

test('an issuer whose keys cannot be had is told as that, with 503, and opens nothing', async () => {
  verifies('ISSUER-KEYS');
  await using site = await tokenSite();
  site.loseKeys();
  await using http = rawHttp(site.as('ai-nurse'));
  assert.deepEqual(await refusal(await http.post(READ, await bearer(site))), [503, 'ACCESS-ISSUER-KEYS', null]);
});

test('who is turned away is recorded and logged once, with nothing of the token, and no subject names a metric', async () => {
  verifies('REFUSALS-RECORDED', 'LOG-CLEAN');
  await using site = await tokenSite();
  const tokens: string[] = [];
  const attempt = async (identity: string, claims?: JWTPayload): Promise<void> => {
    await using http = rawHttp(site.as(identity));
    const headers = claims ? await bearer(site, { ...claims, secret: 'Erika Mustermann' }) : undefined;
    if (headers) tokens.push(headers.authorization.slice(7));
    for (let i = 0; i < 3; i += 1) await answered(await http.post(READ, headers ?? {}));
  };
  await attempt('ai-nurse');
  await attempt('ai-doctor', {});
  await attempt('ai-nurse', { aud: 'https://other.example' });
  await attempt('ai-stranger', { sub: 'stranger-1' });
  await attempt('ai-nurse', {});
  const entries = await evidenceOf(site.hub.store);
  const turned = entries.filter(({ action }) => action === 'session.open');
  assert.deepEqual(
    turned.map(({ tenant, principal, outcome, reason, role }) => `${tenant} ${principal} ${role} ${outcome} ${reason}`).sort(),
    [
      'clinic ai-doctor clinician denied ACCESS-CREDENTIALS',
      'clinic ai-nurse clinician denied audience',
      'clinic ai-stranger none denied ACCESS-UNKNOWN-CALLER',
      'other ai-stranger none denied ACCESS-UNKNOWN-CALLER',
    ],
  );
  const credentialOf = (by: string, tenant = 'clinic') =>
    turned.find(({ principal, tenant: of }) => principal === by && of === tenant)?.detail?.credential;
  const nurse = { issuer: 'hospital', subject: 'nurse-1', jti: 'token-1' };
  const stranger = { kind: 'both', overlay: 'ai-stranger', oauth: { ...nurse, subject: 'stranger-1' } };
  assert.deepEqual(credentialOf('ai-doctor'), { kind: 'both', overlay: 'ai-doctor', oauth: nurse });
  assert.deepEqual([credentialOf('ai-stranger'), credentialOf('ai-stranger', 'other')], [stranger, stranger]);
  assert.deepEqual(credentialOf('ai-nurse'), { kind: 'overlay', overlay: 'ai-nurse' }, 'nothing of a token that does not hold');
  const out = [JSON.stringify(entries), ...site.logged, JSON.stringify(site.hub.metrics.snapshot())].join('\n');
  for (const token of tokens) for (const part of token.split('.')) assert.ok(!out.includes(part));
  assert.doesNotMatch(out, /Mustermann|eyJ/);
  assert.doesNotMatch(JSON.stringify(site.hub.metrics.snapshot()), /nurse-1|stranger-1|doctor-1/);
  assert.equal(site.logged.filter((line) => line.includes('refused')).length, 3);
});

test('a stolen token is found in the evidence by its id and by the identity it came over, where it was taken and where it was not', async () => {
  verifies('TOKEN-TRACED');
  await using site = await tokenSite();
  const ask = async (identity: string, claims: JWTPayload): Promise<Response> => {
    await using http = rawHttp(site.as(identity));
    const response = await http.post(READ, await bearer(site, claims));
    return new Response(await response.text(), { status: response.status });
  };
  assert.equal((await ask('gw-icu', { sub: 'early-warning', jti: 'stolen' })).status, 200);
  assert.equal((await ask('ai-other', { sub: 'early-warning', jti: 'stolen' })).status, 403);
  const unlisted = await (await ask('ai-nurse', { sub: 'secret-subject' })).text();
  assert.match(unlisted, /issuer and subject/);
  assert.doesNotMatch(unlisted, /secret-subject|hospital/);
  site.reload(`${REGISTRY}revoked: [{ issuer: hospital, jti: stolen }]\n`);
  assert.equal((await ask('gw-icu', { sub: 'early-warning', jti: 'stolen' })).status, 401);
  const told = (await evidenceOf(site.hub.store)).flatMap(({ tenant, outcome, reason, detail }) => {
    const { kind, overlay, oauth } = detail?.credential ?? {};
    return overlay === undefined ? [] : [[tenant, outcome, reason, kind, overlay, oauth?.subject, oauth?.jti].join(' ').trimEnd()];
  });
  assert.deepEqual(told.sort(), [
    'clinic allowed granted oauth gw-icu early-warning stolen',
    'clinic denied ACCESS-CREDENTIALS both ai-other early-warning stolen',
    'clinic denied ACCESS-UNKNOWN-CALLER both ai-nurse secret-subject token-1',
    'clinic denied revoked both gw-icu early-warning stolen',
    'other denied ACCESS-CREDENTIALS overlay ai-other',
    'other denied revoked overlay gw-icu',
  ]);
});

test('a wait that goes on with a token that covers less begins anew: what the other token showed is told by none that hides it', async () => {
  verifies('TOKEN-WITHHELD', 'TOKEN-SCOPES');
  await using site = await tokenSite();
  for (const [i, vital] of ['hr', 'glu'].entries())
    await site.hub.ingest.batch('gw-icu', sampleBundle([sampleObservation({ bed: 'ICU-01', seq: i + 1, vital, value: 93 + i })]));
  await using http = rawHttp(site.as('ai-nurse'));
  const wait = async (scope: string, since?: string): Promise<string> => {
    const args = { patients: ['pat-icu-01'], timeout_seconds: 1, ...(since !== undefined && { since }) };
    const body = modern('tools/call', { name: 'wait_for_change', arguments: args });
    return await (await http.post(body, await bearer(site, { scope }))).text();
  };
  const [, since = assert.fail()] = /"since":"([^"]+)"/.exec(await wait('user/Observation.rs')) ?? [];
  const told = await wait('user/Observation.rs?category=laboratory', since);
  assert.match(told, /"wentOn":false/);
  assert.doesNotMatch(told, /hr\b/);
  assert.match(told, /"withheld":\["vital-signs"/, 'what is hidden did not stay as it was');
  assert.match(told, /does not cover vital signs[^"]*Nothing of that was watched/);
});

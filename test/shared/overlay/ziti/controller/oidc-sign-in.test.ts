import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ControllerOptions } from '../../../../../shared/overlay/ziti/controller/controller.ts';
import { openController } from '../../../../../shared/overlay/ziti/controller/controller.ts';
import { verifies } from '../../../../requirements.ts';
import { refused, type ScriptedController, scriptedController, servicePage } from '../../../../support/ziti/controller-script.ts';
import { type OidcFaults, offerOidc, tokenAnswer, unsigned } from '../../../../support/ziti/oidc-script.ts';

const STEPS = ['GET /oidc/authorize', 'POST /oidc/login/cert', 'GET /oidc/authorize/callback', 'POST /oidc/oauth/token'];

async function site(
  faults: OidcFaults = {},
  more: Partial<ControllerOptions> = {},
): Promise<AsyncDisposable & { script: ScriptedController; controller: ReturnType<typeof openController> }> {
  const stack = new AsyncDisposableStack();
  const script = stack.use(await scriptedController());
  offerOidc(script, faults);
  const limits = { refusedPauseMs: 10 };
  const controller = stack.use(openController({ identity: await script.identity(), signIn: 'oidc', limits, ...more }));
  return { script, controller, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

function lines({ lines: all }: ScriptedController): string[] {
  return all.map((line) => line.split('?')[0] ?? '');
}

function bearer(n: number, session = 1): string {
  return `Bearer ${unsigned({ sub: 'gw1', z_asid: `oidc-${session}`, z_t: 'a', n })}`;
}

test('signs in by the certificate in four steps, follows no redirect, and shows the token in every call', async () => {
  verifies('OVERLAY-OIDC-SIGN-IN');
  const clock = { now: () => 5000, monotonicMs: () => 0 };
  await using at = await site({}, { clock });
  const token = unsigned({ sub: 'gw1', z_asid: 'oidc-1', z_t: 'a', n: 1 });
  assert.deepEqual(await at.controller.signIn(), {
    ...{ kind: 'oidc', id: 'oidc-1', token, identityId: 'gw1', identityName: 'Gateway 1' },
    expiresAt: 5000 + 1_799_000,
  });
  await at.controller.services();
  assert.deepEqual(lines(at.script), [...STEPS, 'GET /services']);
  assert.ok(at.script.asked.every(({ certified }) => certified));
  assert.equal(at.script.asked.at(-1)?.headers.authorization, `Bearer ${token}`);
  const query = new URLSearchParams(at.script.asked[0]?.path.split('?')[1]);
  assert.match(query.get('code_challenge') ?? '', /^[\w-]{43}$/);
  assert.ok(query.get('state') !== query.get('nonce') && (query.get('state')?.length ?? 0) >= 22);
});

test('two sign-ins have nothing in common that was drawn', async () => {
  verifies('OVERLAY-OIDC-SIGN-IN');
  await using first = await site();
  await using second = await site();
  await Promise.all([first.controller.signIn(), second.controller.signIn()]);
  const drawn = [first, second].flatMap(({ script }) => {
    const query = new URLSearchParams(script.asked[0]?.path.split('?')[1]);
    return [query.get('state'), query.get('nonce'), query.get('code_challenge')];
  });
  assert.equal(new Set(drawn).size, 6);
});

const INVALID_AUTH = { status: 401, body: { code: 'INVALID_AUTH', message: 'The authentication request failed' } };
const ELSEWHERE = { status: 302, headers: { location: 'https://elsewhere.example/callback?code=x' } };
const FAULTS: readonly [what: string, faults: OidcFaults, code: string][] = [
  ['the identity is refused', { login: INVALID_AUTH }, 'OVERLAY-SIGN-IN'],
  ['a second factor is asked for', { login: { status: 200, headers: { 'totp-required': 'true' }, body: '' } }, 'OVERLAY-SIGN-IN'],
  ['there is no OIDC at all', { authorize: refused(404, 'NOT_FOUND') }, 'OVERLAY-UNREACHABLE'],
  ['the first redirect names no request', { authorize: { status: 302, headers: { location: '/oidc/login/cert' } } }, 'OVERLAY-UNREACHABLE'],
  ['the first redirect has no place', { authorize: { status: 302 } }, 'OVERLAY-UNREACHABLE'],
  [
    'the request is refused by a redirect',
    { authorize: { status: 302, headers: { location: 'http://localhost:8080/auth/callback?error=invalid_request' } } },
    'OVERLAY-UNREACHABLE',
  ],
  [
    'the login answers another request',
    { login: { status: 302, headers: { location: '/oidc/authorize/callback?id=other' } } },
    'OVERLAY-UNREACHABLE',
  ],
  ['the code comes for another place', { callback: () => ELSEWHERE }, 'OVERLAY-UNREACHABLE'],
  ['the state is another one', { callback: (_query, redirect) => redirect({ code: 'a.code', state: 'forged' }) }, 'OVERLAY-UNREACHABLE'],
  ['there is no code', { callback: (_query, redirect) => redirect({ error: 'access_denied' }) }, 'OVERLAY-UNREACHABLE'],
  ['the code is not good', { callback: (_query, redirect) => redirect({ code: 'spent', state: 's' }) }, 'OVERLAY-UNREACHABLE'],
  ['the nonce is another one', { tokens: (t) => tokenAnswer({ ...t, id: { ...t.id, nonce: 'forged' } }) }, 'OVERLAY-UNREACHABLE'],
  ['there is no nonce', { tokens: (t) => tokenAnswer({ ...t, id: { ...t.id, nonce: undefined } }) }, 'OVERLAY-UNREACHABLE'],
  [
    'the tokens are of two identities',
    { tokens: (t) => tokenAnswer({ ...t, access: { ...t.access, sub: 'gw2' } }) },
    'OVERLAY-UNREACHABLE',
  ],
  ['the tokens are for another client', { tokens: (t) => tokenAnswer({ ...t, id: { ...t.id, aud: ['zac'] } }) }, 'OVERLAY-UNREACHABLE'],
  [
    'a refresh token comes as access token',
    { tokens: (t) => tokenAnswer({ ...t, access: { ...t.access, z_t: 'r' } }) },
    'OVERLAY-UNREACHABLE',
  ],
  ['the life of a token is absurd', { tokens: (t) => tokenAnswer(t, 1e12) }, 'OVERLAY-UNREACHABLE'],
  ['the tokens are none', { tokens: () => ({ status: 200, body: { access_token: 'x', token_type: 'Bearer' } }) }, 'OVERLAY-UNREACHABLE'],
  ['the answer is no JSON', { tokens: () => ({ status: 200, body: '<html>' }) }, 'OVERLAY-UNREACHABLE'],
  ['the controller fails', { tokens: () => ({ status: 503, body: '' }) }, 'OVERLAY-BUSY'],
];

for (const [what, faults, code] of FAULTS)
  test(`no sign-in when ${what}: ${code}`, async () => {
    verifies('OVERLAY-OIDC-SIGN-IN');
    await using at = await site(faults);
    await assert.rejects(at.controller.signIn(), (error: Error & { code?: string }) => {
      assert.equal(error.code, code);
      // Neither code, token nor state may stand in what an operator reads.
      assert.doesNotMatch(error.message, /a\.code|eyJ|forged|spent/);
      return true;
    });
  });

test('auto takes OIDC where it is offered, the certificate session where it is not, and each can be forced', async () => {
  verifies('OVERLAY-OIDC-SIGN-IN');
  const tried = async (signIn: 'auto' | 'certificate' | 'oidc', version?: object): Promise<string> => {
    await using at = await site({}, { signIn });
    if (version) at.script.on(({ path }) => (path === '/version' ? { status: 200, ...version } : undefined));
    const { kind } = await at.controller.signIn();
    const asksFirst = lines(at.script)[0] === 'GET /version';
    return asksFirst ? `${kind}, asked` : kind;
  };
  assert.equal(await tried('auto'), 'oidc, asked');
  assert.equal(await tried('auto', { body: { data: { capabilities: ['HA_CONTROLLER'] } } }), 'certificate, asked');
  assert.equal(await tried('auto', { body: { data: { capabilities: null } } }), 'certificate, asked');
  assert.equal(await tried('auto', { body: {} }), 'certificate, asked');
  await assert.rejects(tried('auto', { body: '<html>' }), { code: 'OVERLAY-UNREACHABLE' });
  assert.equal(await tried('auto', { status: 404, body: {} }), 'certificate, asked');
  assert.equal(await tried('certificate'), 'certificate');
  assert.equal(await tried('oidc', { body: { data: { capabilities: [] } } }), 'oidc');
});

test('auto does not take silence for an answer', async () => {
  await using at = await site({}, { signIn: 'auto' });
  at.script.on(({ path }) => (path === '/version' ? { status: 503 } : undefined));
  await assert.rejects(at.controller.signIn(), { code: 'OVERLAY-BUSY' });
});

const EXPIRED = { 'www-authenticate': 'Bearer realm="openziti-oidc" error="expired" error_description="token expired"' };
const INVALID = { 'www-authenticate': 'Bearer realm="openziti-oidc" error="invalid" error_description="token is invalid"' };

/** The controller refuses the tokens that are in the list. */
function refuse({ script }: { script: ScriptedController }, tokens: readonly string[], headers: Record<string, string>): void {
  script.on(({ path, headers: { authorization = '' } }) => {
    if (!path.startsWith('/services')) return undefined;
    return tokens.includes(authorization)
      ? { ...(refused(401, 'UNAUTHORIZED') as { status: number; body: object }), headers }
      : servicePage([]);
  });
}

test('a token that the controller calls expired is renewed; the session stays, and who has channels is told', async () => {
  verifies('OVERLAY-TOKEN-RENEWED');
  await using at = await site();
  const heard: string[] = [];
  at.controller.onToken(({ id, token }) => heard.push(`${id} ${token}`));
  at.controller.onSession(() => heard.push('session'));
  refuse(at, [bearer(1)], EXPIRED);
  await at.controller.services();
  assert.deepEqual(lines(at.script), [...STEPS, 'GET /services', 'POST /oidc/oauth/token', 'GET /services']);
  assert.deepEqual(at.script.asked[5]?.body, {
    grant_type: 'refresh_token',
    client_id: 'native',
    refresh_token: unsigned({ z_t: 'r', iat: 1000, exp: 87_400, n: 1 }),
  });
  assert.deepEqual(heard, [`oidc-1 ${bearer(2).slice('Bearer '.length)}`]);
});

test('a token that the controller calls invalid is not renewed: a whole new sign-in', async () => {
  verifies('OVERLAY-TOKEN-RENEWED');
  await using at = await site();
  const heard: string[] = [];
  at.controller.onSession(({ id }) => heard.push(id));
  refuse(at, [bearer(1)], INVALID);
  await at.controller.services();
  assert.deepEqual(lines(at.script), [...STEPS, 'GET /services', ...STEPS, 'GET /services']);
  assert.deepEqual(heard, ['oidc-2']);
});

test('a brand-new token that is refused is tried once more by a sign-in a moment later, and no more', async () => {
  verifies('OVERLAY-SIGN-IN');
  await using at = await site();
  refuse(at, [bearer(1), bearer(2, 2), bearer(3, 3)], INVALID);
  await assert.rejects(at.controller.services(), { code: 'OVERLAY-SIGN-IN' });
  assert.deepEqual(lines(at.script), [...STEPS, 'GET /services', ...STEPS, 'GET /services']);
});

test('a controller that calls every token expired is not asked for ever', async () => {
  verifies('OVERLAY-SIGN-IN');
  await using at = await site();
  refuse(
    at,
    [1, 2, 3, 4].map((n) => bearer(n)),
    EXPIRED,
  );
  await assert.rejects(at.controller.services(), { code: 'OVERLAY-SIGN-IN' });
  assert.ok(at.script.asked.length <= 12, `${at.script.asked.length} requests`);
});

const RENEWAL_ENDS: readonly [what: string, answer: { status: number; body: unknown }][] = [
  [
    'another certificate',
    { status: 400, body: { error: 'access_denied', error_description: 'peer certificate fingerprint does not match token' } },
  ],
  ['a deleted identity', { status: 500, body: { error: 'server_error', error_description: 'identity with id X not found' } }],
  ['a spent token', { status: 400, body: { error: 'invalid_grant' } }],
];

for (const [what, answer] of RENEWAL_ENDS)
  test(`a renewal that is refused for ${what} is followed by a whole new sign-in`, async () => {
    verifies('OVERLAY-TOKEN-RENEWED');
    await using at = await site({ tokens: (_tokens, grant) => (grant === 'refresh_token' ? answer : undefined) });
    refuse(at, [bearer(1)], EXPIRED);
    await at.controller.services();
    assert.deepEqual(lines(at.script), [...STEPS, 'GET /services', 'POST /oidc/oauth/token', ...STEPS, 'GET /services']);
  });

test('a renewal whose answer is lost is asked for again with the same token; nobody signs in anew', async () => {
  verifies('OVERLAY-TOKEN-RENEWED');
  let lost = 0;
  await using at = await site({
    tokens: (_tokens, grant) => {
      if (grant !== 'refresh_token' || lost === 2) return undefined;
      lost += 1;
      return (response) => void response.destroy();
    },
  });
  refuse(at, [bearer(1)], EXPIRED);
  for (let i = 0; i < 2; i += 1) await assert.rejects(at.controller.services(), { code: 'OVERLAY-UNREACHABLE' });
  await at.controller.services();
  const renewals = at.script.asked.filter(({ body }) => (body as { grant_type?: string } | undefined)?.grant_type === 'refresh_token');
  assert.equal(new Set(renewals.map(({ body }) => (body as { refresh_token: string }).refresh_token)).size, 1);
  assert.equal(lines(at.script).filter((line) => line === 'GET /oidc/authorize').length, 1);
});

test('a renewal that brings the tokens of another session is not taken', async () => {
  verifies('OVERLAY-OIDC-SIGN-IN');
  await using at = await site({
    tokens: (t, grant) => (grant === 'refresh_token' ? tokenAnswer({ ...t, access: { ...t.access, z_asid: 'other' } }) : undefined),
  });
  refuse(at, [bearer(1)], EXPIRED);
  await assert.rejects(at.controller.services(), { code: 'OVERLAY-UNREACHABLE' });
});

test('there is no way to sign out of it: disposing asks the controller for nothing', async () => {
  const at = await site();
  await at.controller.signIn();
  await at[Symbol.asyncDispose]();
  assert.deepEqual(lines(at.script), STEPS);
});

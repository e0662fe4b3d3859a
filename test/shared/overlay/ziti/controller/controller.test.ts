import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openController } from '../../../../../shared/overlay/ziti/controller/controller.ts';
import { verifies } from '../../../../requirements.ts';
import { testNetwork } from '../../../../support/identities.ts';
import { madeSession, type Reply, refused, scriptedController, servicePage, signedIn } from '../../../../support/ziti/controller-script.ts';

const SERVICE = { id: 's1', name: 'vitals', permissions: ['Dial'], encryptionRequired: true };
const SIGN_IN = 'POST /authenticate?method=cert';
const LIST = 'GET /services?limit=500&offset=0';
const UNAUTHORIZED = refused(401, 'UNAUTHORIZED');

test('signs in once by certificate, and shows the session on every call', async () => {
  verifies('OVERLAY-SIGN-IN');
  await using script = await scriptedController();
  script.on(({ path }) => (path === '/sessions' ? madeSession() : undefined));
  script.on(({ path }) => (path.startsWith('/services') ? servicePage([SERVICE]) : undefined));
  await using controller = openController({ identity: await script.identity() });
  assert.deepEqual(await controller.services(), [SERVICE]);
  assert.deepEqual(await controller.createSession('s1', 'Dial'), {
    id: 'ss-1',
    token: 'ss-token',
    type: 'Dial',
    serviceId: 's1',
    routers: [{ name: 'r1', host: '127.0.0.1', port: 3022, online: true }],
  });
  assert.deepEqual(script.lines, [SIGN_IN, LIST, 'POST /sessions']);
  assert.deepEqual(
    script.asked.map(({ headers }) => headers['zt-session']),
    [undefined, 'token-1', 'token-1'],
  );
  const { body, certified } = script.asked[0] ?? {};
  assert.ok(certified);
  assert.deepEqual(Object.keys(body as object).sort(), ['configTypes', 'envInfo', 'sdkInfo']);
  assert.deepEqual(script.asked[2]?.body, { serviceId: 's1', type: 'Dial' });
});

test('the session says who we are, until when by our own clock', async () => {
  await using script = await scriptedController();
  const now = Date.UTC(2001, 0, 1);
  await using controller = openController({ identity: await script.identity(), clock: { now: () => now, monotonicMs: () => 0 } });
  assert.deepEqual(await controller.signIn(), {
    kind: 'certificate',
    id: 'session-1',
    token: 'token-1',
    identityId: 'gw1',
    identityName: 'Gateway 1',
    expiresAt: now + 1_800_000,
  });
});

test('a base address serves with its path, without it, and with a slash behind', async () => {
  await using script = await scriptedController();
  for (const path of ['', '/', '/edge/client/v1', '/edge/client/v1/']) {
    await using controller = openController({ identity: await script.identity([`https://127.0.0.1:${script.port}${path}`]) });
    assert.equal((await controller.signIn()).identityName, 'Gateway 1');
  }
});

test('all pages of services are taken, and of two with one name the first', async () => {
  await using script = await scriptedController();
  const all = Array.from({ length: 1201 }, (_, i) => ({ ...SERVICE, id: `s${i}`, name: i === 1100 ? 'vitals-7' : `vitals-${i}` }));
  script.on(({ path }) => {
    const offset = /^\/services\?limit=500&offset=(\d+)$/.exec(path)?.[1];
    return offset === undefined ? undefined : servicePage(all.slice(Number(offset), Number(offset) + 500), all.length);
  });
  await using controller = openController({ identity: await script.identity() });
  const services = await controller.services();
  assert.equal(services.length, 1200);
  assert.equal(services.find(({ name }) => name === 'vitals-7')?.id, 's7');
  assert.deepEqual(
    script.asked.slice(1).map(({ path }) => path.split('=').at(-1)),
    ['0', '500', '1000'],
  );
});

test('a controller whose pages have no end is asked no more than it helps', async () => {
  verifies('OVERLAY-CONTROLLER-BOUNDED');
  await using script = await scriptedController();
  let page = 0;
  script.on(({ path }) => {
    if (!path.startsWith('/services')) return undefined;
    const first = page * 500;
    page += 1;
    return servicePage(
      Array.from({ length: 500 }, (_, i) => ({ ...SERVICE, id: `s${first + i}`, name: `n${first + i}` })),
      1e9,
    );
  });
  await using controller = openController({ identity: await script.identity(), limits: { maxServices: 1800 } });
  assert.equal((await controller.services()).length, 1800);
  assert.equal(page, 4);
});

test('a controller that gives the first page for ever is asked twice', async () => {
  await using script = await scriptedController();
  script.on(({ path }) => (path.startsWith('/services') ? servicePage([SERVICE], 1e9) : undefined));
  await using controller = openController({ identity: await script.identity() });
  assert.deepEqual(await controller.services(), [SERVICE]);
  assert.equal(script.lines.length, 3);
});

test('the routers of this identity are those that can be reached, now or when they are online again', async () => {
  await using script = await scriptedController();
  const router = (name: string, fields: object): object => ({
    name,
    isOnline: true,
    supportedProtocols: { tls: `tls://${name}:3022` },
    ...fields,
  });
  script.on(({ path }) =>
    path.startsWith('/current-identity/edge-routers?')
      ? servicePage([router('r1', {}), router('r2', { isOnline: false }), router('r3', { disabled: true })])
      : undefined,
  );
  await using controller = openController({ identity: await script.identity() });
  assert.deepEqual(await controller.edgeRouters(), [
    { name: 'r1', host: 'r1', port: 3022, online: true },
    { name: 'r2', host: 'r2', port: 3022, online: false },
  ]);
});

const REFUSALS: [string, Reply, string, RegExp][] = [
  ['unknown service', refused(404, 'NOT_FOUND', { message: 'service with id s1 not found' }), 'OVERLAY-NO-SERVICE', /no such service/],
  [
    'the other permission only',
    refused(400, 'COULD_NOT_VALIDATE', { field: 'ServiceId', reason: 'service not found' }),
    'OVERLAY-DENIED',
    /no policy/,
  ],
  ['posture', refused(409, 'INVALID_POSTURE', { message: 'Failed', data: {} }), 'OVERLAY-DENIED', /posture check.*INVALID_POSTURE/],
  ['another field', refused(400, 'COULD_NOT_VALIDATE', { field: 'type' }), 'OVERLAY-UNREACHABLE', /400 COULD_NOT_VALIDATE/],
  ['another conflict', refused(409, 'CONFLICT'), 'OVERLAY-UNREACHABLE', /409 CONFLICT/],
  ['forbidden', refused(403, 'FORBIDDEN'), 'OVERLAY-DENIED', /403 FORBIDDEN/],
  ['too many requests', refused(429, 'RATE_LIMITED'), 'OVERLAY-BUSY', /429 RATE_LIMITED/],
  ['busy', { status: 503, body: '<html>zt-session: token-1</html>' }, 'OVERLAY-BUSY', /answered 503$/],
  ['redirect', { status: 302, headers: { location: 'https://127.0.0.1:1/' } }, 'OVERLAY-UNREACHABLE', /answered 302$/],
  ['200 in place of 201', { ...madeSession(), status: 200 } as Reply, 'OVERLAY-UNREACHABLE', /answered 200$/],
  ['no JSON', { status: 201, body: '{"data":' }, 'OVERLAY-UNREACHABLE', /cannot be read/],
  ['nested without end', { status: 201, body: '['.repeat(100_000) }, 'OVERLAY-UNREACHABLE', /cannot be read/],
  ['empty', { status: 201, body: '' }, 'OVERLAY-UNREACHABLE', /cannot be read/],
  ['another session', madeSession({ serviceId: 's2' }), 'OVERLAY-UNREACHABLE', /for another service/],
  ['a token with a line feed', madeSession({ token: 'a\nb' }), 'OVERLAY-UNREACHABLE', /data\.token is missing or malformed/],
];

for (const [name, reply, code, message] of REFUSALS) {
  test(`a session refused (${name}) is ${code}`, async () => {
    verifies('OVERLAY-CONTROLLER-BOUNDED', 'LOG-CLEAN');
    await using script = await scriptedController();
    script.on(({ path }) => (path === '/sessions' ? reply : undefined));
    await using controller = openController({ identity: await script.identity() });
    await assert.rejects(controller.createSession('s1', 'Dial'), (error: Error & { code?: string }) => {
      assert.equal(error.code, code);
      assert.match(error.message, message);
      assert.doesNotMatch(error.message, /token-1|html/);
      return true;
    });
    assert.equal(script.asked.filter(({ path }) => path === '/sessions').length, 1, 'asked once');
  });
}

const SIGN_IN_REFUSALS: [string, Reply, string, RegExp][] = [
  ['disabled, deleted, or an unknown certificate', refused(401, 'INVALID_AUTH'), 'OVERLAY-SIGN-IN', /401 INVALID_AUTH/],
  ['a second factor', signedIn({ authQueries: [{ typeId: 'TOTP', provider: 'ziti' }] }), 'OVERLAY-SIGN-IN', /second factor/],
  ['busy', refused(503, 'UNAVAILABLE'), 'OVERLAY-BUSY', /503 UNAVAILABLE/],
  ['too many requests', refused(429, 'RATE_LIMITED'), 'OVERLAY-BUSY', /429/],
  ['another API', refused(404, 'NOT_FOUND'), 'OVERLAY-UNREACHABLE', /404 NOT_FOUND/],
  ['no token', signedIn({ token: null }), 'OVERLAY-UNREACHABLE', /data\.token/],
];

for (const [name, reply, code, message] of SIGN_IN_REFUSALS) {
  test(`a sign-in refused (${name}) is ${code}, and the next call tries again`, async () => {
    verifies('OVERLAY-SIGN-IN');
    await using script = await scriptedController();
    let refusals = 1;
    script.on(({ path }) => (path.startsWith('/authenticate') && refusals-- > 0 ? reply : undefined));
    await using controller = openController({ identity: await script.identity() });
    await assert.rejects(controller.services(), { code, message });
    assert.deepEqual(script.lines, [SIGN_IN]);
    assert.deepEqual(await controller.services(), []);
  });
}

test('an identity of another network is refused', async () => {
  await using script = await scriptedController();
  const stranger = await (await testNetwork()).identity('gw1');
  const own = await script.identity();
  await using controller = openController({ identity: { ...stranger, caPem: own.caPem, controllers: own.controllers } });
  await assert.rejects(controller.signIn(), { code: 'OVERLAY-SIGN-IN' });
});

test('a session that ended in the middle is made anew, once for all calls that meet it, and the calls are repeated', async () => {
  verifies('OVERLAY-SIGN-IN');
  await using script = await scriptedController();
  let ended = false;
  script.on(({ path, headers }) =>
    ended && !path.startsWith('/authenticate') && headers['zt-session'] === 'token-1' ? UNAUTHORIZED : undefined,
  );
  await using controller = openController({ identity: await script.identity() });
  const heard: string[] = [];
  controller.onSession(({ token }) => heard.push(token));
  await controller.services();
  ended = true;
  await Promise.all(Array.from({ length: 20 }, () => controller.services()));
  assert.equal(script.lines.filter((line) => line === SIGN_IN).length, 2);
  assert.deepEqual(heard, ['token-2']);
  assert.equal((await controller.signIn()).token, 'token-2');
});

test('a brand-new session that is refused is replaced once more, after a pause', async () => {
  verifies('OVERLAY-SIGN-IN');
  await using script = await scriptedController();
  script.on(({ path, headers }) => (!path.startsWith('/authenticate') && headers['zt-session'] === 'token-1' ? UNAUTHORIZED : undefined));
  await using controller = openController({ identity: await script.identity(), limits: { refusedPauseMs: 30 } });
  assert.deepEqual(await controller.services(), []);
  assert.deepEqual(script.lines, [SIGN_IN, LIST, SIGN_IN, LIST]);
});

test('a controller that refuses every session it makes is not asked for ever', async () => {
  verifies('OVERLAY-SIGN-IN');
  await using script = await scriptedController();
  script.on(({ path }) => (path.startsWith('/services') ? UNAUTHORIZED : undefined));
  await using controller = openController({ identity: await script.identity(), limits: { refusedPauseMs: 30 } });
  const outcomes = await Promise.allSettled(Array.from({ length: 10 }, () => controller.services()));
  for (const outcome of outcomes) assert.ok(outcome.status === 'rejected' && outcome.reason.code === 'OVERLAY-SIGN-IN');
  assert.equal(script.lines.filter((line) => line === SIGN_IN).length, 2);
});

test('a controller that takes a session on one call and never on another makes nobody sign in without end', async () => {
  await using script = await scriptedController();
  script.on(({ path }) => (path === '/sessions' ? UNAUTHORIZED : undefined));
  await using controller = openController({ identity: await script.identity(), limits: { refusedPauseMs: 10 } });
  let over = false;
  const busy = async (): Promise<void> => {
    while (!over) await controller.services();
  };
  const others = busy();
  await assert.rejects(controller.createSession('s1', 'Dial'), { code: 'OVERLAY-SIGN-IN' });
  over = true;
  await others;
  assert.ok(script.asked.filter(({ path }) => path === '/sessions').length <= 3);
});

test('a session is kept alive while nobody calls', async (t) => {
  await using script = await scriptedController();
  script.on(({ path }) => (path === '/current-api-session' ? signedIn({ token: 'masked' }) : undefined));
  await using controller = openController({ identity: await script.identity(), random: () => 0 });
  const renewal = script.nextAsked(({ path }) => path === '/current-api-session');
  t.mock.timers.enable({ apis: ['setTimeout'] });
  await controller.signIn();
  // Half of the 1,800 s that the script gives.
  t.mock.timers.tick(900_000);
  const { method, headers } = await renewal;
  t.mock.timers.reset();
  assert.deepEqual([method, headers['zt-session']], ['GET', 'token-1']);
});

test('at its end the session is ended too, by good will', async () => {
  await using script = await scriptedController();
  const controller = openController({ identity: await script.identity() });
  await controller.signIn();
  await Promise.all([controller[Symbol.asyncDispose](), controller[Symbol.asyncDispose]()]);
  assert.deepEqual(script.lines, [SIGN_IN, 'DELETE /current-api-session']);
  assert.equal(script.asked[1]?.headers['zt-session'], 'token-1');
  await script.idle();
  for (const call of [controller.signIn(), controller.services(), controller.edgeRouters(), controller.createSession('s1', 'Bind')])
    await assert.rejects(call, { code: 'OVERLAY-CLOSED' });
  assert.equal(script.lines.length, 2);
});

test('who never called has nothing to end', async () => {
  await using script = await scriptedController();
  await openController({ identity: await script.identity() })[Symbol.asyncDispose]();
  assert.deepEqual(script.lines, []);
});

test('a controller that does not answer the end is not waited for', async (t) => {
  await using script = await scriptedController();
  const asked = Promise.withResolvers<void>();
  script.on(({ method }) => {
    if (method !== 'DELETE') return undefined;
    asked.resolve();
    return () => undefined;
  });
  const controller = openController({ identity: await script.identity(), limits: { signOutTimeoutMs: 2000 } });
  await controller.signIn();
  // The time does not run out before the question has arrived, however slow the machine is.
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const ended = controller[Symbol.asyncDispose]();
  await asked.promise;
  t.mock.timers.tick(2000);
  await ended;
  t.mock.timers.reset();
  await script.idle();
  assert.equal(script.lines.length, 2);
});

test('an identity that names no controller, or one that is no https address, is refused at once', async () => {
  await using script = await scriptedController();
  const cases = [[], ['http://127.0.0.1/'], ['https://user:secret@127.0.0.1/'], ['nonsense']];
  for (const controllers of cases) {
    const identity = await script.identity(controllers);
    assert.throws(() => openController({ identity }), { code: 'IDENTITY-FILE', message: /^(?!.*secret)/ });
  }
  const identity = { ...(await script.identity()), keyPem: 'no key' };
  assert.throws(() => openController({ identity }), { code: 'IDENTITY-FILE', message: /^(?!.*no key)/ });
});

import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { test } from 'node:test';
import { systemClock } from '../../../../../shared/clock.ts';
import type { CertificateController } from '../../../../../shared/overlay/ziti/controller/contract.ts';
import { type ControllerOptions, openController } from '../../../../../shared/overlay/ziti/controller/controller.ts';
import { verifies } from '../../../../requirements.ts';
import { type TestNetwork, testNetwork } from '../../../../support/identities.ts';
import { turnsUntil } from '../../../../support/until.ts';
import {
  type Asked,
  madeSession,
  type Reply,
  refused,
  type ScriptedController,
  scriptedController,
  servicePage,
  signedIn,
} from '../../../../support/ziti/controller-script.ts';
import { offerOidc } from '../../../../support/ziti/oidc-script.ts';

const SIGN_IN = 'POST /authenticate?method=cert';
const LIST = 'GET /services?limit=500&offset=0';
const END = 'DELETE /current-api-session';

/** Controllers of one network whose certificate sessions are unknown to each other, and a client whose clock stands still until told. */
interface Cluster extends AsyncDisposable {
  scripts: ScriptedController[];
  controller: CertificateController;
  logged: { level: string; controller: string; insteadOf?: string; message: string }[];
  passMs(ms: number): void;
}

async function cluster(names: readonly string[], options: Partial<ControllerOptions> = {}, listed = names.length): Promise<Cluster> {
  await using stack = new AsyncDisposableStack();
  const network = await testNetwork();
  const scripts: ScriptedController[] = [];
  for (const name of names) scripts.push(stack.use(await member(network, name)));
  const logged: Cluster['logged'] = [];
  const at = (level: string) => (fields: unknown, message?: unknown) =>
    void logged.push({ ...(fields as { controller: string; insteadOf?: string }), level, message: String(message) });
  let passedMs = 0;
  const identity = { ...(await network.identity('gw1')), controllers: scripts.slice(0, listed).map(addressOf) };
  const controller = stack.use(
    openController({
      identity,
      clock: { now: () => Date.now(), monotonicMs: () => passedMs },
      random: () => 0.5,
      log: { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') },
      ...options,
      limits: { refusedPauseMs: 0, signOutTimeoutMs: 50, ...options.limits },
    }),
  );
  const running = stack.move();
  return {
    scripts,
    controller,
    logged,
    passMs: (ms) => {
      passedMs += ms;
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

/** Knows the sessions that it made, and nobody else's. */
async function member(network: TestNetwork, name: string): Promise<ScriptedController> {
  const script = await scriptedController({ network });
  let sessions = 0;
  script.on(({ path, headers }) => {
    if (path === '/authenticate?method=cert') {
      sessions += 1;
      return signedIn({ id: `${name}-${sessions}`, token: `${name}-${sessions}` });
    }
    const token = headers['zt-session'];
    return token !== undefined && !String(token).startsWith(`${name}-`) ? refused(401, 'UNAUTHORIZED') : undefined;
  });
  return script;
}

const addressOf = ({ port }: ScriptedController): string => `https://127.0.0.1:${port}/edge/client/v1`;
const placeOf = ({ port }: ScriptedController): string => `127.0.0.1:${port}`;

/** What each was asked since the last time, in the order of the scripts. */
function since(): (scripts: readonly ScriptedController[]) => string[][] {
  const seen = new Map<ScriptedController, number>();
  return (scripts) =>
    scripts.map((script) => {
      const lines = script.lines.slice(seen.get(script) ?? 0);
      seen.set(script, script.lines.length);
      return lines;
    });
}

function two({ scripts }: Cluster): [ScriptedController, ScriptedController] {
  const [first, second] = scripts;
  assert.ok(first && second);
  return [first, second];
}

const HANGS = (): void => undefined;
const SICKNESSES: [string, Reply][] = [
  ['too many requests', refused(429, 'SERVER_TOO_MANY_REQUESTS')],
  ['a proxy that misses it', { status: 502, body: '<html>Bad Gateway</html>' }],
  ['a restart', { status: 503, body: '' }],
  ['a proxy that waited in vain', { status: 504, body: '<html>' }],
  ['a failure', { status: 500, body: '<html>Internal Server Error</html>' }],
  ['a failure without a reason', refused(500, 'UNHANDLED')],
  ['a page of somebody else', { status: 200, body: '<html>Please log in</html>' }],
  ['a page that something is not found', { status: 404, body: '<html>' }],
  ['half an answer', { status: 200, body: '{"data":[' }],
  ['a line that is cut', (response: ServerResponse) => void response.socket?.destroy()],
  ['no HTTP', (response: ServerResponse) => void response.socket?.end('garbage\r\n\r\n')],
  ['silence', HANGS],
];

for (const [what, reply] of SICKNESSES)
  for (const from of ['the sign-in on', 'a call on'] as const)
    test(`${what}, from ${from}: the next one serves the same call, and stays in use when the first is back`, async () => {
      verifies('OVERLAY-CONTROLLER-FAIL-OVER');
      // Only silence is waited for; what answers has as long as a busy machine may need.
      await using at = await cluster(['a', 'b'], { limits: { patienceMs: reply === HANGS ? 1_000 : 20_000 } });
      const [a, b] = two(at);
      const lines = since();
      let isSick = true;
      if (from === 'a call on') {
        assert.deepEqual(await at.controller.services(), []);
        assert.deepEqual(lines(at.scripts), [[SIGN_IN, LIST], []]);
      }
      a.on(() => (isSick ? reply : undefined));
      assert.deepEqual(await at.controller.services(), []);
      const expected = from === 'a call on' ? [[LIST], [LIST, SIGN_IN, LIST]] : [[SIGN_IN], [SIGN_IN, LIST]];
      assert.deepEqual(lines(at.scripts), expected);
      assert.equal(at.controller.servedLast, placeOf(b));
      isSick = false;
      for (let i = 0; i < 3; i += 1) {
        at.passMs(5 * 60_000);
        await at.controller.services();
      }
      assert.deepEqual(lines(at.scripts), [[], [LIST, LIST, LIST]]);
      assert.deepEqual(
        at.logged.filter(({ level }) => level === 'warn').map(({ controller }) => controller),
        [placeOf(a)],
        'told once',
      );
      assert.deepEqual(
        at.logged.filter(({ level }) => level === 'info'),
        [{ level: 'info', controller: placeOf(b), insteadOf: placeOf(a), message: 'another controller of the network is used' }],
        'and which one is used then',
      );
    });

test('a call that would make something is made where it can be', async () => {
  verifies('OVERLAY-CONTROLLER-FAIL-OVER');
  await using at = await cluster(['a', 'b']);
  const [a, b] = two(at);
  await at.controller.signIn();
  a.on(() => refused(503, 'UNAVAILABLE'));
  b.on(({ path, headers }) => (path === '/sessions' && headers['zt-session'] === 'b-1' ? madeSession() : undefined));
  assert.equal((await at.controller.createSession('s1', 'Dial')).token, 'ss-token');
});

test('a refusal is an answer, and nobody else is asked', async () => {
  verifies('OVERLAY-CONTROLLER-FAIL-OVER');
  await using at = await cluster(['a', 'b']);
  const [a, b] = two(at);
  a.on(({ path }) => (path === '/sessions' ? refused(404, 'NOT_FOUND') : undefined));
  await assert.rejects(at.controller.createSession('s1', 'Dial'), { code: 'OVERLAY-NO-SERVICE' });
  a.on(({ path }) => (path.startsWith('/services') ? refused(401, 'UNAUTHORIZED') : undefined));
  a.on(({ path }) => (path.startsWith('/authenticate') ? refused(401, 'INVALID_AUTH') : undefined));
  await assert.rejects(at.controller.services(), { code: 'OVERLAY-SIGN-IN' });
  assert.deepEqual(b.lines, []);
});

test('one that is silent is waited for by those who ask at once, and by nobody after them', async () => {
  verifies('OVERLAY-CONTROLLER-FAIL-OVER');
  await using at = await cluster(['a', 'b'], { limits: { patienceMs: 1_000 } });
  const [a] = two(at);
  await at.controller.signIn();
  a.on(() => HANGS);
  await Promise.all(Array.from({ length: 5 }, () => at.controller.services()));
  const asked = a.asked.length;
  await Promise.all(Array.from({ length: 5 }, () => at.controller.services()));
  assert.equal(a.asked.length, asked);
});

test('two that are silent leave time for the third, within the limits that hold unless told', async () => {
  verifies('OVERLAY-CONTROLLER-FAIL-OVER');
  await using at = await cluster(['a', 'b', 'c']);
  for (const script of at.scripts.slice(0, 2)) script.on(() => HANGS);
  assert.equal((await at.controller.signIn()).token, 'c-1');
});

test('one that drips its answer until the call is over is left for the next call', async () => {
  verifies('OVERLAY-CONTROLLER-FAIL-OVER');
  await using at = await cluster(['a', 'b'], {
    clock: systemClock,
    limits: { patienceMs: 400, callTimeoutMs: 300 },
  });
  const [a, b] = two(at);
  await at.controller.signIn();
  a.on(({ path }) =>
    path.startsWith('/services')
      ? (response) => {
          response.writeHead(200).write('{');
          const timer = setInterval(() => response.write(' '), 5);
          response.on('close', () => clearInterval(timer));
        }
      : undefined,
  );
  await assert.rejects(at.controller.services(), { code: 'OVERLAY-TIMEOUT' });
  assert.deepEqual(await at.controller.services(), []);
  assert.deepEqual(b.lines, [LIST, SIGN_IN, LIST]);
});

test('all slow alike: none is cut short for another that is no better', async () => {
  verifies('OVERLAY-CONTROLLER-FAIL-OVER');
  await using at = await cluster(['a', 'b'], { limits: { patienceMs: 100 } });
  for (const script of at.scripts)
    script.on(async () => {
      await new Promise((resolve) => setTimeout(resolve, 200));
      return undefined;
    });
  assert.equal((await at.controller.signIn()).token, 'b-1');
});

test('when none serves, the error says of each what it said; the one whose failure is longest ago is tried first', async () => {
  verifies('OVERLAY-CONTROLLER-FAIL-OVER', 'LOG-CLEAN');
  await using at = await cluster(['a', 'b', 'c']);
  const [a, b] = two(at);
  let answers: Reply[] = [refused(503, 'UNAVAILABLE'), { status: 200, body: '<html>SECRET</html>' }, (r) => void r.socket?.destroy()];
  for (const [i, script] of at.scripts.entries()) script.on(() => answers[i]);
  const said = new RegExp(`^.*: ${placeOf(a)} answered 503 UNAVAILABLE; ${placeOf(b)} answered 200, .*no JSON; 127\\.0\\.0\\.1:\\d+ \\w+$`);
  await assert.rejects(at.controller.signIn(), (error: Error & { code?: string }) => {
    assert.equal(error.code, 'OVERLAY-BUSY');
    assert.match(error.message, said);
    assert.doesNotMatch(error.message, /SECRET/);
    return true;
  });
  answers = [];
  at.passMs(1);
  await at.controller.signIn();
  assert.equal(at.controller.servedLast, placeOf(a), 'all are avoided: the least bad one is asked all the same');
});

test('one that says when to come back is not asked before, alone as it is; then it is', async () => {
  verifies('OVERLAY-CONTROLLER-RETRY-AFTER');
  await using at = await cluster(['a']);
  const [a] = at.scripts;
  assert.ok(a);
  let isBusy = true;
  a.on(() => (isBusy ? { status: 503, headers: { 'retry-after': '60' }, body: '' } : undefined));
  await assert.rejects(at.controller.services(), { code: 'OVERLAY-BUSY', message: /answered 503$/ });
  isBusy = false;
  for (const leftS of [66, 36, 6]) {
    await assert.rejects(at.controller.services(), {
      code: 'OVERLAY-BUSY',
      detail: `${placeOf(a)} asked not to be asked for another ${leftS} s`,
    });
    at.passMs(30_000);
  }
  assert.deepEqual(a.lines, [SIGN_IN]);
  assert.deepEqual(await at.controller.services(), []);
});

test('of several each is left alone for as long as it said, also when no other serves', async () => {
  verifies('OVERLAY-CONTROLLER-RETRY-AFTER');
  await using at = await cluster(['a', 'b']);
  const [a, b] = two(at);
  const busyFor = (seconds: string) => (): Reply => ({ status: 429, headers: { 'retry-after': seconds }, body: '' });
  a.on(busyFor('600'));
  await at.controller.services();
  assert.equal(at.controller.servedLast, placeOf(b));
  b.on(busyFor('30'));
  await assert.rejects(at.controller.services(), {
    code: 'OVERLAY-BUSY',
    message: /answered 429; .*:\d+ asked not to be asked for another 330 s$/,
  });
  const asked = [a.asked.length, b.asked.length];
  for (let i = 0; i < 20; i += 1) await assert.rejects(at.controller.services(), { code: 'OVERLAY-BUSY' });
  assert.deepEqual([a.asked.length, b.asked.length], asked);
  b.on(() => undefined);
  at.passMs(34_000);
  await assert.rejects(at.controller.services(), { code: 'OVERLAY-BUSY' });
  assert.deepEqual([a.asked.length, b.asked.length], [asked[0], (asked[1] ?? 0) + 1], 'five minutes are not over, half a minute is');
});

test('a session that the next one does not know, and that one too sick to make use of its own: busy, and no refusal', async () => {
  verifies('OVERLAY-CONTROLLER-FAIL-OVER');
  await using at = await cluster(['a', 'b']);
  const [a, b] = two(at);
  await at.controller.signIn();
  const lists = ({ path }: Asked): boolean => path.startsWith('/services');
  a.on((asked) => (lists(asked) ? refused(503, 'UNAVAILABLE') : undefined));
  b.on((asked) => (lists(asked) && asked.headers['zt-session'] === 'b-1' ? refused(503, 'UNAVAILABLE') : undefined));
  await assert.rejects(at.controller.services(), { code: 'OVERLAY-BUSY' });
  assert.ok(a.asked.length + b.asked.length < 12, `${a.lines} ${b.lines}`);
});

test('the end of a session that cannot be told to who made it is told to nobody in vain for long', async () => {
  const at = await cluster(['a', 'b']);
  const [a, b] = two(at);
  await at.controller.signIn();
  a.on(() => HANGS);
  await at.controller[Symbol.asyncDispose]();
  assert.deepEqual([a.lines, b.lines.filter((line) => line !== END)], [[SIGN_IN, END], []]);
  await at[Symbol.asyncDispose]();
});

test('a token of OIDC is good at each member: the next one takes it, and renews it, and nobody signs in', async () => {
  verifies('OVERLAY-CONTROLLER-FAIL-OVER', 'OVERLAY-TOKEN-RENEWED');
  const network = await testNetwork();
  await using a = await scriptedController({ network });
  await using b = await scriptedController({ network });
  offerOidc(a);
  offerOidc(b, {
    tokens: (tokens) => {
      // Of the session that the other one began.
      tokens.access = { ...tokens.access, z_asid: 'oidc-1', renewed: true };
      return undefined;
    },
  });
  const EXPIRED = { 'www-authenticate': 'Bearer realm="openziti-oidc" error="expired" error_description="token expired"' };
  await using controller = openController({ identity: await a.identity([addressOf(a), addressOf(b)]), signIn: 'oidc' });
  const sessions: string[] = [];
  controller.onSession(({ id }) => sessions.push(id));
  const { token } = await controller.signIn();
  a.on(() => ({ status: 503, body: '' }));
  let expired = false;
  b.on(({ path, headers }) =>
    expired && path.startsWith('/services') && headers.authorization === `Bearer ${token}`
      ? { status: 401, headers: EXPIRED, body: {} }
      : undefined,
  );
  assert.deepEqual(await controller.services(), []);
  assert.deepEqual(b.lines, [LIST]);
  expired = true;
  assert.deepEqual(await controller.services(), []);
  assert.deepEqual(b.lines, [LIST, LIST, 'POST /oidc/oauth/token', LIST]);
  assert.deepEqual(sessions, [], 'the session is the same one');
});

for (const [step, path] of [
  ['the second step', '/oidc/login/cert'],
  ['the last step', '/oidc/oauth/token'],
] as const)
  test(`a sign-in by OIDC that fails at ${step} begins anew with the next one, which never hears of the first half`, async () => {
    verifies('OVERLAY-CONTROLLER-FAIL-OVER', 'OVERLAY-OIDC-SIGN-IN');
    const network = await testNetwork();
    await using a = await scriptedController({ network });
    await using b = await scriptedController({ network });
    offerOidc(a);
    offerOidc(b);
    a.on((asked) => (asked.path.startsWith(path) ? { status: 502, body: '<html>' } : undefined));
    await using controller = openController({ identity: await a.identity([addressOf(a), addressOf(b)]), signIn: 'oidc' });
    assert.equal((await controller.signIn()).kind, 'oidc');
    const steps = ['/oidc/authorize', '/oidc/login/cert', '/oidc/authorize/callback', '/oidc/oauth/token'];
    assert.deepEqual(
      b.asked.map((asked) => asked.path.split('?')[0]),
      steps,
    );
  });

test('one that answers the sign-in with nonsense is no reason not to get in', async () => {
  verifies('OVERLAY-CONTROLLER-FAIL-OVER');
  await using at = await cluster(['a', 'b', 'c']);
  const [a, b] = two(at);
  a.on(() => signedIn({ token: null }));
  b.on(() => refused(404, 'NOT_FOUND'));
  assert.equal((await at.controller.signIn()).token, 'c-1');
});

const LEARNS = 'GET /controllers?limit=8&offset=0';

/** Says that the network has these controllers. */
function names(script: ScriptedController, urls: readonly string[]): void {
  const data = urls.map((url) => ({ id: url, apiAddresses: { 'edge-client': [{ url, version: 'v1' }] } }));
  script.on(({ path }) => (path.startsWith('/controllers') ? servicePage(data) : undefined));
  script.on(({ path }) => (path.startsWith('/current-identity/edge-routers') ? servicePage([]) : undefined));
}

test('a controller that the network names serves when that of the identity file does not, and gives way to no other while it does', async () => {
  verifies('OVERLAY-CONTROLLERS-LEARNED');
  await using at = await cluster(['a', 'b'], {}, 1);
  const [a, b] = two(at);
  names(a, [addressOf(a), addressOf(b)]);
  names(b, [addressOf(a), addressOf(b)]);
  await at.controller.edgeRouters();
  await turnsUntil(() => a.lines.includes(LEARNS));
  await at.controller.edgeRouters();
  assert.equal(a.lines.filter((line) => line === LEARNS).length, 1, 'asked seldom');
  assert.deepEqual(b.lines, []);
  await a[Symbol.asyncDispose]();
  assert.deepEqual(await at.controller.services(), []);
  assert.equal(at.controller.servedLast, placeOf(b));
});

test('a controller that knows no such question, or refuses it, is asked again half a day later; the session stays', async () => {
  verifies('OVERLAY-CONTROLLERS-LEARNED');
  for (const reply of [refused(404, 'NOT_FOUND'), refused(401, 'UNAUTHORIZED'), { status: 200, body: { data: 7 } }] as Reply[]) {
    await using at = await cluster(['a']);
    const [a] = at.scripts;
    assert.ok(a);
    names(a, []);
    a.on(({ path }) => (path.startsWith('/controllers') ? reply : undefined));
    const learned = (): number => a.lines.filter((line) => line === LEARNS).length;
    await at.controller.edgeRouters();
    await turnsUntil(() => learned() === 1);
    await at.controller.edgeRouters();
    assert.equal(a.lines.filter((line) => line === SIGN_IN).length, 1);
    at.passMs(11 * 60 * 60_000);
    await at.controller.edgeRouters();
    assert.equal(learned(), 1);
    at.passMs(2 * 60 * 60_000);
    while (learned() < 2) await at.controller.edgeRouters();
  }
});

test('one that was learned and that another CA vouches for is shown nothing', async () => {
  verifies('OVERLAY-CONTROLLERS-LEARNED');
  await using stranger = await scriptedController();
  await using at = await cluster(['a']);
  const [a] = at.scripts;
  assert.ok(a);
  names(a, [addressOf(stranger)]);
  await at.controller.edgeRouters();
  await turnsUntil(() => a.lines.includes(LEARNS));
  await at.controller.edgeRouters();
  a.on(() => refused(503, 'UNAVAILABLE'));
  await assert.rejects(at.controller.services(), {
    code: 'OVERLAY-BUSY',
    message: /answered 503 UNAVAILABLE; 127\.0\.0\.1:\d+ CERT_SIGNATURE_FAILURE$/,
  });
  assert.deepEqual(stranger.asked, []);
});

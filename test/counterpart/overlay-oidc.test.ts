import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { updateToken } from '../../shared/overlay/ziti/channel/update-token.ts';
import { openController } from '../../shared/overlay/ziti/controller/controller.ts';
import { tokensOf } from '../../shared/overlay/ziti/controller/oidc-answers.ts';
import { encodeFrame } from '../../shared/overlay/ziti/wire/encode.ts';
import { FrameReader } from '../../shared/overlay/ziti/wire/reader.ts';
import { verifies } from '../requirements.ts';
import { type Asked, type Reply, type ScriptedController, scriptedController } from '../support/ziti/controller-script.ts';

const RECORDINGS = join(import.meta.dirname, '../../../shared/data/overlay-transcripts');
const BASE = '/edge/client/v1';

interface Exchange {
  method: string;
  url: string;
  status: number;
  reqBody: string;
  respBody: unknown;
  respHeaders: Record<string, string | string[]>;
}

function lines<T>(name: string): T[] {
  const text = readFileSync(join(RECORDINGS, `${name}.jsonl`), 'utf8');
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as T);
}

const queryOf = (url: string): URLSearchParams => new URL(url, 'https://controller').searchParams;
const lineOf = ({ method, url }: Exchange): string => `${method} ${new URL(url).pathname.replace(BASE, '')}`;
const lineAsked = ({ method, path }: Asked): string => `${method} ${path.split('?')[0]}`;

/** The same token with one claim changed; its signature no longer fits, and our client leaves that to those who take the token. */
function withClaim(token: string, name: string, value: string): string {
  const [header, payload = '', signature] = token.split('.');
  const claims = { ...JSON.parse(Buffer.from(payload, 'base64url').toString()), [name]: value };
  return [header, Buffer.from(JSON.stringify(claims)).toString('base64url'), signature].join('.');
}

/** Plays a recording; where the controller repeats what the client drew, it repeats what ours drew. */
async function replayed(name: string): Promise<{ script: ScriptedController; pairs: [Asked, Exchange][] }> {
  const script = await scriptedController();
  const left = lines<Exchange>(name);
  const recordedQuery = queryOf(left.find((exchange) => lineOf(exchange) === 'GET /oidc/authorize')?.url ?? '');
  const pairs: [Asked, Exchange][] = [];
  let ours = new URLSearchParams();
  script.on((asked) => {
    const index = left.findIndex((exchange) => lineOf(exchange) === lineAsked(asked));
    const [exchange] = index < 0 ? [] : left.splice(index, 1);
    if (!exchange) return undefined;
    pairs.push([asked, exchange]);
    if (lineAsked(asked) === 'GET /oidc/authorize') ours = queryOf(asked.path);
    let body = String(exchange.respBody);
    if (body.includes('id_token')) {
      const tokens = JSON.parse(body);
      body = JSON.stringify({ ...tokens, id_token: withClaim(tokens.id_token, 'nonce', ours.get('nonce') ?? '') });
    }
    const headers = Object.entries(exchange.respHeaders).filter(([header]) => header !== 'Date');
    const answered = headers.map(([key, value]) => [key, String(value).replace(recordedQuery.get('state') ?? '', ours.get('state') ?? '')]);
    return { status: exchange.status, body, headers: Object.fromEntries(answered) };
  });
  return { script, pairs };
}

/** What a client draws anew each time. */
const DRAWN = ['state', 'nonce', 'code_challenge', 'code_verifier'];
/** What the Go SDK sends besides, always empty. */
const EMPTY = ['username', 'password', 'sdkAppID', 'sdkAppVersion', 'sdkBranch', 'sdkRevision'];
/** Who asks; each names itself. */
const ABOUT = /^(env|sdk)/;

function assertEquivalent([asked, recorded]: [Asked, Exchange]): void {
  const form = (entries: Iterable<[string, string]>): object =>
    Object.fromEntries(
      [...entries]
        .filter(([key]) => !EMPTY.includes(key))
        .map(([key, value]) => [key, DRAWN.includes(key) ? value.length >= 22 : ABOUT.test(key) ? value.length > 0 : value] as const)
        .sort(([a], [b]) => a.localeCompare(b)),
    );
  assert.deepEqual(form(queryOf(asked.path)), form(queryOf(recorded.url)), lineAsked(asked));
  const isForm = lineAsked(asked).startsWith('POST /oidc');
  if (isForm) assert.deepEqual(form(Object.entries(asked.body as Record<string, string>)), form(new URLSearchParams(recorded.reqBody)));
  else assert.deepEqual(asked.body, recorded.reqBody === '' ? undefined : JSON.parse(recorded.reqBody));
}

/** Copied from the recordings by hand. */
const OUTCOMES = {
  'rest-oidc-dial': {
    id: '7024b35f-1df0-44ce-bd62-d0f9ee5518f0',
    identityId: 'hc..xMvev',
    identityName: 'gw1',
    type: 'Dial',
    ends: 'rltU',
  },
  'rest-oidc-host': { id: 'd541dc15-9699-4d27-a718-cff87f1777de', identityId: 'UlMMx.vev', identityName: 'hub1', type: 'Bind' },
  'rest-posture-oidc-dial': {
    id: 'a76a2689-7555-4a17-91d1-c7a26dfc36b8',
    identityId: 'gy..x.oeo',
    identityName: 'gw2',
    type: 'Dial',
    ends: '',
  },
} as const;

for (const [name, { id, identityId, identityName, type }] of Object.entries(OUTCOMES))
  test(`${name}: the recorded answers sign us in, and our requests are those of the SDK`, async () => {
    verifies('OVERLAY-REAL-CONTROLLER');
    const { script, pairs } = await replayed(name);
    await using _script = script;
    const clock = { now: () => 0, monotonicMs: () => 0 };
    await using controller = openController({ identity: await script.identity(), signIn: 'auto', clock });
    const { token, ...session } = await controller.signIn();
    assert.deepEqual(session, { kind: 'oidc', id, identityId, identityName, expiresAt: 1_799_000 });
    assert.equal(token.length, 1753);
    const [service] = await controller.services();
    assert.ok(service?.permissions.includes(type));
    assert.equal(pairs.at(-1)?.[0].headers.authorization, `Bearer ${token}`);
    assert.deepEqual(
      pairs.map(([asked]) => lineAsked(asked)),
      [
        ...['GET /version', 'GET /oidc/authorize', 'POST /oidc/login/cert', 'GET /oidc/authorize/callback', 'POST /oidc/oauth/token'],
        'GET /services',
      ],
    );
    for (const pair of pairs) assertEquivalent(pair);
  });

/** Of `rest-cert-extend`, recorded by hand; its bodies are parsed already. */
function byHand(line: string, status: number): Exchange[] {
  return lines<Exchange>('rest-cert-extend').filter(
    (exchange) => `${exchange.method} ${exchange.url}` === line && exchange.status === status,
  );
}

test('rest-cert-extend: renewed tokens are of the same session, without a nonce', () => {
  verifies('OVERLAY-REAL-CONTROLLER');
  const exchange = byHand('POST /oidc/oauth/token', 200).find(({ reqBody }) => reqBody.startsWith('grant_type=refresh_token'));
  const { accessToken, refreshToken, ...rest } = tokensOf(exchange?.respBody, 'native');
  assert.deepEqual(rest, {
    ...{ sessionId: '72480af4-453f-4ae8-930e-a0a4d2f94c9f', identityId: '1X28oxtUtz', identityName: 'ext-oidc', nonce: undefined },
    ...{ accessLifetimeMs: 1_799_000, refreshLifetimeMs: 86_400_000 },
  });
  assert.notEqual(accessToken, refreshToken);
});

test('rest-cert-extend: a login that is refused is a refusal, and so is a renewal with another certificate', async () => {
  verifies('OVERLAY-REAL-CONTROLLER');
  const [refusedLogin] = byHand('POST /oidc/login/cert', 401);
  const [refusedRenewal] = byHand('POST /oidc/oauth/token', 400);
  const [unauthorized] = byHand(`GET ${BASE}/current-api-session`, 401);
  assert.ok(refusedLogin && refusedRenewal && unauthorized);
  const { script } = await replayed('rest-oidc-dial');
  await using _script = script;
  await using controller = openController({ identity: await script.identity(), signIn: 'oidc', limits: { refusedPauseMs: 10 } });
  await controller.signIn();
  const answers: Record<string, Exchange> = { '/oidc/oauth/token': refusedRenewal, '/oidc/login/cert': refusedLogin };
  const authorize = lines<Exchange>('rest-oidc-dial').find((exchange) => lineOf(exchange) === 'GET /oidc/authorize');
  script.on(({ path }): Reply | undefined => {
    if (path.startsWith('/oidc/authorize?')) return { status: 302, headers: { location: String(authorize?.respHeaders.Location) } };
    const exchange = answers[path];
    if (exchange) return { status: exchange.status, body: exchange.respBody };
    if (!path.startsWith('/services')) return undefined;
    const expired = String(unauthorized.respHeaders['Www-Authenticate']).replace('"invalid"', '"expired"');
    return { status: 401, body: unauthorized.respBody, headers: { 'www-authenticate': expired } };
  });
  const before = script.asked.length;
  await assert.rejects(controller.services(), { code: 'OVERLAY-SIGN-IN', message: /401/ });
  assert.deepEqual(
    script.asked.slice(before).map((asked) => lineAsked(asked)),
    ['GET /services', 'POST /oidc/oauth/token', 'GET /oidc/authorize', 'POST /oidc/login/cert'],
  );
});

interface RecordedFrame {
  dir: string;
  conn: number;
  ct: number;
  seq: number;
  hex: string;
}

for (const [recording, success] of [
  ['R-token-lifetimes', true],
  ['L-cert-extend-channels', false],
] as const)
  test(`${recording}: a token is shown in the very frame that was recorded, and the answer is understood`, async () => {
    verifies('OVERLAY-REAL-ROUTER');
    const frames = lines<RecordedFrame>(recording);
    const shown = frames.find(({ ct }) => ct === 60803);
    const answer = frames.find(({ ct, conn }) => ct === (success ? 60801 : 60802) && conn === shown?.conn);
    assert.ok(shown && answer);
    const bytes = Buffer.from(shown.hex, 'hex');
    const token = bytes.toString('latin1', 20 + bytes.readUInt32LE(12));
    let sent = '';
    const showing = updateToken(
      {
        request: async (frame) => {
          sent = encodeFrame(frame, shown.seq).toString('hex');
          const [reply] = [...new FrameReader().push(Buffer.from(answer.hex, 'hex'))];
          assert.ok(reply);
          return reply;
        },
      },
      token,
      new AbortController().signal,
    );
    if (success) await showing;
    else
      await assert.rejects(showing, {
        code: 'OVERLAY-SESSION',
        message: /UpdateTokenFailure.*API session id does not match|API session id does not match/,
      });
    assert.equal(sent, shown.hex);
  });

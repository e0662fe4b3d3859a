import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { lifetimeOf } from '../../shared/overlay/ziti/controller/answers.ts';
import { openController } from '../../shared/overlay/ziti/controller/controller.ts';
import { verifies } from '../requirements.ts';
import { type Asked, type ScriptedController, scriptedController } from '../support/ziti/controller-script.ts';

const RECORDINGS = join(import.meta.dirname, '../../../shared/data/overlay-transcripts');
const BASE = '/edge/client/v1';

/** One exchange of the Go SDK 1.7 with a controller 2.0.3, as it was recorded. */
interface Exchange {
  method: string;
  url: string;
  status: number;
  reqHeaders: Record<string, string[]>;
  reqBody: string;
  respBody: string;
  respHeaders: Record<string, string[]>;
}

function recording(name: string): Exchange[] {
  return readFileSync(join(RECORDINGS, `${name}.jsonl`), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Exchange);
}

const lineOf = ({ method, url }: Exchange): string => `${method} ${new URL(url).pathname.replace(BASE, '')}`;
const lineAsked = ({ method, path }: Asked): string => `${method} ${path.split('?')[0]}`;

/** Plays a recording: each request gets the answer recorded for the first of its kind that was not answered yet. */
async function replayed(name: string): Promise<{ script: ScriptedController; pairs: [Asked, Exchange][] }> {
  const script = await scriptedController();
  const left = recording(name);
  const pairs: [Asked, Exchange][] = [];
  script.on((asked) => {
    const index = left.findIndex((exchange) => lineOf(exchange) === lineAsked(asked));
    const [exchange] = index < 0 ? [] : left.splice(index, 1);
    if (!exchange) return undefined;
    pairs.push([asked, exchange]);
    const headers = Object.entries(exchange.respHeaders).filter(([header]) => header !== 'Date');
    return {
      status: exchange.status,
      body: exchange.respBody,
      headers: Object.fromEntries(headers.map(([key, [value]]) => [key, value ?? ''])),
    };
  });
  return { script, pairs };
}

/** The header of a recorded request, in the case of any. */
function recordedHeader({ reqHeaders }: Exchange, name: string): string | undefined {
  return Object.entries(reqHeaders).find(([key]) => key.toLowerCase() === name)?.[1][0];
}

/** Method, path, the meaning of the query, the headers that a controller looks at, and the body: as the SDK sent them. */
function assertEquivalent([asked, recorded]: [Asked, Exchange]): void {
  const query = (url: string): string[][] => [...new URL(url, 'https://controller').searchParams].sort();
  assert.equal(lineAsked(asked), lineOf(recorded));
  assert.deepEqual(query(asked.path), query(recorded.url));
  for (const header of ['accept', 'content-type', 'zt-session', 'authorization'])
    assert.equal(asked.headers[header], recordedHeader(recorded, header), header);
  if (asked.path.startsWith('/authenticate')) assertSameShape(asked.body, JSON.parse(recorded.reqBody));
  else assert.deepEqual(asked.body, recorded.reqBody === '' ? undefined : JSON.parse(recorded.reqBody));
}

/** Who we are differs, what we tell of it does not: the same fields of the same kinds; `configTypes` besides, as the C SDK sends it. */
function assertSameShape(body: unknown, recorded: Record<string, Record<string, unknown>>): void {
  const { configTypes, ...ours } = body as typeof recorded;
  assert.deepEqual(configTypes, []);
  const shape = (value: typeof recorded): unknown =>
    Object.entries(value).map(([part, fields]) => [part, Object.entries(fields).map(([field, entry]) => [field, typeof entry])]);
  assert.deepEqual(shape(ours), shape(recorded));
}

const ROUTER = { name: 'router-instance-1', host: '127.0.0.1', port: 23022, online: true };

/** What a recording holds, copied from it by hand. */
interface Outcome {
  session: { id: string; token: string; identityId: string; identityName: string };
  /** `name permission`, with an asterisk when encryption is required. */
  services: string[];
  serviceSession: { id: string; serviceId: string; type: 'Dial' | 'Bind'; tokenEndsWith: string };
}

const OUTCOMES: Record<string, Outcome> = {
  'rest-legacy-dial': {
    session: {
      id: 'cmwqgmtxr0063e37d1g2jfc2i',
      token: 'de88054d-7851-4af0-8ef4-14f679a2bf2c',
      identityId: 'hc..xMvev',
      identityName: 'gw1',
    },
    services: ['ziti-none Dial *', 'vitals-ingest Dial *', 'plain-svc Dial', 'mcp Dial *'],
    serviceSession: { id: 'cmwqgmtyt0065e37dpvefa5w0', serviceId: '26rSpdnkfVVzftWGYZZBgs', type: 'Dial', tokenEndsWith: '3jnTCVSCbmvs' },
  },
  'rest-legacy-host': {
    session: {
      id: 'cmwqgmtrk0060e37dfstoue3s',
      token: '3f050c59-2f5c-4f09-bb73-4cfb03ce5761',
      identityId: 'UlMMx.vev',
      identityName: 'hub1',
    },
    services: ['ziti-none Bind *', 'vitals-ingest Bind *', 'plain-svc Bind', 'mcp Bind *'],
    serviceSession: { id: 'cmwqgmts70062e37d23bzi1tq', serviceId: '26rSpdnkfVVzftWGYZZBgs', type: 'Bind', tokenEndsWith: 'NdNk0bnADmX4' },
  },
  'rest-C-legacy-dial': {
    session: {
      id: 'cmwqgn5i5006re37ddn8v74qi',
      token: 'cc5b3f95-2ed5-48ab-975d-8eab96d11a9b',
      identityId: 'hc..xMvev',
      identityName: 'gw1',
    },
    services: ['ziti-none Dial *', 'vitals-ingest Dial *', 'plain-svc Dial', 'mcp Dial *'],
    serviceSession: { id: 'cmwqgn5im006te37dawksesn4', serviceId: '1efLFJ67omFEPywgNMJFWA', type: 'Dial', tokenEndsWith: 'OwFNVtA-U-q4' },
  },
  'rest-posture-legacy-dial': {
    session: {
      id: 'cmwqgopj40098e37dxwm2n4w9',
      token: '103051a9-9ef6-42eb-9a87-6abf493f6d9a',
      identityId: 'gy..x.oeo',
      identityName: 'gw2',
    },
    services: ['posture-fail Dial', 'ziti-none Dial *', 'vitals-ingest Dial *', 'plain-svc Dial', 'mcp Dial *', 'posture-svc Dial'],
    serviceSession: { id: 'cmwqgopjk009ae37d78vc29rt', serviceId: 'jJSpWYVx3qoZnfr9oy672', type: 'Dial', tokenEndsWith: '4C1AYXdyB8Q8' },
  },
};

for (const [name, { session, services, serviceSession }] of Object.entries(OUTCOMES)) {
  test(`${name}: the recorded answers give the recorded outcome, and our requests are those of the SDK`, async () => {
    verifies('OVERLAY-REAL-CONTROLLER');
    const { script, pairs } = await replayed(name);
    await using _script = script;
    const clock = { now: () => 0, monotonicMs: () => 0 };
    await using controller = openController({ identity: await script.identity(), clock });
    assert.deepEqual(await controller.signIn(), { kind: 'certificate', ...session, expiresAt: 1_800_000 });
    const listed = await controller.services();
    assert.deepEqual(
      listed.map((service) => [service.name, ...service.permissions, ...(service.encryptionRequired ? ['*'] : [])].join(' ')),
      services,
    );
    const { tokenEndsWith, serviceId, type, id } = serviceSession;
    const { token, ...made } = await controller.createSession(serviceId, type);
    assert.deepEqual(made, { id, serviceId, type, routers: [ROUTER] });
    assert.ok(token.length > 1000 && token.endsWith(tokenEndsWith));
    assert.deepEqual(
      pairs.map(([asked]) => lineAsked(asked)),
      ['POST /authenticate', 'GET /services', 'POST /sessions'],
    );
    for (const pair of pairs) assertEquivalent(pair);
  });
}

test('rest-posturefail-legacy-dial: a failing posture check is a refusal, and we ask once where the SDK asked 13 times', async () => {
  verifies('OVERLAY-REAL-CONTROLLER');
  assert.equal(recording('rest-posturefail-legacy-dial').filter(({ status }) => status === 409).length, 13);
  const { script, pairs } = await replayed('rest-posturefail-legacy-dial');
  await using _script = script;
  await using controller = openController({ identity: await script.identity() });
  const service = (await controller.services()).find(({ name }) => name === 'posture-fail');
  assert.equal(service?.id, '18PHq5f2jtAByFtuT8s40i');
  await assert.rejects(controller.createSession('18PHq5f2jtAByFtuT8s40i', 'Dial'), { code: 'OVERLAY-DENIED', message: /INVALID_POSTURE/ });
  assert.deepEqual(
    pairs.map(([asked]) => lineAsked(asked)),
    ['POST /authenticate', 'GET /services', 'POST /sessions'],
  );
  for (const pair of pairs) assertEquivalent(pair);
});

/** `rest-cert-extend` was recorded by hand; its bodies are parsed already. */
function answersTo(line: string, status: number): unknown[] {
  return readFileSync(join(RECORDINGS, 'rest-cert-extend.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((row) => JSON.parse(row) as { method: string; url: string; status: number; respBody: unknown })
    .filter((row) => `${row.method} ${row.url}` === line && row.status === status)
    .map(({ respBody }) => respBody);
}

test('rest-cert-extend: a session kept alive has its whole life again', () => {
  verifies('OVERLAY-REAL-CONTROLLER');
  const [answer] = answersTo(`GET ${BASE}/current-api-session`, 200);
  assert.equal(lifetimeOf(answer), 1_800_000);
});

test('rest-cert-extend: a certificate that is good no more, and a session that is none, are refusals', async () => {
  verifies('OVERLAY-REAL-CONTROLLER');
  const [invalidAuth] = answersTo(`POST ${BASE}/authenticate?method=cert`, 401);
  const [unauthorized] = answersTo(`GET ${BASE}/current-api-session`, 401);
  await using script = await scriptedController();
  await using controller = openController({ identity: await script.identity(), limits: { refusedPauseMs: 10 } });
  script.on(({ path }) => (path.startsWith('/services') ? { status: 401, body: unauthorized } : undefined));
  await assert.rejects(controller.services(), { code: 'OVERLAY-SIGN-IN', message: /401 UNAUTHORIZED/ });
  script.on(({ path }) => (path.startsWith('/authenticate') ? { status: 401, body: invalidAuth } : undefined));
  await assert.rejects(controller.services(), { code: 'OVERLAY-SIGN-IN', message: /401 INVALID_AUTH/ });
});

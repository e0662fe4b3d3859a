import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type Enrolled, FabricSite, type Reply } from '../provisioning/fabric/site.ts';
import { verifies } from '../requirements.ts';

const RECORDINGS = join(import.meta.dirname, '..', '..', '..', 'shared', 'data', 'overlay-transcripts');

/** One recorded exchange with a real 2.0.3 controller; header names and bodies are as their recorder wrote them. */
interface Exchange {
  method: string;
  url?: string;
  path?: string;
  reqHeaders?: Record<string, string | string[]>;
  reqBody?: unknown;
  status: number;
  respHeaders: Record<string, string | string[]>;
  respBody: unknown;
}

function recorded(name: string): Exchange[] {
  return readFileSync(join(RECORDINGS, `${name}.jsonl`), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Exchange);
}

function pathOf({ url, path }: Exchange): string {
  const { pathname, search } = new URL(url ?? path ?? '', 'https://127.0.0.1');
  return pathname + search;
}

function bodyOf(body: unknown): unknown {
  if (typeof body !== 'string') return body;
  try {
    return JSON.parse(body);
  } catch {
    return body;
  }
}

/** Headers whose presence a client goes by. */
const COUNT = [
  ...['content-type', 'content-transfer-encoding', 'zt-session', 'expires-at', 'expiration-seconds', 'www-authenticate'],
  ...['location', 'auth-request-id'],
];

function headersThatCount(headers: object): string[] {
  return Object.keys(headers)
    .map((name) => name.toLowerCase())
    .filter((name) => COUNT.includes(name))
    .sort();
}

/** What the embedded controller leaves out on purpose: the management and fabric parts of a real one. */
const LEFT_OUT = new Set(['edge-management', 'fabric']);

/** Keys and types of a value; the elements of a list are one form, the form of the first. */
function formOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.length === 0 || typeof value[0] === 'string' ? ['list'] : [formOf(value[0])];
  if (value === null || typeof value !== 'object') return value === null ? 'null' : typeof value;
  const entries = Object.entries(value).filter(([key]) => !LEFT_OUT.has(key));
  return Object.fromEntries(entries.map(([key, item]) => [key, formOf(item)]));
}

let site: FabricSite;
let gateway: Enrolled;
let hub: Enrolled;
before(async () => {
  site = await FabricSite.start();
  gateway = await site.enrol('gw1', ['gateways']);
  hub = await site.enrol('hub1', ['hubs']);
  const { admin } = site.fabric;
  for (const name of ['ziti-none', 'vitals-ingest', 'plain-svc', 'mcp'])
    await admin.createService({ name, encryptionRequired: name !== 'plain-svc' });
  await admin.createPolicy({ name: 'dial', type: 'Dial', identityRoles: ['#gateways'], serviceRoles: ['#all'] });
  await admin.createPolicy({ name: 'bind', type: 'Bind', identityRoles: ['#hubs'], serviceRoles: ['#all'] });
});
after(() => site[Symbol.asyncDispose]());

/** Sends the recorded requests in their order, with this network's ids, tokens and keys in place of the recorded ones. */
class Replay {
  readonly #certificate: Enrolled | undefined;
  readonly #ours = new Map<string, string>();

  constructor(certificate?: Enrolled) {
    this.#certificate = certificate;
  }

  async send(exchange: Exchange, body = exchange.reqBody): Promise<Reply> {
    const headers = Object.entries(exchange.reqHeaders ?? {}).map(([name, value]) => [name, this.#translated(String(value))]);
    const given = typeof body === 'string' ? body : body === null || body === undefined ? undefined : JSON.stringify(body);
    const reply = await site.call(exchange.method, this.#translated(pathOf(exchange)), {
      absolute: true,
      headers: Object.fromEntries(headers),
      ...(given !== undefined && { body: this.#translated(given) }),
      ...(this.#certificate && { certificate: this.#certificate }),
    });
    this.#learn(bodyOf(exchange.respBody), reply.json);
    this.#learnRedirect(locationOf(exchange.respHeaders), locationOf(reply.headers));
    return reply;
  }

  /** What a redirect carries comes back in the next request. */
  #learnRedirect(theirs: URLSearchParams, ours: URLSearchParams): void {
    for (const [key, value] of theirs) {
      const other = ours.get(key);
      if (other) this.#ours.set(value, other);
    }
  }

  translate(from: string, to: string): void {
    this.#ours.set(from, to);
  }

  #translated(text: string): string {
    let result = text;
    for (const [from, to] of this.#ours) result = result.replaceAll(from, to);
    return result;
  }

  /** Ids and tokens stand at the same place in both answers; entities of a list are matched by name. */
  #learn(theirs: unknown, ours: unknown): void {
    if (typeof theirs !== 'object' || theirs === null || typeof ours !== 'object' || ours === null) return;
    if (Array.isArray(theirs) && Array.isArray(ours)) {
      for (const item of theirs)
        this.#learn(
          item,
          ours.find((other) => other?.name === item?.name),
        );
      return;
    }
    for (const [key, value] of Object.entries(theirs)) {
      const other = (ours as Record<string, unknown>)[key];
      if (LEARNT.includes(key) && typeof value === 'string' && typeof other === 'string') this.#ours.set(value, other);
      else this.#learn(value, other);
    }
  }
}

const LEARNT = ['id', 'token', 'access_token', 'refresh_token'];

function locationOf(headers: object): URLSearchParams {
  const location = Object.entries(headers).find(([name]) => name.toLowerCase() === 'location')?.[1];
  return URL.parse(String(location ?? ''), 'https://x')?.searchParams ?? new URLSearchParams();
}

function assertAlike(reply: Reply, exchange: Exchange): void {
  const what = `${exchange.method} ${pathOf(exchange)}`;
  assert.equal(reply.status, exchange.status, `${what}: ${reply.text}`);
  assert.deepEqual(headersThatCount(reply.headers), headersThatCount(exchange.respHeaders), what);
  const theirs = bodyOf(exchange.respBody);
  assert.deepEqual(formOf(typeof theirs === 'string' ? reply.text : reply.json), formOf(theirs), what);
}

describe('recorded exchanges with a real controller, at the embedded one', () => {
  for (const name of ['rest-legacy-dial', 'rest-legacy-host', 'rest-C-legacy-dial', 'rest-oidc-dial', 'rest-oidc-host', 'rest-C-oidc-dial'])
    test(`${name}: the same statuses, headers and forms`, async () => {
      verifies('FABRIC-CONTROLLER-AS-REAL');
      const exchanges = recorded(name);
      assert.ok(exchanges.length >= 6);
      const replay = new Replay(name.endsWith('host') ? hub : gateway);
      for (const exchange of exchanges) assertAlike(await replay.send(exchange), exchange);
    });

  test('rest-enroll-gw1: the CA bundle and a certificate for a request of the Go SDK, as it was recorded', async () => {
    const [bundle, enrolment, ...rest] = recorded('rest-enroll-gw1');
    assert.ok(bundle && enrolment);
    assert.deepEqual(rest, []);
    const replay = new Replay();
    assertAlike(await replay.send(bundle), bundle);
    const { jwt } = await site.fabric.admin.createIdentity({ name: 'recorded' });
    const { jti } = JSON.parse(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString());
    replay.translate('6f84ecff-5033-4b9a-8618-69189c8abbf5', jti);
    const reply = await replay.send(enrolment);
    assertAlike(reply, enrolment);
    const certificates = (pem: string): number => pem.match(/-----BEGIN CERTIFICATE-----/g)?.length ?? 0;
    const theirs = bodyOf(enrolment.respBody) as { data: { cert: string } };
    assert.equal(certificates(reply.json.data.cert), certificates(theirs.data.cert));
    assert.equal((await replay.send(enrolment)).json.error.code, 'INVALID_ENROLLMENT_TOKEN');
  });

  test('rest-cert-extend: current session and identity of a certificate session', async () => {
    const wanted = ['/edge/client/v1/current-api-session', '/edge/client/v1/current-identity'];
    const exchanges = recorded('rest-cert-extend').filter(
      (exchange) => exchange.method === 'GET' && exchange.status === 200 && wanted.includes(pathOf(exchange)),
    );
    const { headers } = await site.signIn(gateway);
    for (const path of wanted) {
      const exchange = exchanges.find((other) => pathOf(other) === path);
      assert.ok(exchange, path);
      assertAlike(await new Replay().send({ ...exchange, reqHeaders: headers }), exchange);
    }
  });

  test('rest-mgmt-auth: refusals with and without a session, on paths both have', async () => {
    const refused = recorded('rest-mgmt-auth').filter(({ status }) => status === 401 || status === 602 || status === 606);
    const asClient = refused.flatMap((exchange) => {
      const path = pathOf(exchange).replace('/edge/management/v1', '/edge/client/v1');
      if (path.includes('/authenticate')) return [{ ...exchange, path, url: path }];
      // Identities are not listed to clients; services are.
      return [{ ...exchange, path: '/edge/client/v1/services', url: '/edge/client/v1/services' }];
    });
    assert.ok(asClient.length >= 5);
    for (const exchange of asClient) {
      const headers = Object.fromEntries(
        Object.entries(exchange.reqHeaders ?? {}).filter(([name]) => !/^(host|content-length|connection)$/i.test(name)),
      );
      const reply = await new Replay().send({ ...exchange, reqHeaders: headers });
      assertAlike(reply, exchange);
      assert.equal(reply.headers['www-authenticate'], exchange.respHeaders['www-authenticate']);
      const { error } = bodyOf(exchange.respBody) as { error: { requestId: string } };
      assert.deepEqual({ ...reply.json.error, requestId: '' }, { ...error, requestId: '' });
    }
  });
});

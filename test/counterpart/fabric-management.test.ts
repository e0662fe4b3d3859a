import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { FabricSite, type Reply } from '../provisioning/fabric/site.ts';
import { verifies } from '../requirements.ts';
import { assertAlike, bodyOf, type Exchange, Ids } from './management-likeness.ts';

const RECORDINGS = join(import.meta.dirname, '..', '..', '..', 'shared', 'data', 'overlay-transcripts');
const SUBJECTS = [
  ...['auth', 'identities', 'identities-change', 'identities-delete', 'enrollments', 'authenticators', 'services', 'configs'],
  ...['service-policies', 'edge-router-policies', 'service-edge-router-policies', 'edge-routers', 'sessions'],
];
const MANAGEMENT = '/edge/management/v1';

/** What ours does not do, and why. */
const LEFT_OUT: Readonly<Record<string, string>> = {
  'auth#27': 'no sign-in by foreign JWT',
  ...several('service-policies', [36, 39, 40], 'no posture checks'),
  'identities-change#43': 'no posture checks',
  'enrollments#18': 'enrolment by one-time token alone',
  ...several('authenticators', [12, 13], 'of the enrolment of enrollments#18'),
  ...several('configs', [0, 1, 12, 15], "the real one's own config types are for its tunnellers; ours begins with none"),
  ...several('sessions', [12, 13, 14, 15, 16, 17], 'the embedded router reaches no addresses, so there are no transport terminators'),
  ...several('sessions', [18, 19, 20, 21, 22], 'the API of the fabric below the edge'),
  ...several('identities-delete', [6, 7], 'the default admin was not disabled (identities-delete#5)'),
  'edge-routers#15': 'the real one lists those identities alone that were there before its policies',
};

/** Where the real one loses something without a word, ours answers 400; `instead` has the same effect with nothing lost. */
const REFUSED: Readonly<Record<string, { code: string; field?: string; instead?: object }>> = {
  'identities-change#9': { code: 'COULD_NOT_VALIDATE', field: 'name' },
  'identities-change#10': { code: 'COULD_NOT_VALIDATE', field: 'name' },
  'identities-change#12': { code: 'COULD_NOT_VALIDATE', field: 'disabled' },
  'identities-change#53': { code: 'COULD_NOT_VALIDATE', field: 'name' },
  'identities-change#55': { code: 'COULD_NOT_VALIDATE', field: 'name' },
  'identities-change#70': { code: 'COULD_NOT_VALIDATE', field: 'name' },
  'identities-delete#5': { code: 'ENTITY_CAN_NOT_BE_UPDATED' },
  'services#26': { code: 'COULD_NOT_VALIDATE', field: 'name' },
  'services#28': { code: 'COULD_NOT_VALIDATE', field: 'encryptionRequired', instead: { name: 'rec-s1', encryptionRequired: false } },
  'services#42': { code: 'COULD_NOT_VALIDATE', field: 'encryptionRequired', instead: { roleAttributes: ['q'] } },
  'services#44': { code: 'COULD_NOT_VALIDATE', field: 'name' },
  'services#46': { code: 'COULD_NOT_VALIDATE', field: 'name' },
  'services#50': { code: 'COULD_NOT_VALIDATE', field: 'name' },
};

/** Answers of the right form whose values tell of the recorded network and not of what was asked. */
const FORM_ALONE = new Set(['auth#0', 'auth#1', 'auth#2', 'auth#21', 'auth#24', 'auth#25', 'auth#26', 'cli#18', 'cli#40']);

function several(subject: string, numbers: readonly number[], reason: string): Record<string, string> {
  return Object.fromEntries(numbers.map((number) => [`${subject}#${number}`, reason]));
}

/** A time that was asked for when it lay ahead, the day after the recording; it must lie ahead whenever this is run. */
const AHEAD = /2026(-11-22[T ]15:00:00)/g;

function recorded(subject: string): (Exchange & { where: string })[] {
  return readFileSync(join(RECORDINGS, `rest-mgmt-${subject}.jsonl`), 'utf8')
    .replace(AHEAD, `${new Date().getUTCFullYear() + 1}$1`)
    .trim()
    .split('\n')
    .map((line, i) => ({ ...(JSON.parse(line) as Exchange), where: `${subject}#${i}` }));
}

/** An embedded network with what the recorded one held before, and its recorded exchanges sent to it. */
class Replay implements AsyncDisposable {
  readonly site: FabricSite;
  readonly ids = new Ids();
  readonly #admin: { username: string; password: string };
  readonly #tokens = new Map<string, string>();

  static async start({ withSecondRouter = false } = {}): Promise<Replay> {
    const replay = new Replay(await FabricSite.start());
    await replay.#seed(withSecondRouter);
    return replay;
  }

  constructor(site: FabricSite) {
    this.site = site;
    this.#admin = JSON.parse(readFileSync(join(site.home, 'management-admin.json'), 'utf8'));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.site[Symbol.asyncDispose]();
  }

  async signIn(): Promise<string> {
    const { json } = await this.site.call('POST', `${MANAGEMENT}/authenticate?method=password`, { absolute: true, body: this.#admin });
    return json.data.token;
  }

  /** The recorded request with this network's ids, session and password. */
  async send(exchange: Exchange, instead?: object): Promise<Reply> {
    const { pathname, search } = new URL(exchange.url, 'https://127.0.0.1');
    const given = instead ?? exchange.reqBody;
    const text = typeof given === 'string' ? given : given === null ? undefined : JSON.stringify(given);
    const reply = await this.site.call(exchange.method, this.ids.ours(pathname + search), {
      absolute: true,
      headers: await this.#headersOf(exchange, given),
      ...(text !== undefined &&
        text !== '' && { body: this.ids.ours(text.replace(/"password":\s*"admin"/, `"password":"${this.#admin.password}"`)) }),
    });
    this.ids.learn(bodyOf(exchange.respBody), reply.json);
    const signedIn = exchange.respHeaders['zt-session'];
    if (typeof signedIn === 'string') this.#tokens.set(signedIn, String(reply.headers['zt-session']));
    return reply;
  }

  async signOut(recordedToken: string): Promise<void> {
    const token = this.#tokens.get(recordedToken);
    assert.ok(token);
    await this.site.call('DELETE', `${MANAGEMENT}/current-api-session`, { absolute: true, headers: { 'zt-session': token } });
  }

  async #headersOf({ reqHeaders }: Exchange, body: unknown): Promise<Record<string, string>> {
    const headers = Object.fromEntries(Object.entries(reqHeaders).map(([name, value]) => [name.toLowerCase(), String(value)]));
    const { 'zt-session': session, authorization, 'content-type': type, accept = '*/*' } = headers;
    const known = session ?? authorization;
    // A session whose beginning was not recorded is one of ours; the recorded wrong one stays wrong.
    if (known !== undefined && !known.startsWith('1111') && !this.#tokens.has(known)) this.#tokens.set(known, await this.signIn());
    return {
      accept,
      ...(type !== undefined && body !== null && { 'content-type': type }),
      ...(known !== undefined && { 'zt-session': this.#tokens.get(known) ?? known }),
    };
  }

  /** As far as the recordings show it. */
  async #seed(withSecondRouter: boolean): Promise<void> {
    const { admin } = this.site.fabric;
    const headers = { 'zt-session': await this.signIn() };
    const call = async (method: string, path: string, body: object): Promise<void> => {
      const { status, text } = await this.site.call(method, `${MANAGEMENT}${path}`, { absolute: true, headers, body });
      assert.ok(status < 300, `${path}: ${text}`);
    };
    const everybody = bodyOf(recorded('identities')[29]?.respBody) as { data: Record<string, unknown>[] };
    for (const { name, roleAttributes, authenticators, enrollment } of everybody.data) {
      if (/^(rec-|xxx|admin$|router-)/.test(String(name))) continue;
      if (Object.hasOwn(authenticators as object, 'cert')) await this.site.enrol(String(name), roleAttributes as string[]);
      else
        assert.ok(
          Object.hasOwn(enrollment as object, 'ott') &&
            (await admin.createIdentity({ name: String(name), attributes: roleAttributes as string[] })),
        );
    }
    for (const name of ['mcp', 'vitals-ingest', 'ziti-none', 'posture-ok']) await admin.createService({ name });
    for (const name of ['plain-svc', 'posture-fail']) await admin.createService({ name, encryptionRequired: false });
    const gateways = { type: 'Dial', identityRoles: ['#gateways'] } as const;
    await admin.createPolicy({ name: 'hubs-bind', type: 'Bind', identityRoles: ['#hubs'], serviceRoles: ['#all'] });
    for (const [name, service] of Object.entries({
      mcp: 'mcp',
      none: 'ziti-none',
      plain: 'plain-svc',
      vitals: 'vitals-ingest',
      xa: 'posture-ok',
      xb: 'posture-fail',
    }))
      await admin.createPolicy({ ...gateways, name: `gw-dial-${name}`, serviceRoles: [`@${service}`] });
    await call('POST', '/edge-router-policies', { name: 'all-all', semantic: 'AnyOf', edgeRouterRoles: ['#all'], identityRoles: ['#all'] });
    await call('POST', '/service-edge-router-policies', {
      name: 'all-all',
      semantic: 'AnyOf',
      edgeRouterRoles: ['#all'],
      serviceRoles: ['#all'],
    });
    const { json } = await this.site.call('GET', `${MANAGEMENT}/edge-routers`, { absolute: true, headers });
    if (withSecondRouter) await call('POST', '/edge-routers', { name: 'r2' });
    await call('PATCH', `/edge-routers/${json.data[0].id}`, { name: 'router-instance-1', isTunnelerEnabled: true });
    await this.site.call('DELETE', `${MANAGEMENT}/current-api-session`, { absolute: true, headers });
    // Whoever is told by name in a list before its id is needed.
    for (const exchange of [...recorded('identities'), ...recorded('services'), ...recorded('edge-routers'), ...recorded('authenticators')])
      this.ids.note(bodyOf(exchange.respBody));
    await this.#meet('identities');
    await this.#meet('services');
    await this.#meet('authenticators');
  }

  /** Learns which of ours is which of theirs, by name or, of authenticators, by whose they are. */
  async #meet(path: string): Promise<void> {
    const headers = { 'zt-session': await this.signIn() };
    const { json } = await this.site.call('GET', `${MANAGEMENT}/${path}?limit=500`, { absolute: true, headers });
    this.ids.meet(json.data);
    await this.site.call('DELETE', `${MANAGEMENT}/current-api-session`, { absolute: true, headers });
  }
}

describe('recorded exchanges with the management API of a real controller, at the embedded one', () => {
  let replay: Replay;
  before(async () => {
    replay = await Replay.start();
  });
  after(() => replay[Symbol.asyncDispose]());

  test('the same answers, in recorded order', async (t) => {
    verifies('FABRIC-MANAGEMENT-AS-REAL');
    const exchanges = SUBJECTS.flatMap(recorded).sort((one, other) => one.t - other.t);
    assert.equal(exchanges.length, 414);
    for (const where of [...Object.keys(LEFT_OUT), ...Object.keys(REFUSED)])
      assert.ok(
        exchanges.some((exchange) => exchange.where === where),
        where,
      );
    let alike = 0;
    const wrong: string[] = [];
    for (const exchange of exchanges) {
      const { where } = exchange;
      if (LEFT_OUT[where] !== undefined) continue;
      try {
        await replayed(exchange);
        alike += 1;
      } catch (error) {
        wrong.push(`${where} ${exchange.method} ${exchange.url}: ${(error as Error).message}`);
      }
    }
    t.diagnostic(`${alike} of ${exchanges.length} exchanges replayed, ${Object.keys(REFUSED).length} of them refused on purpose`);
    assert.deepEqual(wrong, []);
    assert.ok(alike >= 380);
  });

  async function replayed(exchange: Exchange & { where: string }): Promise<void> {
    const refused = REFUSED[exchange.where];
    const reply = await replay.send(exchange);
    if (!refused) {
      assertAlike(reply, exchange, replay.ids, FORM_ALONE.has(exchange.where));
      return;
    }
    assert.equal(reply.status, 400, reply.text);
    assert.equal(reply.json.error.code, refused.code);
    assert.equal(reply.json.error.cause.field, refused.field);
    if (refused.instead) assertAlike(await replay.send(exchange, refused.instead), exchange, replay.ids, false);
    // Its own sessions ended there.
    if (exchange.where === 'identities-delete#5') await replay.signOut('7b6aa219-ce2b-42e0-95c1-ec8663c355da');
  }
});

describe("the ziti tool's own traffic", () => {
  /** Its sign-in is by OIDC with a password, where the controller has that; ours says it has not, and then the tool uses POST authenticate. */
  const SIGN_IN = new Set([4, 5, 6, 7, 8].map((number) => `cli-login#${number}`));
  /** Lists of what ran there: hosted services and sessions of clients. */
  const RAN = new Set(['cli#34', 'cli#35', 'cli#36']);

  for (const subject of ['cli-login', 'cli'])
    test(`${subject}: the same answers`, async () => {
      verifies('FABRIC-MANAGEMENT-AS-REAL');
      await using replay = await Replay.start({ withSecondRouter: true });
      const exchanges = recorded(subject).filter(({ where }) => !SIGN_IN.has(where) && !RAN.has(where));
      assert.ok(exchanges.length >= 21);
      for (const exchange of exchanges) {
        const isVersion = exchange.url.endsWith('/version') || exchange.url.includes('/auth-policies');
        const reply = await replay.send(exchange);
        assertAlike(reply, exchange, replay.ids, isVersion || FORM_ALONE.has(exchange.where));
        if (exchange.url.endsWith('/version')) assert.ok(!reply.json.data.capabilities.includes('OIDC_AUTH'));
      }
    });
});

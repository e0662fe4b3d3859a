import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { verifies } from '../../../requirements.ts';
import { assertRefused, claimsOf, type Enrolled, FabricSite, type Reply } from '../site.ts';

let site: FabricSite;
let gateway: Enrolled;
let hub: Enrolled;
let asGateway: Awaited<ReturnType<FabricSite['signIn']>>;
let asHub: Awaited<ReturnType<FabricSite['signIn']>>;
const ids = new Map<string, string>();

before(async () => {
  site = await FabricSite.start();
  const { admin } = site.fabric;
  gateway = await site.enrol('gw1', ['gateways']);
  hub = await site.enrol('hub', ['hubs']);
  for (const name of ['vitals-ingest', 'mcp', 'plain', 'hidden']) {
    const { id } = await admin.createService({ name, encryptionRequired: name !== 'plain', attributes: name === 'mcp' ? ['ai'] : [] });
    ids.set(name, id);
  }
  await admin.createPolicy({ name: 'dial', type: 'Dial', identityRoles: ['#gateways'], serviceRoles: ['@vitals-ingest', '@plain', '#ai'] });
  await admin.createPolicy({ name: 'bind', type: 'Bind', identityRoles: ['@hub'], serviceRoles: ['@vitals-ingest', '@mcp'] });
  await admin.createPolicy({ name: 'own', type: 'Dial', identityRoles: ['#hubs'], serviceRoles: ['@mcp'] });
  asGateway = await site.signIn(gateway);
  asHub = await site.signIn(hub);
});
after(() => site[Symbol.asyncDispose]());

const idOf = (name: string): string => ids.get(name) ?? '';
const namesOf = ({ json }: Reply): string[] => json.data.map(({ name }: { name: string }) => name).sort();

describe('GET version', () => {
  for (const path of ['/version', '/edge/client/v1/version'])
    test(`${path} says to everybody which ways there are to sign in`, async () => {
      const { status, json } = await site.call('GET', path, { absolute: true });
      assert.equal(status, 200);
      assert.equal(json.data.version, 'v2.0.3');
      assert.deepEqual(json.data.capabilities, ['OIDC_AUTH']);
      assert.deepEqual(json.data.apiVersions['edge-client'], { v1: { apiBaseUrls: [site.fabric.controllerUrl], path: '/edge/client/v1' } });
    });
});

test('every answer tells which run of the controller it is from', async () => {
  await using own = await FabricSite.start();
  const instance = async (path: string): Promise<unknown> => (await own.call('GET', path)).headers['ziti-instance-id'];
  const first = await instance('/version');
  assert.match(String(first), /^c[0-9a-z]{24}$/);
  assert.equal(await instance('/no/such/path'), first);
  await own.stop();
  await own.start();
  assert.notEqual(await instance('/version'), first);
});

describe('GET services', () => {
  test('lists what a policy allows, with which right, and nothing else', async () => {
    verifies('FABRIC-DEFAULT-DENY');
    const ofGateway = await site.call('GET', '/services?limit=500&offset=0', asGateway);
    assert.deepEqual(namesOf(ofGateway), ['mcp', 'plain', 'vitals-ingest']);
    const ofHub = await site.call('GET', '/services', asHub);
    const rights = Object.fromEntries(
      ofHub.json.data.map((service: { name: string; permissions: string[] }) => [service.name, service.permissions]),
    );
    assert.deepEqual(rights, { mcp: ['Dial', 'Bind'], 'vitals-ingest': ['Bind'] });
    const nobody = await site.signIn(await site.enrol('nobody'));
    assert.deepEqual((await site.call('GET', '/services', nobody)).json.data, []);
  });

  test('a service is as the real one writes it', async () => {
    const { json } = await site.call('GET', `/services/${idOf('plain')}`, asGateway);
    const { createdAt, updatedAt, ...rest } = json.data;
    assert.ok(Date.parse(createdAt) <= Date.parse(updatedAt));
    const self = `./services/${idOf('plain')}`;
    assert.deepEqual(rest, {
      _links: {
        configs: { href: `${self}/configs` },
        self: { href: self },
        'service-edge-router-policies': { href: `${self}/service-edge-router-policies` },
        'service-policies': { href: `${self}/service-policies` },
        terminators: { href: `${self}/terminators` },
      },
      id: idOf('plain'),
      tags: {},
      config: {},
      configs: null,
      encryptionRequired: false,
      maxIdleTimeMillis: 0,
      name: 'plain',
      permissions: ['Dial'],
      postureQueries: [
        { isPassing: true, policyId: 'dummy dial policy: no posture checks defined', policyType: 'Dial', postureQueries: [] },
      ],
      roleAttributes: null,
      terminatorStrategy: 'smartrouting',
    });
  });

  test('pages: by id, ten unless told, with the count of all', async () => {
    const all = [idOf('vitals-ingest'), idOf('plain'), idOf('mcp')].sort();
    const page = async (query: string): Promise<{ ids: string[]; pagination: object }> => {
      const { json } = await site.call('GET', `/services${query}`, asGateway);
      return { ids: json.data.map(({ id }: { id: string }) => id), pagination: json.meta.pagination };
    };
    assert.deepEqual(await page(''), { ids: all, pagination: { limit: 10, offset: 0, totalCount: 3 } });
    assert.deepEqual(await page('?limit=2'), { ids: all.slice(0, 2), pagination: { limit: 2, offset: 0, totalCount: 3 } });
    assert.deepEqual(await page('?limit=2&offset=2'), { ids: all.slice(2), pagination: { limit: 2, offset: 2, totalCount: 3 } });
    assert.deepEqual(await page('?offset=9'), { ids: [], pagination: { limit: 10, offset: 9, totalCount: 3 } });
    assert.deepEqual(await page('?limit=0&offset=-1'), { ids: all, pagination: { limit: 10, offset: 0, totalCount: 3 } });
    assert.deepEqual(await page('?limit=9999'), { ids: all, pagination: { limit: 500, offset: 0, totalCount: 3 } });
    assert.deepEqual((await page('?limit=none')).ids, all);
    assert.deepEqual((await page('?limit=-1')).ids, all);
    const wrong = await site.call('GET', '/services?limit=x', asGateway);
    assertRefused(wrong, 601, 'COULD_NOT_VALIDATE', { field: 'limit', reason: 'limit in query must be of type int64: "x"', value: 'x' });
  });

  test('filters by name and id', async () => {
    const filtered = async (filter: string): Promise<string[]> =>
      namesOf(await site.call('GET', `/services?filter=${encodeURIComponent(filter)}`, asGateway));
    assert.deepEqual(await filtered('name="mcp"'), ['mcp']);
    assert.deepEqual(await filtered(' name = "mcp" '), ['mcp']);
    assert.deepEqual(await filtered(`id="${idOf('plain')}"`), ['plain']);
    assert.deepEqual(await filtered('name contains "in"'), ['plain', 'vitals-ingest']);
    assert.deepEqual(await filtered('name icontains "MC"'), ['mcp']);
    assert.deepEqual(await filtered('name != "mcp"'), ['plain', 'vitals-ingest']);
    assert.deepEqual(await filtered('true'), ['mcp', 'plain', 'vitals-ingest']);
    assert.deepEqual(await filtered('name="hidden"'), []);
    assert.deepEqual(await filtered('name="m\\"c"'), []);
    const unknown = await site.call('GET', '/services?filter=encryptionRequired%3D%22x%22', asGateway);
    assertRefused(unknown, 400, 'INVALID_FILTER', { code: 'UNHANDLED', message: "unknown symbol 'encryptionRequired'" });
    for (const garbage of ['name=', 'name="', '(((', 'name="a" and', `name="${'\\'.repeat(2000)}`]) {
      const { status, json } = await site.call('GET', `/services?filter=${encodeURIComponent(garbage)}`, asGateway);
      assert.deepEqual([status, json.error.code], [400, 'INVALID_FILTER'], garbage.slice(0, 20));
    }
  });

  test('a change counts at once, and service-updates tells that there was one', async () => {
    const { admin } = site.fabric;
    const lastChange = async (): Promise<string> =>
      (await site.call('GET', '/current-api-session/service-updates', asGateway)).json.data.lastChangeAt;
    const before = await lastChange();
    assert.equal(await lastChange(), before);
    site.clock.ahead = 10;
    await admin.createPolicy({ name: 'more', type: 'Bind', identityRoles: ['@gw1'], serviceRoles: ['@hidden'] });
    assert.ok(Date.parse(await lastChange()) > Date.parse(before));
    assert.ok(namesOf(await site.call('GET', '/services', asGateway)).includes('hidden'));
    await admin.deletePolicy('more');
    assert.ok(!namesOf(await site.call('GET', '/services', asGateway)).includes('hidden'));
    site.clock.ahead = 0;
  });
});

describe('routers and controllers', () => {
  test('are listed where SDKs look for them', async () => {
    const tls = { tls: site.fabric.routerUrl };
    const router = {
      cost: 0,
      disabled: false,
      isOnline: true,
      name: 'router-1',
      noTraversal: false,
      supportedProtocols: tls,
      syncStatus: 'SYNC_DONE',
    };
    const ofService = await site.call('GET', `/services/${idOf('mcp')}/edge-routers`, asGateway);
    assert.deepEqual(ofService.json, { data: { edgeRouters: [{ ...router, hostname: '127.0.0.1' }] }, meta: {} });
    const mine = await site.call('GET', '/current-identity/edge-routers', asGateway);
    const [{ _links, createdAt, updatedAt, id, tags, ...rest }] = mine.json.data;
    assert.deepEqual(rest, { ...router, hostname: '' });
    assert.match(id, /^[0-9A-Za-z.-]{9,11}$/);
    assert.deepEqual(mine.json.meta.pagination, { limit: 10, offset: 0, totalCount: 1 });
    const [controller] = (await site.call('GET', '/controllers', asGateway)).json.data;
    assert.deepEqual(controller.apiAddresses, {
      'edge-client': [{ url: site.fabric.controllerUrl, version: 'v1' }],
      'edge-oidc': [{ url: `${site.origin}/oidc`, version: 'v1' }],
    });
    assert.equal(new X509Certificate(controller.certPem).subject, 'CN=controller');
  });
});

describe('sessions', () => {
  const open = (as: typeof asGateway, service: string, type: unknown): Promise<Reply> =>
    site.call('POST', '/sessions', { body: { serviceId: idOf(service) || service, type }, headers: as.headers });

  test('a token says for whom, what, which way and how long, and where to dial', async () => {
    const { status, json } = await open(asGateway, 'mcp', 'Dial');
    assert.equal(status, 201);
    const { token, id, ...rest } = json.data;
    assert.match(id, /^c[0-9a-z]{24}$/);
    const tls = { tls: site.fabric.routerUrl };
    assert.deepEqual(rest, {
      _links: null,
      createdAt: null,
      updatedAt: null,
      apiSession: null,
      apiSessionId: asGateway.id,
      edgeRouters: [
        {
          cost: 0,
          disabled: false,
          hostname: '127.0.0.1',
          isOnline: true,
          name: 'router-1',
          noTraversal: false,
          supportedProtocols: tls,
          syncStatus: 'SYNC_DONE',
          urls: tls,
        },
      ],
      identityId: gateway.id,
      service: null,
      serviceId: idOf('mcp'),
      type: 'Dial',
    });
    const { exp, iat, ...claims } = claimsOf(token);
    assert.equal(Number(exp) - Number(iat), 365 * 24 * 3600);
    assert.deepEqual(claims, {
      iss: site.origin,
      sub: idOf('mcp'),
      aud: ['openziti'],
      jti: id,
      z_asid: asGateway.id,
      z_iid: gateway.id,
      z_t: 's',
      z_st: 'Dial',
      z_leg: true,
    });
    assert.ok('sessionId' in site.fabric.grants.openSession(token, asGateway.id, 'Dial'));
  });

  test('are refused without the right, in the words of the real one', async () => {
    verifies('FABRIC-DEFAULT-DENY', 'FABRIC-CONTROLLER-AS-REAL');
    const unseen = { code: 'UNHANDLED', message: `service with id ${idOf('hidden')} not found` };
    assertRefused(await open(asGateway, 'hidden', 'Dial'), 404, 'NOT_FOUND', unseen);
    assertRefused(await open(asGateway, 'nothing', 'Dial'), 404, 'NOT_FOUND', {
      code: 'UNHANDLED',
      message: 'service with id nothing not found',
    });
    const cause = { field: 'ServiceId', reason: 'service not found', value: idOf('mcp') };
    assertRefused(await open(asGateway, 'mcp', 'Bind'), 400, 'COULD_NOT_VALIDATE', cause);
    for (const id of ['hidden', 'nothing']) assert.equal((await site.call('GET', `/services/${idOf(id) || id}`, asGateway)).status, 404);
    assert.equal((await site.call('GET', `/services/${idOf('hidden')}/edge-routers`, asGateway)).status, 404);
    for (const type of ['dial', undefined, 1, null, ['Dial']]) assert.equal((await open(asGateway, 'mcp', type)).status, 400);
    for (const serviceId of [undefined, 1, 'x'.repeat(65), null])
      assert.equal((await site.call('POST', '/sessions', { body: { serviceId, type: 'Dial' }, headers: asGateway.headers })).status, 400);
    assertRefused(await site.call('POST', '/sessions', asGateway), 602, 'COULD_NOT_VALIDATE', {
      field: 'session',
      reason: 'session in body is required',
      value: '',
    });
  });

  test('are shown to their own API session, deleted by it, and strange to every other', async () => {
    const { id, token } = (await open(asHub, 'vitals-ingest', 'Bind')).json.data;
    const shown = await site.call('GET', `/sessions/${id}`, asHub);
    assert.deepEqual([shown.status, shown.json.data.id, shown.json.data.serviceId], [200, id, idOf('vitals-ingest')]);
    const strange = { code: 'UNHANDLED', message: `session with id ${id} not found` };
    assertRefused(await site.call('GET', `/sessions/${id}`, asGateway), 404, 'NOT_FOUND', strange);
    assertRefused(await site.call('DELETE', `/sessions/${id}`, await site.signIn(hub)), 404, 'NOT_FOUND', strange);
    assert.ok(site.fabric.grants.sessionExists(id));
    const deleted = await site.call('DELETE', `/sessions/${id}`, asHub);
    assert.deepEqual([deleted.status, deleted.json], [200, { data: {}, meta: {} }]);
    assert.equal(site.fabric.grants.sessionExists(id), false);
    assert.ok('refusal' in site.fabric.grants.openSession(token, asHub.id, 'Bind'));
    assertRefused(await site.call('DELETE', `/sessions/${id}`, asHub), 404, 'NOT_FOUND', strange);
  });
});

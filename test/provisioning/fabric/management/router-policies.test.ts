import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { verifies } from '../../../requirements.ts';
import { RawClient } from '../../../support/ziti/raw-client.ts';
import { accept } from '../router/stage.ts';
import type { Enrolled } from '../site.ts';
import { AdminSite } from './admin-site.ts';

let admin: AdminSite;
let gateway: Enrolled;
let hub: Enrolled;
before(async () => {
  admin = await AdminSite.start();
  gateway = await admin.site.enrol('gw1', ['gateways']);
  hub = await admin.site.enrol('hub', ['hubs']);
  const operator = admin.site.fabric.admin;
  await operator.createService({ name: 'vitals', encryptionRequired: false });
  await operator.createPolicy({ name: 'dial', type: 'Dial', identityRoles: ['#gateways'], serviceRoles: ['@vitals'] });
  await operator.createPolicy({ name: 'bind', type: 'Bind', identityRoles: ['#hubs'], serviceRoles: ['@vitals'] });
});
after(() => admin[Symbol.asyncDispose]());

async function idOf(path: string, name: string): Promise<string> {
  const [found] = await admin.get(`${path}?filter=${encodeURIComponent(`name="${name}"`)}`);
  return found.id;
}

/** What a client is told of where it may go: all, with the service, and in a new session. */
async function routersFor(who: Enrolled, type: 'Dial' | 'Bind'): Promise<[string[], string[], string[]]> {
  const { headers } = await admin.site.signIn(who);
  const serviceId = await idOf('/services', 'vitals');
  const names = (routers: { name: string }[]): string[] => routers.map(({ name }) => name);
  const all = await admin.site.call('GET', '/current-identity/edge-routers', { headers });
  const ofService = await admin.site.call('GET', `/services/${serviceId}/edge-routers`, { headers });
  const session = await admin.site.call('POST', '/sessions', { headers, body: { serviceId, type } });
  return [names(all.json.data), names(ofService.json.data.edgeRouters), names(session.json.data.edgeRouters)];
}

/** A channel at the router with a session token for the service. */
async function connected(who: Enrolled, type: 'Dial' | 'Bind'): Promise<{ client: RawClient; token: string }> {
  const { token, headers } = await admin.site.signIn(who);
  const serviceId = await idOf('/services', 'vitals');
  const { json } = await admin.site.call('POST', '/sessions', { headers, body: { serviceId, type } });
  const { caPem, routerUrl } = admin.site.fabric;
  const identity = { id: who.id, trustDomain: '', keyPem: who.key, certPem: who.cert, caPem, controllers: [] };
  const client = await RawClient.connect({ identity, ca: caPem, port: Number(new URL(routerUrl).port) });
  await client.hello(token);
  return { client, token: json.data.token };
}

describe('which edge routers are used', () => {
  test('a network begins with everybody at the public routers, and every service reached by all', async () => {
    verifies('FABRIC-ROUTER-POLICIES');
    const [policy] = await admin.get('/edge-router-policies');
    assert.partialDeepStrictEqual(policy, { name: 'all-endpoints-public-routers', edgeRouterRoles: ['#public'], identityRoles: ['#all'] });
    const [ofServices] = await admin.get('/service-edge-router-policies');
    assert.partialDeepStrictEqual(ofServices, { name: 'all-routers-all-services', edgeRouterRoles: ['#all'], serviceRoles: ['#all'] });
    for (const [who, type] of [
      [gateway, 'Dial'],
      [hub, 'Bind'],
    ] as const)
      assert.deepEqual(await routersFor(who, type), [['router-1'], ['router-1'], ['router-1']]);
  });

  for (const [what, take, expected] of [
    ['no identity policy', () => admin.call('DELETE', `/edge-router-policies/${policyId}`), [[], [], []]],
    ['no service policy', () => admin.call('DELETE', `/service-edge-router-policies/${servicePolicyId}`), [['router-1'], [], []]],
    ['a router that is disabled', () => setRouter({ disabled: true }), [[], [], []]],
    ['a router without the attribute', () => setRouter({ roleAttributes: ['private'] }), [[], [], []]],
  ] as const)
    test(`${what}: nothing is offered, what runs ends, and it all comes back`, async () => {
      verifies('FABRIC-ROUTER-POLICIES');
      await restored();
      await using stack = new AsyncDisposableStack();
      const host = await connected(hub, 'Bind');
      const dialer = await connected(gateway, 'Dial');
      stack.use(host.client);
      stack.use(dialer.client);
      host.client.send(60790, { 1000: 7, 1012: '\x01', 1024: '\x01' }, host.token);
      await host.client.next(60784);
      await host.client.next(60800);
      dialer.client.send(60783, { 1000: 1 }, dialer.token);
      const connId = await accept(host.client);
      await dialer.client.next(60784);

      assert.equal((await take()).status, 200);
      assert.deepEqual(await routersFor(gateway, 'Dial'), expected);
      const closed = [await host.client.next(60785), await host.client.next(60785)];
      assert.deepEqual(closed.map(({ headers }) => headers.get(1000)?.readUInt32LE()).sort(), [7, connId].sort());
      await dialer.client.next(60785);
      dialer.client.send(60783, { 1000: 2 }, dialer.token);
      assert.match(String((await dialer.client.next(60785)).body), /no policies provide access/);

      await restored();
      host.client.send(60790, { 1000: 8, 1012: '\x01', 1024: '\x01' }, host.token);
      await host.client.next(60784);
    });

  test('policy advice says what is missing', async () => {
    await restored();
    const path = `/identities/${gateway.id}/policy-advice/${await idOf('/services', 'vitals')}`;
    assert.partialDeepStrictEqual(await admin.get(path), { identityRouterCount: 1, serviceRouterCount: 1, isDialAllowed: true });
    await admin.call('DELETE', `/edge-router-policies/${policyId}`);
    assert.partialDeepStrictEqual(await admin.get(path), { commonRouters: [], identityRouterCount: 0, serviceRouterCount: 1 });
  });

  test('what an administrator deletes stays deleted after a restart', async () => {
    await restored();
    await admin.call('DELETE', `/edge-router-policies/${policyId}`);
    await admin.site.stop();
    await admin.site.start();
    await admin.signIn();
    assert.deepEqual(await admin.get('/edge-router-policies'), []);
  });

  let policyId = '';
  let servicePolicyId = '';

  /** As a network begins. */
  async function restored(): Promise<void> {
    for (const path of ['/edge-router-policies', '/service-edge-router-policies'])
      for (const { id } of await admin.get(path)) await admin.call('DELETE', `${path}/${id}`);
    const usual = { semantic: 'AnyOf', edgeRouterRoles: ['#public'] };
    policyId = await admin.create('/edge-router-policies', { name: 'everybody', ...usual, identityRoles: ['#all'] });
    servicePolicyId = await admin.create('/service-edge-router-policies', {
      name: 'everything',
      ...usual,
      edgeRouterRoles: ['#all'],
      serviceRoles: ['#all'],
    });
    await setRouter({ disabled: false, roleAttributes: ['public'] });
  }

  async function setRouter(body: object): Promise<{ status: number }> {
    return admin.call('PATCH', `/edge-routers/${await idOf('/edge-routers', 'router-1')}`, { body });
  }
});

describe('terminators', () => {
  test('are listed while a service is hosted, and one that is taken out is dialled no more', async () => {
    await admin.site.stop();
    await admin.site.start();
    await admin.signIn();
    if ((await admin.get('/edge-router-policies')).length === 0)
      await admin.create('/edge-router-policies', { name: 'again', semantic: 'AnyOf', edgeRouterRoles: ['#all'], identityRoles: ['#all'] });
    const host = await connected(hub, 'Bind');
    const dialer = await connected(gateway, 'Dial');
    host.client.send(60790, { 1000: 7, 1012: '\x01', 1024: '\x01', 1004: Buffer.from([5, 0]) }, host.token);
    await host.client.next(60784);
    await host.client.next(60800);
    const [terminator, ...others] = await admin.get('/terminators?filter=service.name%3D%22vitals%22');
    assert.deepEqual(others, []);
    assert.partialDeepStrictEqual(terminator, { binding: 'edge', cost: 5, precedence: 'default', service: { name: 'vitals' } });
    assert.equal((await admin.get(`/services/${terminator.serviceId}/terminators`)).length, 1);
    assert.equal((await admin.get(`/identities/${hub.id}`)).edgeRouterConnectionStatus, 'online');
    assert.equal((await admin.call('DELETE', `/terminators/${terminator.id}`)).status, 200);
    assert.equal((await admin.call('DELETE', `/terminators/${terminator.id}`)).status, 404);
    dialer.client.send(60783, { 1000: 1 }, dialer.token);
    assert.match(String((await dialer.client.next(60785)).body), /has no terminators/);
    await host.client[Symbol.asyncDispose]();
    await dialer.client[Symbol.asyncDispose]();
  });

  test('a session that is deleted ends its bind, as the real one says it', async () => {
    const host = await connected(hub, 'Bind');
    host.client.send(60790, { 1000: 7, 1012: '\x01', 1024: '\x01' }, host.token);
    await host.client.next(60784);
    await host.client.next(60800);
    const bound = (await admin.get('/sessions?limit=-1')).filter(
      ({ type, identityId }: { type: string; identityId: string }) => type === 'Bind' && identityId === hub.id,
    );
    assert.ok(bound.length > 0);
    for (const { id } of bound) assert.equal((await admin.call('DELETE', `/sessions/${id}`)).status, 200);
    assert.equal(String((await host.client.next(60785)).body), 'session ended');
    await host.client[Symbol.asyncDispose]();
  });
});

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { after, before, describe, test } from 'node:test';
import type { FabricRouter } from '../../../provisioning/fabric/routers.ts';
import { verifies } from '../../requirements.ts';
import { RawClient } from '../../support/ziti/raw-client.ts';
import { AdminSite } from './management/admin-site.ts';
import { type Enrolled, FabricSite } from './site.ts';

let admin: AdminSite;
let hub: Enrolled;
before(async () => {
  admin = new AdminSite(await FabricSite.start({ moreRouters: [{ host: '127.0.0.1', port: 0 }] }));
  await admin.signIn();
  hub = await admin.site.enrol('hub', ['hubs']);
  const operator = admin.site.fabric.admin;
  await operator.createService({ name: 'vitals', encryptionRequired: false });
  await operator.createService({ name: 'doomed', encryptionRequired: false });
  await operator.createPolicy({ name: 'bind', type: 'Bind', identityRoles: ['#hubs'], serviceRoles: ['#all'] });
});
after(() => admin[Symbol.asyncDispose]());

function routerAt(index: number): FabricRouter {
  const router = admin.site.fabric.routers[index];
  assert.ok(router);
  return router;
}

async function serviceId(name: string): Promise<string> {
  const [found] = await admin.get(`/services?filter=${encodeURIComponent(`name="${name}"`)}`);
  return found.id;
}

/** Where a service is bound, in what its session says of the routers. */
async function sessionFor(name: string): Promise<{ apiToken: string; token: string; routers: unknown[] }> {
  const { token: apiToken, headers } = await admin.site.signIn(hub);
  const body = { serviceId: await serviceId(name), type: 'Bind' };
  const { json } = await admin.site.call('POST', '/sessions', { headers, body });
  return { apiToken, token: json.data.token, routers: json.data.edgeRouters.map(shown) };
}

function shown({ name, isOnline, supportedProtocols }: Record<string, unknown>): unknown {
  return [name, isOnline, (supportedProtocols as { tls: string }).tls];
}

/** The service hosted by a channel to a router. */
async function host(router: FabricRouter, name: string): Promise<RawClient> {
  const { apiToken, token } = await sessionFor(name);
  const identity = { id: hub.id, trustDomain: '', keyPem: hub.key, certPem: hub.cert, caPem: admin.site.fabric.caPem, controllers: [] };
  const client = await RawClient.connect({ identity, ca: identity.caPem, port: Number(new URL(router.url).port) });
  await client.hello(apiToken);
  client.send(60790, { 1000: 7, 1024: '\x01' }, token);
  await client.next(60784);
  return client;
}

async function terminators(): Promise<[string, string][]> {
  const listed: { service: { name: string }; router: { name: string } }[] = await admin.get('/terminators');
  return listed.map(({ service, router }) => [service.name, router.name]);
}

describe('several edge routers', () => {
  test('each has a name, a certificate and a place in every list of its own', async () => {
    verifies('FABRIC-SEVERAL-ROUTERS');
    const [first, second] = [routerAt(0), routerAt(1)];
    assert.notEqual(first.url, second.url);
    assert.equal(admin.site.fabric.routerUrl, first.url);
    const expected = [
      ['router-1', true, first.url],
      ['router-2', true, second.url],
    ];
    assert.deepEqual((await sessionFor('vitals')).routers, expected);
    const { headers } = await admin.site.signIn(hub);
    const { json } = await admin.site.call('GET', '/current-identity/edge-routers', { headers });
    assert.deepEqual(json.data.map(shown), expected);
    const managed: { id: string; roleAttributes: string[]; fingerprint: string; isOnline: boolean }[] = await admin.get('/edge-routers');
    assert.deepEqual(managed.map(({ id }) => id).sort(), [first.id, second.id].sort());
    assert.equal(new Set(managed.map(({ fingerprint }) => fingerprint)).size, 2);
    for (const { roleAttributes, isOnline } of managed) assert.deepEqual([roleAttributes, isOnline], [['public'], true]);
  });

  test('one stops and starts alone: it is shown as offline, last, and is back at the same address', async () => {
    verifies('FABRIC-SEVERAL-ROUTERS');
    const [first, second] = [routerAt(0), routerAt(1)];
    await Promise.all([first.stop(), first.stop()]);
    assert.deepEqual((await sessionFor('vitals')).routers, [
      ['router-2', true, second.url],
      ['router-1', false, first.url],
    ]);
    const managed: { id: string; isOnline: boolean }[] = await admin.get('/edge-routers');
    assert.equal(managed.find(({ id }) => id === first.id)?.isOnline, false);
    const { url } = first;
    const taken = createServer().listen(Number(new URL(url).port), '127.0.0.1');
    await once(taken, 'listening');
    await assert.rejects(first.start(), { code: 'FABRIC-ADDRESS' });
    assert.equal(first.online, false);
    taken.close();
    await once(taken, 'close');
    await Promise.all([first.start(), first.start()]);
    assert.deepEqual([first.url, first.online], [url, true]);
    await using _client = await host(first, 'vitals');
  });

  test('what was hosted there stays listed until it is back, but for a service that is deleted', async () => {
    verifies('FABRIC-SEVERAL-ROUTERS');
    const [first, second] = [routerAt(0), routerAt(1)];
    await using _one = await host(first, 'vitals');
    await using _two = await host(first, 'doomed');
    await using _three = await host(second, 'vitals');
    await first.stop();
    assert.deepEqual((await terminators()).sort(), [
      ['doomed', 'router-1'],
      ['vitals', 'router-1'],
      ['vitals', 'router-2'],
    ]);
    assert.equal((await admin.call('DELETE', `/services/${await serviceId('doomed')}`)).status, 200);
    assert.deepEqual((await terminators()).sort(), [
      ['vitals', 'router-1'],
      ['vitals', 'router-2'],
    ]);
    await first.start();
    assert.deepEqual(await terminators(), [['vitals', 'router-2']]);
  });

  test('they are the same after a restart of the network', async () => {
    const before = admin.site.fabric.routers.map(({ id }) => id);
    await admin.site.stop();
    await admin.site.start();
    assert.deepEqual(
      admin.site.fabric.routers.map(({ id }) => id),
      before,
    );
  });
});

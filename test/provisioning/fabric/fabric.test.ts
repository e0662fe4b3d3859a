import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { NewPolicy } from '../../../provisioning/fabric/admin.ts';
import { startFabric } from '../../../provisioning/fabric/fabric.ts';
import { silentLogger } from '../../../shared/log.ts';
import { verifies } from '../../requirements.ts';
import { claimsOf, FabricSite } from './site.ts';

const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-fabric-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const ANYWHERE = { host: '127.0.0.1', port: 0 };

describe('addresses', () => {
  test('other than loopback are refused before anything is made', async () => {
    verifies('FABRIC-ONE-MACHINE');
    const home = join(folder, 'never');
    for (const host of ['0.0.0.0', '::', '10.0.0.1', '127.0.0.1.example.org', 'example.org', '', '127.1', '::ffff:127.0.0.1'])
      for (const at of ['controller', 'router'] as const)
        await assert.rejects(
          startFabric({ home, controller: ANYWHERE, router: ANYWHERE, log: silentLogger, [at]: { host, port: 0 } }),
          { code: 'FABRIC-ADDRESS' },
          `${at} ${host}`,
        );
    for (const port of [-1, 65_536, 1.5, Number.NaN])
      await assert.rejects(startFabric({ home, controller: { host: '127.0.0.1', port }, router: ANYWHERE, log: silentLogger }), {
        code: 'FABRIC-ADDRESS',
      });
    assert.equal(existsSync(home), false);
  });

  test('that are taken are told, and the home is free again', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const address = taken.address();
    assert.ok(address && typeof address === 'object');
    const { port } = address;
    const home = join(folder, 'taken');
    const refused = async (): Promise<void> => {
      for (const at of ['controller', 'router'] as const) {
        const options = { home, controller: ANYWHERE, router: ANYWHERE, log: silentLogger, [at]: { host: '127.0.0.1', port } };
        await assert.rejects(startFabric(options), { code: 'FABRIC-ADDRESS', detail: `127.0.0.1:${port} (in use by another program)` });
      }
    };
    await refused();
    assert.equal(existsSync(home), false, 'no home is left behind');
    await (await startFabric({ home, controller: ANYWHERE, router: ANYWHERE, log: silentLogger }))[Symbol.asyncDispose]();
    await refused();
    taken.close();
    await using fabric = await startFabric({ home, controller: { host: 'localhost', port }, router: ANYWHERE, log: silentLogger });
    assert.equal(fabric.controllerUrl, `https://127.0.0.1:${port}/edge/client/v1`);
    await assert.rejects(startFabric({ home, controller: ANYWHERE, router: ANYWHERE, log: silentLogger }), { code: 'STORAGE-LOCKED' });
  });

  test('may be IPv6', async () => {
    const host = '::1';
    await using fabric = await startFabric({
      home: join(folder, 'six'),
      controller: { host, port: 0 },
      router: { host, port: 0 },
      log: silentLogger,
    });
    assert.match(fabric.controllerUrl, /^https:\/\/\[::1\]:\d+\/edge\/client\/v1$/);
    assert.match(fabric.routerUrl, /^tls:\/\/\[::1\]:\d+$/);
    const { jwt } = await fabric.admin.createIdentity({ name: 'x' });
    const { iss, ctrls } = claimsOf(jwt);
    assert.deepEqual([iss, ctrls], [new URL(fabric.controllerUrl).origin, [`tls:${new URL(fabric.controllerUrl).host}`]]);
  });
});

describe("the operator's part", () => {
  let site: FabricSite;
  before(async () => {
    site = await FabricSite.start();
  });
  after(() => site[Symbol.asyncDispose]());

  test('identities, services and policies are created, listed, found by name or id, changed and deleted', async () => {
    const { admin } = site.fabric;
    const { id, jwt } = await admin.createIdentity({ name: 'gw1', attributes: ['gateways', 'gateways', 'ward-3'] });
    const [{ tokenExpiresAt } = { tokenExpiresAt: 0 }] = await admin.listIdentities();
    assert.equal(Math.floor((tokenExpiresAt ?? 0) / 1000), claimsOf(jwt).exp);
    const unborn = { id, name: 'gw1', attributes: ['gateways', 'ward-3'], disabled: false, enrolledAt: undefined, tokenExpiresAt };
    assert.deepEqual(await admin.listIdentities(), [unborn]);
    await admin.disableIdentity('gw1');
    assert.deepEqual(await admin.listIdentities(), [{ ...unborn, disabled: true }]);
    await admin.enableIdentity(id);
    const service = await admin.createService({ name: 'vitals-ingest' });
    assert.deepEqual(await admin.listServices(), [
      { id: service.id, name: 'vitals-ingest', attributes: [], encryptionRequired: true, terminatorStrategy: 'smartrouting' },
    ]);
    const policy = await admin.createPolicy({
      name: 'dial',
      type: 'Dial',
      identityRoles: ['@gw1', `@${id}`, '#gateways'],
      serviceRoles: ['@vitals-ingest'],
    });
    const roles = { identityRoles: [`@${id}`, '#gateways'], serviceRoles: [`@${service.id}`] };
    assert.deepEqual(await admin.listPolicies(), [{ id: policy.id, name: 'dial', type: 'Dial', semantic: 'AnyOf', ...roles }]);
    assert.ok(site.fabric.grants.allows(id, service.id, 'Dial'));
    await admin.deletePolicy('dial');
    await admin.deleteService(service.id);
    await admin.deleteIdentity('gw1');
    assert.deepEqual([await admin.listIdentities(), await admin.listServices(), await admin.listPolicies()], [[], [], []]);
  });

  test('an id counts before a name, so nobody takes the place of another by being called like it', async () => {
    const { admin } = site.fabric;
    const { id } = await admin.createIdentity({ name: 'victim' });
    await admin.createIdentity({ name: id });
    await admin.disableIdentity(id);
    const disabled = (await admin.listIdentities()).filter((identity) => identity.disabled);
    assert.deepEqual(
      disabled.map(({ name }) => name),
      ['victim'],
    );
  });

  test('names, attributes and roles that are not allowed are refused, and so is a name twice', async () => {
    const { admin } = site.fabric;
    for (const name of ['', ' x', 'x ', '@x', '#x', 'a\nb', 'a\u0007b', 'a\u202eb', 'x'.repeat(129)]) {
      await assert.rejects(admin.createIdentity({ name }), { code: 'FABRIC-NAME' }, JSON.stringify(name));
      await assert.rejects(admin.createService({ name }), { code: 'FABRIC-NAME' });
    }
    for (const name of ['Station 3, Bett 1', 'ü', '測試', 'a@b', 'x'.repeat(128)]) await admin.createIdentity({ name });
    for (const attribute of ['', '#a', 'a b', 'all', 'x'.repeat(65), '-a', 'a,b'])
      await assert.rejects(admin.createIdentity({ name: 'n', attributes: [attribute] }), { code: 'FABRIC-ROLE' }, attribute);
    await assert.rejects(admin.createIdentity({ name: 'ü' }), { code: 'FABRIC-NAME' });
    const policy = (roles: Partial<NewPolicy>): NewPolicy => ({
      name: 'p',
      type: 'Bind',
      identityRoles: ['#all'],
      serviceRoles: ['#all'],
      ...roles,
    });
    for (const identityRoles of [[], ['gateways'], ['#'], ['#a b'], ['@'], ['']])
      await assert.rejects(admin.createPolicy(policy({ identityRoles })), (error: { code: string }) =>
        /^FABRIC-(ROLE|UNKNOWN)$/.test(error.code),
      );
    await assert.rejects(admin.createPolicy(policy({ serviceRoles: ['@nothing'] })), { code: 'FABRIC-UNKNOWN', detail: 'service nothing' });
    assert.deepEqual(await admin.listPolicies(), []);
    await assert.rejects(admin.deleteIdentity('nobody'), { code: 'FABRIC-UNKNOWN' });
    await assert.rejects(admin.reissueToken('nobody'), { code: 'FABRIC-UNKNOWN' });
  });
});

test('a network that starts again on its addresses has the same CA, key, router and tokens', async () => {
  verifies('FABRIC-SURVIVES-RESTART');
  const home = join(folder, 'again');
  const first = await startFabric({ home, controller: ANYWHERE, router: ANYWHERE, log: silentLogger });
  const { controllerUrl, routerUrl, caPem } = first;
  const { jwt } = await first.admin.createIdentity({ name: 'later' });
  await first[Symbol.asyncDispose]();
  const at = (url: string): { host: string; port: number } => ({ host: '127.0.0.1', port: Number(url.match(/:(\d+)/)?.[1]) });
  await using second = await startFabric({ home, controller: at(controllerUrl), router: at(routerUrl), log: silentLogger });
  assert.deepEqual([second.controllerUrl, second.routerUrl, second.caPem], [controllerUrl, routerUrl, caPem]);
  const { jwt: newer } = await second.admin.reissueToken('later');
  const [header] = jwt.split('.');
  assert.equal(newer.split('.')[0], header, 'the same key id');
});

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { cpSync, readdirSync, statSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { basename, join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import type { FabricController } from '../../../provisioning/fabric/placed-controller.ts';
import { verifies } from '../../requirements.ts';
import { until } from '../../support/uplink.ts';
import { RawClient, type RawFrame } from '../../support/ziti/raw-client.ts';
import { type Enrolled, FabricSite } from './site.ts';

const NO_ANSWER = 'timeout waiting for message reply: context deadline exceeded';
const LIMITS = { controllerAnswerMs: 1000, controllerFoundMs: 50, linkReportMs: 0, bindReportMs: 20, bindsAgainMs: 50, idleCircuitMs: 200 };

let site: FabricSite;
let hub: Enrolled;
let gateway: Enrolled;
before(async () => {
  site = await FabricSite.start({ routerLimits: LIMITS });
  const { admin } = site.fabric;
  [hub, gateway] = [await site.enrol('hub', ['hubs']), await site.enrol('gateway', ['gateways'])];
  await admin.createService({ name: 'vitals', encryptionRequired: false });
  await admin.createPolicy({ name: 'bind', type: 'Bind', identityRoles: ['#hubs'], serviceRoles: ['#all'] });
});
beforeEach(async () => {
  const { admin, controller } = site.fabric;
  await controller.start();
  if (!(await admin.listPolicies()).some(({ name }) => name === 'dial'))
    await admin.createPolicy({ name: 'dial', type: 'Dial', identityRoles: ['#gateways'], serviceRoles: ['#all'] });
});
after(() => site[Symbol.asyncDispose]());

function controller(): FabricController {
  return site.fabric.controller;
}

interface SignedIn {
  api: string;
  session: string;
  routers: { isOnline: boolean }[];
}

async function signedIn(identity: Enrolled, type: 'Dial' | 'Bind'): Promise<SignedIn> {
  const { token: api, headers } = await site.signIn(identity);
  const { json: services } = await site.call('GET', '/services', { headers });
  const { json } = await site.call('POST', '/sessions', { headers, body: { serviceId: services.data[0].id, type } });
  return { api, session: json.data.token, routers: json.data.edgeRouters };
}

async function channel({ id, key, cert }: Enrolled, api: string): Promise<RawClient> {
  const { caPem, routerUrl } = site.fabric;
  const identity = { id, trustDomain: '', keyPem: key, certPem: cert, caPem, controllers: [] };
  const client = await RawClient.connect({ identity, ca: caPem, port: Number(new URL(routerUrl).port) });
  await client.hello(api);
  return client;
}

/** The service hosted at connection id 7. */
async function host({ api, session }: SignedIn): Promise<RawClient> {
  const client = await channel(hub, api);
  client.send(60790, { 1000: 7, 1012: '\x01', 1024: '\x01' }, session);
  await client.next(60784);
  return client;
}

async function accept(client: RawClient): Promise<number> {
  const dial = await client.next(60787);
  const connId = dial.headers.get(1012);
  assert.ok(connId);
  client.send(60788, { 1: dial.sequence, 1000: 7 }, connId);
  return connId.readUInt32LE();
}

async function refused(client: RawClient): Promise<string> {
  return String((await client.next(60785)).body);
}

/** A circuit between them, with a payload each way. */
async function circuit(dialer: RawClient, hosting: RawClient, connId: number, session: string): Promise<number> {
  dialer.send(60783, { 1000: connId }, session);
  const hostConnId = await accept(hosting);
  await dialer.next(60784);
  return hostConnId;
}

async function carries(from: RawClient, connId: number, to: RawClient): Promise<RawFrame> {
  from.send(60786, { 1000: connId }, 'reading');
  return await to.next(60786);
}

describe('the controller of an embedded network is stopped and started while its routers run', { timeout: 60_000 }, () => {
  test('it closes its port and cuts its connections; it is back at the same address, and sees its routers when they have found it', async () => {
    verifies('FABRIC-CONTROLLER-AWAY');
    const { url } = controller();
    const port = Number(new URL(url).port);
    const open: Socket = connect(port, '127.0.0.1');
    await once(open, 'connect');
    const cut = once(open, 'close');
    await Promise.all([controller().stop(), controller().stop()]);
    await cut;
    assert.equal(controller().online, false);
    const taken = createServer().listen(port, '127.0.0.1');
    await once(taken, 'listening');
    await assert.rejects(controller().start(), { code: 'FABRIC-ADDRESS' });
    taken.close();
    await once(taken, 'close');
    await Promise.all([controller().start(), controller().start()]);
    assert.deepEqual([controller().url, controller().online], [url, true]);
    while (!(await signedIn(hub, 'Bind')).routers[0]?.isOnline);
    assert.deepEqual(
      readdirSync(site.home).filter((name) => name.startsWith('held-')),
      [],
      'what routers knew is forgotten',
    );
  });

  test('what routers knew lies in the home for its owner alone, once however often the controller goes, and not over a restart', async () => {
    verifies('FABRIC-CONTROLLER-AWAY');
    await using own = await FabricSite.start({ routerLimits: { controllerFoundMs: 0 } });
    const left = (): string[] => readdirSync(own.home).filter((name) => name.startsWith('held-'));
    for (let times = 0; times < 3; times += 1) {
      await own.fabric.controller.stop();
      assert.equal(left().length, 1);
      await own.fabric.controller.start();
    }
    await own.fabric.controller.stop();
    const [held] = left();
    const folder = join(own.home, held ?? assert.fail());
    assert.equal(statSync(folder).mode & 0o777, 0o700);
    for (const name of readdirSync(folder)) assert.equal(statSync(join(folder, name)).mode & 0o777, 0o600, name);
    // As a process that was killed leaves it.
    const copy = `${folder}-of-a-killed-one`;
    cpSync(folder, copy, { recursive: true });
    await own.stop();
    assert.deepEqual(left(), [basename(copy)]);
    await own.start();
    assert.deepEqual(left(), []);
  });

  test('its routers are offline until they have found it', async () => {
    verifies('FABRIC-CONTROLLER-AWAY');
    await using own = await FabricSite.start({ routerLimits: { controllerFoundMs: 3_600_000 } });
    const { id, key, cert } = await own.enrol('hub');
    const listed = async (): Promise<boolean[]> => {
      const { headers } = await own.signIn({ id, key, cert });
      const { json } = await own.call('GET', '/current-identity/edge-routers', { headers });
      return json.data.map(({ isOnline }: { isOnline: boolean }) => isOnline);
    };
    assert.deepEqual(await listed(), [true]);
    await own.fabric.controller.stop();
    await own.fabric.controller.start();
    assert.deepEqual(await listed(), [false]);
  });

  test('circuits carry on, a channel opens, a Connect is answered late, and one that still waits is made when it is back', async () => {
    verifies('FABRIC-CONTROLLER-AWAY');
    const [binding, dialling] = [await signedIn(hub, 'Bind'), await signedIn(gateway, 'Dial')];
    await using hosting = await host(binding);
    await hosting.next(60800);
    await using dialer = await channel(gateway, dialling.api);
    const hostConnId = await circuit(dialer, hosting, 1, dialling.session);
    await controller().stop();
    await carries(dialer, 1, hosting);
    await carries(hosting, hostConnId, dialer);
    await using later = await channel(gateway, dialling.api);
    later.send(60783, { 1000: 1 }, dialling.session);
    assert.equal(await refused(later), NO_ANSWER);
    dialer.send(60785, { 1000: 1 });
    assert.equal(await refused(hosting), 'close called');
    later.send(60783, { 1000: 2 }, dialling.session);
    await controller().start();
    await accept(hosting);
    await later.next(60784);
  });

  test('a bind is confirmed when it is back, and one of before a second time', async () => {
    verifies('FABRIC-CONTROLLER-AWAY');
    const binding = await signedIn(hub, 'Bind');
    await using standing = await host(binding);
    await standing.next(60800);
    await controller().stop();
    await using waiting = await host(binding);
    await waiting.sync();
    assert.deepEqual(waiting.unread, []);
    await controller().start();
    await waiting.next(60800);
    await standing.next(60800);
  });

  test('what is changed meanwhile counts when it is back', async () => {
    verifies('FABRIC-CONTROLLER-AWAY', 'FABRIC-DEFAULT-DENY');
    const [binding, dialling] = [await signedIn(hub, 'Bind'), await signedIn(gateway, 'Dial')];
    await using hosting = await host(binding);
    await hosting.next(60800);
    await using dialer = await channel(gateway, dialling.api);
    const hostConnId = await circuit(dialer, hosting, 1, dialling.session);
    await controller().stop();
    const { admin } = site.fabric;
    await admin.deletePolicy('dial');
    await admin.disableIdentity('hub');
    await carries(dialer, 1, hosting);
    await carries(hosting, hostConnId, dialer);
    await using later = await channel(gateway, dialling.api);
    later.send(60783, { 1000: 1 }, dialling.session);
    assert.equal(await refused(later), NO_ANSWER);
    later.send(60783, { 1000: 2 }, dialling.session);
    const [over, closed] = [hosting.closed, refused(dialer)];
    await controller().start();
    await over;
    assert.equal(await refused(later), 'no policies provide access');
    assert.equal(hosting.received.filter(({ type }) => type === 60787).length, 1, 'its host was not asked');
    assert.match(await closed, /^(dial access lost|close called)$/);
    await admin.enableIdentity('hub');
  });

  test('circuits that are older than the restart end at their first idleness, others do not', async () => {
    verifies('FABRIC-CONTROLLER-AWAY');
    const [binding, dialling] = [await signedIn(hub, 'Bind'), await signedIn(gateway, 'Dial')];
    await using hosting = await host(binding);
    await hosting.next(60800);
    await using dialer = await channel(gateway, dialling.api);
    await circuit(dialer, hosting, 1, dialling.session);
    await controller().stop();
    await controller().start();
    dialer.send(60783, { 1000: 2 }, dialling.session);
    const second = await accept(hosting);
    await dialer.arrival(60784);
    await dialer.arrival(60785);
    await hosting.arrival(60785);
    const ended = dialer.unread.filter(({ type }) => type === 60785).map(({ headers }) => headers.get(1000)?.readInt32LE());
    assert.deepEqual(ended, [1]);
    dialer.send(60786, { 1000: 2 }, 'reading');
    await until(() => hosting.received.some(({ type, headers }) => type === 60786 && headers.get(1000)?.readUInt32LE() === second));
  });

  test('whoever left before it was back has a circuit made for nobody, which ends too', async () => {
    verifies('FABRIC-CONTROLLER-AWAY');
    const [binding, dialling] = [await signedIn(hub, 'Bind'), await signedIn(gateway, 'Dial')];
    await using hosting = await host(binding);
    await hosting.next(60800);
    await using dialer = await channel(gateway, dialling.api);
    await controller().stop();
    dialer.send(60783, { 1000: 1 }, dialling.session);
    dialer.send(60785, { 1000: 1 });
    await dialer.sync();
    await controller().start();
    const connId = await accept(hosting);
    await hosting.arrival(60785);
    const closed = hosting.unread.filter(({ type }) => type === 60785).map(({ headers }) => headers.get(1000)?.readUInt32LE());
    assert.deepEqual(closed, [connId]);
    assert.deepEqual(dialer.unread, []);
  });
});

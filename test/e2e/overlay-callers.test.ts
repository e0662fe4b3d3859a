import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { after, before, describe, test } from 'node:test';
import { type Identity, loadIdentity } from '../../shared/identity/identity.ts';
import type { Caller, Overlay } from '../../shared/overlay/overlay.ts';
import { openController } from '../../shared/overlay/ziti/controller/controller.ts';
import { verifies } from '../requirements.ts';
import { INGEST, registryOf } from '../support/fabric-site.ts';
import { testHub } from '../support/hub.ts';
import { MemoryOutbox, until } from '../support/uplink.ts';
import { type PlannedFabric, plannedFabric } from '../support/ziti/network.ts';
import { RawClient } from '../support/ziti/raw-client.ts';
import { drained, openQuickly, sendOverZiti, serveOverZiti, spot, valuesOf } from '../support/ziti-uplink.ts';

const PLAN = {
  services: [INGEST],
  identities: {
    hub: { dial: [], bind: [INGEST] },
    gateway: { dial: [INGEST], bind: [] },
    victim: { dial: [INGEST], bind: [] },
  },
};

const CONNECT = 60783;
const [CONN_ID, PUBLIC_KEY, CRYPTO_METHOD, CALLER_ID, DIALER_ID, DIALER_NAME] = [1000, 1003, 1009, 1008, 1034, 1035];

describe('who a hub takes its caller for', () => {
  let network: PlannedFabric;
  let hub: Identity;
  let gateway: Identity;
  let victim: Identity;

  before(async () => {
    network = await plannedFabric(PLAN, true);
    const load = (name: string): Identity => loadIdentity(network.identityPath(name));
    [hub, gateway, victim] = [load('hub'), load('gateway'), load('victim')];
  });

  after(() => network[Symbol.asyncDispose]());

  test('a client that writes the headers of the caller itself is who it signed in as, whatever it wrote', async () => {
    verifies('OVERLAY-CALLER', 'FABRIC-ROUTER-CALLER');
    await using overlay = await openQuickly(hub);
    const callers = await heard(overlay);
    await using client = await rawClient(network, gateway);
    const forgeries: Record<number, string | Buffer>[] = [
      { [DIALER_ID]: victim.id, [DIALER_NAME]: 'victim' },
      { [DIALER_ID]: victim.id, [DIALER_NAME]: 'victim', [CALLER_ID]: 'victim' },
      { [CALLER_ID]: 'victim' },
      { [DIALER_ID]: '', [DIALER_NAME]: '' },
      { [DIALER_ID]: randomBytes(200), [DIALER_NAME]: 'hub\r\n\u202evictim' },
      {},
    ];
    for (const [i, forged] of forgeries.entries()) {
      client.raw.send(CONNECT, { [CONN_ID]: i + 1, [PUBLIC_KEY]: randomBytes(32), [CRYPTO_METHOD]: '\0', ...forged }, client.dialToken);
    }
    await until(() => callers.length === forgeries.length);
    for (const caller of callers) assert.deepEqual(caller, { identityId: gateway.id, name: 'gateway', verified: true });
  });

  test('a gateway behind the overlay identity of another one is who its certificate says; the difference is counted', async () => {
    verifies('CALLER-FROM-CERTIFICATE');
    await using store = testHub({ registry: registryOf([gateway.id]) });
    await using served = await serveOverZiti(hub, store);
    const outbox = new MemoryOutbox();
    await outbox.append([spot(71)]);
    await using _sending = await sendOverZiti(gateway, hub.id, outbox, victim);
    await drained(outbox);
    assert.deepEqual(await valuesOf(store), [71]);
    assert.deepEqual(
      served.server.sessions().map((session) => session.gateway),
      [gateway.id],
    );
    assert.equal(store.metrics.get('uplink_caller_differs'), 1);
  });

  test('an overlay identity that the hub knows does not vouch for a certificate that it does not', async () => {
    verifies('CALLER-FROM-CERTIFICATE');
    await using store = testHub({ registry: registryOf([victim.id]) });
    await using served = await serveOverZiti(hub, store);
    const outbox = new MemoryOutbox();
    await outbox.append([spot(72)]);
    await using sending = await sendOverZiti(gateway, hub.id, outbox, victim);
    await until(() => sending.uplink.status().code === 'UPLINK-UNKNOWN-GATEWAY');
    assert.ok(store.metrics.get('uplink_caller_differs') > 0);
    assert.equal((await outbox.status()).pending, 1);
    assert.deepEqual(await valuesOf(store), []);
    assert.deepEqual(served.server.sessions(), []);
  });

  test('an agent gives nothing to who hosts the service and is not the hub it was told of', async () => {
    verifies('IDENTITY-CHAIN');
    await using store = testHub({ registry: registryOf([gateway.id]) });
    await using _served = await serveOverZiti(hub, store);
    const outbox = new MemoryOutbox();
    await outbox.append([spot(73)]);
    await using sending = await sendOverZiti(gateway, victim.id, outbox);
    await until(() => sending.uplink.status().code === 'UPLINK-PEER');
    assert.equal((await outbox.status()).pending, 1);
    assert.deepEqual(await valuesOf(store), []);
  });
});

/** Hosts the service and lists who calls. */
async function heard(overlay: Overlay): Promise<readonly Caller[]> {
  const callers: Caller[] = [];
  await overlay.bind(INGEST, (connection: Duplex, caller) => {
    connection.on('error', () => undefined);
    callers.push(caller);
  });
  return callers;
}

/** A channel of this identity, past its hello, whose frames a test writes by hand; and the right to dial. */
async function rawClient({ fabric }: PlannedFabric, identity: Identity): Promise<AsyncDisposable & { raw: RawClient; dialToken: string }> {
  await using stack = new AsyncDisposableStack();
  const controller = stack.use(openController({ identity, limits: { signOutTimeoutMs: 50 } }));
  const { token } = await controller.signIn();
  const [service] = await controller.services();
  assert.ok(service);
  const dial = await controller.createSession(service.id, 'Dial');
  const raw = stack.use(await RawClient.connect({ port: Number(new URL(fabric.routerUrl).port), identity, ca: fabric.caPem }));
  await raw.hello(token);
  const made = stack.move();
  return { raw, dialToken: dial.token, [Symbol.asyncDispose]: () => made.disposeAsync() };
}

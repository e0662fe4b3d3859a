import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { startFabric } from '../../provisioning/fabric/fabric.ts';
import { type Identity, parseIdentity } from '../../shared/identity/identity.ts';
import { silentLogger } from '../../shared/log.ts';
import { verifies } from '../requirements.ts';
import { INGEST, registryOf } from '../support/fabric-site.ts';
import { testHub } from '../support/hub.ts';
import { MemoryOutbox, until } from '../support/uplink.ts';
import { issueFleet } from '../support/ziti/fleet.ts';
import { drained, sendOverZiti, serveOverZiti, spot, valuesOf } from '../support/ziti-uplink.ts';

const GATEWAYS = 40;
const ANYWHERE = { host: '127.0.0.1', port: 0 };

test(`${GATEWAYS} gateways on one hub lose their router together: all are back, and every reading is stored once`, {
  timeout: 120_000,
}, async () => {
  verifies('OVERLAY-NO-STAMPEDE', 'FABRIC-SEVERAL-ROUTERS');
  await using stack = new AsyncDisposableStack();
  const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-fleet-'));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  const issued = await issueFleet(join(folder, 'home'), GATEWAYS);
  const fabric = stack.use(await startFabric({ home: join(folder, 'home'), controller: ANYWHERE, router: ANYWHERE, log: silentLogger }));
  const { admin, controllerUrl } = fabric;
  await admin.createService({ name: INGEST });
  await admin.createPolicy({ name: 'dial', type: 'Dial', identityRoles: ['#gateways'], serviceRoles: [`@${INGEST}`] });
  await admin.createPolicy({ name: 'bind', type: 'Bind', identityRoles: ['#hubs'], serviceRoles: [`@${INGEST}`] });
  const identityOf = (file: unknown): Identity => ({ ...parseIdentity(file), controllers: [controllerUrl] });
  const identities = issued.gateways.map(identityOf);

  const store = stack.use(testHub({ registry: registryOf(identities.map(({ id }) => id)) }));
  const hub = identityOf(issued.hub);
  const served = stack.use(await serveOverZiti(hub, store));
  const outboxes = identities.map(() => new MemoryOutbox());
  const gateways = await Promise.all(
    identities.map(async (identity, i) => stack.use(await sendOverZiti(identity, hub.id, outboxes[i] ?? new MemoryOutbox()))),
  );
  const connected = (): number => served.server.sessions().length;
  const measure = async (from: number): Promise<void> => {
    await Promise.all(outboxes.map((outbox, i) => outbox.append([spot(from + i)])));
  };

  await until(() => connected() === GATEWAYS);
  await measure(0);
  await Promise.all(outboxes.map(drained));

  const [router] = fabric.routers;
  await router?.stop();
  await until(() => connected() === 0 && gateways.every(({ overlay }) => overlay.state === 'lost'));
  await measure(100);
  await router?.start();
  await until(() => connected() === GATEWAYS);
  await measure(200);
  await Promise.all(outboxes.map(drained));

  const expected = [0, 100, 200].flatMap((from) => outboxes.map((_, i) => from + i));
  assert.deepEqual(await valuesOf(store), expected);
});

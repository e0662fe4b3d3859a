import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { startFabric } from '../../../../../provisioning/fabric/fabric.ts';
import { loadIdentity } from '../../../../../shared/identity/identity.ts';
import { silentLogger } from '../../../../../shared/log.ts';
import { openController } from '../../../../../shared/overlay/ziti/controller/controller.ts';
import { enroll } from '../../../../../shared/overlay/ziti/enroll/enroll.ts';
import { verifies } from '../../../../requirements.ts';

const ANYWHERE = { host: '127.0.0.1', port: 0 };

test('with the embedded network: sign in, list, dial and bind sessions, what is refused, and a revoked identity', async () => {
  verifies('OVERLAY-SIGN-IN');
  const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-controller-'));
  await using stack = new AsyncDisposableStack();
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  const fabric = stack.use(await startFabric({ home: join(folder, 'home'), controller: ANYWHERE, router: ANYWHERE, log: silentLogger }));
  const { admin } = fabric;
  const { id, jwt } = await admin.createIdentity({ name: 'ward-3' });
  const ingest = await admin.createService({ name: 'vitals-ingest' });
  const plain = await admin.createService({ name: 'plain', encryptionRequired: false });
  const hidden = await admin.createService({ name: 'hidden' });
  await admin.createPolicy({ name: 'p1', type: 'Dial', identityRoles: [`@${id}`], serviceRoles: [`@${ingest.id}`] });
  await admin.createPolicy({ name: 'p2', type: 'Bind', identityRoles: [`@${id}`], serviceRoles: [`@${plain.id}`] });
  const identityPath = join(folder, 'gw1.json');
  await enroll({ token: jwt, identityPath, now: Date.now });
  const controller = stack.use(openController({ identity: loadIdentity(identityPath), limits: { refusedPauseMs: 10 } }));

  const { identityId, identityName } = await controller.signIn();
  assert.deepEqual([identityId, identityName], [id, 'ward-3']);
  const services = (await controller.services()).toSorted((a, b) => a.name.localeCompare(b.name));
  assert.deepEqual(services, [
    { id: plain.id, name: 'plain', permissions: ['Bind'], encryptionRequired: false },
    { id: ingest.id, name: 'vitals-ingest', permissions: ['Dial'], encryptionRequired: true },
  ]);
  const mark = await controller.servicesMark();
  assert.ok(mark !== undefined);
  assert.equal(await controller.servicesMark(), mark);
  await admin.createPolicy({ name: 'p3', type: 'Dial', identityRoles: [`@${id}`], serviceRoles: [`@${ingest.id}`] });
  assert.notEqual(await controller.servicesMark(), mark);
  const routers = await controller.edgeRouters();
  assert.deepEqual(
    routers.map(({ host, port }) => `tls://${host}:${port}`),
    [fabric.routerUrl],
  );
  const session = await controller.createSession(ingest.id, 'Dial');
  assert.deepEqual([session.type, session.serviceId, session.routers], ['Dial', ingest.id, routers]);
  assert.equal((await controller.createSession(plain.id, 'Bind')).type, 'Bind');
  await assert.rejects(controller.createSession(plain.id, 'Dial'), { code: 'OVERLAY-DENIED' });
  await assert.rejects(controller.createSession(hidden.id, 'Dial'), { code: 'OVERLAY-NO-SERVICE' });

  await admin.disableIdentity('ward-3');
  await assert.rejects(controller.services(), { code: 'OVERLAY-SIGN-IN' });
  await admin.enableIdentity('ward-3');
  assert.equal((await controller.services()).length, 2);
});

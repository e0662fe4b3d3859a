import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { z } from 'zod';
import { systemClock } from '../../../shared/clock.ts';
import { loadIdentity } from '../../../shared/identity/identity.ts';
import { IdentityFiles } from '../../../shared/identity/identity-files.ts';
import { silentLogger } from '../../../shared/log.ts';
import { openOverlay, openOwnPlace, overlayConfig } from '../../../shared/overlay/config.ts';
import type { Overlay } from '../../../shared/overlay/overlay.ts';
import { verifies } from '../../requirements.ts';
import { testNetwork } from '../../support/identities.ts';
import { reaches } from '../../support/overlay-states.ts';
import { plannedFabric } from '../../support/ziti/network.ts';

test('an OpenZiti network needs nothing but its name: the identity file says where it is', async () => {
  const config = overlayConfig.parse({ type: 'ziti' });
  await using planned = await plannedFabric({ services: ['vitals'], identities: { gateway: { dial: ['vitals'], bind: [] } } }, true);
  await using overlay = await openOverlay(config, loadIdentity(planned.identityPath('gateway')), silentLogger);
  await reaches(overlay, 'ready');
  assert.deepEqual(await overlay.services(), [{ name: 'vitals', permissions: ['Dial'] }]);
});

for (const signIn of ['certificate', 'oidc'] as const)
  test(`a program can tell by which controller, which sign-in and which routers it is in its network: ${signIn}`, async () => {
    verifies('OVERLAY-ROUTER-STATUS');
    await using planned = await plannedFabric({ services: ['vitals'], identities: { gateway: { dial: ['vitals'], bind: [] } } }, true);
    const files = new IdentityFiles(planned.identityPath('gateway'));
    const held = files.open(silentLogger);
    await using place = await openOwnPlace({ type: 'ziti', signIn }, { held, files, clock: systemClock }, silentLogger);
    await reaches(place.overlay, 'ready');
    const { controllerUrl, routerUrl } = planned.fabric;
    assert.equal(place.controller(), new URL(controllerUrl).host);
    assert.equal(place.signIn(), signIn);
    assert.deepEqual(
      place.routers().map(({ address, connected }) => [address, connected]),
      [[new URL(routerUrl).host, true]],
    );
  });

test('a program that is not in its network yet is not signed in', async () => {
  verifies('OVERLAY-ROUTER-STATUS');
  const network = await testNetwork();
  const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-place-'));
  try {
    const path = join(folder, 'gateway.json');
    const controller = 'https://127.0.0.1:1';
    writeFileSync(path, JSON.stringify(await network.ca.issueIdentity({ id: 'gateway', name: 'gateway', controller })), { mode: 0o600 });
    const files = new IdentityFiles(path);
    await using place = await openOwnPlace({ type: 'ziti' }, { held: files.open(silentLogger), files, clock: systemClock }, silentLogger);
    assert.deepEqual([place.controller(), place.signIn()], [null, null]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('the way to sign in is chosen by what the controller offers, and can be forced', async () => {
  verifies('OVERLAY-OIDC-SIGN-IN');
  const plan = { services: ['vitals'], identities: { gateway: { dial: ['vitals'], bind: [] } } };
  await using planned = await plannedFabric(plan, true, { signIn: 'certificate' });
  const identity = loadIdentity(planned.identityPath('gateway'));
  const open = (signIn: string): Promise<Overlay> => openOverlay(overlayConfig.parse({ type: 'ziti', signIn }), identity, silentLogger);
  for (const way of ['auto', 'certificate']) {
    await using overlay = await open(way);
    await reaches(overlay, 'ready');
  }
  await using refused = await open('oidc');
  await assert.rejects(refused.dial('vitals'), { code: 'OVERLAY-UNREACHABLE' });
  assert.throws(() => overlayConfig.parse({ type: 'ziti', signIn: 'password' }));
});

test('an identity without a controller is a mistake in the configuration, told before anything is tried', async () => {
  const identity = await (await testNetwork()).identity('gateway');
  await assert.rejects(openOverlay({ type: 'ziti' }, { ...identity, controllers: [] }, silentLogger), {
    code: 'CONFIG-INVALID',
    message: /identity file that names its controller/,
  });
});

test('a network that is not there is waited for', async () => {
  const identity = { ...(await (await testNetwork()).identity('gateway')), controllers: ['https://127.0.0.1:1'] };
  await using overlay = await openOverlay({ type: 'ziti' }, identity, silentLogger);
  assert.equal(overlay.state, 'connecting');
  await assert.rejects(overlay.dial('vitals'), { code: 'OVERLAY-UNREACHABLE' });
});

test('a network that takes connections and says nothing does not hold up the start', async () => {
  const server = createServer((socket) => void socket.on('error', () => socket.destroy()).resume());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const identity = { ...(await (await testNetwork()).identity('gateway')), controllers: [`https://127.0.0.1:${port}`] };
  const connected = once(server, 'connection');
  {
    await using overlay = await openOverlay({ type: 'ziti' }, identity, silentLogger);
    assert.equal(overlay.state, 'connecting');
    const [socket] = await connected;
    assert.equal(socket.readyState, 'open', 'the attempt is still under way');
  }
  await new Promise((resolve) => server.close(resolve));
});

test('what belongs to another kind of network is refused', () => {
  assert.equal(overlayConfig.safeParse({ type: 'ziti', socket: 'overlay.sock' }).success, false);
  assert.equal(overlayConfig.safeParse({ type: 'tor' }).success, false);
  assert.match(JSON.stringify(z.toJSONSchema(overlayConfig)), /"const":"ziti"/);
});

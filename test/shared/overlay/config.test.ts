import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { loadIdentity } from '../../../shared/identity/identity.ts';
import { silentLogger } from '../../../shared/log.ts';
import { openOverlay, overlayConfig } from '../../../shared/overlay/config.ts';
import { testNetwork } from '../../support/identities.ts';
import { plannedFabric } from '../../support/ziti/network.ts';

test('an OpenZiti network needs nothing but its name: the identity file says where it is', async () => {
  const config = overlayConfig.parse({ type: 'ziti' });
  await using planned = await plannedFabric({ services: ['vitals'], identities: { gateway: { dial: ['vitals'], bind: [] } } }, true);
  await using overlay = await openOverlay(config, loadIdentity(planned.identityPath('gateway')), silentLogger);
  assert.equal(overlay.state, 'ready');
  assert.deepEqual(await overlay.services(), [{ name: 'vitals', permissions: ['Dial'] }]);
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

test('what belongs to another kind of network is refused', () => {
  assert.equal(overlayConfig.safeParse({ type: 'ziti', socket: 'overlay.sock' }).success, false);
  assert.equal(overlayConfig.safeParse({ type: 'tor' }).success, false);
  assert.match(JSON.stringify(z.toJSONSchema(overlayConfig)), /"const":"ziti"/);
});

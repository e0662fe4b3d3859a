import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { verifies } from '../../../requirements.ts';
import { until } from '../../../support/until.ts';
import { echo } from '../../../support/ziti/hub-and-gateway.ts';
import { HubSite } from '../../../support/ziti/hub-site.ts';

const FINDS_IT_SOON = { controllerFoundMs: 50, linkReportMs: 0, bindReportMs: 20, bindsAgainMs: 50 };

describe('a hub whose channel is made anew while the controller is away', { timeout: 60_000 }, () => {
  test('leaves its offer to the router, says that it is unconfirmed, and hosts when the controller is back: by one bind and one terminator', async () => {
    verifies('OVERLAY-UNCONFIRMED', 'OVERLAY-CONTROLLER-AWAY');
    await using site = await HubSite.start({ routerLimits: FINDS_IT_SOON });
    const { controller } = site.admin.site.fabric;
    const hub = await site.open('hub', { requestTimeoutMs: 500 });
    const gateway = await site.open('gateway');
    const binding = await hub.bind('vitals', echo);
    const [first] = site.hubChannels;
    await controller.stop();
    const { begun, stood } = site.binds;
    await first?.[Symbol.asyncDispose]();
    await until(() => binding.failure === 'OVERLAY-UNCONFIRMED');
    // Ready again: with nothing more to wait for.
    await until(() => hub.state === 'ready');
    assert.deepEqual([binding.failure, site.binds], ['OVERLAY-UNCONFIRMED', { begun: begun + 1, stood }]);
    await controller.start();
    await until(() => binding.failure === undefined);
    assert.deepEqual([site.binds, site.hubChannels.length], [{ begun: begun + 1, stood: stood + 1 }, 2]);
    assert.equal((await site.terminators()).length, 1);
    const connection = await gateway.dial('vitals');
    connection.on('error', () => undefined).write('ping');
    const [chunk] = await once(connection, 'data');
    assert.equal(String(chunk), 'ping');
  });
});

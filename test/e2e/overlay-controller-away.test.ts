import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { verifies } from '../requirements.ts';
import { lost, Ward } from '../support/ward.ts';

/** The order of a real network's recovery (openziti-network.md §3.13, §3.14), in a tenth of its time. */
const QUICK = { controllerFoundMs: 400, linkReportMs: 50, bindReportMs: 100, bindsAgainMs: 750 };
const SECOND_ROUTER = { moreRouters: [{ host: '127.0.0.1', port: 0 }] };

/** Where the load proves nothing: what the tests wait for needs the machine, and no longer pauses than some machine makes. */
const SPARING = { everyMs: 50, luck: 'short pauses' } as const;

describe('the controller is away', { concurrency: 2, timeout: 400_000 }, () => {
  test('under load nobody notices: readings go on over what runs, whose state is shown as it is', async () => {
    verifies('OVERLAY-CONTROLLER-AWAY', 'EXACTLY-ONCE');
    await using ward = await Ward.open(2, 2, { routerLimits: QUICK, ...SECOND_ROUTER });
    const before = await Promise.all(ward.agents.map(async (agent) => lost(await agent.status())));
    await ward.controller.stop();
    await ward.grown(500);
    for (const agent of ward.agents) {
      const { overlay, uplink } = await agent.status();
      assert.deepEqual([overlay, uplink.state, uplink.code], ['ready', 'connected', null]);
    }
    const { overlay, uplink, gateways } = await ward.hub.status();
    assert.deepEqual([overlay, uplink.bound, gateways.length], ['ready', true, 2]);
    await ward.controller.start();
    await ward.grown(500);
    assert.deepEqual(await Promise.all(ward.agents.map(async (agent) => lost(await agent.status()))), before);
    await ward.settled();
  });

  test('an agent that starts meanwhile waits, and so does one whose router was restarted; both are connected when it is back', async () => {
    verifies('OVERLAY-CONTROLLER-AWAY', 'EXACTLY-ONCE');
    await using ward = await Ward.open(2, 1, { routerLimits: QUICK }, SPARING);
    const [agent] = ward.agents;
    assert.ok(agent);
    await ward.controller.stop();
    const late = await ward.startAgent(1);
    const [router] = ward.site.network.routers;
    assert.ok(router);
    await router.stop();
    await router.start();
    // Its session still opens a channel, and nothing can be dialled over it.
    await agent.until(({ overlay, uplink }) => overlay === 'ready' && uplink.code === 'OVERLAY-TIMEOUT');
    await late.until(
      ({ overlay, uplink, outbox }) => overlay === 'connecting' && uplink.code === 'OVERLAY-UNREACHABLE' && outbox.pending > 20,
    );
    await ward.controller.start();
    await Promise.all(ward.agents.map((each) => each.until(({ uplink }) => uplink.state === 'connected')));
    await ward.settled();
  });

  test('a hub that is restarted meanwhile hosts again when it is back, once', async () => {
    verifies('OVERLAY-CONTROLLER-AWAY', 'EXACTLY-ONCE');
    await using ward = await Ward.open(2, 2, { routerLimits: QUICK }, SPARING);
    await ward.controller.stop();
    await ward.hub.stop('SIGKILL');
    const hub = ward.restartHub();
    await hub.until(({ overlay, uplink }) => overlay === 'connecting' && !uplink.bound && uplink.code === 'OVERLAY-UNREACHABLE');
    await Promise.all(ward.agents.map((agent) => agent.until(({ uplink }) => uplink.state !== 'connected')));
    await ward.controller.start();
    await hub.until(({ uplink, mcp, gateways }) => uplink.bound && mcp.bound && gateways.length === 2);
    await ward.settled();
  });

  test('sessions that run out meanwhile end what they carried, and all of it is back afterwards', async () => {
    verifies('OVERLAY-CONTROLLER-AWAY', 'EXACTLY-ONCE');
    await using ward = await Ward.open(2, 2, { routerLimits: { ...QUICK, tokenGraceMs: 500 }, oidc: { accessTokenS: 6 } }, SPARING);
    await ward.controller.stop();
    await Promise.all(ward.agents.map((agent) => agent.until(({ overlay, uplink }) => overlay === 'lost' && uplink.state !== 'connected')));
    await ward.hub.until(({ overlay, uplink, gateways }) => overlay === 'lost' && !uplink.bound && gateways.length === 0);
    await ward.controller.start();
    await ward.hub.until(({ overlay, uplink, gateways }) => overlay === 'ready' && uplink.bound && gateways.length === 2);
    await ward.settled();
  });
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { verifies } from '../requirements.ts';
import type { Enrolled } from '../support/fabric-site.ts';
import { assertAllStoredOnce } from '../support/ziti/counts.ts';
import { WireSite } from '../support/ziti/wire-site.ts';

/** For controller and router together, in the seconds for which everything is gone. */
const MOST_ATTEMPTS = 100;

test('the network interfaces are gone and come back, and so do names: everybody is back, nothing is lost, nothing stored twice', {
  timeout: 400_000,
}, async (context) => {
  verifies('EXACTLY-ONCE', 'OVERLAY-REBIND', 'OVERLAY-PACED');
  await using site = await WireSite.open({ everyMs: 50 });
  const hubIdentity = await site.enrol('hub', 'hubs');
  const gateways: Enrolled[] = [];
  for (const name of ['gateway-1', 'gateway-2', 'gateway-3']) gateways.push(await site.enrol(name, 'gateways'));
  const hub = await site.wiredHub(hubIdentity, gateways);
  const agents = await Promise.all(gateways.map((gateway) => site.wiredAgent(gateway, hubIdentity)));
  const [unresolving] = agents;
  assert.ok(unresolving);
  const config = site.agentConfig(unresolving.enrolled);
  await hub.process.until((status) => status.gateways.length === agents.length && status.counts.observations > 100);

  const wires = [hub.wire, ...agents.map(({ wire }) => wire)];
  const connections = (): number[] => wires.map(({ all }) => all.reduce((sum, { counts }) => sum + counts.connections, 0));
  // Not even a name is left on one of them; its line is cut as the others' are.
  site.resolve(config, unresolving.wire, unresolving.wire.all);
  const before = connections();
  for (const { all } of wires) for (const relay of all) relay.aim(undefined);
  for (const { process } of agents) {
    await process.until(
      ({ overlay, uplink, outbox }) => overlay === 'lost' && uplink.code === 'OVERLAY-UNREACHABLE' && outbox.pending > 20,
    );
  }
  await hub.process.until((status) => status.overlay === 'lost' && status.gateways.length === 0);
  await unresolving.process.says(/no channel to the edge router|the edge routers cannot be asked for/, 'stderr');
  assert.deepEqual(connections()[1], before[1], 'nobody is called whose name is not known');

  for (const { controller, routers } of wires) {
    controller.aim(site.controllerTarget());
    for (const [i, relay] of routers.entries()) relay.aim(site.routerTarget(i));
  }
  for (const { process } of agents.slice(1))
    await process.until(({ overlay, uplink }) => overlay === 'ready' && uplink.state === 'connected');
  // The others do not wait for the one whose name server is still away.
  assert.equal((await unresolving.process.status()).overlay, 'lost');
  assert.match(unresolving.process.stderr, /ENOTFOUND/);
  site.resolve(config, unresolving.wire, []);
  await hub.process.until((status) => status.gateways.length === agents.length);

  const stored = await assertAllStoredOnce(
    hub.process,
    agents.map(({ process }) => process),
    agents.map(({ oximeter }) => oximeter),
  );
  for (const [i, count] of connections().entries()) assert.ok(count - (before[i] ?? 0) <= MOST_ATTEMPTS, `${count} connections`);
  context.diagnostic(`${stored} values of ${agents.length} gateways`);
});

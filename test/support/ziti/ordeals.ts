import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { Enrolled } from '../fabric-site.ts';
import type { Luck } from '../luck.ts';
import { assertAllStoredOnce } from './counts.ts';
import type { FaultyRelay } from './faulty-relay.ts';
import { SICK_CONTROLLERS, type SickController, sickController } from './sick-controller.ts';
import { SICKNESSES, type Sickness, sickRouter } from './sick-router.ts';
import { WireSite } from './wire-site.ts';

// What a hub and agents go through as processes; each ends with the count of all values that devices sent and the hub stored.

/** A loop without pauses makes hundreds of connections in a second. */
const MOST_CONNECTIONS = 60;
/** What a client may take of a router that announces gigabytes, or sends without end until it is given up. */
const MOST_TAKEN_BYTES = 16 * 1024 * 1024;
/** Of bytes behind which a connection is cut, or a bit of it turned over: within TLS, within the hello, or under load. */
const FAULT_AT = [1, 30_000] as const;

/** A gateway for each sickness of the first router of two. */
export async function sickRouters(context: TestContext, sicknesses: readonly Sickness[], luck?: Luck): Promise<void> {
  await using site = await WireSite.open({ routers: 2, everyMs: 100, ...(luck && { luck }) });
  await using stack = new AsyncDisposableStack();
  const hubIdentity = await site.enrol('hub', 'hubs');
  const gateways: Enrolled[] = [];
  for (const [i] of sicknesses.entries()) gateways.push(await site.enrol(`gateway-${i + 1}`, 'gateways'));
  const hub = await site.hub(hubIdentity, gateways);
  const agents = await Promise.all(
    sicknesses.map(async (sickness, i) => {
      const sick = stack.use(await sickRouter(site.home, sickness));
      const gateway = gateways[i];
      assert.ok(gateway);
      const agent = await site.wiredAgent(gateway, hubIdentity, ({ routers }) => routers[0]?.aim(sick.port));
      return { sickness, sick, ...agent };
    }),
  );
  for (const { process } of agents)
    await process.until(({ overlay, uplink, outbox }) => overlay === 'ready' && uplink.state === 'connected' && outbox.delivered > 20);
  for (const { sickness, process, wire } of agents) {
    const [line] = await process.says(/^.*no channel to the edge router.*$/m, 'stderr');
    const { err, router } = JSON.parse(line) as { err: { code: string; detail?: string }; router: string };
    context.diagnostic(`${sickness}: ${wire.routers[0]?.counts.connections} connections; ${err.code} ${err.detail}`);
    assert.deepEqual([router, err.code], ['router-1', SICKNESSES[sickness].code], sickness);
    assert.match(err.detail ?? '', SICKNESSES[sickness].detail, sickness);
    const { routers } = await process.until((status) => status.routers.some(({ code }) => code !== null));
    assert.deepEqual(
      routers.map(({ name, connected, code }) => [name, connected, code]),
      [
        ['router-1', false, err.code],
        ['router-2', true, null],
      ],
      sickness,
    );
  }

  for (const { wire } of agents) wire.routers[1]?.aim(undefined);
  for (const { process } of agents)
    await process.until(({ overlay, uplink }) => overlay === 'lost' && uplink.code === 'OVERLAY-UNREACHABLE');
  for (const { wire } of agents) wire.routers[0]?.aim(site.routerTarget(0));
  for (const { process } of agents) await process.until(({ overlay, uplink }) => overlay === 'ready' && uplink.state === 'connected');

  const stored = await assertAllStoredOnce(
    hub,
    agents.map(({ process }) => process),
    agents.map(({ oximeter }) => oximeter),
  );
  for (const { sickness, sick, wire } of agents) {
    const { connections } = wire.routers[0]?.counts ?? { connections: 0 };
    assert.ok(connections > 0 && connections <= MOST_CONNECTIONS, `${sickness}: ${connections} connections`);
    assert.ok(sick.mostSent <= MOST_TAKEN_BYTES, `${sickness}: ${sick.mostSent} bytes`);
  }
  context.diagnostic(`${stored} values of ${agents.length} gateways`);
}

/** A gateway for each sickness of the controller. */
export async function sickControllers(context: TestContext, sicknesses: readonly SickController[], luck?: Luck): Promise<void> {
  await using site = await WireSite.open({ everyMs: 100, ...(luck && { luck }) });
  await using stack = new AsyncDisposableStack();
  const hubIdentity = await site.enrol('hub', 'hubs');
  const gateways = await Promise.all(sicknesses.map((_, i) => site.enrol(`gateway-${i + 1}`, 'gateways')));
  const hub = await site.hub(hubIdentity, gateways);
  const sick = await Promise.all(sicknesses.map(async (name) => stack.use(await sickController(site.home, name))));
  const agents = await Promise.all(
    gateways.map((gateway, i) => site.wiredAgent(gateway, hubIdentity, ({ controller }) => controller.aim(sick[i]?.port))),
  );
  for (const [i, name] of sicknesses.entries()) {
    const { process } = agents[i] ?? assert.fail();
    const [line] = await process.says(/^.*the edge routers cannot be asked for.*$/m, 'stderr');
    const { err } = JSON.parse(line) as { err: { code: string; detail?: string } };
    context.diagnostic(`${name}: ${err.code} ${err.detail}`);
    assert.equal(err.code, SICK_CONTROLLERS[name].code, name);
    assert.match(err.detail ?? '', SICK_CONTROLLERS[name].detail, name);
    await process.until(
      ({ overlay, uplink, outbox }) => overlay === 'connecting' && uplink.code === 'OVERLAY-UNREACHABLE' && outbox.pending > 0,
    );
    assert.doesNotMatch(process.stderr, /Wi-Fi|session-1/, 'nothing of an answer is in the log');
  }

  for (const { wire } of agents) wire.controller.aim(site.controllerTarget());
  for (const { process } of agents) await process.until(({ overlay, uplink }) => overlay === 'ready' && uplink.state === 'connected');
  const stored = await assertAllStoredOnce(
    hub,
    agents.map(({ process }) => process),
    agents.map(({ oximeter }) => oximeter),
  );
  for (const [i, { wire }] of agents.entries()) {
    const { connections } = wire.controller.counts;
    assert.ok(connections > 0 && connections <= MOST_CONNECTIONS, `${sicknesses[i]}: ${connections} connections`);
  }
  context.diagnostic(`${stored} values of ${agents.length} gateways`);
}

/** A hub and two gateways behind lines that bring bytes late and in pieces, turn bits over and are cut, until there were so many faults. */
export async function faultyLines(context: TestContext, leastFaults: number, luck?: Luck): Promise<void> {
  await using site = await WireSite.open({ routers: 2, ...(luck && { luck }) });
  context.diagnostic(`seed ${site.seed}`);
  const hubIdentity = await site.enrol('hub', 'hubs');
  const gateways: Enrolled[] = [];
  for (const name of ['gateway-1', 'gateway-2']) gateways.push(await site.enrol(name, 'gateways'));
  const hub = await site.wiredHub(hubIdentity, gateways);
  const agents = await Promise.all(gateways.map((gateway) => site.wiredAgent(gateway, hubIdentity)));
  const wires = [hub.wire, ...agents.map(({ wire }) => wire)];
  const relays = wires.flatMap(({ routers }) => routers);

  for (const relay of hub.wire.routers) {
    relay.up = { delayMs: 2, coalesceMs: 20 };
    relay.down = { jitterMs: 10, bytesPerSecond: 250_000, pieceBytes: [1, 2000] };
  }
  for (const [i, { wire }] of agents.entries()) {
    for (const relay of wire.routers) {
      relay.up = { delayMs: 1, jitterMs: 5, pieceBytes: [1, i === 0 ? 8 : 200] };
      relay.down = { delayMs: 1, jitterMs: 5, pieceBytes: [1, i === 0 ? 200 : 8] };
    }
  }
  for (const [i, relay] of relays.entries()) {
    const way = i % 2 === 0 ? 'up' : 'down';
    relay[way] = { ...relay[way], cutAfterBytes: FAULT_AT, flipAtByte: FAULT_AT };
  }
  for (const relay of relays) relay.cut(relay.anyCut());
  const faults = (): number => sum(relays, ({ counts }) => counts.cuts + counts.flips);
  while (faults() < leastFaults) {
    const before = faults();
    await hub.process.until(() => faults() > before);
  }
  for (const relay of relays) relay.heal();
  // One that was given a fault while it was open meets it later.
  for (const relay of relays) relay.cut();

  const stored = await assertAllStoredOnce(
    hub.process,
    agents.map(({ process }) => process),
    agents.map(({ oximeter }) => oximeter),
  );
  assert.ok(faults() >= leastFaults);
  context.diagnostic(`${faults()} faults, ${sum(relays, ({ counts }) => counts.connections)} connections, ${stored} values`);
}

function sum(relays: readonly FaultyRelay[], count: (relay: FaultyRelay) => number): number {
  return relays.reduce((all, relay) => all + count(relay), 0);
}

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { FabricOptions } from '../../provisioning/fabric/fabric.ts';
import { DeviceServer } from '../agent/sources/device-server.ts';
import { verifies } from '../requirements.ts';
import { type AgentProcess, type Enrolled, type HubProcess, storedValues } from '../support/fabric-site.ts';
import { OwnFabricSite } from '../support/own-fabric-site.ts';
import { Oximeter } from '../support/oximeter.ts';

/** The order of a real network's recovery (openziti-network.md §3.13, §3.14), in a tenth of its time. */
const QUICK = { controllerFoundMs: 400, linkReportMs: 50, bindReportMs: 100, bindsAgainMs: 750 };
const SECOND_ROUTER = { moreRouters: [{ host: '127.0.0.1', port: 0 }] };

/** A hub, agents whose oximeters never rest, and the network that a test does something to. */
class Ward implements AsyncDisposable {
  readonly site: OwnFabricSite;
  readonly hubIdentity: Enrolled;
  readonly gateways: readonly Enrolled[];
  readonly devices: readonly DeviceServer[];
  readonly agents: AgentProcess[] = [];
  hub: HubProcess;
  readonly #oximeters: Oximeter[] = [];
  readonly #parts: AsyncDisposable;

  private constructor(
    parts: AsyncDisposable,
    site: OwnFabricSite,
    hub: [Enrolled, HubProcess],
    gateways: Enrolled[],
    devices: DeviceServer[],
  ) {
    this.#parts = parts;
    this.site = site;
    [this.hubIdentity, this.hub] = hub;
    this.gateways = gateways;
    this.devices = devices;
  }

  /** With so many gateways, of which the first `running` have an agent that sends. */
  static async open(gateways: number, running: number, options: Partial<FabricOptions>): Promise<Ward> {
    await using stack = new AsyncDisposableStack();
    const site = stack.use(await OwnFabricSite.with(options));
    const hubIdentity = await site.enrol('hub', 'hubs');
    const enrolled: Enrolled[] = [];
    const devices: DeviceServer[] = [];
    for (let i = 0; i < gateways; i += 1) {
      enrolled.push(await site.enrol(`gateway-${i + 1}`, 'gateways'));
      devices.push(stack.use(await DeviceServer.listen()));
    }
    const hub = await site.hub(hubIdentity, enrolled);
    const ward = new Ward(stack.move(), site, [hubIdentity, hub], enrolled, devices);
    for (let i = 0; i < running; i += 1) await ward.startAgent(i);
    await Promise.all(ward.agents.map((agent) => agent.until(({ uplink }) => uplink.state === 'connected')));
    await ward.grown(100);
    return ward;
  }

  get controller() {
    return this.site.network.controller;
  }

  /** Its oximeter sends as soon as the agent reads. */
  async startAgent(index: number): Promise<AgentProcess> {
    const [gateway, device] = [this.gateways[index], this.devices[index]];
    assert.ok(gateway && device);
    const agent = this.site.beginAgent(gateway, this.hubIdentity, device.port);
    this.agents.push(agent);
    this.#oximeters.push(new Oximeter(await device.call()));
    return agent;
  }

  /** The hub again, after it was stopped. */
  restartHub(): HubProcess {
    this.hub = this.site.beginHub(this.hubIdentity, this.gateways);
    return this.hub;
  }

  /** Waits until the hub has so many more readings than now. */
  async grown(by: number): Promise<void> {
    const { counts } = await this.hub.status();
    await this.hub.until(({ counts: later }) => later.observations > counts.observations + by);
  }

  /** Everything that was measured is stored once. */
  async settled(): Promise<void> {
    const sent = this.#oximeters.flatMap((oximeter) => oximeter.finish()).sort();
    await this.hub.until(({ counts }) => counts.observations >= sent.length);
    await Promise.all(this.agents.map((agent) => agent.until(({ outbox }) => outbox.pending === 0)));
    assert.deepEqual(await storedValues(this.hub), sent);
    const { counts } = await this.hub.status();
    assert.deepEqual([counts.observations, counts.quarantined], [sent.length, 0]);
    for (const agent of this.agents) assert.equal((await agent.status()).outbox.quarantined, 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const oximeter of this.#oximeters) oximeter[Symbol.dispose]();
    await this.#parts[Symbol.asyncDispose]();
  }
}

/** How often an agent has lost its connection, by reason. */
function lost({ metrics }: { metrics: Record<string, number> }): Record<string, number> {
  return Object.fromEntries(Object.entries(metrics).filter(([name]) => name.startsWith('uplink_lost')));
}

describe('the controller is away', { timeout: 180_000 }, () => {
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
    await using ward = await Ward.open(2, 1, { routerLimits: QUICK });
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
    await using ward = await Ward.open(2, 2, { routerLimits: QUICK });
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
    await using ward = await Ward.open(2, 2, { routerLimits: { ...QUICK, tokenGraceMs: 500 }, oidc: { accessTokenS: 6 } });
    await ward.controller.stop();
    await Promise.all(ward.agents.map((agent) => agent.until(({ overlay, uplink }) => overlay === 'lost' && uplink.state !== 'connected')));
    await ward.hub.until(({ overlay, uplink, gateways }) => overlay === 'lost' && !uplink.bound && gateways.length === 0);
    await ward.controller.start();
    await ward.hub.until(({ overlay, uplink, gateways }) => overlay === 'ready' && uplink.bound && gateways.length === 2);
    await ward.settled();
  });
});

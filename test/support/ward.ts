import assert from 'node:assert/strict';
import type { FabricOptions } from '../../provisioning/fabric/fabric.ts';
import type { FabricController } from '../../provisioning/fabric/placed-controller.ts';
import { DeviceServer } from '../agent/sources/device-server.ts';
import type { AgentProcess, Enrolled, HubProcess } from './fabric-site.ts';
import type { Luck } from './luck.ts';
import { OwnFabricSite } from './own-fabric-site.ts';
import { Oximeter } from './oximeter.ts';
import { assertAllStoredOnce } from './ziti/counts.ts';

/** A hub, agents whose oximeters never rest, and the network that a test does something to. */
export class Ward implements AsyncDisposable {
  readonly site: OwnFabricSite;
  readonly hubIdentity: Enrolled;
  readonly gateways: readonly Enrolled[];
  readonly devices: readonly DeviceServer[];
  readonly agents: AgentProcess[] = [];
  hub: HubProcess;
  readonly #oximeters: Oximeter[] = [];
  readonly #parts: AsyncDisposable;
  /** Between two frames of an oximeter. */
  readonly #everyMs: number;

  private constructor(
    parts: AsyncDisposable,
    site: OwnFabricSite,
    hub: [Enrolled, HubProcess],
    gateways: Enrolled[],
    devices: DeviceServer[],
    everyMs: number,
  ) {
    this.#everyMs = everyMs;
    this.#parts = parts;
    this.site = site;
    [this.hubIdentity, this.hub] = hub;
    this.gateways = gateways;
    this.devices = devices;
  }

  /** With so many gateways, of which the first `running` have an agent that sends, a frame each 10 ms unless told. */
  static async open(
    gateways: number,
    running: number,
    options: Partial<FabricOptions>,
    { everyMs = 10, luck = 'any' }: { everyMs?: number; luck?: Luck } = {},
  ): Promise<Ward> {
    await using stack = new AsyncDisposableStack();
    const site = stack.use(await OwnFabricSite.with(options));
    site.luck = luck;
    const hubIdentity = await site.enrol('hub', 'hubs');
    const enrolled: Enrolled[] = [];
    const devices: DeviceServer[] = [];
    for (let i = 0; i < gateways; i += 1) {
      enrolled.push(await site.enrol(`gateway-${i + 1}`, 'gateways'));
      devices.push(stack.use(await DeviceServer.listen()));
    }
    const hub = await site.hub(hubIdentity, enrolled);
    const ward = new Ward(stack.move(), site, [hubIdentity, hub], enrolled, devices, everyMs);
    for (let i = 0; i < running; i += 1) await ward.startAgent(i);
    await Promise.all(ward.agents.map((agent) => agent.until(({ uplink }) => uplink.state === 'connected')));
    await ward.grown(100);
    return ward;
  }

  get controller(): FabricController {
    return this.site.network.controller;
  }

  /** Its oximeter sends as soon as the agent reads. */
  async startAgent(index: number): Promise<AgentProcess> {
    const [gateway, device] = [this.gateways[index], this.devices[index]];
    assert.ok(gateway && device);
    const agent = this.site.beginAgent(gateway, this.hubIdentity, device.port);
    this.agents.push(agent);
    this.#oximeters.push(new Oximeter(await device.call(), this.#everyMs));
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
    await assertAllStoredOnce(this.hub, this.agents, this.#oximeters);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const oximeter of this.#oximeters) oximeter[Symbol.dispose]();
    await this.#parts[Symbol.asyncDispose]();
  }
}

/** How often an agent has lost its connection, by reason. */
export function lost({ metrics }: { metrics: Record<string, number> }): Record<string, number> {
  return Object.fromEntries(Object.entries(metrics).filter(([name]) => name.startsWith('uplink_lost')));
}

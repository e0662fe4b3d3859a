import { DeviceServer } from '../agent/sources/device-server.ts';
import { type AgentProcess, FabricSite, type HubProcess, type SiteProcess } from './fabric-site.ts';
import type { Luck } from './luck.ts';
import { Oximeter } from './oximeter.ts';
import { assertAllStoredOnce } from './ziti/counts.ts';

/** Stops a process as a machine that sleeps stops its own: its clocks go on, nothing of it runs, the kernel keeps what comes as far as it has room. */
export async function asleep(processes: readonly SiteProcess[], until: () => Promise<unknown>): Promise<void> {
  for (const { child } of processes) child.kill('SIGSTOP');
  try {
    await until();
  } finally {
    for (const { child } of processes) child.kill('SIGCONT');
  }
}

/** A network, a hub and agents, each a process of its own, with devices that send more often than real ones do. */
export class SleepingSite implements AsyncDisposable {
  readonly #stack: AsyncDisposableStack;
  readonly #oximeters: readonly Oximeter[];
  readonly site: FabricSite;
  readonly hub: HubProcess;
  readonly agents: readonly AgentProcess[];

  private constructor(
    stack: AsyncDisposableStack,
    site: FabricSite,
    hub: HubProcess,
    agents: readonly AgentProcess[],
    oximeters: readonly Oximeter[],
  ) {
    this.#stack = stack;
    this.site = site;
    this.hub = hub;
    this.agents = agents;
    this.#oximeters = oximeters;
  }

  /** Resolves when data of all devices arrives. */
  static async start(gatewayCount: number, luck: Luck = 'any'): Promise<SleepingSite> {
    await using stack = new AsyncDisposableStack();
    const site = stack.use(await FabricSite.start());
    site.luck = luck;
    const hubIdentity = await site.enrol('hub', 'hubs');
    const gateways = await Promise.all(Array.from({ length: gatewayCount }, (_, i) => site.enrol(`gateway-${i + 1}`, 'gateways')));
    const devices = await Promise.all(gateways.map(async () => stack.use(await DeviceServer.listen())));
    const hub = stack.use(await site.hub(hubIdentity, gateways));
    const agents = await Promise.all(
      gateways.map(async (gateway, i) => stack.use(await site.agent(gateway, hubIdentity, devices[i]?.port ?? 0))),
    );
    const oximeters = await Promise.all(devices.map(async (device) => stack.use(new Oximeter(await device.call()))));
    const made = new SleepingSite(stack.move(), site, hub, agents, oximeters);
    await made.flows();
    return made;
  }

  /** Resolves when everybody is connected and the outboxes are all but empty: what was kept has arrived, and what is new does. */
  async flows(): Promise<void> {
    await this.hub.until(({ overlay, uplink, gateways }) => overlay === 'ready' && uplink.bound && gateways.length === this.agents.length);
    await Promise.all(
      this.agents.map((agent) =>
        agent.until(({ uplink, outbox }) => uplink.state === 'connected' && outbox.delivered > 0 && outbox.pending < 20),
      ),
    );
  }

  /** The devices stop, and the hub comes to hold each of their readings once, and nothing else. How many there were. */
  async settle(): Promise<number> {
    return await assertAllStoredOnce(this.hub, this.agents, this.#oximeters);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

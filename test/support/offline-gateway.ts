import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { callOperator } from '../../shared/operator/client.ts';
import { DeviceServer } from '../agent/sources/device-server.ts';
import { type AgentProcess, type Enrolled, FabricSite, oximeterFrame, registryOf } from './fabric-site.ts';

/** A reading at the hub, as its operator exports it. */
export interface ArrivedRow {
  issued: string;
  effectiveDateTime: string;
  extension: { url: string; valueCode?: string }[];
  valueQuantity?: { value: number };
}

/** As if each gateway ran on a machine of another start: Linux tells it another boot id (mount_namespaces(7)). */
class RebootedSite extends FabricSite {
  bootId = '';

  static async begin(): Promise<RebootedSite> {
    return await RebootedSite.ready(new RebootedSite());
  }

  /** Somebody says whose the home has been since ever, or nothing of unknown date would be anybody's. */
  protected override registryOf(gateways: readonly Enrolled[]): string {
    return registryOf(
      gateways.map(({ id }) => id),
      { confirmed: new Date().toISOString() },
    );
  }

  protected override through(program: 'fabric' | 'hub' | 'agent'): readonly string[] {
    if (program !== 'agent' || this.bootId === '') return [];
    const file = join(this.folder, `${this.bootId}.boot`);
    writeFileSync(file, `${this.bootId}\n`);
    return ['unshare', '-rm', 'sh', '-ec', 'mount --bind "$1" /proc/sys/kernel/random/boot_id; shift; exec "$@"', 'sh', file];
  }
}

/** A gateway that measures while the network is away, and what the hub has of it once that is back. */
export class OfflineGateway implements AsyncDisposable {
  readonly site: RebootedSite;
  readonly device: DeviceServer;
  /** When each pulse truly was measured. */
  readonly measured = new Map<number, number>();
  readonly #gateway: Enrolled;
  readonly #hub: Enrolled;

  private constructor(site: RebootedSite, gateway: Enrolled, device: DeviceServer, hub: Enrolled) {
    [this.site, this.#gateway, this.device, this.#hub] = [site, gateway, device, hub];
  }

  static async begin(): Promise<OfflineGateway> {
    const site = await RebootedSite.begin();
    const [hub, gateway] = [await site.enrol('hub', 'hubs'), await site.enrol('gateway', 'gateways')];
    // Whose the gateway is counts from when a hub first read it.
    await (await site.hub(hub, [gateway])).stop();
    await site.fabric.stop();
    return new OfflineGateway(site, gateway, await DeviceServer.listen(), hub);
  }

  /** The gateway starts; `bootId`: on a machine that says so. */
  agent(bootId = ''): AgentProcess {
    this.site.bootId = bootId;
    return this.site.beginAgent(this.#gateway, this.#hub, this.device.port);
  }

  /** Resolves when each of these is on disk. */
  async measure(agent: AgentProcess, wire: Awaited<ReturnType<DeviceServer['call']>>, ...pulses: number[]): Promise<void> {
    for (const pulse of pulses) {
      this.measured.set(pulse, Date.now());
      wire.send(oximeterFrame(pulse, 97));
      const rows = this.measured.size;
      await agent.until(({ outbox }) => outbox.pending === rows);
    }
  }

  /** The network is back: every pulse that was measured is at the hub, by its value. */
  async arrives(agent: AgentProcess): Promise<Map<number, ArrivedRow>> {
    await this.site.startFabric();
    await using hub = await this.site.hub(this.#hub, [this.#gateway]);
    await agent.until(({ outbox }) => outbox.pending === 0);
    const arrived = new Map<number, ArrivedRow>();
    for await (const row of callOperator(hub.operator, 'export')) {
      const { value = 0 } = (row as ArrivedRow).valueQuantity ?? {};
      if (this.measured.has(value)) arrived.set(value, row as ArrivedRow);
    }
    assert.deepEqual([...arrived.keys()].sort(), [...this.measured.keys()].sort());
    return arrived;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.device[Symbol.asyncDispose]();
    await this.site[Symbol.asyncDispose]();
  }
}

/** How far a row's time of receipt lies behind when it truly was measured, in milliseconds. */
export function behindMs({ issued }: ArrivedRow, measuredAt: number | undefined): number {
  return (measuredAt ?? Number.NaN) - Date.parse(issued);
}

/** What makes the time of a row doubtful. */
export function doubtsOf({ extension }: ArrivedRow): string[] {
  return extension.flatMap(({ valueCode }) => (valueCode === 'clock' || valueCode === 'memory' ? [valueCode] : [])).sort();
}

import { stringify } from 'yaml';
import { callOperator } from '../../shared/operator/client.ts';
import { factsOf, KeepingDevice } from '../fault/keeping-device.ts';
import { type AgentProcess, type Enrolled, FabricSite, type HubProcess } from '../support/fabric-site.ts';
import { Ledger } from './ledger.ts';

const BEDS_EACH = 4;
/** An export goes back further than the one before began: what is being stored at that moment may bear an earlier time. */
const OVERLAP_MS = 10_000;

interface ExportedRow {
  id: string;
}

/**
 * The embedded network, a hub and two gateways, each a process, and four monitors a gateway, which measure without rest and forget only what
 * was acknowledged.
 */
export class SoakSite extends FabricSite {
  readonly ledger = new Ledger();
  readonly #gateways: Enrolled[] = [];
  readonly #agents: AgentProcess[] = [];
  readonly #devices: KeepingDevice[] = [];
  #hub: { enrolled: Enrolled; process: HubProcess } | undefined;
  /** When the next export begins; by the hub's clock, which is this machine's. */
  #since = 0;

  static async open(): Promise<SoakSite> {
    return await FabricSite.ready(new SoakSite());
  }

  protected override async furnish(): Promise<void> {
    await super.furnish();
    const enrolled = await this.enrol('hub', 'hubs');
    for (const name of ['gateway-1', 'gateway-2']) this.#gateways.push(await this.enrol(name, 'gateways'));
    this.#hub = { enrolled, process: await this.hub(enrolled, this.#gateways) };
    for (const [i] of this.#gateways.entries()) {
      this.startAgent(i);
      for (const bed of bedsOf(i)) this.#devices.push(new KeepingDevice(bed, () => portOf(this.agentOf(i))));
    }
  }

  protected override registryOf(gateways: readonly Enrolled[]): string {
    const rows = gateways.map(({ id }, i) => ({
      identity: id,
      tenant: 'clinic',
      beds: Object.fromEntries(bedsOf(i).map((bed) => [bed, `pat-${bed.toLowerCase()}`])),
    }));
    return stringify({ tenants: { clinic: { kind: 'sandbox' } }, gateways: rows, clients: [] });
  }

  protected override sourceOf(): object {
    return { type: 'mllp-server', name: 'monitors', host: '127.0.0.1', port: 0 };
  }

  get hubProcess(): HubProcess {
    if (!this.#hub) throw new Error('the hub does not run');
    return this.#hub.process;
  }

  agentOf(index: number): AgentProcess {
    const agent = this.#agents[index];
    if (!agent) throw new Error(`no agent ${index}`);
    return agent;
  }

  startAgent(index: number): void {
    const [gateway, hub] = [this.#gateways[index], this.#hub];
    if (!gateway || !hub) throw new Error(`no gateway ${index}`);
    this.#agents[index] = this.beginAgent(gateway, hub.enrolled, 0);
  }

  /** Rows that wait in the gateways; undefined of one that does not answer. */
  async backlog(): Promise<(number | undefined)[]> {
    return await Promise.all(
      this.#agents.map((agent) =>
        agent.status().then(
          ({ outbox }) => outbox.pending,
          () => undefined,
        ),
      ),
    );
  }

  /** Compares what was acknowledged since the last time with what the hub stored since. */
  async compare(): Promise<void> {
    const since = this.#since;
    this.#since = Date.now() - OVERLAP_MS;
    for (const device of this.#devices) this.ledger.acknowledge(device.acknowledged.splice(0));
    const exported: { id: string; fact: string }[] = [];
    for await (const row of callOperator(this.hubProcess.operator, 'export', { since }))
      exported.push({ id: (row as ExportedRow).id, fact: factsOf(row) });
    this.ledger.store(exported);
  }

  /** Devices finish, outboxes are emptied, and everything is compared. */
  async settle(): Promise<void> {
    await Promise.all(this.#devices.map((device) => device.finish()));
    for (const agent of this.#agents) await agent.until(({ outbox }) => outbox.pending === 0);
    await this.compare();
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#devices.map((device) => device[Symbol.asyncDispose]()));
    await super[Symbol.asyncDispose]();
  }
}

function bedsOf(gateway: number): string[] {
  return Array.from({ length: BEDS_EACH }, (_, i) => `BED-${gateway + 1}${i + 1}`);
}

async function portOf(agent: AgentProcess): Promise<number> {
  const { sources } = await agent.status();
  const running = sources.find(({ state }) => state === 'running');
  if (!running) throw new Error('the agent does not listen');
  return Number(running.endpoint.split(':')[1]);
}

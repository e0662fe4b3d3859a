import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { DeviceServer } from '../agent/sources/device-server.ts';
import { type Enrolled, FabricSite, type HubProcess, MCP } from './fabric-site.ts';
import { Oximeter } from './oximeter.ts';

export const LINE = 'vitals-mcp-line';
/** The one patient, and what an oximeter that never stops makes news of. */
export const PATIENT = 'pat-home-1';
export const LATEST = `vitals://patient/${PATIENT}/latest`;

/** The launcher that a host of MCP servers starts, as it lies in a package. */
export const LAUNCHER = join(import.meta.dirname, '..', '..', 'bin', 'vitalmesh.mjs');

/** A command that a host starts, as its configuration names it. */
export interface HostCommand {
  command: string;
  args: readonly string[];
  env: Readonly<Record<string, string>>;
}

/**
 * Network, hub and agent as processes over `vitalmesh fabric run`, a patient whose oximeter never stops, and the identity file of an AI
 * client that may dial both wires of the hub.
 */
export class McpSite extends FabricSite {
  readonly #stack = new AsyncDisposableStack();
  #client: Enrolled | undefined;
  /** Others that the registry knows, by id. */
  readonly #others: string[] = [];
  #parts: { hubIdentity: Enrolled; gateway: Enrolled; hub: HubProcess } | undefined;

  /** Resolves when the hub shows the patient's first values. */
  static async open(): Promise<McpSite> {
    const site = await FabricSite.ready(new McpSite());
    try {
      await site.#begin();
      return site;
    } catch (error) {
      await site[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Who asks. */
  get client(): Enrolled {
    if (!this.#client) throw new Error('the client is not enrolled');
    return this.#client;
  }

  /** The hub that was started last. */
  get hubProcess(): HubProcess {
    if (!this.#parts) throw new Error('the hub does not run');
    return this.#parts.hub;
  }

  /** The command of a host, with what its children need of this machine. */
  command(name: 'bridge' | 'connect', ...more: string[]): HostCommand {
    return {
      command: LAUNCHER,
      args: [name, '--identity', this.client.file, ...more],
      env: { VITALMESH_NODE: process.execPath },
    };
  }

  async killHub(): Promise<void> {
    await this.hubProcess.stop('SIGKILL');
  }

  /** After `killHub`. */
  async startHub(): Promise<void> {
    if (!this.#parts) throw new Error('no hub ran before');
    const { hubIdentity, gateway } = this.#parts;
    this.#parts = { ...this.#parts, hub: await this.hub(hubIdentity, [gateway]) };
  }

  /** Another client of the registry; resolves when the hub has read it again. */
  async admit(identityId: string): Promise<void> {
    if (!this.#parts) throw new Error('no hub runs');
    this.#others.push(identityId);
    writeFileSync(join(this.folder, 'registry.yaml'), this.registryOf([this.#parts.gateway]));
    const readAgain = this.hubProcess.says(/"msg":"registry read again"/, 'stderr');
    this.hubProcess.child.kill('SIGHUP');
    await readAgain;
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
    await super[Symbol.asyncDispose]();
  }

  protected override services(): Readonly<Record<string, string>> {
    return { ...super.services(), line: LINE };
  }

  protected override async furnish(): Promise<void> {
    await super.furnish();
    for (const service of [MCP, LINE]) await this.allow('Dial', 'clients', service);
    this.#client = await this.enrol('client', 'clients');
  }

  protected override registryOf(gateways: readonly Enrolled[]): string {
    return stringify({
      tenants: { clinic: { kind: 'sandbox' } },
      gateways: gateways.map(({ id }) => ({ identity: id, tenant: 'clinic', patient: PATIENT })),
      clients: [this.client.id, ...this.#others].map((identity) => {
        return { identity, tenant: 'clinic', kind: 'software', role: 'monitor', patients: 'all' };
      }),
    });
  }

  async #begin(): Promise<void> {
    const hubIdentity = await this.enrol('hub', 'hubs');
    const gateway = await this.enrol('gateway', 'gateways');
    const hub = await this.hub(hubIdentity, [gateway]);
    this.#parts = { hubIdentity, gateway, hub };
    const device = this.#stack.use(await DeviceServer.listen());
    this.beginAgent(gateway, hubIdentity, device.port);
    this.#stack.use(new Oximeter(await device.call(), 200));
    await hub.until(({ counts }) => counts.observations > 0);
  }
}

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { AgentStatus } from '../../agent/status.ts';
import flags from '../../bin/flags.json' with { type: 'json' };
import type { HubStatus } from '../../hub/status.ts';
import type { FabricAdmin } from '../../provisioning/fabric/admin.ts';
import { operatorSocket } from '../../provisioning/fabric/commands/reach.ts';
import { remoteAdmin } from '../../provisioning/fabric/operator.ts';
import { systemClock } from '../../shared/clock.ts';
import { type Identity, loadIdentity } from '../../shared/identity/identity.ts';
import { pause } from '../../shared/lifecycle.ts';
import { askOperator, callOperator } from '../../shared/operator/client.ts';
import { enroll } from '../../shared/overlay/ziti/enroll/enroll.ts';
import { type Luck, withLuck } from './luck.ts';

const CHILD = join(import.meta.dirname, 'fabric-site-child.ts');
export const INGEST = 'vitals-ingest';
export const MCP = 'vitals-mcp';
/** No healthy run comes near, on however slow a machine. */
const LIMIT_MS = 150_000;

/** As the launcher starts it. */
function flagsOf(program: string): readonly string[] {
  const limits: Readonly<Record<string, readonly string[]>> = flags;
  return limits[`${program}/main`] ?? [];
}

/** One of our programs as a process of its own. It stops when the test process is gone, however that ended. */
export class SiteProcess implements AsyncDisposable {
  readonly child: ChildProcess;
  /** Resolves with the exit code, or the signal that killed it. */
  readonly ended: Promise<number | NodeJS.Signals | null>;
  stdout = '';
  stderr = '';
  readonly #heard = new Set<() => void>();

  /** `through` is a command that it is run through, and that becomes it: `unshare -rm`, say. */
  constructor(program: 'hub' | 'agent' | 'provisioning', args: readonly string[], luck: Luck = 'any', through: readonly string[] = []) {
    const [command = process.execPath, ...rest] = [...through, process.execPath, ...flagsOf(program), CHILD, program, ...args];
    this.child = spawn(command, rest, { stdio: ['pipe', 'pipe', 'pipe'], env: withLuck(luck) });
    this.child.stdin?.on('error', () => undefined);
    for (const stream of ['stdout', 'stderr'] as const) {
      this.child[stream]?.setEncoding('utf8').on('data', (chunk: string) => {
        this[stream] += chunk;
        for (const hear of [...this.#heard]) hear();
      });
    }
    this.ended = once(this.child, 'close').then(([code, signal]) => {
      for (const hear of [...this.#heard]) hear();
      return code ?? signal;
    });
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  get running(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** Resolves when standard output or error holds this; fails with standard error when the process ends before, and at the time limit. */
  says(pattern: RegExp, stream: 'stdout' | 'stderr' = 'stdout'): Promise<RegExpExecArray> {
    return new Promise((resolve, reject) => {
      const hear = (): void => {
        const match = pattern.exec(this[stream]);
        if (!match && this.running) return;
        stop();
        if (match) resolve(match);
        else reject(new Error(this.stderr));
      };
      const stop = (): void => {
        clearTimeout(timer);
        this.#heard.delete(hear);
      };
      const timer = setTimeout(() => {
        stop();
        reject(new Error(`waited in vain for: ${pattern}\n${this.stderr}`));
      }, LIMIT_MS);
      this.#heard.add(hear);
      hear();
    });
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | NodeJS.Signals | null> {
    if (this.running) this.child.kill(signal);
    return await this.ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop('SIGKILL');
  }
}

/** A process that an operator can ask for its status. */
export class AskedProcess<Status> extends SiteProcess {
  readonly operator: string;

  constructor(program: 'hub' | 'agent', config: string, operator: string, luck?: Luck, through?: readonly string[]) {
    super(program, ['run', '--config', config], luck, through);
    this.operator = operator;
  }

  async status(): Promise<Status> {
    return (await askOperator(this.operator, 'status')) as Status;
  }

  /** Asks until the process is in the state that a test waits for; fails when it has ended, and at the time limit. */
  async until(condition: (status: Status) => boolean): Promise<Status> {
    const giveUpAt = performance.now() + LIMIT_MS;
    let last: Status | undefined;
    while (this.running && performance.now() < giveUpAt) {
      last = await this.status().catch(() => undefined);
      if (last && knowsItsStore(last) && condition(last)) return last;
      await pause(50);
    }
    throw new Error(`waited in vain for: ${condition.toString()}\n${JSON.stringify(last)}\n${this.stderr}`);
  }
}

/** False for the status of a hub whose store does not answer: it has no counts. */
function knowsItsStore(status: object): boolean {
  return !('counts' in status) || status.counts !== null;
}

export type HubProcess = AskedProcess<HubStatus>;
export type AgentProcess = AskedProcess<AgentStatus>;

/** An identity of the site's network. */
export interface Enrolled {
  id: string;
  /** Its identity file. */
  file: string;
  identity: Identity;
}

/**
 * `vitalmesh fabric run` in a temporary home, with the services of a hub, identities enrolled by token, and hub and agents as processes
 * over it. Identities with the attribute `gateways` may dial the uplink, those with `hubs` may bind it.
 */
export class FabricSite implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'vitalmesh-site-'));
  /** Of the hub and the agents that are started from now on. */
  luck: Luck = 'any';
  readonly #processes: SiteProcess[] = [];
  #fabric: SiteProcess | undefined;
  readonly #options: readonly string[];
  #ports = { controller: 0, router: 0 };

  /** Further options of `vitalmesh fabric run`. */
  constructor(...options: string[]) {
    this.#options = options;
  }

  static async start(...options: string[]): Promise<FabricSite> {
    return await FabricSite.ready(new FabricSite(...options));
  }

  /** Starts the network of a new site, and sets it up. */
  protected static async ready<T extends FabricSite>(site: T): Promise<T> {
    try {
      await site.startFabric();
      await site.furnish();
      return site;
    } catch (error) {
      await site[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** The services of a hub, by what they are for. */
  protected services(): Readonly<Record<string, string>> {
    return { ingest: INGEST, mcp: MCP };
  }

  /** The services of a hub, and who may dial and bind them. */
  protected async furnish(): Promise<void> {
    for (const name of Object.values(this.services())) {
      await this.admin.createService({ name });
      await this.allow('Bind', 'hubs', name);
    }
    await this.allow('Dial', 'gateways', INGEST);
  }

  /** A command that a program is run through, and that becomes it; none unless a site has it otherwise. */
  protected through(_program: 'fabric' | 'hub' | 'agent'): readonly string[] {
    return [];
  }

  get home(): string {
    return join(this.folder, 'home');
  }

  /** The configuration file of the hub. */
  get hubConfig(): string {
    return join(this.folder, 'hub.yaml');
  }

  /** The configuration file of the agent with this identity. */
  agentConfig({ id }: Enrolled): string {
    return join(this.folder, `${id}.yaml`);
  }

  get controllerPort(): number {
    return this.#ports.controller;
  }

  get routerPort(): number {
    return this.#ports.router;
  }

  get fabric(): SiteProcess {
    if (!this.#fabric) throw new Error('the network does not run');
    return this.#fabric;
  }

  get admin(): FabricAdmin {
    return remoteAdmin(operatorSocket(this.home));
  }

  /** Starts the network; at the addresses it had before, if it ran already. */
  async startFabric(): Promise<void> {
    const { controller, router } = this.#ports;
    const args = ['fabric', 'run', '--home', this.home, '--controller', `127.0.0.1:${controller}`, '--router', `127.0.0.1:${router}`];
    const fabric = await this.#running([...args, ...this.#options]);
    const [, controllerPort] = await fabric.says(/^ *controller +https:\S+:(\d+)$/m);
    const [, routerPort] = await fabric.says(/^ *router +tls:\S+:(\d+)$/m);
    this.#fabric = fabric;
    this.#ports = { controller: Number(controllerPort), router: Number(routerPort) };
  }

  /** Somebody else on this machine may hold an address for a moment that was free when the network was killed. */
  async #running(args: readonly string[], attempts = 20): Promise<SiteProcess> {
    const fabric = new SiteProcess('provisioning', args, 'any', this.through('fabric'));
    this.#processes.push(fabric);
    try {
      await fabric.says(/^Nobody may do anything yet/m);
      return fabric;
    } catch (error) {
      if (attempts > 1 && /^FABRIC-ADDRESS/m.test(fabric.stderr)) return await this.#running(args, attempts - 1);
      throw error;
    }
  }

  /** Creates a policy `<role> <type> <service>`. */
  async allow(type: 'Dial' | 'Bind', role: string, service: string): Promise<void> {
    const name = `${role} ${type} ${service}`;
    await this.admin.createPolicy({ name, type, identityRoles: [`#${role}`], serviceRoles: [`@${service}`] });
  }

  /** A new identity, enrolled by its token. */
  async enrol(name: string, ...attributes: string[]): Promise<Enrolled> {
    const { id, jwt } = await this.admin.createIdentity({ name, attributes });
    const file = join(this.folder, `${name}.json`);
    await enroll({ token: jwt, identityPath: file, now: () => systemClock.now() });
    return { id, file, identity: loadIdentity(file) };
  }

  /** A hub that knows these gateways, each with a patient of its own; resolves when it hosts its services. */
  async hub(enrolled: Enrolled, gateways: readonly Enrolled[]): Promise<HubProcess> {
    const hub = this.beginHub(enrolled, gateways);
    await hub.until(({ uplink, mcp }) => uplink.bound && mcp.bound);
    return hub;
  }

  /** The same, whether or not it can host. */
  beginHub(enrolled: Enrolled, gateways: readonly Enrolled[]): HubProcess {
    const config = this.hubConfig;
    const registry = join(this.folder, 'registry.yaml');
    const operator = join(this.folder, 'hub', 'operator.sock');
    writeFileSync(registry, this.registryOf(gateways));
    writeFileSync(
      config,
      stringify({
        identity: enrolled.file,
        registry,
        store: { path: join(this.folder, 'hub', 'store.db'), keyFile: join(this.folder, 'hub.key') },
        overlay: { type: 'ziti' },
        services: this.services(),
        operator: { socket: operator },
      }),
    );
    const hub: HubProcess = new AskedProcess('hub', config, operator, this.luck, this.through('hub'));
    this.#processes.push(hub);
    return hub;
  }

  /** What the hub knows of these gateways: each has a patient of its own, unless a site has it otherwise. */
  protected registryOf(gateways: readonly Enrolled[]): string {
    return registryOf(gateways.map(({ id }) => id));
  }

  /** What an agent reads: an oximeter behind this port of a serial device server, unless a site has it otherwise. */
  protected sourceOf(devicePort: number): object {
    return { type: 'serial', name: 'oximeter', port: `tcp://127.0.0.1:${devicePort}`, profile: 'nonin-df8', device: 'NONIN-0001' };
  }

  /** An agent that reads an oximeter (Nonin, format 8) behind a serial device server on this port; resolves when it is connected to this hub. */
  async agent(enrolled: Enrolled, hub: Enrolled, devicePort: number): Promise<AgentProcess> {
    const agent = this.beginAgent(enrolled, hub, devicePort);
    await agent.until(({ uplink }) => uplink.state === 'connected');
    return agent;
  }

  /** The same, whether or not it gets connected. */
  beginAgent(enrolled: Enrolled, hub: Enrolled, devicePort: number): AgentProcess {
    const folder = join(this.folder, enrolled.id);
    const config = this.agentConfig(enrolled);
    const operator = join(folder, 'operator.sock');
    writeFileSync(
      config,
      stringify({
        identity: enrolled.file,
        outbox: { path: join(folder, 'outbox.db'), keyFile: `${folder}.key` },
        overlay: { type: 'ziti' },
        uplink: { service: INGEST, hub: [hub.id] },
        operator: { socket: operator },
        // Tests run in virtual machines, too.
        clock: { mayStandStill: false },
        test: true,
        sources: [this.sourceOf(devicePort)],
      }),
    );
    const agent: AgentProcess = new AskedProcess('agent', config, operator, this.luck, this.through('agent'));
    this.#processes.push(agent);
    return agent;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const process of this.#processes.reverse()) await process[Symbol.asyncDispose]();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** A registry in which each of these gateways has a patient of its own. */
export function registryOf(gatewayIds: readonly string[], members: object = {}): string {
  const gateways = gatewayIds.map((identity, i) => ({ identity, tenant: 'clinic', patient: `pat-home-${i + 1}`, ...members }));
  return stringify({ tenants: { clinic: { kind: 'sandbox' } }, gateways, clients: [] });
}

/** A frame of the oximeter: pulse and saturation. */
export function oximeterFrame(pulse: number, saturation: number): Buffer {
  return Buffer.from([0x80 | (pulse >> 7), pulse & 0x7f, saturation, 0]);
}

/** Every value that a hub has stored, as its operator exports them: `<LOINC code> <value>`, sorted. */
export async function storedValues(hub: HubProcess): Promise<string[]> {
  const values: string[] = [];
  for await (const row of callOperator(hub.operator, 'export')) {
    const { code, valueQuantity } = row as { code: { coding: { code: string }[] }; valueQuantity?: { value: number } };
    values.push(`${code.coding[0]?.code} ${valueQuantity?.value}`);
  }
  return values.sort();
}

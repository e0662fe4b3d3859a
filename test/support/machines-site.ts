import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadIdentity } from '../../shared/identity/identity.ts';
import { DeviceServer } from '../agent/sources/device-server.ts';
import { type AgentProcess, type Enrolled, FabricSite, SiteProcess } from './fabric-site.ts';
import type { Luck } from './luck.ts';
import { Machines, OWN_PORT } from './machines.ts';
import { Oximeter } from './oximeter.ts';

const PLACES = { fabric: 'network', hub: 'hospital', agent: 'gateway' } as const;

export interface MachinesSiteOptions {
  /** Between two frames of the oximeter. */
  everyMs: number;
  luck: Luck;
}

/** An embedded network, a hub and an agent, each on a machine of its own; the oximeter is beside the agent. */
export class MachinesSite extends FabricSite {
  readonly machines: Machines;
  readonly #everyMs: number;
  readonly #stack = new AsyncDisposableStack();

  private constructor(machines: Machines, { everyMs, luck }: MachinesSiteOptions) {
    super();
    this.machines = this.#stack.use(machines);
    this.#everyMs = everyMs;
    this.luck = luck;
  }

  static async open(options: MachinesSiteOptions): Promise<MachinesSite> {
    return await FabricSite.ready(new MachinesSite(await Machines.start(), options));
  }

  protected override through(program: keyof typeof PLACES): readonly string[] {
    return this.machines.through(PLACES[program]);
  }

  /** As an operator does it, on the network's machine. */
  override async enrol(name: string, ...attributes: string[]): Promise<Enrolled> {
    const { id, jwt } = await this.admin.createIdentity({ name, attributes });
    const [token, file] = [join(this.folder, `${name}.jwt`), join(this.folder, `${name}.json`)];
    writeFileSync(token, jwt);
    await using enrolling = new SiteProcess('provisioning', ['enroll', token, '-o', file], 'any', this.through('fabric'));
    if ((await enrolling.ended) !== 0) throw new Error(enrolling.stderr);
    return { id, file, identity: loadIdentity(file) };
  }

  async metered(enrolled: Enrolled, hub: Enrolled): Promise<{ agent: AgentProcess; oximeter: Oximeter }> {
    const path = join(this.folder, 'device.sock');
    const device = this.#stack.use(await DeviceServer.at(path));
    const [enter = '', ...args] = this.through('agent');
    const relay = spawn(enter, [...args, 'socat', `TCP-LISTEN:${OWN_PORT},bind=127.0.0.1,fork,reuseaddr`, `UNIX-CONNECT:${path}`], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    this.#stack.defer(() => ended(relay));
    const agent = await this.agent(enrolled, hub, OWN_PORT);
    return { agent, oximeter: this.#stack.use(new Oximeter(await device.call(), this.#everyMs)) };
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await super[Symbol.asyncDispose]();
    await this.#stack[Symbol.asyncDispose]();
  }
}

function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
    if (!child.kill('SIGTERM')) resolve();
  });
}

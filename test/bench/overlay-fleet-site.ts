import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { HubStatus } from '../../hub/status.ts';
import { parseIdentity } from '../../shared/identity/identity.ts';
import { pause } from '../../shared/lifecycle.ts';
import { AskedProcess, type HubProcess, INGEST, MCP, registryOf } from '../support/fabric-site.ts';
import type { IssuedFleet } from '../support/ziti/fleet.ts';
import { Child } from './overlay-child.ts';
import type { GatewaysStart, GatewaysState } from './overlay-fleet-gateways.ts';
import type { NetworkPeaks, NetworkPorts } from './overlay-fleet-network.ts';
import { mostInASecond } from './overlay-fleet-times.ts';

const GATEWAYS_A_PROCESS = 250;
const LOOK_EVERY_MS = 100;
/** Overlay and uplink take what has stood so long for steady. */
const STEADY_MS = 12_000;
/** No healthy run comes near. */
const LIMIT_MS = 15 * 60_000;
/** USER_HZ of Linux (proc(5)). */
const TICKS_PER_S = 100;
const PAGE_BYTES = 4096;

/** How the fleet came to be connected, and what it cost network and hub. */
export interface Comeback {
  /** Until every gateway was connected, and until nine in ten were. */
  seconds: number;
  mostlySeconds: number;
  peaks: NetworkPeaks;
  /** Uplinks that the hub took, and the most of them within a second. */
  uplinks: number;
  uplinksInASecond: number;
  /** CPU time meanwhile. */
  networkCpuS: number;
  hubCpuS: number;
}

/** Readings at the end. */
export interface Count {
  taken: number;
  stored: number;
  /** Sent again to a hub that held them already. */
  heldAlready: number;
  quarantined: number;
}

/** What can be killed and started again. */
export type Part = 'router' | 'network' | 'hub';

/**
 * A hub, an embedded network and many gateways, in processes of their own, all at their usual pace: the hub is the program itself, a
 * gateway is the agent's overlay and uplink behind an outbox in memory. For Linux: it reads /proc.
 */
export class FleetSite implements AsyncDisposable {
  readonly #folder = mkdtempSync(join(tmpdir(), 'vitalmesh-fleet-'));
  readonly #size: number;
  readonly #processes = new AsyncDisposableStack();
  readonly #gateways: Child[] = [];
  #network: Child;
  #ports: NetworkPorts = { controller: 0, router: 0 };
  #hub: HubProcess | undefined;
  #hubId = '';

  private constructor(size: number) {
    this.#size = size;
    this.#processes.defer(() => rmSync(this.#folder, { recursive: true, force: true }));
    this.#network = this.#processes.use(new Child('overlay-fleet-network.ts'));
  }

  /** A network with a hub in it, which knows so many gateways that are not there yet. */
  static async start(size: number): Promise<FleetSite> {
    const site = new FleetSite(size);
    try {
      await site.#network.call('furnish', { home: site.#home, gateways: size, file: site.#fleetFile });
      site.#ports = await site.#network.call<NetworkPorts>('start', { home: site.#home });
      site.#configureHub();
      await site.#startHub();
      return site;
    } catch (error) {
      await site[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Resident memory, in bytes. */
  get memory(): { hub: number; network: number; gateways: number } {
    return {
      hub: residentBytes(this.#hub?.pid),
      network: residentBytes(this.#network.pid),
      gateways: this.#gateways.reduce((total, { pid }) => total + residentBytes(pid), 0),
    };
  }

  /** Starts all gateways within that time, each with a reading every so often. */
  async connect({ withinMs, everyMs }: Pick<GatewaysStart, 'withinMs' | 'everyMs'>): Promise<Comeback> {
    return await this.#comeback(async () => {
      const controller = `https://127.0.0.1:${this.#ports.controller}/edge/client/v1`;
      for (let from = 0; from < this.#size; from += GATEWAYS_A_PROCESS) {
        const child = this.#processes.use(new Child('overlay-fleet-gateways.ts'));
        this.#gateways.push(child);
        const to = Math.min(this.#size, from + GATEWAYS_A_PROCESS);
        const start: GatewaysStart = { file: this.#fleetFile, from, to, controller, hubId: this.#hubId, withinMs, everyMs };
        void child.call('start', start);
      }
    });
  }

  /** Lets the fleet stand for a while, kills a part, starts it again `downMs` after every gateway has noticed, and waits for the fleet to be back. */
  async restart(part: Part, downMs: number): Promise<Comeback> {
    await pause(STEADY_MS);
    await this.#kill(part);
    await this.#reaches(({ connected }) => connected === 0);
    await pause(downMs);
    return await this.#comeback(() => this.#revive(part));
  }

  /** Takes one more reading of each gateway, waits until the hub has said of every reading that it holds it, and counts. */
  async count(): Promise<Count> {
    await Promise.all(this.#gateways.map((child) => child.call('measure')));
    await this.#reaches(({ pending }) => pending === 0);
    for (;;) {
      const before = await this.#state();
      const status = await this.#hub?.status();
      const after = await this.#state();
      // Readings go on meanwhile; the count is good when none was on its way.
      if (!status || before.taken !== after.taken || before.pending + after.pending > 0) continue;
      const { observations: stored, duplicates: heldAlready, quarantined } = status.counts;
      return { taken: after.taken, stored, heldAlready, quarantined: quarantined + after.refused };
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#processes.disposeAsync();
  }

  get #home(): string {
    return join(this.#folder, 'home');
  }

  get #fleetFile(): string {
    return join(this.#folder, 'fleet.json');
  }

  async #comeback(begin: () => Promise<void>): Promise<Comeback> {
    if (this.#network.isRunning) await this.#network.call('forget');
    const heardBefore = this.#hub?.stderr.length ?? 0;
    const cpuBefore = { network: cpuSeconds(this.#network.pid), hub: cpuSeconds(this.#hub?.pid), of: [this.#network, this.#hub] };
    const sinceMs = performance.now();
    await begin();
    await this.#reaches(({ connected }) => connected >= 0.9 * this.#size);
    const mostlySeconds = (performance.now() - sinceMs) / 1000;
    await this.#reaches(({ connected }) => connected === this.#size);
    const seconds = (performance.now() - sinceMs) / 1000;
    const isNew = (part: Child | HubProcess | undefined): boolean => !cpuBefore.of.includes(part as never);
    const moments = uplinkMoments(isNew(this.#hub) ? (this.#hub?.stderr ?? '') : (this.#hub?.stderr.slice(heardBefore) ?? ''));
    return {
      seconds,
      mostlySeconds,
      peaks: await this.#network.call<NetworkPeaks>('peaks'),
      uplinks: moments.length,
      uplinksInASecond: mostInASecond(moments),
      networkCpuS: cpuSeconds(this.#network.pid) - (isNew(this.#network) ? 0 : cpuBefore.network),
      hubCpuS: cpuSeconds(this.#hub?.pid) - (isNew(this.#hub) ? 0 : cpuBefore.hub),
    };
  }

  async #state(): Promise<GatewaysState> {
    const states = await Promise.all(this.#gateways.map((child) => child.call<GatewaysState>('state')));
    const total: GatewaysState = { connected: 0, taken: 0, pending: 0, refused: 0 };
    for (const state of states) for (const key of Object.keys(total) as (keyof GatewaysState)[]) total[key] += state[key];
    return total;
  }

  async #reaches(condition: (state: GatewaysState) => boolean): Promise<void> {
    const giveUpAt = performance.now() + LIMIT_MS;
    for (;;) {
      const state = await this.#state();
      if (condition(state)) return;
      if (performance.now() > giveUpAt)
        throw new Error(`waited in vain for: ${condition.toString()}\n${JSON.stringify(state)}\n${this.#hub?.stderr.slice(-2000)}`);
      await pause(LOOK_EVERY_MS);
    }
  }

  async #kill(part: Part): Promise<void> {
    if (part === 'router') await this.#network.call('stopRouter');
    else if (part === 'network') await this.#network.kill();
    else await this.#hub?.stop('SIGKILL');
  }

  async #revive(part: Part): Promise<void> {
    if (part === 'router') await this.#network.call('startRouter');
    else if (part === 'hub') await this.#startHub();
    else {
      this.#network = this.#processes.use(new Child('overlay-fleet-network.ts'));
      await this.#network.call('start', { home: this.#home, at: this.#ports });
    }
  }

  get #hubConfig(): { file: string; operator: string } {
    return { file: join(this.#folder, 'hub.yaml'), operator: join(this.#folder, 'hub', 'operator.sock') };
  }

  #configureHub(): void {
    const fleet = JSON.parse(readFileSync(this.#fleetFile, 'utf8')) as IssuedFleet;
    const [identity, registry, folder] = [join(this.#folder, 'hub.json'), join(this.#folder, 'registry.yaml'), join(this.#folder, 'hub')];
    const ztAPI = `https://127.0.0.1:${this.#ports.controller}/edge/client/v1`;
    this.#hubId = parseIdentity(fleet.hub).id;
    writeFileSync(identity, JSON.stringify({ ...fleet.hub, ztAPI }), { mode: 0o600 });
    writeFileSync(registry, registryOf(fleet.gateways.map((gateway) => parseIdentity(gateway).id)));
    mkdirSync(folder, { mode: 0o700 });
    writeFileSync(
      this.#hubConfig.file,
      stringify({
        identity,
        registry,
        store: { path: join(folder, 'store.db'), keyFile: join(this.#folder, 'hub.key') },
        overlay: { type: 'ziti' },
        services: { ingest: INGEST, mcp: MCP },
        operator: { socket: this.#hubConfig.operator },
      }),
    );
  }

  async #startHub(): Promise<void> {
    const { file, operator } = this.#hubConfig;
    const hub = new AskedProcess<HubStatus>('hub', file, operator);
    this.#hub = this.#processes.use(hub);
    await hub.until(({ uplink }) => uplink.bound);
  }
}

/** When the hub told that it took an uplink, in milliseconds. */
function uplinkMoments(log: string): number[] {
  return [...log.matchAll(/"time":"([^"]+)"[^\n]*"msg":"uplink connected"/g)].map(([, time]) => Date.parse(time ?? ''));
}

function residentBytes(pid = 0): number {
  return Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * PAGE_BYTES;
}

/** CPU time of a process with all its threads, in user and system mode: fields 14 and 15, behind a name that may hold anything (proc(5)). */
function cpuSeconds(pid = 0): number {
  if (!existsSync(`/proc/${pid}`)) return 0;
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_S;
}

import assert from 'node:assert/strict';
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { verifyAudit } from '../../hub/audit/chain.ts';
import { openSqliteStore } from '../../hub/store/sqlite.ts';
import type { Store } from '../../hub/store/store.ts';
import { systemClock } from '../../shared/clock.ts';
import { pause } from '../../shared/lifecycle.ts';
import { Metrics } from '../../shared/metrics.ts';
import { callOperator } from '../../shared/operator/client.ts';
import { type AgentProcess, AskedProcess, type HubProcess } from '../support/fabric-site.ts';
import { testNetwork } from '../support/identities.ts';
import { CONFIRMED, makeKnownStore } from '../support/known-store.ts';
import { LocalNetwork } from '../support/local-network.ts';
import type { Luck } from '../support/luck.ts';
import { SmallDisk } from '../support/small-disk.ts';
import { type DeviceTime, factsOf, KeepingDevice } from './keeping-device.ts';

const DAY_MS = 24 * 60 * 60 * 1000;
const BEDS = ['BED-1', 'BED-2', 'BED-3', 'BED-4'];

/** What came of it, for whoever reads the result. */
export interface Toll {
  acknowledged: number;
  repeated: number;
  /** Observations that the hub had already when they were sent again. */
  held: number;
}

export type Program = 'hub' | 'agent';

export interface MonitoredSiteOptions {
  /** Bytes of a file system of its own for what a program keeps. */
  disks?: Partial<Record<Program, number>>;
  /** The clock of the monitors; the true time, with its offset, unless told. */
  time?: DeviceTime;
  /** Zone of times without an offset; UTC unless told. */
  zone?: string;
  /** Called with what starts a program each time that one is started, and the folder of the site. */
  around?: <T>(program: Program, folder: string, start: () => T) => T;
}

/** The files of a site, and its network. */
export interface SiteFiles {
  network: LocalNetwork;
  configs: Record<Program, string>;
  /** Folders of what the programs keep, with mode 0700; nothing else is in there. */
  folders: Record<Program, string>;
  disks: Partial<Record<Program, SmallDisk>>;
}

/**
 * A hub and an agent as processes over the `local` overlay, and four monitors that never rest and forget only what was acknowledged. A test
 * does something to one of the processes; `settled` counts.
 */
export class MonitoredSite implements AsyncDisposable {
  readonly files: SiteFiles;
  hub: HubProcess;
  agent: AgentProcess;
  readonly #options: MonitoredSiteOptions;
  readonly #devices: KeepingDevice[] = [];
  #acknowledged = 0;
  #watchers: { count: number; reached: () => void }[] = [];
  #awaitingSent: (() => void)[] = [];

  protected constructor(files: SiteFiles, options: MonitoredSiteOptions = {}) {
    this.files = files;
    this.#options = options;
    [this.hub, this.agent] = [this.#startHub(), this.#startAgent()];
    for (const bed of BEDS)
      this.#devices.push(
        new KeepingDevice(bed, () => this.#port(), { sent: () => this.#sent(), acknowledged: () => this.#heard() }, options.time),
      );
  }

  static async start(options: MonitoredSiteOptions = {}): Promise<MonitoredSite> {
    return await MonitoredSite.ready(new MonitoredSite(await MonitoredSite.furnish(options), options));
  }

  protected static async furnish({ disks: sizes = {}, zone = 'UTC' }: MonitoredSiteOptions = {}): Promise<SiteFiles> {
    // Of yesterday, for a gateway is older than a clock that is an hour late.
    const yesterday = { ...systemClock, now: () => systemClock.now() - DAY_MS };
    const network = await LocalNetwork.start({}, await testNetwork({ clock: yesterday }));
    const { folder } = network;
    const overlay = { type: 'local', socket: network.socketPath };
    const files = { network, configs: inFolder(folder, '.yaml'), folders: inFolder(folder, '') };
    for (const place of Object.values(files.folders)) mkdirSync(place, { mode: 0o700 });
    const registry = join(folder, 'registry.yaml');
    const beds = Object.fromEntries(BEDS.map((bed) => [bed, `pat-${bed.toLowerCase()}`]));
    const listed = stringify({
      tenants: { clinic: { kind: 'sandbox' } },
      gateways: [{ identity: 'gateway-1', tenant: 'clinic', beds, confirmed: CONFIRMED }],
      clients: [],
    });
    writeFileSync(registry, listed);
    const store = { path: join(files.folders.hub, 'store.db'), keyFile: join(files.folders.hub, 'store.key') };
    // The clocks of these tests go where nothing of a new store would be known, and the monitors begin before the hub.
    await makeKnownStore(store, listed);
    writeFileSync(
      files.configs.hub,
      stringify({
        identity: await network.network.identityFile(folder, 'hub-1'),
        registry,
        store,
        overlay,
        operator: { socket: join(folder, 'hub.sock') },
      }),
    );
    writeFileSync(
      files.configs.agent,
      stringify({
        identity: await network.network.identityFile(folder, 'gateway-1'),
        outbox: { path: join(files.folders.agent, 'outbox.db'), keyFile: join(files.folders.agent, 'outbox.key') },
        overlay,
        uplink: { hub: ['hub-1'] },
        operator: { socket: join(folder, 'agent.sock') },
        test: true,
        zone,
        sources: [{ type: 'mllp-server', name: 'monitors', host: '127.0.0.1', port: 0 }],
      }),
    );
    const { hub, agent } = sizes;
    const disks = {
      ...(hub !== undefined && { hub: await SmallDisk.over(files.folders.hub, hub) }),
      ...(agent !== undefined && { agent: await SmallDisk.over(files.folders.agent, agent) }),
    };
    if (disks.hub) cpSync(files.folders.hub, disks.hub.path, { recursive: true });
    return { ...files, disks };
  }

  protected static async ready<T extends MonitoredSite>(site: T): Promise<T> {
    try {
      await site.hub.until(({ uplink }) => uplink.bound);
      return site;
    } catch (error) {
      await site[Symbol.asyncDispose]();
      throw error;
    }
  }

  get disks(): Partial<Record<Program, SmallDisk>> {
    return this.files.disks;
  }

  /** Messages that were acknowledged so far. */
  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** How often a monitor has sent a message again so far. */
  get repeated(): number {
    return this.#devices.reduce((sum, device) => sum + device.repeated, 0);
  }

  /** Resolves once so many more messages were acknowledged. */
  async acknowledgedMore(by: number): Promise<void> {
    const count = this.#acknowledged + by;
    await within(new Promise<void>((reached) => this.#watchers.push({ count, reached })), `${by} acknowledgements`);
  }

  /** Resolves with the next message on its way to the agent, which cannot have answered it yet. */
  async nextSent(): Promise<void> {
    await within(new Promise<void>((sent) => this.#awaitingSent.push(sent)), 'a message on its way');
  }

  /** Resolves once the monitors have sent so many more messages again; does `meanwhile` again and again until then. */
  async repeatedMore(by: number, meanwhile: () => void = () => undefined): Promise<void> {
    const count = this.repeated + by;
    const isEnough = async (): Promise<void> => {
      for (; this.repeated < count; await pause(10)) meanwhile();
    };
    await within(isEnough(), `${by} messages sent again`);
  }

  /** Ends it and starts it again. */
  async restart(program: Program, signal: NodeJS.Signals): Promise<void> {
    await this[program].stop(signal);
    if (program === 'hub') this.hub = this.#startHub();
    else this.agent = this.#startAgent();
  }

  /** The monitors finish; then everything that was acknowledged is in the hub, once, and nothing else, and its evidence is whole. */
  async settled(): Promise<Toll> {
    await within(Promise.all(this.#devices.map((device) => device.finish())), 'the last acknowledgements');
    const { outbox } = await this.agent.until((status) => status.outbox.pending === 0);
    assert.equal(outbox.quarantined, 0);
    // The one that was started last may still be on its way.
    const { counts, storeId } = await this.hub.until(({ uplink }) => uplink.bound);
    assert.equal(counts.quarantined, 0);
    const stored: string[] = [];
    for await (const row of callOperator(this.hub.operator, 'export')) stored.push(factsOf(row));
    const acknowledged = this.#devices.flatMap((device) => device.acknowledged);
    assert.ok(acknowledged.length > 0);
    assertSame(stored, acknowledged);
    await this.hub.stop();
    await using store = this.openStore();
    const verdict = await verifyAudit(store.audit(), storeId);
    assert.ok(verdict.intact, JSON.stringify(verdict));
    return { acknowledged: acknowledged.length, repeated: this.repeated, held: counts.duplicates };
  }

  /** What the hub has stored, once it is stopped. */
  openStore(): Store {
    const { hub: folder } = this.files.folders;
    // Where a disk of its own was, its files are brought over: SQLite follows the way there to a place that is not here.
    if (this.disks.hub) cpSync(this.disks.hub.path, folder, { recursive: true });
    return openSqliteStore({ path: join(folder, 'store.db'), keyFile: join(folder, 'store.key'), metrics: new Metrics() });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#devices.map((device) => device[Symbol.asyncDispose]()));
    for (const process of [this.agent, this.hub]) await process[Symbol.asyncDispose]();
    for (const disk of Object.values(this.disks)) await disk[Symbol.asyncDispose]();
    await this.files.network[Symbol.asyncDispose]();
  }

  #startHub(): HubProcess {
    return this.#begin('hub', (...args) => new AskedProcess('hub', ...args));
  }

  #startAgent(): AgentProcess {
    return this.#begin('agent', (...args) => new AskedProcess('agent', ...args));
  }

  #begin<T>(program: Program, start: (config: string, operator: string, luck: Luck, through: readonly string[]) => T): T {
    const { around = (_, __, begin) => begin() } = this.#options;
    const { configs, network, disks } = this.files;
    return around(program, network.folder, () =>
      start(configs[program], join(network.folder, `${program}.sock`), 'short pauses', disks[program]?.through ?? []),
    );
  }

  async #port(): Promise<number> {
    const { sources } = await this.agent.status();
    const { endpoint } = sources.find(({ state }) => state === 'running') ?? assert.fail('the agent does not listen');
    return Number(endpoint.split(':')[1]);
  }

  #sent(): void {
    for (const sent of this.#awaitingSent.splice(0)) sent();
  }

  #heard(): void {
    this.#acknowledged += 1;
    const due = this.#watchers.filter(({ count }) => count <= this.#acknowledged);
    this.#watchers = this.#watchers.filter((watcher) => !due.includes(watcher));
    for (const { reached } of due) reached();
  }
}

function inFolder(folder: string, suffix: string): Record<Program, string> {
  return { hub: join(folder, `hub${suffix}`), agent: join(folder, `agent${suffix}`) };
}

/** No healthy run comes near this, on however slow a machine. */
const LIMIT_MS = 150_000;

async function within<T>(work: Promise<T>, what: string): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`waited in vain for ${what}`)), LIMIT_MS);
  return await Promise.race([work, late.promise]).finally(() => clearTimeout(timer));
}

/** Fails with what is missing and what is there twice or was never acknowledged, not with thousands of lines. */
function assertSame(stored: readonly string[], acknowledged: readonly string[]): void {
  const [there, promised] = [new Set(stored), new Set(acknowledged)];
  assert.equal(promised.size, acknowledged.length, 'no two measurements are alike');
  const missing = acknowledged.filter((one) => !there.has(one));
  const unasked = stored.filter((one) => !promised.has(one));
  const summary = { missing: missing.length, twice: stored.length - there.size, unasked: unasked.length };
  assert.deepEqual(summary, { missing: 0, twice: 0, unasked: 0 }, `first: ${missing[0]}, ${unasked[0]}`);
}

import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { random } from '../../agent/simulate/physiology.ts';
import { verifyAudit } from '../../hub/audit/chain.ts';
import { openSqliteStore } from '../../hub/store/sqlite.ts';
import { pause } from '../../shared/lifecycle.ts';
import { Metrics } from '../../shared/metrics.ts';
import { callOperator } from '../../shared/operator/client.ts';
import { type AgentProcess, AskedProcess, type HubProcess } from '../support/fabric-site.ts';
import { LocalNetwork } from '../support/local-network.ts';
import { factsOf, KeepingDevice } from './keeping-device.ts';

const BEDS = ['BED-1', 'BED-2', 'BED-3', 'BED-4'];

/** What came of it, for whoever reads the result. */
export interface Toll {
  kills: number;
  acknowledged: number;
  repeated: number;
  /** Observations that the hub had already when they were sent again. */
  held: number;
}

/** A hub and an agent as processes over the `local` overlay, and four monitors that never rest. Either process can be killed at any time. */
export class KilledSite implements AsyncDisposable {
  readonly #network: LocalNetwork;
  readonly #configs: { hub: string; agent: string };
  readonly #devices: KeepingDevice[] = [];
  readonly #uniform: () => number;
  #hub: HubProcess;
  #agent: AgentProcess;
  #acknowledged = 0;
  #watchers: { count: number; reached: () => void }[] = [];
  #kills = 0;

  private constructor(network: LocalNetwork, configs: { hub: string; agent: string }, seed: number) {
    this.#network = network;
    this.#configs = configs;
    this.#uniform = random(seed);
    [this.#hub, this.#agent] = [this.#startHub(), this.#startAgent()];
    for (const bed of BEDS)
      this.#devices.push(
        new KeepingDevice(
          bed,
          () => this.#port(),
          () => this.#heard(),
        ),
      );
  }

  static async open(seed: number): Promise<KilledSite> {
    const network = await LocalNetwork.start();
    const { folder } = network;
    const [hub, agent, registry] = ['hub.yaml', 'agent.yaml', 'registry.yaml'].map((name) => join(folder, name));
    assert.ok(hub && agent && registry);
    const overlay = { type: 'local', socket: network.socketPath };
    const identities = {
      hub: await network.network.identityFile(folder, 'hub-1'),
      agent: await network.network.identityFile(folder, 'gateway-1'),
    };
    for (const name of ['hub', 'agent']) mkdirSync(join(folder, name), { mode: 0o700 });
    const beds = Object.fromEntries(BEDS.map((bed) => [bed, `pat-${bed.toLowerCase()}`]));
    writeFileSync(registry, stringify({ gateways: [{ identity: 'gateway-1', tenant: 'clinic', beds }], clients: [] }));
    writeFileSync(
      hub,
      stringify({
        identity: identities.hub,
        registry,
        store: { path: join(folder, 'hub', 'store.db'), keyFile: join(folder, 'hub', 'store.key') },
        overlay,
        operator: { socket: join(folder, 'hub', 'operator.sock') },
      }),
    );
    writeFileSync(
      agent,
      stringify({
        identity: identities.agent,
        outbox: { path: join(folder, 'agent', 'outbox.db'), keyFile: join(folder, 'agent', 'outbox.key') },
        overlay,
        uplink: { hub: ['hub-1'] },
        operator: { socket: join(folder, 'agent', 'operator.sock') },
        test: true,
        sources: [{ type: 'mllp-server', name: 'monitors', host: '127.0.0.1', port: 0 }],
      }),
    );
    const site = new KilledSite(network, { hub, agent }, seed);
    try {
      await site.#hub.until(({ uplink }) => uplink.bound);
      return site;
    } catch (error) {
      await site[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** So many times: waits until some more messages were acknowledged, the agent at work, and kills it. */
  async killAgent(times: number): Promise<void> {
    for (let i = 0; i < times; i += 1) {
      await this.#acknowledgedMore(1 + Math.floor(this.#uniform() * 40));
      assert.equal(await this.#agent.stop('SIGKILL'), 'SIGKILL');
      this.#kills += 1;
      this.#agent = this.#startAgent();
    }
  }

  /** So many times: waits until the hub stored some more, and kills it. */
  async killHub(times: number): Promise<void> {
    for (let i = 0; i < times; i += 1) {
      const { counts } = await this.#hub.until(({ uplink }) => uplink.bound);
      const enough = counts.observations + 1 + Math.floor(this.#uniform() * 40);
      await this.#hub.until(({ counts: now }) => now.observations >= enough);
      // Anywhere within a batch, not only right behind a look at it.
      await pause(this.#uniform() * 30);
      assert.equal(await this.#hub.stop('SIGKILL'), 'SIGKILL');
      this.#kills += 1;
      this.#hub = this.#startHub();
    }
  }

  /** The monitors finish; then everything that was acknowledged is in the hub, once, and nothing else, and its evidence is whole. */
  async settled(): Promise<Toll> {
    await within(Promise.all(this.#devices.map((device) => device.finish())), 'the last acknowledgements');
    const { outbox } = await this.#agent.until((status) => status.outbox.pending === 0);
    assert.equal(outbox.quarantined, 0);
    // The one that was started last may still be on its way.
    const { counts, storeId } = await this.#hub.until(({ uplink }) => uplink.bound);
    assert.equal(counts.quarantined, 0);
    const stored: string[] = [];
    for await (const row of callOperator(this.#hub.operator, 'export')) stored.push(factsOf(row));
    const acknowledged = this.#devices.flatMap((device) => device.acknowledged);
    assert.ok(acknowledged.length > 0);
    assertSame(stored, acknowledged);
    await this.#hub.stop();
    const folder = join(this.#network.folder, 'hub');
    await using store = openSqliteStore({ path: join(folder, 'store.db'), keyFile: join(folder, 'store.key'), metrics: new Metrics() });
    const verdict = await verifyAudit(store.audit(), storeId);
    assert.ok(verdict.intact, JSON.stringify(verdict));
    const repeated = this.#devices.reduce((sum, device) => sum + device.repeated, 0);
    return { kills: this.#kills, acknowledged: acknowledged.length, repeated, held: counts.duplicates };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#devices.map((device) => device[Symbol.asyncDispose]()));
    for (const process of [this.#agent, this.#hub]) await process[Symbol.asyncDispose]();
    await this.#network[Symbol.asyncDispose]();
  }

  #startHub(): HubProcess {
    return new AskedProcess('hub', this.#configs.hub, join(this.#network.folder, 'hub', 'operator.sock'), 'short pauses');
  }

  #startAgent(): AgentProcess {
    return new AskedProcess('agent', this.#configs.agent, join(this.#network.folder, 'agent', 'operator.sock'), 'short pauses');
  }

  async #port(): Promise<number> {
    const { sources } = await this.#agent.status();
    const { endpoint } = sources.find(({ state }) => state === 'running') ?? assert.fail('the agent does not listen');
    return Number(endpoint.split(':')[1]);
  }

  #heard(): void {
    this.#acknowledged += 1;
    const due = this.#watchers.filter(({ count }) => count <= this.#acknowledged);
    this.#watchers = this.#watchers.filter((watcher) => !due.includes(watcher));
    for (const { reached } of due) reached();
  }

  async #acknowledgedMore(by: number): Promise<void> {
    const count = this.#acknowledged + by;
    await within(new Promise<void>((reached) => this.#watchers.push({ count, reached })), `${by} acknowledgements`);
  }
}

/** No healthy run comes near this. */
const LIMIT_MS = 60_000;

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

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type AgentConfig, agentConfigSchema } from '../../../agent/config.ts';
import { createIntake } from '../../../agent/intake.ts';
import type { Outbox } from '../../../agent/outbox/outbox.ts';
import { openOutbox } from '../../../agent/outbox/sqlite.ts';
import { prepareSource } from '../../../agent/sources/create-source.ts';
import type { Source } from '../../../agent/sources/source.ts';
import { systemClock } from '../../../shared/clock.ts';
import { silentLogger } from '../../../shared/log.ts';
import { Metrics } from '../../../shared/metrics.ts';
import type { ReadingRecord } from '../../../shared/reading.ts';

/** The end of an agent that devices see: one configured source, the real intake and a real outbox. */
export class AgentEnd implements AsyncDisposable {
  readonly source: Source;
  readonly metrics: Metrics;
  readonly #outbox: Outbox;
  readonly #folder: string;

  private constructor(source: Source, outbox: Outbox, metrics: Metrics, folder: string) {
    this.source = source;
    this.#outbox = outbox;
    this.metrics = metrics;
    this.#folder = folder;
  }

  /** With `source` as agent.yaml has it. */
  static async start(source: object): Promise<AgentEnd> {
    const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-simulate-'));
    const metrics = new Metrics();
    const log = silentLogger;
    const outbox = await openOutbox({
      ...{ path: join(folder, 'outbox.db'), keyFile: join(folder, 'outbox.key') },
      ...{ clock: systemClock, log, metrics },
    });
    const config = agentConfig([{ name: 'sim', ...source }]);
    const [configured] = config.sources;
    if (!configured) throw new Error('no source');
    const intake = createIntake({ outbox, metrics, clock: systemClock });
    const made = prepareSource(config, configured, 'gateway-1')({ intake, clock: systemClock, log, metrics });
    await made.start(new AbortController().signal);
    return new AgentEnd(made, outbox, metrics, folder);
  }

  get target(): { host: string; port: number } {
    const { endpoint } = this.source.status();
    return { host: '127.0.0.1', port: Number(endpoint.slice(endpoint.lastIndexOf(':') + 1)) };
  }

  async records(): Promise<ReadingRecord[]> {
    return (await this.#outbox.pending(0, 10_000)).map(({ record }) => record);
  }

  /** Parts refused or set aside, by code. */
  get rejected(): Record<string, number> {
    const counted: Record<string, number> = {};
    for (const [name, value] of Object.entries(this.metrics.snapshot())) {
      const [, code] = /^intake_rejected_total\{sim\/([A-Z0-9-]+)\}$/.exec(name) ?? [];
      if (code !== undefined) counted[code] = value;
    }
    return counted;
  }

  /** Stops the source, so that all it has taken is stored. */
  stop(): Promise<void> {
    return Promise.resolve(this.source[Symbol.asyncDispose]());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await this.#outbox[Symbol.asyncDispose]();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** A whole configuration with these sources, checked by the schema of agent.yaml. */
export function agentConfig(sources: readonly unknown[]): AgentConfig {
  return agentConfigSchema.parse({
    identity: '/etc/vitalmesh/gateway.json',
    outbox: { path: '/var/lib/vitalmesh/outbox.db', keyFile: '/var/lib/vitalmesh/outbox.key' },
    overlay: { type: 'local', socket: '/run/vitalmesh/switch.sock' },
    uplink: { hub: ['hub-1'] },
    operator: { socket: '/run/vitalmesh/agent.sock' },
    sources,
  });
}

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Latencies } from '../../provisioning/demo/latency.ts';
import { systemClock } from '../../shared/clock.ts';
import { pause } from '../../shared/lifecycle.ts';
import { type BenchSite, localNetwork, withBenchSite } from './bench-site.ts';
import type { Figure } from './figure.ts';
import { Relay } from './relay.ts';

/** What waits when an outage of two minutes ends, at 500 observations a second; it comes faster here, so that nobody waits for two minutes. */
const BACKLOG = 60_000;
const OUTAGE_PER_SECOND = 3000;
/** What goes before: in an outage agent and hub go on running, as they did for months. */
const WELL_RUN_MS = 12_000;
const ASK_EVERY_MS = 20;
/** Told apart, and judged with the rest. */
const FIRST_MS = 2000;

/**
 * After an outage: an agent that was cut off from its hub, and goes on taking 1,000 observations a second. How fast what waited arrives once it is connected
 * again, and how long what is measured meanwhile takes from the device to the AI client.
 */
export async function benchRecovery(): Promise<Figure[]> {
  await using stack = new AsyncDisposableStack();
  const folder = mkdtempSync(join(tmpdir(), 'vm-relay-'));
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  const relay = stack.use(new Relay(folder));
  return await withBenchSite(localNetwork, recover, { relay });
}

async function recover(site: BenchSite): Promise<Figure[]> {
  await connected(site);
  const endFirst = site.startMonitors();
  await pause(WELL_RUN_MS);
  endFirst();
  const mend = site.cut();
  const endOutage = site.startMonitors(OUTAGE_PER_SECOND);
  await pause((BACKLOG / OUTAGE_PER_SECOND) * 1000);
  endOutage();
  const before = (await site.hubStatus()).counts.observations;
  mend();
  site.startMonitors();
  await connected(site);
  const [startMs, startAt] = [performance.now(), systemClock.now()];
  const [all, first, later] = [new Latencies(), new Latencies(), new Latencies()];
  site.measure({
    add: (ms) => {
      for (const latencies of [all, performance.now() - startMs < FIRST_MS ? first : later]) latencies.add(ms);
    },
  });
  for (;;) {
    const { outbox } = await site.agentStatus();
    if (outbox.oldestPendingAt === null || outbox.oldestPendingAt >= startAt) break;
    await pause(ASK_EVERY_MS);
  }
  const seconds = (performance.now() - startMs) / 1000;
  site.measure(undefined);
  const { counts } = await site.hubStatus();
  // A monitor that sends at its own moments sends one message more or less.
  if (counts.observations - before < 0.98 * BACKLOG || counts.quarantined > 0)
    throw new Error(`not all is stored: ${JSON.stringify(counts)}, ${before} before`);
  return [
    { name: 'backlog drained, beside 1,000 obs/s live', value: BACKLOG / seconds, unit: 'obs/s', bar: { least: 5000 } },
    { name: 'live meanwhile, device → MCP notification, p50', value: all.percentile(0.5) ?? Number.NaN, unit: 'ms' },
    { name: 'live meanwhile, device → MCP notification, p99', value: all.percentile(0.99) ?? Number.NaN, unit: 'ms', bar: { most: 100 } },
    { name: 'notifications measured', value: all.count, unit: '' },
    { name: 'of these in the first two seconds, p99', value: first.percentile(0.99) ?? Number.NaN, unit: 'ms' },
    { name: 'of these after them, p99', value: later.percentile(0.99) ?? Number.NaN, unit: 'ms' },
  ];
}

/** Until the agent is connected to its hub. */
async function connected(site: BenchSite): Promise<void> {
  while ((await site.agentStatus()).uplink.state !== 'connected') await pause(ASK_EVERY_MS);
}

import { openOutbox } from '../../agent/outbox/sqlite.ts';
import { Latencies } from '../../provisioning/demo/latency.ts';
import { systemClock } from '../../shared/clock.ts';
import { pause } from '../../shared/lifecycle.ts';
import { silentLogger } from '../../shared/log.ts';
import { Metrics } from '../../shared/metrics.ts';
import type { ReadingRecord } from '../../shared/reading.ts';
import { hl7Pcd01 } from '../support/hl7.ts';
import { BENCH_BEDS, BENCH_OBSERVATIONS, benchMonitor, localNetwork, withBenchSite } from './bench-site.ts';
import type { Figure } from './figure.ts';

/** What came in during an outage of two minutes, at 500 observations a second. */
const BACKLOG = 60_000;
const OUTAGE_MS = 120_000;
const AT_ONCE = 250;
const ASK_EVERY_MS = 20;
/** In an outage agent and hub go on running; here both have just been started, and their code is not compiled yet. Told apart, and judged with the rest. */
const WARM_UP_MS = 2000;

/**
 * After an outage: an agent whose outbox holds what came during two minutes connects to its hub, and goes on taking 1,000 observations a
 * second. How fast what waited arrives, and how long what is measured meanwhile takes from the device to the AI client.
 */
export async function benchRecovery(): Promise<Figure[]> {
  const beganAt = systemClock.now();
  return await withBenchSite(
    localNetwork,
    async (site) => {
      let status = await site.agentStatus();
      for (; status.uplink.state !== 'connected'; status = await site.agentStatus()) await pause(ASK_EVERY_MS);
      site.startMonitors();
      const [all, cold, warm] = [new Latencies(), new Latencies(), new Latencies()];
      const startMs = performance.now();
      site.measure({
        add: (ms) => {
          for (const latencies of [all, performance.now() - startMs < WARM_UP_MS ? cold : warm]) latencies.add(ms);
        },
      });
      for (;;) {
        const { outbox } = await site.agentStatus();
        if (outbox.oldestPendingAt === null || outbox.oldestPendingAt >= beganAt) break;
        await pause(ASK_EVERY_MS);
      }
      const seconds = (performance.now() - startMs) / 1000;
      site.measure(undefined);
      const { counts } = await site.hubStatus();
      if (counts.observations < BACKLOG || counts.quarantined > 0) throw new Error(`not all is stored: ${JSON.stringify(counts)}`);
      return [
        { name: 'backlog drained, beside 1,000 obs/s live', value: BACKLOG / seconds, unit: 'obs/s', bar: { least: 5000 } },
        { name: 'live meanwhile, device → MCP notification, p50', value: all.percentile(0.5) ?? Number.NaN, unit: 'ms' },
        {
          name: 'live meanwhile, device → MCP notification, p99',
          value: all.percentile(0.99) ?? Number.NaN,
          unit: 'ms',
          bar: { most: 100 },
        },
        { name: 'notifications measured', value: all.count, unit: '' },
        { name: 'of these in the first two seconds, p99', value: cold.percentile(0.99) ?? Number.NaN, unit: 'ms' },
        { name: 'of these after them, p99', value: warm.percentile(0.99) ?? Number.NaN, unit: 'ms' },
      ];
    },
    { prepare: (outbox) => fill(outbox, beganAt) },
  );
}

/** Puts what came during the outage into the outbox, as the agent would have: of the monitors that go on sending. */
async function fill(place: { path: string; keyFile: string }, until: number): Promise<void> {
  await using outbox = await openOutbox({ ...place, clock: systemClock, log: silentLogger, metrics: new Metrics() });
  const context = { source: 'monitors', zone: 'UTC', test: true, maxFrameBytes: 1024 * 1024 };
  const monitors = Array.from({ length: BENCH_BEDS }, (_, bed) => benchMonitor(bed));
  const messages = BACKLOG / BENCH_OBSERVATIONS;
  for (let sent = 0; sent < messages; sent += AT_ONCE) {
    const records: ReadingRecord[] = [];
    for (let number = sent; number < Math.min(sent + AT_ONCE, messages); number += 1) {
      const at = Math.floor(until - OUTAGE_MS + (number / messages) * OUTAGE_MS);
      records.push(...hl7Pcd01.read(Buffer.from(monitors[number % BENCH_BEDS]?.(at) ?? ''), at, context).records);
    }
    await outbox.append(records);
  }
}

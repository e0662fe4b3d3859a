import { openOutbox } from '../../agent/outbox/sqlite.ts';
import { systemClock } from '../../shared/clock.ts';
import { pause } from '../../shared/lifecycle.ts';
import { silentLogger } from '../../shared/log.ts';
import { Metrics } from '../../shared/metrics.ts';
import type { ReadingRecord } from '../../shared/reading.ts';
import { BENCH_BEDS, benchBed, localNetwork, withBenchSite } from './bench-site.ts';
import type { Figure } from './figure.ts';

/** What came in during an outage of two minutes, at 500 observations a second. */
const BACKLOG = 60_000;
const VITALS = ['hr', 'spo2', 'pr_oxi', 'rr', 'temp', 'etco2', 'abp_m', 'cvp'];
const OUTAGE_MS = 120_000;
const AT_ONCE = 250;
const ASK_EVERY_MS = 20;

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
      const waiting = status.outbox.pending * VITALS.length;
      site.startMonitors();
      site.measure(true);
      const startMs = performance.now();
      for (;;) {
        const { outbox } = await site.agentStatus();
        if (outbox.oldestPendingAt === null || outbox.oldestPendingAt >= beganAt) break;
        await pause(ASK_EVERY_MS);
      }
      const seconds = (performance.now() - startMs) / 1000;
      site.measure(false);
      const { counts } = await site.hubStatus();
      if (counts.observations < BACKLOG || counts.quarantined > 0) throw new Error(`not all is stored: ${JSON.stringify(counts)}`);
      const { latencies } = site;
      return [
        { name: 'backlog drained, beside 1,000 obs/s live', value: waiting / seconds, unit: 'obs/s', bar: { least: 5000 } },
        { name: 'live meanwhile, device → MCP notification, p50', value: latencies.percentile(0.5) ?? Number.NaN, unit: 'ms' },
        {
          name: 'live meanwhile, device → MCP notification, p99',
          value: latencies.percentile(0.99) ?? Number.NaN,
          unit: 'ms',
          bar: { most: 100 },
        },
        { name: 'notifications measured', value: latencies.count, unit: '' },
      ];
    },
    (outbox) => fill(outbox, beganAt),
  );
}

/** Puts what came during the outage into the outbox, as the agent would have. */
async function fill(place: { path: string; keyFile: string }, until: number): Promise<void> {
  await using outbox = await openOutbox({ ...place, clock: systemClock, log: silentLogger, metrics: new Metrics() });
  const rows = BACKLOG / VITALS.length;
  for (let row = 0; row < rows; row += AT_ONCE) {
    const records = Array.from({ length: Math.min(AT_ONCE, rows - row) }, (_, i) =>
      record(row + i, until - OUTAGE_MS + ((row + i) / rows) * OUTAGE_MS),
    );
    await outbox.append(records);
  }
}

function record(number: number, at: number): ReadingRecord {
  const receivedAt = Math.floor(at);
  return {
    source: 'monitors',
    profile: 'hl7-pcd01',
    device: { id: `BENCH${number % BENCH_BEDS}`, idType: 'serial' },
    receivedAt,
    subject: { bed: benchBed(number % BENCH_BEDS) },
    test: true,
    class: 'continuous',
    readings: VITALS.map((vital, i) => ({ vital, value: 40 + i, effective: receivedAt })),
  };
}

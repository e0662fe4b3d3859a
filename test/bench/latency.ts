import { Latencies } from '../../provisioning/demo/latency.ts';
import { pause } from '../../shared/lifecycle.ts';
import { embeddedNetwork, localNetwork, type StartNetwork, withBenchSite } from './bench-site.ts';
import type { Figure } from './figure.ts';

const WARM_UP_MS = 3000;
const MEASURE_MS = 10_000;

/**
 * Device byte to MCP notification at 1,000 observations a second, over the local overlay and over the embedded network: monitors and AI
 * client in this process, agent and hub (and the embedded network) in processes of their own. Time runs from the writing of a message to
 * the socket to the arrival of the notification that its patient changed.
 */
export async function benchLatency(): Promise<Figure[]> {
  return [
    ...(await measure('local', localNetwork, { p50: 5, p99: 50 })),
    ...(await measure('embedded', embeddedNetwork, { p50: 8, p99: 80 })),
  ];
}

function measure(name: string, startNetworkOf: StartNetwork, mostMs: { p50: number; p99: number }): Promise<Figure[]> {
  return withBenchSite(startNetworkOf, async (site) => {
    site.startMonitors();
    await pause(WARM_UP_MS);
    const latencies = new Latencies();
    site.measure(latencies);
    await pause(MEASURE_MS);
    site.measure(undefined);
    const figure = `device → MCP notification, 1,000 obs/s, ${name}`;
    return [
      { name: `${figure}, p50`, value: latencies.percentile(0.5) ?? Number.NaN, unit: 'ms', bar: { most: mostMs.p50 } },
      { name: `${figure}, p99`, value: latencies.percentile(0.99) ?? Number.NaN, unit: 'ms', bar: { most: mostMs.p99 } },
      { name: `notifications measured, ${name}`, value: latencies.count, unit: '' },
    ];
  });
}

import { pause } from '../../shared/lifecycle.ts';
import { embeddedNetwork, withBenchSite } from './bench-site.ts';
import { type Figure, percentile } from './figure.ts';

const WARM_UP_MS = 3000;
/** What goes before: hubs and gateways run for months, and by ten observations a second code would take an hour to become what it is then. */
const WELL_RUN = { perSecond: 1000, ms: 12_000 };
/** So many observations a second, and how long: six of them are one message, of which some hundred are needed to speak of a percentile. */
const RATES: readonly [perSecond: number, ms: number][] = [
  [1000, 12_000],
  [10, 40_000],
  [100, 20_000],
  [1000, 10_000],
];
const QUICK_MS = 5000;
const MOST_MS = { p50: 8, p99: 80 } as const;

/**
 * Device byte to MCP notification over the embedded network, at rates of a small ward, a large one, and a hospital: network, agent and hub in processes of
 * their own, monitors and AI client in this one. Time runs from the writing of a message to the socket to the notification that its patient changed.
 */
export function benchMcpEndToEnd({ quick }: { quick: boolean }): Promise<Figure[]> {
  return withBenchSite(embeddedNetwork, async (site) => {
    const figures: Figure[] = [];
    const endFirst = site.startMonitors(WELL_RUN.perSecond);
    await pause(quick ? 0 : WELL_RUN.ms);
    endFirst();
    for (const [perSecond, ms] of RATES) {
      const latenciesMs: number[] = [];
      const end = site.startMonitors(perSecond);
      await pause(WARM_UP_MS);
      site.measure({ add: (latencyMs) => void latenciesMs.push(latencyMs) });
      await pause(quick ? QUICK_MS : ms);
      site.measure(undefined);
      end();
      const name = `device → MCP notification, ${perSecond.toLocaleString('en-US')} obs/s`;
      figures.push(
        { name: `${name}, p50`, value: percentile(latenciesMs, 0.5), unit: 'ms', bar: { most: MOST_MS.p50 } },
        { name: `${name}, p99`, value: percentile(latenciesMs, 0.99), unit: 'ms', bar: { most: MOST_MS.p99 } },
        { name: `notifications measured, ${perSecond.toLocaleString('en-US')} obs/s`, value: latenciesMs.length, unit: '' },
      );
    }
    return figures;
  });
}

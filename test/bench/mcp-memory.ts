import { pause } from '../../shared/lifecycle.ts';
import { embeddedNetworkOf, withBenchSite } from './bench-site.ts';
import type { Figure } from './figure.ts';
import { peakMb, residentMb, withPackage } from './packaged.ts';

/** Connected one lot behind the other, and what the hub may then be resident, MB. */
const LOTS: readonly [clients: number, mostMb: number][] = [
  [50, 256],
  [500, 512],
];
const QUICK_LOTS: typeof LOTS = [
  [10, 256],
  [50, 512],
];
const PATIENTS_EACH = 10;
/** Until what connecting took is given back. */
const IDLE_MS = 20_000;
const QUICK_IDLE_MS = 3000;
/** Not more: the clients all share one process of the machine. */
const PER_SECOND = 100;
const LOAD_MS = 30_000;

/**
 * Resident memory of the hub over the embedded network, as the published package runs it, with 50 and with 500 AI clients that follow ten patients each: every one
 * with an identity, a connection and a stream of its own. Sessions of 2025-11-25, which hold more, are measured by `mcp-updates`.
 */
export function benchMcpMemory({ quick }: { quick: boolean }): Promise<Figure[]> {
  const lots = quick ? QUICK_LOTS : LOTS;
  const idleMs = quick ? QUICK_IDLE_MS : IDLE_MS;
  const [all, most] = lots.at(-1) ?? [0, 0];
  return withPackage((program) =>
    withBenchSite(
      embeddedNetworkOf(all),
      async (site) => {
        const { hub } = site.pids;
        const figures: Figure[] = [];
        for (const [clients, mostMb] of lots) {
          await site.connectClients(PATIENTS_EACH, clients);
          await pause(idleMs);
          const name = `hub with ${clients} clients, ${PATIENTS_EACH} patients each`;
          figures.push({ name, value: residentMb(hub), unit: 'MB', bar: { most: mostMb } });
        }
        site.startMonitors(PER_SECOND);
        await pause(quick ? QUICK_IDLE_MS : LOAD_MS);
        const { subscribers } = (await site.hubStatus()).mcp;
        figures.push(
          { name: `the same at ${PER_SECOND} obs/s, peak`, value: peakMb(hub), unit: 'MB', bar: { most } },
          { name: 'clients that follow then', value: subscribers['mcp-2026'], unit: '', bar: { least: all } },
        );
        return figures;
      },
      { program },
    ),
  );
}

import { pause } from '../../shared/lifecycle.ts';
import { embeddedNetworkOf, withBenchSite } from './bench-site.ts';
import type { Figure } from './figure.ts';
import { peakMb, residentMb, withPackage } from './packaged.ts';

const CLIENTS = 50;
/** As a nurse's client that watches a bay. */
const PATIENTS_EACH = 10;
const IDLE_MS = 20_000;
const LOAD_MS = 60_000;
const SAMPLE_MS = 1000;
/** Architecture §6. */
const MOST_MB = { agentIdle: 130, agentLoaded: 180, hubIdle: 256, hubPeak: 512 } as const;

/**
 * Resident memory of agent and hub over the embedded network, each as the published package runs it: started by its command, without types. About
 * 60 MB of each are pages of the Node binary, which processes share.
 */
export function benchMemory(): Promise<Figure[]> {
  return withPackage((program) =>
    withBenchSite(
      embeddedNetworkOf(CLIENTS),
      async (site) => {
        const { agent, hub } = site.pids;
        await pause(IDLE_MS);
        const agentIdle = residentMb(agent);
        await site.connectClients(PATIENTS_EACH);
        await pause(IDLE_MS);
        const hubIdle = residentMb(hub);
        site.startMonitors();
        let agentLoaded = 0;
        for (const endMs = performance.now() + LOAD_MS; performance.now() < endMs; await pause(SAMPLE_MS))
          agentLoaded = Math.max(agentLoaded, residentMb(agent));
        const { counts } = await site.hubStatus();
        return [
          { name: 'agent, connected and idle', value: agentIdle, unit: 'MB', bar: { most: MOST_MB.agentIdle } },
          { name: 'agent, at 1,000 obs/s, at most', value: agentLoaded, unit: 'MB', bar: { most: MOST_MB.agentLoaded } },
          {
            name: `hub, ${CLIENTS} clients with ${PATIENTS_EACH} patients each`,
            value: hubIdle,
            unit: 'MB',
            bar: { most: MOST_MB.hubIdle },
          },
          { name: 'hub, and at 1,000 obs/s, peak', value: peakMb(hub), unit: 'MB', bar: { most: MOST_MB.hubPeak } },
          { name: 'observations stored meanwhile', value: counts.observations, unit: '' },
        ];
      },
      { program },
    ),
  );
}

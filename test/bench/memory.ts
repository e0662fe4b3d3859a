import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pause } from '../../shared/lifecycle.ts';
import { sampleOf } from '../soak/growth.ts';
import { embeddedNetworkOf, withBenchSite } from './bench-site.ts';
import type { Figure } from './figure.ts';

const CLIENTS = 50;
/** As a nurse's client that watches a bay. */
const PATIENTS_EACH = 10;
const IDLE_MS = 20_000;
const LOAD_MS = 60_000;
const SAMPLE_MS = 1000;
/** Architecture §6. */
const MOST_MB = { agentIdle: 130, agentLoaded: 180, hubIdle: 256, hubPeak: 512 } as const;

const root = join(import.meta.dirname, '..', '..');

/**
 * Resident memory of agent and hub over the embedded network, each as the published package runs it: started by its command, without types. About
 * 60 MB of each are pages of the Node binary, which processes share.
 */
export async function benchMemory(): Promise<Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), 'vm-bench-package-'));
  try {
    pack(folder);
    const program = (name: string, args: readonly string[]): string[] => [join(folder, 'bin', `vitalmesh-${name}.mjs`), ...args];
    return await withBenchSite(
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
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The package as it is published, beside the packages of this clone. */
function pack(folder: string): void {
  const { status, stderr } = spawnSync(process.execPath, [join(root, 'scripts', 'strip.ts'), '--into', folder], { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  for (const part of ['bin', 'package.json']) cpSync(join(root, part), join(folder, part), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
}

function residentMb(pid: number): number {
  const sample = sampleOf(pid, 0);
  if (!sample) throw new Error('the process has ended');
  return sample.rssMb;
}

/** The most that it was ever resident (proc(5), VmHWM in kB of 1,024 bytes). */
function peakMb(pid: number): number {
  const [, kib = ''] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1')) ?? [];
  return (Number(kib) * 1024) / 1e6;
}

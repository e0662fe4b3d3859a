import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createConnection, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { AgentStatus } from '../../agent/status.ts';
import { Latencies } from '../../provisioning/demo/latency.ts';
import { startProcess } from '../../provisioning/demo/processes.ts';
import { makeSite, SERVICES, writeAgentConfig, writeHubConfig } from '../../provisioning/demo/site.ts';
import { loadIdentity } from '../../shared/identity/identity.ts';
import { silentLogger } from '../../shared/log.ts';
import { connectMcp } from '../../shared/mcp-client.ts';
import { askOperator } from '../../shared/operator/client.ts';
import { openLocalOverlay } from '../../shared/overlay/local.ts';
import { startLocalSwitch } from '../../shared/overlay/local-switch.ts';
import { oruMessage } from '../sim/icu-monitor.ts';
import { simulatedPatient } from '../sim/physiology.ts';
import type { Figure } from './figure.ts';

const BEDS = 40;
/** 40 beds, one message of 8 values in 320 ms each: 1,000 observations a second. */
const INTERVAL_MS = 320;
const WARM_UP_MS = 3000;
const MEASURE_MS = 10_000;
const CHILD = join(import.meta.dirname, '..', '..', 'provisioning', 'demo', 'child.ts');

/**
 * Device byte to MCP notification at 1,000 observations a second: monitors and AI client in this process, agent and hub in
 * processes of their own, over the local overlay. Time runs from the writing of a message to the socket to the arrival of the
 * notification that its patient changed.
 */
export async function benchLatency(): Promise<Figure[]> {
  const home = mkdtempSync(join(tmpdir(), 'vm-bench-'));
  const site = await makeSite(home);
  const patients = new Map(Array.from({ length: BEDS }, (_, i) => [`BENCH-${i}`, `p-bench-${String(i).padStart(4, '0')}`]));
  writeFileSync(
    join(home, 'registry.yaml'),
    stringify({
      gateways: [{ identity: site.identities.icu.id, tenant: 'sandbox', beds: Object.fromEntries(patients) }],
      clients: [{ identity: site.identities.client.id, tenant: 'sandbox', kind: 'software', role: 'clinician', patients: 'all' }],
    }),
  );
  const overlay = await startLocalSwitch({ folder: site.switchFolder, trusted: site.ca.caPem, log: silentLogger });
  writeHubConfig(site, overlay.socketPath);
  const agentConfig = writeAgentConfig(site, 'icu', overlay.socketPath, [
    { type: 'mllp-server', name: 'monitors', host: '127.0.0.1', port: 0 },
  ]);
  const hub = startProcess('hub', [CHILD, 'hub', 'run', '--config', site.hub.config], join(home, 'hub.log'));
  await answer(site.hub.operator);
  const agent = startProcess('agent', [CHILD, 'agent', 'run', '--config', agentConfig], join(home, 'agent.log'));
  const status = (await answer(site.agents.icu.operator)) as AgentStatus;
  const [, port = '0'] = /:(\d+)$/.exec(status.sources[0]?.endpoint ?? '') ?? [];

  const client = await openLocalOverlay({
    socketPath: overlay.socketPath,
    identity: loadIdentity(site.identities.client.file),
    log: silentLogger,
  });
  const mcp = await connectMcp({ overlay: client, service: SERVICES.mcp, name: 'bench' });
  const latencies = new Latencies();
  const sentAt = new Map<string, number>();
  let measuring = false;
  await mcp.listen(
    [...patients.values()].map((patient) => `vitals://patient/${patient}/latest`),
    (uri) => {
      const sent = sentAt.get(uri);
      sentAt.delete(uri);
      if (measuring && sent !== undefined) latencies.add(performance.now() - sent);
    },
  );
  const monitors = [...patients].map(([bed, patient], i) =>
    monitor(Number(port), bed, i, (at) => sentAt.set(`vitals://patient/${patient}/latest`, at)),
  );
  await passed(WARM_UP_MS);
  measuring = true;
  await passed(MEASURE_MS);
  measuring = false;
  for (const end of monitors) end();
  await mcp.close();
  await client[Symbol.asyncDispose]();
  await agent.stop();
  await hub.stop();
  await overlay[Symbol.asyncDispose]();
  rmSync(home, { recursive: true, force: true });
  return [
    { name: 'device byte → MCP notification, 1,000 obs/s, p50', value: latencies.percentile(0.5) ?? Number.NaN, unit: 'ms' },
    { name: 'device byte → MCP notification, 1,000 obs/s, p99', value: latencies.percentile(0.99) ?? Number.NaN, unit: 'ms' },
    { name: 'notifications measured', value: latencies.count, unit: '' },
  ];
}

/** Sends one message an interval, each bed at its own moment of it; returns what ends it. */
function monitor(port: number, bed: string, index: number, onSend: (at: number) => void): () => void {
  const socket: Socket = createConnection({ host: '127.0.0.1', port, noDelay: true });
  socket.on('error', () => socket.destroy());
  socket.resume();
  const patient = simulatedPatient({ seed: index });
  let number = 0;
  const send = (): void => {
    number += 1;
    const text = oruMessage(patient.next(INTERVAL_MS / 1000), { bed, seed: index, at: Date.now(), number, withPressure: true });
    onSend(performance.now());
    socket.write(`\x0b${text}\x1c\r`);
  };
  let every: NodeJS.Timeout | undefined;
  const first = setTimeout(
    () => {
      every = setInterval(send, INTERVAL_MS);
    },
    (index * INTERVAL_MS) / BEDS,
  );
  return () => {
    clearTimeout(first);
    clearInterval(every);
    socket.destroy();
  };
}

async function answer(socket: string): Promise<unknown> {
  for (let tries = 0; tries < 200; tries += 1) {
    const status = await askOperator(socket, 'status').catch(() => undefined);
    if (status !== undefined) return status;
    await passed(50);
  }
  throw new Error(`nobody answers at ${socket}`);
}

function passed(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createConnection, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { pcd01 } from '../../agent/simulate/dialects/pcd01.ts';
import { simulatedPatient } from '../../agent/simulate/physiology.ts';
import type { AgentStatus } from '../../agent/status.ts';
import flags from '../../bin/flags.json' with { type: 'json' };
import type { HubStatus } from '../../hub/status.ts';
import type { Latencies } from '../../provisioning/demo/latency.ts';
import { type Invited, invite, startNetwork } from '../../provisioning/demo/network.ts';
import { answering, ownProgram, Processes } from '../../provisioning/demo/processes.ts';
import { type DemoSite, MEMBERS, makeSite, SERVICES, writeAgentConfig } from '../../provisioning/demo/site.ts';
import { createCa, newIdentityId, writeIdentity } from '../../provisioning/fabric/ca.ts';
import { writeTokenFile } from '../../provisioning/fabric/commands/token-file.ts';
import { systemClock } from '../../shared/clock.ts';
import { loadIdentity } from '../../shared/identity/identity.ts';
import { silentLogger } from '../../shared/log.ts';
import { connectMcp } from '../../shared/mcp-client.ts';
import { askOperator } from '../../shared/operator/client.ts';
import { openOverlay } from '../../shared/overlay/config.ts';
import { startLocalSwitch } from '../../shared/overlay/local-switch.ts';
import { enroll } from '../../shared/overlay/ziti/enroll/enroll.ts';
import { CONFIRMED, makeKnownStore } from '../support/known-store.ts';
import type { Relay } from './relay.ts';

const BEDS = 54;
/** Of a message of 8 values, three of which are one blood pressure. */
const BENCH_OBSERVATIONS = 6;
/** Observations a second, of all beds together, unless told: one message in 324 ms each. */
const PER_SECOND = 1000;
const CONNECTING_AT_ONCE = 8;

/** A network with everybody in it, and AI clients beyond those of the demo. */
export type Network = Pick<DemoSite, 'overlay' | 'identities'> & { clients?: readonly Enrolled[] };

/** An identity and its file. */
export interface Enrolled {
  id: string;
  file: string;
}

export type StartNetwork = (processes: Processes, stack: AsyncDisposableStack) => Promise<Network>;

/** Name of a bed. */
const benchBed = (index: number): string => `BENCH-${index}`;

/** Hub and agent as processes of their own, an AI client in this one that is told of every change, and monitors that can be started. */
export interface BenchSite {
  /** Adds of every message, from now on: from its writing to the socket until the client is told that its patient changed. */
  measure(latencies: Pick<Latencies, 'add'> | undefined): void;
  /** So many observations a second, 1,000 unless told, of 54 beds; returns what ends them. */
  startMonitors(perSecond?: number): () => void;
  agentStatus(): Promise<AgentStatus>;
  hubStatus(): Promise<HubStatus>;
  readonly pids: { agent: number; hub: number };
  /** Of a site with a relay: cuts the agent off; returns what ends that. */
  cut(): () => void;
  /** Further AI clients connect until so many have, all unless told; each hears of so many patients. */
  connectClients(patientsEach: number, upTo?: number): Promise<void>;
}

export interface BenchSiteOptions {
  /** Through what the agent reaches the network. */
  relay?: Relay;
  /** Arguments with which Node runs `hub` or `agent`; from the clone, as the launcher starts it, unless told. */
  program?: (name: 'hub' | 'agent', args: readonly string[]) => string[];
}

/** Runs `work` with a site. */
export async function withBenchSite<T>(
  startNetworkOf: StartNetwork,
  work: (site: BenchSite) => Promise<T>,
  { relay, program = (name, args) => [...flags[`${name}/main`], ...ownProgram(`${name}/main`, args)] }: BenchSiteOptions = {},
): Promise<T> {
  const home = mkdtempSync(join(tmpdir(), 'vm-bench-'));
  await using stack = new AsyncDisposableStack();
  stack.defer(() => rmSync(home, { recursive: true, force: true }));
  const processes = new Processes(home);
  stack.defer(async () => void (await processes.stop()));
  const { clients = [], ...network } = await startNetworkOf(processes, stack);
  const site = makeSite({ home, ...network });
  const patients = new Map(Array.from({ length: BEDS }, (_, i) => [benchBed(i), `p-bench-${String(i).padStart(4, '0')}`]));
  const content = {
    tenants: { sandbox: { kind: 'sandbox' } },
    gateways: [{ identity: site.identities.icu.id, tenant: 'sandbox', beds: Object.fromEntries(patients), confirmed: CONFIRMED }],
    clients: [site.identities.client, ...clients].map(({ id }) => ({
      identity: id,
      tenant: 'sandbox',
      kind: 'software',
      role: 'clinician',
      patients: [...patients.values()],
    })),
  };
  const registry = stringify(content, { aliasDuplicateObjects: false });
  writeFileSync(join(home, 'registry.yaml'), registry);
  // Of what came during an outage, a new store would know of nobody whose it is.
  await makeKnownStore({ path: join(home, 'hub', 'store.db'), keyFile: join(home, 'hub.key') }, registry);
  const reached = relay ? { ...site, overlay: await relay.before(site.overlay) } : site;
  const agentConfig = writeAgentConfig(reached, 'icu', [{ type: 'mllp-server', name: 'monitors', host: '127.0.0.1', port: 0 }]);
  const hub = processes.start('hub', 'hub', program('hub', ['run', '--config', site.hub.config]));
  const hubStatus = async (): Promise<HubStatus> => (await askOperator(site.hub.operator, 'status')) as HubStatus;
  await answering(hub, async () => ((await hubStatus()).mcp.bound ? true : undefined));

  const client = stack.use(await openOverlay(site.overlay, loadIdentity(site.identities.client.file), silentLogger));
  const mcp = stack.use(await connectMcp({ overlay: client, service: SERVICES.mcp, name: 'bench' }));
  const sentAt = new Map<string, number>();
  let measured: Pick<Latencies, 'add'> | undefined;
  await mcp.listen(
    [...patients.values()].map((patient) => `vitals://patient/${patient}/latest`),
    (uri) => {
      const sent = sentAt.get(uri);
      sentAt.delete(uri);
      if (sent !== undefined) measured?.add(performance.now() - sent);
    },
  );
  const agent = processes.start('agent', 'agent', program('agent', ['run', '--config', agentConfig]));
  const agentStatus = async (): Promise<AgentStatus> => (await askOperator(site.agents.icu.operator, 'status')) as AgentStatus;
  const status = await answering(agent, agentStatus);
  const [, port = '0'] = /:(\d+)$/.exec(status.sources[0]?.endpoint ?? '') ?? [];
  const ends: (() => void)[] = [];
  stack.defer(() => {
    for (const end of ends) end();
  });
  let connected = 0;
  const connectClient = async (index: number, patientsEach: number): Promise<void> => {
    const uris = [...patients.values()].map((patient) => `vitals://patient/${patient}/latest`);
    const overlay = stack.use(await openOverlay(site.overlay, loadIdentity(clients[index]?.file ?? ''), silentLogger));
    const connection = stack.use(await connectMcp({ overlay, service: SERVICES.mcp, name: `bench-${index}` }));
    const heard = Array.from({ length: patientsEach }, (_, i) => uris[(index + i) % uris.length] ?? '');
    await connection.listen(heard, () => undefined);
  };
  return await work({
    agentStatus,
    hubStatus,
    pids: { agent: agent.pid, hub: hub.pid },
    cut: () => {
      if (!relay) throw new Error('a site without a relay');
      return relay.cut();
    },
    connectClients: async (patientsEach, upTo = clients.length) => {
      const some = async (): Promise<void> => {
        while (connected < upTo) {
          const index = connected;
          connected += 1;
          await connectClient(index, patientsEach);
        }
      };
      await Promise.all(Array.from({ length: CONNECTING_AT_ONCE }, some));
    },
    measure: (latencies) => {
      measured = latencies;
    },
    startMonitors: (perSecond = PER_SECOND) => {
      const intervalMs = (1000 * BEDS * BENCH_OBSERVATIONS) / perSecond;
      const started = [...patients.values()].map((patient, i) =>
        monitor(Number(port), i, intervalMs, (at) => sentAt.set(`vitals://patient/${patient}/latest`, at)),
      );
      const end = (): void => {
        for (const endOne of started) endOne();
      };
      ends.push(end);
      return end;
    },
  });
}

export async function localNetwork(processes: Processes, stack: AsyncDisposableStack): Promise<Network> {
  const home = processes.folder;
  const ca = await createCa({ trustDomain: 'bench.vitalmesh', commonName: 'Vitalmesh bench' });
  const issued = await Promise.all(
    Object.keys(MEMBERS).map(async (name) => {
      const [id, file] = [newIdentityId(), join(home, `${name}.json`)];
      writeIdentity(file, await ca.issueIdentity({ id, name }));
      return [name, { id, file }];
    }),
  );
  const folder = join(home, 'switch');
  mkdirSync(folder, { mode: 0o700 });
  const { socketPath } = stack.use(await startLocalSwitch({ folder, trusted: ca.caPem, log: silentLogger }));
  return { overlay: { type: 'local', socket: socketPath }, identities: Object.fromEntries(issued) as Network['identities'] };
}

export async function embeddedNetwork(processes: Processes): Promise<Network> {
  return await embeddedNetworkOf(0)(processes);
}

/** With so many AI clients beyond those of the demo. */
export function embeddedNetworkOf(clients: number): (processes: Processes) => Promise<Network> {
  return async (processes) => {
    const home = processes.folder;
    const admin = await startNetwork(processes, join(home, 'network'));
    const identities = await invite(admin, home);
    const invited: Invited[] = [];
    for (let i = 0; i < clients; i += 1) {
      const name = `client-${i}`;
      const token = join(home, `${name}.jwt`);
      const { id } = await writeTokenFile(token, () => admin.createIdentity({ name, attributes: [MEMBERS.client] }));
      invited.push({ id, token, file: join(home, `${name}.json`) });
    }
    const all = [...Object.values(identities), ...invited];
    await Promise.all(
      all.map(({ token, file }) => enroll({ token: readFileSync(token, 'utf8'), identityPath: file, now: systemClock.now })),
    );
    return { overlay: { type: 'ziti' }, identities, clients: invited };
  };
}

/** Of one bed. */
const INTERVAL_MS = (1000 * BEDS * BENCH_OBSERVATIONS) / PER_SECOND;

/** The messages of a bed's monitor, one an interval. */
function benchMonitor(index: number, intervalMs = INTERVAL_MS): (at: number) => string {
  const patient = simulatedPatient({ seed: index });
  let beat = 0;
  return (at) => {
    beat += 1;
    const vitals = patient.next(intervalMs / 1000);
    const of = { seed: index, bed: benchBed(index), patient: `TEST-${index}`, pressure: true, demo: false };
    return pcd01.messages({ ...of, at, beat, vitals })[0]?.text ?? '';
  };
}

/**
 * Sends one message an interval, each bed at its own moment of it, by the time since the start: intervals that begin when the last one was over would flow together, as those of
 * monitors do not. Returns what ends it.
 */
function monitor(port: number, index: number, intervalMs: number, onSend: (at: number) => void): () => void {
  const socket: Socket = createConnection({ host: '127.0.0.1', port, noDelay: true });
  socket.on('error', () => socket.destroy());
  socket.resume();
  const next = benchMonitor(index, intervalMs);
  let dueMs = performance.now() + (index * intervalMs) / BEDS;
  let timer = sendWhenDue();
  function sendWhenDue(): NodeJS.Timeout {
    return setTimeout(send, Math.max(0, dueMs - performance.now()));
  }
  function send(): void {
    dueMs += intervalMs;
    timer = sendWhenDue();
    const text = next(Date.now());
    onSend(performance.now());
    socket.write(`\x0b${text}\x1c\r`);
  }
  return () => {
    clearTimeout(timer);
    socket.destroy();
  };
}

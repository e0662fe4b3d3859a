import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { AgentStatus } from '../../agent/status.ts';
import { witnessFileOf } from '../../agent/witness/command.ts';
import type { EvidenceVerdict } from '../../hub/audit/notes.ts';
import type { HubStatus } from '../../hub/status.ts';
import { VitalmeshError } from '../../shared/errors.ts';
import { askOperator } from '../../shared/operator/client.ts';
import type { Sight } from './callers.ts';
import type { ClientLine, ClientTotals } from './client.ts';
import { listeningSockets } from './listening.ts';
import { type Invited, invite, startNetwork } from './network.ts';
import { answering, type DemoProcess, ownProgram, type Processes } from './processes.ts';
import {
  agentConfigOf,
  confirmHome,
  type DemoSite,
  HOME_LIMIT_S,
  MASIMO,
  type Member,
  MONITORED,
  MOVED,
  makeSite,
  NONIN,
  SERVICES,
  writeAgentConfig,
} from './site.ts';
import { type Transfer, takeCensus, transfer } from './transfer.ts';
import type { Audience as Viewers } from './viewer.ts';

const SIMULATOR = join(import.meta.dirname, '..', '..', 'test', 'sim', 'main.ts');
const MONITORS = 'monitors';
const ADMINISTRATION = 'administration';
/** Who runs from the beginning to the end. */
type Running = Exclude<Member, 'research' | 'stranger'>;
/** What of all that a device tells is waited for. */
const AWAITED: ReadonlySet<unknown> = new Set(['ready', 'done']);

/** The running demo: network, hub, two agents, AI client and the devices, each a process of its own. */
export interface Fleet {
  site: DemoSite;
  hub: DemoProcess;
  /** Lets the agents read the devices; resolves when the last device has begun. */
  startData(): Promise<void>;
  /** Lets somebody be moved to another bed, of which the hospital tells late; undefined where the signal aborts before. */
  move(signal: AbortSignal): Promise<Transfer | undefined>;
  hubStatus(): Promise<HubStatus>;
  agentStatuses(): Promise<AgentStatus[]>;
  /** Stops the devices and waits until each has given out what it had. */
  stopDevices(): Promise<void>;
  /** Stops the AI client once it has read everything it was told of. */
  stopClient(): Promise<ClientTotals>;
  /** Lets the two others enrol, dial and read: what the research agent is shown, and with which code the stranger is refused, if it is. */
  askOthers(): Promise<{ research: readonly Sight[]; stranger: string | null }>;
  /** What `vitalmesh-hub audit verify` finds, held against what a gateway kept of the evidence where it kept something. */
  verifyEvidence(): Promise<EvidenceVerdict>;
}

/** What tells of the start and of what arrives. */
export interface Audience extends Viewers {
  say(text: string): void;
}

/**
 * Starts everything up to where data can begin: the AI client is subscribed, agents and devices wait. Whatever was started belongs to
 * `processes`, also when it fails with DEMO-PROCESS.
 */
export async function startFleet(processes: Processes, { say, ...viewers }: Audience): Promise<Fleet> {
  if (!existsSync(SIMULATOR)) throw new VitalmeshError('DEMO-ONLY-IN-CLONE');
  const home = processes.folder;
  const devices = startReadDevices(processes);

  const admin = await startNetwork(processes, join(home, 'network'));
  say("network: a trial network in OpenZiti's protocol; nobody may do anything yet");
  const invited = await invite(admin, home);
  say('policies: hub hosts two services, gateways dial one, AI client the other');
  const site = makeSite({ home, overlay: { type: 'ziti' }, identities: invited });
  const members = startMembers(processes, site, invited, viewers);
  await Promise.all(Object.values(members).map((process) => process.line(({ file }) => typeof file === 'string')));
  say('identities: four enrolled by one-time token, each key made where it is used');

  members.hub.go();
  await answering(members.hub, async () => (await hosts(site)) || undefined);
  say(`sandbox: nobody here is in care; at home a value is stale after ${HOME_LIMIT_S} s in place of a minute, by the demo's limits.yaml`);
  await takeCensus(site.hub.operator);
  await confirmed(members.hub, site);
  members.client.go();
  say(`hub: hosts ${SERVICES.ingest} and ${SERVICES.mcp}; listening sockets: ${listeningSockets(members.hub.pid)}`);
  const { patients } = await members.client.line(({ event }) => event === 'subscribed');
  say(`AI client: dials ${SERVICES.mcp}, subscribes to ${String(patients)} patients`);
  const endpoints = await Promise.all(devices.map(endpointOf));
  return {
    site,
    hub: members.hub,
    startData: async () => {
      await startAgents(site, members, endpoints, say);
      devices.push(...(await startMonitors(processes, site, say)));
    },
    move: (signal) => move(processes, site, devices, signal),
    hubStatus: () => hubStatus(site),
    agentStatuses: () => agentStatuses(site),
    stopDevices: async () => {
      await Promise.all(devices.flatMap((device) => [device.line(({ event }) => event === 'done'), device.stop()]));
    },
    stopClient: async () => {
      const [done] = await Promise.all([members.client.line(({ event }) => event === 'done'), members.client.stop()]);
      return done as unknown as ClientTotals;
    },
    askOthers: async () => {
      const [research, stranger] = await Promise.all([
        look(processes, 'research', invited.research),
        look(processes, 'stranger', invited.stranger),
      ]);
      return { research: research.event === 'seen' ? research.sights : [], stranger: stranger.event === 'refused' ? stranger.code : null };
    },
    verifyEvidence: () => verifyEvidence(processes, site),
  };
}

/** Devices that wait to be read: two oximeters on serial lines, a home hub. */
function startReadDevices(processes: Processes): DemoProcess[] {
  return [
    startDevice(processes, 'nonin', 'nonin-df8', '--listen', '127.0.0.1:0', '--seed', '21'),
    startDevice(processes, 'masimo', 'masimo-ascii1', '--listen', '127.0.0.1:0', '--seed', '22'),
    startDevice(processes, 'home-hub', 'home-hub', '--residents', '0001,0002', '--seed', '31', '--silent', '0002@4', '--visited', '0001'),
  ];
}

function startDevice(processes: Processes, name: string, ...args: string[]): DemoProcess {
  return processes.start('device', name, [SIMULATOR, ...args], { take: ({ event }) => !AWAITED.has(event) });
}

/** Everybody who needs an identity: each enrols at once, and then waits for its `go`. */
function startMembers(
  processes: Processes,
  site: DemoSite,
  invited: Record<Member, Invited>,
  { shown, noted }: Viewers,
): Record<Running, DemoProcess> {
  const take = (line: object): boolean => {
    const said = line as ClientLine;
    if (said.event === 'shown') shown(said);
    if (said.event === 'noted') noted(said);
    return said.event === 'shown' || said.event === 'noted';
  };
  const run = (program: string, config: string): [string, string[]] => [program, ['run', '--config', config]];
  const hub = ownProgram(...run('hub/main', site.hub.config), invited.hub);
  const agent = (which: 'home' | 'icu'): string[] => ownProgram(...run('agent/main', agentConfigOf(site, which)), invited[which]);
  const client = ownProgram('provisioning/demo/client', ['watch', '--identity', invited.client.file], invited.client);
  return {
    hub: processes.start('hub', 'hub', hub),
    home: processes.start('agent', 'agent-home', agent('home')),
    icu: processes.start('agent', 'agent-icu', agent('icu')),
    client: processes.start('client', 'client', client, { take }),
  };
}

/** An AI client that enrols, reads once and ends. */
async function look(processes: Processes, name: string, invited: Invited): Promise<ClientLine> {
  const args = ownProgram('provisioning/demo/client', ['look', '--identity', invited.file], invited);
  const process = processes.start('client', name, args, { ends: true });
  process.go();
  return (await process.line(({ event }) => event === 'seen' || event === 'refused')) as ClientLine;
}

async function verifyEvidence(processes: Processes, { hub, agents }: DemoSite): Promise<EvidenceVerdict> {
  const witness = [agents.icu, agents.home].map(({ outbox }) => witnessFileOf(outbox)).find((file) => existsSync(file));
  const args = ['audit', 'verify', '--config', hub.config, ...(witness === undefined ? [] : ['--witness', witness]), '--json'];
  const verdict = await processes.start('hub', 'audit-verify', ownProgram('hub/main', args), { ends: true }).line(() => true);
  return verdict as unknown as EvidenceVerdict;
}

/** Lets the agents dial, and read the devices that wait. */
async function startAgents(
  site: DemoSite,
  members: Record<Running, DemoProcess>,
  [noninLine, masimoLine, broker]: readonly string[],
  say: (text: string) => void,
): Promise<void> {
  writeAgentConfig(site, 'home', [
    { type: 'serial', name: NONIN.source, port: noninLine, profile: 'nonin-df8', device: NONIN.device, test: true },
    { type: 'mqtt', name: 'home-hub', url: broker, mapping: 'mqtt-home-hub', test: true },
  ]);
  writeAgentConfig(site, 'icu', [
    { type: 'mllp-server', name: MONITORS, host: '127.0.0.1', port: 0 },
    { type: 'mllp-server', name: ADMINISTRATION, host: '127.0.0.1', port: 0, profile: 'hl7-adt' },
    { type: 'serial', name: MASIMO.source, port: masimoLine, profile: 'masimo-ascii1', bed: MASIMO.bed, test: true },
  ]);
  say(`agents: two gateways dial ${SERVICES.ingest}; they read serial lines and MQTT`);
  for (const which of ['home', 'icu'] as const) members[which].go();
  await Promise.all((['home', 'icu'] as const).map((which) => answering(members[which], () => agentStatus(site, which))));
}

/** Starts the monitors, which call the ICU's agent. */
async function startMonitors(processes: Processes, site: DemoSite, say: (text: string) => void): Promise<DemoProcess[]> {
  say('devices: three bedside monitors call the ICU gateway (HL7)');
  const mllp = await endpointAt(site, MONITORS);
  const monitors = Object.entries(MONITORED).map(([bed, seed]) =>
    startMonitor(processes, mllp, bed, seed, ...(seed === 12 ? ['--deteriorates'] : [])),
  );
  await Promise.all(monitors.map(endpointOf));
  return monitors;
}

function startMonitor(processes: Processes, mllp: string, bed: string, seed: number, ...more: string[]): DemoProcess {
  return startDevice(processes, `monitor-${bed}`, 'hl7-pcd01', '--to', mllp, '--bed', bed, '--seed', String(seed), ...more);
}

/** The monitor of the new bed is put on and says who it measures; the one of the old bed is left on. */
async function move(processes: Processes, site: DemoSite, devices: DemoProcess[], signal: AbortSignal): Promise<Transfer | undefined> {
  const ward = {
    operator: site.hub.operator,
    startMonitor: async (bed: string) => {
      const monitor = startMonitor(processes, await endpointAt(site, MONITORS), bed, 14, '--patient', MOVED.number);
      devices.push(monitor);
      await endpointOf(monitor);
    },
    tell: async (movedAt: number) => {
      const to = await endpointAt(site, ADMINISTRATION);
      const args = [SIMULATOR, 'transfer', '--to', to, '--patient', MOVED.number, '--from', MOVED.from, '--bed', MOVED.to];
      const told = processes.start('device', 'administration', [...args, '--moved-at', String(movedAt)], { ends: true });
      await told.line(({ event }) => event === 'done');
    },
  };
  return await transfer(ward, signal);
}

async function endpointAt(site: DemoSite, source: string): Promise<string> {
  const { sources } = await agentStatus(site, 'icu');
  return sources.find(({ name }) => name === source)?.endpoint ?? '';
}

/** What the home's devices measured before the hub began is the residents', too: as of now somebody says so. */
async function confirmed(hub: DemoProcess, site: DemoSite): Promise<void> {
  const { registry: before } = await hubStatus(site);
  confirmHome(site);
  process.kill(hub.pid, 'SIGHUP');
  await answering(hub, async () => (await hubStatus(site)).registry !== before || undefined);
}

async function hosts(site: DemoSite): Promise<boolean> {
  const { uplink, mcp } = await hubStatus(site);
  return uplink.bound && mcp.bound;
}

async function hubStatus({ hub }: DemoSite): Promise<HubStatus> {
  return (await askOperator(hub.operator, 'status')) as HubStatus;
}

async function agentStatus({ agents }: DemoSite, which: 'home' | 'icu'): Promise<AgentStatus> {
  return (await askOperator(agents[which].operator, 'status')) as AgentStatus;
}

function agentStatuses(site: DemoSite): Promise<AgentStatus[]> {
  return Promise.all([agentStatus(site, 'home'), agentStatus(site, 'icu')]);
}

async function endpointOf(device: DemoProcess): Promise<string> {
  return String((await device.line(({ event }) => event === 'ready')).endpoint);
}

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { AgentStatus } from '../../agent/status.ts';
import type { HubStatus } from '../../hub/status.ts';
import { VitalmeshError } from '../../shared/errors.ts';
import { pause } from '../../shared/lifecycle.ts';
import { silentLogger } from '../../shared/log.ts';
import { askOperator } from '../../shared/operator/client.ts';
import { type LocalSwitch, startLocalSwitch } from '../../shared/overlay/local-switch.ts';
import { type DemoProcess, startProcess } from './processes.ts';
import { type DemoSite, MASIMO, MONITORED_BEDS, NONIN, SERVICES, writeAgentConfig, writeHubConfig } from './site.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const SIMULATOR = join(ROOT, 'test', 'sim', 'main.ts');
const CHILD = join(import.meta.dirname, 'child.ts');
const MONITORS = 'monitors';
const READY_LIMIT_MS = 30_000;

/** The running demo: overlay switch (in this process), hub, two agents and the devices, each a process of its own. */
export interface Fleet {
  overlaySocket: string;
  hub: DemoProcess;
  /** Starts devices and gateways; call it when whoever wants to see the first reading is connected. */
  startGateways(): Promise<void>;
  hubStatus(): Promise<HubStatus>;
  agentStatuses(): Promise<AgentStatus[]>;
  /** Stops the devices and waits until each has said what it sent. */
  stopDevices(): Promise<DeviceTotals>;
  /** Stops everything, in the order of the data's way. Resolves with the names of those that had to be killed. */
  stop(): Promise<string[]>;
}

export interface DeviceTotals {
  sent: number;
  /** Sent and never acknowledged, by devices that know. */
  lost: number;
}

/** What was started so far, for whoever must stop it. */
interface Started {
  overlay?: LocalSwitch;
  hub?: DemoProcess;
  agents: DemoProcess[];
  devices: DemoProcess[];
}

/** Starts overlay and hub. `say` tells what happens. */
export async function startFleet(site: DemoSite, say: (text: string) => void): Promise<Fleet> {
  if (!existsSync(SIMULATOR)) throw new VitalmeshError('DEMO-ONLY-IN-CLONE');
  const started: Started = { devices: [], agents: [] };
  try {
    say('overlay: a switch on this machine, to which everybody connects out');
    const overlay = await startLocalSwitch({
      folder: site.switchFolder,
      trusted: site.ca.caPem,
      authorize: policyOf(site),
      log: silentLogger,
    });
    started.overlay = overlay;
    writeHubConfig(site, overlay.socketPath);
    say('hub: starting, without any listening port');
    const hub = startProcess('hub', [CHILD, 'hub', 'run', '--config', site.hub.config], logOf(site, 'hub'));
    started.hub = hub;
    await answering(hub, site.hub.operator);
    return {
      overlaySocket: overlay.socketPath,
      hub,
      startGateways: () => startGateways(site, overlay.socketPath, started, say),
      hubStatus: async () => (await askOperator(site.hub.operator, 'status')) as HubStatus,
      agentStatuses: () => agentStatuses(site),
      stopDevices: () => stopDevices(started.devices),
      stop: () => stopAll(started),
    };
  } catch (error) {
    await stopAll(started);
    throw error;
  }
}

/** Starts the devices that wait to be read, then the agents, then the monitors that call them. */
async function startGateways(site: DemoSite, overlaySocket: string, started: Started, say: (text: string) => void): Promise<void> {
  const device = (name: string, ...args: string[]): DemoProcess => {
    const process = startProcess(name, [SIMULATOR, ...args], logOf(site, name));
    started.devices.push(process);
    return process;
  };
  say('devices: two oximeters on serial lines, a home hub with its MQTT broker');
  const nonin = device('nonin', 'serial-oximeter', '--format', 'nonin-df8', '--seed', '21');
  const masimo = device('masimo', 'serial-oximeter', '--format', 'masimo-ascii1', '--seed', '22', '--serial', MASIMO.serial);
  const homeHub = device('home-hub', 'home-hub', '--residents', '0001,0002', '--seed', '31');
  const [noninLine, masimoLine, broker] = await Promise.all([nonin, masimo, homeHub].map(endpointOf));

  say('agents: a home gateway and an ICU gateway');
  const sources = {
    home: [
      { type: 'serial', name: NONIN.source, port: noninLine, profile: 'nonin-df8', device: NONIN.device },
      { type: 'mqtt', name: 'home-hub', url: broker, mapping: 'mqtt-home-hub' },
    ],
    icu: [
      { type: 'mllp-server', name: MONITORS, host: '127.0.0.1', port: 0 },
      { type: 'serial', name: MASIMO.source, port: masimoLine, profile: 'masimo-ascii1', bed: MASIMO.bed },
    ],
  };
  for (const which of ['home', 'icu'] as const) {
    const config = writeAgentConfig(site, which, overlaySocket, sources[which]);
    started.agents.push(startProcess(`agent-${which}`, [CHILD, 'agent', 'run', '--config', config], logOf(site, `agent-${which}`)));
  }
  await Promise.all(started.agents.map((agent, i) => answering(agent, i === 0 ? site.agents.home.operator : site.agents.icu.operator)));

  say('devices: four bedside monitors that call the ICU gateway');
  const mllp = (await agentStatuses(site)).flatMap(({ sources: all }) => all).find(({ name }) => name === MONITORS)?.endpoint ?? '';
  const monitors = MONITORED_BEDS.map((bed, i) => {
    const worse = i === 1 ? ['--deteriorates'] : [];
    return device(`monitor-${bed}`, 'icu-monitor', '--to', mllp, '--bed', bed, '--seed', String(11 + i), ...worse);
  });
  await Promise.all(monitors.map(endpointOf));
}

function logOf(site: DemoSite, name: string): string {
  return join(site.home, `${name}.log`);
}

async function agentStatuses({ agents }: DemoSite): Promise<AgentStatus[]> {
  return Promise.all([agents.home, agents.icu].map(async ({ operator }) => (await askOperator(operator, 'status')) as AgentStatus));
}

/** Default deny: the hub hosts both services, gateways reach the one, the AI client the other. */
function policyOf({ identities }: DemoSite): (identityId: string, permission: 'Dial' | 'Bind', service: string) => boolean {
  const allowed = new Set([
    `${identities.hub.id} Bind ${SERVICES.ingest}`,
    `${identities.hub.id} Bind ${SERVICES.mcp}`,
    `${identities.home.id} Dial ${SERVICES.ingest}`,
    `${identities.icu.id} Dial ${SERVICES.ingest}`,
    `${identities.client.id} Dial ${SERVICES.mcp}`,
  ]);
  return (identityId, permission, service) => allowed.has(`${identityId} ${permission} ${service}`);
}

/** Waits until a program answers at its operator socket. DEMO-PROCESS when it ends before, or takes longer than 30 s. */
async function answering(process: DemoProcess, socket: string): Promise<void> {
  const late = AbortSignal.timeout(READY_LIMIT_MS);
  while (process.running && !late.aborted) {
    const answer = await askOperator(socket, 'status').catch(() => undefined);
    if (answer !== undefined) return;
    await pause(50);
  }
  throw new VitalmeshError('DEMO-PROCESS', { detail: process.name });
}

async function endpointOf(device: DemoProcess): Promise<string> {
  return String((await device.line(({ event }) => event === 'ready')).endpoint);
}

async function stopDevices(devices: readonly DemoProcess[]): Promise<DeviceTotals> {
  const counts = await Promise.all(
    devices.map(async (device) => {
      const [done] = await Promise.all([device.line(({ event }) => event === 'done'), device.stop()]);
      return done;
    }),
  );
  return { sent: sum(counts, 'sent'), lost: sum(counts, 'lost') };
}

function sum(rows: readonly Record<string, unknown>[], field: string): number {
  return rows.reduce((total, row) => total + Number(row[field] ?? 0), 0);
}

async function stopAll(started: {
  devices: DemoProcess[];
  agents: DemoProcess[];
  hub?: DemoProcess;
  overlay?: LocalSwitch;
}): Promise<string[]> {
  const killed: string[] = [];
  const end = async (process: DemoProcess): Promise<void> => {
    if ((await process.stop()) === null) killed.push(process.name);
  };
  await Promise.all(started.devices.map(end));
  await Promise.all(started.agents.map(end));
  if (started.hub) await end(started.hub);
  await started.overlay?.[Symbol.asyncDispose]();
  return killed;
}

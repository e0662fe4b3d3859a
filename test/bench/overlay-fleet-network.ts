import { subscribe } from 'node:diagnostics_channel';
import { writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { type Fabric, startFabric } from '../../provisioning/fabric/fabric.ts';
import { createLogger, type Logger, silentLogger } from '../../shared/log.ts';
import { INGEST, MCP } from '../support/fabric-site.ts';
import { issueFleet } from '../support/ziti/fleet.ts';
import { serveTasks } from './overlay-child.ts';
import { mostInASecond } from './overlay-fleet-times.ts';

/** Where a network listens. */
export interface NetworkPorts {
  controller: number;
  router: number;
}

/** The most of each within any second since `forget`, and how many in all. */
export interface NetworkPeaks {
  handshakes: number;
  handshakesInASecond: number;
  signIns: number;
  signInsInASecond: number;
}

let fabric: Fabric | undefined;
let ports: NetworkPorts = { controller: 0, router: 0 };
let handshakes: number[] = [];
let signIns: number[] = [];

subscribe('net.server.socket', (message) => {
  const { socket } = message as { socket: Socket };
  if (socket.localPort === ports.router) handshakes.push(performance.now());
});

/** Says nothing, and counts who signs in. */
const log: Logger = {
  ...silentLogger,
  debug: () => undefined,
  warn: () => undefined,
  error: createLogger({ component: 'network', level: 'error' }).error,
  info: ((_fields: unknown, message: string) => {
    if (message === 'identity signed in') signIns.push(performance.now());
  }) as Logger['info'],
};

/** Makes the identities of a fleet, and writes them to `file`. */
async function furnish({ home, gateways, file }: { home: string; gateways: number; file: string }): Promise<void> {
  writeFileSync(file, JSON.stringify(await issueFleet(home, gateways)), { mode: 0o600 });
}

/** Runs the embedded network; at the addresses that it is told, where it ran before. */
async function start({ home, at }: { home: string; at?: NetworkPorts }): Promise<NetworkPorts> {
  const place = (port: number) => ({ host: '127.0.0.1', port });
  fabric = await startFabric({ home, controller: place(at?.controller ?? 0), router: place(at?.router ?? 0), log });
  if (!at) {
    for (const name of [INGEST, MCP]) await fabric.admin.createService({ name });
    for (const [name, type, role] of [
      ['gateways dial', 'Dial', '#gateways'],
      ['hubs bind', 'Bind', '#hubs'],
    ] as const)
      await fabric.admin.createPolicy({ name, type, identityRoles: [role], serviceRoles: type === 'Dial' ? [`@${INGEST}`] : ['#all'] });
  }
  ports = { controller: portOf(fabric.controllerUrl), router: portOf(fabric.routerUrl) };
  return ports;
}

function portOf(url: string): number {
  return Number(new URL(url).port);
}

serveTasks({
  furnish,
  start,
  stopRouter: async () => fabric?.routers[0]?.stop(),
  startRouter: async () => fabric?.routers[0]?.start(),
  forget: async () => {
    handshakes = [];
    signIns = [];
  },
  peaks: async (): Promise<NetworkPeaks> => ({
    handshakes: handshakes.length,
    handshakesInASecond: mostInASecond(handshakes),
    signIns: signIns.length,
    signInsInASecond: mostInASecond(signIns),
  }),
});

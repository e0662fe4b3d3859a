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

/** What happens to a network: connections to its router, connections to its controller, requests there, and sign-ins. */
const EVENTS = ['handshakes', 'controllerHandshakes', 'requests', 'signIns'] as const;
type NetworkEvent = (typeof EVENTS)[number];

/** How many there were of each since `forget`, and the most of them within a second. */
export type NetworkPeaks = Record<NetworkEvent, { all: number; inASecond: number }>;

let fabric: Fabric | undefined;
let ports: NetworkPorts = { controller: 0, router: 0 };
const moments: Record<NetworkEvent, number[]> = { handshakes: [], controllerHandshakes: [], requests: [], signIns: [] };

subscribe('net.server.socket', (message) => {
  const { socket } = message as { socket: Socket };
  note(socket.localPort === ports.router ? 'handshakes' : 'controllerHandshakes');
});
subscribe('http.server.request.start', () => note('requests'));

function note(event: NetworkEvent): void {
  moments[event].push(performance.now());
}

/** Says nothing, and counts who signs in. */
const log: Logger = {
  ...silentLogger,
  debug: () => undefined,
  warn: () => undefined,
  error: createLogger({ component: 'network', level: 'error' }).error,
  info: ((_fields: unknown, message: string) => {
    if (message === 'identity signed in') note('signIns');
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
    for (const event of EVENTS) moments[event].length = 0;
  },
  peaks: async () => {
    const peaks = EVENTS.map((event) => [event, { all: moments[event].length, inASecond: mostInASecond(moments[event]) }]);
    return Object.fromEntries(peaks) as NetworkPeaks;
  },
});

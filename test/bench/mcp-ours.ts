import { createServer } from 'node:net';
import { LIMIT_NAMES, type Limits } from '../../hub/access/budgets/limits.ts';
import { DEFAULT_POLICY } from '../../hub/access/default-policy.ts';
import { serveMcp } from '../../hub/mcp/server.ts';
import { systemClock } from '../../shared/clock.ts';
import { silentLogger } from '../../shared/log.ts';
import { createMemoryNetwork } from '../../shared/overlay/memory.ts';
import { arrivalOf, batchOf, event } from '../contract/store.ts';
import { overlayCallers } from '../support/callers.ts';
import { type TestHub, testHub } from '../support/hub.ts';
import {
  BEDS,
  bedsOf,
  CLIENTS,
  clientAt,
  GATEWAY,
  identityOf,
  machineMs,
  type Publishing,
  paced,
  patientOf,
  TENANT,
  usage,
  VITALS,
} from './mcp-plan.ts';
import { serveTasks } from './overlay-child.ts';

/**
 * The hub's MCP endpoint in a process of its own: the store with its disk and its evidence, the registry, the door and the policy of every hub. In
 * the place of the overlay is loopback, so that beside the bare SDK nothing differs but what the hub does.
 */

/** Counted as ever, and never used up. */
const UNLIMITED = Object.fromEntries(LIMIT_NAMES.map((name) => [name, Number.MAX_SAFE_INTEGER])) as unknown as Limits;
const policy = { ...DEFAULT_POLICY, limits: { software: UNLIMITED } };

let hub: TestHub | undefined;

function running(): TestHub {
  if (!hub) throw new Error('the hub was not started');
  return hub;
}

async function start(): Promise<number> {
  hub = testHub({ registry: JSON.stringify(registry()), policy: () => policy });
  const { door, feed, metrics, registry: live, store } = hub;
  const now = systemClock.now();
  await store.storeBatch(
    batchOf(
      VITALS.map((vital, i) => arrivalOf({ seq: i + 1, vital, patientId: patientOf(0), value: 50, effective: now, receivedAt: now })),
      { tenant: TENANT, gateway: GATEWAY, at: now },
    ),
  );
  const service = serveMcp({
    overlay: createMemoryNetwork().overlay({ id: 'hub', name: 'hub' }),
    service: 'vitals-mcp',
    hosts: ['127.0.0.1'],
    ...{ door, feed, metrics, clock: systemClock, log: silentLogger },
    callers: overlayCallers(live, metrics),
    policy: () => policy,
  });
  await service.start(new AbortController().signal);
  const server = createServer({ noDelay: true }, (socket) => {
    const id = identityOf(clientAt(socket.remoteAddress ?? ''));
    service.accept(socket, { identityId: id, name: id, verified: true });
  });
  return await new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      resolve(typeof address === 'object' && address ? address.port : 0);
    });
  });
}

/** JSON is YAML. */
function registry(): unknown {
  const beds = Object.fromEntries(Array.from({ length: BEDS }, (_, bed) => [`B-${bed}`, patientOf(bed)]));
  return {
    tenants: { [TENANT]: { kind: 'sandbox' } },
    gateways: [{ identity: GATEWAY, tenant: TENANT, beds }],
    clients: Array.from({ length: CLIENTS }, (_, client) => ({
      ...{ identity: identityOf(client), tenant: TENANT, kind: 'software', role: 'clinician' },
      patients: bedsOf(client).map(patientOf),
    })),
  };
}

async function publish(publishing: Publishing): Promise<[number, number][]> {
  const { feed } = running();
  const published: [number, number][] = [];
  let atMs = 0;
  // The first listener of those that are added now; the fan-out was told before it.
  using _ = feed.subscribe(({ version }) => void published.push([version, atMs]));
  await paced(publishing, (bed) => {
    atMs = machineMs();
    feed.publish({ tenant: TENANT, patient: patientOf(bed), kind: 'stored', vitals: ['hr'], at: systemClock.now() });
  });
  return published;
}

/** Milliseconds of each of so many reads of the store alone: what `latest` reads, and the evidence of it, in one commit. */
async function storeCalls(count: number): Promise<number[]> {
  const { store } = running();
  const took: number[] = [];
  for (let i = 0; i < count; i += 1) {
    const startMs = machineMs();
    await store.latest(TENANT, patientOf(0), (rows) => event(rows, { tenant: TENANT }));
    took.push(machineMs() - startMs);
  }
  return took;
}

/** Removes its folder. */
async function stop(): Promise<void> {
  await hub?.close();
  hub = undefined;
}

serveTasks({ start, publish, storeCalls, stop, usage: async () => usage() });

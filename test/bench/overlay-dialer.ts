import { once } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import { connect } from 'node:tls';
import { loadIdentity } from '../../shared/identity/identity.ts';
import { silentLogger } from '../../shared/log.ts';
import { openZitiOverlay } from '../../shared/overlay/ziti/ziti.ts';
import { serveTasks } from './overlay-child.ts';
import { bulk, type Dial, dials, hangUp, openEcho, roundTrips, roundTripsDuring } from './overlay-traffic.ts';

/** Ways to the far end: through the embedded network, by TLS, by TLS through the relay. */
export type Way = 'encrypted' | 'plain' | 'direct' | 'relay';

const ways = new Map<Way, Dial>();

/** What a connection costs that nobody uses, in bytes. */
export interface IdleBytes {
  /** Resident memory of the process. */
  resident: number;
  /** JavaScript's heap, and what hangs on it. */
  heap: number;
}

/** The dialing end of all ways, in a process of its own. */
async function start({ identity, direct, relay, ca }: { identity: string; direct: number; relay: number; ca: string }): Promise<void> {
  const overlay = await openZitiOverlay({ identity: loadIdentity(identity), log: silentLogger });
  for (const service of ['encrypted', 'plain'] as const) ways.set(service, () => overlay.dial(service));
  ways.set('direct', () => dialTls(direct, ca));
  ways.set('relay', () => dialTls(relay, ca));
}

async function dialTls(port: number, ca: string): ReturnType<Dial> {
  const socket = connect({ host: '127.0.0.1', port, ca });
  socket.setNoDelay(true);
  await once(socket, 'secureConnect');
  return socket;
}

function dialOf(way: Way): Dial {
  const dial = ways.get(way);
  if (!dial) throw new Error(`no way ${way}`);
  return dial;
}

async function echoes({ way, count }: { way: Way; count: number }): Promise<number[]> {
  const echo = await openEcho(dialOf(way));
  const times = await roundTrips(echo, count);
  await hangUp(echo);
  return times;
}

/** Round trips of one connection while another one of the same overlay, and so of the same channel, is busy. */
async function neighbour({ way, totalBytes }: { way: Way; totalBytes: number }): Promise<number[]> {
  const echo = await openEcho(dialOf(way));
  const times = await roundTripsDuring(echo, bulk(dialOf(way), 1, totalBytes));
  await hangUp(echo);
  return times;
}

async function idle({ way, count }: { way: Way; count: number }): Promise<IdleBytes> {
  const held: unknown[] = [];
  const open = async (): Promise<void> => {
    for (let i = 0; i < count; i += 1) held.push(await openEcho(dialOf(way)));
  };
  // What the first ones cost once, code and pools, is not theirs.
  await open();
  const before = await memory();
  await open();
  const after = await memory();
  return { resident: (after.resident - before.resident) / count, heap: (after.heap - before.heap) / count };
}

async function memory(): Promise<IdleBytes> {
  for (let i = 0; i < 5; i += 1) {
    await turn();
    globalThis.gc?.();
  }
  const { rss, heapUsed, external } = process.memoryUsage();
  return { resident: rss, heap: heapUsed + external };
}

serveTasks({
  start,
  echoes,
  neighbour,
  idle,
  dials: ({ way, count }: { way: Way; count: number }) => dials(dialOf(way), count),
  bulk: ({ way, streams, totalBytes }: { way: Way; streams: number; totalBytes: number }) => bulk(dialOf(way), streams, totalBytes),
});

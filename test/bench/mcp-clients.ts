import { bedsOf, latestOf, machineMs, patientOf, type Revision } from './mcp-plan.ts';
import { ASKED, type Asked, WireClient } from './mcp-wire.ts';
import { serveTasks } from './overlay-child.ts';

/** Clients in a process of their own. */

export interface Asking {
  port: number;
  revision: Revision;
  asked: Asked;
  count: number;
  /** How many clients ask at the same time, each one thing after the other. */
  atOnce: number;
}

export interface Listening {
  port: number;
  revision: Revision;
  clients: number;
}

/** Clients of one caller that ask, by server and revision: the hub bounds how often a caller may open a session. */
const asking = new Map<string, WireClient[]>();

async function asker(port: number, revision: Revision, index: number): Promise<WireClient> {
  const known = asking.get(`${port} ${revision}`) ?? [];
  asking.set(`${port} ${revision}`, known);
  const found = known[index];
  if (found) return found;
  const client = new WireClient(port, revision, 0);
  await client.open();
  known[index] = client;
  return client;
}

/** Milliseconds of each, and of all together. */
async function ask({ port, revision, asked, count, atOnce }: Asking): Promise<{ eachMs: number[]; allMs: number }> {
  const clients = await Promise.all(Array.from({ length: atOnce }, (_, index) => asker(port, revision, index)));
  const params = ASKED[asked](patientOf(0), latestOf(0));
  const eachMs: number[] = [];
  for (const client of clients) await client.ask(asked, params);
  const beganMs = machineMs();
  await Promise.all(
    clients.map(async (client) => {
      for (let i = 0; i < count / atOnce; i += 1) {
        const startMs = machineMs();
        await client.ask(asked, params);
        eachMs.push(machineMs() - startMs);
      }
    }),
  );
  return { eachMs, allMs: machineMs() - beganMs };
}

/** What a server answers to one request. */
async function answer({ port, asked }: Pick<Asking, 'port' | 'asked'>): Promise<unknown> {
  const client = new WireClient(port, '2026-07-28', 0);
  const { resultType: _, ...result } = await client.ask(asked, ASKED[asked](patientOf(0), latestOf(0)));
  client.close();
  return result;
}

const LISTENING_AT_ONCE = 8;

const following: WireClient[] = [];
/** Version and time of arrival of each notification. */
let arrived: [version: number, atMs: number][] = [];
let awaited: { count: number; resolve: () => void } | undefined;

/** So many clients begin to follow their beds, some at the same time. */
async function listen({ port, revision, clients }: Listening): Promise<void> {
  let next = 0;
  const some = async (): Promise<void> => {
    while (next < clients) {
      const index = next;
      next += 1;
      const client = new WireClient(port, revision, index);
      following.push(client);
      await client.open();
      await client.listen(bedsOf(index).map(latestOf), onUpdated);
    }
  };
  await Promise.all(Array.from({ length: LISTENING_AT_ONCE }, some));
}

function onUpdated(meta: Record<string, unknown>): void {
  arrived.push([Number(meta['vitalmesh/version']), machineMs()]);
  if (awaited && arrived.length >= awaited.count) awaited.resolve();
}

/** Forgets what arrived so far. */
async function begin(): Promise<void> {
  arrived = [];
}

/** What arrived since `begin`, when it is so much or nothing more is waited for. */
async function collect({ count, withinMs }: { count: number; withinMs: number }): Promise<[number, number][]> {
  const { promise, resolve } = Promise.withResolvers<void>();
  awaited = { count, resolve };
  const timer = setTimeout(resolve, withinMs);
  if (arrived.length >= count) resolve();
  await promise;
  clearTimeout(timer);
  awaited = undefined;
  return arrived;
}

async function leave(): Promise<void> {
  for (const client of following.splice(0)) client.close();
}

serveTasks({ ask, answer, listen, begin, collect, leave });

import { pause } from '../../shared/lifecycle.ts';
import { type Figure, median, percentile } from './figure.ts';
import { type Trio, withServers } from './mcp.ts';
import { BEDS, bedsOf, CLIENTS, type Publishing, REVISIONS, type Revision, type Usage } from './mcp-plan.ts';

const ROUNDS = 3;
const SUBSCRIBERS = [1, 50, CLIENTS] as const;
/** Each bed once a second, so that no notification waits for its interval and none may be replaced. */
const PER_SECOND = BEDS;
const ROUND_MS = 10_000;
/** So long after the last change a notification is waited for, until it counts as lost. */
const PATIENCE_MS = 10_000;
const MOST_P99_MS = 10;
/** The hub's process without network and ingest, which `mcp-memory` has. */
const MOST_MB = 512;
/** For what is sent to everybody who begins to follow, and the interval after it. */
const SETTLED_MS = 1000;

/** What one round gave. */
interface Round {
  latenciesMs: number[];
  lost: number;
  /** Of the server's process, for one notification. */
  cpuUs: number;
}

/**
 * From a change until each of those who follow has its notification, 500 changes a second over 500 beds, ten beds a client; every delivery decided anew. Beside it
 * the bare SDK, which asks nobody. Publisher and clients are in processes of their own and go by one clock.
 */
export async function benchMcpUpdates({ quick }: { quick: boolean }): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const revision of REVISIONS) {
    for (const subscribers of SUBSCRIBERS) figures.push(...(await benchSubscribers(revision, subscribers, quick)));
  }
  return figures;
}

function benchSubscribers(revision: Revision, subscribers: number, quick: boolean): Promise<Figure[]> {
  return withServers(async (trio) => {
    const [rounds, ms] = quick ? [1, 2000] : [ROUNDS, ROUND_MS];
    const of = { ours: [] as Round[], bare: [] as Round[] };
    const residentMb = { ours: 0, bare: 0 };
    // One after the other: nobody is busy with the streams of the other one.
    for (const server of ['bare', 'ours'] as const) {
      await trio.clients.call('listen', { port: trio.ports[server], revision, clients: subscribers });
      await pause(SETTLED_MS);
      for (let round = 0; round < rounds; round += 1)
        of[server].push(await measure(trio, server, subscribers, { perSecond: PER_SECOND, ms }));
      residentMb[server] = (await trio[server].call<Usage>('usage')).residentMb;
      await trio.clients.call('leave');
    }
    const p99 = (all: Round[]): number => median(all.map(({ latenciesMs }) => percentile(latenciesMs, 0.99)));
    const p50 = (all: Round[]): number => median(all.map(({ latenciesMs }) => median(latenciesMs)));
    const cpu = (all: Round[]): number => median(all.map(({ cpuUs }) => cpuUs));
    const beside = (ours: number, bare: number): Pick<Figure, 'ratio'> => ({ ratio: { to: 'the bare SDK', value: ours / bare } });
    const name = `${subscribers} ${subscribers === 1 ? 'client' : 'clients'}, ${revision}`;
    const lost = of.ours.reduce((sum, round) => sum + round.lost, 0);
    const each: Figure[] = [
      { name: `change → notification, ${name}, p50`, value: p50(of.ours), unit: 'ms', ...beside(p50(of.ours), p50(of.bare)) },
      { name: 'the same, p99', value: p99(of.ours), unit: 'ms', ...beside(p99(of.ours), p99(of.bare)) },
      { name: 'of them lost', value: lost, unit: '', bar: { most: 0 } },
    ];
    if (subscribers < CLIENTS) return each;
    return [
      ...each,
      { name: `change → notification, ${name}, p99`, value: p99(of.ours), unit: 'ms', bar: { most: MOST_P99_MS } },
      { name: `CPU a notification, ${name}`, value: cpu(of.ours), unit: 'us', ...beside(cpu(of.ours), cpu(of.bare)) },
      { name: `server, resident, ${name}`, value: residentMb.ours, unit: 'MB', bar: { most: MOST_MB } },
      { name: 'the same, the bare SDK', value: residentMb.bare, unit: 'MB' },
    ];
  });
}

async function measure(
  { clients, ...servers }: Trio,
  server: 'ours' | 'bare',
  subscribers: number,
  publishing: Publishing,
): Promise<Round> {
  await clients.call('begin');
  const before = await servers[server].call<Usage>('usage');
  const published = await servers[server].call<[number, number][]>('publish', publishing);
  const count = expected(published.length, subscribers);
  const arrived = await clients.call<[number, number][]>('collect', { count, withinMs: PATIENCE_MS });
  const after = await servers[server].call<Usage>('usage');
  const publishedAt = new Map(published);
  const latenciesMs = arrived.flatMap(([version, atMs]) => {
    const sentMs = publishedAt.get(version);
    return sentMs === undefined ? [] : [atMs - sentMs];
  });
  return { latenciesMs, lost: count - latenciesMs.length, cpuUs: ((after.cpuMs - before.cpuMs) * 1000) / Math.max(1, latenciesMs.length) };
}

/** How many notifications so many changes are, published bed after bed. */
function expected(changes: number, subscribers: number): number {
  const followers = new Array<number>(BEDS).fill(0);
  for (let client = 0; client < subscribers; client += 1) for (const bed of bedsOf(client)) followers[bed] = (followers[bed] ?? 0) + 1;
  let sum = 0;
  for (let change = 0; change < changes; change += 1) sum += followers[change % BEDS] ?? 0;
  return sum;
}

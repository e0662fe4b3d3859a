import flags from '../../bin/flags.json' with { type: 'json' };
import { type Figure, median, percentile } from './figure.ts';
import type { Asking } from './mcp-clients.ts';
import { type Answers, REVISIONS, type Revision, type Usage } from './mcp-plan.ts';
import { ASKED, type Asked } from './mcp-wire.ts';
import { Child } from './overlay-child.ts';

const ROUNDS = 5;
const CALLS = 200;
const AT_ONCE = 8;
/** Over the store's own time, of which a list of tools has none. */
const MOST_OVERHEAD_MS = 5;
const MOST_LIST_P99_MS = 100;

const KINDS = Object.keys(ASKED) as readonly Asked[];
type Server = 'ours' | 'bare';

/** Both servers and the clients, each in a process of its own; ours with the flags that every hub has. */
export interface Trio {
  ours: Child;
  bare: Child;
  clients: Child;
  ports: Record<Server, number>;
}

/** Runs `work` with our hub and the bare SDK server on loopback, the bare one with the answers of ours. */
export async function withServers<T>(work: (trio: Trio) => Promise<T>): Promise<T> {
  await using ours = new Child('mcp-ours.ts', flags['hub/main']);
  await using bare = new Child('mcp-bare.ts', flags['hub/main']);
  await using clients = new Child('mcp-clients.ts');
  const port = await ours.call<number>('start');
  const answerTo = (asked: Asked): Promise<unknown> => clients.call('answer', { port, asked });
  const answers: Answers = { tool: await answerTo('tools/call'), resource: await answerTo('resources/read') };
  try {
    return await work({ ours, bare, clients, ports: { ours: port, bare: await bare.call<number>('start', answers) } });
  } finally {
    await ours.call('stop');
  }
}

/** Times of one kind of request to one server, of all rounds. */
interface Times {
  each: number[];
  /** Medians, round by round. */
  medians: number[];
  perSecond: number[];
  /** Of the server's process, a request; it says the same on a busy machine. */
  cpuMs: number[];
}

/**
 * What a request costs at the hub, beside the bare SDK with the same tools and every answer made beforehand, in turns; and beside the read of the
 * store alone. Each request proves who sends it, is decided, masked and recorded on disk.
 */
export function benchMcp({ quick }: { quick: boolean }): Promise<Figure[]> {
  return withServers(async (trio) => {
    const [rounds, count] = quick ? [1, 50] : [ROUNDS, CALLS];
    const stores: number[] = [];
    const times = new Map<string, Times>();
    for (let round = 0; round < rounds; round += 1) {
      stores.push(median(await trio.ours.call<number[]>('storeCalls', count)));
      // Whoever is first of a round may find the other's disk busy.
      for (const revision of REVISIONS)
        for (const asked of KINDS)
          for (const server of round % 2 === 0 ? (['ours', 'bare'] as const) : (['bare', 'ours'] as const)) {
            const of = timesOf(times, server, revision, asked);
            const asking = { port: trio.ports[server], revision, asked, count };
            const { eachMs } = await askAll(trio, { ...asking, atOnce: 1 });
            of.each.push(...eachMs);
            of.medians.push(median(eachMs));
            const before = await trio[server].call<Usage>('usage');
            const { allMs } = await askAll(trio, { ...asking, atOnce: AT_ONCE });
            const after = await trio[server].call<Usage>('usage');
            of.perSecond.push((count * 1000) / allMs);
            of.cpuMs.push((after.cpuMs - before.cpuMs) / count);
          }
    }
    const storeMs = median(stores);
    return [
      { name: 'the store alone: latest of a patient, recorded, p50', value: storeMs, unit: 'ms' },
      ...REVISIONS.flatMap((revision) =>
        KINDS.flatMap((asked) =>
          figuresOf(revision, asked, timesOf(times, 'ours', revision, asked), timesOf(times, 'bare', revision, asked), storeMs),
        ),
      ),
    ];
  });
}

function askAll({ clients }: Trio, asking: Asking): Promise<{ eachMs: number[]; allMs: number }> {
  return clients.call('ask', asking);
}

function timesOf(all: Map<string, Times>, server: Server, revision: Revision, asked: Asked): Times {
  const key = `${server} ${revision} ${asked}`;
  const times = all.get(key) ?? { each: [], medians: [], perSecond: [], cpuMs: [] };
  all.set(key, times);
  return times;
}

function figuresOf(revision: Revision, asked: Asked, ours: Times, bare: Times, storeMs: number): Figure[] {
  const name = `${asked}, ${revision}`;
  const [oursMs, bareMs] = [median(ours.medians), median(bare.medians)];
  const isList = asked === 'tools/list';
  const overMs = isList ? oursMs : oursMs - storeMs;
  const [oursRate, bareRate] = [median(ours.perSecond), median(bare.perSecond)];
  const [oursCpu, bareCpu] = [median(ours.cpuMs), median(bare.cpuMs)];
  return [
    { name: `${name}, p50`, value: oursMs, unit: 'ms', ratio: { to: 'the bare SDK', value: oursMs / bareMs } },
    { name: `${name}, over the store alone, p50`, value: overMs, unit: 'ms', bar: { most: MOST_OVERHEAD_MS } },
    { name: `${name}, p99`, value: percentile(ours.each, 0.99), unit: 'ms', ...(isList && { bar: { most: MOST_LIST_P99_MS } }) },
    { name: `${name}, ${AT_ONCE} at once`, value: oursRate, unit: '/s', ratio: { to: 'the bare SDK', value: oursRate / bareRate } },
    { name: `${name}, CPU of the server`, value: oursCpu, unit: 'ms', ratio: { to: 'the bare SDK', value: oursCpu / bareCpu } },
  ];
}

import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createCa } from '../../provisioning/fabric/ca.ts';
import { type Bar, type Figure, median } from './figure.ts';
import { Child } from './overlay-child.ts';
import type { IdleBytes, Way } from './overlay-dialer.ts';

const ROUNDS = 5;
const DIALS = 150;
const ROUND_TRIPS = 1500;
/** Divides by ten streams into whole chunks. */
const BULK_BYTES = 120 * 1024 * 1024;
const IDLE_CONNECTIONS = 1000;
const WARM_UP_BYTES = 40 * 1024 * 1024;

const WAYS: readonly Way[] = ['encrypted', 'plain', 'relay', 'direct'];
const OVERLAY_WAYS = ['encrypted', 'plain'] as const;
const NAMES: Record<Way, string> = {
  encrypted: 'overlay, encrypted',
  plain: 'overlay, plain',
  relay: 'TLS via Node relay',
  direct: 'TLS direct',
};
/** Throughput beside the relay's, and bytes an idle connection may take (architecture §6, openziti-wire.md §10.6). */
const LEAST_OF_RELAY = { encrypted: 0.15, plain: 0.25 };
const MOST_IDLE_BYTES = { encrypted: 18_000, plain: 5500 };
const MOST_DIAL_MS = 8;
const MOST_NEIGHBOUR_MS = 10;

/** Values of each round. */
type Rounds = Map<string, number[]>;

/**
 * A connection through the embedded network beside one of TLS through a Node process that pipes a TLS server to a TLS client, and one of
 * TLS direct. Network, relay, far end and dialer are processes of their own, as they are in real life, which here share the
 * processor's few cores: rounds of all ways alternate, the median round counts.
 */
export async function benchOverlay(): Promise<Figure[]> {
  process.stderr.write(`network or relay, far end and dialer are three processes on ${availableParallelism()} cores\n`);
  const home = mkdtempSync(join(tmpdir(), 'vitalmesh-bench-'));
  await using stack = new AsyncDisposableStack();
  stack.defer(() => rmSync(home, { recursive: true, force: true }));
  const child = (file: string, ...options: string[]): Child => stack.use(new Child(file, options));

  await child('overlay-network.ts').call('start', home);
  const ca = await createCa({ trustDomain: 'bench', commonName: 'bench' });
  const { keyPem: key, certPem: cert } = await ca.certifyServer({ commonName: 'bench' });
  const direct = await child('overlay-host.ts').call<number>('start', { identity: join(home, 'host.json'), key, cert });
  const relay = await child('overlay-relay.ts').call<number>('start', { target: direct, key, cert, ca: ca.caPem });
  const start = { identity: join(home, 'dialer.json'), direct, relay, ca: ca.caPem };

  const dialer = child('overlay-dialer.ts');
  await dialer.call('start', start);
  for (const way of WAYS) await round(dialer, way, new Map(), WARM_UP_BYTES);
  const rounds: Rounds = new Map();
  for (let i = 0; i < ROUNDS; i += 1) for (const way of WAYS) await round(dialer, way, rounds, BULK_BYTES);
  const figures = figuresOf(rounds);

  for (const way of OVERLAY_WAYS) {
    await using idler = new Child('overlay-dialer.ts', ['--expose-gc']);
    await idler.call('start', start);
    figures.push(...idleFigures(way, await idler.call<IdleBytes>('idle', { way, count: IDLE_CONNECTIONS })));
  }
  return figures;
}

async function round(dialer: Child, way: Way, rounds: Rounds, totalBytes: number): Promise<void> {
  const note = (what: string, value: number): void => {
    const key = `${way} ${what}`;
    rounds.set(key, [...(rounds.get(key) ?? []), value]);
  };
  const noteTimes = (what: string, times: number[]): void => {
    const sorted = times.sort((a, b) => a - b);
    for (const p of [0.5, 0.9, 0.99]) note(`${what} p${100 * p}`, sorted[Math.ceil(p * sorted.length) - 1] ?? Number.NaN);
  };
  noteTimes('dial', await dialer.call<number[]>('dials', { way, count: DIALS }));
  noteTimes('echo', await dialer.call<number[]>('echoes', { way, count: ROUND_TRIPS }));
  for (const streams of [1, 10]) note(`bulk ${streams}`, await dialer.call<number>('bulk', { way, streams, totalBytes }));
  noteTimes('neighbour', await dialer.call<number[]>('neighbour', { way, totalBytes }));
}

function figuresOf(rounds: Rounds): Figure[] {
  const value = (way: Way, what: string): number => median(rounds.get(`${way} ${what}`) ?? []);
  const ms = (name: string, way: Way, what: string, bar?: Bar): Figure => ({
    name: `${name}: ${NAMES[way]}`,
    value: value(way, what),
    unit: 'ms',
    ...(bar && { bar }),
  });
  const bulk = (way: Way, streams: number): Figure => {
    const figure: Figure = {
      name: `${streams === 1 ? 'one stream' : `${streams} streams`}: ${NAMES[way]}`,
      value: value(way, `bulk ${streams}`),
      unit: 'MB/s',
    };
    if (way === 'direct' || way === 'relay') return figure;
    const ratio = { to: 'relay', value: figure.value / value('relay', `bulk ${streams}`) };
    return { ...figure, ratio, bar: { least: LEAST_OF_RELAY[way] } };
  };
  return [
    // A dial is answered by the far end, while a relay's own handshake says nothing of what lies behind it.
    ...[...OVERLAY_WAYS, 'direct' as const].flatMap((way) => [
      ms('dial p50', way, 'dial p50', way === 'direct' ? undefined : { most: MOST_DIAL_MS }),
      ms('dial p99', way, 'dial p99'),
    ]),
    ...WAYS.flatMap((way) => [50, 90, 99].map((p) => ms(`1 byte and back p${p}`, way, `echo p${p}`))),
    ...[1, 10].flatMap((streams) => WAYS.map((way) => bulk(way, streams))),
    ...WAYS.flatMap((way) => [
      ms('1 byte beside a bulk stream p50', way, 'neighbour p50'),
      ms('1 byte beside a bulk stream p90', way, 'neighbour p90', isOverlay(way) ? { most: MOST_NEIGHBOUR_MS } : undefined),
    ]),
  ];
}

function idleFigures(way: 'encrypted' | 'plain', { resident, heap }: IdleBytes): Figure[] {
  return [
    { name: `idle connection, resident: ${NAMES[way]}`, value: resident, unit: 'bytes', bar: { most: MOST_IDLE_BYTES[way] } },
    { name: `idle connection, heap: ${NAMES[way]}`, value: heap, unit: 'bytes' },
  ];
}

function isOverlay(way: Way): boolean {
  return way === 'encrypted' || way === 'plain';
}

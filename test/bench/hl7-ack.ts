import { type Figure, median } from './figure.ts';
import { benchMessage } from './hl7-message.ts';
import { REFERENCE } from './host.ts';
import { Child } from './overlay-child.ts';
import { installPeers } from './peers.ts';

const ROUNDS = 3;
/** Receivers are measured once they are compiled: they run for months. */
const WARM_MS = 8000;
const FLOOD = { task: 'flood', connections: 32, rows: 8, forMs: 3000 } as const;
const STEADY = { task: 'steady', connections: 200, rows: 16, forMs: 15_000 } as const;
/** Issue bars (architecture §6): acknowledgements a second, times the peer, and of one core. */
const LEAST_ACKS = 20_000;
const LEAST_OF_PEER = 4;
const MOST_OF_A_CORE = 0.25;

/** Messages acknowledged when they are on disk: ours beside @medplum/hl7 with a row a message, and what 200 monitors cost. */
export async function benchHl7Ack(): Promise<Figure[]> {
  installPeers();
  const rounds = { ours: [] as Measured[], medplum: [] as Measured[] };
  await using sender = new Child('hl7-sender.ts');
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const kind of ['ours', 'medplum'] as const) rounds[kind].push(await measure(sender, kind, FLOOD));
  }
  const own = median(rounds.ours.map(({ rate }) => rate));
  const peer = median(rounds.medplum.map(({ rate }) => rate));
  const host = peer / REFERENCE.medplumAcks;
  const steady = await measure(sender, 'ours', STEADY);
  return [
    { name: `HL7 durable ACK, ${FLOOD.connections} connections, AES-256`, value: own, unit: 'ACK/s', bar: { least: LEAST_ACKS }, host },
    {
      name: `the same, beside a row a message`,
      value: own,
      unit: 'ACK/s',
      ratio: { to: '@medplum/hl7 + SQLite', value: own / peer },
      bar: { least: LEAST_OF_PEER },
    },
    { name: '@medplum/hl7 with a row a message, unencrypted', value: peer, unit: 'ACK/s' },
    { name: 'CPU of the receiver, a message', value: median(rounds.ours.map(({ cpuUs }) => cpuUs)), unit: 'µs' },
    { name: 'the same of @medplum/hl7', value: median(rounds.medplum.map(({ cpuUs }) => cpuUs)), unit: 'µs' },
    {
      name: `${STEADY.connections} monitors, ${STEADY.rows} OBX a second each`,
      value: steady.ofACore,
      unit: 'of a core',
      bar: { most: MOST_OF_A_CORE },
      host,
    },
  ];
}

/** Acknowledgements a second, and what the process of the receiver took for them. */
interface Measured {
  rate: number;
  cpuUs: number;
  ofACore: number;
}

/** A receiver of its own, measured once it is compiled. */
async function measure(
  sender: Child,
  kind: 'ours' | 'medplum',
  { task, connections, rows, forMs }: typeof FLOOD | typeof STEADY,
): Promise<Measured> {
  await using receiver = new Child('hl7-receiver.ts');
  const port = await receiver.call<number>('start', kind);
  await sender.call(task, { port, message: benchMessage(rows, 'CONTROL-ID-0000').toString('latin1'), connections });
  await passed(WARM_MS);
  const [cpuBefore, before, startedAt] = [await receiver.call<number>('cpu'), await sender.call<number>('acknowledged'), performance.now()];
  await passed(forMs);
  const [cpu, acknowledged, endedAt] = [await receiver.call<number>('cpu'), await sender.call<number>('acknowledged'), performance.now()];
  const { sent, acknowledged: inAll } = await sender.call<{ sent: number; acknowledged: number }>('end');
  if (inAll !== sent) throw new Error(`${sent} messages sent, ${inAll} acknowledged`);
  const [messages, cpuMs, ms] = [acknowledged - before, cpu - cpuBefore, endedAt - startedAt];
  return { rate: (messages / ms) * 1000, cpuUs: (cpuMs / messages) * 1000, ofACore: cpuMs / ms };
}

const passed = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

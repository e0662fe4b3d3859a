import { type Figure, median } from './figure.ts';
import { benchMessage } from './hl7-message.ts';
import { Child } from './overlay-child.ts';
import { installPeers } from './peers.ts';

const ROUNDS = 3;
const ROUND_MS = 3000;
/** Both receivers are measured once they are compiled: they run for months. */
const WARM_MS = 8000;
const FLOOD_CONNECTIONS = 32;
const STEADY_CONNECTIONS = 200;
const STEADY_MS = 15_000;
/** Issue bars (architecture §6): acknowledgements a second, times the peer, and of one core. */
const LEAST_ACKS = 20_000;
const LEAST_OF_PEER = 4;
const MOST_OF_A_CORE = 0.25;

/** Messages acknowledged when they are on disk: ours beside @medplum/hl7 with a row a message, and what 200 monitors cost. */
export async function benchHl7Ack(): Promise<Figure[]> {
  installPeers();
  const message = benchMessage(8, 'CONTROL-ID-0000').toString('latin1');
  const rates = { ours: [] as number[], medplum: [] as number[] };
  await using sender = new Child('hl7-sender.ts');
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const kind of ['ours', 'medplum'] as const) {
      await using receiver = new Child('hl7-receiver.ts');
      const port = await receiver.call<number>('start', kind);
      rates[kind].push(
        await sender.call<number>('flood', {
          port,
          message,
          connections: FLOOD_CONNECTIONS,
          warmMs: WARM_MS,
          forMs: ROUND_MS,
        }),
      );
    }
  }
  const [own, peer] = [median(rates.ours), median(rates.medplum)];
  return [
    { name: `HL7 durable ACK, ${FLOOD_CONNECTIONS} connections, AES-256`, value: own, unit: 'ACK/s', bar: { least: LEAST_ACKS } },
    {
      name: `the same, beside a row a message`,
      value: own,
      unit: 'ACK/s',
      ratio: { to: '@medplum/hl7 + SQLite', value: own / peer },
      bar: { least: LEAST_OF_PEER },
    },
    { name: '@medplum/hl7 with a row a message, unencrypted', value: peer, unit: 'ACK/s' },
    await steady(sender),
  ];
}

async function steady(sender: Child): Promise<Figure> {
  const message = benchMessage(16, 'CONTROL-ID-0000').toString('latin1');
  await using receiver = new Child('hl7-receiver.ts');
  const port = await receiver.call<number>('start', 'ours');
  const before = await receiver.call<number>('cpu');
  const load = { port, message, connections: STEADY_CONNECTIONS, forMs: STEADY_MS };
  const { sent, acknowledged } = await sender.call<{ sent: number; acknowledged: number }>('steady', load);
  if (acknowledged !== sent) throw new Error(`${sent} messages sent, ${acknowledged} acknowledged`);
  const cpuMs = (await receiver.call<number>('cpu')) - before;
  return {
    name: `${STEADY_CONNECTIONS} monitors, 16 OBX a second each`,
    value: cpuMs / STEADY_MS,
    unit: 'of a core',
    bar: { most: MOST_OF_A_CORE },
  };
}

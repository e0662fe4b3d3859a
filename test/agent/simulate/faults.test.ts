import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { describe, test } from 'node:test';
import { runCallingDevice } from '../../../agent/simulate/calling-device.ts';
import { HL7_SIMULATORS } from '../../../agent/simulate/dialects/index.ts';
import { pcd01 } from '../../../agent/simulate/dialects/pcd01.ts';
import { FAULTS, type Fault } from '../../../agent/simulate/faults.ts';
import type { Moment, Persistence, SimulationEvent } from '../../../agent/simulate/simulator.ts';
import type { SimulationResult } from '../../../agent/simulate/writer.ts';
import { verifies } from '../../requirements.ts';
import { AgentEnd } from './agent-end.ts';

const SERVER = { type: 'mllp-server', host: '127.0.0.1', port: 0 };
const COUNT = 6;
/** Seconds and not minutes, where a test waits for what does not come. */
const IMPATIENT: Partial<Persistence> = { ackLimitMs: 400 };

interface Outcome extends SimulationResult {
  events: SimulationEvent[];
}

/** One monitor with a fault, until it has told of everything or the signal aborts. */
async function monitor(
  end: AgentEnd,
  fault: string | undefined,
  changes: { persistence?: Partial<Persistence>; count?: number } = {},
  signal?: AbortSignal,
): Promise<Outcome> {
  const events: SimulationEvent[] = [];
  const result = await runCallingDevice(
    {
      ...{ simulator: pcd01, target: end.target, seed: 7, bed: 'BED-7', patient: 'TEST-0007', intervalMs: 0, count: COUNT },
      ...{ tell: (event: SimulationEvent) => void events.push(event), fault: faultNamed(fault) },
      ...changes,
    },
    signal ?? new AbortController().signal,
  );
  return { ...result, events };
}

function faultNamed(name: string | undefined): Fault | undefined {
  const found = FAULTS.find((fault) => fault.name === name);
  assert.equal(found === undefined, name === undefined);
  return found;
}

/** How many messages are stored, each by the number of values that one has: 8 with the cuff in the first, else 5. */
async function stored(end: AgentEnd): Promise<number[]> {
  const counts = new Map<number, number>();
  for (const { receivedAt, readings } of await end.records()) counts.set(receivedAt, (counts.get(receivedAt) ?? 0) + readings.length);
  return [...counts.values()];
}

const values = async (end: AgentEnd): Promise<number> => (await stored(end)).reduce((sum, count) => sum + count, 0);
/** Six messages of five values, and the cuff in the first. */
const ALL = COUNT * 5 + 3;

describe('a monitor that makes mistakes, and a source that is in order', () => {
  const taken: [fault: string | undefined, rejected: Record<string, number>, changes?: { persistence?: Partial<Persistence> }][] = [
    [undefined, {}],
    ['garbage', { 'DECODE-GARBAGE': COUNT }],
    ['fragment', {}],
    ['pipeline', {}],
    ['no-cr', {}],
    ['no-trailer', { 'DECODE-TRUNCATED': 2 }, { persistence: IMPATIENT }],
    ['reconnect-mid-message', { 'DECODE-TRUNCATED': 2 }],
    ['duplicate', {}],
    ['probe-off', {}],
    ['demo', {}],
    ['clock-ahead', {}],
  ];
  for (const [fault, rejected, changes] of taken) {
    test(`${fault ?? 'none'}: everything is stored once, and the rest has its reason`, async () => {
      verifies('SIMULATED-FAULTS', 'NO-SILENT-DROP', 'GOOD-PARTS-SURVIVE');
      await using end = await AgentEnd.start(SERVER);
      const outcome = await monitor(end, fault, changes);
      await end.stop();
      assert.deepEqual([outcome.sent, outcome.acknowledged, outcome.refused, outcome.lost], [COUNT, COUNT, 0, 0]);
      assert.equal(await values(end), ALL);
      assert.deepEqual(end.rejected, rejected);
      for (const { test: isTest, subject } of await end.records()) {
        assert.equal(isTest, true);
        assert.equal(subject.bed, 'BED-7');
      }
    });
  }

  for (const simulator of HL7_SIMULATORS.filter(({ role, profile }) => 'calls' in role && profile !== 'hl7-capsule')) {
    test(`${simulator.profile}: every message is taken, over a source of its own`, async () => {
      verifies('SIMULATOR-PER-DIALECT');
      await using end = await AgentEnd.start({ ...SERVER, profile: simulator.profile });
      const { sent, acknowledged, refused, lost } = await runCallingDevice(
        {
          ...{ simulator, target: end.target, seed: 7, bed: 'BED-7', patient: 'TEST-0007', intervalMs: 0, count: 14 },
          tell: () => undefined,
        },
        new AbortController().signal,
      );
      await end.stop();
      assert.deepEqual([sent, acknowledged, refused, lost], [14, 14, 0, 0]);
      assert.ok((await end.records()).length >= 14);
    });
  }

  test('oversize: what is too large is refused for good, and the others are stored', async () => {
    verifies('SIMULATED-FAULTS');
    await using end = await AgentEnd.start(SERVER);
    const outcome = await monitor(end, 'oversize');
    await end.stop();
    assert.deepEqual([outcome.acknowledged, outcome.refused, outcome.lost, outcome.again], [4, 2, 0, 0]);
    assert.equal(await values(end), 4 * 5 + 3);
    assert.deepEqual(end.rejected, { 'DECODE-OVERSIZED': 2 });
  });

  test('probe-off, demo and clock-ahead are told with every value', async () => {
    const flags = async (fault: string) => {
      await using end = await AgentEnd.start(SERVER);
      await monitor(end, fault);
      await end.stop();
      return (await end.records()).flatMap(({ readings, receivedAt }) =>
        readings.map(({ vital, absent, flags: said = [], effective = receivedAt }) => ({
          vital,
          absent,
          said,
          ahead: effective > receivedAt + 3_000_000,
        })),
      );
    };
    for (const { vital, absent } of await flags('probe-off'))
      assert.equal(absent, ['spo2', 'pr_oxi'].includes(vital) ? 'error' : undefined);
    for (const { said } of await flags('demo')) assert.ok(said.includes('demo'));
    for (const { ahead } of await flags('clock-ahead')) assert.equal(ahead, true);
  });

  test('silence: the source closes the connection after its time, and the monitor had one message', async () => {
    verifies('SIMULATED-FAULTS');
    await using end = await AgentEnd.start({ ...SERVER, idleTimeoutMs: 200 });
    const outcome = await monitor(end, 'silence');
    assert.deepEqual([outcome.sent, outcome.acknowledged, outcome.lost], [1, 1, 0]);
    assert.equal(await values(end), 8);
    assert.equal(cuts(end, 'idle'), 1);
  });

  test('never-read-ack: the source stops reading, and cuts', async () => {
    verifies('SIMULATED-FAULTS');
    await using end = await AgentEnd.start({ ...SERVER, ackTimeoutMs: 200 });
    const stop = new AbortController();
    // A central station of many beds: what is not read fills up sooner.
    const messages = (moment: Moment) => Array.from({ length: 500 }, (_, seed) => pcd01.messages({ ...moment, seed })).flat();
    const outcome = await runCallingDevice(
      {
        ...{ simulator: { ...pcd01, messages }, target: end.target, seed: 7, bed: 'BED-7', patient: 'TEST-0007', intervalMs: 0 },
        ...{ fault: faultNamed('never-read-ack'), tell: ({ event }: SimulationEvent) => event === 'disconnected' && stop.abort() },
      },
      stop.signal,
    );
    assert.equal(cuts(end, 'unread'), 1);
    assert.equal(outcome.acknowledged, 0);
    assert.ok(outcome.sent > 1);
    assert.ok((await end.records()).length > 0);
  });

  test('a source that cannot store is sent to again later; what it refuses is not', async () => {
    const answers = ['AE', 'AE', 'AA', 'AR', 'AA'];
    await using server = await answering(answers);
    const events: SimulationEvent[] = [];
    const outcome = await runCallingDevice(
      {
        ...{ simulator: pcd01, target: server.target, seed: 7, bed: 'BED-7', patient: 'TEST-0007', intervalMs: 0, count: 3 },
        tell: (event) => void events.push(event),
      },
      new AbortController().signal,
    );
    assert.deepEqual({ ...outcome }, { sent: 3, acknowledged: 2, refused: 1, lost: 0, again: 2, connected: true });
    assert.deepEqual(
      events.flatMap((event) => (event.event === 'sent' ? event.attempt : event.event === 'answered' ? event.code : [])),
      [1, 'AE', 2, 'AE', 3, 'AA', 1, 'AR', 1, 'AA'],
    );
  });

  test('a monitor that keeps what was not taken sends it again later, and says at the end what it still had', async () => {
    await using server = await answering(['AE', 'AA', 'AA', 'AE']);
    const events: SimulationEvent[] = [];
    const outcome = await runCallingDevice(
      {
        ...{ simulator: pcd01, target: server.target, seed: 7, bed: 'BED-7', patient: 'TEST-0007', intervalMs: 0, count: 3 },
        ...{ persistence: { tries: 1, afterwards: { laterMs: 0 } }, tell: (event: SimulationEvent) => void events.push(event) },
      },
      new AbortController().signal,
    );
    // The first comes again before the second; the last one is still there when it ends.
    assert.deepEqual([outcome.sent, outcome.acknowledged, outcome.lost, outcome.again], [3, 2, 1, 1]);
    const [first] = events.flatMap((event) => (event.event === 'sent' ? event.id : []));
    assert.deepEqual(
      events.flatMap((event) => (event.event === 'sent' ? event.id === first : [])),
      [true, true, false, false],
    );
  });

  test('a feed that keeps its order sends nothing newer before what was not taken', async () => {
    const adt = HL7_SIMULATORS.find(({ profile }) => profile === 'hl7-adt');
    assert.ok(adt);
    await using server = await answering(['AA', 'AE', 'AE', 'AA']);
    const answered: string[] = [];
    const outcome = await runCallingDevice(
      {
        ...{ simulator: adt, target: server.target, seed: 7, bed: 'BED-1', patient: 'TEST-0007', intervalMs: 20, count: 12 },
        persistence: { tries: 1, afterwards: { laterMs: 30, inOrder: true } },
        tell: (event) => event.event === 'answered' && answered.push(`${event.code} ${event.id.split('-').at(-1)}`),
      },
      new AbortController().signal,
    );
    assert.deepEqual([outcome.acknowledged, outcome.lost, outcome.again], [12, 0, 2]);
    assert.deepEqual(answered, ['AA 1', 'AE 2', 'AE 2', ...Array.from({ length: 11 }, (_, i) => `AA ${i + 2}`)]);
  });

  test('while nobody listens, a monitor that keeps nothing loses its data', async () => {
    const closed = await answering([]);
    const { target } = closed;
    await closed[Symbol.asyncDispose]();
    const outcome = await runCallingDevice(
      {
        ...{ simulator: pcd01, target, seed: 7, bed: 'BED-7', patient: 'TEST-0007', intervalMs: 0, count: 2 },
        ...{ persistence: { tries: 2 }, tell: () => undefined },
      },
      new AbortController().signal,
    );
    assert.deepEqual({ ...outcome }, { sent: 2, acknowledged: 0, refused: 0, lost: 2, again: 0, connected: false });
  });
});

function cuts(end: AgentEnd, reason: string): number {
  return Object.entries(end.metrics.snapshot())
    .filter(([name]) => name.includes('cut') && name.includes(reason))
    .reduce((sum, [, count]) => sum + count, 0);
}

/** Somebody who answers each message with the next code. */
async function answering(codes: readonly string[]): Promise<{ target: { host: string; port: number } } & AsyncDisposable> {
  const left = [...codes];
  const server = createServer((socket) => {
    let text = '';
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
      for (let end = text.indexOf('\u001c'); end >= 0; end = text.indexOf('\u001c')) {
        const id = text.slice(0, end).split('|')[9] ?? '';
        text = text.slice(end + 2);
        socket.write(`\u000bMSH|^~\\&|\rMSA|${left.shift() ?? 'AA'}|${id}\r\u001c\r`);
      }
    });
    socket.on('error', () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return {
    target: { host: '127.0.0.1', port: typeof address === 'object' && address ? address.port : 0 },
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => server.close(() => resolve())),
  };
}

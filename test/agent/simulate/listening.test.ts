import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import { mindrayPds } from '../../../agent/simulate/dialects/mindray-pds.ts';
import { nihonKohden } from '../../../agent/simulate/dialects/nihon-kohden.ts';
import { FAULTS } from '../../../agent/simulate/faults.ts';
import { runListeningDevice } from '../../../agent/simulate/listening-device.ts';
import { runSerialDevice } from '../../../agent/simulate/serial-device.ts';
import { LINE_SIMULATORS } from '../../../agent/simulate/serial-lines.ts';
import type { Hl7Simulator, SimulationEvent } from '../../../agent/simulate/simulator.ts';
import type { SimulationResult } from '../../../agent/simulate/writer.ts';
import { verifies } from '../../requirements.ts';
import { AgentEnd } from './agent-end.ts';

const WHO = { seed: 7, bed: 'BED-7', patient: 'TEST-0007', intervalMs: 20 };
const ANY_PORT = { host: '127.0.0.1', port: 0 };

/** A device that listens, once it does; it ends after `count` messages. */
async function listening(simulator: Hl7Simulator, count: number, fault?: string) {
  const ready = Promise.withResolvers<number>();
  const events: SimulationEvent[] = [];
  const result: Promise<SimulationResult> = runListeningDevice(
    {
      ...{ ...WHO, simulator, at: ANY_PORT, count, fault: FAULTS.find(({ name }) => name === fault) },
      tell: (event) => {
        events.push(event);
        if (event.event === 'ready') ready.resolve(portOf(event.endpoint));
      },
    },
    new AbortController().signal,
  );
  return { port: await ready.promise, result, events };
}

const portOf = (endpoint: string): number => Number(endpoint.slice(endpoint.lastIndexOf(':') + 1));
const source = (profile: string, port: number): object => ({ type: 'mllp-client', host: '127.0.0.1', port, profile });

test('a Mindray monitor tells whoever calls first who the patient is, then what it measures', async () => {
  verifies('SIMULATOR-PER-DIALECT');
  const { port, result } = await listening(mindrayPds, 6);
  await using end = await AgentEnd.start(source('hl7-mindray-pds', port));
  const { sent, acknowledged, lost, connected } = await result;
  await end.stop();
  // With the patient message that is not counted among the six: heartbeat, values, cuff, and values three times.
  assert.deepEqual([sent, acknowledged, lost, connected], [7, null, 0, true]);
  const readings = (await end.records()).flatMap(({ readings: of }) => of);
  assert.equal(readings.length, 4 * 6 + 3);
  for (const { subject, test: isTest } of await end.records()) {
    assert.deepEqual(subject, { patient: { value: 'TEST-0007', authority: '' }, bed: 'ICU^^BED-7' });
    assert.equal(isTest, true);
  }
});

for (const fault of [undefined, 'fragment', 'garbage', 'pipeline', 'reconnect-mid-message']) {
  test(`a Nihon Kohden monitor (${fault ?? 'no fault'}): everything is stored once`, async () => {
    verifies('SIMULATED-FAULTS');
    const { port, result } = await listening(nihonKohden, 6, fault);
    await using end = await AgentEnd.start(source('hl7-nihon-kohden', port));
    const { sent, acknowledged, refused, lost } = await result;
    await end.stop();
    assert.deepEqual([sent, acknowledged, refused, lost], [6, 6, 0, 0]);
    // Three vital signs each, and the cuff in the first.
    assert.equal((await end.records()).flatMap(({ readings }) => readings).length, 6 * 3 + 3);
    assert.equal(end.rejected['HL7-ASIDE'], 6);
  });
}

test('each of several callers is told the same', async () => {
  const { port, result } = await listening(nihonKohden, 3);
  await using first = await AgentEnd.start(source('hl7-nihon-kohden', port));
  await using second = await AgentEnd.start(source('hl7-nihon-kohden', port));
  const { sent, acknowledged, lost } = await result;
  await Promise.all([first.stop(), second.stop()]);
  assert.ok(sent >= 3 && sent <= 6);
  assert.deepEqual([acknowledged, lost], [sent, 0]);
});

test('a caller that reads nothing is left behind, and holds up nobody', async () => {
  const { port, result } = await listening(nihonKohden, 4);
  const deaf = connect({ host: '127.0.0.1', port });
  deaf.pause();
  deaf.on('error', () => undefined);
  await using end = await AgentEnd.start(source('hl7-nihon-kohden', port));
  while ((await end.records()).flatMap(({ readings }) => readings).length < 9) await new Promise((turn) => setImmediate(turn));
  deaf.destroy();
  await result;
});

for (const simulator of LINE_SIMULATORS) {
  test(`${simulator.profile}: a serial source reads the line of a device server`, async () => {
    const ready = Promise.withResolvers<string>();
    const tell = (event: SimulationEvent): void => {
      if (event.event === 'ready') ready.resolve(event.endpoint);
    };
    const stop = new AbortController();
    const result = runSerialDevice({ ...WHO, simulator, at: ANY_PORT, count: 5, tell }, stop.signal);
    await using end = await AgentEnd.start({ type: 'serial', port: await ready.promise, profile: simulator.profile, device: 'SIM-1' });
    const { sent, acknowledged, connected } = await result;
    await end.stop();
    assert.deepEqual([sent, acknowledged, connected], [5, null, true]);
    assert.ok((await end.records()).length > 0);
    assert.ok((await end.records()).every(({ readings }) => readings.some(({ vital, value }) => vital === 'spo2' && (value ?? 0) > 80)));
  });
}

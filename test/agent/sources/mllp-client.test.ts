import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { mllpFrame } from '../../../agent/framing/mllp.ts';
import { hl7Stream } from '../../../agent/sources/hl7-stream.ts';
import { createMllpClient, MLLP_CLIENT_DEFAULTS, type MllpClientOptions } from '../../../agent/sources/mllp-client.ts';
import { verifies } from '../../requirements.ts';
import { hl7Pcd01 } from '../../support/hl7.ts';
import { DeviceServer } from './device-server.ts';
import { lineDecoder, started, type TestEnvironment, testEnvironment } from './support.ts';

const REOPEN = { reopenMinMs: 5, reopenMaxMs: 20 } as const;

function client(environment: TestEnvironment, port: number, options: Partial<MllpClientOptions> = {}) {
  return createMllpClient(
    { ...MLLP_CLIENT_DEFAULTS, ...REOPEN, name: 'monitor', host: '127.0.0.1', port, decoder: () => lineDecoder(), ...options },
    environment,
  );
}

test('a device that is not there is called until it is, and one log line tells of it', async () => {
  verifies('DEVICE-CALLED');
  const device = await DeviceServer.listen();
  const { port } = device;
  await device[Symbol.asyncDispose]();
  const environment = testEnvironment();
  await using source = await started(client(environment, port));
  await environment.trap.until('source is not running; it is tried again');
  assert.equal(source.status().state, 'waiting');
  await using late = await DeviceServer.listen(port);
  const wire = await late.call();
  assert.notEqual(source.status().state, 'running', 'an open port is no device');
  wire.send('one\n');
  await wire.until((text) => text === 'ack:one\n');
  assert.equal(source.status().state, 'running');
  assert.equal(environment.trap.of('source is not running; it is tried again'), 1);
});

test('a device that falls silent is called again, and whatever it says is life', async () => {
  verifies('DEVICE-CALLED');
  await using device = await DeviceServer.listen();
  const environment = testEnvironment();
  await using source = await started(client(environment, device.port, { silenceMs: 1000 }));
  const first = await device.call();
  // A device that speaks ten times as often as it must, for longer than it may be silent.
  for (let i = 1; i <= 12; i += 1) {
    first.send('bad-heartbeat\n');
    await environment.intake.until(({ rejections }) => rejections.length === i);
    await new Promise((passed) => setTimeout(passed, 100));
  }
  assert.equal(environment.metrics.get('source_cut_total', 'monitor/idle'), 0);
  const second = await device.call();
  assert.equal(environment.metrics.get('source_cut_total', 'monitor/idle'), 1);
  second.send('two\n');
  await second.until((text) => text.endsWith('ack:two\n'));
  assert.equal(source.status().state, 'running');
});

test('silence while the disk is slow is not held against the device; after it, it is', async () => {
  await using device = await DeviceServer.listen();
  const environment = testEnvironment();
  await using _source = await started(client(environment, device.port, { silenceMs: 20, decoder: silentDecoder }));
  const wire = await device.call();
  environment.intake.hold();
  wire.send('one\n');
  await environment.intake.until(({ offered }) => offered === 1);
  const again = device.call();
  environment.intake.release();
  // Nothing is answered, so that nothing but the clock can find out.
  await again;
  await wire.closed();
  assert.deepEqual(environment.intake.stored, ['one']);
});

/** A dialect in which nothing is acknowledged. */
function silentDecoder() {
  const decoder = lineDecoder();
  return {
    ...decoder,
    push: (chunk: Uint8Array, receivedAt: number) =>
      decoder.push(chunk, receivedAt).map(({ records, rejected }) => ({ records, rejected })),
  };
}

test('a device that never reads its acknowledgements is paused, cut, and called again', async () => {
  await using device = await DeviceServer.listen();
  const environment = testEnvironment();
  await using _source = await started(client(environment, device.port, { ackTimeoutMs: 50 }));
  const wire = await device.call();
  wire.socket.pause();
  const feed = (): void => {
    while (!wire.socket.destroyed && wire.socket.write(`${'m'.repeat(500)}\n`.repeat(100)));
  };
  wire.socket.on('drain', feed);
  feed();
  await once(wire.socket, 'error');
  assert.equal(environment.metrics.get('source_cut_total', 'monitor/unread'), 1);
  await device.call();
});

test('a device that floods is not read faster than the disk', async () => {
  await using device = await DeviceServer.listen();
  const environment = testEnvironment();
  const { intake } = environment;
  await using source = await started(client(environment, device.port, { maxPending: 4 }));
  const wire = await device.call();
  intake.hold();
  wire.send('a\n'.repeat(4));
  await intake.until(({ offered }) => offered === 4);
  wire.send(Buffer.from('a\n'.repeat(8 * 1024 * 1024)));
  await new Promise((turned) => setImmediate(turned));
  assert.equal(intake.offered, 4);
  assert.ok(wire.socket.writableLength > 0);
  wire.socket.destroy();
  intake.release();
  await source[Symbol.asyncDispose]();
});

test('noise without end is cut', async () => {
  verifies('NO-SILENT-DROP');
  await using device = await DeviceServer.listen();
  const environment = testEnvironment();
  await using _source = await started(client(environment, device.port, { maxNoiseBytes: 1000 }));
  const wire = await device.call();
  for (let i = 0; i < 20; i += 1) wire.send(`${' '.repeat(99)}\n`);
  await wire.closed();
  assert.equal(environment.metrics.get('source_cut_total', 'monitor/garbage'), 1);
});

test('a device that breaks off in a message begins it anew on the next connection', async () => {
  verifies('GOOD-PARTS-SURVIVE', 'DEVICE-CALLED');
  await using device = await DeviceServer.listen();
  const environment = testEnvironment();
  await using _source = await started(client(environment, device.port));
  const first = await device.call();
  first.send('one\nunfin');
  await first.until((text) => text === 'ack:one\n');
  first.socket.resetAndDestroy();
  const second = await device.call();
  second.send('unfinished\n');
  await second.until((text) => text === 'ack:unfinished\n');
  assert.deepEqual(environment.intake.stored, ['one', 'unfinished']);
  assert.deepEqual(
    environment.intake.rejections.map(({ code }) => code),
    ['DECODE-TRUNCATED'],
  );
});

test('a device that closes its half still gets its acknowledgements, and is called again', async () => {
  await using device = await DeviceServer.listen();
  const environment = testEnvironment();
  await using _source = await started(client(environment, device.port));
  const wire = await device.call();
  environment.intake.hold();
  wire.socket.end('last\n');
  await environment.intake.until(({ offered }) => offered === 1);
  environment.intake.release();
  assert.equal(await wire.until((text) => text.endsWith('\n')), 'ack:last\n');
  await wire.closed();
  await device.call();
});

test('stopping while nobody answers ends at once', async () => {
  await using device = await DeviceServer.listen();
  const environment = testEnvironment();
  const source = await started(client(environment, device.port));
  await source[Symbol.asyncDispose]();
  assert.equal(source.status().state, 'stopped');
});

test('HL7 in blocks is acknowledged by the side that called', async () => {
  verifies('DEVICE-CALLED', 'ACK-AFTER-COMMIT');
  await using device = await DeviceServer.listen();
  const environment = testEnvironment();
  const context = { source: 'monitor', zone: 'UTC', test: true, maxFrameBytes: 65_536 };
  await using _source = await started(client(environment, device.port, { decoder: () => hl7Stream(hl7Pcd01, context) }));
  const wire = await device.call();
  const message = (id: string): Uint8Array =>
    mllpFrame(
      Buffer.from(
        `MSH|^~\\&|SIM||||20261121100000+0000||ORU^R01|${id}|P|2.6\rPID|||P-0001\rOBR|1|||1|||20261121100000+0000\r` +
          'OBX|1|NM|150456^MDC_PULS_OXIM_SAT_O2^MDC|1.2.1|97|262688^MDC_DIM_PERCENT^MDC|||||R\r',
      ),
    );
  const bytes = Buffer.concat([message('C-1'), message('C-2')]);
  for (let at = 0; at < bytes.length; at += 7) wire.send(bytes.subarray(at, at + 7));
  const received = await wire.until((text) => text.split('\u001c').length === 3);
  assert.deepEqual(received.match(/MSA\|AA\|C-\d/g), ['MSA|AA|C-1', 'MSA|AA|C-2']);
});

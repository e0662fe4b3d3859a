import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseLineAddress } from '../../../agent/sources/line.ts';
import { createSerial, SERIAL_DEFAULTS, type SerialOptions } from '../../../agent/sources/serial.ts';
import { verifies } from '../../requirements.ts';
import { standStill } from '../../support/stand-still.ts';
import { DeviceServer } from './device-server.ts';
import { lineDecoder, started, type TestEnvironment, testEnvironment } from './support.ts';

function serial(environment: TestEnvironment, port: number, options: Partial<SerialOptions> = {}) {
  return createSerial(
    {
      ...SERIAL_DEFAULTS,
      name: 'oximeter',
      endpoint: `tcp://127.0.0.1:${port}`,
      address: { host: '127.0.0.1', port },
      line: { baudRate: 9600, dataBits: 8, parity: 'none', stopBits: 1 },
      decoder: () => lineDecoder(),
      reopenMinMs: 5,
      reopenMaxMs: 20,
      ...options,
    },
    environment,
  );
}

test('readings behind a device server are stored, and the device is answered after that', async () => {
  verifies('ACK-AFTER-COMMIT');
  const environment = testEnvironment();
  const { intake } = environment;
  await using device = await DeviceServer.listen();
  await using source = await started(serial(environment, device.port));
  const wire = await device.call();
  assert.notEqual(source.status().state, 'running', 'an open line alone says nothing');
  intake.hold();
  wire.send('one\n');
  await intake.until(({ offered }) => offered === 1);
  assert.equal(source.status().state, 'running');
  assert.equal(wire.received, '');
  intake.release();
  await wire.until((text) => text === 'ack:one\n');
  intake.fail();
  wire.send('two\n');
  await wire.until((text) => text === 'ack:one\nnak:two\n');
});

test('a lost line is opened again, and its loss is logged once', async () => {
  const environment = testEnvironment();
  const { intake, trap, metrics } = environment;
  let device = await DeviceServer.listen();
  const { port } = device;
  await using source = await started(serial(environment, port));
  (await device.call()).send('one\nunfin');
  await intake.until(({ stored }) => stored.length === 1);
  await device[Symbol.asyncDispose]();
  await trap.until('source is not running; it is tried again');
  assert.equal(source.status().state, 'waiting');
  await intake.until(({ rejections }) => rejections[0]?.code === 'DECODE-TRUNCATED');
  // Attempts at nobody are not logged one by one.
  while (metrics.get('source_reopened_total', 'oximeter') < 5) await new Promise((resolve) => setImmediate(resolve));
  device = await DeviceServer.listen(port);
  (await device.call()).send('two\n');
  await intake.until(({ stored }) => stored.includes('two'));
  assert.equal(source.status().state, 'running');
  assert.equal(trap.of('source is not running; it is tried again'), 1);
  assert.equal(trap.of('source is running'), 2);
  const { err } = trap.lines.find(({ msg }) => msg.startsWith('source is not')) as unknown as { err: { code: string } };
  assert.equal(err.code, 'SOURCE-LOST');
  await device[Symbol.asyncDispose]();
});

test('a line that was never there does not keep the agent from starting', async () => {
  const environment = testEnvironment();
  const device = await DeviceServer.listen();
  const { port } = device;
  await device[Symbol.asyncDispose]();
  const source = await started(serial(environment, port));
  await environment.trap.until('source is not running; it is tried again');
  const { err } = environment.trap.lines[0] as unknown as { err: { code: string; detail: string } };
  assert.deepEqual([err.code, err.detail], ['SOURCE-OPEN', 'ECONNREFUSED']);
  await source[Symbol.asyncDispose]();
  assert.equal(source.status().state, 'stopped');
});

test('a line that opens and stays silent is no device: the status says so, and that one was lost', async () => {
  verifies('STATUS-SOURCE-CODE');
  const environment = testEnvironment();
  const { trap } = environment;
  const device = await DeviceServer.listen();
  const { port } = device;
  await device[Symbol.asyncDispose]();
  await using source = await started(serial(environment, port));
  await trap.until('source is not running; it is tried again');
  assert.equal(source.status().code, 'SOURCE-OPEN');
  await using back = await DeviceServer.listen(port);
  const first = await back.call();
  await trap.until('serial line is open');
  assert.deepEqual([source.status().state, source.status().code], ['waiting', null]);
  first.socket.destroy();
  await back.call();
  await trap.until('serial line is open', 2);
  assert.deepEqual([source.status().state, source.status().code], ['waiting', 'SOURCE-LOST'], 'an open line is no sign of life');
});

test('a terminal device that does not exist is waited for', async () => {
  const environment = testEnvironment();
  const path = '/dev/vitalmesh-no-such-line';
  await using source = await started(serial(environment, 0, { endpoint: path, address: { path } }));
  await environment.trap.until('source is not running; it is tried again');
  const { err } = environment.trap.lines[0] as unknown as { err: { code: string } };
  assert.equal(err.code, 'SOURCE-OPEN');
  assert.equal(source.status().endpoint, path);
});

test('silence on an open line opens it again, without a line of log an attempt', async () => {
  const environment = testEnvironment();
  await using device = await DeviceServer.listen();
  await using _source = await started(serial(environment, device.port, { silenceMs: 20 }));
  for (let call = 0; call < 3; call += 1) await device.call();
  assert.equal(environment.trap.of('source is not running; it is tried again'), 1);
  (await device.call()).send('awake\n');
  await environment.intake.until(({ stored }) => stored.length === 1);
});

test('what a device sent while the agent stood still is read, and not taken for silence', async () => {
  verifies('OVERLAY-SLEEP');
  const environment = testEnvironment();
  await using device = await DeviceServer.listen();
  await using _source = await started(serial(environment, device.port, { silenceMs: 500 }));
  const wire = await device.call();
  wire.send('before\n');
  await environment.intake.until(({ stored }) => stored.length === 1);
  wire.send('meanwhile\n');
  standStill(1000);
  await environment.intake.until(({ stored }) => stored.length === 2);
  assert.equal(environment.trap.of('source is not running; it is tried again'), 0);
});

test('records that a device cannot send again are counted as lost when they cannot be stored', async () => {
  verifies('NO-SILENT-DROP');
  const environment = testEnvironment();
  await using device = await DeviceServer.listen();
  const mute = () => {
    const decoder = lineDecoder();
    return { ...decoder, push: (chunk: Uint8Array, at: number) => decoder.push(chunk, at).map(({ reply: _, ...part }) => part) };
  };
  await using _source = await started(serial(environment, device.port, { decoder: mute }));
  const wire = await device.call();
  environment.intake.fail();
  wire.send('one\n');
  await environment.trap.until('readings cannot be stored');
  assert.equal(environment.metrics.get('source_lost_records_total', 'oximeter'), 1);
});

test('a slow disk pauses the line and is not mistaken for silence', async () => {
  const environment = testEnvironment();
  const { intake } = environment;
  await using device = await DeviceServer.listen();
  await using source = await started(serial(environment, device.port, { silenceMs: 20 }));
  const wire = await device.call();
  intake.hold();
  wire.send('a\n'.repeat(100));
  await intake.until(({ offered }) => offered === 100);
  // A silent line of the same patience shows that it has run out, and more than once.
  await using idle = await DeviceServer.listen();
  await using _other = await started(serial(testEnvironment(), idle.port, { silenceMs: 20 }));
  for (let call = 0; call < 3; call += 1) await idle.call();
  assert.equal(source.status().state, 'running');
  intake.release();
  await intake.until(({ stored }) => stored.length === 100);
});

test('stopping stores what was read and closes the line', async () => {
  const environment = testEnvironment();
  const { intake } = environment;
  await using device = await DeviceServer.listen();
  const source = await started(serial(environment, device.port));
  const wire = await device.call();
  intake.hold();
  wire.send('taken\n');
  await intake.until(({ offered }) => offered === 1);
  const stopped = source[Symbol.asyncDispose]();
  intake.release();
  await stopped;
  assert.deepEqual(intake.stored, ['taken']);
  await wire.until((text) => text === 'ack:taken\n');
  await wire.closed();
});

test('stopping while the line is being opened leaves nothing open', async () => {
  const environment = testEnvironment();
  await using device = await DeviceServer.listen();
  const source = serial(environment, device.port);
  const controller = new AbortController();
  await source.start(controller.signal);
  controller.abort();
  await source[Symbol.asyncDispose]();
  assert.equal(source.status().state, 'stopped');
});

test('addresses of lines', () => {
  assert.deepEqual(parseLineAddress('/dev/ttyUSB0'), { path: '/dev/ttyUSB0' });
  assert.deepEqual(parseLineAddress('tcp://moxa.ward.example:4001'), { host: 'moxa.ward.example', port: 4001 });
  assert.deepEqual(parseLineAddress('tcp://[::1]:4001'), { host: '::1', port: 4001 });
  for (const text of [
    '',
    'COM1',
    'tcp://host',
    'tcp://host:0',
    'tcp://:1',
    'tcp://user@host:1',
    'tcp://host:1/x',
    'udp://host:1',
    'tcp://host:70000',
  ]) {
    assert.equal(parseLineAddress(text), undefined, text);
  }
});

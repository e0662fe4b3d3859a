import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { createMllpServer, MLLP_SERVER_DEFAULTS, type MllpServerOptions } from '../../../agent/sources/mllp-server.ts';
import { verifies } from '../../requirements.ts';
import { standStill } from '../../support/stand-still.ts';
import { dial, lineDecoder, started, type TestEnvironment, testEnvironment } from './support.ts';

function server(environment: TestEnvironment, options: Partial<MllpServerOptions> = {}) {
  return createMllpServer(
    { ...MLLP_SERVER_DEFAULTS, name: 'icu', host: '127.0.0.1', port: 0, decoder: () => lineDecoder(), ...options },
    environment,
  );
}

test('no acknowledgement leaves before the commit, and then all leave in order', async () => {
  verifies('ACK-AFTER-COMMIT');
  const environment = testEnvironment();
  const { intake } = environment;
  await using source = await started(server(environment));
  const wire = await dial(source);
  intake.hold();
  wire.send('one\ntwo\nthree\n');
  await intake.until(({ offered }) => offered === 3);
  intake.releaseOne();
  assert.equal(await wire.until((text) => text.length > 0), 'ack:one\n');
  intake.release();
  assert.equal(await wire.until((text) => text.endsWith('three\n')), 'ack:one\nack:two\nack:three\n');
});

test('what is stored out of turn is acknowledged in turn', async () => {
  const environment = testEnvironment();
  const { intake } = environment;
  await using source = await started(server(environment));
  const wire = await dial(source);
  intake.hold();
  wire.send('slow\n');
  await intake.until(({ offered }) => offered === 1);
  // A rejected part needs no commit and is settled first.
  wire.send('bad\n');
  await intake.until(({ rejections }) => rejections.length === 1);
  intake.release();
  assert.equal(await wire.until((text) => text.endsWith('bad\n')), 'ack:slow\nack:bad\n');
});

test('what cannot be stored is refused, and the state is logged once', async () => {
  verifies('ACK-AFTER-COMMIT');
  const environment = testEnvironment();
  const { intake, metrics, trap } = environment;
  await using source = await started(server(environment));
  const wire = await dial(source);
  intake.fail();
  wire.send('one\ntwo\n');
  assert.equal(await wire.until((text) => text.endsWith('two\n')), 'nak:one\nnak:two\n');
  intake.release();
  wire.send('one\n');
  await wire.until((text) => text.endsWith('ack:one\n'));
  assert.equal(trap.of('readings cannot be stored'), 1);
  assert.equal(trap.of('readings are stored again'), 1);
  assert.equal(metrics.get('source_unstored_total', 'icu'), 2);
  assert.equal(metrics.get('source_lost_records_total', 'icu'), 0, 'the sender keeps what was refused');
});

test('a message cut into bytes is one message', async () => {
  const environment = testEnvironment();
  await using source = await started(server(environment));
  const wire = await dial(source);
  for (const letter of 'fragmented\n') await new Promise((sent) => wire.socket.write(letter, sent));
  assert.equal(await wire.until((text) => text.endsWith('\n')), 'ack:fragmented\n');
});

test('garbage, an oversized and an unfinished message are counted, and cost nothing else', async () => {
  verifies('NO-SILENT-DROP', 'GOOD-PARTS-SURVIVE');
  const environment = testEnvironment();
  const { intake, metrics } = environment;
  await using source = await started(server(environment, { decoder: () => lineDecoder(16) }));
  const wire = await dial(source);
  wire.send('   \ngood-1\nbad-1\n');
  await wire.until((text) => text.endsWith('ack:bad-1\n'));
  wire.send('x'.repeat(17));
  await intake.until(({ rejections }) => rejections.length === 3);
  wire.send('good-2\nunfin');
  await wire.until((text) => text.endsWith('ack:good-2\n'));
  wire.socket.destroy();
  await intake.until(({ rejections }) => rejections.length === 4);
  assert.deepEqual(intake.stored, ['good-1', 'good-2']);
  assert.deepEqual(
    intake.rejections.map(({ code, bytes }) => [code, bytes]),
    [
      ['DECODE-GARBAGE', 4],
      ['DECODE-FIELD', 5],
      ['DECODE-OVERSIZED', 17],
      ['DECODE-TRUNCATED', 5],
    ],
  );
  assert.equal(metrics.get('source_rejected_total', 'icu'), 4);
  assert.equal(metrics.get('source_records_total', 'icu'), 2);
  assert.equal(source.status().rejected, 4);
});

test('a defect of the decoder puts the chunk in quarantine, and the connection goes on', async () => {
  verifies('GOOD-PARTS-SURVIVE');
  const environment = testEnvironment();
  const { intake } = environment;
  await using source = await started(server(environment));
  const wire = await dial(source);
  wire.send('defect\n');
  await intake.until(({ rejections }) => rejections.length === 1);
  assert.equal(intake.rejections[0]?.code, 'INTERNAL');
  assert.equal(Buffer.from(intake.rejections[0]?.raw ?? []).toString(), 'defect\n');
  wire.send('good\n');
  assert.equal(await wire.until((text) => text.endsWith('\n')), 'ack:good\n');
});

test('a sender that closes its half still gets its acknowledgements', async () => {
  const environment = testEnvironment();
  await using source = await started(server(environment));
  const wire = await dial(source);
  environment.intake.hold();
  wire.socket.end('last\n');
  await environment.intake.until(({ offered }) => offered === 1);
  environment.intake.release();
  assert.equal(await wire.until((text) => text.endsWith('\n')), 'ack:last\n');
  await wire.closed();
});

test('a sender that vanishes before the commit loses nothing that was taken', async () => {
  const environment = testEnvironment();
  const { intake } = environment;
  await using source = await started(server(environment));
  const wire = await dial(source);
  intake.hold();
  wire.send('kept\n');
  await intake.until(({ offered }) => offered === 1);
  wire.socket.resetAndDestroy();
  await wire.closed();
  intake.release();
  await intake.until(({ stored }) => stored.length === 1);
});

test('nothing more is read while too much waits for the disk', async () => {
  const environment = testEnvironment();
  const { intake } = environment;
  await using source = await started(server(environment, { maxPending: 4 }));
  const wire = await dial(source);
  intake.hold();
  for (let i = 0; i < 4; i += 1) wire.send('a\n');
  await intake.until(({ offered }) => offered === 4);
  // Far more than one read and the kernel's buffers take.
  const flood = Buffer.from('a\n'.repeat(8 * 1024 * 1024));
  wire.send(flood);
  // Another sender's turns show that the server had time to read.
  const other = await dial(source);
  for (let i = 1; i <= 20; i += 1) {
    other.send('bad\n');
    await other.until((text) => text.split('\n').length > i);
  }
  assert.equal(intake.offered, 4);
  assert.ok(wire.socket.writableLength > 0);
  wire.socket.destroy();
  intake.release();
});

test('a sender that never reads its acknowledgements is paused and then cut', async () => {
  const environment = testEnvironment();
  const { metrics } = environment;
  await using source = await started(server(environment, { ackTimeoutMs: 50 }));
  const wire = await dial(source);
  wire.socket.pause();
  const feed = (): void => {
    while (!wire.socket.destroyed && wire.socket.write(`${'m'.repeat(500)}\n`.repeat(100)));
  };
  wire.socket.on('drain', feed);
  feed();
  // A paused socket tells of its end only by the failing write.
  await once(wire.socket, 'error');
  assert.equal(metrics.get('source_cut_total', 'icu/unread'), 1);
});

test('noise without end is cut, and counted', async () => {
  verifies('NO-SILENT-DROP');
  const environment = testEnvironment();
  await using source = await started(server(environment, { maxNoiseBytes: 1000 }));
  const wire = await dial(source);
  for (let i = 0; i < 20; i += 1) wire.send(`${' '.repeat(99)}\n`);
  await wire.closed();
  assert.equal(environment.metrics.get('source_cut_total', 'icu/garbage'), 1);
  assert.ok(source.status().rejected > 10);
});

test('unfinished messages of all connections together are bounded', async () => {
  const environment = testEnvironment();
  await using source = await started(server(environment, { decoder: () => lineDecoder(1e6), maxHeldBytes: 1000 }));
  const first = await dial(source);
  const second = await dial(source);
  first.send('x'.repeat(600));
  await environment.trap.until('source is running');
  second.send('y'.repeat(600));
  await Promise.race([first.closed(), second.closed()]);
  assert.equal(environment.metrics.get('source_cut_total', 'icu/memory'), 1);
  const left = first.socket.closed ? second : first;
  left.send('\n');
  await left.until((text) => text.endsWith('\n'));
});

test('whoever holds most gives it up, not the one that comes last', async () => {
  verifies('GOOD-PARTS-SURVIVE');
  const environment = testEnvironment();
  await using source = await started(server(environment, { decoder: () => lineDecoder(1e6), maxHeldBytes: 1000 }));
  const [greedy, good] = [await dial(source), await dial(source)];
  greedy.send('x'.repeat(1000));
  // Its own turn shows that the server has read the other's bytes before.
  good.send('first\n');
  await good.until((text) => text.endsWith('first\n'));
  good.send('last');
  await greedy.closed();
  good.send('\n');
  await good.until((text) => text.endsWith('last\n'));
  assert.equal(environment.metrics.get('source_cut_total', 'icu/memory'), 1);
});

test('refused messages are noise until a record is stored', async () => {
  const environment = testEnvironment();
  await using source = await started(server(environment, { maxNoiseBytes: 1000 }));
  const wire = await dial(source);
  for (let i = 0; i < 3; i += 1) {
    wire.send(`bad-${'x'.repeat(800)}\ngood-${i}\n`);
    await wire.until((text) => text.endsWith(`good-${i}\n`));
  }
  environment.intake.fail();
  wire.send(`bad-${'x'.repeat(500)}\nunstored\n`);
  await wire.until((text) => text.endsWith('unstored\n'));
  wire.send(`bad-${'x'.repeat(500)}\n`);
  await wire.closed();
  assert.equal(environment.metrics.get('source_cut_total', 'icu/garbage'), 1);
});

test('one read holds no more than may be pending, and what it holds is all taken in the end', async () => {
  const environment = testEnvironment();
  const { intake } = environment;
  await using source = await started(server(environment, { maxPending: 10 }));
  const wire = await dial(source);
  intake.hold();
  wire.socket.end(`${'m'.repeat(499)}\n`.repeat(100));
  await intake.until(({ offered }) => offered >= 10);
  const other = await dial(source);
  other.send('bad\n');
  await other.until((text) => text.endsWith('\n'));
  assert.ok(intake.offered < 20, `${intake.offered} were offered`);
  intake.release();
  await intake.until(({ stored }) => stored.length === 100);
  await wire.closed();
  assert.equal(wire.received.split('\n').length, 101);
});

test('a silent connection is closed after its time', async () => {
  const environment = testEnvironment();
  await using source = await started(server(environment, { idleTimeoutMs: 20 }));
  const wire = await dial(source);
  await wire.closed();
  assert.equal(environment.metrics.get('source_cut_total', 'icu/idle'), 1);
});

test('what a sender sent while the agent stood still is read before its silence is judged', async () => {
  verifies('OVERLAY-SLEEP');
  const environment = testEnvironment();
  await using source = await started(server(environment, { idleTimeoutMs: 500 }));
  const wire = await dial(source);
  wire.send('one\n');
  await wire.until((text) => text.endsWith('\n'));
  wire.send('two\n');
  standStill(1000);
  await wire.until((text) => text.split('\n').length === 3);
  assert.equal(environment.metrics.get('source_cut_total', 'icu/idle'), 0);
});

test('connections are limited, in all and of one address', async () => {
  const environment = testEnvironment();
  await using source = await started(server(environment, { maxConnectionsPerAddress: 1 }));
  const first = await dial(source);
  const second = await dial(source);
  await second.closed();
  assert.equal(environment.metrics.get('source_cut_total', 'icu/too-many-of-one-address'), 1);
  first.send('one\n');
  await first.until((text) => text.endsWith('\n'));
  assert.equal(environment.metrics.get('source_connections', 'icu'), 1);

  const other = testEnvironment();
  await using small = await started(server(other, { maxConnections: 1 }));
  const kept = await dial(small);
  const dropped = await dial(small);
  await dropped.closed();
  assert.equal(other.metrics.get('source_cut_total', 'icu/too-many'), 1);
  kept.send('one\n');
  await kept.until((text) => text.endsWith('\n'));
});

test('stopping stores and acknowledges what was taken, and leaves no socket', async () => {
  const environment = testEnvironment();
  const { intake } = environment;
  const source = await started(server(environment));
  const wire = await dial(source);
  intake.hold();
  wire.send('taken\n');
  await intake.until(({ offered }) => offered === 1);
  const stopped = source[Symbol.asyncDispose]();
  intake.release();
  assert.equal(await wire.until((text) => text.endsWith('\n')), 'ack:taken\n');
  await stopped;
  assert.equal(source.status().state, 'stopped');
  await wire.closed();
});

test('an address in use is waited for', async () => {
  const environment = testEnvironment();
  const squatter = createServer().listen(0, '127.0.0.1');
  await once(squatter, 'listening');
  const { port } = squatter.address() as { port: number };
  await using source = await started(server(environment, { port }));
  assert.equal(source.status().state, 'waiting');
  assert.equal(environment.trap.of('source is not running; it is tried again'), 1);
  squatter.close();
  await environment.trap.until('source is running');
  const wire = await dial(source);
  wire.send('one\n');
  await wire.until((text) => text.endsWith('\n'));
});

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { VitalmeshError } from '../../../../../shared/errors.ts';
import { FLOW } from '../../../../../shared/overlay/ziti/circuit/contract.ts';
import { dialCircuit } from '../../../../../shared/overlay/ziti/circuit/dial.ts';
import { hostService } from '../../../../../shared/overlay/ziti/circuit/host.ts';
import { newMarker } from '../../../../../shared/overlay/ziti/circuit/marker.ts';
import { encodeFrame } from '../../../../../shared/overlay/ziti/wire/encode.ts';
import { verifies } from '../../../../requirements.ts';
import { CircuitSite, dialRequest, guarded, hostRequest, TOKEN } from '../../../../support/ziti/circuits.ts';
import { FakeChannel } from '../../../../support/ziti/fake-channel.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
/** What a stream of Node holds by itself on top of what the circuit does. */
const STREAM_BYTES = 2 * FLOW.CHUNK_BYTES;
/** One byte, encrypted. */
const SEALED_BYTE = 18;
const HOST_CONN = 0x8000_0000;

describe('flow control between two ends', { timeout: 30_000 }, () => {
  for (const encrypted of [false, true]) {
    for (const unmarks of [false, true]) {
      test(`every byte arrives and no reader holds more than a window: ${encrypted ? 'encrypted' : 'plain'}, ${unmarks ? 'foreign' : 'ours'}`, async () => {
        verifies('OVERLAY-FLOW');
        await fc.assert(
          fc.asyncProperty(
            fc.array(fc.nat(3), { minLength: 1, maxLength: 10 }),
            fc.array(fc.integer({ min: 1, max: 400_000 }), { minLength: 1, maxLength: 12 }),
            // Megabytes read byte by byte would take all the time there is.
            fc.array(fc.integer({ min: 2000, max: 200_000 }), { minLength: 1, maxLength: 10 }),
            async (delays, writes, reads) => {
              let at = 0;
              const site = new CircuitSite({ encrypted, unmarks, delay: () => delays[at++ % delays.length] ?? 0 });
              const { near, far } = await site.connect();
              const bound = unmarks ? Number.POSITIVE_INFINITY : FLOW.WINDOW_BYTES + STREAM_BYTES;
              const [up, down] = [content(writes), content([...writes].reverse())];
              const results = await Promise.all([
                readSlowly(far, reads, () => site.router.deliveredTo(site.hostChannel), bound),
                readSlowly(near, reads, () => site.router.deliveredTo(site.dialChannel), bound),
                write(near, up),
                write(far, down),
              ]);
              assert.deepEqual(results.slice(0, 2), [digest(up), digest(down)]);
            },
          ),
          { numRuns: 12 },
        );
      });
    }
  }

  test('a reader that does not read stops its writer at a window, costs its neighbour nothing, and loses nothing', async () => {
    verifies('OVERLAY-FLOW');
    const site = new CircuitSite({ encrypted: true });
    const bulk = await site.connect();
    const neighbour = await site.connect();
    const all = randomBytes(8 * MIB);
    const writing = write(bulk.near, [all]);
    // The neighbour's round trips are the clock: when none but theirs arrive any more, the writer has stopped.
    let trips = 0;
    let bytes = 0;
    for (let last = -1; last !== bytes; trips += 20) {
      last = bytes;
      for (let i = 0; i < 20; i += 1) {
        neighbour.near.write('x');
        await once(neighbour.far, 'readable');
        assert.equal(String(neighbour.far.read()), 'x');
      }
      bytes = site.router.deliveredTo(site.hostChannel) - (trips + 20) * SEALED_BYTE;
    }
    assert.ok(bytes <= FLOW.WINDOW_BYTES + STREAM_BYTES);
    assert.equal(site.hostChannel.holds, 0);
    const received = readSlowly(bulk.far, [1_000_000], () => 0, Number.POSITIVE_INFINITY);
    await writing;
    assert.equal(await received, digest([all]));
  });

  test('tiny messages are bounded by their number', async () => {
    verifies('OVERLAY-FLOW');
    const { channel } = await hosted();
    const [far] = await accepted(channel, true);
    channel.receive(data(Buffer.alloc(0), FLOW.GRANT));
    let frames = 0;
    while (!far.destroyed) {
      channel.receive(data(Buffer.from('x')));
      frames += 1;
    }
    assert.equal((far.errored as VitalmeshError).code, 'OVERLAY-PROTOCOL');
    assert.ok(frames <= (FLOW.WINDOW_BYTES + STREAM_BYTES * FLOW.FRAME_BYTES) / FLOW.FRAME_BYTES);
  });
});

describe('a peer of ours that does not keep to it', { timeout: 20_000 }, () => {
  test('sends more than it was granted: its connection is cut, the neighbours go on', async () => {
    verifies('OVERLAY-FLOW');
    const { channel } = await hosted();
    const [far] = await accepted(channel, true);
    const [neighbour] = await accepted(channel, true, 1);
    channel.receive(data(Buffer.alloc(0), FLOW.GRANT));
    for (let i = 0; i < 20; i += 1) channel.receive(data(Buffer.alloc(64 * KIB)));
    assert.equal((far.errored as VitalmeshError).code, 'OVERLAY-PROTOCOL');
    assert.equal(channel.holds, 0);
    channel.receive(data(Buffer.from('still here'), 0, HOST_CONN + 1));
    assert.equal(String(neighbour.read()), 'still here');
  });

  test('that does not know of the grants yet is not held to them', async () => {
    const { channel } = await hosted();
    const [far] = await accepted(channel, true);
    for (let i = 0; i < 20; i += 1) channel.receive(data(Buffer.alloc(64 * KIB)));
    channel.receive(data(Buffer.alloc(0), FLOW.GRANT));
    assert.equal(far.destroyed, false);
    channel.receive(data(Buffer.from('x')));
    assert.equal((far.errored as VitalmeshError).code, 'OVERLAY-PROTOCOL');
  });

  test('grants absurdly much: no more than a window is sent to it', async () => {
    verifies('OVERLAY-FLOW');
    const { channel } = await hosted();
    const [far] = await accepted(channel, true);
    for (let i = 0; i < 100; i += 1) channel.receive(data(Buffer.alloc(0), 0xffff_8000));
    channel.takeSent();
    far.write(Buffer.alloc(8 * MIB));
    assert.ok(near(await sentBytes(channel), FLOW.WINDOW_BYTES));
  });

  test('never grants though it is marked: it gets what everybody gets', async () => {
    const { channel } = await hosted();
    const [far] = await accepted(channel, true);
    channel.takeSent();
    far.write(Buffer.alloc(8 * MIB));
    assert.ok(near(await sentBytes(channel), FLOW.INITIAL_BYTES));
  });
});

describe('a stranger', { timeout: 20_000 }, () => {
  test('is sent a window ahead of what its router has read', async () => {
    verifies('OVERLAY-FLOW');
    const probes: (() => void)[] = [];
    const { channel } = await hosted(probes);
    const [far] = await accepted(channel, false);
    channel.takeSent();
    far.write(Buffer.alloc(8 * MIB));
    let sent = await sentBytes(channel);
    assert.ok(near(sent, FLOW.WINDOW_BYTES));
    assert.equal(probes.length, FLOW.WINDOW_BYTES / (FLOW.INITIAL_BYTES / 2) - 1, 'one for each step but the last');
    // The first probe went out when the first step had.
    probes.shift()?.();
    sent += await sentBytes(channel);
    assert.ok(sent < FLOW.WINDOW_BYTES + FLOW.INITIAL_BYTES && sent > FLOW.WINDOW_BYTES);
  });

  test('that says nothing is sent a step ahead', async () => {
    verifies('OVERLAY-FLOW');
    const probes: (() => void)[] = [];
    const channel = new FakeChannel({ onProbe: (answer) => probes.push(answer) });
    const dialling = dialCircuit(dialRequest(channel));
    channel.receive(
      encodeFrame(
        {
          type: 60784,
          headers: [
            [1000, 1],
            [1, 1],
          ],
        },
        5,
      ),
    );
    const connection = guarded(await dialling);
    channel.takeSent();
    connection.write(Buffer.alloc(8 * MIB));
    assert.ok(near(await sentBytes(channel), FLOW.INITIAL_BYTES));
    probes.shift()?.();
    assert.ok((await sentBytes(channel)) > 0);
  });

  test('may set bits that would be a grant: it neither gets one nor is believed', async () => {
    const { channel } = await hosted([]);
    const [far] = await accepted(channel, false);
    channel.takeSent();
    channel.receive(data(Buffer.from('x'), 0x00c0_8000));
    assert.deepEqual(channel.takeSent(), []);
    far.write(Buffer.alloc(8 * MIB));
    assert.ok(near(await sentBytes(channel), FLOW.WINDOW_BYTES));
    far.resume();
    for (let i = 0; i < 40; i += 1) channel.receive(data(Buffer.alloc(64 * KIB)));
    assert.deepEqual(channel.takeSent(), []);
  });

  test('that outruns its reader holds the channel up for a limited time, then loses its own connection only', async (t) => {
    verifies('OVERLAY-FLOW');
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const { channel } = await hosted();
    const [far] = await accepted(channel, false);
    const [neighbour] = await accepted(channel, false, 1);
    while (channel.holds === 0) channel.receive(data(Buffer.alloc(64 * KIB)));
    assert.ok(far.readableLength <= STREAM_BYTES);
    channel.receive(data(Buffer.from('late'), 0, HOST_CONN + 1));
    channel.receive(data(Buffer.from('even later')));
    t.mock.timers.tick(1999);
    assert.deepEqual([far.destroyed, neighbour.readableLength, channel.holds], [false, 0, 1]);
    t.mock.timers.tick(1);
    assert.equal((far.errored as VitalmeshError).code, 'OVERLAY-CLOSED');
    assert.equal((far.errored as VitalmeshError).detail, 'reader too slow');
    await once(neighbour, 'readable');
    assert.equal(String(neighbour.read()), 'late');
    assert.equal(channel.holds, 0);
  });

  test('may fill its reader while that writes: no probe is answered then, and none is waited for', async () => {
    verifies('OVERLAY-FLOW');
    const { channel } = await hosted([]);
    const [far] = await accepted(channel, false);
    channel.takeSent();
    far.write(Buffer.alloc(8 * MIB));
    const before = await sentBytes(channel);
    assert.ok(near(before, FLOW.WINDOW_BYTES));
    while (channel.holds === 0) channel.receive(data(Buffer.alloc(64 * KIB)));
    const held = await sentBytes(channel);
    assert.ok(before + held > 8 * MIB);
    far.resume();
    while (channel.holds > 0) await new Promise(setImmediate);
    far.write('x');
    assert.equal(await sentBytes(channel), 0, 'from then on one is waited for again');
  });

  test('whose reader reads again in time loses nothing, and the time begins anew', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const { channel } = await hosted();
    const [far] = await accepted(channel, false);
    const sent: Buffer[] = [];
    const fill = (): void => {
      while (channel.holds === 0) {
        const chunk = randomBytes(64 * KIB);
        sent.push(chunk);
        channel.receive(data(chunk));
      }
    };
    const received: Buffer[] = [];
    for (let round = 0; round < 3; round += 1) {
      fill();
      t.mock.timers.tick(1999);
      while (channel.holds > 0) {
        const chunk: Buffer | null = far.read();
        if (chunk) received.push(chunk);
        else await new Promise(setImmediate);
      }
    }
    t.mock.timers.tick(10_000);
    channel.receive(data(Buffer.alloc(0), 1));
    for await (const chunk of far) received.push(chunk);
    assert.ok(Buffer.concat(received).equals(Buffer.concat(sent)));
  });

  test('that has ended is waited for by its reader alone: the channel goes on, and nothing is cut', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const { channel } = await hosted();
    const [far] = await accepted(channel, false);
    const chunk = randomBytes(64 * KIB);
    for (let i = 0; i < 60; i += 1) channel.receive(data(chunk));
    const last = randomBytes(2 * MIB);
    channel.receive(data(last, 1));
    assert.equal(channel.holds, 0);
    channel.lose(new Error('gone'));
    t.mock.timers.tick(10_000);
    far.end();
    let bytes = 0;
    for await (const part of far) bytes += part.length;
    assert.equal(bytes, 60 * chunk.length + last.length);
  });

  test('that sends little is kept as little, whatever it came with', async () => {
    verifies('OVERLAY-FLOW');
    const { channel } = await hosted();
    const [far] = await accepted(channel, false);
    // As one chunk of the socket: a byte for this connection, and bulk that is nobody's.
    channel.receive(Buffer.concat([data(Buffer.from('x')), data(Buffer.alloc(MIB), 0, 77)]));
    const kept: Buffer = far.read();
    assert.equal(String(kept), 'x');
    assert.ok(kept.buffer.byteLength < MIB);
  });

  test('whose connection ends while it holds the channel lets go of it', async () => {
    for (const end of ['destroy', 'close', 'lose'] as const) {
      const { channel } = await hosted();
      const [far] = await accepted(channel, false);
      while (channel.holds === 0) channel.receive(data(Buffer.alloc(64 * KIB)));
      if (end === 'destroy') far.destroy();
      else channel.lose(new Error('gone'));
      assert.equal(channel.holds, 0);
    }
  });
});

/** A plain service on a channel of its own. */
async function hosted(probes?: (() => void)[]): Promise<{ channel: FakeChannel }> {
  const channel = new FakeChannel(probes ? { onProbe: (answer) => probes.push(answer) } : {});
  const hosting = hostService(
    hostRequest(channel, {
      accept: (connection) => void arrivals.get(channel)?.push(guarded(connection)),
    }),
  );
  arrivals.set(channel, []);
  channel.receive(
    encodeFrame(
      {
        type: 60784,
        headers: [
          [1000, 1],
          [1, 1],
        ],
      },
      1,
    ),
  );
  channel.receive(encodeFrame({ type: 60800, headers: [[1000, 1]] }, 2));
  await hosting;
  return { channel };
}

const arrivals = new WeakMap<FakeChannel, Duplex[]>();

/** A dial of a marked peer, or of a stranger. */
async function accepted(channel: FakeChannel, marked: boolean, nth = 0): Promise<[Duplex]> {
  const headers = [[1000, 1], [1012, HOST_CONN + nth], ...(marked ? [[1025, newMarker()] as const] : [])] as const;
  channel.receive(encodeFrame({ type: 60787, headers, body: Buffer.from(TOKEN) }, 3));
  const connection = arrivals.get(channel)?.at(-1);
  assert.ok(connection);
  return [connection];
}

function data(body: Buffer, flags = 0, connId = HOST_CONN): Buffer {
  return encodeFrame({ type: 60786, headers: [[1000, connId], ...(flags === 0 ? [] : [[1010, flags] as const])], body }, 9);
}

/** Cost of the Data frames that are sent until no more come. */
async function sentBytes(channel: FakeChannel): Promise<number> {
  let bytes = 0;
  for (let idle = 0; idle < 5; idle += 1) {
    await new Promise(setImmediate);
    const frames = channel.takeSent().map((hex) => Buffer.from(hex, 'hex'));
    if (frames.length > 0) idle = 0;
    for (const frame of frames) bytes += frame.readUInt32LE(16) + FLOW.FRAME_BYTES;
  }
  return bytes;
}

function near(bytes: number, limit: number): boolean {
  return bytes <= limit && bytes > limit - 8 * KIB;
}

function content(sizes: readonly number[]): Buffer[] {
  return sizes.map((size) => randomBytes(size));
}

function digest(chunks: readonly Buffer[]): string {
  const hash = createHash('sha256');
  for (const chunk of chunks) hash.update(chunk);
  return hash.digest('hex');
}

async function write(stream: Duplex, chunks: readonly Buffer[]): Promise<void> {
  for (const chunk of chunks) if (!stream.write(chunk)) await once(stream, 'drain');
  stream.end();
}

/** Reads in portions, a turn apart; what has been delivered and not read must stay within `bound`. */
async function readSlowly(stream: Duplex, portions: readonly number[], deliveredBytes: () => number, bound: number): Promise<string> {
  const hash = createHash('sha256');
  let read = 0;
  for (let i = 0; !stream.readableEnded; i += 1) {
    const portion = Math.min(portions[i % portions.length] ?? 1, stream.readableLength);
    const chunk: Buffer | null = stream.read(portion);
    if (chunk) {
      hash.update(chunk);
      read += chunk.length;
    }
    assert.ok(deliveredBytes() - read <= bound, `${deliveredBytes() - read} bytes are held`);
    assert.equal(stream.errored, null);
    await new Promise(setImmediate);
  }
  return hash.digest('hex');
}

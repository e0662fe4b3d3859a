import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import type { FrameSource } from '../../../../../shared/overlay/ziti/channel/contract.ts';
import { verifies } from '../../../../requirements.ts';
import { hex, type RawPeer } from '../../../../support/raw-router.ts';
import { opened } from './opened.ts';

const HEAD_BYTES = 32;
const CHUNK_BYTES = 64 * 1024;
const LATENCY = 3;

/** A Data frame of a connection, written by hand, with so many bytes of body. */
function dataFrame(connId: number, sequence: number, bodyBytes: number): Buffer {
  const frame = Buffer.concat([hex('0306090c 72ed0000 00000000 0c000000 00000000 | e8030000 04000000 00000000'), Buffer.alloc(bodyBytes)]);
  frame.writeInt32LE(sequence, 8);
  frame.writeUInt32LE(bodyBytes, 16);
  frame.writeUInt32LE(connId, 28);
  return frame;
}

class Bulk implements FrameSource {
  readonly #connId: number;
  readonly #bodyBytes: number;
  #left: number;
  given = 0;
  onAsked: () => void = () => undefined;

  constructor(connId: number, frames: number, bodyBytes = CHUNK_BYTES) {
    this.#connId = connId;
    this.#left = frames;
    this.#bodyBytes = bodyBytes;
  }

  nextFrame(nextSequence: () => number): Buffer | undefined {
    this.onAsked();
    if (this.#left === 0) return undefined;
    this.#left -= 1;
    this.given += 1;
    return dataFrame(this.#connId, nextSequence(), this.#bodyBytes);
  }
}

/** Content type and connection id of the next frames, but for the channel's own probes behind bulk. */
async function order(peer: RawPeer, count: number): Promise<{ type: number; sequence: number; connId: number }[]> {
  const frames: { type: number; sequence: number; connId: number }[] = [];
  while (frames.length < count) {
    const frame = await peer.frame();
    if (frame.readInt32LE(4) === LATENCY) continue;
    frames.push({ type: frame.readInt32LE(4), sequence: frame.readInt32LE(8), connId: frame.readUInt32LE(28) });
  }
  return frames;
}

/** Resolves when the socket takes nothing more, because the peer does not read. */
async function stalled(bulk: Bulk): Promise<void> {
  for (let before = -1; before !== bulk.given; ) {
    before = bulk.given;
    for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
  }
}

test('64 MB on one connection: a neighbour has every second frame from the moment it has something to send', async () => {
  verifies('OVERLAY-FAIR');
  await using pair = await opened();
  const { channel, peer } = pair;
  const bulk = new Bulk(1, 1024);
  let most = 0;
  bulk.onAsked = () => {
    most = Math.max(most, channel.bytesQueued);
  };
  channel.wantsToSend(bulk);
  await stalled(bulk);
  const before = bulk.given;
  assert.ok(before > 0 && before < 1024, `${before} frames were sent to a router that does not read`);
  const neighbour = new Bulk(2, 100);
  channel.wantsToSend(neighbour);
  const frames = await order(peer, 1124);
  const turns = frames.slice(before, before + 200).map(({ connId }) => connId);
  // Nobody was asked while the socket was full, so the neighbour's turn came second at the latest.
  const first = turns.indexOf(2);
  assert.ok(first <= 1, `the neighbour waited for ${first} frames`);
  assert.deepEqual(
    turns.slice(first, first + 199),
    Array.from({ length: 199 }, (_, i) => (i % 2 === 0 ? 2 : 1)),
  );
  assert.ok(frames.slice(before + 201).every(({ connId }) => connId === 1));
  assert.ok(
    frames.every(({ sequence }, i) => sequence > (frames[i - 1]?.sequence ?? 0)),
    'frames carry their sequences in order',
  );
  assert.ok(most < 128 * 1024, `${most} bytes waited when a source was asked`);
});

test('three connections take turns in the order in which they came', async () => {
  verifies('OVERLAY-FAIR');
  await using pair = await opened();
  const { channel, peer } = pair;
  for (const connId of [7, 8, 9]) channel.wantsToSend(new Bulk(connId, 4, 10));
  const frames = await order(peer, 12);
  assert.deepEqual(
    frames.map(({ connId }) => connId),
    [7, 8, 9, 7, 8, 9, 7, 8, 9, 7, 8, 9],
  );
});

test('a small frame goes ahead of bulk that waits for its turn', async () => {
  verifies('OVERLAY-FAIR');
  await using pair = await opened();
  const { channel, peer } = pair;
  const bulk = new Bulk(1, 400);
  channel.wantsToSend(bulk);
  await stalled(bulk);
  const before = bulk.given;
  assert.ok(before < 400);
  channel.send({ type: 60785, headers: [[1000, 5]] });
  const frames = await order(peer, 401);
  assert.equal(
    frames.findIndex(({ type }) => type === 60785),
    before,
  );
});

test('a source that has nothing is not asked again until it says so', async () => {
  await using pair = await opened();
  const { channel, peer } = pair;
  const idle = new Bulk(1, 0);
  let asked = 0;
  idle.onAsked = () => {
    asked += 1;
    // Even one that asks for a turn within its turn must not keep the loop to itself.
    channel.wantsToSend(idle);
  };
  channel.wantsToSend(idle);
  channel.wantsToSend(new Bulk(2, 3, 10));
  await order(peer, 3);
  assert.equal(asked, 1);
  channel.wantsToSend(idle);
  await channel.probe(AbortSignal.timeout(0)).catch(() => undefined);
  assert.equal(asked, 2);
});

test('a source that fails costs its neighbours nothing', async () => {
  await using pair = await opened();
  const { channel, peer } = pair;
  channel.wantsToSend({ nextFrame: () => assert.fail('a defect') });
  channel.wantsToSend(new Bulk(2, 2, 10));
  assert.deepEqual(
    (await order(peer, 2)).map(({ connId }) => connId),
    [2, 2],
  );
});

test('small frames of one turn share a TLS record', async () => {
  await using pair = await opened();
  const { channel, peer } = pair;
  for (let connId = 1; connId <= 10; connId += 1) channel.send({ type: 60785, headers: [[1000, connId]] });
  // The TLS layer delivers record by record.
  const [record] = await once(peer.socket, 'data');
  assert.equal(record.length, 10 * HEAD_BYTES);
});

test('requests of a router that does not read our answers end the channel, within bounded memory', async () => {
  verifies('OVERLAY-FAIR');
  const queuedBytes = 256 * 1024;
  await using pair = await opened({ limits: { queuedBytes } });
  const { channel, peer } = pair;
  const flood = Buffer.concat(Array.from({ length: 1000 }, () => hex('0306090c 03000000 09000000 00000000 00000000')));
  let most = 0;
  channel.attach(1, {
    frame: () => undefined,
    channelLost: () => {
      most = channel.bytesQueued;
    },
  });
  while (!channel.closed.aborted) await Promise.race([peer.send(flood), once(channel.closed, 'abort')]).catch(() => undefined);
  assert.equal(channel.closed.reason.code, 'OVERLAY-PROTOCOL');
  assert.ok(most < queuedBytes + 1024, `${most} bytes waited`);
});

test('a caller out of control loses the channel, not the memory of the process', async () => {
  const queuedBytes = 1024 * 1024;
  await using pair = await opened({ limits: { queuedBytes } });
  const { channel } = pair;
  const body = Buffer.alloc(1024);
  for (let i = 0; i < 10_000; i += 1) channel.send({ type: 60786, headers: [[1000, 1]], body });
  assert.ok(channel.bytesQueued < queuedBytes + 2048);
  if (!channel.closed.aborted) await once(channel.closed, 'abort');
  assert.equal(channel.closed.reason.code, 'OVERLAY-PROTOCOL');
});

test('numbers of frames that are sent by different ways are those of one count', async () => {
  await using pair = await opened();
  const { channel, peer } = pair;
  const first = channel.send({ type: 60785, headers: [[1000, 1]] });
  channel.wantsToSend(new Bulk(2, 1, 10));
  const second = channel.send({ type: 60785, headers: [[1000, 3]] });
  const frames = await order(peer, 3);
  assert.deepEqual([first, second], [1, 2]);
  assert.deepEqual(
    frames.map(({ connId, sequence }) => [connId, sequence]),
    [
      [1, 1],
      [3, 2],
      [2, 3],
    ],
  );
});

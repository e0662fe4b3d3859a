import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import type { Channel, FrameSink } from '../../../../../shared/overlay/ziti/channel/contract.ts';
import type { Frame } from '../../../../../shared/overlay/ziti/wire/frame.ts';
import { verifies } from '../../../../requirements.ts';
import { hex } from '../../../../support/raw-router.ts';
import { opened } from './opened.ts';

const NEVER = new AbortController().signal;

/** A frame of a connection id with one byte of body. */
const data = (connId: string, byte: string): Buffer =>
  hex(`0306090c 72ed0000 05000000 0c000000 01000000 | e8030000 04000000 ${connId} | ${byte}`);
/** StateClosed that is the reply to a sequence. */
const closedReply = (sequence: string, connId: string): Buffer =>
  hex(`0306090c 71ed0000 06000000 18000000 00000000 | 01000000 04000000 ${sequence} | e8030000 04000000 ${connId}`);
/** A latency request of the router that wants the sequence 9 named. */
const LATENCY = hex(`0306090c 03000000 09000000 2a000000 00000000 | 80000000 04000000 01020304 | ff000000 04000000 05060708
  | 7f000000 01000000 09 | 00010000 01000000 09`);
const LATENCY_ANSWER = `2d000000 00000000 | 01000000 04000000 09000000 | 02000000 01000000 01
  | 80000000 04000000 01020304 | ff000000 04000000 05060708`;

class Recorder implements FrameSink {
  readonly frames: Frame[] = [];
  readonly lost: Error[] = [];

  frame(frame: Frame): void {
    this.frames.push(frame);
  }

  channelLost(reason: Error): void {
    this.lost.push(reason);
  }

  get bodies(): string {
    return Buffer.concat(this.frames.map(({ body }) => body)).toString('hex');
  }
}

async function ended(channel: Channel): Promise<string> {
  if (!channel.closed.aborted) await once(channel.closed, 'abort');
  return channel.closed.reason.code;
}

test('replies find their requests in any order, whatever their content type', async () => {
  await using pair = await opened();
  const { channel, peer } = pair;
  const requests = [1, 2, 3].map((connId) => channel.request({ type: 60783, headers: [[1000, connId]] }, NEVER));
  assert.deepEqual(await peer.frame(), hex('0306090c 6fed0000 01000000 0c000000 00000000 | e8030000 04000000 01000000'));
  assert.deepEqual(await peer.frame(), hex('0306090c 6fed0000 02000000 0c000000 00000000 | e8030000 04000000 02000000'));
  assert.deepEqual(await peer.frame(), hex('0306090c 6fed0000 03000000 0c000000 00000000 | e8030000 04000000 03000000'));
  for (const [sequence, type] of [
    ['03000000', '70ed0000'],
    ['01000000', '02000000'],
    ['02000000', 'ffff0000'],
  ]) {
    await peer.send(hex(`0306090c ${type} 01000000 0c000000 00000000 | 01000000 04000000 ${sequence}`));
  }
  assert.deepEqual(
    (await Promise.all(requests)).map(({ type }) => type),
    [2, 0xffff, 60784],
  );
});

test('a request that is given up rejects with the reason; its late reply goes to whoever has the connection', async () => {
  await using pair = await opened();
  const { channel, peer } = pair;
  const sink = new Recorder();
  channel.attach(1, sink);
  const giveUp = new AbortController();
  const request = channel.request({ type: 60783, headers: [[1000, 1]] }, giveUp.signal);
  await peer.frame();
  const reason = new Error('the caller gave up');
  giveUp.abort(reason);
  await assert.rejects(request, reason);
  await peer.send(Buffer.concat([closedReply('01000000', '01000000'), closedReply('01000000', '02000000')]));
  const probing = channel.probe(NEVER);
  const probe = await peer.frame();
  await peer.send(hex(`0306090c 02000000 07000000 0c000000 00000000 | 01000000 04000000 ${probe.toString('hex', 8, 12)}`));
  await probing;
  assert.deepEqual(
    sink.frames.map(({ type }) => type),
    [60785],
  );
  await assert.rejects(channel.request({ type: 60783, headers: [] }, giveUp.signal), reason);
});

test('a reply is taken before any later frame is handed out, even of the same write', async () => {
  await using pair = await opened();
  const { channel, peer } = pair;
  const sink = new Recorder();
  let replies = 0;
  const arrived = new Promise<Frame>((resolve) => {
    channel.requestNow({ type: 60783, headers: [[1000, 1]] }, (reply) => {
      replies += 1;
      channel.attach(1, sink);
      sink.frame(reply);
      channel.attach(2, { frame: resolve, channelLost: () => undefined });
    });
  });
  const given = channel.requestNow({ type: 60783, headers: [[1000, 3]] }, () => assert.fail('given up'));
  given[Symbol.dispose]();
  await peer.frame();
  const reply = hex('0306090c 70ed0000 01000000 0c000000 00000000 | 01000000 04000000 01000000');
  const late = hex('0306090c 70ed0000 01000000 0c000000 00000000 | 01000000 04000000 02000000');
  await peer.send(Buffer.concat([late, reply, reply, data('01000000', 'aa'), data('01000000', 'bb'), data('02000000', 'cc')]));
  await arrived;
  assert.deepEqual(
    sink.frames.map(({ type }) => type),
    [60784, 60786, 60786],
  );
  assert.equal(sink.bodies, 'aabb');
  assert.equal(replies, 1, 'the same reply again is for nobody');
});

test('a router that asks whether we are alive is answered, with what it wants reflected', async () => {
  await using pair = await opened();
  const { channel, peer } = pair;
  await peer.send(LATENCY);
  assert.deepEqual(await peer.frame(), hex(`0306090c 02000000 01000000 ${LATENCY_ANSWER}`));
  await peer.send(hex('0306090c 01000000 ffffffff 00000000 00000000'));
  assert.deepEqual(
    await peer.frame(),
    hex('0306090c 02000000 02000000 15000000 00000000 | 01000000 04000000 ffffffff | 02000000 01000000 01'),
  );
  assert.equal(channel.closed.aborted, false);
});

test('a dial or an inspection of what is not there is answered; everything else unknown is ignored', async () => {
  await using pair = await opened();
  const { peer } = pair;
  await peer.send(
    Buffer.concat([
      data('63000000', 'aa'),
      hex('0306090c 71ed0000 01000000 0c000000 00000000 | e8030000 04000000 63000000'),
      hex('0306090c 05000000 01000000 00000000 00000000'),
      hex('0306090c 39300000 01000000 00000000 00000000'),
      hex('0306090c 73ed0000 08000000 00000000 00000000'),
      hex('0306090c 7eed0000 08000000 0b000000 00000000 | e8030000 03000000 630000'),
      hex('0306090c 02000000 01000000 0c000000 00000000 | 01000000 04000000 63000000'),
      hex('0306090c 73ed0000 08000000 0c000000 00000000 | e8030000 04000000 63000000'),
      hex('0306090c 7eed0000 09000000 0c000000 00000000 | e8030000 04000000 64000000'),
    ]),
  );
  const refused = await peer.frame();
  assert.equal(refused.toString('hex', 0, 12), '0306090c75ed000001000000');
  assert.deepEqual(refused.subarray(20, 44), hex('e8030000 04000000 63000000 | 01000000 04000000 08000000'));
  assert.match(refused.toString('utf8', 44), /no longer hosted/);
  const inspected = await peer.frame();
  assert.equal(inspected.toString('hex', 0, 12), '0306090c7fed000002000000');
  assert.deepEqual(inspected.subarray(20, 53), hex('e8030000 04000000 64000000 | 01000000 04000000 09000000 | fe030000 01000000 00'));
  await peer.send(LATENCY);
  assert.deepEqual(await peer.frame(), hex(`0306090c 02000000 03000000 ${LATENCY_ANSWER}`));
});

test('twelve hundred connections on a channel: each gets its own frames, and all learn of its end once', async () => {
  await using pair = await opened();
  const { channel, peer } = pair;
  const sinks = Array.from({ length: 1200 }, () => {
    const sink = new Recorder();
    const connId = channel.newConnId();
    return { sink, connId, attached: channel.attach(connId, sink) };
  });
  assert.deepEqual(
    sinks.map(({ connId }) => connId),
    Array.from({ length: 1200 }, (_, i) => i + 1),
  );
  sinks[0]?.attached[Symbol.dispose]();
  const frames = sinks.map(({ connId }) => {
    const frame = data('00000000', 'ff');
    frame.writeUInt32LE(connId, 28);
    return frame;
  });
  await peer.send(Buffer.concat([...frames, LATENCY]));
  await peer.frame();
  peer.socket.end();
  assert.equal(await ended(channel), 'OVERLAY-UNREACHABLE');
  assert.equal(sinks[0]?.sink.frames.length, 0);
  assert.equal(sinks[0]?.sink.lost.length, 0);
  assert.ok(sinks.slice(1).every(({ sink }) => sink.bodies === 'ff' && sink.lost.length === 1 && sink.lost[0] === channel.closed.reason));
});

test('a connection id that is in use is not given out and not taken twice', async () => {
  await using pair = await opened();
  const { channel } = pair;
  const first = channel.attach(1, new Recorder());
  const sink = new Recorder();
  channel.attach(2, sink);
  assert.equal(channel.newConnId(), 3);
  assert.throws(() => channel.attach(1, new Recorder()), { code: 'OVERLAY-PROTOCOL' });
  first[Symbol.dispose]();
  const second = channel.attach(1, new Recorder());
  first[Symbol.dispose]();
  assert.throws(() => channel.attach(1, new Recorder()), { code: 'OVERLAY-PROTOCOL' });
  second[Symbol.dispose]();
});

test('a sink that throws loses its connection, and nobody else theirs', async () => {
  await using pair = await opened();
  const { channel, peer } = pair;
  const failed: Error[] = [];
  channel.attach(1, {
    frame: () => assert.fail('a defect'),
    channelLost(reason) {
      failed.push(reason);
      throw reason;
    },
  });
  const sink = new Recorder();
  channel.attach(2, sink);
  channel.requestNow({ type: 3, headers: [] }, () => assert.fail('another defect'));
  assert.equal((await peer.frame()).readInt32LE(4), 3);
  const reply = hex('0306090c 02000000 01000000 0c000000 00000000 | 01000000 04000000 01000000');
  await peer.send(Buffer.concat([reply, data('01000000', 'aa'), data('01000000', 'ab'), data('02000000', 'bb'), LATENCY]));
  assert.deepEqual(await peer.frame(), hex('0306090c 71ed0000 02000000 0c000000 00000000 | e8030000 04000000 01000000'));
  assert.deepEqual(await peer.frame(), hex(`0306090c 02000000 03000000 ${LATENCY_ANSWER}`));
  assert.equal(failed.length, 1);
  assert.equal(sink.bodies, 'bb');
});

for (const [name, bytes, code] of [
  ['what is no frame', hex('47455420 2f204854 54502f31 2e310d0a 0d0a0d0a'), 'OVERLAY-PROTOCOL'],
  ['a frame beyond the limits', hex('0306090c 72ed0000 01000000 00000000 01000001'), 'OVERLAY-PROTOCOL'],
  ['headers that are cut short', hex('0306090c 72ed0000 01000000 08000000 00000000 | e8030000 ffffffff'), 'OVERLAY-PROTOCOL'],
] as const) {
  test(`${name} ends the channel, whose requests and connections learn why`, async () => {
    verifies('OVERLAY-FRAMES');
    await using pair = await opened();
    const { channel, peer } = pair;
    const sink = new Recorder();
    channel.attach(1, sink);
    const request = channel.request({ type: 60783, headers: [] }, NEVER);
    await Promise.all([
      assert.rejects(request, { code }),
      peer.send(Buffer.concat([data('01000000', 'aa'), bytes, data('01000000', 'bb')])),
    ]);
    assert.equal(channel.closed.reason.code, code);
    assert.equal(sink.bodies, 'aa');
    assert.deepEqual(sink.lost, [channel.closed.reason]);
    await peer.rest();
  });
}

test('a router that dies takes the channel with it', async () => {
  await using pair = await opened();
  const { channel, peer } = pair;
  const request = channel.request({ type: 60783, headers: [] }, NEVER);
  await peer.frame();
  peer.socket.destroy();
  await assert.rejects(request, { code: 'OVERLAY-UNREACHABLE' });
  assert.equal(await ended(channel), 'OVERLAY-UNREACHABLE');
});

test('on a channel that has ended nothing waits for ever', async () => {
  await using pair = await opened();
  const { channel, peer } = pair;
  peer.socket.end();
  const code = await ended(channel);
  channel.send({ type: 60785, headers: [[1000, 1]] });
  channel.wantsToSend({ nextFrame: () => assert.fail('asked') });
  await assert.rejects(channel.request({ type: 60783, headers: [] }, NEVER), { code });
  await assert.rejects(channel.probe(NEVER), { code });
  channel.requestNow({ type: 60783, headers: [] }, () => assert.fail('answered'))[Symbol.dispose]();
  channel.hold()[Symbol.dispose]();
  const lost = new Promise<Error>((resolve) => channel.attach(1, { frame: () => undefined, channelLost: resolve }));
  assert.equal(await lost, channel.closed.reason);
});

test('a held channel hands nothing out until it is released by everybody who holds it', async () => {
  await using pair = await opened();
  const { channel, peer } = pair;
  const sink = new Recorder();
  let held = true;
  const arrived = new Promise<boolean>((resolve) => {
    channel.attach(1, {
      frame(frame) {
        sink.frame(frame);
        resolve(held);
      },
      channelLost: (reason) => sink.channelLost(reason),
    });
  });
  const first = channel.hold();
  const second = channel.hold();
  await peer.send(data('01000000', 'aa'));
  // Twice disposed counts once, or the second holder would be robbed of its hold.
  first[Symbol.dispose]();
  first[Symbol.dispose]();
  // Ample time for the frame to arrive: a whole channel is opened meanwhile.
  await using _other = await opened();
  held = false;
  second[Symbol.dispose]();
  assert.equal(await arrived, false, 'handed out while held');
  assert.equal(sink.bodies, 'aa');
});

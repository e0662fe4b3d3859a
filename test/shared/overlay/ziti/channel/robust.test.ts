import assert from 'node:assert/strict';
import { once } from 'node:events';
import { duplexPair } from 'node:stream';
import { test } from 'node:test';
import fc from 'fast-check';
import { silentLogger } from '../../../../../shared/log.ts';
import { RouterChannel } from '../../../../../shared/overlay/ziti/channel/channel.ts';
import { CHANNEL_LIMITS } from '../../../../../shared/overlay/ziti/channel/open.ts';
import { encodeFrame } from '../../../../../shared/overlay/ziti/wire/encode.ts';
import { CONTENT, HEADER } from '../../../../../shared/overlay/ziti/wire/ids.ts';
import { FrameReader } from '../../../../../shared/overlay/ziti/wire/reader.ts';
import { verifies } from '../../../../requirements.ts';

const LAST_SEQUENCE = 0x5a5a;

const header = fc.tuple(
  fc.constantFrom(HEADER.replyFor, HEADER.connId, HEADER.resultSuccess, HEADER.reflected, 200, 255, 256, HEADER.flags),
  fc.oneof(fc.integer({ min: 0, max: 4 }), fc.uint8Array({ maxLength: 9 })),
);

/** What a router that is out of its mind might send, in frames that are well formed. */
const frame = fc.record({
  type: fc.oneof(fc.constantFrom(...Object.values(CONTENT)), fc.integer({ min: 0, max: 70_000 })),
  sequence: fc.integer({ min: -2, max: 5 }),
  headers: fc.uniqueArray(header, { selector: ([id]) => id, maxLength: 5 }),
  body: fc.uint8Array({ maxLength: 40 }),
});

function channelOver(near: ReturnType<typeof duplexPair>[0]): RouterChannel {
  const greeting = { routerId: 'r', routerVersion: 'v', supportsBindSuccess: true, reader: new FrameReader(), early: [] };
  return new RouterChannel(near, greeting, {
    log: silentLogger,
    limits: CHANNEL_LIMITS,
    latencyEveryMs: 60_000,
    latencyTimeoutMs: 60_000,
    stallMs: 60_000,
  });
}

test('no well-formed frames, however odd, cost a channel more than their own connection', async () => {
  verifies('OVERLAY-FRAMES');
  const property = fc.asyncProperty(fc.array(frame, { maxLength: 30 }), fc.integer({ min: 1, max: 50 }), async (frames, cut) => {
    const [near, far] = duplexPair();
    const channel = channelOver(near);
    channel.attach(1, { frame: () => undefined, channelLost: () => undefined });
    const requests = [1, 2, 3].map(() => channel.request({ type: CONTENT.connect, headers: [] }, new AbortController().signal));
    const last = { type: CONTENT.latency, sequence: LAST_SEQUENCE, headers: [] };
    const bytes = Buffer.concat([...frames, last].map(({ sequence, ...rest }) => encodeFrame(rest, sequence)));
    for (let at = 0; at < bytes.length; at += cut) far.write(bytes.subarray(at, at + cut));
    await answered(far, LAST_SEQUENCE);
    assert.equal(channel.closed.aborted, false);
    const disposed = channel[Symbol.asyncDispose]();
    far.resume();
    far.end();
    await Promise.all([disposed, Promise.allSettled(requests)]);
  });
  await fc.assert(property, { numRuns: 100 });
});

test('bytes that are no frames end a channel with a coded error', async () => {
  verifies('OVERLAY-FRAMES');
  const property = fc.asyncProperty(fc.uint8Array({ minLength: 20, maxLength: 200 }), async (bytes) => {
    fc.pre(bytes[0] !== 3);
    const [near, far] = duplexPair();
    const channel = channelOver(near);
    far.resume();
    far.write(bytes);
    if (!channel.closed.aborted) await once(channel.closed, 'abort');
    assert.equal(channel.closed.reason.code, 'OVERLAY-PROTOCOL');
    await channel[Symbol.asyncDispose]();
  });
  await fc.assert(property, { numRuns: 100 });
});

/** Resolves when a frame that is the reply to `sequence` has come. */
async function answered(far: ReturnType<typeof duplexPair>[1], sequence: number): Promise<void> {
  const reader = new FrameReader();
  for await (const chunk of far.iterator({ destroyOnReturn: false })) {
    for (const { headers } of reader.push(chunk)) if (headers.get(HEADER.replyFor)?.readInt32LE() === sequence) return;
  }
  assert.fail('no answer');
}

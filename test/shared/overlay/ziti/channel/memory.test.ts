import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FrameSource } from '../../../../../shared/overlay/ziti/channel/contract.ts';
import { allocateFrame } from '../../../../../shared/overlay/ziti/wire/encode.ts';
import { CONTENT, HEADER } from '../../../../../shared/overlay/ziti/wire/ids.ts';
import { verifies } from '../../../../requirements.ts';
import { hex } from '../../../../support/raw-router.ts';
import { opened } from './opened.ts';

/** Bytes of bodies, some large enough to be written by themselves and some not. */
const BODIES = Array.from({ length: 60 }, (_, i) => [64 * 1024, 100, 12_000, 20_000][i % 4] ?? 0);

test('frames of bulk arrive whole from a channel that frees each as soon as it is written', async () => {
  verifies('OVERLAY-BULK-MEMORY');
  await using pair = await opened();
  const { channel, peer } = pair;
  const given: Buffer[] = [];
  const source: FrameSource = {
    nextFrame(nextSequence) {
      const length = BODIES[given.length];
      if (length === undefined) return undefined;
      const { buffer, bodyOffset } = allocateFrame(CONTENT.data, [[HEADER.connId, 1]], length, nextSequence());
      buffer.fill(given.length, bodyOffset);
      given.push(buffer);
      return buffer;
    },
  };
  channel.wantsToSend(source);
  for (const [i, length] of BODIES.entries()) {
    let frame = await peer.frame();
    // The channel's own probes behind bulk.
    while (frame.readInt32LE(4) === CONTENT.latency) frame = await peer.frame();
    assert.ok(frame.subarray(32).equals(Buffer.alloc(length, i)), `frame ${i}`);
  }
  // What answers a later request has been written behind all of them.
  const answered = channel.probe(AbortSignal.timeout(10_000));
  const probe = await peer.frame();
  const reply = hex('0306090c 02000000 01000000 15000000 00000000 | 01000000 04000000 00000000 | 02000000 01000000 01');
  reply.writeInt32LE(probe.readInt32LE(8), 28);
  await peer.send(reply);
  await answered;
  const kept = given.filter(({ length }) => length > 0);
  assert.equal(kept.length, BODIES.filter((length) => length === 100).length, 'only small frames are left to the collector');
});

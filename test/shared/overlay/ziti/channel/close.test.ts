import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Channel } from '../../../../../shared/overlay/ziti/channel/contract.ts';
import { verifies } from '../../../../requirements.ts';
import { hex, rawRouter } from '../../../../support/raw-router.ts';
import { network, opened } from './opened.ts';

const FRAME_BYTES = 32;

function sendMany(channel: Channel, count: number, body: Buffer): void {
  for (let i = 0; i < count; i += 1) channel.send({ type: 60786, headers: [[1000, i + 1]], body });
}

test('what was sent before the close arrives to the last byte', async () => {
  verifies('OVERLAY-CLOSE-DELIVERS');
  await using pair = await opened();
  const { channel, peer } = pair;
  sendMany(channel, 4000, Buffer.alloc(1000, 7));
  const [rest] = await Promise.all([peer.rest(), channel[Symbol.asyncDispose]()]);
  assert.equal(rest.length, 4000 * (FRAME_BYTES + 1000));
  assert.equal(rest.readUInt32LE(3999 * (FRAME_BYTES + 1000) + 28), 4000);
});

test('a close waits no longer than its limit for a router that does not read', async () => {
  await using pair = await opened({ limits: { closeMs: 50 } });
  const { channel, peer } = pair;
  sendMany(channel, 7000, Buffer.alloc(1000, 7));
  await channel[Symbol.asyncDispose]();
  await Promise.all([peer.rest(), peer.socket.closed || once(peer.socket, 'close')]);
});

test('a close ends requests and connections, once, whoever asks for it how often, and whatever is still to be read', async () => {
  await using pair = await opened({ limits: { closeMs: 20_000 } });
  const { channel, peer } = pair;
  let lost = 0;
  channel.attach(1, {
    frame: () => assert.fail('a frame behind the close'),
    channelLost: (reason) => {
      assert.equal((reason as { code?: string }).code, 'OVERLAY-CLOSED');
      lost += 1;
    },
  });
  channel.hold();
  const request = channel.request({ type: 60783, headers: [] }, new AbortController().signal);
  await peer.frame();
  await peer.send(hex('0306090c 72ed0000 05000000 0c000000 01000000 | e8030000 04000000 01000000 | aa'));
  const closing = [channel[Symbol.asyncDispose](), channel[Symbol.asyncDispose]()];
  assert.equal(channel.closed.reason.code, 'OVERLAY-CLOSED');
  channel.send({ type: 60785, headers: [[1000, 1]] });
  await assert.rejects(request, { code: 'OVERLAY-CLOSED' });
  const rest = await peer.rest();
  await Promise.all(closing);
  await channel[Symbol.asyncDispose]();
  assert.deepEqual([rest.length, lost], [0, 1]);
});

for (const then of ['exit', 'nothing']) {
  test(`a process that closes its channel and then ${then === 'exit' ? 'exits at once' : 'has nothing to do'} loses no frame`, async () => {
    verifies('OVERLAY-CLOSE-DELIVERS');
    const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-channel-'));
    try {
      await using router = await rawRouter(network);
      const path = await network.identityFile(folder, 'gw1');
      const script = join(import.meta.dirname, 'closing-child.ts');
      const child = spawn(process.execPath, [script, path, String(router.port), then], { stdio: ['ignore', 'ignore', 'inherit'] });
      const exited = once(child, 'exit');
      const peer = await router.accept();
      await peer.greet();
      const rest = await peer.rest();
      assert.equal(rest.length, 1000 * FRAME_BYTES);
      assert.deepEqual(await exited, [0, null]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
}

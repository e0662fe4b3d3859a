import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { describe, test } from 'node:test';
import { verifies } from '../../../requirements.ts';
import { echo, hubAndGateway } from '../../../support/ziti/hub-and-gateway.ts';

const MB = 1_000_000;

describe('under load', { timeout: 120_000 }, () => {
  for (const kind of ['encrypted', 'plain'] as const) {
    test(`100 MB each way arrive as they were sent, ${kind}`, async () => {
      verifies('OVERLAY-BULK');
      await using network = await hubAndGateway(kind === 'encrypted');
      const arrived = Promise.withResolvers<Duplex>();
      await network.hub.bind('vitals', (connection) => arrived.resolve(guarded(connection)));
      const near = guarded(await network.gateway.dial('vitals'));
      const far = await arrived.promise;
      const block = randomBytes(MB);
      const sums = await Promise.all([sumOf(near), sumOf(far), sendBlocks(near, block, 100), sendBlocks(far, block, 100)]);
      const expected = sumOfBlocks(block, 100);
      assert.deepEqual(sums.slice(0, 2), [expected, expected]);
    });

    test(`1,000 connections on one channel at the same time each get their own bytes back, ${kind}`, async () => {
      verifies('OVERLAY-MANY-CONNECTIONS');
      await using network = await hubAndGateway(kind === 'encrypted');
      await network.hub.bind('vitals', echo);
      const connections = await Promise.all(Array.from({ length: 1000 }, () => network.gateway.dial('vitals').then(guarded)));
      // All are open now; each says something of its own and hears it.
      const heard = await Promise.all(
        connections.map(async (connection, i) => {
          connection.write(`connection ${i}`);
          const [chunk] = await once(connection, 'data');
          return String(chunk);
        }),
      );
      assert.deepEqual(
        heard,
        connections.map((_, i) => `connection ${i}`),
      );
    });

    test(`a process that is gone right behind its end has lost nothing, ${kind}`, async () => {
      verifies('OVERLAY-CLOSE-DELIVERS');
      await using network = await hubAndGateway(kind === 'encrypted');
      const arrived = Promise.withResolvers<Duplex>();
      await network.hub.bind('vitals', (connection) => arrived.resolve(guarded(connection)));
      const bytes = 5 * MB;
      const child = spawn(
        process.execPath,
        [join(import.meta.dirname, 'leaving-child.ts'), network.identityPath('gateway'), String(bytes)],
        {
          stdio: ['ignore', 'ignore', 'inherit'],
        },
      );
      const exit = once(child, 'exit');
      const far = await arrived.promise;
      assert.equal(await sumOf(far), sumOfBlocks(Buffer.alloc(bytes, 'vitals '), 1));
      far.end();
      await once(far, 'close');
      assert.equal(far.errored, null);
      assert.deepEqual(await exit, [0, null]);
    });
  }

  test('200 circuits that begin at once on one channel, each with more to send than goes unasked, do not mix', async () => {
    verifies('OVERLAY-MANY-CONNECTIONS');
    await using network = await hubAndGateway(true);
    await network.hub.bind('vitals', echo);
    const sums = await Promise.all(
      Array.from({ length: 200 }, async (_, i) => {
        const connection = guarded(await network.gateway.dial('vitals'));
        const content = Buffer.alloc(300_000, `circuit ${i} `);
        connection.end(content);
        return [await sumOf(connection), sumOfBlocks(content, 1)];
      }),
    );
    for (const [received, sent] of sums) assert.equal(received, sent);
  });
});

/** Tests look at what arrives; without a listener an expected cut would end the process. */
function guarded(connection: Duplex): Duplex {
  return connection.on('error', () => connection.destroy());
}

/** SHA-256 of everything up to the end; rejects when there is none. */
async function sumOf(connection: Duplex): Promise<string> {
  const hash = createHash('sha256');
  connection.on('data', (chunk: Buffer) => hash.update(chunk));
  await once(connection, 'end');
  return hash.digest('hex');
}

function sumOfBlocks(block: Buffer, count: number): string {
  const hash = createHash('sha256');
  for (let i = 0; i < count; i += 1) hash.update(block);
  return hash.digest('hex');
}

async function sendBlocks(connection: Duplex, block: Buffer, count: number): Promise<void> {
  for (let i = 0; i < count; i += 1) if (!connection.write(block)) await once(connection, 'drain');
  connection.end();
}

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { verifies } from '../../../requirements.ts';
import { frameBytes } from '../../../support/ziti/raw-client.ts';
import { Stage } from './stage.ts';

const TYPES = [
  0, 1, 2, 3, 5, 1100, 60783, 60784, 60785, 60786, 60787, 60788, 60789, 60790, 60791, 60794, 60795, 60796, 60798, 60799, 60803, 60804,
];
const IDS = [
  0, 1, 2, 7, 128, 1000, 1001, 1002, 1003, 1004, 1005, 1006, 1008, 1009, 1010, 1011, 1012, 1014, 1021, 1023, 1024, 1025, 1026, 1028, 1034,
];
const TOKENS = ['gw1/vitals/Dial', 'gw1/vitals/Bind', 'gw1/nothing/Dial', 'token-gw1', ''];

const value = fc.oneof(
  fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
  fc.integer({ min: 0, max: 9 }),
  fc.constant(0x8000_0000),
);
const frame = fc
  .tuple(
    fc.constantFrom(...TYPES),
    fc.integer(),
    fc.array(fc.tuple(fc.constantFrom(...IDS), value), { maxLength: 6 }),
    fc.oneof(
      fc.constantFrom(...TOKENS).map((text) => Buffer.from(text)),
      fc.uint8Array({ maxLength: 100 }).map((bytes) => Buffer.from(bytes)),
    ),
  )
  .map(([type, sequence, headers, body]) => frameBytes(type, sequence, Object.fromEntries(headers), body));

describe('embedded router: anything at all', { timeout: 60_000 }, () => {
  test('frames of every kind, in any order and cut anywhere, harm no neighbour and leave nothing behind', async () => {
    verifies('FABRIC-ROUTER-BOUNDED');
    await using s = await Stage.start({ hostAnswerMs: 50 });
    const host = await s.host();
    const neighbour = await s.channel('gw2');
    const hostConnId = await s.circuit(neighbour, host, 1, 'gw2');
    await fc.assert(
      fc.asyncProperty(fc.array(frame, { minLength: 1, maxLength: 20 }), fc.array(fc.nat(600), { maxLength: 4 }), async (frames, cuts) => {
        const client = await s.channel('gw1');
        const bytes = Buffer.concat(frames);
        let at = 0;
        for (const cut of [...new Set(cuts)].sort((a, b) => a - b)) {
          client.write(bytes.subarray(at, cut));
          at = Math.max(at, Math.min(cut, bytes.length));
        }
        client.write(bytes.subarray(at));
        // A token of another session ends the channel; everything else leaves it.
        await client.sync().catch((error: unknown) => {
          if (!client.socket.readableEnded && !client.socket.destroyed) throw error;
        });
        await client[Symbol.asyncDispose]();
        neighbour.send(60786, { 1000: 1 }, 'still here');
        while ((await host.next()).type !== 60786);
        host.send(60786, { 1000: hostConnId }, 'so am I');
        assert.equal(String((await neighbour.next(60786)).body), 'so am I');
      }),
      { numRuns: 60 },
    );
    while (s.router.stats().channels > 2) await neighbour.sync();
    assert.equal(s.router.stats().terminators, 1);
    assert.equal(s.router.stats().circuits, 1);
  });

  test('bytes that are no frames end their channel only', async () => {
    await using s = await Stage.start();
    const neighbour = await s.channel('gw2');
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 20, maxLength: 200 }), async (bytes) => {
        fc.pre(Buffer.from(bytes).readUInt32LE() !== 0x0c090603);
        const client = await s.channel('gw1');
        client.write(Buffer.from(bytes));
        await client.closed;
        await neighbour.sync();
      }),
      { numRuns: 30 },
    );
  });
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { parseBody } from '../../../hub/ingest/body.ts';
import { VitalmeshError } from '../../../shared/errors.ts';

const MAX = 1024 * 1024;

const rejectsWith = (body: Buffer, coding: string | undefined, code: string): Promise<void> =>
  assert.rejects(parseBody(body, coding, MAX), (error: unknown) => error instanceof VitalmeshError && error.code === code);

test('JSON comes through, packed or not, small or large', async () => {
  for (const size of [0, 10, 500_000]) {
    const json = { text: 'ü'.repeat(size / 2), list: [1, null] };
    const body = Buffer.from(JSON.stringify(json));
    assert.deepEqual(await parseBody(body, undefined, MAX), json);
    assert.deepEqual(await parseBody(body, 'identity', MAX), json);
    assert.deepEqual(await parseBody(zstdCompressSync(body), 'zstd', MAX), json);
    assert.deepEqual(await parseBody(gzipSync(body), 'gzip', MAX), json);
  }
});

test('a body that hardly packs is unpacked too', async () => {
  const noise = Array.from({ length: 20_000 }, () => Math.random());
  assert.deepEqual(await parseBody(zstdCompressSync(JSON.stringify(noise)), 'zstd', MAX), noise);
});

test('a small body that unpacks to a large one is refused before it does', async () => {
  const bomb = zstdCompressSync(Buffer.alloc(64 * MAX));
  assert.ok(bomb.length < 16 * 1024);
  await rejectsWith(bomb, 'zstd', 'UPLINK-TOO-LARGE');
  const larger = Buffer.concat(Array.from({ length: 200 }, () => zstdCompressSync(Buffer.alloc(2 * MAX))));
  assert.ok(larger.length > 16 * 1024);
  await rejectsWith(larger, 'zstd', 'UPLINK-TOO-LARGE');
  await rejectsWith(gzipSync(Buffer.alloc(8 * MAX)), 'gzip', 'UPLINK-TOO-LARGE');
  await rejectsWith(gzipSync(Buffer.alloc(64 * MAX)), 'gzip', 'UPLINK-TOO-LARGE');
});

test('a body that asks for a huge window is refused before memory is given to it', async () => {
  // RFC 8878 §3.1.1: magic, a frame header without content size, and a window descriptor that asks for 2^30 bytes.
  const frame = Buffer.concat([Buffer.from('28b52ffd00', 'hex'), Buffer.from([(30 - 10) << 3]), Buffer.from('010000', 'hex')]);
  await assert.rejects(parseBody(frame, 'zstd', MAX), (error: unknown) => {
    assert.ok(error instanceof VitalmeshError && error.code === 'UPLINK-BUNDLE');
    assert.equal((error.cause as NodeJS.ErrnoException).code, 'ZSTD_error_frameParameter_windowTooLarge');
    return true;
  });
});

test('what is not JSON, not UTF-8, not zstd or of another coding is told apart, and never quoted', async () => {
  await rejectsWith(Buffer.from('{"a":'), 'identity', 'UPLINK-BUNDLE');
  await rejectsWith(Buffer.alloc(0), 'identity', 'UPLINK-BUNDLE');
  await rejectsWith(Buffer.from([0x22, 0xff, 0x22]), 'identity', 'UPLINK-BUNDLE');
  await rejectsWith(Buffer.from('{}'), 'zstd', 'UPLINK-BUNDLE');
  await rejectsWith(zstdCompressSync('{"a":1}').subarray(0, 12), 'zstd', 'UPLINK-BUNDLE');
  await rejectsWith(Buffer.alloc(0), 'zstd', 'UPLINK-BUNDLE');
  await rejectsWith(Buffer.from('{}'), 'gzip', 'UPLINK-BUNDLE');
  for (const coding of ['br', 'deflate', 'toString']) await rejectsWith(Buffer.from('{}'), coding, 'UPLINK-REQUEST');
  const secret = Buffer.from('{"family":"Synthetic');
  await assert.rejects(parseBody(secret, 'identity', MAX), (error: unknown) => {
    assert.ok(error instanceof VitalmeshError);
    assert.ok(!`${error.message} ${error.stack} ${String(error.cause)}`.includes('Synthetic'));
    return true;
  });
});

test('JSON that is nested too deep is refused before it is parsed, and brackets in texts are no nesting', async () => {
  const deep = (levels: number): Buffer => Buffer.from(`${'['.repeat(levels)}${']'.repeat(levels)}`);
  assert.ok(await parseBody(deep(32), undefined, MAX));
  await rejectsWith(deep(33), undefined, 'UPLINK-BUNDLE');
  const bomb = zstdCompressSync(deep(MAX / 2));
  assert.ok(bomb.length < 1024);
  await assert.rejects(parseBody(bomb, 'zstd', MAX), { code: 'UPLINK-BUNDLE', detail: 'nested deeper than 32' });
  assert.deepEqual(await parseBody(Buffer.from('["[[[[["]'.replace('[[[[[', '['.repeat(1000))), undefined, MAX), ['['.repeat(1000)]);
});

test('how much JSON a body holds is told before it is parsed', async () => {
  const told: number[] = [];
  await parseBody(zstdCompressSync(`"${'x'.repeat(998)}"`), 'zstd', MAX, (bytes) => told.push(bytes));
  await assert.rejects(parseBody(Buffer.from('{"a"'), undefined, MAX, (bytes) => told.push(bytes)));
  assert.deepEqual(told, [1000, 4]);
});

test('whatever bytes come, they are JSON or a coded error', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), fc.constantFrom('zstd', 'identity'), async (bytes, coding) => {
      const frame = coding === 'zstd' ? Buffer.concat([Buffer.from('28b52ffd', 'hex'), bytes]) : Buffer.from(bytes);
      await parseBody(frame, coding, MAX).catch((error: unknown) => {
        assert.ok(error instanceof VitalmeshError && ['UPLINK-BUNDLE', 'UPLINK-TOO-LARGE'].includes(error.code));
      });
    }),
    { numRuns: 200 },
  );
});

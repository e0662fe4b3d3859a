import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { freeBulk, freeWhole, takeBulk } from '../../../../../shared/overlay/ziti/wire/bulk-memory.ts';
import { encodeFrame } from '../../../../../shared/overlay/ziti/wire/encode.ts';
import { CONTENT, HEADER } from '../../../../../shared/overlay/ziti/wire/ids.ts';
import { FrameReader } from '../../../../../shared/overlay/ziti/wire/reader.ts';
import { verifies } from '../../../../requirements.ts';

const BULK_BYTES = 64 * 1024;

describe('memory of bulk', () => {
  test('is freed with any view of it, and empty from then on', () => {
    verifies('OVERLAY-BULK-MEMORY');
    const memory = takeBulk(BULK_BYTES).fill(7);
    const part = memory.subarray(100, 200);
    freeBulk(part);
    assert.equal(memory.length, 0);
    assert.equal(part.length, 0);
  });

  test('is the only memory that is freed, and only once', () => {
    const foreign = Buffer.alloc(BULK_BYTES, 7);
    const small = takeBulk(100).fill(7);
    freeBulk(foreign);
    freeBulk(small);
    assert.ok(foreign.every((byte) => byte === 7));
    assert.ok(small.every((byte) => byte === 7));
    const memory = takeBulk(BULK_BYTES);
    freeBulk(memory);
    assert.doesNotThrow(() => freeBulk(memory));
  });

  test('that others share is not freed', () => {
    const whole = Buffer.alloc(BULK_BYTES, 7);
    freeWhole(whole.subarray(0, 100));
    assert.ok(whole.every((byte) => byte === 7));
    freeWhole(whole);
    assert.equal(whole.length, 0);
  });
});

describe('a reader that owns its chunks', () => {
  const bodies = [40_000, 3, 0, 9000, 70_000].map((length, i) => Buffer.alloc(length, i + 1));
  const stream = Buffer.concat(bodies.map((body, i) => encodeFrame({ type: CONTENT.data, headers: [[HEADER.connId, i]], body }, i)));

  /** As TLS hands them out: each in memory of its own. */
  function cut(ends: number[]): Buffer[] {
    const edges = [0, ...[...ends].sort((a, b) => a - b), stream.length];
    return edges.slice(1).map((end, i) => {
      const chunk = Buffer.allocUnsafeSlow(end - (edges[i] ?? 0));
      stream.copy(chunk, 0, edges[i], end);
      return chunk;
    });
  }

  test('keeps every frame whole, however they are cut, until its taker is done with it', () => {
    verifies('OVERLAY-BULK-MEMORY');
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: stream.length }), { maxLength: 12 }), (ends) => {
        const reader = new FrameReader();
        reader.ownsChunks = true;
        const frames = cut(ends).flatMap((chunk) => [...reader.push(chunk)]);
        assert.deepEqual(
          frames.map(({ body }) => body),
          bodies,
        );
      }),
      { numRuns: 100 },
    );
  });

  test('frees the chunks that it has copied', () => {
    const reader = new FrameReader();
    reader.ownsChunks = true;
    const chunks = cut([16_384, 32_768]);
    const lengths = chunks.map((chunk) => {
      const frames = [...reader.push(chunk)];
      return { frames: frames.length, left: chunk.length };
    });
    assert.deepEqual(lengths, [
      { frames: 0, left: 0 },
      { frames: 0, left: 0 },
      { frames: 5, left: stream.length - 32_768 },
    ]);
  });

  test('leaves the chunks of others alone', () => {
    const reader = new FrameReader();
    const [chunk] = cut([16_384]);
    assert.ok(chunk);
    assert.deepEqual([...reader.push(chunk)], []);
    assert.equal(chunk.length, 16_384);
  });
});

import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Framer, Framing, FramingEvent } from '../../../agent/framing/framing.ts';

/** Events in a form to compare: frames as latin-1 text, discarded runs as `-reason bytes`. */
export function shown(events: readonly FramingEvent[]): string[] {
  return events.map((event) =>
    'frame' in event ? Buffer.from(event.frame).toString('latin1') : `-${event.discarded.reason} ${event.discarded.bytes}`,
  );
}

/** What a fresh framer makes of these chunks. Frames are copied out before the next call, as the contract demands. */
export function framed(framing: Framing, chunks: readonly Uint8Array[], maxFrameBytes: number): string[] {
  const framer = framing(maxFrameBytes);
  const events = chunks.flatMap((chunk) => pushOnce(framer, chunk));
  return [...events, ...shown(framer.end())];
}

/** Pushes a chunk that is overwritten afterwards: whoever kept it would be seen. */
function pushOnce(framer: Framer, chunk: Uint8Array): string[] {
  const reused = Uint8Array.from(chunk);
  const events = shown(framer.push(reused));
  reused.fill(0x7e);
  return events;
}

/** Asserts one result for the stream as a whole, cut in two at every offset, and byte by byte; returns it. */
export function whateverTheCut(framing: Framing, stream: Uint8Array, maxFrameBytes: number): string[] {
  const whole = framed(framing, [stream], maxFrameBytes);
  for (let cut = 0; cut <= stream.length; cut += 1) {
    assert.deepEqual(framed(framing, [stream.subarray(0, cut), stream.subarray(cut)], maxFrameBytes), whole, `cut at ${cut}`);
  }
  const bytes = Array.from(stream, (_, i) => stream.subarray(i, i + 1));
  assert.deepEqual(framed(framing, bytes, maxFrameBytes), whole, 'byte by byte');
  return whole;
}

/** Asserts that random streams, made of the pieces that matter to this framing and of noise, give one result however they are cut. */
export function assertPure(framing: Framing, pieces: readonly Uint8Array[], maxFrameBytes: number): void {
  const piece = fc.oneof(fc.constantFrom(...pieces), fc.uint8Array({ maxLength: 12 }));
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 20 }), fc.array(fc.nat(), { maxLength: 8 }), (parts, cuts) => {
      const stream = Buffer.concat(parts);
      const offsets = [...new Set(cuts.map((cut) => cut % (stream.length + 1)))].sort((a, b) => a - b);
      const chunks = [0, ...offsets].map((from, i) => stream.subarray(from, offsets[i] ?? stream.length));
      const whole = framed(framing, [stream], maxFrameBytes);
      assert.deepEqual(framed(framing, chunks, maxFrameBytes), whole);
      for (const event of whole) assert.ok(event.startsWith('-') || event.length <= maxFrameBytes);
    }),
    { numRuns: 150 },
  );
}

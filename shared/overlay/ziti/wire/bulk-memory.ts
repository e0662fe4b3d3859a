/**
 * Memory of bulk is freed by hand. V8 counts memory outside its heap too, so a stream that leaves a buffer for each frame to the collector
 * has the whole heap collected every 15 to 60 MB: that took longer than all else that is done for the stream (measured: two
 * thirds of a sender's time), and held every other connection up for 10 to 80 ms. What is freed is empty from then on,
 * as is every view of it, so that whoever still looked at it would find nothing rather than another connection's bytes.
 */

/** Less comes from where everything comes from: it is not what makes the collector run. */
const LEAST_BYTES = 8 * 1024;

/** Weak, because nobody has to free: what is dropped with its last view is the collector's. */
const taken = new WeakSet<ArrayBufferLike>();

/** Memory for one frame, not cleared, which `freeBulk` can free. */
export function takeBulk(length: number): Buffer {
  if (length < LEAST_BYTES) return Buffer.allocUnsafe(length);
  const memory = Buffer.allocUnsafeSlow(length);
  taken.add(memory.buffer);
  return memory;
}

/** Frees the memory of `takeBulk` of which `part` is a view, when nobody looks at any of it any more. Other memory is left alone. */
export function freeBulk({ buffer }: Buffer): void {
  if (taken.delete(buffer)) free(buffer);
}

/** Frees a buffer that nobody else looks at. One that shares its memory with others, as small ones do, is left alone. */
export function freeWhole({ buffer, length }: Buffer): void {
  if (buffer.byteLength === length) free(buffer);
}

function free(memory: ArrayBufferLike): void {
  if (memory instanceof ArrayBuffer) memory.transfer(0);
}

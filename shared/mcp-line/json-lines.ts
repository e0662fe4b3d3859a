const NEWLINE = 0x0a;

/** A line that is longer than it may be; what it held is gone. */
export const TOO_LONG = Symbol('a line that is too long');

/**
 * The lines of a stream without their ends (`\n` or `\r\n`), empty ones left out, for as long as it lasts. Of one that is longer than `maxBytes` nothing but `TOO_LONG` is
 * given out, and nothing kept; what stands behind the last newline is no line. A function is asked at the beginning of each line. Throws what the stream's error is.
 */
export async function* jsonLines(
  stream: AsyncIterable<Uint8Array>,
  maxBytes: number | (() => number),
): AsyncGenerator<Buffer | typeof TOO_LONG> {
  const limit = (): number => (typeof maxBytes === 'number' ? maxBytes : maxBytes());
  let most = limit();
  let held: Buffer = EMPTY;
  let bytes = 0;
  const take = (part: Uint8Array): void => {
    const end = bytes + part.length;
    if (end > most) held = EMPTY;
    else {
      if (end > held.length) held = grown(held.subarray(0, bytes), Math.min(most, Math.max(end, 2 * held.length)));
      held.set(part, bytes);
    }
    bytes = end;
  };
  for await (const chunk of stream) {
    const buffer = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let from = 0;
    for (let at = buffer.indexOf(NEWLINE); at >= 0; at = buffer.indexOf(NEWLINE, from)) {
      take(buffer.subarray(from, at));
      const line = bytes > most ? TOO_LONG : trimmed(held.subarray(0, bytes));
      from = at + 1;
      held = EMPTY;
      bytes = 0;
      if (line === TOO_LONG || line.length > 0) yield line;
      most = limit();
    }
    if (from < buffer.length) take(buffer.subarray(from));
  }
}

const EMPTY = Buffer.alloc(0);

/** One copy that grows, for whoever made a chunk may use its memory again, and a line that comes byte by byte must not cost an object a byte. */
function grown(held: Buffer, size: number): Buffer {
  const larger = Buffer.allocUnsafe(size);
  larger.set(held);
  return larger;
}

function trimmed(line: Buffer): Buffer {
  return line.at(-1) === 0x0d ? line.subarray(0, -1) : line;
}

const NEWLINE = 0x0a;

/** A line that is longer than it may be; what it held is gone. */
export const TOO_LONG = Symbol('a line that is too long');

/**
 * The lines of a stream without their ends (`\n` or `\r\n`), empty ones left out, for as long as it lasts. Of one that is longer than `maxBytes` nothing but `TOO_LONG` is
 * given out, and nothing kept; what stands behind the last newline is no line. Throws what the stream's error is.
 */
export async function* jsonLines(stream: AsyncIterable<Uint8Array>, maxBytes: number): AsyncGenerator<Buffer | typeof TOO_LONG> {
  let parts: Buffer[] = [];
  let bytes = 0;
  const take = (part: Buffer): void => {
    bytes += part.length;
    if (bytes <= maxBytes) parts.push(part);
    else parts = [];
  };
  for await (const chunk of stream) {
    const buffer = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let from = 0;
    for (let at = buffer.indexOf(NEWLINE); at >= 0; at = buffer.indexOf(NEWLINE, from)) {
      take(buffer.subarray(from, at));
      const line = bytes > maxBytes ? TOO_LONG : trimmed(parts);
      from = at + 1;
      parts = [];
      bytes = 0;
      if (line === TOO_LONG || line.length > 0) yield line;
    }
    // Copied, because whoever made the chunk may use its memory again.
    if (from < buffer.length) take(Buffer.from(buffer.subarray(from)));
  }
}

function trimmed(parts: readonly Buffer[]): Buffer {
  const line = Buffer.concat(parts);
  return line.at(-1) === 0x0d ? line.subarray(0, -1) : line;
}

import { takeBulk } from './bulk-memory.ts';
import { HEAD_BYTES, type HeaderValue, MAGIC } from './frame.ts';

export type OutgoingHeaders = readonly (readonly [id: number, value: HeaderValue])[];

/** A frame still to be written. Its sequence is given by the channel that sends it. */
export interface OutgoingFrame {
  /** Content type, `CONTENT`. */
  type: number;
  headers: OutgoingHeaders;
  body?: Uint8Array;
}

/** The bytes of a whole frame, in one buffer: one socket write, one TLS record where it fits (openziti-wire.md §4, §10.3). */
export function encodeFrame({ type, headers, body }: OutgoingFrame, sequence: number): Buffer {
  const bodyLength = body?.length ?? 0;
  const { buffer, bodyOffset } = allocateFrame(type, headers, bodyLength, sequence);
  if (body) buffer.set(body, bodyOffset);
  return buffer;
}

/** A frame whose `bodyLength` bytes from `bodyOffset` on are still to be filled, for those who make them in place; its memory is `takeBulk`'s. */
export function allocateFrame(
  type: number,
  headers: OutgoingHeaders,
  bodyLength: number,
  sequence: number,
): { buffer: Buffer; bodyOffset: number } {
  const sizes = headers.map(([, value]) => sizeOf(value));
  const headersLength = sizes.reduce((total, size) => total + 8 + size, 0);
  const bodyOffset = HEAD_BYTES + headersLength;
  const buffer = takeBulk(bodyOffset + bodyLength);
  buffer.writeUInt32LE(MAGIC, 0);
  buffer.writeInt32LE(type, 4);
  buffer.writeInt32LE(sequence, 8);
  buffer.writeUInt32LE(headersLength, 12);
  buffer.writeUInt32LE(bodyLength, 16);
  let at = HEAD_BYTES;
  for (const [i, [id, value]] of headers.entries()) {
    const size = sizes[i] ?? 0;
    buffer.writeInt32LE(id, at);
    buffer.writeUInt32LE(size, at + 4);
    writeValue(buffer, at + 8, value);
    at += 8 + size;
  }
  return { buffer, bodyOffset };
}

function sizeOf(value: HeaderValue): number {
  if (typeof value === 'number') return 4;
  if (typeof value === 'boolean') return 1;
  return typeof value === 'string' ? Buffer.byteLength(value) : value.length;
}

function writeValue(buffer: Buffer, at: number, value: HeaderValue): void {
  // A negative number (a sequence of -1) has the same four bytes as its unsigned form.
  if (typeof value === 'number') buffer.writeUInt32LE(value >>> 0, at);
  else if (typeof value === 'boolean') buffer[at] = value ? 1 : 0;
  else if (typeof value === 'string') buffer.write(value, at);
  else buffer.set(value, at);
}

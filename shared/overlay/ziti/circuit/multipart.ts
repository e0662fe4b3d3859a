import { VitalmeshError } from '../../../errors.ts';

const LENGTH_BYTES = 2;

/** The messages of a multipart body, after decryption: repeatedly a length (u16, little-endian) and that many bytes (openziti-wire.md §8). Throws OVERLAY-PROTOCOL. */
export function partsOf(body: Buffer): Buffer[] {
  const parts: Buffer[] = [];
  let at = 0;
  while (at < body.length) {
    const start = at + LENGTH_BYTES;
    const end = start <= body.length ? start + body.readUInt16LE(at) : Number.POSITIVE_INFINITY;
    if (end > body.length) throw new VitalmeshError('OVERLAY-PROTOCOL', { detail: 'a part of a message is cut short' });
    if (end > start) parts.push(body.subarray(start, end));
    at = end;
  }
  return parts;
}

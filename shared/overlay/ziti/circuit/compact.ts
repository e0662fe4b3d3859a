import { freeBulk } from '../wire/bulk-memory.ts';

/**
 * A body that is a small part of what was read from the socket, as a copy: kept as it is, it would keep all of that. Other views of
 * its frame are of no use afterwards.
 */
export function compact(body: Buffer): Buffer {
  if (body.length * 2 >= body.buffer.byteLength) return body;
  const copy = Buffer.allocUnsafeSlow(body.length);
  body.copy(copy);
  freeBulk(body);
  return copy;
}

/** Headers of a frame by id; their order on the wire means nothing. */
export type Headers = ReadonlyMap<number, Buffer>;

/** One message of the OpenZiti channel (openziti-wire.md §4). Headers and body may be views into what the socket delivered. */
export interface Frame {
  /** Content type, `CONTENT`. */
  type: number;
  /** The sender's own count; a reply names it. */
  sequence: number;
  headers: Headers;
  body: Buffer;
}

export const HEAD_BYTES = 20;
/** 03 06 09 0c: version 2 of the channel. */
export const MAGIC = 0x0c090603;
/** 03 06 09 0a: a peer that does not speak our version says so. */
export const UNKNOWN_VERSION_MAGIC = 0x0a090603;

/** A header value on its way out: a number is an unsigned 32-bit integer, a boolean one byte, a string UTF-8. */
export type HeaderValue = number | boolean | string | Uint8Array;

/** A u16 or a byte, where the protocol has no u32. */
export function u16Value(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return bytes;
}

export function byteValue(value: number): Buffer {
  return Buffer.of(value);
}

/** A header as unsigned integer; undefined when it is missing or not 4 bytes long. */
export function u32(headers: Headers, id: number): number | undefined {
  const value = headers.get(id);
  return value?.length === 4 ? value.readUInt32LE() : undefined;
}

/** A header as signed integer (header 1 holds a sequence, which may be -1). */
export function i32(headers: Headers, id: number): number | undefined {
  const value = headers.get(id);
  return value?.length === 4 ? value.readInt32LE() : undefined;
}

export function u16(headers: Headers, id: number): number | undefined {
  const value = headers.get(id);
  return value?.length === 2 ? value.readUInt16LE() : undefined;
}

export function byte(headers: Headers, id: number): number | undefined {
  const value = headers.get(id);
  return value?.length === 1 ? value[0] : undefined;
}

export function text(headers: Headers, id: number): string | undefined {
  return headers.get(id)?.toString('utf8');
}

/** True only for a header that is present and true. */
export function flag(headers: Headers, id: number): boolean {
  return byte(headers, id) === 1;
}

import { VitalmeshError } from '../errors.ts';

/** Tags of ASN.1 values that certificates, requests and bundles are made of (X.690 §8.1.2); `context` and `within` are those that a structure numbers itself. */
export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  utf8String: 0x0c,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
  /** [n], its content a primitive value (IMPLICIT). */
  context: (n: number): number => 0x80 | n,
  /** [n], its content made of values: EXPLICIT, or an IMPLICIT structure. */
  within: (n: number): number => 0xa0 | n,
} as const;

/** Longer ones than any that is in use; a UUID as one arc takes 19 bytes. */
const MAX_OID_BYTES = 64;
/** Low tag numbers alone stand in one byte; no value that we read has another. */
const LONG_TAG = 0x1f;
const MAX_LENGTH_BYTES = 4;

/**
 * Reads values in the order in which they stand, strictly as DER has it (X.690 §10): definite and shortest lengths, nothing behind the end.
 * Copies nothing and never calls itself, so bytes of whatever origin cost what their length is. All of it throws IDENTITY-CHAIN.
 */
export class DerReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Whether nothing follows. */
  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  /** The content of the next value, which must be of this kind. */
  take(tag: number): Uint8Array {
    const next = this.next();
    if (next.tag !== tag) throw notDer('a value of another kind');
    return next.content;
  }

  /** The content of the next value if it is of this kind; otherwise it stays the next one. */
  maybe(tag: number): Uint8Array | undefined {
    return this.#bytes[this.#at] === tag ? this.take(tag) : undefined;
  }

  /** The next value, whatever its kind; `whole` is tag, length and content. */
  next(): { tag: number; content: Uint8Array; whole: Uint8Array } {
    const start = this.#at;
    const tag = this.#byte();
    if ((tag & LONG_TAG) === LONG_TAG) throw notDer('a tag of several bytes');
    const length = this.#length();
    if (length > this.#bytes.length - this.#at) throw notDer('cut off');
    const from = this.#at;
    this.#at += length;
    return { tag, content: this.#bytes.subarray(from, this.#at), whole: this.#bytes.subarray(start, this.#at) };
  }

  end(): void {
    if (!this.isAtEnd) throw notDer('something behind the end');
  }

  #length(): number {
    const first = this.#byte();
    if (first < 0x80) return first;
    const count = first & 0x7f;
    if (count === 0 || count > MAX_LENGTH_BYTES) throw notDer('a length without end, or beyond all measure');
    let length = 0;
    for (let i = 0; i < count; i += 1) length = length * 0x100 + this.#byte();
    if (length < 0x80 || length < 0x100 ** (count - 1)) throw notDer('a length that is longer than it need be');
    return length;
  }

  #byte(): number {
    const byte = this.#bytes[this.#at];
    if (byte === undefined) throw notDer('cut off');
    this.#at += 1;
    return byte;
  }
}

/** Reads `bytes` as one value of this kind, its content with `read`, and nothing behind either. */
export function readDer<T>(bytes: Uint8Array, tag: number, read: (content: DerReader) => T): T {
  const outer = new DerReader(bytes);
  const inner = new DerReader(outer.take(tag));
  outer.end();
  const result = read(inner);
  inner.end();
  return result;
}

/** An object identifier with dots, out of its content. */
export function oidOf(content: Uint8Array): string {
  if (content.length === 0 || content.length > MAX_OID_BYTES) throw notDer('an object identifier of no sensible length');
  const arcs: bigint[] = [];
  let arc = 0n;
  let isFirst = true;
  for (const byte of content) {
    if (isFirst && byte === 0x80) throw notDer('an object identifier that is longer than it need be');
    arc = (arc << 7n) | BigInt(byte & 0x7f);
    isFirst = byte < 0x80;
    if (isFirst) {
      arcs.push(arc);
      arc = 0n;
    }
  }
  if (!isFirst) throw notDer('an object identifier that is cut off');
  const [both = 0n, ...rest] = arcs;
  const top = both < 80n ? both / 40n : 2n;
  return [top, both - top * 40n, ...rest].join('.');
}

/** True or false; DER knows no third. */
export function booleanOf(content: Uint8Array): boolean {
  const [value] = content;
  if (content.length !== 1 || (value !== 0 && value !== 0xff)) throw notDer('a boolean that is neither');
  return value === 0xff;
}

/** A whole number from 0 to 2^31 − 1. */
export function countOf(content: Uint8Array): number {
  const [first = 0x80, second = 0x80] = content;
  if (first >= 0x80 || content.length > 4) throw notDer('a count that is negative or beyond all measure');
  if (content.length > 1 && first === 0 && second < 0x80) throw notDer('a count that is longer than it need be');
  return content.reduce((sum, byte) => sum * 0x100 + byte, 0);
}

/** One value: tag, length, and its parts one after the other. */
export function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  return Buffer.concat([Buffer.of(tag, ...lengthOf(content.length)), content]);
}

function lengthOf(length: number): number[] {
  if (length < 0x80) return [length];
  const bytes: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 0x100)) bytes.unshift(rest % 0x100);
  return [0x80 | bytes.length, ...bytes];
}

/** For values that have the right form and the wrong content as well. */
export function notDer(detail: string): VitalmeshError {
  return new VitalmeshError('IDENTITY-CHAIN', { detail: `a certificate that is not DER as it should be: ${detail}` });
}

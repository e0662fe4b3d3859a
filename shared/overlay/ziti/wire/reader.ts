import { VitalmeshError } from '../../../errors.ts';
import { freeWhole, takeBulk } from './bulk-memory.ts';
import { type Frame, HEAD_BYTES, type Headers, MAGIC, UNKNOWN_VERSION_MAGIC } from './frame.ts';

export interface FrameLimits {
  headersBytes: number;
  bodyBytes: number;
}

/** What a peer may send once it is known. The protocol itself has no limit. */
export const FRAME_LIMITS: FrameLimits = { headersBytes: 64 * 1024, bodyBytes: 16 * 1024 * 1024 };

/** What may come before the hello is through (openziti.md §4). */
export const HELLO_LIMITS: FrameLimits = { headersBytes: 16_384, bodyBytes: 4192 };

/** What is set aside at first for a frame that spans chunks; more only as it comes, so that a length alone costs no memory. */
const FIRST_BYTES = 256 * 1024;

/**
 * Cuts a byte stream into frames. What lies whole within one chunk is a view of it; only a frame that spans chunks is copied, into
 * memory of `takeBulk`. Of a header that comes twice the last one counts.
 * `push` throws OVERLAY-PROTOCOL for bytes that are no frame, and for one beyond the limits as soon as its head says so; the
 * reader is of no use after that. Limits may be changed between frames.
 */
export class FrameReader {
  limits: FrameLimits;
  /** Chunks are the reader's: one of which no frame is a view is freed when it has been read. */
  ownsChunks = false;
  /** The frame under way: its first bytes, and when they have told its length a buffer that grows up to that. */
  readonly #head = Buffer.alloc(HEAD_BYTES);
  #frame: Buffer | undefined;
  #length = 0;
  #filled = 0;

  constructor(limits: FrameLimits = FRAME_LIMITS) {
    this.limits = limits;
  }

  /** Bytes of a frame that has begun and not ended. */
  get pending(): number {
    return this.#filled;
  }

  /** Yields the frames that `chunk` completes. To be consumed whole before the next push. */
  *push(chunk: Buffer): Generator<Frame, void, undefined> {
    let at = 0;
    let isViewed = false;
    while (at < chunk.length) {
      if (this.#filled === 0 && chunk.length - at >= HEAD_BYTES) {
        const length = frameLength(chunk, at, this.limits);
        if (chunk.length - at >= length) {
          isViewed = true;
          yield parse(chunk.subarray(at, at + length));
          at += length;
          continue;
        }
      }
      at += this.#collect(chunk, at);
      if (this.#frame && this.#filled === this.#length) {
        const whole = this.#frame;
        this.#frame = undefined;
        this.#filled = 0;
        yield parse(whole);
      }
    }
    if (this.ownsChunks && !isViewed) freeWhole(chunk);
  }

  /** Takes what belongs to the frame under way and has room; returns how many bytes it took. */
  #collect(chunk: Buffer, at: number): number {
    const target = this.#frame ?? this.#head;
    const taken = chunk.copy(target, this.#filled, at, at + target.length - this.#filled);
    this.#filled += taken;
    if (this.#filled === target.length) this.#makeRoom(target);
    return taken;
  }

  #makeRoom(full: Buffer): void {
    if (!this.#frame) this.#length = frameLength(this.#head, 0, this.limits);
    else if (this.#filled === this.#length) return;
    this.#frame = takeBulk(Math.min(this.#length, Math.max(FIRST_BYTES, 2 * full.length)));
    full.copy(this.#frame);
  }
}

function frameLength(bytes: Buffer, at: number, limits: FrameLimits): number {
  const magic = bytes.readUInt32LE(at);
  if (magic === UNKNOWN_VERSION_MAGIC) throw broken('the peer speaks another version of the channel');
  if (magic !== MAGIC) throw broken('no frame begins here');
  const headersLength = bytes.readUInt32LE(at + 12);
  const bodyLength = bytes.readUInt32LE(at + 16);
  if (headersLength > limits.headersBytes) throw broken(`headers of ${headersLength} bytes`);
  if (bodyLength > limits.bodyBytes) throw broken(`a body of ${bodyLength} bytes`);
  return HEAD_BYTES + headersLength + bodyLength;
}

function parse(bytes: Buffer): Frame {
  const bodyOffset = HEAD_BYTES + bytes.readUInt32LE(12);
  return {
    type: bytes.readInt32LE(4),
    sequence: bytes.readInt32LE(8),
    headers: parseHeaders(bytes, HEAD_BYTES, bodyOffset),
    body: bytes.subarray(bodyOffset),
  };
}

function parseHeaders(bytes: Buffer, from: number, end: number): Headers {
  const headers = new Map<number, Buffer>();
  let at = from;
  while (at < end) {
    if (end - at < 8) throw broken('a header is cut short');
    const id = bytes.readInt32LE(at);
    const length = bytes.readUInt32LE(at + 4);
    at += 8;
    if (length > end - at) throw broken(`header ${id} is cut short`);
    headers.set(id, bytes.subarray(at, at + length));
    at += length;
  }
  return headers;
}

function broken(detail: string): VitalmeshError {
  return new VitalmeshError('OVERLAY-PROTOCOL', { detail });
}

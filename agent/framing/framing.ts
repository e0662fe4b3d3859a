/** A run of bytes that belongs to no frame: thrown away, never in silence. */
export interface DiscardedRun {
  reason: 'garbage' | 'oversized' | 'truncated' | 'checksum';
  /** How many bytes. */
  bytes: number;
  /** The first bytes of an oversized message, at most 1 KiB, where its sender waits for an answer. */
  head?: Uint8Array;
}

/** One whole frame. `frame` is valid until the next call to the framer; copy what must live longer. */
export interface FramedBytes {
  frame: Uint8Array;
}

export type FramingEvent = FramedBytes | { discarded: DiscardedRun };

/**
 * Bytes to frames. Pure: no clock, no socket, a hard upper bound on memory, and the same events however the stream is cut into
 * chunks. A run of discarded bytes is told of when it ends, or when it has reached a fixed length. `end` says what was left over.
 */
export interface Framer {
  push(chunk: Uint8Array): FramingEvent[];
  end(): FramingEvent[];
}

/** Makes a framer for one stream, with the limit of its source in bytes. */
export type Framing = (maxFrameBytes: number) => Framer;

/** Limit of one frame or message, unless the source says otherwise (bytes). */
export const DEFAULT_MAX_FRAME_BYTES = 1024 * 1024;

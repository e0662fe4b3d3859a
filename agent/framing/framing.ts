/** A run of bytes that belongs to no frame: thrown away, never in silence. */
export interface DiscardedRun {
  reason: 'garbage' | 'oversized' | 'truncated' | 'checksum';
  /** How many bytes. */
  bytes: number;
}

/** One whole frame. `bytes` is valid until the next call to the framer; copy what must live longer. */
export interface FramedBytes {
  frame: Uint8Array;
}

export type FramingEvent = FramedBytes | { discarded: DiscardedRun };

/**
 * Bytes to frames. Pure: no clock, no socket, a hard upper bound on memory, and the same frames and the same totals of
 * discarded bytes by reason however the stream is cut into chunks. `end` says what was left over.
 */
export interface Framer {
  push(chunk: Uint8Array): FramingEvent[];
  end(): FramingEvent[];
}

/** Limit of one frame or message, unless the source says otherwise (bytes). */
export const DEFAULT_MAX_FRAME_BYTES = 1024 * 1024;

import type { Frame } from '../wire/frame.ts';
import { CONTENT, HEADER } from '../wire/ids.ts';
import { compact } from './compact.ts';

/** What a frame takes in memory beside its bytes, so that empty ones count too. */
const FRAME_BYTES = 512;
/** Headers that say something to a circuit; a frame may have others of any size. */
const KEPT_HEADERS: readonly number[] = [HEADER.flags, HEADER.errorCode, HEADER.structuredError];

/** What comes for a connection before its circuit takes its own frames: Data, and behind it a StateClosed. */
export class EarlyFrames {
  readonly #limitBytes: number;
  #frames: Frame[] = [];
  #bytes = 0;
  #closed = false;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  /** Keeps what a circuit has a use for. False when that would be more than the limit; nothing is kept then. */
  keep(frame: Frame): boolean {
    const isClosing = frame.type === CONTENT.stateClosed;
    if (this.#closed || (frame.type !== CONTENT.data && !isClosing)) return true;
    const headers = keptHeaders(frame);
    this.#bytes += FRAME_BYTES + frame.body.length;
    for (const value of headers.values()) this.#bytes += value.length;
    if (this.#bytes > this.#limitBytes) {
      this.clear();
      return false;
    }
    this.#closed = isClosing;
    this.#frames.push({ type: frame.type, sequence: frame.sequence, headers, body: compact(frame.body) });
    return true;
  }

  /** All that was kept, in order, and nothing more from then on. */
  take(): Frame[] {
    const frames = this.#frames;
    this.clear();
    return frames;
  }

  clear(): void {
    this.#frames = [];
    this.#closed = true;
  }
}

function keptHeaders({ headers }: Frame): Map<number, Buffer> {
  const kept = new Map<number, Buffer>();
  for (const id of KEPT_HEADERS) {
    const value = headers.get(id);
    if (value) kept.set(id, Buffer.from(value));
  }
  return kept;
}

import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import { freeBulk } from '../wire/bulk-memory.ts';
import type { FrameSource } from './contract.ts';

export interface SenderOptions {
  /** The next frame's sequence number. */
  nextSequence: () => number;
  /** Bulk goes to the socket as long as less than this waits there. */
  bulkBytes: number;
  /** A frame of this source was handed to the socket. */
  onBulk: (source: FrameSource, bytes: number) => void;
  /** A source failed; it is not asked any more unless it asks for it. */
  onFailure: (error: unknown) => void;
}

/** From here on a frame is written by itself: TLS copies what is written together into one piece first. */
const ALONE_FROM_BYTES = 16 * 1024;

/**
 * The one way to the socket. What is written within one turn goes out together at its end, as one TLS record where it fits: a
 * tick later at most. Sources of bulk take turns, a frame each, whenever the socket has room.
 */
export class FrameSender {
  readonly #socket: Duplex;
  readonly #options: SenderOptions;
  /** In the order in which they are asked. */
  readonly #sources = new Set<FrameSource>();
  /** Below the stream's own mark no 'drain' would follow. */
  readonly #mark: number;
  /** TLS is done with a frame once it is written; another stream may have handed it on as it is. */
  readonly #freesFrames: boolean;
  #corked = false;
  #stopped = false;

  constructor(socket: Duplex, options: SenderOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#mark = Math.max(options.bulkBytes, socket.writableHighWaterMark);
    this.#freesFrames = socket instanceof TLSSocket;
    socket.on('drain', () => this.#atEndOfTurn());
  }

  /** Bytes given to the socket and not yet taken from it. */
  get bytesQueued(): number {
    return this.#socket.writableLength;
  }

  write(frame: Buffer): void {
    if (this.#stopped) return;
    this.#atEndOfTurn();
    this.#socket.write(frame);
  }

  wantsToSend(source: FrameSource): void {
    if (this.#stopped) return;
    this.#sources.add(source);
    this.#atEndOfTurn();
  }

  /** Hands everything written so far to the socket; nothing more is taken from anybody. */
  stop(): void {
    this.#stopped = true;
    this.#sources.clear();
    this.#uncork();
  }

  #atEndOfTurn(): void {
    if (this.#corked || this.#stopped) return;
    this.#corked = true;
    this.#socket.cork();
    process.nextTick(() => {
      this.#askSources();
      this.#uncork();
    });
  }

  #uncork(): void {
    if (!this.#corked) return;
    this.#corked = false;
    this.#socket.uncork();
  }

  #askSources(): void {
    for (const source of this.#sources) {
      if (this.#socket.writableLength >= this.#mark) return;
      // A Set is walked in the order of insertion, and what is added while it is walked comes last: that is the ring.
      this.#sources.delete(source);
      const frame = this.#nextFrame(source);
      if (this.#stopped) return;
      if (frame === undefined) {
        this.#sources.delete(source);
        continue;
      }
      this.#sources.add(source);
      const { length } = frame;
      this.#writeBulk(frame);
      this.#options.onBulk(source, length);
    }
  }

  /** Within a turn, so the socket is corked. */
  #writeBulk(frame: Buffer): void {
    const isAlone = frame.length >= ALONE_FROM_BYTES;
    if (isAlone) this.#socket.uncork();
    this.#socket.write(frame, () => {
      if (this.#freesFrames) freeBulk(frame);
    });
    if (isAlone) this.#socket.cork();
  }

  #nextFrame(source: FrameSource): Buffer | undefined {
    try {
      return source.nextFrame(this.#options.nextSequence);
    } catch (error) {
      this.#options.onFailure(error);
      return undefined;
    }
  }
}

import type { TLSSocket } from 'node:tls';
import { asVitalmeshError } from '../../../shared/errors.ts';
import type { FrameSource } from '../../../shared/overlay/ziti/channel/contract.ts';
import { freeBulk } from '../../../shared/overlay/ziti/wire/bulk-memory.ts';
import { encodeFrame, type OutgoingFrame } from '../../../shared/overlay/ziti/wire/encode.ts';
import type { Frame } from '../../../shared/overlay/ziti/wire/frame.ts';
import { type FrameLimits, FrameReader } from '../../../shared/overlay/ziti/wire/reader.ts';
import type { RouterLimits } from './limits.ts';

export interface FrameListener {
  frame(frame: Frame): void;
  /** Called once. Nothing arrives any more, nothing is sent any more. */
  ended(reason: unknown): void;
}

/** How long a peer that was told of the end may take to close. */
const CLOSING_MS = 1000;

/**
 * Frames in and out of one socket. What is small goes out at once; bulk waits in a ring of sources, which are asked for one frame
 * each while the socket has room. Reading stops as long as somebody holds it, in the middle of a chunk if need be.
 */
export class FrameStream {
  readonly #socket: TLSSocket;
  readonly #limits: RouterLimits;
  readonly #reader: FrameReader;
  readonly #ring = new Set<FrameSource>();
  #listener: FrameListener;
  #frames: Generator<Frame, void, undefined> | undefined;
  #reading = false;
  #holds = 0;
  #flooded: Disposable | undefined;
  #sequence = 0;
  #ended = false;
  #closing: NodeJS.Timeout | undefined;

  constructor(socket: TLSSocket, frameLimits: FrameLimits, limits: RouterLimits, listener: FrameListener) {
    this.#socket = socket;
    this.#limits = limits;
    this.#reader = new FrameReader(frameLimits);
    this.#reader.ownsChunks = true;
    this.#listener = listener;
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    // The socket reports its errors with its close.
    socket.on('error', () => undefined);
    socket.once('end', () => this.destroy());
    socket.once('close', () => {
      clearTimeout(this.#closing);
      this.#end(socket.errored);
    });
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Bytes handed to the socket and not yet taken from it. */
  get bytesQueued(): number {
    return this.#socket.writableLength;
  }

  /** Another phase of the channel begins with the next frame. */
  handOver(listener: FrameListener, frameLimits: FrameLimits): void {
    this.#listener = listener;
    this.#reader.limits = frameLimits;
  }

  /** Writes a frame at once, ahead of bulk that waits; returns its sequence. */
  send(frame: OutgoingFrame): number {
    const sequence = this.#nextSequence();
    this.sendNumbered(frame, sequence);
    return sequence;
  }

  /** The same, with a sequence that is none of the count. */
  sendNumbered(frame: OutgoingFrame, sequence: number): void {
    if (this.#ended) return;
    this.#write(encodeFrame(frame, sequence));
    if (this.#socket.writableLength > this.#limits.answerBytes) this.#flooded ??= this.hold();
  }

  /** Bulk that wants its turn. */
  wantsToSend(source: FrameSource): void {
    if (this.#ended) return;
    this.#ring.add(source);
    this.#pump();
  }

  /** Stops reading, from the next frame on, until the returned object is disposed. */
  hold(): Disposable {
    let held = true;
    this.#holds += 1;
    this.#socket.pause();
    return {
      [Symbol.dispose]: () => {
        if (!held) return;
        held = false;
        this.#holds -= 1;
        // Later, so that nothing is served in the middle of what let go of it.
        if (this.#holds === 0) setImmediate(() => this.#read());
      },
    };
  }

  /** Says the end in order, behind what was sent; nothing is read any more. */
  close(): void {
    this.#end(undefined);
    this.#socket.end();
    this.#closing ??= setTimeout(() => this.#socket.destroy(), CLOSING_MS).unref();
    // What the peer still sends must not keep its end from being seen.
    this.#socket.resume();
  }

  /** Lets go of the socket at once. */
  destroy(reason?: unknown): void {
    this.#end(reason);
    this.#socket.destroy();
  }

  #receive(chunk: Buffer): void {
    if (this.#ended) return;
    this.#frames = this.#reader.push(chunk);
    this.#read();
  }

  #read(): void {
    if (this.#reading || this.#ended) return;
    this.#reading = true;
    try {
      while (this.#frames && this.#holds === 0 && !this.#ended) {
        const next = this.#frames.next();
        if (next.done) this.#frames = undefined;
        else this.#listener.frame(next.value);
      }
    } catch (error) {
      this.destroy(asVitalmeshError(error));
    }
    this.#reading = false;
    if (this.#holds === 0 && this.#socket.isPaused()) this.#socket.resume();
  }

  #pump(): void {
    // A source that has more joins the ring anew at its end, and the iteration reaches it there.
    for (const source of this.#ring) {
      if (this.#socket.writableLength >= this.#limits.socketBytes) return;
      this.#ring.delete(source);
      const bytes = source.nextFrame(this.#nextSequence);
      if (!bytes) continue;
      this.#ring.add(source);
      this.#write(bytes);
    }
  }

  readonly #nextSequence = (): number => {
    this.#sequence = (this.#sequence + 1) | 0;
    return this.#sequence;
  };

  #write(bytes: Buffer): void {
    this.#socket.write(bytes, () => this.#written(bytes));
  }

  #written(bytes: Buffer): void {
    // TLS has encrypted it, or never will.
    freeBulk(bytes);
    if (this.#ended) return;
    if (this.#flooded && this.#socket.writableLength <= this.#limits.answerBytes / 2) {
      this.#flooded[Symbol.dispose]();
      this.#flooded = undefined;
    }
    if (this.#ring.size > 0) this.#pump();
  }

  #end(reason: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#ring.clear();
    this.#frames = undefined;
    this.#listener.ended(reason);
  }
}

import type { Duplex } from 'node:stream';
import { VitalmeshError } from '../errors.ts';
import { OverlayConnection, type Transport } from './connection.ts';

const HEADER_BYTES = 4;
/** Larger writes go out as several frames; a larger length comes from somebody who does not speak this. */
const MAX_FRAME_BYTES = 16 * 1024 * 1024;
const END = Buffer.alloc(HEADER_BYTES);
const NOTHING = Buffer.alloc(0);

/**
 * A connection over a stream socket. A killed process looks like an orderly end on a Unix socket, so the end is said in so many
 * words: frames of a length (unsigned, 4 bytes, big-endian) and that many bytes; length 0 is the end of the direction.
 */
export function connectionOver(socket: Duplex): OverlayConnection {
  return new FramedSocket(socket).start();
}

class FramedSocket implements Transport {
  readonly #socket: Duplex;
  readonly #connection = new OverlayConnection(this);
  /** Of the header that is being read. */
  #header = 0;
  #headerBytes = 0;
  /** Of the frame that is being read. */
  #remaining = 0;

  constructor(socket: Duplex) {
    this.#socket = socket;
  }

  start(): OverlayConnection {
    const gone = (): void => {
      this.#connection.lost();
      this.#socket.destroy();
    };
    this.#socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    this.#socket.once('end', gone);
    this.#socket.once('close', gone);
    this.#socket.resume();
    if (this.#socket.destroyed) gone();
    return this.#connection;
  }

  send(chunks: readonly Buffer[], sent: (error?: Error | null) => void): void {
    const pieces = chunks.flatMap(piecesOf);
    const total = pieces.reduce((sum, { length }) => sum + length, 0);
    const socket = this.#socket;
    socket.cork();
    if (total > 0 && total <= MAX_FRAME_BYTES) socket.write(headerOf(total));
    for (const piece of pieces) {
      if (total > MAX_FRAME_BYTES) socket.write(headerOf(piece.length));
      socket.write(piece);
    }
    // An empty write, because its callback comes behind all the others.
    socket.write(NOTHING, sent);
    socket.uncork();
  }

  sendEnd(sent: (error?: Error | null) => void): void {
    this.#socket.write(END, sent);
  }

  resume(): void {
    this.#socket.resume();
  }

  close(): void {
    this.#socket.destroy();
  }

  #receive(chunk: Buffer): void {
    let room = true;
    let at = 0;
    while (at < chunk.length) {
      if (this.#remaining === 0) {
        at = this.#receiveHeader(chunk, at);
        // Behind the end nothing may come but the loss of the other side, and that must not wait for a reader.
        room = true;
      } else {
        const end = Math.min(chunk.length, at + this.#remaining);
        room = this.#connection.deliver(chunk.subarray(at, end));
        this.#remaining -= end - at;
        at = end;
      }
    }
    if (!room) this.#socket.pause();
  }

  #receiveHeader(chunk: Buffer, from: number): number {
    let at = from;
    while (at < chunk.length && this.#headerBytes < HEADER_BYTES) {
      this.#header = this.#header * 256 + (chunk[at] ?? 0);
      this.#headerBytes += 1;
      at += 1;
    }
    if (this.#headerBytes < HEADER_BYTES) return at;
    const length = this.#header;
    this.#header = 0;
    this.#headerBytes = 0;
    if (length === 0) this.#connection.deliverEnd();
    else if (length <= MAX_FRAME_BYTES) this.#remaining = length;
    else {
      this.#connection.destroy(new VitalmeshError('OVERLAY-PROTOCOL', { detail: 'frame length' }));
      return chunk.length;
    }
    return at;
  }
}

function headerOf(length: number): Buffer {
  const header = Buffer.allocUnsafe(HEADER_BYTES);
  header.writeUInt32BE(length);
  return header;
}

/** A chunk as it fits into frames; an empty one would be taken for the end. */
function piecesOf(chunk: Buffer): Buffer[] {
  if (chunk.length === 0) return [];
  if (chunk.length <= MAX_FRAME_BYTES) return [chunk];
  return Array.from({ length: Math.ceil(chunk.length / MAX_FRAME_BYTES) }, (_, i) =>
    chunk.subarray(i * MAX_FRAME_BYTES, (i + 1) * MAX_FRAME_BYTES),
  );
}

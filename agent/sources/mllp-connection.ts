import type { Socket } from 'node:net';
import type { StreamDecoder } from '../decoding.ts';
import { ReplyQueue } from './reply-queue.ts';
import type { SourceEnvironment } from './source.ts';
import type { SourceTally } from './tally.ts';

export interface MllpConnectionLimits {
  /** Silence after which a connection is closed. */
  idleTimeoutMs: number;
  /** How long a peer may leave its acknowledgements unread. */
  ackTimeoutMs: number;
  /** Messages taken off the wire and not yet on disk, above which nothing more is read. */
  maxPending: number;
  /** The same in bytes. */
  maxPendingBytes: number;
  /** Bytes without a message in them, after which a peer is cut. */
  maxNoiseBytes: number;
}

/** Bytes that all connections of a server together hold of unfinished messages. */
export interface HeldBytes {
  total: number;
  readonly limit: number;
}

const KEEPALIVE_MS = 30_000;

/**
 * One sender of HL7 messages: each message is acknowledged once, in order, after it is on disk (HL7 v2.6 ch. 2.9.2, original
 * mode). A sender that stops reading its acknowledgements is not read from, and then cut.
 */
export class MllpConnection {
  /** Resolves when the socket is closed and everything taken from it is stored or refused. */
  readonly closed: Promise<void>;
  readonly #socket: Socket;
  readonly #decoder: StreamDecoder;
  readonly #environment: SourceEnvironment;
  readonly #tally: SourceTally;
  readonly #limits: MllpConnectionLimits;
  readonly #held: HeldBytes;
  readonly #queue: ReplyQueue;
  readonly #settled = Promise.withResolvers<void>();
  #heldBytes = 0;
  #noiseBytes = 0;
  #unread = false;
  #ended = false;
  #stopping = false;
  #discarding = false;
  #ackTimer: NodeJS.Timeout | undefined;

  constructor(
    socket: Socket,
    decoder: StreamDecoder,
    environment: SourceEnvironment,
    tally: SourceTally,
    limits: MllpConnectionLimits,
    held: HeldBytes,
  ) {
    this.#socket = socket;
    this.#decoder = decoder;
    this.#environment = environment;
    this.#tally = tally;
    this.#limits = limits;
    this.#held = held;
    this.#queue = new ReplyQueue(
      environment.intake,
      tally,
      (replies) => this.#write(replies),
      () => this.#progress(),
    );
    const { promise: socketClosed, resolve } = Promise.withResolvers<void>();
    this.closed = Promise.all([socketClosed, this.#settled.promise]).then(() => undefined);
    socket.setNoDelay(true);
    // A peer that lost power without a word is found out by the kernel.
    socket.setKeepAlive(true, KEEPALIVE_MS);
    socket.setTimeout(limits.idleTimeoutMs);
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('drain', () => this.#acknowledgementsRead());
    socket.on('end', () => this.#end());
    socket.on('timeout', () => {
      if (this.#queue.length === 0) this.#cut('idle');
    });
    // 'close' follows and says all that matters; a reset by the peer is no event of its own.
    socket.on('error', () => undefined);
    socket.on('close', () => {
      clearTimeout(this.#ackTimer);
      this.#end();
      resolve();
    });
  }

  /** Takes no more; closes once everything taken is stored and its acknowledgements are written. */
  stop(): void {
    this.#stopping = true;
    this.#progress();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #receive(chunk: Buffer): void {
    // What comes while stopping is not taken and not acknowledged: the sender keeps it.
    if (this.#ended || this.#discarding) return;
    this.#tally.received(chunk.length);
    let bytes = this.#heldBytes + chunk.length;
    const parts = this.#decoder.push(chunk, this.#environment.clock.now());
    this.#hold(parts.length > 0 ? 0 : bytes);
    for (const part of parts) {
      if (part.reply || part.records.length > 0) this.#noiseBytes = 0;
      else for (const rejected of part.rejected) this.#noiseBytes += rejected.bytes;
      this.#queue.accept(part, bytes);
      bytes = 0;
    }
    if (this.#noiseBytes > this.#limits.maxNoiseBytes) this.#cut('garbage');
    else if (this.#held.total > this.#held.limit) this.#cut('memory');
    else this.#regulate();
  }

  /** Bytes of a message that has not ended yet, as far as can be seen from outside the framer. */
  #hold(bytes: number): void {
    this.#held.total += bytes - this.#heldBytes;
    this.#heldBytes = bytes;
  }

  #write(replies: Uint8Array): void {
    if (!this.#socket.writable || this.#socket.write(replies) || this.#unread) return;
    this.#unread = true;
    this.#ackTimer = setTimeout(() => this.#cut('unread'), this.#limits.ackTimeoutMs);
  }

  #acknowledgementsRead(): void {
    clearTimeout(this.#ackTimer);
    this.#unread = false;
    this.#regulate();
  }

  /** The peer sends no more: what is unfinished is counted, what came before is still stored and acknowledged. */
  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#hold(0);
    for (const part of this.#decoder.end(this.#environment.clock.now())) this.#queue.accept(part, 0);
    this.#progress();
  }

  #progress(): void {
    this.#regulate();
    if (this.#queue.length > 0 || !(this.#ended || this.#stopping)) return;
    if (!this.#socket.writableEnded) this.#socket.end();
    if (this.#ended) this.#settled.resolve();
    else this.#discard();
  }

  #regulate(): void {
    if (this.#ended || this.#discarding) return;
    const { maxPending, maxPendingBytes } = this.#limits;
    const full = this.#unread || this.#queue.length >= maxPending || this.#queue.bytes >= maxPendingBytes;
    if (full || this.#stopping) this.#socket.pause();
    else if (this.#socket.isPaused()) this.#socket.resume();
  }

  /** Reads on without taking anything: closing with unread bytes would reset the connection and lose acknowledgements under way. */
  #discard(): void {
    this.#discarding = true;
    this.#socket.resume();
  }

  #cut(reason: 'idle' | 'unread' | 'garbage' | 'memory'): void {
    this.#tally.cut(reason);
    this.#socket.destroy();
  }
}

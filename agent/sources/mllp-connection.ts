import type { Socket } from 'node:net';
import { AwakeLimit } from '../../shared/awake-limit.ts';
import type { Decoded, StreamDecoder } from '../decoding.ts';
import { KEEPALIVE_MS } from './dial.ts';
import type { HeldBytes } from './held-bytes.ts';
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
  /** Bytes refused since the last record was stored, after which a peer is cut. */
  maxNoiseBytes: number;
  /** Where messages have no envelope: a pause that ends one, if its last line is whole. */
  quietMs: number;
}

/** Limits of one connection that hold unless the configuration says otherwise, whoever called. */
export const MLLP_CONNECTION_DEFAULTS = {
  ackTimeoutMs: 30_000,
  maxPending: 256,
  maxPendingBytes: 1024 * 1024,
  maxNoiseBytes: 4 * 1024 * 1024,
  quietMs: 500,
} as const satisfies Partial<MllpConnectionLimits>;

/** Why a connection was ended by us. */
export type CutReason = 'idle' | 'unread' | 'garbage' | 'memory';

export interface MllpConnectionParts {
  decoder: StreamDecoder;
  environment: SourceEnvironment;
  tally: SourceTally;
  limits: MllpConnectionLimits;
  /** What all connections of the source hold together. */
  held: HeldBytes;
  /** Told of every read. */
  received?: () => void;
}

/** What was read is decoded in pieces of this size, so that the limit on what is pending holds within one read, too. */
const PIECE_BYTES = 4096;
/** After so many parts the other connections have their turn. A usual message has more than a kilobyte: a read of those is one turn. */
const PARTS_PER_TURN = 128;
const NOTHING = Buffer.alloc(0);

/**
 * One sender of HL7 messages: each message is acknowledged once, in order, after it is on disk (HL7 v2.6 ch. 2.9.2, original
 * mode). A sender that stops reading its acknowledgements is not read from, and then cut.
 */
export class MllpConnection {
  /** Resolves when the socket is closed and everything taken from it is stored or refused; to the reason when we cut it. */
  readonly closed: Promise<CutReason | undefined>;
  readonly #socket: Socket;
  readonly #decoder: StreamDecoder;
  readonly #environment: SourceEnvironment;
  readonly #tally: SourceTally;
  readonly #limits: MllpConnectionLimits;
  readonly #held: HeldBytes;
  readonly #received: () => void;
  readonly #link: number;
  readonly #queue: ReplyQueue;
  readonly #settled = Promise.withResolvers<void>();
  /** Read and not yet decoded. */
  #backlog: Buffer = NOTHING;
  #turn: NodeJS.Immediate | undefined;
  #noiseBytes = 0;
  #unread = false;
  #lastRead = false;
  #ended = false;
  #stopping = false;
  #discarding = false;
  #ackLimit: AwakeLimit | undefined;
  #quietTimer: NodeJS.Timeout | undefined;
  #cutFor: CutReason | undefined;

  constructor(socket: Socket, { decoder, environment, tally, limits, held, received = () => undefined }: MllpConnectionParts) {
    this.#socket = socket;
    this.#decoder = decoder;
    this.#environment = environment;
    this.#tally = tally;
    this.#limits = limits;
    this.#held = held;
    this.#received = received;
    this.#link = tally.link();
    this.#queue = new ReplyQueue(
      environment.intake,
      tally,
      (replies) => this.#write(replies),
      () => this.#progress(),
    );
    const { promise: socketClosed, resolve } = Promise.withResolvers<void>();
    this.closed = Promise.all([socketClosed, this.#settled.promise]).then(() => this.#cutFor);
    socket.setNoDelay(true);
    // A peer that lost power without a word is found out by the kernel.
    socket.setKeepAlive(true, KEEPALIVE_MS);
    socket.setTimeout(limits.idleTimeoutMs);
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('drain', () => this.#acknowledgementsRead());
    socket.on('end', () => this.#finish());
    socket.on('timeout', () => {
      const { bytesRead } = socket;
      // After a time in which the process stood still, timers come before what the socket has received meanwhile.
      setImmediate(() => {
        if (socket.bytesRead !== bytesRead) return;
        if (this.#queue.length === 0) this.#cut('idle');
        // Node tells of silence once; what waits for the disk may be answered by nothing, and the silence go on.
        else socket.setTimeout(limits.idleTimeoutMs);
      });
    });
    // 'close' follows and says all that matters; a reset by the peer is no event of its own. A TLS alert leaves the socket open.
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      this.#ackLimit?.[Symbol.dispose]();
      clearTimeout(this.#quietTimer);
      this.#unread = false;
      this.#finish();
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

  /** Gives up the message that is under way: the connection is cut, and its sender keeps what was not acknowledged. */
  giveUp(): void {
    this.#cut('memory');
  }

  #receive(chunk: Buffer): void {
    // What comes while stopping is not taken and not acknowledged: the sender keeps it.
    if (this.#ended || this.#stopping) return;
    this.#received();
    this.#tally.received(chunk, this.#link);
    this.#backlog = this.#backlog.length === 0 ? chunk : Buffer.concat([this.#backlog, chunk]);
    if (!this.#turn) this.#work();
  }

  /** One turn of decoding what was read, as far as the queue takes it. */
  #work(): void {
    this.#turn = undefined;
    if (this.#stopping) this.#backlog = NOTHING;
    let parts = 0;
    while (this.#backlog.length > 0 && parts < PARTS_PER_TURN && !this.#isFull()) parts += this.#decode();
    if (this.#lastRead && this.#backlog.length === 0) this.#end();
    else this.#regulate();
  }

  /** Decodes the next piece; how many parts were in it. */
  #decode(): number {
    const piece = this.#backlog.subarray(0, PIECE_BYTES);
    this.#backlog = this.#backlog.subarray(piece.length);
    let bytes = (this.#decoder.held ?? 0) + piece.length;
    const parts = this.#decoder.push(piece, this.#environment.clock.now());
    for (const part of parts) {
      this.#take(part, bytes);
      bytes = 0;
    }
    if (this.#noiseBytes > this.#limits.maxNoiseBytes) this.#cut('garbage');
    else this.#held.set(this, this.#decoder.held ?? 0);
    this.#awaitQuiet();
    return parts.length;
  }

  /** A message without an envelope ends with the next one, or with a pause. */
  #awaitQuiet(): void {
    if (!this.#decoder.quiet || this.#socket.destroyed) return;
    clearTimeout(this.#quietTimer);
    if ((this.#decoder.held ?? 0) > 0) this.#quietTimer = setTimeout(() => this.#quiet(), this.#limits.quietMs);
  }

  #quiet(): void {
    if (this.#ended || this.#stopping || this.#socket.destroyed) return;
    // What was read and not yet decoded belongs to the message, and nothing is taken while too much waits for the disk.
    if (this.#backlog.length > 0 || this.#isFull()) {
      this.#awaitQuiet();
      return;
    }
    let bytes = this.#decoder.held ?? 0;
    for (const part of this.#decoder.quiet?.(this.#environment.clock.now()) ?? []) {
      this.#take(part, bytes);
      bytes = 0;
    }
    this.#held.set(this, this.#decoder.held ?? 0);
  }

  #take(part: Decoded, bytes: number): void {
    const stored = this.#queue.accept(part, bytes);
    if (part.records.length === 0) this.#noiseBytes += isLeftAside(part) ? 0 : part.rejected.reduce((sum, each) => sum + each.bytes, 0);
    else {
      void stored.then((isStored) => {
        if (isStored) this.#noiseBytes = 0;
      });
    }
  }

  #write(replies: Uint8Array): void {
    if (!this.#socket.writable || this.#socket.write(replies) || this.#unread) return;
    this.#unread = true;
    this.#ackLimit = new AwakeLimit(this.#limits.ackTimeoutMs, () => this.#cut('unread'));
  }

  #acknowledgementsRead(): void {
    this.#ackLimit?.[Symbol.dispose]();
    this.#unread = false;
    this.#regulate();
  }

  /** The peer sends no more: what was read is still decoded. */
  #finish(): void {
    this.#lastRead = true;
    if (!this.#turn) this.#work();
  }

  /** Everything is decoded: what is unfinished is counted, what came before is still stored and acknowledged. */
  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#held.set(this, 0);
    for (const part of this.#decoder.end(this.#environment.clock.now())) void this.#queue.accept(part, 0);
    this.#progress();
  }

  #progress(): void {
    this.#regulate();
    if (this.#queue.length > 0 || !(this.#ended || this.#stopping)) return;
    if (!this.#socket.writableEnded) this.#socket.end();
    if (this.#ended) this.#settled.resolve();
    else this.#discard();
  }

  #isFull(): boolean {
    const { maxPending, maxPendingBytes } = this.#limits;
    return this.#unread || this.#queue.length >= maxPending || this.#queue.bytes >= maxPendingBytes;
  }

  #regulate(): void {
    if (this.#ended || this.#discarding) return;
    const full = this.#isFull();
    if (this.#backlog.length > 0 && !full) this.#turn ??= setImmediate(() => this.#work());
    if (full || this.#stopping || this.#backlog.length > 0) this.#socket.pause();
    else if (this.#socket.isPaused()) this.#socket.resume();
  }

  /** Reads on without taking anything: closing with unread bytes would reset the connection and lose acknowledgements under way. */
  #discard(): void {
    this.#discarding = true;
    this.#socket.resume();
  }

  #cut(reason: CutReason): void {
    if (this.#socket.destroyed) return;
    this.#cutFor = reason;
    this.#tally.cut(reason);
    this.#backlog = NOTHING;
    this.#held.set(this, 0);
    this.#socket.destroy();
  }
}

/** A message that was understood, answered and not wanted, of which a device may send any number. */
function isLeftAside({ reply, rejected }: Decoded): boolean {
  return reply !== undefined && rejected.every(({ code, raw }) => raw === undefined && code.startsWith('HL7-'));
}

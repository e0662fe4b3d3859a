import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import { asVitalmeshError, VitalmeshError } from '../../../errors.ts';
import type { Logger } from '../../../log.ts';
import { machineSleep } from '../../../waking.ts';
import { onAbort } from '../../limit.ts';
import { encodeFrame, type OutgoingFrame } from '../wire/encode.ts';
import { type Frame, i32, u32 } from '../wire/frame.ts';
import { CONTENT, HEADER } from '../wire/ids.ts';
import type { FrameReader } from '../wire/reader.ts';
import { answerTo } from './answers.ts';
import type { Channel, FrameSink, FrameSource } from './contract.ts';
import { flushed } from './flush.ts';
import { FreeNumbers } from './free-numbers.ts';
import type { Greeting } from './hello.ts';
import { Liveness, latencyFrame } from './latency.ts';
import { ReplyTable } from './replies.ts';
import { FrameSender } from './sending.ts';
import { StallWatch } from './stall.ts';
import { socketLoss } from './tls.ts';

export interface RouterChannelOptions {
  log: Logger;
  limits: { bulkBytes: number; queuedBytes: number; closeMs: number };
  latencyEveryMs: number;
  latencyTimeoutMs: number;
  stallMs: number;
}

/** Sequences are signed 32-bit integers. */
const LAST_SEQUENCE = 0x7fff_ffff;
/** Ids from 2^31 on are the router's (openziti-wire.md §10.7). */
const LAST_CONN_ID = 0x7fff_fffe;

const NOTHING: Disposable = { [Symbol.dispose]: () => undefined };

/** A channel over a socket on which the hello is done. */
export class RouterChannel implements Channel {
  readonly routerId: string;
  readonly routerVersion: string;
  readonly supportsBindSuccess: boolean;
  readonly #socket: Duplex;
  readonly #reader: FrameReader;
  readonly #options: RouterChannelOptions;
  readonly #replies = new ReplyTable();
  readonly #sequences = new FreeNumbers({ max: LAST_SEQUENCE, isTaken: (sequence) => this.#replies.has(sequence) });
  readonly #sender: FrameSender;
  readonly #liveness: Liveness;
  readonly #stalls: StallWatch;
  /** A router may have given this side up while the machine slept, and nobody else may tell. */
  readonly #waking: Disposable;
  readonly #sinks = new Map<number, FrameSink>();
  readonly #connIds = new FreeNumbers({ max: LAST_CONN_ID, isTaken: (connId) => this.#sinks.has(connId) });
  readonly #ended = new AbortController();
  #holds = 0;
  #closing: Promise<void> | undefined;

  constructor(socket: Duplex, greeting: Greeting, options: RouterChannelOptions) {
    this.routerId = greeting.routerId;
    this.routerVersion = greeting.routerVersion;
    this.supportsBindSuccess = greeting.supportsBindSuccess;
    this.#socket = socket;
    this.#reader = greeting.reader;
    // TLS makes each chunk anew and keeps none.
    this.#reader.ownsChunks = socket instanceof TLSSocket;
    this.#options = options;
    this.#sender = new FrameSender(socket, {
      nextSequence: () => this.#sequences.next(),
      bulkBytes: options.limits.bulkBytes,
      onBulk: (source, bytes) => {
        if (source.stalled) this.#stalls.sent(source, bytes);
      },
      onFailure: (err) => options.log.error({ err }, 'a source of frames failed; it is not asked any more'),
    });
    this.#liveness = new Liveness({
      everyMs: options.latencyEveryMs,
      timeoutMs: options.latencyTimeoutMs,
      probe: (onAnswer) => this.requestNow(latencyFrame(), onAnswer),
      isReading: () => this.#holds === 0,
      isSending: () => this.bytesQueued > 0,
      onSilence: () => this.#end(new VitalmeshError('OVERLAY-TIMEOUT', { detail: 'the router is silent' })),
    });
    this.#stalls = new StallWatch({
      stallMs: options.stallMs,
      probe: (onAnswer) => void this.requestNow(latencyFrame(), onAnswer),
      isReading: () => this.#holds === 0,
      onStall: (cause) => this.#stalled(cause),
    });
    this.#waking = machineSleep.onWake(() => this.#liveness.probeNow());
    for (const frame of greeting.early) this.#dispatch(frame);
    this.#read();
  }

  get closed(): AbortSignal {
    return this.#ended.signal;
  }

  get bytesQueued(): number {
    return this.#sender.bytesQueued;
  }

  send(frame: OutgoingFrame): number {
    const sequence = this.#sequences.next();
    this.#write(frame, sequence);
    return sequence;
  }

  request(frame: OutgoingFrame, signal: AbortSignal): Promise<Frame> {
    return new Promise((resolve, reject) => {
      signal.throwIfAborted();
      this.closed.throwIfAborted();
      const sequence = this.#sequences.next();
      const aborting = onAbort(signal, () => {
        waiting[Symbol.dispose]();
        reject(signal.reason);
      });
      const waiting = this.#replies.await(
        sequence,
        (reply) => {
          aborting[Symbol.dispose]();
          resolve(reply);
        },
        (reason) => {
          aborting[Symbol.dispose]();
          reject(reason);
        },
      );
      this.#write(frame, sequence);
    });
  }

  requestNow(frame: OutgoingFrame, onReply: (reply: Frame) => void): Disposable {
    if (this.closed.aborted) return NOTHING;
    const sequence = this.#sequences.next();
    const waiting = this.#replies.await(sequence, onReply);
    this.#write(frame, sequence);
    return waiting;
  }

  wantsToSend(source: FrameSource): void {
    this.#sender.wantsToSend(source);
  }

  attach(connId: number, sink: FrameSink): Disposable {
    if (this.closed.aborted) {
      // Not within the call: nobody expects an answer before they have what it returns.
      queueMicrotask(() => this.#tellLost(sink, this.closed.reason));
      return NOTHING;
    }
    if (this.#sinks.has(connId)) throw new VitalmeshError('OVERLAY-PROTOCOL', { detail: `connection id ${connId} is in use` });
    this.#sinks.set(connId, sink);
    return {
      [Symbol.dispose]: () => {
        if (this.#sinks.get(connId) === sink) this.#sinks.delete(connId);
      },
    };
  }

  newConnId(): number {
    return this.#connIds.next();
  }

  hold(): Disposable {
    let held = true;
    this.#holds += 1;
    if (this.#holds === 1) this.#socket.pause();
    return {
      [Symbol.dispose]: () => {
        if (!held) return;
        held = false;
        this.#holds -= 1;
        this.#liveness.sign();
        this.#stalls.readingAgain();
        if (this.#holds === 0) this.#socket.resume();
      },
    };
  }

  async probe(signal: AbortSignal): Promise<void> {
    await this.request(latencyFrame(), signal);
  }

  /** Ends the channel in order: what was sent still goes out, for as long as `closeMs`. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    if (this.closed.aborted) return;
    this.#letGo(new VitalmeshError('OVERLAY-CLOSED'));
    await flushed(this.#socket, this.#options.limits.closeMs);
  }

  #read(): void {
    const socket = this.#socket;
    const lost = (): void => this.#end(socketLoss(socket));
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.once('end', lost);
    socket.once('close', lost);
    if (socket.destroyed) lost();
    else if (this.#holds === 0) socket.resume();
  }

  #receive(chunk: Buffer): void {
    if (this.closed.aborted) return;
    this.#liveness.sign();
    this.#stalls.received(chunk.length);
    try {
      for (const frame of this.#reader.push(chunk)) {
        if (this.closed.aborted) return;
        this.#dispatch(frame);
      }
    } catch (error) {
      this.#end(asVitalmeshError(error));
    }
  }

  #dispatch(frame: Frame): void {
    const { headers } = frame;
    const replyFor = i32(headers, HEADER.replyFor);
    const onReply = replyFor === undefined ? undefined : this.#replies.take(replyFor);
    const connId = u32(headers, HEADER.connId);
    const sink = connId === undefined ? undefined : this.#sinks.get(connId);
    if (onReply) this.#handReply(onReply, frame);
    // A reply may come behind the end of its wait; that a connection was closed still concerns the connection.
    else if (connId !== undefined && sink) this.#handFrame(connId, sink, frame);
    else if (replyFor === undefined) {
      const answer = answerTo(frame);
      if (answer) this.send(answer);
    }
  }

  #handReply(onReply: (reply: Frame) => void, reply: Frame): void {
    try {
      onReply(reply);
    } catch (err) {
      this.#options.log.error({ err }, 'a reply could not be taken');
    }
  }

  /** A sink that throws has lost a frame, so its connection has a hole and must not go on; the others do. */
  #handFrame(connId: number, sink: FrameSink, frame: Frame): void {
    try {
      sink.frame(frame);
    } catch (err) {
      this.#options.log.error({ err }, 'a frame could not be taken; its connection was closed');
      if (this.#sinks.get(connId) === sink) this.#sinks.delete(connId);
      this.send({ type: CONTENT.stateClosed, headers: [[HEADER.connId, connId]] });
      this.#tellLost(sink, asVitalmeshError(err));
    }
  }

  #tellLost(sink: FrameSink, reason: Error): void {
    try {
      sink.channelLost(reason);
    } catch (err) {
      this.#options.log.error({ err }, 'the loss of a channel could not be taken');
    }
  }

  #write(frame: OutgoingFrame, sequence: number): void {
    if (this.closed.aborted) return;
    if (this.bytesQueued <= this.#options.limits.queuedBytes) this.#sender.write(encodeFrame(frame, sequence));
    // Not within the call: whoever sends does not expect to lose the channel before `send` returns.
    else queueMicrotask(() => this.#end(new VitalmeshError('OVERLAY-PROTOCOL', { detail: 'the router does not read what it is sent' })));
  }

  /** Nothing but the end of the channel makes such a router read again. One that may only be slow is asked for a sign of life. */
  #stalled(cause: FrameSource | undefined): void {
    if (this.closed.aborted) return;
    if (!cause) {
      this.#liveness.probeNow();
      return;
    }
    try {
      cause.stalled?.();
    } catch (err) {
      this.#options.log.error({ err }, 'the cause of a stall could not be cut');
    }
    this.#end(new VitalmeshError('OVERLAY-TIMEOUT', { detail: 'the router stopped reading: one connection is not read at its other end' }));
  }

  #end(reason: VitalmeshError): void {
    if (this.closed.aborted) return;
    this.#options.log.debug({ err: reason, router: this.routerId }, 'a channel has ended');
    this.#socket.destroy();
    this.#letGo(reason);
  }

  /** Everybody learns of the end, once; nothing is sent or handed out any more. */
  #letGo(reason: VitalmeshError): void {
    this.#ended.abort(reason);
    this.#waking[Symbol.dispose]();
    this.#liveness[Symbol.dispose]();
    this.#stalls.end();
    this.#sender.stop();
    this.#replies.lost(reason);
    const sinks = [...this.#sinks.values()];
    this.#sinks.clear();
    for (const sink of sinks) this.#tellLost(sink, reason);
  }
}

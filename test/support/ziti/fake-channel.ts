import { VitalmeshError } from '../../../shared/errors.ts';
import { onAbort } from '../../../shared/overlay/limit.ts';
import type { Channel, FrameSink, FrameSource } from '../../../shared/overlay/ziti/channel/contract.ts';
import { encodeFrame, type OutgoingFrame } from '../../../shared/overlay/ziti/wire/encode.ts';
import { type Frame, i32, u32 } from '../../../shared/overlay/ziti/wire/frame.ts';
import { FrameReader } from '../../../shared/overlay/ziti/wire/reader.ts';

export interface FakeChannelOptions {
  supportsBindSuccess?: boolean;
  /** Gets each frame as it would go to the socket. */
  onSent?: (bytes: Buffer) => void;
  /** How a probe is answered; at once unless told. */
  onProbe?: (answer: () => void) => void;
}

/** A channel without a socket: what is sent is kept and handed to `onSent`, what comes is given to `receive`. */
export class FakeChannel implements Channel {
  readonly routerId = 'router';
  readonly routerVersion = 'v2.0.3';
  readonly supportsBindSuccess: boolean;
  readonly bytesQueued = 0;
  /** All frames sent, whole. */
  readonly sent: Buffer[] = [];
  /** While false the socket has no room for bulk. */
  #hasRoom = true;
  holds = 0;
  readonly #options: FakeChannelOptions;
  readonly #reader = new FrameReader();
  readonly #sinks = new Map<number, FrameSink>();
  readonly #replies = new Map<number, (reply: Frame) => void>();
  readonly #sources = new Set<FrameSource>();
  readonly #ended = new AbortController();
  /** What came while somebody held the channel. */
  #held: Buffer[] = [];
  #sequence = 0;
  #connId = 0;
  #asking = false;

  constructor(options: FakeChannelOptions = {}) {
    this.#options = options;
    this.supportsBindSuccess = options.supportsBindSuccess ?? true;
  }

  get closed(): AbortSignal {
    return this.#ended.signal;
  }

  get attachedIds(): number[] {
    return [...this.#sinks.keys()];
  }

  /** All frames sent, in hex, and forgotten. */
  takeSent(): string[] {
    return this.sent.splice(0).map((bytes) => bytes.toString('hex'));
  }

  set hasRoom(hasRoom: boolean) {
    this.#hasRoom = hasRoom;
    this.#askSoon();
  }

  /** Bytes from the router, in one chunk. */
  receive(bytes: Buffer): void {
    if (this.closed.aborted) return;
    if (this.holds > 0) this.#held.push(bytes);
    else for (const frame of this.#reader.push(bytes)) this.#dispatch(frame);
  }

  receiveHex(...frames: string[]): void {
    this.receive(Buffer.from(frames.join('').replaceAll(/[\s|]/g, ''), 'hex'));
  }

  lose(reason: Error): void {
    if (this.closed.aborted) return;
    this.#ended.abort(reason);
    this.#sources.clear();
    const sinks = [...this.#sinks.values()];
    this.#sinks.clear();
    for (const sink of sinks) sink.channelLost(reason);
  }

  send(frame: OutgoingFrame): number {
    this.#sequence += 1;
    this.#write(encodeFrame(frame, this.#sequence));
    return this.#sequence;
  }

  request(frame: OutgoingFrame, signal: AbortSignal): Promise<Frame> {
    return new Promise((resolve, reject) => {
      onAbort(signal, () => reject(signal.reason));
      this.requestNow(frame, resolve);
    });
  }

  requestNow(frame: OutgoingFrame, onReply: (reply: Frame) => void): Disposable {
    this.#sequence += 1;
    const sequence = this.#sequence;
    this.#replies.set(sequence, onReply);
    this.#write(encodeFrame(frame, sequence));
    return { [Symbol.dispose]: () => void this.#replies.delete(sequence) };
  }

  wantsToSend(source: FrameSource): void {
    this.#sources.add(source);
    this.#askSoon();
  }

  attach(connId: number, sink: FrameSink): Disposable {
    if (this.#sinks.has(connId)) throw new VitalmeshError('OVERLAY-PROTOCOL', { detail: 'in use' });
    this.#sinks.set(connId, sink);
    return { [Symbol.dispose]: () => void (this.#sinks.get(connId) === sink && this.#sinks.delete(connId)) };
  }

  newConnId(): number {
    this.#connId += 1;
    return this.#connId;
  }

  hold(): Disposable {
    this.holds += 1;
    let held = true;
    return {
      [Symbol.dispose]: () => {
        if (!held) return;
        held = false;
        this.holds -= 1;
        if (this.holds === 0) setImmediate(() => this.#goOn());
      },
    };
  }

  probe(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      onAbort(signal, () => reject(signal.reason));
      if (this.#options.onProbe) this.#options.onProbe(resolve);
      else setImmediate(resolve);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.lose(new VitalmeshError('OVERLAY-CLOSED'));
  }

  #write(bytes: Buffer): void {
    if (this.closed.aborted) return;
    this.sent.push(bytes);
    this.#options.onSent?.(bytes);
  }

  #askSoon(): void {
    if (this.#asking) return;
    this.#asking = true;
    process.nextTick(() => {
      this.#asking = false;
      this.#ask();
    });
  }

  /** One frame of each source in turn, for as long as they have some. */
  #ask(): void {
    for (const source of this.#sources) {
      if (!this.#hasRoom) return;
      this.#sources.delete(source);
      const frame = source.nextFrame(() => {
        this.#sequence += 1;
        return this.#sequence;
      });
      if (!frame) {
        this.#sources.delete(source);
        continue;
      }
      this.#sources.add(source);
      this.#write(frame);
    }
  }

  #goOn(): void {
    while (this.holds === 0) {
      const bytes = this.#held.shift();
      if (!bytes) return;
      this.receive(bytes);
    }
  }

  #dispatch(frame: Frame): void {
    const replyFor = i32(frame.headers, 1);
    const onReply = replyFor === undefined ? undefined : this.#replies.get(replyFor);
    if (replyFor !== undefined) this.#replies.delete(replyFor);
    if (onReply) onReply(frame);
    else this.#sinks.get(u32(frame.headers, 1000) ?? 0)?.frame(frame);
  }
}

import { VitalmeshError } from '../../../shared/errors.ts';
import type { OutgoingFrame } from '../../../shared/overlay/ziti/wire/encode.ts';
import { type Frame, u32 } from '../../../shared/overlay/ziti/wire/frame.ts';
import { CONTENT, FIRST_ROUTER_CONN_ID, HEADER } from '../../../shared/overlay/ziti/wire/ids.ts';
import type { FabricApiSession } from '../contract.ts';
import { CLOSE_CALLED, shuffled, stateClosed } from './answers.ts';
import type { FrameStream } from './frame-stream.ts';
import type { RouterLimits, RouterStats } from './limits.ts';

/** Timers of Node end at 2^31 ms. */
const MAX_TIMER_MS = 0x7fff_ffff;

/** What a connection id of a channel belongs to. */
export interface Sink {
  data(frame: Frame): void;
  /** The client has closed the connection. */
  stateClosed(): void;
  channelLost(): void;
}

/** Takes the answer to a request of ours; `undefined` when the channel is gone. */
type ReplyListener = (reply: Frame | undefined) => void;

/** A client's channel past its hello: who it is, and what its connection ids belong to. */
export class RouterChannel {
  readonly stream: FrameStream;
  readonly limits: RouterLimits;
  readonly stats: RouterStats;
  readonly sinks = new Map<number, Sink>();
  /** Bytes of all its connections that wait for their turn to go out. */
  waitingBytes = 0;
  session: FabricApiSession;
  #expiry: NodeJS.Timeout | undefined;
  readonly #replies = new Map<number, ReplyListener>();
  #lastConnId = FIRST_ROUTER_CONN_ID - 1;

  constructor(stream: FrameStream, session: FabricApiSession, limits: RouterLimits, stats: RouterStats) {
    this.stream = stream;
    this.session = session;
    this.limits = limits;
    this.stats = stats;
    this.#expireLater();
  }

  /** Its client has shown a newer token of the same session. */
  renew(session: FabricApiSession): void {
    this.session = session;
    this.#expireLater();
  }

  send({ type, headers, body }: OutgoingFrame): number {
    return this.stream.send({ type, headers: shuffled(headers), ...(body && { body }) });
  }

  /** Answers the request with this sequence. */
  reply(sequence: number, { type, headers, body }: OutgoingFrame): void {
    this.send({ type, headers: [[HEADER.replyFor, sequence], ...headers], ...(body && { body }) });
  }

  /** Refuses a request for a connection. */
  refuse({ sequence, headers }: Pick<Frame, 'sequence' | 'headers'>, text: string): void {
    this.refuseDial(sequence, u32(headers, HEADER.connId) ?? 0, text);
  }

  /** The same; `circuitId` where a circuit was tried. */
  refuseDial(sequence: number, connId: number, text: string, circuitId?: string): void {
    this.reply(sequence, {
      type: CONTENT.stateClosed,
      headers: [[HEADER.connId, connId], ...(circuitId === undefined ? [] : [[HEADER.circuitId, circuitId] as const])],
      body: Buffer.from(text),
    });
  }

  /** Sends a request of ours. Disposing the returned object forgets it; an answer then counts as one that nobody waits for. */
  request(frame: OutgoingFrame, answered: ReplyListener): Disposable {
    const sequence = this.send(frame);
    this.#replies.set(sequence, answered);
    return { [Symbol.dispose]: () => void this.#replies.delete(sequence) };
  }

  /** Hands an answer to whoever waits for it. A host that accepted too late is told that nobody is there. */
  answered(reply: Frame, sequence: number | undefined): void {
    const listener = sequence === undefined ? undefined : this.#replies.get(sequence);
    if (sequence !== undefined) this.#replies.delete(sequence);
    if (listener) listener(reply);
    else if (reply.type === CONTENT.dialSuccess && reply.body.length === 4) {
      const connId = reply.body.readUInt32LE();
      if (!this.sinks.has(connId)) this.stream.send(stateClosed(connId, CLOSE_CALLED));
    }
  }

  /** An id for a connection that a host is offered; a client's own lie below (openziti-wire.md §7). */
  newConnId(): number {
    do {
      this.#lastConnId = this.#lastConnId >= 0xffff_ffff ? FIRST_ROUTER_CONN_ID : this.#lastConnId + 1;
    } while (this.sinks.has(this.#lastConnId));
    return this.#lastConnId;
  }

  /** The channel is gone: so is everything on it. */
  lost(): void {
    clearTimeout(this.#expiry);
    // Binds first, so that a dial which is tried anew does not come back to one of them.
    const sinks = [...this.sinks.values()];
    this.sinks.clear();
    for (const sink of sinks) sink.channelLost();
    for (const [sequence, answered] of this.#replies) {
      this.#replies.delete(sequence);
      answered(undefined);
    }
  }

  /** Who shows no newer token in time is cut off without a word (openziti-network.md §5.2). */
  #expireLater(): void {
    clearTimeout(this.#expiry);
    const { expiresInMs } = this.session;
    if (expiresInMs === undefined) return;
    const end = (): void => this.stream.destroy(new VitalmeshError('OVERLAY-SESSION', { detail: 'its token has run out' }));
    this.#expiry = setTimeout(end, Math.min(MAX_TIMER_MS, expiresInMs + this.limits.tokenGraceMs)).unref();
  }
}

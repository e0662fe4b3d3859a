import type { OutgoingFrame } from '../wire/encode.ts';
import type { Frame } from '../wire/frame.ts';

/** Takes the frames of one connection id. Must not throw; must not hold on to the frame's buffers beyond what it keeps unread. */
export interface FrameSink {
  frame(frame: Frame): void;
  /** The channel is gone, and with it the connection. Called once, after the last frame. */
  channelLost(reason: Error): void;
}

/** Somebody with bulk to send, who is asked for one frame after another as the socket has room. */
export interface FrameSource {
  /**
   * The next encoded frame, or undefined when there is none for now; `Channel.wantsToSend` has to be called again later. It is the
   * channel's from then on, which frees its memory (`freeBulk`) when it is written.
   */
  nextFrame(nextSequence: () => number): Buffer | undefined;
  /** Bytes that wait for the channel or its router, and not for the other end's leave. */
  readonly waitingBytes?: number;
  /**
   * The router has stopped reading because of what this source sent. Called once; the channel ends right behind. Only sources that have it are
   * watched: those of connections that others have dialled. A dialer's own are few, and its way to the router may be slow for hours.
   */
  stalled?(): void;
}

/**
 * One TLS connection to one edge router, past its hello. Hello succeeds before the router has checked anything
 * (openziti-wire.md §0.1): only an answer to `request`, or a latency probe, proves the session good. Ends by itself when
 * the router is silent for too long, stops reading, sends what is no frame, or closes.
 */
export interface Channel extends AsyncDisposable {
  readonly routerId: string;
  readonly routerVersion: string;
  /** Whether the router's hello promised a BindSuccess for each bind (header 1024); older ones say no more than StateConnected. */
  readonly supportsBindSuccess: boolean;
  /** Aborted when the channel has ended, with the reason: OVERLAY-UNREACHABLE, -PROTOCOL, -TIMEOUT (no answer to probes), -CLOSED (by us). */
  readonly closed: AbortSignal;
  /** Writes a small frame at once, ahead of bulk that waits. Returns its sequence. A frame for a channel that has ended goes nowhere. */
  send(frame: OutgoingFrame): number;
  /**
   * Sends and waits for the reply (header 1), whatever its content type. Aborting `signal` rejects with its reason; a channel that ends
   * rejects with its own.
   */
  request(frame: OutgoingFrame, signal: AbortSignal): Promise<Frame>;
  /** The same, without an own promise for what is on the way: `onReply` runs in the reader's turn, before any later frame is handed out. */
  requestNow(frame: OutgoingFrame, onReply: (reply: Frame) => void): Disposable;
  /**
   * Bulk waits for its turn: sources are asked in the order in which they came, one frame each, while the socket has room, so that
   * a stream with megabytes to send never holds up a neighbour for more than a frame of each other one.
   */
  wantsToSend(source: FrameSource): void;
  /** Whoever is registered takes all frames with this connection id (header 1000). Frames of unknown ids are dropped, requests among them answered. */
  attach(connId: number, sink: FrameSink): Disposable;
  /** A connection id that is free on this channel, from 1 on. */
  newConnId(): number;
  /** Stops reading from the socket as long as somebody holds it. To be held for a short, limited time: it holds up all connections. */
  hold(): Disposable;
  /** Round trip to the router and back; everything sent before has been read by the router when it resolves. */
  probe(signal: AbortSignal): Promise<void>;
  /** Bytes given to the socket and not yet taken from it. */
  readonly bytesQueued: number;
}

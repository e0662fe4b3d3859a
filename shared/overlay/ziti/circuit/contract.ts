import type { Duplex } from 'node:stream';
import type { Caller } from '../../overlay.ts';
import type { Channel } from '../channel/contract.ts';
import type { ServiceSession } from '../controller/contract.ts';
import type { DeafCallers } from './deaf-callers.ts';

/**
 * Flow control between two ends of ours. The protocol has none that holds: a sender that outruns its receiver gets payloads dropped
 * and stalls every circuit of its channel (openziti-wire.md §10.1). So each end grants the other the bytes that it may send.
 * The dialer marks its Connect (header 1025 begins with `MARKER`; routers forward it, other SDKs take it for the random text
 * that it is). A host of ours answers a marked dial with a first grant, the dialer then with its own. A grant is a Data frame
 * whose flags (header 1010, which travels end to end) have bit `GRANT` set and in their upper 16 bits the number of `UNIT_BYTES`
 * that the other end may send beyond all former ones; its body is empty, or, with the host's first grant of an encrypted connection, the stream header.
 * A grant of 0 units is a heartbeat (`CircuitLimits.heartbeatMs`).
 * Nobody who was not marked or has not granted ever gets such a frame. Until the first grant an end may send `INITIAL_BYTES`;
 * to an end that never grants it sends on in steps, each behind a probe of the router. What is counted on both sides: of each
 * Data frame with a body, but for the stream header, the bytes of its body as on the wire and `FRAME_BYTES` more, so
 * that a reader's memory is bounded for tiny messages too.
 */
export const FLOW = {
  MARKER: 'vm1',
  GRANT: 0x8000,
  UNIT_BYTES: 4096,
  /** What a reader holds for its application at most, per connection. */
  WINDOW_BYTES: 1024 * 1024,
  INITIAL_BYTES: 256 * 1024,
  /** What is sent in one frame at most, before encryption. */
  CHUNK_BYTES: 64 * 1024,
  /** As much to an end that has not granted: the Java SDK (0.22.8) holds 32 KiB for its reader, and loses a longer message that the reader does not take at once. */
  FOREIGN_CHUNK_BYTES: 32 * 1024,
  FRAME_BYTES: 128,
} as const;

export interface CircuitLimits {
  /**
   * After our end, how long to wait for the other's, counted from our end or the last frame of the other side, whichever was later;
   * then the connection fails with OVERLAY-CLOSED (a host of the C SDK never answers an end, openziti-wire.md §10.8). A connection over which
   * an answer may be longer in coming is ended by the side that answers. 30,000 ms unless told.
   */
  lingerMs: number;
  /** Bytes (counted as `FLOW` says) unread by the application before the channel is held up, for senders that know no grants. 4 MiB unless told. */
  unreadBytes: number;
  /** How long the channel is held up for a reader that does not read, before its connection is cut. 2,000 ms unless told. */
  holdMs: number;
  /**
   * Between two ends of ours: how long this end sends nothing at most. Then, or earlier by up to a third, it sends a heartbeat, a grant of 0
   * units; the first one soon, idle or not, so that the other end knows. Once the other end has sent one, and then nothing at all for two and
   * a half times as long although the router answers, the connection fails with OVERLAY-CLOSED. A network may forget a circuit after 60 s
   * without traffic, and tell one end only (openziti-network.md §3.15). A heartbeat is 44 bytes, 66 in its TLS record and 118 in its TCP
   * segment: unless told otherwise an idle connection costs each of its ends 90 sent and 90 received an hour, 21 kB, or 31 kB with TCP's
   * acknowledgements. Two ends may be told different times, the longer one no more than twice the other. 45,000 ms unless told.
   */
  heartbeatMs: number;
}

export interface DialRequest {
  channel: Channel;
  session: ServiceSession;
  encryptionRequired: boolean;
  /** Our own name, header 1008; a claim. */
  callerName: string;
  /** Gives the dial up; means nothing to a connection that was made. */
  signal: AbortSignal;
  limits?: Partial<CircuitLimits>;
}

/**
 * Opens one circuit. Throws what the router's text means (`circuit/reasons.ts`): OVERLAY-NO-TERMINATOR, -DENIED, -NO-SERVICE,
 * -SESSION (the session is no longer good: a new one may help), -PROTOCOL (encryption required and no key came), -UNREACHABLE.
 */
export type DialCircuit = (request: DialRequest) => Promise<Duplex>;

export interface HostRequest {
  channel: Channel;
  session: ServiceSession;
  encryptionRequired: boolean;
  /** Binding again with it replaces the former terminator; one that is to stand beside it needs another one. */
  listenerId: string;
  accept: (connection: Duplex, caller: Caller) => void;
  /** Gives up waiting for the router's answer; means nothing once the promise has resolved. */
  signal: AbortSignal;
  limits?: Partial<CircuitLimits>;
  /** Connections that may be open at once; dials beyond are refused. 10,000 unless told. */
  maxConnections?: number;
  /** Those that are open, for hostings that count theirs together. Each has its own unless told. */
  connections?: Set<Duplex>;
  /** Who is turned away for not reading; shared by the hostings of an overlay. */
  deafCallers?: DeafCallers;
}

/** A service offered through one router. */
export interface Hosting extends AsyncDisposable {
  /**
   * Resolves when the terminator exists (BindSuccess); while the controller is away the router keeps trying to make it (openziti-network.md
   * §3.13). Rejects with the reason of `ended` when that comes before, with OVERLAY-CLOSED when it is disposed before.
   */
  readonly confirmed: Promise<void>;
  /**
   * Aborted when the router has ended the bind, or the channel has: with the reason (OVERLAY-DENIED, -SESSION, -NO-SERVICE; OVERLAY-CLOSED when a newer
   * bind with this listener id took its place; OVERLAY-UNREACHABLE for anything else; the channel's). Not by disposing it.
   */
  readonly ended: AbortSignal;
  /**
   * Takes the offer back so that no dial is lost: those that the router had sent before it read of it are still accepted, or refused at once.
   * Resolves when none can come any more, that is when the router has answered a probe. Rejects with the signal's reason when that aborts,
   * or the channel's; dials are left unanswered then. Connections that were made go on. After it, or in its place, dispose.
   */
  withdraw(lateDials: 'accept' | 'refuse', signal: AbortSignal): Promise<void>;
}

/** Binds through one router; resolves when that has taken the offer (StateConnected). Throws as DialCircuit does. */
export type HostService = (request: HostRequest) => Promise<Hosting>;

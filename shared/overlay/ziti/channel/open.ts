import type { Identity } from '../../../identity/identity.ts';
import type { Logger } from '../../../log.ts';
import type { NetworkClock } from '../../../time/network-clock.ts';
import { limited } from '../../limit.ts';
import { FRAME_LIMITS, type FrameLimits, HELLO_LIMITS } from '../wire/reader.ts';
import { RouterChannel } from './channel.ts';
import type { Channel } from './contract.ts';
import { greet } from './hello.ts';
import { connectRouter } from './tls.ts';

export interface ChannelLimits {
  /** Frames before the hello's answer is through. */
  hello: FrameLimits;
  /** Frames from then on. */
  frame: FrameLimits;
  /** Bulk is asked for as long as less than this waits at the socket. */
  bulkBytes: number;
  /**
   * Bytes that may wait at the socket. More means that the router does not read while frames are sent that nothing holds back
   * (answers that it demands, or a caller out of control): the channel ends with OVERLAY-PROTOCOL. Thousands of dials in one turn stay below.
   */
  queuedBytes: number;
  /** How long disposing waits for what was sent to reach the router. */
  closeMs: number;
}

export const CHANNEL_LIMITS: ChannelLimits = {
  hello: HELLO_LIMITS,
  frame: FRAME_LIMITS,
  bulkBytes: 128 * 1024,
  queuedBytes: 8 * 1024 * 1024,
  closeMs: 1000,
};

export interface ChannelOptions {
  host: string;
  port: number;
  identity: Identity;
  /** Of the signed-in session, as the controller issued it. */
  sessionToken: string;
  log: Logger;
  /** Ends the opening early (OVERLAY-CLOSED); an open channel is ended by disposing it. */
  signal?: AbortSignal;
  /** For TCP, TLS and hello together; 10,000 ms unless told. */
  connectTimeoutMs?: number;
  /** How long nothing may come from the router before it is probed; 30,000 ms unless told. */
  latencyEveryMs?: number;
  /** How long a router may be silent behind a probe, and a third of how long it may leave it unanswered; 10,000 ms unless told. */
  latencyTimeoutMs?: number;
  /** How long a router may leave bulk unread before the connection that stopped it is cut and the channel ended; 4,000 ms unless told. */
  stallMs?: number;
  limits?: Partial<ChannelLimits>;
  /** Judges the router's certificate where the machine's own time is not to be believed. */
  clock?: NetworkClock;
}

export const LATENCY_EVERY_MS = 30_000;

const NEVER = new AbortController().signal;

/**
 * Opens a channel to a router: TLS with the identity's certificate, then the hello, whose success proves nothing about the session (see
 * `Channel`). Errors: OVERLAY-UNREACHABLE (no connection, closed early, refused for now; with IDENTITY-UNTRUSTED or -EXPIRED as its cause
 * when the router's certificate is not of this network), OVERLAY-SIGN-IN (the router refuses the identity's certificate, or the client for
 * good), OVERLAY-PROTOCOL (no router answers there), OVERLAY-TIMEOUT, OVERLAY-CLOSED (by `signal`).
 */
export function openChannel(options: ChannelOptions): Promise<Channel> {
  const { signal, connectTimeoutMs = 10_000 } = options;
  return limited(
    { timeoutMs: connectTimeoutMs, ...(signal && { signal }) },
    NEVER,
    (limit) => open(options, limit),
    (late) => void late[Symbol.asyncDispose](),
  );
}

async function open(options: ChannelOptions, signal: AbortSignal): Promise<Channel> {
  const { host, port, identity, sessionToken, log, latencyEveryMs = LATENCY_EVERY_MS, latencyTimeoutMs = 10_000, stallMs = 4000 } = options;
  const limits = { ...CHANNEL_LIMITS, ...options.limits };
  const socket = await connectRouter({ host, port }, identity, signal, options.clock);
  try {
    const greeting = await greet(socket, { identityId: identity.id, sessionToken, limits, signal });
    return new RouterChannel(socket, greeting, { log, limits, latencyEveryMs, latencyTimeoutMs, stallMs });
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

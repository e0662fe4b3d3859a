import type { Duplex } from 'node:stream';
import type { Caller } from '../../overlay.ts';
import type { Channel } from '../channel/contract.ts';
import type { ServiceSession } from '../controller/contract.ts';

/**
 * Flow control between two ends of ours. The protocol has none that holds: a sender that outruns its receiver gets payloads dropped
 * and stalls every circuit of its channel (openziti-wire.md §10.1). So each end grants the other the bytes that it may send.
 * The dialer marks its Connect (header 1025 begins with `MARKER`; routers forward it, other SDKs take it for the random text
 * that it is). A host of ours answers a marked dial with a first grant, the dialer then with its own. A grant is a Data frame
 * whose flags (header 1010, which travels end to end) have bit `GRANT` set and in their upper 16 bits the number of `UNIT_BYTES`
 * that the other end may send beyond all former ones; its body is empty, or, with the first grant of an encrypted connection, the stream header.
 * Nobody who was not marked or has not granted ever gets such a frame. Until the first grant an end may send `INITIAL_BYTES`;
 * to an end that never grants it sends on in steps, each behind a probe of the router.
 */
export const FLOW = {
  MARKER: 'vm1',
  GRANT: 0x8000,
  UNIT_BYTES: 4096,
  /** What a reader holds for its application at most, per connection. */
  WINDOW_BYTES: 1024 * 1024,
  INITIAL_BYTES: 256 * 1024,
  CHUNK_BYTES: 64 * 1024,
} as const;

export interface CircuitLimits {
  /** After our end, how long to wait for the other's; then the connection is closed. 30,000 ms unless told. */
  lingerMs: number;
  /** Bytes unread by the application before the channel is held up, for senders that know no grants. 4 MiB unless told. */
  unreadBytes: number;
  /** How long the channel is held up for a reader that does not read, before its connection is cut. 2,000 ms unless told. */
  holdMs: number;
}

export interface DialRequest {
  channel: Channel;
  session: ServiceSession;
  encryptionRequired: boolean;
  /** Our own name, header 1008; a claim. */
  callerName: string;
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
  /** Stable for one `Overlay.bind`: binding again with it replaces the former terminator. */
  listenerId: string;
  accept: (connection: Duplex, caller: Caller) => void;
  signal: AbortSignal;
  limits?: Partial<CircuitLimits>;
}

/** A service offered through one router. */
export interface Hosting extends AsyncDisposable {
  /** Aborted when the router has ended the bind, or the channel has: with the reason (OVERLAY-DENIED, -SESSION, -NO-SERVICE, the channel's). */
  readonly ended: AbortSignal;
}

/** Binds through one router; resolves when the terminator exists (BindSuccess). Throws as DialCircuit does. */
export type HostService = (request: HostRequest) => Promise<Hosting>;

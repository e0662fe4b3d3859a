import type { Duplex } from 'node:stream';
import type { ErrorCode } from '../errors.ts';

/** Who is at the other end of a connection, as far as the overlay can say. */
export interface Caller {
  /** Overlay identity id, as the network itself asserts it. */
  identityId: string | undefined;
  name: string | undefined;
  /** True only when the network authenticated the caller; a name that the caller declared itself stays a claim. */
  verified: boolean;
}

export interface DialOptions {
  signal?: AbortSignal;
  /** Own time limit; 10,000 ms unless told. */
  timeoutMs?: number;
}

export interface ServiceInfo {
  name: string;
  permissions: readonly ('Dial' | 'Bind')[];
}

/** Takes a connection over: the listener owns the stream and must handle its errors. */
export type ConnectionListener = (connection: Duplex, caller: Caller) => void;

/** A service held open for dialers. Disposing it ends the offer; connections already made go on. */
export interface Binding extends AsyncDisposable {
  readonly service: string;
  /** Why dials do not reach it at the moment (the network is lost, or has taken the permission back); undefined when they do. */
  readonly failure: ErrorCode | undefined;
}

export type OverlayState = 'connecting' | 'ready' | 'lost' | 'closed';

/**
 * One identity's place in an overlay network. `dial` and `bind` only ever connect out; nothing listens. Both directions of a
 * connection carry bytes in order with back-pressure; `end()` half-closes; a connection cut off without its end surfaces as an
 * error ('error' event with a VitalmeshError OVERLAY-CLOSED), never as a clean end. Errors: OVERLAY-UNREACHABLE, -DENIED,
 * -NO-SERVICE, -NO-TERMINATOR, -TIMEOUT, -CLOSED, -PROTOCOL, -SIGN-IN, -SESSION, -CRYPTO. A binding survives the loss of the network: it is made again by
 * itself. A write never delivers to the peer's reader within its own call (Node aborts when HTTP/2 over TLS meets that). Disposing
 * the overlay destroys everything made through it.
 */
export interface Overlay extends AsyncDisposable {
  dial(service: string, options?: DialOptions): Promise<Duplex>;
  bind(service: string, listener: ConnectionListener): Promise<Binding>;
  /** What this identity may dial and bind. */
  services(): Promise<readonly ServiceInfo[]>;
  readonly state: OverlayState;
  /** Called at every change of state, until the returned object is disposed. */
  onState(listener: (state: OverlayState) => void): Disposable;
}

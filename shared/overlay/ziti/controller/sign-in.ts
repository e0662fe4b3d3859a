import type { ApiSession } from './contract.ts';
import type { Exchange } from './exchange.ts';

/** A session fresh from the controller. */
export interface SignedIn {
  session: Omit<ApiSession, 'expiresAt'>;
  /** How long its token is good from the answer on; that of a certificate session if nobody uses it. */
  lifetimeMs: number;
  /** How long `renew` has a chance from the answer on, where that is longer. */
  renewableMs?: number;
  /** What a renewal takes beside the session; a secret. */
  renewal?: string;
  /** `host:port` of the controller that made it, where that is known; another one may not know it. */
  controller?: string;
}

/** One way to become known to a controller and to stay so. It keeps no state; whoever uses it keeps the session. */
export interface SignIn {
  /** Errors: OVERLAY-SIGN-IN, and those of `Exchange`. */
  signIn(exchange: Exchange, signal: AbortSignal): Promise<SignedIn>;
  /** What every request carries. */
  headers(session: SignedIn['session']): Readonly<Record<string, string>>;
  /** Makes a session last longer; it may come back with another token. OVERLAY-SIGN-IN when the controller knows it no more. */
  renew(signedIn: SignedIn, exchange: Exchange, signal: AbortSignal): Promise<SignedIn>;
  /** Ends a session where that can be done; then the routers cut its channels at once. */
  signOut(session: SignedIn['session'], exchange: Exchange, signal: AbortSignal): Promise<void>;
}

import type { ApiSession } from './contract.ts';
import type { Exchange } from './exchange.ts';

/** A session fresh from the controller. */
export interface SignedIn {
  session: Omit<ApiSession, 'expiresAt'>;
  /** How long it lives from the answer on if nobody uses it. */
  lifetimeMs: number;
}

/** One way to become known to a controller and to stay so. It keeps no state; whoever uses it keeps the session. */
export interface SignIn {
  /** Errors: OVERLAY-SIGN-IN, and those of `Exchange`. */
  signIn(exchange: Exchange, signal: AbortSignal): Promise<SignedIn>;
  /** What every request carries. */
  headers(session: SignedIn['session']): Readonly<Record<string, string>>;
  /** Makes a session last longer; it may come back with another token. OVERLAY-SIGN-IN when the controller knows it no more. */
  renew(session: SignedIn['session'], exchange: Exchange, signal: AbortSignal): Promise<SignedIn>;
  /** Ends a session. The routers cut its channels at once. */
  signOut(session: SignedIn['session'], exchange: Exchange, signal: AbortSignal): Promise<void>;
}

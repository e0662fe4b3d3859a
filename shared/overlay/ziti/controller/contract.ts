import type { Instant } from '../../../clock.ts';
import type { SignInKind } from '../../controller-status.ts';
import type { Authenticator, Extension, Verification } from './certificates.ts';

/** A service as the controller lists it for this identity (openziti-wire.md §2c). */
export interface ZitiService {
  id: string;
  name: string;
  permissions: readonly ('Dial' | 'Bind')[];
  encryptionRequired: boolean;
}

/** A router and where its channel is reached. */
export interface EdgeRouter {
  name: string;
  host: string;
  port: number;
  online: boolean;
}

/** The right to dial or bind one service; `token` is what the routers want to see. Reusable for dials, one for each bind. */
export interface ServiceSession {
  id: string;
  token: string;
  type: 'Dial' | 'Bind';
  serviceId: string;
  /** Routers of this service, in the controller's order; those that are offline left out. */
  routers: readonly EdgeRouter[];
}

/** The signed-in state: what a router channel shows at its hello. */
export interface ApiSession {
  /** A session of OIDC has a token that runs out: a channel has to be shown each new one (openziti-network.md §5.2). */
  kind: SignInKind;
  id: string;
  token: string;
  identityId: string;
  identityName: string;
  expiresAt: Instant;
}

/**
 * One identity's dealings with its controller over HTTPS with the identity's certificate. Signs in when first needed and again
 * when a session has ended (401), once per call; keeps the session alive before it expires; every wait has a limit of its own.
 * Answers are checked by schema and capped in size. `signal` ends a call early.
 * Of several controllers the next is asked when one does not serve; a new session with it leaves what was made with the old one alone.
 * Errors: OVERLAY-UNREACHABLE (no controller answers, or answers nonsense), OVERLAY-BUSY (one says that it cannot serve now), OVERLAY-TIMEOUT,
 * OVERLAY-SIGN-IN (it refuses this identity, or wants a second factor), OVERLAY-NO-SERVICE, OVERLAY-DENIED, OVERLAY-CLOSED.
 */
export interface Controller extends AsyncDisposable {
  /** The present session; signs in when there is none. */
  signIn(signal?: AbortSignal): Promise<ApiSession>;
  services(signal?: AbortSignal): Promise<readonly ZitiService[]>;
  /**
   * What changes whenever the answer of `services` may have, and costs a few hundred bytes (openziti-wire.md §2c); undefined when the controller
   * does not say. It comes from the controller that was asked: another one may say something else.
   */
  servicesMark(signal?: AbortSignal): Promise<string | undefined>;
  /** The routers that this identity may use, also those that are offline. */
  edgeRouters(signal?: AbortSignal): Promise<readonly EdgeRouter[]>;
  createSession(serviceId: string, type: 'Dial' | 'Bind', signal?: AbortSignal): Promise<ServiceSession>;
  /** Called with each new session (not with the first). Router channels of the old one end by themselves. */
  onSession(listener: (session: ApiSession) => void): Disposable;
  /** Called when the present session has got another token. Its channels are to be shown it, or their routers cut them. */
  onToken(listener: (session: ApiSession) => void): Disposable;
}

/** What the renewal of a certificate needs besides. Errors as above, and RENEW-REFUSED. */
export interface CertificateController extends Controller {
  /** `host:port` of the controller that served last; undefined before one has. */
  readonly servedLast: string | undefined;
  /** How the present session was made; undefined while there is none. */
  readonly signedInBy: SignInKind | undefined;
  /**
   * A new session, by the certificate that the network takes now; `onSession` tells of it. The one of before stays good until `endSession`,
   * so that what was made with it can go on.
   */
  signInAgain(signal?: AbortSignal): Promise<{ session: ApiSession; before: ApiSession | undefined }>;
  /** Ends a session that another one took the place of, by good will: one that stays behind ends by itself. */
  endSession(session: ApiSession): Promise<void>;
  authenticator(signal?: AbortSignal): Promise<Authenticator>;
  extend(authenticatorId: string, csrPem: string, signal?: AbortSignal): Promise<Extension>;
  verifyExtension(authenticatorId: string, certPem: string, signal?: AbortSignal): Promise<Verification>;
}

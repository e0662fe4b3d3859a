import { type Clock, systemClock } from '../../../clock.ts';
import { packageVersion } from '../../../command-line.ts';
import { VitalmeshError } from '../../../errors.ts';
import { HeldIdentity } from '../../../identity/held-identity.ts';
import type { Identity } from '../../../identity/identity.ts';
import { limited } from '../../limit.ts';
import { baseOf, MAX_LEARNED, memberBasesOf } from './addresses.ts';
import { edgeRoutersOf, lastChangeOf, serviceSessionOf, servicesOf } from './answers.ts';
import { candidateSignIn } from './candidate-sign-in.ts';
import { certificateSignIn } from './certificate-sign-in.ts';
import { type Authenticator, askAuthenticator, askExtension, askVerification, type Extension, type Verification } from './certificates.ts';
import { chosenSignIn, type SignInChoice } from './chosen-sign-in.ts';
import type { ApiSession, CertificateController, EdgeRouter, ServiceSession, ZitiService } from './contract.ts';
import { type ControllerAnswer, ControllerHttp, type ControllerRequest, type ExchangeLimits } from './exchange.ts';
import { oidcSignIn } from './oidc-sign-in.ts';
import { expectServiceSession, expectStatus, refusal } from './refusals.ts';
import { type KeptSession, SessionKeeper } from './session-keeper.ts';
import type { SignIn } from './sign-in.ts';

export interface ControllerLimits extends ExchangeLimits {
  /** For a whole call, all its requests and a sign-in included; and for a sign-in. */
  callTimeoutMs: number;
  /** For ending the session at the end. */
  signOutTimeoutMs: number;
  /** Between a sign-in whose session was refused at its first use and the next one. */
  refusedPauseMs: number;
  /** Services that are taken at most; further ones do not exist for us. */
  maxServices: number;
}

export interface ControllerOptions {
  /** One that is held may change its certificate meanwhile. */
  identity: Identity | HeldIdentity;
  /** 10,000 ms for a call, of which 4,000 for a connection and 7,000 for an answer at most; 8 MiB a body; unless told. */
  limits?: Partial<ControllerLimits>;
  clock?: Clock;
  random?: () => number;
  /** By certificate session unless told. */
  signIn?: SignInChoice;
}

/** Connection and answer end before the call does, so that a controller that hangs is left for the next one. */
const LIMITS: ControllerLimits = {
  connectTimeoutMs: 4_000,
  answerTimeoutMs: 7_000,
  callTimeoutMs: 10_000,
  signOutTimeoutMs: 2_000,
  refusedPauseMs: 1_000,
  maxBodyBytes: 8 * 1024 * 1024,
  maxServices: 20_000,
};

const PAGE = 500;
/** With a proven session: it, the one after it, and one more when that was made in an unlucky second. */
const MAX_SESSIONS_A_CALL = 3;

/**
 * Nothing is sent before the first call. Disposing it ends calls that are under way with OVERLAY-CLOSED, and signs out: the routers
 * then cut every channel of this session at once, so the overlay's own end comes before. Throws IDENTITY-FILE when the identity
 * names no controller.
 */
export function openController(options: ControllerOptions): CertificateController {
  return new EdgeController(options);
}

class EdgeController implements CertificateController {
  readonly #limits: ControllerLimits;
  readonly #http: ControllerHttp;
  readonly #signIn: SignIn;
  readonly #sessions: SessionKeeper;
  /** Those that another took the place of and that were not ended yet. */
  readonly #outlived = new Set<ApiSession>();
  readonly #closed = new AbortController();
  #disposal: Promise<void> | undefined;

  constructor({ identity, limits, clock = systemClock, random = Math.random, signIn = 'certificate' }: ControllerOptions) {
    this.#limits = { ...LIMITS, ...limits };
    const held = identity instanceof HeldIdentity ? identity : new HeldIdentity(identity);
    this.#http = new ControllerHttp(held.inUse, this.#limits);
    const version = packageVersion();
    const way = chosenSignIn(signIn, { certificate: certificateSignIn(version), oidc: oidcSignIn(version) });
    this.#signIn = candidateSignIn(way, held, (pair) => this.#http.use(pair));
    this.#sessions = new SessionKeeper({
      signIn: this.#signIn,
      exchange: this.#http.exchange,
      clock,
      random,
      timeoutMs: this.#limits.callTimeoutMs,
      refusedPauseMs: this.#limits.refusedPauseMs,
    });
  }

  signIn(signal?: AbortSignal): Promise<ApiSession> {
    return this.#call(signal, async (limit) => (await this.#sessions.current(limit)).session);
  }

  services(signal?: AbortSignal): Promise<readonly ZitiService[]> {
    return this.#call(signal, (limit) => this.#allServices(limit));
  }

  edgeRouters(signal?: AbortSignal): Promise<readonly EdgeRouter[]> {
    return this.#call(signal, async (limit) => {
      const answer = await this.#ask({ method: 'GET', path: `/current-identity/edge-routers?limit=${PAGE}&offset=0` }, limit);
      return edgeRoutersOf(expectStatus(answer, 200).json);
    });
  }

  createSession(serviceId: string, type: 'Dial' | 'Bind', signal?: AbortSignal): Promise<ServiceSession> {
    return this.#call(signal, async (limit) => {
      const answer = await this.#ask({ method: 'POST', path: '/sessions', json: { serviceId, type } }, limit);
      return serviceSessionOf(expectServiceSession(answer).json, serviceId, type);
    });
  }

  onSession(listener: (session: ApiSession) => void): Disposable {
    return this.#sessions.onSession(listener);
  }

  onToken(listener: (session: ApiSession) => void): Disposable {
    return this.#sessions.onToken(listener);
  }

  signInAgain(signal?: AbortSignal): Promise<{ session: ApiSession; before: ApiSession | undefined }> {
    return this.#call(signal, async (limit) => {
      const before = this.#sessions.present;
      const { session } = await this.#sessions.again(limit);
      if (before) this.#outlived.add(before);
      return { session, before };
    });
  }

  async endSession(session: ApiSession): Promise<void> {
    if (this.#outlived.delete(session)) await this.#signOut(session);
  }
  servicesMark(signal?: AbortSignal): Promise<string | undefined> {
    return this.#call(signal, async (limit) => {
      const { status, json } = await this.#ask({ method: 'GET', path: '/current-api-session/service-updates' }, limit);
      return status === 200 ? lastChangeOf(json) : undefined;
    });
  }


  authenticator(signal?: AbortSignal): Promise<Authenticator> {
    return this.#call(signal, (limit) => askAuthenticator((request) => this.#ask(request, limit)));
  }

  extend(authenticatorId: string, csrPem: string, signal?: AbortSignal): Promise<Extension> {
    return this.#call(signal, (limit) => askExtension((request) => this.#ask(request, limit), authenticatorId, csrPem));
  }

  verifyExtension(authenticatorId: string, certPem: string, signal?: AbortSignal): Promise<Verification> {
    return this.#call(signal, (limit) => askVerification((request) => this.#ask(request, limit), authenticatorId, certPem));
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#disposal ??= this.#dispose();
    return this.#disposal;
  }

  #call<T>(signal: AbortSignal | undefined, work: (limit: AbortSignal) => Promise<T>): Promise<T> {
    return limited({ ...(signal && { signal }), timeoutMs: this.#limits.callTimeoutMs }, this.#closed.signal, work);
  }

  /** Asks as who we are, and again with a new session when the present one is not (or no longer) known there. */
  async #ask(request: ControllerRequest, signal: AbortSignal): Promise<ControllerAnswer> {
    let neverTaken = 0;
    for (let sessions = 1; ; sessions += 1) {
      const kept = await this.#sessions.current(signal);
      const answer = await this.#askAs(kept, request, signal);
      if (answer.status !== 401) return answer;
      if (sessions < MAX_SESSIONS_A_CALL && hasExpired(answer)) {
        this.#sessions.expired(kept);
        continue;
      }
      this.#sessions.refused(kept);
      if (!kept.proven) neverTaken += 1;
      if (neverTaken === 2 || sessions === MAX_SESSIONS_A_CALL) throw refusal(answer);
    }
  }

  async #askAs(kept: KeptSession, request: ControllerRequest, signal: AbortSignal): Promise<ControllerAnswer> {
    const answer = await this.#http.exchange({ ...request, headers: kept.headers }, signal);
    if (answer.status < 300) kept.proven = true;
    return answer;
  }

  /** Ends with the last page, at the cap, or with a page that brings nothing new; a name that comes twice belongs to its first service. */
  async #allServices(signal: AbortSignal): Promise<readonly ZitiService[]> {
    const byName = new Map<string, ZitiService>();
    const ids = new Set<string>();
    for (let offset = 0; ids.size < this.#limits.maxServices; ) {
      const answer = await this.#ask({ method: 'GET', path: `/services?limit=${PAGE}&offset=${offset}` }, signal);
      const { services, entries, total } = servicesOf(expectStatus(answer, 200).json);
      const fresh = services.filter(({ id }) => !ids.has(id));
      for (const service of fresh.slice(0, this.#limits.maxServices - ids.size)) {
        ids.add(service.id);
        if (!byName.has(service.name)) byName.set(service.name, service);
      }
      offset += entries;
      if (fresh.length === 0 || (total !== undefined && offset >= total)) break;
    }
    return [...byName.values()];
  }

  async #dispose(): Promise<void> {
    this.#closed.abort();
    const left = this.#sessions.close();
    await Promise.all([...this.#outlived, ...(left ? [left] : [])].map((session) => this.#signOut(session)));
    await this.#http[Symbol.asyncDispose]();
  }

  /** By good will: a session that stays behind ends by itself. */
  async #signOut(session: ApiSession): Promise<void> {
    const { signal } = new AbortController();
    try {
      await limited({ timeoutMs: this.#limits.signOutTimeoutMs }, signal, (limit) =>
        this.#signIn.signOut(session, this.#http.exchange, limit),
      );
    } catch (error) {
      if (!(error instanceof VitalmeshError)) throw error;
    }
  }
}

/** It tells a token that has run out, which can be renewed, from one that is good no more (openziti-network.md §5.3). */
function hasExpired({ headers }: ControllerAnswer): boolean {
  return /^Bearer\b.*\berror="expired"/.test(headers['www-authenticate'] ?? '');
}

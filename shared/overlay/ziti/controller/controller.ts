import { type Clock, systemClock } from '../../../clock.ts';
import { packageVersion } from '../../../command-line.ts';
import { VitalmeshError } from '../../../errors.ts';
import { HeldIdentity } from '../../../identity/held-identity.ts';
import type { Identity } from '../../../identity/identity.ts';
import { type Logger, silentLogger } from '../../../log.ts';
import { NetworkClock } from '../../../time/network-clock.ts';
import type { SignInKind } from '../../controller-status.ts';
import { limited } from '../../limit.ts';
import { baseOf, MAX_LEARNED, memberBasesOf } from './addresses.ts';
import { edgeRoutersOf, lastChangeOf, serviceSessionOf, servicesOf } from './answers.ts';
import { candidateSignIn } from './candidate-sign-in.ts';
import { certificateSignIn } from './certificate-sign-in.ts';
import { type Authenticator, askAuthenticator, askExtension, askVerification, type Extension, type Verification } from './certificates.ts';
import { chosenSignIn, type SignInChoice } from './chosen-sign-in.ts';
import type { ApiSession, CertificateController, EdgeRouter, ServiceSession, ZitiService } from './contract.ts';
import { Controllers, type PlacedAnswer } from './controllers.ts';
import { type ControllerAnswer, ControllerHttp, type ControllerRequest, type Exchange, type ExchangeLimits } from './exchange.ts';
import { oidcSignIn } from './oidc-sign-in.ts';
import { oneControllerSignIn } from './one-controller-sign-in.ts';
import { expectServiceSession, expectStatus, refusal } from './refusals.ts';
import { type KeptSession, SessionKeeper } from './session-keeper.ts';
import type { SignIn } from './sign-in.ts';

export interface ControllerLimits extends ExchangeLimits {
  /** For an answer of a controller while there is another one of which nothing bad is known. */
  patienceMs: number;
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
  /** 10,000 ms for a call, of which 4,000 for a connection and 7,000 for an answer at most, 3,000 for both where another controller may do; 8 MiB a body; unless told. */
  limits?: Partial<ControllerLimits>;
  clock?: Clock;
  random?: () => number;
  /** By certificate session unless told. */
  signIn?: SignInChoice;
  /** Nothing is logged unless told. */
  log?: Logger;
}

/** With two controllers that hang there is time for a third one. */
const LIMITS: ControllerLimits = {
  patienceMs: 3_000,
  connectTimeoutMs: 4_000,
  answerTimeoutMs: 7_000,
  callTimeoutMs: 10_000,
  signOutTimeoutMs: 2_000,
  refusedPauseMs: 1_000,
  maxBodyBytes: 8 * 1024 * 1024,
  maxServices: 20_000,
};

const PAGE = 500;
/** How often the network is asked which controllers it has; and again when it could not be asked. */
const LEARN = { everyMs: 12 * 60 * 60_000, retryMs: 10 * 60_000 };
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
  readonly #controllers: Controllers;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #signIn: SignIn;
  readonly #sessions: SessionKeeper;
  /** Those that another took the place of and that were not ended yet. */
  readonly #outlived = new Set<ApiSession>();
  readonly #closed = new AbortController();
  #learnAtMs = Number.NEGATIVE_INFINITY;
  #learning: Promise<void> | undefined;
  #disposal: Promise<void> | undefined;

  constructor({
    identity,
    limits,
    clock = systemClock,
    random = Math.random,
    signIn = 'certificate',
    log = silentLogger,
  }: ControllerOptions) {
    this.#limits = { ...LIMITS, ...limits };
    this.#clock = clock;
    this.#random = random;
    const held = identity instanceof HeldIdentity ? identity : new HeldIdentity(identity);
    const bases = held.inUse.controllers.map(baseOf);
    if (bases.length === 0) throw new VitalmeshError('IDENTITY-FILE', { detail: 'no controller is named' });
    this.#http = new ControllerHttp(held.inUse, this.#limits, clock instanceof NetworkClock ? clock : undefined);
    const { patienceMs } = this.#limits;
    const send = this.#http.send.bind(this.#http);
    this.#controllers = new Controllers({ bases, send, patienceMs, clock, random, log });
    const version = packageVersion();
    const way = chosenSignIn(signIn, { certificate: certificateSignIn(version), oidc: oidcSignIn(version) });
    this.#signIn = candidateSignIn(oneControllerSignIn(way, this.#controllers), held, (pair) => this.#http.use(pair));
    this.#sessions = new SessionKeeper({
      signIn: this.#signIn,
      exchange: this.#exchange,
      clock,
      random,
      timeoutMs: this.#limits.callTimeoutMs,
      refusedPauseMs: this.#limits.refusedPauseMs,
    });
  }

  get servedLast(): string | undefined {
    return this.#controllers.servedLast;
  }

  get signedInBy(): SignInKind | undefined {
    return this.#sessions.present?.kind;
  }

  signIn(signal?: AbortSignal): Promise<ApiSession> {
    return this.#call(signal, async (limit) => (await this.#sessions.current(limit)).session);
  }

  services(signal?: AbortSignal): Promise<readonly ZitiService[]> {
    return this.#call(signal, (limit) => this.#allServices(limit));
  }

  servicesMark(signal?: AbortSignal): Promise<string | undefined> {
    return this.#call(signal, async (limit) => {
      const { status, json } = await this.#ask({ method: 'GET', path: '/current-api-session/service-updates' }, limit);
      return status === 200 ? lastChangeOf(json) : undefined;
    });
  }

  edgeRouters(signal?: AbortSignal): Promise<readonly EdgeRouter[]> {
    return this.#call(signal, async (limit) => {
      const answer = await this.#ask({ method: 'GET', path: `/current-identity/edge-routers?limit=${PAGE}&offset=0` }, limit);
      const routers = edgeRoutersOf(expectStatus(answer, 200).json);
      this.#learnWhenDue();
      return routers;
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

  readonly #exchange: Exchange = (request, signal) => this.#controllers.exchange(request, signal);

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
      const isElsewhere = (kept.signedIn.controller ?? answer.controller) !== answer.controller;
      if (!kept.proven && !isElsewhere) neverTaken += 1;
      if (neverTaken < 2 && sessions < MAX_SESSIONS_A_CALL) continue;
      // One that did not make the session says nothing of this identity; why the one that made it was not asked does.
      throw (isElsewhere && answer.passed) || refusal(answer);
    }
  }

  async #askAs(kept: KeptSession, request: ControllerRequest, signal: AbortSignal): Promise<PlacedAnswer> {
    const answer = await this.#controllers.exchange({ ...request, headers: kept.headers }, signal);
    if (answer.status < 300) kept.proven = true;
    return answer;
  }

  /** In the background, over a session that is there: what it is good for comes much later, if ever. */
  #learnWhenDue(): void {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs < this.#learnAtMs || this.#learning || this.#closed.signal.aborted) return;
    this.#learnAtMs = nowMs + LEARN.retryMs;
    this.#learning = this.#call(undefined, (limit) => this.#learn(nowMs, limit))
      .catch((error: unknown) => {
        if (!(error instanceof VitalmeshError)) throw error;
      })
      .finally(() => {
        this.#learning = undefined;
      });
  }

  /** Older controllers know no such question; whatever they say to it has no consequence for the session. */
  async #learn(nowMs: number, signal: AbortSignal): Promise<void> {
    const kept = await this.#sessions.current(signal);
    const path = `/controllers?limit=${MAX_LEARNED}&offset=0`;
    const { status, json } = await this.#controllers.exchange({ method: 'GET', path, headers: kept.headers }, signal);
    if (status === 200) this.#controllers.learn(memberBasesOf(json));
    this.#learnAtMs = nowMs + LEARN.everyMs * (3 / 4 + this.#random() / 2);
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
    await this.#learning;
    await Promise.all([...this.#outlived, ...(left ? [left] : [])].map((session) => this.#signOut(session)));
    await this.#http[Symbol.asyncDispose]();
  }

  /** By good will: a session that stays behind ends by itself. */
  async #signOut(session: ApiSession): Promise<void> {
    const { signal } = new AbortController();
    try {
      await limited({ timeoutMs: this.#limits.signOutTimeoutMs }, signal, (limit) => this.#signIn.signOut(session, this.#exchange, limit));
    } catch (error) {
      if (!(error instanceof VitalmeshError)) throw error;
    }
  }
}

/** It tells a token that has run out, which can be renewed, from one that is good no more (openziti-network.md §5.3). */
function hasExpired({ headers }: ControllerAnswer): boolean {
  return /^Bearer\b.*\berror="expired"/.test(headers['www-authenticate'] ?? '');
}

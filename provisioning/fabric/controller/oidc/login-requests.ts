import { randomBytes, randomUUID } from 'node:crypto';
import type { Clock } from '../../../../shared/clock.ts';
import type { Authenticator } from '../../state/enrolments.ts';

/** What a client asked for when its sign-in began. */
export interface LoginRequest {
  clientId: string;
  redirectUri: string;
  scopes: readonly string[];
  state: string;
  nonce: string | undefined;
  /** RFC 7636, S256. */
  codeChallenge: string;
}

/** Who signed in, and what it told of itself. */
export interface Login {
  authenticator: Authenticator;
  /** SHA-1 of the certificate, lower-case hex. */
  sha1: string;
  env: Readonly<Record<string, string>>;
  sdk: Readonly<Record<string, string>>;
  address: string;
}

interface Pending {
  request: LoginRequest;
  login: Login | undefined;
  endsAtMs: number;
}

const REQUEST_MS = 5 * 60_000;
/** RFC 6749 §4.1.2 allows ten minutes; a device comes at once. */
const CODE_MS = 60_000;
/** Whoever asks may be anybody, so the oldest make room. */
const MAX_PENDING = 4096;

/** Sign-ins that have begun, and codes that were not spent: kept in memory for minutes. */
export class LoginRequests {
  readonly #clock: Clock;
  readonly #requests = new Map<string, Pending>();
  readonly #codes = new Map<string, Pending>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Its id, by which the further steps go. */
  begin(request: LoginRequest): string {
    const id = randomUUID();
    put(this.#requests, id, { request, login: undefined, endsAtMs: this.#clock.monotonicMs() + REQUEST_MS });
    return id;
  }

  has(id: string): boolean {
    return this.#live(this.#requests, id) !== undefined;
  }

  /** False when there is no such request. */
  signedIn(id: string, login: Login): boolean {
    const pending = this.#live(this.#requests, id);
    if (pending) pending.login = login;
    return pending !== undefined;
  }

  /** Ends a request of which somebody signed in: the code for its tokens, and what was asked. */
  finish(id: string): { code: string; request: LoginRequest } | undefined {
    const pending = this.#live(this.#requests, id);
    if (!pending?.login) return undefined;
    this.#requests.delete(id);
    const code = randomBytes(32).toString('base64url');
    put(this.#codes, code, { ...pending, endsAtMs: this.#clock.monotonicMs() + CODE_MS });
    return { code, request: pending.request };
  }

  /** A code is good once, whatever comes of it. */
  spend(code: string): { request: LoginRequest; login: Login } | undefined {
    const pending = this.#live(this.#codes, code);
    this.#codes.delete(code);
    return pending?.login && { request: pending.request, login: pending.login };
  }

  #live(entries: Map<string, Pending>, key: string): Pending | undefined {
    const pending = entries.get(key);
    return pending && this.#clock.monotonicMs() < pending.endsAtMs ? pending : undefined;
  }
}

function put(entries: Map<string, Pending>, key: string, pending: Pending): void {
  const [oldest] = entries.keys();
  if (entries.size >= MAX_PENDING && oldest !== undefined) entries.delete(oldest);
  entries.set(key, pending);
}

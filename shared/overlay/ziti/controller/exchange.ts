import { Agent, type Dispatcher } from 'undici';
import { VitalmeshError } from '../../../errors.ts';
import type { Identity } from '../../../identity/identity.ts';
import { deeperThan } from '../../../json-depth.ts';
import { toldTime } from '../../../time/http-date.ts';
import type { NetworkClock } from '../../../time/network-clock.ts';
import { rejectedBy } from '../../limit.ts';
import { TlsConnector } from './connector.ts';

/** One request to the edge client API. `path` begins behind the base URL: `/services?limit=500`; or, from the `root`, behind the host. */
export interface ControllerRequest {
  method: 'GET' | 'POST' | 'DELETE';
  path: string;
  headers?: Readonly<Record<string, string>>;
  root?: boolean;
  json?: unknown;
  form?: Readonly<Record<string, string>>;
}

/** What a controller answered. `json` is undefined when the body is no JSON that is read here. */
export interface ControllerAnswer {
  status: number;
  /** By lower-case name; those that come once. */
  headers: Readonly<Record<string, string | undefined>>;
  json: unknown;
}

/**
 * Sends a request and takes its answer, whatever its status. Errors: OVERLAY-UNREACHABLE, OVERLAY-TIMEOUT, OVERLAY-BUSY, OVERLAY-SIGN-IN
 * (the certificate is refused within TLS), and the signal's reason.
 */
export type Exchange = (request: ControllerRequest, signal: AbortSignal) => Promise<ControllerAnswer>;

export interface ExchangeLimits {
  /** For TCP and TLS to one controller. */
  connectTimeoutMs: number;
  /** From a request to the head of its answer, and between two pieces of its body. */
  answerTimeoutMs: number;
  maxBodyBytes: number;
}

/** A question that shows nothing of who asks, for the time that its answer tells. */
const ASK_TIME: ControllerRequest = { method: 'GET', path: '/version' };
const CONNECTIONS = 8;
const MAX_DEPTH = 64;
/** With a slash in it where OpenSSL's own text has one: `ERR_SSL_SSL/TLS_ALERT_BAD_CERTIFICATE`. */
const ERROR_CODE = /^[A-Z0-9_/]{1,64}$/;
/** TLS alerts by which a server refuses the client's certificate (RFC 8446 §6.2), as OpenSSL spells them. */
const CERTIFICATE_ALERT = /_ALERT_(?:BAD_CERTIFICATE|UNSUPPORTED_CERTIFICATE|CERTIFICATE_\w+|UNKNOWN_CA|ACCESS_DENIED)$/;

/** HTTPS (HTTP/1.1) with the identity's certificate. Redirects are not followed. No error carries bytes of a request or an answer. */
export class ControllerHttp implements AsyncDisposable {
  readonly #limits: ExchangeLimits;
  readonly #clock: NetworkClock | undefined;
  readonly #clockWatch: Disposable | undefined;
  /** The last one is in use; others finish what they were asked. */
  readonly #clients = new Set<Client>();
  #client: Client;

  /** A clock that may not know the time learns it from answers. Throws IDENTITY-FILE when the identity cannot be used for TLS. */
  constructor(identity: Identity, limits: ExchangeLimits, clock?: NetworkClock) {
    this.#limits = limits;
    this.#clock = clock;
    this.#client = this.#connectAs(identity);
    // Connections of before were judged by another time, if not under an exception.
    this.#clockWatch = clock?.onChange(() => this.#replace(this.#client.identity));
  }

  /** From now on requests go over connections with this certificate; those under way end over theirs. Throws IDENTITY-FILE. */
  use(identity: Identity): void {
    if (this.#client.identity.certPem !== identity.certPem) this.#replace(identity);
  }

  #replace(identity: Identity): void {
    const before = this.#client;
    this.#client = this.#connectAs(identity);
    void before.agent.close().then(
      () => this.#letGo(before),
      // Destroyed meanwhile.
      () => this.#letGo(before),
    );
  }

  /** Sends a request to the API at this base. Errors as of `Exchange`, with the host in their detail; the signal's reason when it aborts. */
  async send(base: URL, request: ControllerRequest, signal: AbortSignal): Promise<ControllerAnswer> {
    try {
      return await this.#timely(base, request, signal);
    } catch (error) {
      signal.throwIfAborted();
      throw failureOf(error, base.host);
    }
  }

  /** Where the time is not known it is asked for first, as it is when a refused certificate shows that the machine's clock is behind. */
  async #timely(base: URL, request: ControllerRequest, signal: AbortSignal): Promise<ControllerAnswer> {
    const wasBelieved = this.#clock?.trust === 'machine';
    try {
      if (this.#clock?.trust === 'floor') await this.#ask(base, ASK_TIME, signal);
      return await this.#ask(base, request, signal);
    } catch (error) {
      signal.throwIfAborted();
      if (!wasBelieved || this.#clock?.trust === 'machine' || !isUntrusted(error)) throw error;
      return await this.#timely(base, request, signal);
    }
  }

  async #ask(base: URL, request: ControllerRequest, signal: AbortSignal): Promise<ControllerAnswer> {
    const { agent, connector } = this.#client;
    const askedMs = this.#clock?.monotonicMs() ?? 0;
    // Undici looks at the signal of a request that waits for its connection only when there is one.
    const { statusCode, headers, body } = await Promise.race([agent.request(wireRequest(base, request, signal)), rejectedBy(signal)]);
    const answer = { status: statusCode, headers: singleOf(headers) };
    if (this.#clock) takeTime(this.#clock, answer.headers.date, askedMs, connector.judged(base.host));
    return { ...answer, json: parse(await body.text()) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#clockWatch?.[Symbol.dispose]();
    const clients = [...this.#clients];
    for (const { connector } of clients) connector[Symbol.dispose]();
    await Promise.all(clients.map(({ agent }) => agent.destroy()));
  }

  #connectAs(identity: Identity): Client {
    const { connectTimeoutMs, answerTimeoutMs, maxBodyBytes } = this.#limits;
    const connector = new TlsConnector(identity, connectTimeoutMs, this.#clock);
    const agent = new Agent({
      connect: connector.connect,
      allowH2: false,
      connections: CONNECTIONS,
      pipelining: 1,
      headersTimeout: answerTimeoutMs,
      bodyTimeout: answerTimeoutMs,
      maxResponseSize: maxBodyBytes,
    });
    const client = { identity, connector, agent };
    this.#clients.add(client);
    return client;
  }

  #letGo(client: Client): void {
    client.connector[Symbol.dispose]();
    this.#clients.delete(client);
  }
}

/** Connections with one certificate. */
interface Client {
  identity: Identity;
  connector: TlsConnector;
  agent: Agent;
}

/** The connection was refused on this side, so that nothing of the request was sent. */
function isUntrusted(error: unknown): boolean {
  return error instanceof VitalmeshError && error.cause instanceof VitalmeshError && error.cause.code === 'IDENTITY-EXPIRED';
}

/** A connection that had to be made first is no part of the way that the answer took. */
function takeTime(clock: NetworkClock, date: string | undefined, askedMs: number, judged: ReturnType<TlsConnector['judged']>): void {
  const told = toldTime(date, clock.monotonicMs() - Math.max(askedMs, judged?.lastMs ?? askedMs));
  if (told !== undefined) clock.take(told, judged);
}

function wireRequest(
  base: URL,
  { method, path, root, headers, json, form }: ControllerRequest,
  signal: AbortSignal,
): Dispatcher.RequestOptions {
  const type = form ? 'application/x-www-form-urlencoded' : json === undefined ? undefined : 'application/json';
  return {
    origin: base.origin,
    path: root ? path : `${base.pathname}${path}`,
    method,
    headers: { accept: 'application/json', ...(type && { 'content-type': type }), ...headers },
    body: form ? new URLSearchParams({ ...form }).toString() : json === undefined ? null : JSON.stringify(json),
    signal,
  };
}

function singleOf(headers: Readonly<Record<string, string | string[] | undefined>>): ControllerAnswer['headers'] {
  return Object.fromEntries(Object.entries(headers).filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
}

function parse(text: string): unknown {
  if (deeperThan(text, MAX_DEPTH)) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Without the cause: undici's parser errors hold the answer's bytes. */
function failureOf(error: unknown, host: string): VitalmeshError {
  if (error instanceof VitalmeshError) return new VitalmeshError(error.code, { detail: [host, error.detail].filter(Boolean).join(' ') });
  const { code, name } = error as { code?: unknown; name?: unknown };
  // Undici gives this one no code.
  const other = name === 'HTTPParserError' ? 'answers with no HTTP' : 'failed';
  const known = typeof code === 'string' && ERROR_CODE.test(code) ? code : other;
  if (/_TIMEOUT$|^ETIMEDOUT$/.test(known)) return new VitalmeshError('OVERLAY-TIMEOUT', { detail: `${host} ${known}` });
  return new VitalmeshError(CERTIFICATE_ALERT.test(known) ? 'OVERLAY-SIGN-IN' : 'OVERLAY-UNREACHABLE', { detail: `${host} ${known}` });
}

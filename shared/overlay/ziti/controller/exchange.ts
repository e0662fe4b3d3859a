import { Agent, type Dispatcher } from 'undici';
import { VitalmeshError } from '../../../errors.ts';
import type { Identity } from '../../../identity/identity.ts';
import { deeperThan } from '../../../json-depth.ts';
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
 * Sends a request and takes its answer, whatever its status. Errors: OVERLAY-UNREACHABLE, OVERLAY-TIMEOUT, OVERLAY-SIGN-IN (the
 * certificate is refused within TLS), and the signal's reason.
 */
export type Exchange = (request: ControllerRequest, signal: AbortSignal) => Promise<ControllerAnswer>;

export interface ExchangeLimits {
  /** For TCP and TLS to one controller. */
  connectTimeoutMs: number;
  /** From a request to the head of its answer, and between two pieces of its body. */
  answerTimeoutMs: number;
  maxBodyBytes: number;
}

const API_PATH = '/edge/client/v1';
const CONNECTIONS = 8;
const MAX_DEPTH = 64;
/** With a slash in it where OpenSSL's own text has one: `ERR_SSL_SSL/TLS_ALERT_BAD_CERTIFICATE`. */
const ERROR_CODE = /^[A-Z0-9_/]{1,64}$/;
/** TLS alerts by which a server refuses the client's certificate (RFC 8446 §6.2), as OpenSSL spells them. */
const CERTIFICATE_ALERT = /_ALERT_(?:BAD_CERTIFICATE|UNSUPPORTED_CERTIFICATE|CERTIFICATE_\w+|UNKNOWN_CA|ACCESS_DENIED)$/;

/**
 * HTTPS (HTTP/1.1) to the identity's controllers with the identity's certificate. The controller that answered last is asked first;
 * when it cannot be reached, the others in turn. Redirects are not followed. No error carries bytes of a request or an answer.
 */
export class ControllerHttp implements AsyncDisposable {
  readonly #limits: ExchangeLimits;
  /** The last one is in use; others finish what they were asked. */
  readonly #clients = new Set<Client>();
  #client: Client;
  readonly #bases: readonly URL[];
  #preferred = 0;

  /** Throws IDENTITY-FILE when the identity names no controller, or has none that can be used. */
  constructor(identity: Identity, limits: ExchangeLimits) {
    this.#bases = identity.controllers.map(baseOf);
    if (this.#bases.length === 0) throw new VitalmeshError('IDENTITY-FILE', { detail: 'no controller is named' });
    this.#limits = limits;
    this.#client = this.#connectAs(identity);
  }

  /** From now on requests go over connections with this certificate; those under way end over theirs. Throws IDENTITY-FILE. */
  use(identity: Identity): void {
    const before = this.#client;
    if (before.certPem === identity.certPem) return;
    this.#client = this.#connectAs(identity);
    void before.agent.close().then(
      () => this.#letGo(before),
      // Destroyed meanwhile.
      () => this.#letGo(before),
    );
  }

  readonly exchange: Exchange = async (request, signal) => {
    let failure: unknown;
    for (let tried = 0; tried < this.#bases.length; tried += 1) {
      const index = this.#preferred;
      const base = this.#bases[index];
      if (!base) break;
      try {
        return await this.#send(base, request, signal);
      } catch (error) {
        signal.throwIfAborted();
        failure = failureOf(error, base.host);
        // Others may have moved on meanwhile.
        if (this.#preferred === index) this.#preferred = (index + 1) % this.#bases.length;
      }
    }
    throw failure;
  };

  async #send(base: URL, request: ControllerRequest, signal: AbortSignal): Promise<ControllerAnswer> {
    // Undici looks at the signal of a request that waits for its connection only when there is one.
    const { statusCode, headers, body } = await Promise.race([
      this.#client.agent.request(wireRequest(base, request, signal)),
      rejectedBy(signal),
    ]);
    return { status: statusCode, headers: singleOf(headers), json: parse(await body.text()) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const clients = [...this.#clients];
    for (const { connector } of clients) connector[Symbol.dispose]();
    await Promise.all(clients.map(({ agent }) => agent.destroy()));
  }

  #connectAs(identity: Identity): Client {
    const { connectTimeoutMs, answerTimeoutMs, maxBodyBytes } = this.#limits;
    const connector = new TlsConnector(identity, connectTimeoutMs);
    const agent = new Agent({
      connect: connector.connect,
      allowH2: false,
      connections: CONNECTIONS,
      pipelining: 1,
      headersTimeout: answerTimeoutMs,
      bodyTimeout: answerTimeoutMs,
      maxResponseSize: maxBodyBytes,
    });
    const client = { certPem: identity.certPem, connector, agent };
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
  certPem: string;
  connector: TlsConnector;
  agent: Agent;
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

/** The API's base; identity files name it with or without its path. */
function baseOf(address: string): URL {
  const url = URL.parse(address);
  if (url?.protocol !== 'https:' || url.username || url.password)
    throw new VitalmeshError('IDENTITY-FILE', { detail: 'a controller address is no https URL' });
  const path = url.pathname.replace(/\/+$/, '');
  return new URL(path || API_PATH, url.origin);
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
  const { code } = error as { code?: unknown };
  const known = typeof code === 'string' && ERROR_CODE.test(code) ? code : 'failed';
  if (/_TIMEOUT$|^ETIMEDOUT$/.test(known)) return new VitalmeshError('OVERLAY-TIMEOUT', { detail: `${host} ${known}` });
  return new VitalmeshError(CERTIFICATE_ALERT.test(known) ? 'OVERLAY-SIGN-IN' : 'OVERLAY-UNREACHABLE', { detail: `${host} ${known}` });
}

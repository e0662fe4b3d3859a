import { Agent, type buildConnector, type Dispatcher } from 'undici';
import type { Clock } from '../../../shared/clock.ts';
import { asVitalmeshError, VitalmeshError } from '../../../shared/errors.ts';
import { deeperThan } from '../../../shared/json-depth.ts';
import { TlsConnector } from '../../../shared/overlay/ziti/controller/connector.ts';
import { toldTime } from '../../../shared/time/http-date.ts';
import { NetworkClock } from '../../../shared/time/network-clock.ts';
import { FHIR_JSON } from '../../../shared/uplink/protocol.ts';
import { within } from '../../../shared/uplink/within.ts';
import type { FhirCredentials } from './files.ts';

/** One request to a FHIR server; `path` is behind its base. */
export interface FhirRequest {
  method: 'GET' | 'POST';
  path: '' | '/metadata';
  /** FHIR JSON. */
  body?: string;
}

/** What a server answered, whatever its status. */
export interface FhirAnswer {
  status: number;
  /** Headers `Date` and `Retry-After`, where they come once. */
  date: string | undefined;
  retryAfter: string | undefined;
  /** Undefined when the body is no JSON that is read here. */
  json: unknown;
}

export interface FhirHttpTimes {
  /** TCP and TLS. */
  setupMs: number;
  /** From a request to the end of its answer. */
  answerMs: number;
}

export interface FhirHttpOptions {
  base: URL;
  credentials: FhirCredentials;
  times: FhirHttpTimes;
  clock: Clock;
}

const MAX_ANSWER_BYTES = 16 * 1024 * 1024;
const MAX_DEPTH = 128;
const CONNECTIONS = 8;
/** With a slash in it where OpenSSL's own text has one. */
const ERROR_CODE = /^[A-Z0-9_/]{1,64}$/;
/** TLS alerts by which a server refuses the client's certificate (RFC 8446 §6.2), as OpenSSL spells them. */
const CERTIFICATE_ALERT = /_ALERT_(?:BAD_CERTIFICATE|UNSUPPORTED_CERTIFICATE|CERTIFICATE_\w+|UNKNOWN_CA|ACCESS_DENIED)$/;
/** What Node and OpenSSL say of a server's certificate, and of TLS that fails otherwise. */
const TLS_FAULT = /^(?:CERT_|ERR_SSL_|ERR_TLS_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|HOSTNAME_MISMATCH|INVALID_(?:CA|PURPOSE)|EPROTO$)/;

/**
 * HTTP/1.1 to a FHIR server, with connections that are kept. Redirects are not followed, answers bounded in time and size. Certificates are
 * checked whatever NODE_TLS_REJECT_UNAUTHORIZED says; against a CA of the site, a machine that does not know the time goes by the rule of
 * `NetworkClock`. No error carries bytes of a request or an answer.
 */
export class FhirHttp {
  readonly #options: FhirHttpOptions;
  readonly #clock: NetworkClock | undefined;
  readonly #connector: TlsConnector | undefined;
  readonly #agent: Agent;
  readonly #path: string;
  readonly #stop = new AbortController();
  /** By which the server refused this agent's certificate, or that there is none. */
  #alert: Error | undefined;

  constructor(options: FhirHttpOptions) {
    const { base, credentials, times, clock } = options;
    this.#options = options;
    // The time that plain HTTP tells is anybody's.
    const isSecure = base.protocol === 'https:';
    this.#clock = isSecure && credentials.tls.caPem !== '' && clock instanceof NetworkClock ? clock : undefined;
    this.#connector = isSecure ? new TlsConnector(credentials.tls, times.setupMs, this.#clock) : undefined;
    this.#path = base.pathname.replace(/\/$/, '');
    this.#agent = new Agent({
      connect: this.#connector ? this.#secured(this.#connector) : { timeout: times.setupMs },
      allowH2: false,
      connections: CONNECTIONS,
      pipelining: 1,
      headersTimeout: times.answerMs,
      bodyTimeout: times.answerMs,
      maxResponseSize: MAX_ANSWER_BYTES,
    });
  }

  /**
   * Sends a request and takes its whole answer. Where the time is not known it is asked for first, by a request that shows nothing of who asks.
   * Errors: FHIR-UNREACHABLE, FHIR-TLS, FHIR-SIGN-IN (the certificate is refused), UPLINK-SILENT, UPLINK-ANSWER (too long).
   */
  async ask(request: FhirRequest): Promise<FhirAnswer> {
    if (this.#clock?.trust === 'floor') await this.#askTime();
    return this.#ask(request, this.#options.credentials.token);
  }

  /** Over a connection for that alone: it was made before the time was known. */
  async #askTime(): Promise<void> {
    const { caPem } = this.#options.credentials.tls;
    const asking = new FhirHttp({ ...this.#options, credentials: { tls: { keyPem: '', certPem: '', caPem } } });
    try {
      await asking.#ask({ method: 'GET', path: '/metadata' }, undefined);
    } finally {
      asking.destroy();
    }
  }

  /** Ends all that is under way. */
  destroy(): void {
    this.#stop.abort();
    this.#connector?.[Symbol.dispose]();
    void this.#agent.destroy();
  }

  /** In TLS 1.3 a certificate is refused behind the handshake, and what undici tells of it is only that the connection ended. */
  #secured(connector: TlsConnector): buildConnector.connector {
    return (options, callback) =>
      connector.connect(options, (...outcome) => {
        outcome[1]?.on('error', (error: NodeJS.ErrnoException) => {
          if (CERTIFICATE_ALERT.test(error.code ?? '')) this.#alert ??= error;
        });
        callback(...outcome);
      });
  }

  async #ask(request: FhirRequest, token: string | undefined): Promise<FhirAnswer> {
    const { base, times, clock } = this.#options;
    const over = new AbortController();
    const signal = AbortSignal.any([over.signal, this.#stop.signal]);
    const askedMs = clock.monotonicMs();
    try {
      const late = (): VitalmeshError => new VitalmeshError('UPLINK-SILENT', { detail: `${base.host}, no answer in time` });
      const answer = await within(this.#exchange(request, token, signal), times.answerMs, late);
      this.#takeTime(answer.date, askedMs);
      return answer;
    } catch (thrown) {
      throw failureOf(this.#alert ?? thrown, base.host);
    } finally {
      over.abort();
    }
  }

  async #exchange(request: FhirRequest, token: string | undefined, signal: AbortSignal): Promise<FhirAnswer> {
    const { statusCode, headers, body } = await this.#agent.request(this.#wireRequest(request, token, signal));
    const text = await body.text();
    return { status: statusCode, date: single(headers.date), retryAfter: single(headers['retry-after']), json: parse(text) };
  }

  #wireRequest({ method, path, body }: FhirRequest, token: string | undefined, signal: AbortSignal): Dispatcher.RequestOptions {
    return {
      origin: this.#options.base.origin,
      path: `${this.#path}${path}` || '/',
      method,
      headers: {
        accept: FHIR_JSON,
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        // Otherwise many servers send everything back that they have stored.
        ...(body !== undefined && { 'content-type': FHIR_JSON, prefer: 'return=minimal' }),
      },
      body: body ?? null,
      signal,
    };
  }

  #takeTime(date: string | undefined, askedMs: number): void {
    const clock = this.#clock;
    if (!clock) return;
    const judged = this.#connector?.judged(this.#options.base.host);
    const told = toldTime(date, clock.monotonicMs() - Math.max(askedMs, judged?.lastMs ?? askedMs));
    if (told !== undefined) clock.take(told, judged);
  }
}

function single(header: string | string[] | undefined): string | undefined {
  return typeof header === 'string' ? header : undefined;
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
function failureOf(thrown: unknown, host: string): VitalmeshError {
  if (thrown instanceof VitalmeshError) return connectionFailure(thrown, host);
  const { code, name } = thrown as { code?: unknown; name?: unknown };
  // Undici gives this one no code.
  const other = name === 'HTTPParserError' ? 'answers with no HTTP' : 'failed';
  const known = typeof code === 'string' && ERROR_CODE.test(code) ? code : other;
  const detail = `${host} ${known}`;
  if (known === 'UND_ERR_RES_EXCEEDED_MAX_SIZE') return new VitalmeshError('UPLINK-ANSWER', { detail: `${host}, too long` });
  if (/^UND_ERR_(?:HEADERS|BODY)_TIMEOUT$/.test(known)) return new VitalmeshError('UPLINK-SILENT', { detail });
  if (CERTIFICATE_ALERT.test(known)) return new VitalmeshError('FHIR-SIGN-IN', { detail });
  return new VitalmeshError(TLS_FAULT.test(known) ? 'FHIR-TLS' : 'FHIR-UNREACHABLE', { detail });
}

/** What the connector says in the words of the overlay. */
function connectionFailure(error: VitalmeshError, host: string): VitalmeshError {
  if (!error.code.startsWith('OVERLAY-')) return error;
  const { code, detail = '' } = asVitalmeshError(error.cause ?? error);
  if (code.startsWith('IDENTITY-')) return new VitalmeshError('FHIR-TLS', { detail: `${host} ${code} ${detail}`.trimEnd() });
  return new VitalmeshError('FHIR-UNREACHABLE', { detail: `${host} ${detail}`.trimEnd() });
}

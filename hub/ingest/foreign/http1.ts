import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { asVitalmeshError, type VitalmeshError } from '../../../shared/errors.ts';
import type { Metrics } from '../../../shared/metrics.ts';
import type { FhirEndpoint } from './endpoint.ts';

export interface Http1Limits {
  firstRequestMs: number;
  /** How long a connection may lie idle between two requests. */
  idleMs: number;
  answerMs: number;
  headerBytes: number;
  headerPairs: number;
}

/** How often limits of time are looked at. */
const CHECK_MS = 5000;

/** How long what was written last has to get out. */
const LAST_WORDS_MS = 1000;

/** One connection of a client that speaks HTTP/1.1. */
export interface Http1Connection {
  /** Resolves with the reason when the connection is gone, undefined for an orderly end. */
  readonly closed: Promise<VitalmeshError | undefined>;
  /** Takes no new request, finishes the one it has, and is gone after `limitMs` at the latest. */
  close(limitMs: number): Promise<void>;
}

/** HTTP/1.1 on connections of the overlay, for FHIR clients that do not speak HTTP/2; one request of a connection at a time. */
export class Http1 implements Disposable {
  readonly #endpoint: FhirEndpoint;
  readonly #limits: Http1Limits;
  readonly #metrics: Metrics;
  readonly #server: Server;
  readonly #clients = new WeakMap<Duplex, Client>();

  constructor(endpoint: FhirEndpoint, limits: Http1Limits, metrics: Metrics) {
    this.#endpoint = endpoint;
    this.#limits = limits;
    this.#metrics = metrics;
    this.#server = createServer({
      headersTimeout: limits.firstRequestMs,
      // A body may wait in its sender's window until it is its turn; from then on it has a limit of its own.
      requestTimeout: 0,
      connectionsCheckingInterval: CHECK_MS,
      keepAliveTimeout: limits.idleMs,
      maxHeaderSize: limits.headerBytes,
    });
    this.#server.maxHeadersCount = limits.headerPairs;
    this.#server.on('request', (request, response) => {
      this.#serve(request, response).catch(() => metrics.count('uplink_refused', 'INTERNAL'));
    });
    this.#server.on('clientError', (_error, socket) => {
      metrics.count('uplink_refused', 'UPLINK-REQUEST');
      socket.destroy();
    });
    // A server that never listens arms its timeouts only on this event.
    this.#server.emit('listening');
  }

  /** Serves a connection of `gateway`: TLS, with the connection that carries it. */
  accept({ stream, raw }: { stream: Duplex; raw: Duplex }, gateway: string): Http1Connection {
    const client = new Client(gateway, stream, raw, this.#limits.firstRequestMs);
    this.#clients.set(stream, client);
    this.#server.emit('connection', stream);
    return client;
  }

  [Symbol.dispose](): void {
    // Ends the check of timeouts; that it was never listening is what it then complains about.
    this.#server.close(() => undefined);
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.on('error', () => response.destroy());
    const client = this.#clients.get(request.socket);
    if (!client) {
      request.socket.destroy();
      return;
    }
    // Node gives out what is pipelined as fast as it can be read, and all of it would wait.
    if (client.answering) {
      this.#metrics.count('uplink_refused', 'UPLINK-REQUEST');
      client.cut();
      return;
    }
    using _exchange = client.begin();
    const { status, headers, body, code } = await this.#endpoint.answer(client.gateway, {
      method: request.method ?? '',
      path: request.url ?? '',
      headers: request.headers,
      body: request,
      isGone: () => request.socket.destroyed,
    });
    if (code !== undefined) this.#metrics.count('uplink_refused', code);
    await this.#respond(request, response, client, status, headers ?? {}, JSON.stringify(body));
  }

  #respond(
    request: IncomingMessage,
    response: ServerResponse,
    client: Client,
    status: number,
    headers: Record<string, string>,
    text: string,
  ): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => client.cut(), this.#limits.answerMs);
      response.once('close', () => {
        clearTimeout(timer);
        resolve();
      });
      // The rest of a body that nobody reads is not waited for, nor is a client that may not speak here.
      const last = !request.complete || client.closing || status === 403;
      response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(text), ...(last && { connection: 'close' }) });
      response.end(text);
      client.answering = false;
    });
  }
}

class Client implements Http1Connection {
  readonly gateway: string;
  readonly closed: Promise<VitalmeshError | undefined>;
  closing = false;
  /** From when a request came until its answer was written; the client may have read it before it is told here that all of it got out. */
  answering = false;
  readonly #stream: Duplex;
  readonly #raw: Duplex;
  readonly #first: NodeJS.Timeout;
  #underWay = 0;

  constructor(gateway: string, stream: Duplex, raw: Duplex, firstRequestMs: number) {
    this.gateway = gateway;
    this.#stream = stream;
    this.#raw = raw;
    this.#first = setTimeout(() => this.cut(), firstRequestMs);
    this.closed = new Promise((resolve) => {
      const gone = (): void => {
        clearTimeout(this.#first);
        const reason = stream.errored ?? raw.errored;
        this.cut();
        resolve(reason ? asVitalmeshError(reason, 'OVERLAY-CLOSED') : undefined);
      };
      raw.once('close', gone);
      stream.once('close', () => {
        if (stream.errored || raw.destroyed) return gone();
        // What was said last is still on its way out.
        raw.end(gone);
        setTimeout(gone, LAST_WORDS_MS).unref();
      });
    });
  }

  /** A request under way, until it is disposed. */
  begin(): Disposable {
    clearTimeout(this.#first);
    this.#underWay += 1;
    this.answering = true;
    return {
      [Symbol.dispose]: () => {
        this.#underWay -= 1;
        if (this.closing && this.#underWay === 0) this.#stream.end();
      },
    };
  }

  async close(limitMs: number): Promise<void> {
    this.closing = true;
    if (this.#underWay === 0) this.cut();
    const timer = setTimeout(() => this.cut(), limitMs);
    await this.closed;
    clearTimeout(timer);
  }

  /** Lets go of both: TLS alone may wait for the other end for ever. */
  cut(): void {
    this.#stream.destroy();
    this.#raw.destroy();
  }
}

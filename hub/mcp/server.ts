import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { toNodeHandler } from '@modelcontextprotocol/node';
import { createMcpHandler, type McpHttpHandler } from '@modelcontextprotocol/server';
import type { Clock } from '../../shared/clock.ts';
import { asVitalmeshError, type ErrorCode, VitalmeshError } from '../../shared/errors.ts';
import type { Service } from '../../shared/lifecycle.ts';
import type { Logger } from '../../shared/log.ts';
import type { Metrics } from '../../shared/metrics.ts';
import { HostedService } from '../../shared/overlay/hosted-service.ts';
import type { Caller, Overlay } from '../../shared/overlay/overlay.ts';
import type { Principal } from '../access/access.ts';
import type { Callers, Identified } from '../access/callers.ts';
import { DEFAULT_POLICY } from '../access/default-policy.ts';
import type { Door } from '../access/door.ts';
import type { Policy } from '../access/policy.ts';
import type { ProtectedResource } from '../access/tokens/issuer.ts';
import { type ClinicalReads, NO_CLINICAL_READS } from '../clinical/reads.ts';
import type { Feed } from '../feed.ts';
import { claimedIn, claiming } from './claimed.ts';
import { Connections } from './connections.ts';
import { HttpRefusal, rpcError } from './errors.ts';
import type { Extension } from './extension.ts';
import { Fanout } from './fanout.ts';
import { Gate } from './gate.ts';
import { DEFAULT_LIMITS, type McpLimits } from './limits.ts';
import { type Exchange, ListenStreams, type Ticket } from './listen.ts';
import { Metering } from './metering.ts';
import { inOwnWords } from './own-errors.ts';
import { RefusalTally } from './refusal-tally.ts';
import { idOf, isObject, refuse, retryHeader } from './request.ts';
import { Sessions } from './sessions.ts';
import { TOOLS_FINGERPRINT } from './surface/fingerprint.ts';
import { buildSurface } from './surface/surface.ts';
import { Waits } from './waits.ts';

export interface McpOptions {
  overlay: Overlay;
  /** Overlay service to bind. */
  service: string;
  door: Door;
  /** What is reckoned over the door; nothing unless given. */
  clinical?: ClinicalReads;
  feed: Feed;
  /** Asked anew for every request and every delivery; a registry that is replaced in place takes effect at once. */
  callers: Callers;
  /** What a client must know to get an access token, where any are taken. */
  resource?: ProtectedResource | undefined;
  /** The policy in force, asked anew for every delivery; the built-in one unless given. */
  policy?: () => Policy;
  clock: Clock;
  log: Logger;
  metrics: Metrics;
  /** Names that may stand in Host; the service name, and the host of the resource, unless told. */
  hosts?: readonly string[];
  limits?: Partial<McpLimits>;
  /** What is served beside the hub's own. */
  extension?: Extension;
}

/** For `vitalmesh-hub status`. */
export interface McpStatus {
  service: string;
  /** Whether the service is bound, or the code of why it is not. */
  bound: boolean;
  code: ErrorCode | null;
  connections: number;
  /** Sessions of 2025-11-25. */
  sessions: number;
  /** Open event streams, of both revisions. */
  streams: number;
  /** Readers with at least one subscription, by revision. */
  subscribers: { 'mcp-2025': number; 'mcp-2026': number };
  /** Resources subscribed to, over all readers. */
  subscriptions: number;
  /** SHA-256 over names, descriptions and schemas of the tools that are served. */
  tools: string;
}

export type McpService = Service & {
  status(): McpStatus;
  /** Takes a connection over as one of the service's own, from this caller. */
  accept(stream: Duplex, caller: Caller): void;
  /** Whether this caller, with this value of `Authorization`, would be let in now; for a wire that must know before it carries anything. Never rejects. */
  admits(caller: Caller, authorization: string | undefined): Promise<boolean>;
};

/**
 * The MCP endpoint (Streamable HTTP, `/mcp`) on an overlay service: revisions 2026-07-28 and 2025-11-25 on one endpoint. It has no
 * port; every connection comes from the overlay, and every request from a caller whom the registry lists as a client and who proves what
 * its row needs, or it is refused (401 and 403 with a code, `Callers.identify`). When the network is not there at the start it keeps trying.
 */
export function serveMcp(options: McpOptions): McpService {
  return new McpEndpoint(options);
}

class McpEndpoint implements McpService {
  readonly name = 'mcp';
  readonly #options: McpOptions;
  readonly #limits: McpLimits;
  readonly #fanout: Fanout;
  readonly #listens: ListenStreams;
  readonly #waits: Waits;
  readonly #sessions: Sessions;
  readonly #refusals: RefusalTally;
  readonly #metering: Metering;
  readonly #connections: Connections;
  readonly #modern: McpHttpHandler;
  readonly #http: Server;
  readonly #hosted: HostedService;
  readonly #gate: Gate;
  #sweeping: NodeJS.Timeout | undefined;
  #stopped: Promise<void> | undefined;

  constructor(options: McpOptions) {
    this.#options = options;
    const { door, feed, callers, policy = () => DEFAULT_POLICY, clock, log, metrics, extension } = options;
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    const limits = this.#limits;
    this.#fanout = new Fanout({ door, feed, callers, policy, clock, log, limits });
    this.#listens = new ListenStreams({ door, fanout: this.#fanout, clock, metrics, limits, changes: extension?.changes });
    this.#waits = new Waits({ fanout: this.#fanout, door, clock, metrics, limits });
    this.#sessions = new Sessions({
      door,
      clinical: options.clinical ?? NO_CLINICAL_READS,
      fanout: this.#fanout,
      waits: this.#waits,
      policy,
      clock,
      log,
      metrics,
      limits,
      callers,
      extension,
    });
    this.#refusals = new RefusalTally({ door, clock, log });
    const refusals = this.#refusals;
    this.#metering = new Metering({ door, refusals, fanout: this.#fanout, policy, clock, log, notifyMs: limits.coalesceMs });
    const { resource } = options;
    this.#gate = new Gate({
      ...{ callers, door, refusals, metering: this.#metering, resource, hosts: hostsOf(options), log, metrics, limits, extension },
    });
    this.#connections = new Connections(limits, clock);
    this.#modern = createMcpHandler(({ requestInfo }) => this.#modernSurface(requestInfo), {
      legacy: 'reject',
      bus: this.#listens,
      keepAliveMs: limits.keepAliveMs,
      maxSubscriptions: Number.MAX_SAFE_INTEGER,
      onerror: () => metrics.count('mcp_protocol_errors', 'mcp-2026'),
    });
    this.#http = this.#createHttp();
    const { overlay, service } = options;
    this.#hosted = new HostedService({ overlay, service, log, accept: (stream, caller) => this.accept(stream, caller) });
  }

  async start(signal: AbortSignal): Promise<void> {
    // A server that never listens arms its timeouts only on this event.
    this.#http.emit('listening');
    this.#sweeping = setInterval(() => this.#sweep(), this.#limits.sweepMs);
    try {
      await this.#hosted.start(signal);
    } catch (error) {
      await this[Symbol.asyncDispose]();
      throw error;
    }
    if (signal.aborted) await this[Symbol.asyncDispose]();
    else signal.addEventListener('abort', () => void this[Symbol.asyncDispose](), { once: true });
  }

  status(): McpStatus {
    const subscribers = { 'mcp-2025': 0, 'mcp-2026': 0 };
    let subscriptions = 0;
    for (const { context, size } of this.#fanout.subscribers) {
      if (size > 0 && (context.channel === 'mcp-2025' || context.channel === 'mcp-2026')) subscribers[context.channel] += 1;
      subscriptions += size;
    }
    return {
      service: this.#options.service,
      ...this.#hosted.status(),
      connections: this.#connections.size,
      sessions: this.#sessions.size,
      streams: this.#fanout.streams,
      subscribers,
      subscriptions,
      tools: TOOLS_FINGERPRINT,
    };
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    clearInterval(this.#sweeping);
    await this.#hosted[Symbol.asyncDispose]();
    this.#fanout[Symbol.dispose]();
    await this.#modern.close();
    await this.#fanout.settled();
    await this.#connections.drain();
    await this.#refusals.flush();
    // Stops the check of timeouts; that it was never listening is what it then complains about.
    this.#http.close(() => undefined);
  }

  #createHttp(): Server {
    const { headersMs, requestMs, checkMs, idleMs } = this.#limits;
    const server = createServer({
      headersTimeout: headersMs,
      requestTimeout: requestMs,
      connectionsCheckingInterval: checkMs,
      keepAliveTimeout: idleMs,
    });
    server.on('request', (request, response) => void this.#onRequest(request, response));
    server.on('clientError', (error: NodeJS.ErrnoException, stream) => {
      // Of the connection, not of what came over it: counted where it is accepted.
      if (error instanceof VitalmeshError) return;
      this.#options.metrics.count('mcp_refused', 'http');
      if (stream.writable) this.#connections.dismiss(stream, `HTTP/1.1 ${statusOf(error.code)}\r\nConnection: close\r\n\r\n`);
      else stream.destroy();
    });
    return server;
  }

  accept(stream: Duplex, caller: Caller): void {
    stream.on('error', (thrown) => {
      const error = asVitalmeshError(thrown);
      if (!this.#connections.isOrderly(stream, error)) this.#options.metrics.count('mcp_connection_errors', error.code);
    });
    if (this.#stopped) {
      stream.destroy();
      return;
    }
    try {
      this.#connections.add(stream, caller);
      this.#options.metrics.count('mcp_connections');
      this.#http.emit('connection', stream);
    } catch (thrown) {
      this.#connections.turnAway(stream, this.#gate.refusal(thrown).error);
    }
  }

  admits(caller: Caller, authorization: string | undefined): Promise<boolean> {
    return this.#gate.admits(caller, authorization);
  }

  async #onRequest(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.on('error', () => response.destroy());
    try {
      const connection = this.#connections.of(request.socket);
      if (!connection) throw new HttpRefusal(401, 'ACCESS-UNVERIFIED');
      const exchange = this.#connections.begin(connection, response);
      const passed = await this.#gate.pass(connection, request, response);
      if (!passed) return;
      const { caller, body, channel } = passed;
      exchange.endless = isStream(request, body);
      if (channel === 'mcp-2025') await this.#serveLegacy(request, response, caller, body);
      else await this.#serveModern(request, response, caller, body);
    } catch (thrown) {
      refuse(response, this.#gate.refusal(thrown));
    }
  }

  /** Built for one request, of which the SDK has checked that its header names the method of its body. */
  #modernSurface(request: Request | undefined) {
    const { door, clinical = NO_CLINICAL_READS, clock, log, policy = () => DEFAULT_POLICY, extension } = this.#options;
    const { proof = {}, claimed = {}, gone } = this.#listens.current() ?? {};
    const principal = () => claiming(this.#options.callers.fresh(proof), claimed);
    const follows = (caller: Principal, uri: string): boolean => this.#fanout.follows(caller, uri);
    const context = { channel: 'mcp-2026' } as const;
    const waits = this.#waits.of(() => ({ proof, context }));
    return buildSurface({
      ...{ door, clinical, waits, clock, log, limits: this.#limits, context, principal, follows, policy, extension },
      gone: () => gone,
      method: request?.headers.get('mcp-method') ?? undefined,
    });
  }

  async #serveModern(request: IncomingMessage, response: ServerResponse, caller: Identified, body: unknown): Promise<void> {
    const claimed = claimedIn(body);
    let ticket: Ticket | undefined;
    try {
      ticket = await this.#listens.admit(body, { ...caller, principal: claiming(caller.principal, claimed) });
    } catch (thrown) {
      // Like the SDK's own refusals of a listen: an error of JSON-RPC, in an answer that HTTP calls good.
      refuse(response, { status: 200, error: this.#gate.refusal(thrown).error }, idOf(body));
      return;
    }
    const exchange: Exchange = { proof: caller.proof, claimed, response, ticket, gone: closing(response) };
    const handle = toNodeHandler({
      fetch: async (webRequest, fetchOptions) => {
        const answer = await inOwnWords(await this.#modern.fetch(webRequest, fetchOptions));
        return ticket ? this.#listens.led(answer, ticket) : answer;
      },
    });
    try {
      await this.#listens.run(exchange, () => handle(request, response, body));
    } finally {
      if (ticket) await this.#listens.settle(ticket);
    }
  }

  async #serveLegacy(request: IncomingMessage, response: ServerResponse, caller: Identified, body: unknown): Promise<void> {
    const handle = toNodeHandler({
      fetch: async (webRequest) => {
        try {
          return await inOwnWords(await this.#sessions.handle({ ...caller, request: webRequest, body, response }));
        } catch (thrown) {
          const refusal = this.#gate.refusal(thrown);
          return Response.json(rpcError(refusal.error, idOf(body)), { status: refusal.status, headers: retryHeader(refusal) });
        }
      },
    });
    await handle(request, response, body);
  }

  #sweep(): void {
    this.#fanout.sweep();
    this.#waits.sweep();
    this.#sessions.sweep();
    this.#connections.sweep();
    this.#metering.sweep();
    void this.#refusals.sweep();
  }
}

/** Names that may stand in Host. */
function hostsOf({ hosts, service, resource }: Pick<McpOptions, 'hosts' | 'service' | 'resource'>): string[] {
  const named = hosts ?? [service, ...(resource ? [new URL(resource.resource).hostname] : [])];
  return named.map((host) => host.toLowerCase());
}

/** Aborted when the response is closed before its end: to close it is how a client of 2026-07-28 takes its question back (MCP, cancellation). */
function closing(response: ServerResponse): AbortSignal {
  const controller = new AbortController();
  response.once('close', () => {
    if (!response.writableFinished) controller.abort();
  });
  return controller.signal;
}

function isStream(request: IncomingMessage, body: unknown): boolean {
  return request.method === 'GET' || (isObject(body) && body.method === 'subscriptions/listen');
}

function statusOf(code: string | undefined): string {
  if (code === 'HPE_HEADER_OVERFLOW') return '431 Request Header Fields Too Large';
  return code === 'ERR_HTTP_REQUEST_TIMEOUT' ? '408 Request Timeout' : '400 Bad Request';
}

import { AsyncLocalStorage } from 'node:async_hooks';
import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { isInitializeRequest, type McpServer } from '@modelcontextprotocol/server';
import type { Clock } from '../../shared/clock.ts';
import { VitalmeshError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/log.ts';
import type { Metrics } from '../../shared/metrics.ts';
import type { Claimed, Principal } from '../access/access.ts';
import type { Callers } from '../access/callers.ts';
import type { Proof } from '../access/credentials.ts';
import type { CallContext, Door } from '../access/door.ts';
import type { Policy } from '../access/policy.ts';
import { isSameCaller } from '../access/principals.ts';
import type { ClinicalReads } from '../clinical/reads.ts';
import { claimedIn, claiming } from './claimed.ts';
import { HttpRefusal, protocolError, rpcError } from './errors.ts';
import { EventPassage } from './event-passage.ts';
import type { Extension } from './extension.ts';
import type { Fanout } from './fanout.ts';
import { type Wanted, wantedOf } from './follow.ts';
import type { McpLimits } from './limits.ts';
import { updatedJson } from './notes.ts';
import { isObject } from './request.ts';
import { isNarrower } from './rights.ts';
import { SessionTransport } from './session-transport.ts';
import { type EndReason, type Outlet, Subscriber } from './subscriber.ts';
import { buildSurface } from './surface/surface.ts';
import type { Waits } from './waits.ts';

const CONTEXT: CallContext = { channel: 'mcp-2025' };

/** A session of 2025-11-25: it belongs to the caller that opened it, and to nobody else who learns its id. */
interface Session {
  transport: SessionTransport;
  server: McpServer;
  subscriber: Subscriber;
  /** What its client said of itself when it opened it. */
  claimed: Claimed;
  /** By the clock that never jumps. */
  lastSeenMs: number;
  stream: EventStream | undefined;
  /** Subscriptions that go with a call that was counted already. */
  covered: number;
  /** Subscriptions that are being opened. */
  opening: number;
}

/** The one event stream (GET) of a session, with the caller's place for it. */
interface EventStream {
  passage: EventPassage;
  place: Disposable;
  outlet: Outlet;
}

export interface SessionsOptions {
  door: Door;
  clinical: ClinicalReads;
  fanout: Fanout;
  waits: Waits;
  policy: () => Policy;
  clock: Clock;
  log: Logger;
  metrics: Metrics;
  limits: McpLimits;
  callers: Pick<Callers, 'fresh'>;
  extension?: Extension | undefined;
}

export interface LegacyRequest {
  principal: Principal;
  proof: Proof;
  request: Request;
  /** Parsed, for POST. */
  body: unknown;
  response: ServerResponse;
}

/**
 * Sessions and subscriptions of 2025-11-25 around the SDK's transport, which by itself keeps sessions for ever, binds them to
 * nobody, refuses a second event stream and drops what happens without one.
 */
export class Sessions {
  readonly #options: SessionsOptions;
  readonly #sessions = new Map<string, Session>();
  /** By what the request that is answered proved who it is. */
  readonly #proofs = new AsyncLocalStorage<Proof>();

  constructor(options: SessionsOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#sessions.size;
  }

  /** Answers a request of the older revision. Throws HttpRefusal (MCP-SESSION, MCP-LIMIT, MCP-ID). */
  handle(call: LegacyRequest): Promise<Response> {
    return this.#proofs.run(call.proof, () => this.#handle(call));
  }

  async #handle(call: LegacyRequest): Promise<Response> {
    const id = call.request.headers.get('mcp-session-id');
    if (id === null) return this.#open(call);
    const session = this.#sessions.get(id);
    if (!session || !isSameCaller(session.subscriber.principal, call.principal)) throw new HttpRefusal(404, 'MCP-SESSION');
    session.lastSeenMs = this.#options.clock.monotonicMs();
    this.#options.fanout.renew(session.subscriber, call.proof);
    if (session.subscriber.ended) throw new HttpRefusal(404, 'MCP-SESSION');
    if (call.request.method === 'GET') return this.#stream(session, call);
    const response = await session.transport.handleRequest(call.request, { parsedBody: call.body });
    if (call.request.method === 'DELETE' && response.ok) session.subscriber.end('closed');
    const given = givenUpIn(call.body);
    if (given !== undefined) await this.#giveUp(session, given);
    return response;
  }

  /** Ends the response of a question that its client took back. It is never answered (MCP, cancellation), so the SDK would keep it, and its connection with it, for as long as it lasts. */
  async #giveUp({ transport }: Session, id: string | number): Promise<void> {
    transport.closeSSEStream(id);
    // Sent nowhere, for there is no response any more: with its last word the SDK forgets the question. It rejects of one that it does not know.
    await transport.send({ ...rpcError(new VitalmeshError('MCP-CANCELLED')), jsonrpc: '2.0', id }).catch(() => undefined);
  }

  /** Ends sessions that nobody used for too long. */
  sweep(): void {
    const idleSinceMs = this.#options.clock.monotonicMs() - this.#options.limits.sessionIdleMs;
    for (const session of [...this.#sessions.values()]) {
      if (!session.stream && session.lastSeenMs <= idleSinceMs) session.subscriber.end('idle');
    }
  }

  async #open(call: LegacyRequest): Promise<Response> {
    if (!isInitializeRequest(call.body)) throw new HttpRefusal(400, 'MCP-SESSION', 'this request needs the Mcp-Session-Id of a session');
    this.#options.fanout.countOpen(call.principal);
    this.#makeRoom(call.principal);
    const id = randomUUID();
    const transport = new SessionTransport({
      sessionIdGenerator: () => id,
      keepAliveMs: this.#options.limits.keepAliveMs,
    });
    const session = this.#build(id, call, transport);
    await session.server.connect(transport);
    const response = await transport.handleRequest(call.request, { parsedBody: call.body });
    if (transport.sessionId === undefined) session.subscriber.end('closed');
    return response;
  }

  #build(id: string, { principal, proof, body }: LegacyRequest, transport: SessionTransport): Session {
    const { door, clinical, fanout, waits, policy, clock, log, metrics, limits, extension } = this.#options;
    const claimed = claimedIn(body);
    const server = buildSurface({
      ...{ door, clinical, clock, log, limits, policy, extension, context: CONTEXT },
      principal: () => this.#asking(claimed),
      follows: (caller, uri) => fanout.follows(caller, uri),
      waits: waits.of(() => ({ proof: this.#proof(), context: CONTEXT })),
    });
    const subscriber = new Subscriber({
      principal: claiming(principal, claimed),
      proof,
      context: CONTEXT,
      clock,
      metrics,
      limits,
      onEnd: (reason) => this.#drop(id, reason),
    });
    const session: Session = {
      transport,
      server,
      subscriber,
      claimed,
      lastSeenMs: clock.monotonicMs(),
      stream: undefined,
      covered: 0,
      opening: 0,
    };
    this.#sessions.set(id, session);
    fanout.enroll(subscriber);
    server.server.setRequestHandler('resources/subscribe', async ({ params }) => {
      await this.#subscribe(session, params.uri);
      return {};
    });
    server.server.setRequestHandler('resources/unsubscribe', async ({ params }) => {
      await this.#unsubscribe(session, params.uri);
      return {};
    });
    return session;
  }

  /** Who sends the request that is answered, as the registry has it now. Throws ACCESS-*. */
  #asking(claimed: Claimed): Principal {
    return claiming(this.#options.callers.fresh(this.#proof()), claimed);
  }

  #proof(): Proof {
    const proof = this.#proofs.getStore();
    if (!proof) throw new VitalmeshError('ACCESS-UNVERIFIED');
    return proof;
  }

  /** Takes a session out. What its subscriber still had is closed in the evidence. */
  #drop(id: string, reason: EndReason): void {
    const session = this.#sessions.get(id);
    if (!session) return;
    this.#sessions.delete(id);
    if (reason === 'stalled') session.stream?.passage.cut();
    this.#release(session);
    session.server.close().catch((err: unknown) => this.#options.log.warn({ err }, 'an MCP session did not close'));
    this.#options.fanout.retire(session.subscriber);
  }

  async #subscribe(session: Session, uri: string): Promise<void> {
    const { subscriber } = session;
    const { fanout, limits, extension } = this.#options;
    if (extension?.isStill(uri)) return;
    try {
      if (subscriber.has(uri)) return;
      const wanted = wantedOf([uri]);
      // Those that are being opened count as well: many may be asked for at the same time.
      if (subscriber.size + session.opening >= limits.urisPerStream) {
        throw new VitalmeshError('MCP-LIMIT', { detail: `at most ${limits.urisPerStream} resources a session` });
      }
      session.opening += 1;
      await this.#openSubscription(session, wanted).finally(() => {
        session.opening -= 1;
      });
    } catch (error) {
      throw error instanceof VitalmeshError ? protocolError(error) : error;
    }
    if (!fanout.stillMay(subscriber) || subscriber.has(uri)) return fanout.recordClose(subscriber, [{ uri, delivered: 0 }]);
    fanout.watch(subscriber, uri);
    subscriber.notify(uri, fanout.catchUp(subscriber));
  }

  /**
   * A session names its resources one by one, a stream of the newer revision all at once: both are one call for as many as a stream may have, or
   * a client with many patients would use up its day by coming back.
   */
  async #openSubscription(session: Session, { patients, ...beside }: Wanted): Promise<void> {
    const { subscriber, claimed } = session;
    const { callers, door, fanout } = this.#options;
    const asking = this.#asking(claimed);
    // The stream goes by the token that lasts longest, which may cover less than that of this request.
    const streaming = claiming(callers.fresh(subscriber.proof), claimed);
    const principal = isNarrower(streaming, asking) ? streaming : asking;
    const followed = session.covered > 0;
    // Taken before anything is awaited: clients subscribe to many at the same time.
    session.covered = followed ? session.covered - 1 : this.#options.limits.urisPerStream - 1;
    try {
      await door.openSubscription(principal, patients, { ...CONTEXT, followed }, beside);
    } catch (error) {
      if (!followed) session.covered = 0;
      throw error;
    }
    // A token that covers less may have come meanwhile.
    fanout.endNarrower(subscriber, principal);
  }

  async #unsubscribe({ subscriber }: Session, uri: string): Promise<void> {
    if (!subscriber.has(uri)) return;
    const { fanout } = this.#options;
    await fanout.recordClose(subscriber, [{ uri, delivered: fanout.unwatch(subscriber, uri) }]);
  }

  /** Opens the event stream; a second one takes over, because the first is most often a connection that died unnoticed. */
  async #stream(session: Session, call: LegacyRequest): Promise<Response> {
    this.#release(session);
    const stream = this.#makeStream(session, call);
    // In its place before anything is awaited, so that of two that come together the second finds the first.
    session.stream = stream;
    const answer = await session.transport.handleRequest(call.request);
    if (session.stream === stream) {
      if (answer.ok) session.subscriber.attach(stream.outlet, this.#options.fanout.catchUp(session.subscriber));
      else this.#release(session);
    }
    return answer.ok ? stream.passage.lead(answer, { acknowledged: false }) : answer;
  }

  #makeStream(session: Session, { principal, response }: LegacyRequest): EventStream {
    const place = this.#options.fanout.reserveStream(principal);
    const passage = new EventPassage(response, this.#options.limits.stallMs, () => {
      if (session.stream === stream) session.subscriber.drained();
    });
    const outlet: Outlet = {
      get ready() {
        return passage.ready;
      },
      send: (uri, note) => passage.send(updatedJson(uri, note)),
    };
    const stream: EventStream = { passage, place, outlet };
    response.once('close', () => {
      if (session.stream === stream) this.#release(session);
    });
    return stream;
  }

  #release(session: Session): void {
    const { stream } = session;
    if (!stream) return;
    session.stream = undefined;
    session.lastSeenMs = this.#options.clock.monotonicMs();
    session.subscriber.detach(stream.outlet);
    session.transport.closeStandaloneSSEStream();
    stream.passage.end();
    stream.place[Symbol.dispose]();
  }

  /** A client that never ends its sessions loses its own oldest one that has no stream; nobody else's. */
  #makeRoom(principal: Principal): void {
    const { limits } = this.#options;
    const own = [...this.#sessions.values()].filter(({ subscriber }) => subscriber.principal.id === principal.id);
    if (own.length >= limits.sessionsPerCaller || (this.#sessions.size >= limits.sessions && own.length > 0)) {
      const idle = own.filter(({ stream }) => !stream).sort((a, b) => a.lastSeenMs - b.lastSeenMs)[0];
      if (!idle) throw new HttpRefusal(429, 'MCP-LIMIT', `at most ${limits.sessionsPerCaller} sessions a caller`);
      idle.subscriber.end('evicted');
    }
    if (this.#sessions.size >= limits.sessions) throw new HttpRefusal(503, 'MCP-LIMIT', 'no more sessions are taken');
  }
}

/** The id of the question that a message takes back; undefined where it takes none back. */
function givenUpIn(body: unknown): string | number | undefined {
  if (!isObject(body) || body.method !== 'notifications/cancelled' || !isObject(body.params)) return undefined;
  const { requestId } = body.params;
  return typeof requestId === 'string' || typeof requestId === 'number' ? requestId : undefined;
}

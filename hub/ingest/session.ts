import { performServerHandshake } from 'node:http2';
import type { Duplex } from 'node:stream';
import type { Clock, Instant } from '../../shared/clock.ts';
import { asVitalmeshError, type ErrorCode } from '../../shared/errors.ts';
import type { Identity } from '../../shared/identity/identity.ts';
import type { Service } from '../../shared/lifecycle.ts';
import type { Logger } from '../../shared/log.ts';
import type { Metrics } from '../../shared/metrics.ts';
import { HostedService } from '../../shared/overlay/hosted-service.ts';
import type { Caller, Overlay } from '../../shared/overlay/overlay.ts';
import { Seldom } from '../../shared/seldom.ts';
import { UPLINK_SETTINGS } from '../../shared/uplink/http2.ts';
import { secureListener } from '../../shared/uplink/inner-tls.ts';
import { UPLINK_TIMES } from '../../shared/uplink/protocol.ts';
import type { Told } from '../audit/checkpoints.ts';
import { Comings } from './comings.ts';
import { type ConnectionContext, UplinkConnection } from './connection.ts';
import { FhirEndpoint } from './foreign/endpoint.ts';
import { Http1, type Http1Connection, type Http1Limits } from './foreign/http1.ts';
import { Handshakes } from './handshakes.ts';
import type { Ingest } from './ingest.ts';
import { Instances } from './instances.ts';
import { Intake, type IntakeLimits } from './intake.ts';
import { Paces } from './paces.ts';
import { Places } from './places.ts';

/** What bounds the connections of gateways; times in milliseconds. */
export interface SessionLimits extends IntakeLimits, Http1Limits {
  /** Connections at a time, of all gateways, those still in their handshake included. */
  connections: number;
  /** Connections at a time of one gateway: one that works, and a few that take over or are being refused. */
  perGateway: number;
  /** Handshakes at a time of all callers that the overlay does not vouch for; one that it does has two more than `perGateway`. */
  unverifiedHandshakes: number;
  /** Requests at a time on one connection. */
  streams: number;
  /** How long a batch may wait for its gateway's rate; well within the time in which a gateway wants its answer. */
  paceMs: number;
  /** PINGs and SETTINGS of one connection within `controlPerMs`; each makes the hub answer. A gateway sends a few PINGs a minute. */
  controlFrames: number;
  controlPerMs: number;
  /** For the inner TLS. */
  handshakeMs: number;
  /** How long nothing may come before a PING goes out. */
  pingEveryMs: number;
  pingLimitMs: number;
  /** How long the first instance has to answer before another one takes its place (architecture §4). */
  instancePingMs: number;
  drainMs: number;
}

export const SESSION_LIMITS: SessionLimits = {
  connections: 8192,
  perGateway: 8,
  unverifiedHandshakes: 64,
  streams: 16,
  batchesAtOnce: 4,
  idleMs: 120_000,
  jsonBytes: 64 * 1024 * 1024,
  paceMs: UPLINK_TIMES.batchMs / 3,
  headerBytes: 8192,
  headerPairs: 32,
  controlFrames: 600,
  controlPerMs: 60_000,
  handshakeMs: UPLINK_TIMES.setupMs,
  firstRequestMs: UPLINK_TIMES.setupMs,
  bodyMs: UPLINK_TIMES.batchMs,
  answerMs: UPLINK_TIMES.batchMs,
  pingEveryMs: UPLINK_TIMES.hubPingEveryMs,
  pingLimitMs: UPLINK_TIMES.pingLimitMs,
  instancePingMs: 3000,
  drainMs: UPLINK_TIMES.drainMs,
};

export interface ServeUplinkOptions {
  overlay: Overlay;
  /** The service to bind: `vitals-ingest`, or `vitals-ingest.<site>`. */
  service: string;
  identity: Identity;
  ingest: Ingest;
  log: Logger;
  metrics: Metrics;
  clock: Clock;
  limits?: Partial<SessionLimits>;
  /** The newest note of how far the evidence has come, which gateways keep; nothing of it is handed out unless given. */
  checkpoint?: () => Told | undefined;
  /** Told, synchronously, when a gateway's agent begins and ceases to be connected. */
  onPresence?: (gateway: string, isHere: boolean) => void;
}

/** A caller that is turned away, or fails, again and again is logged once in this time. */
const LOG_EVERY_MS = 60_000;

/** A gateway's live connection, for status. */
export interface UplinkSession {
  gateway: string;
  instance: string;
  epoch: string;
  since: Instant;
  lastBatchAt: Instant | null;
  /** What is wrong with it although it is connected: INGEST-BUSY where its batches had to wait within the last minute. */
  code: ErrorCode | null;
}

export interface UplinkServerStatus {
  /** Whether the service is bound, or the code of why it is not. */
  bound: boolean;
  code: ErrorCode | null;
  /** Until when a gateway was connected, which is now while one is; null when none was since the start. */
  lastConnectedAt: Instant | null;
  /** When a batch of any gateway was last on disk; null when none was since the start. */
  lastBatchAt: Instant | null;
}

export interface UplinkServer extends Service {
  sessions(): UplinkSession[];
  status(): UplinkServerStatus;
}

/**
 * Serves uplink 1 (architecture §4): binds the service, proves each caller by its certificate, and hands its batches to ingest.
 * When the network is not there at the start it keeps trying; `start` throws only what nobody but a person can mend.
 */
export function serveUplink(options: ServeUplinkOptions): UplinkServer {
  return new SessionServer(options);
}

class SessionServer implements UplinkServer {
  readonly name = 'uplink';
  readonly #options: ServeUplinkOptions;
  readonly #context: ConnectionContext;
  /** Every stream taken over from the overlay, with the gateway once it is known. */
  readonly #open = new Map<Duplex, UplinkConnection | Http1Connection | undefined>();
  readonly #paces: Paces;
  readonly #http1: Http1;
  readonly #handshakes: Handshakes;
  /** By gateway: the connections that are past their handshake. */
  readonly #places = new Places();
  readonly #turnedAway: Seldom;
  readonly #failed: Seldom;
  readonly #comings: Comings;
  readonly #stopped = new AbortController();
  readonly #hosted: HostedService;
  /** Of connections that are over. */
  #lastConnectedAt: Instant | null = null;
  #lastBatchAt: Instant | null = null;
  /** In which a batch was committed last. */
  #storeEpoch: string | undefined;
  #end: Promise<void> | undefined;

  constructor(options: ServeUplinkOptions) {
    this.#options = options;
    const { ingest, log, metrics, clock } = options;
    const limits = { ...SESSION_LIMITS, ...options.limits };
    const instances = new Instances<UplinkConnection>((connection) => this.#remember(connection), options.onPresence);
    this.#paces = new Paces({ clock, log, metrics, waitMs: limits.paceMs, stopped: this.#stopped.signal });
    const intake = new Intake({ limits, batch: () => ingest.limits, paces: this.#paces });
    const onBundle = (at: Instant): void => {
      this.#lastBatchAt = latest(this.#lastBatchAt, at);
    };
    const fhir = new FhirEndpoint({ ingest, intake, metrics, clock, isTaken: (client) => instances.has(client), onBundle });
    this.#http1 = new Http1(fhir, limits, metrics);
    const onCommit = (epoch: string): void => this.#followStore(epoch);
    const { checkpoint = () => undefined } = options;
    this.#context = { ingest, log, metrics, clock, instances, intake, fhir, limits, onCommit, checkpoint };
    this.#handshakes = new Handshakes({ perCaller: limits.perGateway + 2, unverified: limits.unverifiedHandshakes });
    this.#turnedAway = new Seldom(clock, LOG_EVERY_MS);
    this.#failed = new Seldom(clock, LOG_EVERY_MS);
    this.#comings = new Comings(log, clock);
    const { overlay, service } = options;
    this.#hosted = new HostedService({ overlay, service, log, accept: (stream, caller) => void this.#accept(stream, caller) });
  }

  async start(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    signal.addEventListener('abort', () => void this[Symbol.asyncDispose](), { once: true });
    await this.#hosted.start(signal);
  }

  sessions(): UplinkSession[] {
    return [...this.#context.instances.holders()].map(([gateway, { instance, epoch, since, lastBatchAt }]) => ({
      gateway,
      instance,
      epoch,
      since,
      lastBatchAt,
      code: this.#paces.isSlowed(gateway) ? 'INGEST-BUSY' : null,
    }));
  }

  status(): UplinkServerStatus {
    const sessions = this.sessions();
    const batches = sessions.map(({ lastBatchAt }) => lastBatchAt);
    return {
      ...this.#hosted.status(),
      lastConnectedAt: sessions.length > 0 ? this.#context.clock.now() : this.#lastConnectedAt,
      lastBatchAt: latest(this.#lastBatchAt, ...batches),
    };
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#end ??= this.#stop();
    return this.#end;
  }

  async #stop(): Promise<void> {
    this.#stopped.abort();
    await this.#hosted[Symbol.asyncDispose]();
    const { drainMs } = this.#context.limits;
    const closing = [...this.#open].map(([stream, connection]) => (connection ? connection.close(drainMs) : stream.destroy()));
    await Promise.all(closing);
    this.#http1[Symbol.dispose]();
    this.#comings[Symbol.dispose]();
  }

  /** One connection from the overlay, to its end. Never rejects: what goes wrong here costs this connection alone. */
  async #accept(stream: Duplex, caller: Caller): Promise<void> {
    const { metrics, log, limits } = this.#context;
    stream.on('error', () => undefined);
    if (this.#stopped.signal.aborted) {
      stream.destroy();
      return;
    }
    if (this.#open.size >= limits.connections) return this.#turnAway(stream, caller, 'too many connections');
    using handshake = this.#handshakes.begin(caller);
    if (!handshake) return this.#turnAway(stream, caller, 'too many handshakes of one caller');
    this.#open.set(stream, undefined);
    try {
      await this.#serve(stream, caller, handshake);
    } catch (thrown) {
      const error = asVitalmeshError(thrown);
      metrics.count('uplink_failed', error.code);
      const due = this.#failed.due(`${error.code} ${caller.verified ? caller.identityId : undefined}`);
      log[due ? 'warn' : 'debug']({ caller: caller.identityId, err: error }, 'uplink connection failed');
    } finally {
      this.#open.delete(stream);
      metrics.set('uplink_connections', this.#open.size);
      stream.destroy();
    }
  }

  async #serve(raw: Duplex, caller: Caller, handshake: Disposable): Promise<void> {
    const { metrics, log, clock, limits } = this.#context;
    metrics.set('uplink_connections', this.#open.size);
    const tls = { clock, timeoutMs: limits.handshakeMs, protocols: ['h2', 'http/1.1'] as const };
    const { stream, peer, protocol } = await secureListener(raw, this.#options.identity, tls);
    handshake[Symbol.dispose]();
    stream.on('error', () => undefined);
    const gateway = peer.identityId;
    if (caller.verified && caller.identityId !== gateway) {
      // The certificate decides; a tunneler's identity in the overlay is legitimate, yet somebody should know.
      metrics.count('uplink_caller_differs');
      const due = this.#failed.due(`differs ${gateway} ${caller.identityId}`);
      log[due ? 'warn' : 'debug']({ gateway, caller: caller.identityId }, 'the overlay names another caller than the certificate');
    }
    if (this.#stopped.signal.aborted) {
      stream.destroy();
      return;
    }
    using place = this.#places.take(gateway, limits.perGateway);
    if (!place) return this.#turnAway(stream, caller, 'too many connections of one gateway');
    const connection = protocol === 'h2' ? this.#http2({ stream, raw }, gateway) : this.#http1.accept({ stream, raw }, gateway);
    this.#open.set(raw, connection);
    this.#comings.connected(gateway);
    const reason = await connection.closed;
    if (reason) metrics.count('uplink_ended', reason.code);
    this.#comings.disconnected(gateway, reason);
  }

  #http2({ stream, raw }: { stream: Duplex; raw: Duplex }, gateway: string): UplinkConnection {
    const { streams, headerBytes, headerPairs } = this.#context.limits;
    const session = performServerHandshake(stream, {
      settings: { ...UPLINK_SETTINGS, maxConcurrentStreams: streams, maxHeaderListSize: headerBytes },
      maxHeaderListPairs: headerPairs,
    });
    return new UplinkConnection({ session, raw }, gateway, this.#context);
  }

  /** Once a batch is committed in another epoch of the store, gateways that were told of an older one are to ask again. */
  #followStore(epoch: string): void {
    if (epoch === this.#storeEpoch) return;
    this.#storeEpoch = epoch;
    for (const [, connection] of this.#context.instances.holders()) connection.endUnlessTold(epoch);
  }

  #remember({ lastBatchAt }: UplinkConnection): void {
    this.#lastConnectedAt = this.#context.clock.now();
    this.#lastBatchAt = latest(this.#lastBatchAt, lastBatchAt);
  }

  #turnAway(stream: Duplex, { identityId, verified }: Caller, reason: string): void {
    const { metrics, log } = this.#context;
    metrics.count('uplink_turned_away');
    stream.destroy();
    const caller = verified ? identityId : undefined;
    if (this.#turnedAway.due(`${reason} ${caller}`)) log.warn({ caller, reason }, 'uplink connection turned away');
  }
}

function latest(...times: readonly (Instant | null)[]): Instant | null {
  return times.reduce((last, at) => (last === null || (at !== null && at > last) ? at : last), null);
}

import { constants, type IncomingHttpHeaders, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import type { Clock, Instant } from '../../shared/clock.ts';
import { asVitalmeshError, type ErrorCode, VitalmeshError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/log.ts';
import type { Metrics } from '../../shared/metrics.ts';
import { sessionError, widenWindow } from '../../shared/uplink/http2.ts';
import { isEpoch } from '../../shared/uplink/key.ts';
import { batchResponse } from '../../shared/uplink/kinds.ts';
import { formatStorePosition, parseTold } from '../../shared/uplink/lineage.ts';
import { type Carried, closeInOrder, cut, keepAlive, ping } from '../../shared/uplink/liveness.ts';
import { FHIR_JSON, formatCheckpoint, refusal, UPLINK_HEADERS, UPLINK_PATHS, UPLINK_VERSIONS } from '../../shared/uplink/protocol.ts';
import type { Told } from '../audit/checkpoints.ts';
import type { GatewayEntry } from '../registry/registry.ts';
import { watchForFlood } from './flood.ts';
import type { FhirEndpoint } from './foreign/endpoint.ts';
import { type HttpAnswer, refusalOf } from './http.ts';
import { InOrder } from './in-order.ts';
import type { Ingest } from './ingest.ts';
import type { InstanceHolder, Instances } from './instances.ts';
import type { Intake } from './intake.ts';
import type { SessionLimits } from './session.ts';

export interface ConnectionContext {
  ingest: Ingest;
  instances: Instances<UplinkConnection>;
  intake: Intake;
  fhir: FhirEndpoint;
  log: Logger;
  metrics: Metrics;
  clock: Clock;
  limits: SessionLimits;
  /** Called with the epoch of the store in which a batch was committed. */
  onCommit: (storeEpoch: string) => void;
  /** What gateways are to keep of the evidence. */
  checkpoint: () => Told | undefined;
}

/** Refusals after which the connection is of no use: the gateway comes back with a new one. */
const FINAL: ReadonlySet<ErrorCode> = new Set([
  'UPLINK-VERSION',
  'UPLINK-UNKNOWN-GATEWAY',
  'ACCESS-EXPIRED',
  'ACCESS-DENIED',
  'UPLINK-INSTANCE',
  'UPLINK-EPOCH',
]);

const INSTANCE = /^[A-Za-z0-9._-]{8,64}$/;

/** One HTTP/2 connection of a gateway whose certificate was checked: routes its requests, and holds them to the limits. */
export class UplinkConnection implements InstanceHolder {
  readonly gateway: string;
  readonly since: Instant;
  instance = '';
  epoch = '';
  lastBatchAt: Instant | null = null;
  /** Resolves with the reason when the connection is gone, undefined for an orderly end. */
  readonly closed: Promise<VitalmeshError | undefined>;
  readonly #carried: Carried;
  readonly #context: ConnectionContext;
  readonly #order = new InOrder();
  #storeEpoch: string | undefined;
  /** The note that this gateway was handed last. */
  #told: string | undefined;
  #claim: Promise<boolean> | undefined;
  #warned = false;

  constructor(carried: Carried & { session: ServerHttp2Session }, gateway: string, context: ConnectionContext) {
    const { clock, limits, instances, metrics } = context;
    this.gateway = gateway;
    this.since = clock.now();
    const { session, raw } = carried;
    this.#carried = carried;
    this.#context = context;
    this.closed = new Promise((resolve) => {
      let reason: VitalmeshError | undefined;
      session.on('error', (error) => {
        reason ??= sessionError(error);
      });
      session.once('close', () => resolve(reason));
    });
    const unclaimed = setTimeout(() => this.#cut('no request'), limits.firstRequestMs);
    session.once('stream', () => clearTimeout(unclaimed));
    raw.once('close', () => {
      clearTimeout(unclaimed);
      instances.release(gateway, this);
    });
    session.on('stream', (stream, headers) => {
      // A request that breaks even its own refusal must not break the process.
      this.#serve(stream, headers).catch(() => metrics.count('uplink_refused', 'INTERNAL'));
    });
    watchForFlood(session, limits, clock, () =>
      cut(carried, new VitalmeshError('UPLINK-REQUEST', { detail: 'too many PINGs and SETTINGS' })),
    );
    keepAlive(carried, { everyMs: limits.pingEveryMs, limitMs: limits.pingLimitMs });
    widenWindow(session);
  }

  async answers(): Promise<boolean> {
    return (await ping(this.#carried.session, this.#context.limits.instancePingMs)) !== undefined;
  }

  replace(): void {
    this.#context.metrics.count('uplink_replaced');
    cut(this.#carried);
  }

  /**
   * Ends the connection unless this is the epoch of the store that its gateway was told of: at the next one the gateway compares what it
   * delivered with what the store holds, though it may have nothing to send.
   */
  endUnlessTold(storeEpoch: string): void {
    if (this.#storeEpoch !== undefined && this.#storeEpoch !== storeEpoch) void this.close(this.#context.limits.drainMs);
  }

  /** Takes no new request, finishes those it has, and is gone after `limitMs` at the latest. */
  close(limitMs: number): Promise<void> {
    return closeInOrder(this.#carried, limitMs);
  }

  #cut(detail: string): void {
    cut(this.#carried, new VitalmeshError('UPLINK-SILENT', { detail }));
  }

  async #serve(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): Promise<void> {
    // What breaks a stream shows where it is read or answered.
    stream.on('error', () => undefined);
    try {
      this.#respond(stream, await this.#answer(stream, headers));
    } catch (thrown) {
      this.#refuse(stream, asVitalmeshError(thrown));
    }
  }

  async #answer(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): Promise<HttpAnswer> {
    const { ':path': path = '', ':method': method = '' } = headers;
    if (isForeign(headers)) {
      const request = { headers, method, path, body: stream, isGone: () => stream.destroyed };
      return this.#context.fhir.answer(this.gateway, request);
    }
    const gateway = await this.#admit(headers);
    if (path === UPLINK_PATHS.hello) return method === 'GET' ? await this.#hello(headers) : notAllowed('GET');
    if (path === UPLINK_PATHS.fhir) return method === 'POST' ? this.#batch(stream, headers, gateway) : notAllowed('POST');
    return { status: 404, code: 'UPLINK-REQUEST', body: refusal('UPLINK-REQUEST') };
  }

  /** Whether this caller may ask anything at all; checked on each request, because the registry may have been read anew. */
  async #admit(headers: IncomingHttpHeaders): Promise<GatewayEntry> {
    const { ingest, clock } = this.#context;
    const entry = ingest.gateway(this.gateway);
    if (entry === undefined) throw new VitalmeshError('UPLINK-UNKNOWN-GATEWAY');
    if (entry.notAfter !== undefined && clock.now() > entry.notAfter) throw new VitalmeshError('ACCESS-EXPIRED');
    const version = headers[UPLINK_HEADERS.version];
    if (!UPLINK_VERSIONS.some((served) => String(served) === version)) throw new VitalmeshError('UPLINK-VERSION');
    const epoch = headers[UPLINK_HEADERS.epoch];
    if (typeof epoch !== 'string' || !isEpoch(epoch)) throw new VitalmeshError('UPLINK-REQUEST', { detail: UPLINK_HEADERS.epoch });
    this.epoch = epoch;
    const instance = headers[UPLINK_HEADERS.instance];
    if (typeof instance !== 'string' || !INSTANCE.test(instance))
      throw new VitalmeshError('UPLINK-REQUEST', { detail: UPLINK_HEADERS.instance });
    if (!(await this.#claimed(instance))) throw new VitalmeshError('UPLINK-INSTANCE');
    return entry;
  }

  /** The first request says which process this connection belongs to; it stays with that. */
  #claimed(instance: string): Promise<boolean> {
    if (this.#claim === undefined) {
      this.instance = instance;
      this.#claim = this.#context.instances.claim(this.gateway, this).then((granted) => {
        if (this.#carried.raw.destroyed) this.#context.instances.release(this.gateway, this);
        return granted;
      });
    }
    return instance === this.instance ? this.#claim : Promise.resolve(false);
  }

  async #hello({ [UPLINK_HEADERS.told]: told }: IncomingHttpHeaders): Promise<HttpAnswer> {
    const hello = await this.#context.ingest.hello(this.gateway, typeof told === 'string' ? parseTold(told) : []);
    this.#storeEpoch = hello.lineage?.at(-1)?.epoch;
    return { status: 200, headers: this.#news(), body: { versions: UPLINK_VERSIONS, ...hello } };
  }

  async #batch(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, gateway: GatewayEntry): Promise<HttpAnswer> {
    if (headers['content-type']?.split(';', 1)[0]?.trim() !== FHIR_JSON)
      return { status: 415, code: 'UPLINK-REQUEST', body: refusal('UPLINK-REQUEST') };
    const { ingest, intake, metrics, clock, onCommit } = this.#context;
    const lane = headers[UPLINK_HEADERS.lane];
    // Who names none asks for no order.
    using place = lane === 'live' || lane === 'backlog' ? this.#order.place(lane) : undefined;
    const request = { headers, body: stream, isGone: () => stream.destroyed, ...(place && { turn: place.turn }) };
    return await intake.take(gateway, request, async (bundle) => {
      const { outcomes, committed } = await ingest.batch(this.gateway, bundle, this.#storeEpoch);
      this.lastBatchAt = clock.now();
      metrics.count('uplink_batches');
      if (committed) onCommit(committed.epoch);
      for (const { status } of outcomes) metrics.count('uplink_entries', String(status));
      const position = committed && { [UPLINK_HEADERS.committed]: formatStorePosition(committed) };
      return { status: 200, headers: { 'content-type': FHIR_JSON, ...position, ...this.#news() }, body: batchResponse(outcomes) };
    });
  }

  /** What the evidence has come to since the last answer on this connection. */
  #news(): Record<string, string> {
    const newest = this.#context.checkpoint();
    if (newest === undefined || newest.note === this.#told) return {};
    this.#told = newest.note;
    return { [UPLINK_HEADERS.checkpoint]: formatCheckpoint(newest) };
  }

  #refuse(stream: ServerHttp2Stream, error: VitalmeshError): void {
    const refused = refusalOf(error);
    this.#respond(stream, { ...refused, body: refusal(refused.code) }, error);
  }

  #respond(stream: ServerHttp2Stream, { status, headers, body, code }: HttpAnswer, error?: VitalmeshError): void {
    if (code !== undefined) this.#note(code, error);
    if (code !== undefined && FINAL.has(code)) stream.once('close', () => void this.close(this.#context.limits.drainMs));
    if (stream.destroyed || stream.closed) return;
    const timer = setTimeout(() => stream.close(constants.NGHTTP2_CANCEL), this.#context.limits.answerMs);
    stream.once('close', () => clearTimeout(timer));
    // The rest of a body that nobody reads is not waited for.
    stream.once('finish', () => {
      if (!stream.endAfterHeaders && !stream.readableEnded) stream.close(constants.NGHTTP2_NO_ERROR);
    });
    stream.respond({ ':status': status, 'content-type': 'application/json', ...headers });
    stream.end(JSON.stringify(body));
  }

  /** Every refusal is counted; the first of a connection is logged, so that a caller cannot flood the log. */
  #note(code: ErrorCode, error: VitalmeshError | undefined): void {
    const { log, metrics } = this.#context;
    metrics.count('uplink_refused', code);
    if (this.#warned) return;
    this.#warned = true;
    log.warn({ gateway: this.gateway, code, err: error }, 'uplink request refused');
  }
}

/** Whether a request is that of any FHIR client, which knows nothing of the uplink. */
function isForeign(headers: IncomingHttpHeaders): boolean {
  return headers[':path'] !== UPLINK_PATHS.hello && Object.values(UPLINK_HEADERS).every((name) => headers[name] === undefined);
}

function notAllowed(allow: string): HttpAnswer {
  return { status: 405, code: 'UPLINK-REQUEST', headers: { allow }, body: refusal('UPLINK-REQUEST') };
}

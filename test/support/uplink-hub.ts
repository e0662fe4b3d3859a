import { randomBytes } from 'node:crypto';
import { type EventEmitter, once } from 'node:events';
import { type ClientHttp2Session, connect, type OutgoingHttpHeaders } from 'node:http2';
import type { Duplex } from 'node:stream';
import type { Ingest } from '../../hub/ingest/ingest.ts';
import { type ServeUplinkOptions, type SessionLimits, serveUplink, type UplinkServer } from '../../hub/ingest/session.ts';
import { systemClock } from '../../shared/clock.ts';
import type { Identity } from '../../shared/identity/identity.ts';
import { silentLogger } from '../../shared/log.ts';
import { Metrics } from '../../shared/metrics.ts';
import { createMemoryNetwork, type MemoryNetwork } from '../../shared/overlay/memory.ts';
import { secureDialer } from '../../shared/uplink/inner-tls.ts';
import { newEpoch } from '../../shared/uplink/key.ts';
import { batchEntry, bundleText } from '../../shared/uplink/kinds.ts';
import { sampleObservation } from './hub.ts';
import { testNetwork } from './identities.ts';
import { MemoryIngest } from './uplink.ts';

export const INGEST_SERVICE = 'vitals-ingest';
const ca = await testNetwork();
const identities = new Map<string, Promise<Identity>>();

/** An identity of the one network of this process, always the same for an id. */
export function identityOf(id: string): Promise<Identity> {
  const identity = identities.get(id) ?? ca.identity(id);
  identities.set(id, identity);
  return identity;
}

/** The hub's end of the uplink on a network in memory. */
export interface UplinkHub<I extends Ingest = MemoryIngest> extends AsyncDisposable {
  network: MemoryNetwork;
  ingest: I;
  metrics: Metrics;
  server: UplinkServer;
  abort(): void;
}

/** Starts one with an ingest of its own, which knows `gw-1` and `gw-2`. */
export function startUplinkHub(
  limits: Partial<SessionLimits> = {},
  given: Partial<Pick<ServeUplinkOptions, 'log' | 'clock' | 'checkpoint'>> = {},
): Promise<UplinkHub> {
  const ingest = new MemoryIngest();
  ingest.gateways.add('gw-2');
  return serveUplinkOf(ingest, limits, given);
}

/** The same before any ingest. */
export async function serveUplinkOf<I extends Ingest>(
  ingest: I,
  limits: Partial<SessionLimits> = {},
  given: Partial<Pick<ServeUplinkOptions, 'log' | 'clock' | 'checkpoint'>> = {},
): Promise<UplinkHub<I>> {
  const network = createMemoryNetwork();
  const overlay = network.overlay({ id: 'hub-1', name: 'hub' });
  const metrics = new Metrics();
  const server = serveUplink({
    overlay,
    service: INGEST_SERVICE,
    identity: await identityOf('hub-1'),
    ingest,
    log: silentLogger,
    metrics,
    clock: systemClock,
    limits,
    ...given,
  });
  const stop = new AbortController();
  await server.start(stop.signal);
  return {
    network,
    ingest,
    metrics,
    server,
    abort: () => stop.abort(),
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await overlay[Symbol.asyncDispose]();
    },
  };
}

/** Resolves when it is closed, with an error or without. */
export function gone(emitter: EventEmitter): Promise<void> {
  emitter.on('error', () => undefined);
  return new Promise((resolve) => emitter.once('close', () => resolve()));
}

export interface Answer {
  status: number;
  headers: Record<string, unknown>;
  json: unknown;
}

/** A gateway that speaks the protocol by hand. */
export class RawGateway implements Disposable {
  readonly session: ClientHttp2Session;
  readonly raw: Duplex;
  readonly closed: Promise<void>;
  readonly headers: OutgoingHttpHeaders;

  constructor(raw: Duplex, stream: Duplex, instance: string) {
    this.raw = raw;
    this.session = connect('http://hub', { createConnection: () => stream });
    this.session.on('error', () => undefined);
    stream.on('error', () => undefined);
    this.closed = gone(this.session);
    this.headers = { 'vitalmesh-uplink': '1', 'vitalmesh-instance': instance, 'vitalmesh-epoch': newEpoch() };
  }

  async ask(headers: OutgoingHttpHeaders, body?: string | Buffer): Promise<Answer> {
    const stream = this.session.request({ ...this.headers, ...headers });
    const chunks: Buffer[] = [];
    stream.on('data', (chunk) => chunks.push(chunk));
    const ended = once(stream, 'end');
    ended.catch(() => undefined);
    stream.end(body);
    const [received] = (await once(stream, 'response')) as [Record<string, unknown>];
    await ended;
    const text = Buffer.concat(chunks).toString();
    return { status: Number(received[':status']), headers: received, json: text === '' ? undefined : JSON.parse(text) };
  }

  hello(headers: OutgoingHttpHeaders = {}): Promise<Answer> {
    return this.ask({ ':method': 'GET', ':path': '/uplink', ...headers });
  }

  post(body: string | Buffer, headers: OutgoingHttpHeaders = {}): Promise<Answer> {
    return this.ask({ ':method': 'POST', ':path': '/fhir', 'content-type': 'application/fhir+json', ...headers }, body);
  }

  /** From now on nothing that the hub says reaches this gateway. */
  stall(): void {
    this.raw.pause();
    // TLS would go on reading at the next occasion.
    this.raw.resume = () => this.raw;
  }

  [Symbol.dispose](): void {
    this.session.destroy();
    this.raw.destroy();
  }
}

/** A connection of a gateway to the hub, whose first request is still to come. */
export async function dialHub(
  { network }: Pick<UplinkHub, 'network'>,
  id = 'gw-1',
  instance = randomBytes(8).toString('hex'),
): Promise<RawGateway> {
  const raw = await network.overlay({ id, name: id }).dial(INGEST_SERVICE);
  raw.on('error', () => undefined);
  const { stream } = await secureDialer(raw, await identityOf(id), { timeoutMs: 5000 });
  return new RawGateway(raw, stream, instance);
}

/** Text of a batch of one heart rate for each of these rows. */
export function batchOf(agent: string, ...seqs: number[]): string {
  return bundleText(
    seqs.map((seq) => JSON.stringify(batchEntry(sampleObservation({ agent, seq })))),
    Date.now(),
  );
}

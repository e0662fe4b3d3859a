import { connect as connectTcp, isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectTls, type SecureContextOptions } from 'node:tls';
import type { IPublishPacket, MqttClient } from 'mqtt';
import type { Instant } from '../../shared/clock.ts';
import { type ErrorCode, VitalmeshError } from '../../shared/errors.ts';
import { Backoff } from '../../shared/lifecycle.ts';
import type { Decoded } from '../decoding.ts';
import { defect, deliver } from './delivery.ts';
import { guardedStream, MqttPacketGuard } from './mqtt-guard.ts';
import { ReopeningSource } from './reopening.ts';
import type { Source, SourceEnvironment } from './source.ts';
import { SourceTally } from './tally.ts';

/** TLS towards the broker; its certificate is always checked. */
export interface MqttTls extends Pick<SecureContextOptions, 'ca' | 'cert' | 'key'> {
  /** Name the broker's certificate must have, where it is not the host of the address. */
  servername?: string;
}

export interface MqttOptions {
  name: string;
  host: string;
  port: number;
  tls?: MqttTls;
  /** Must stay the same over restarts: the broker keeps the session under it, and ends one that an older agent left. */
  clientId: string;
  /** 4 is MQTT 3.1.1. */
  protocolVersion: 4 | 5;
  credentials?: { username?: string; password?: string };
  filters: readonly string[];
  /** Whether the broker keeps what is published while the agent is away. False for payloads without a time: they would come as current. */
  keepSession: boolean;
  decode: (topic: string, payload: Uint8Array, receivedAt: Instant) => Decoded;
  maxFrameBytes: number;
  openTimeoutMs: number;
  keepaliveSec: number;
  /** Shortest and longest waiting time before connecting again. */
  reopenMinMs: number;
  reopenMaxMs: number;
}

/** Limits that hold unless the configuration says otherwise. */
export const MQTT_DEFAULTS = {
  openTimeoutMs: 10_000,
  keepaliveSec: 30,
  keepSession: true,
  reopenMinMs: 500,
  reopenMaxMs: 30_000,
} as const satisfies Partial<MqttOptions>;

const CLOSE_TIMEOUT_MS = 1000;
/** Room for topic and properties beside the payload in one packet. */
const HEADER_BYTES = 128 * 1024;
/** The broker keeps the session of an agent that is away for so long (MQTT 5; 3.1.1 brokers have a rule of their own). */
const SESSION_EXPIRY_SEC = 7 * 24 * 3600;

/**
 * Subscribes at a broker with QoS 1, in a session that the broker keeps if `keepSession` says so. A publication is acknowledged (PUBACK) only after it is on
 * disk, or was put in quarantine because it can never be read; when it cannot be stored the connection is closed, and the broker
 * sends it again (MQTT 3.1.1, 4.4). Retained messages are old values and are dropped, counted as SOURCE-RETAINED.
 */
export function createMqtt(options: MqttOptions, environment: SourceEnvironment): Source {
  const endpoint = `${options.tls ? 'mqtts' : 'mqtt'}://${options.host.includes(':') ? `[${options.host}]` : options.host}:${options.port}`;
  const tally = new SourceTally(options.name, 'mqtt', endpoint, environment);
  const backoff = new Backoff(options.reopenMinMs, options.reopenMaxMs);
  return new ReopeningSource(tally, backoff, (signal) => session(options, environment, tally, backoff, signal));
}

/** One connection, from dialling until it is lost (throws) or the signal aborts (resolves). */
async function session(
  options: MqttOptions,
  environment: SourceEnvironment,
  tally: SourceTally,
  backoff: Backoff,
  signal: AbortSignal,
): Promise<void> {
  const { promise: over, resolve: finish } = Promise.withResolvers<VitalmeshError | undefined>();
  const stop = (): void => finish(undefined);
  let subscribed = false;
  const lost = (cause: unknown): void => {
    const code = subscribed ? 'SOURCE-LOST' : 'SOURCE-OPEN';
    finish(cause instanceof VitalmeshError ? cause : new VitalmeshError(code, { detail: reason(cause), cause }));
  };
  const inbox = new Inbox(options, environment, tally, (stored) => {
    if (stored) backoff.reset();
    else lost('closed until readings can be stored; the broker keeps them');
  });
  const client = await createClient(options, inbox.guard);
  client.on('error', lost);
  client.on('close', () => lost('closed'));
  client.on('disconnect', () => lost('the broker ended the connection'));
  client.on('connect', () => {
    client.subscribe([...options.filters], { qos: 1, ...(options.protocolVersion === 5 ? { rh: 2 } : {}) }, (error) => {
      if (error) return lost('packet' in error ? 'the broker refused the subscription' : error);
      subscribed = true;
      tally.up();
    });
  });
  // mqtt sends the PUBACK when this calls back, and reads no further packet before.
  client.handleMessage = (packet, acknowledge) => inbox.take(packet, acknowledge);
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();

  const error = await over;
  signal.removeEventListener('abort', stop);
  await inbox.close();
  await close(client, error !== undefined);
  if (error) throw error;
}

/** What of a received PUBLISH matters here. */
type Publication = Pick<IPublishPacket, 'topic' | 'payload' | 'retain' | 'qos' | 'messageId'>;

/** Publications of one connection on their way to disk, one after the other. */
class Inbox {
  /** Stands before the client, and leaves out what is too large. */
  readonly guard: MqttPacketGuard;
  readonly #options: MqttOptions;
  readonly #environment: SourceEnvironment;
  readonly #tally: SourceTally;
  readonly #settled: (stored: boolean) => void;
  #taking = Promise.resolve();
  #closed = false;

  /** `settled` is told of each publication whether it is on disk. */
  constructor(options: MqttOptions, environment: SourceEnvironment, tally: SourceTally, settled: (stored: boolean) => void) {
    this.#options = options;
    this.#environment = environment;
    this.#tally = tally;
    this.#settled = settled;
    const leftOut = (bytes: number): void => {
      this.#taking = this.#taking.then(() => this.#deliver(rejected('DECODE-OVERSIZED', bytes), false)).then(() => undefined);
    };
    this.guard = new MqttPacketGuard(options.maxFrameBytes + HEADER_BYTES, options.protocolVersion === 5, leftOut);
  }

  /** Calls back once the publication is on disk, or in quarantine because it can never be read; not at all when it could not be stored. */
  take(publication: Publication, acknowledge: () => void): void {
    if (this.#closed) return;
    this.#taking = this.#taking.then(async () => {
      // A publication of QoS 0 is never sent again.
      const stored = await this.#deliver(this.#read(publication), publication.qos > 0);
      this.#settled(stored);
      if (stored) acknowledge();
    });
  }

  /** Takes no more, and resolves when everything taken is settled. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#taking;
  }

  #deliver(part: Decoded, replayable: boolean): Promise<boolean> {
    return deliver(part, this.#environment.intake, this.#tally, replayable);
  }

  /** Whatever is wrong with a publication is in the result as rejected, so that it can be acknowledged and never comes again. */
  #read({ topic, payload, retain, messageId }: Publication): Decoded {
    const { maxFrameBytes, decode } = this.#options;
    const bytes = Buffer.isBuffer(payload) ? payload : Buffer.from(payload);
    this.#tally.received(bytes);
    const cut = this.guard.takeOversized(messageId);
    if (cut !== undefined) return rejected('DECODE-OVERSIZED', cut);
    if (bytes.length > maxFrameBytes) return rejected('DECODE-OVERSIZED', bytes.length);
    if (retain) return rejected('SOURCE-RETAINED', bytes.length);
    try {
      return decode(topic, bytes, this.#environment.clock.now());
    } catch {
      return { records: [], rejected: [defect('payload', bytes)] };
    }
  }
}

function rejected(code: ErrorCode, bytes: number): Decoded {
  return { records: [], rejected: [{ code, part: 'payload', bytes }] };
}

async function createClient(options: MqttOptions, guard: MqttPacketGuard): Promise<MqttClient> {
  // Loaded when a broker is configured: the driver costs memory that a gateway without one keeps.
  const { MqttClient } = await import('mqtt');
  return new MqttClient(() => guardedStream(dial(options), guard), {
    clientId: options.clientId,
    clean: !options.keepSession,
    protocolVersion: options.protocolVersion,
    ...(options.protocolVersion === 5 ? { properties: { sessionExpiryInterval: options.keepSession ? SESSION_EXPIRY_SEC : 0 } } : {}),
    ...options.credentials,
    keepalive: options.keepaliveSec,
    connectTimeout: options.openTimeoutMs,
    // Each session has a client of its own; connecting again is decided in one place, with jitter.
    reconnectPeriod: 0,
    resubscribe: false,
    queueQoSZero: false,
    timerVariant: 'native',
  });
}

function dial({ host, port, tls }: MqttOptions): Duplex {
  if (!tls) return connectTcp({ host, port, noDelay: true });
  // Said here, or a variable of the environment (NODE_TLS_REJECT_UNAUTHORIZED) would let anybody in.
  return connectTls({ host, port, minVersion: 'TLSv1.2', rejectUnauthorized: true, ...(isIP(host) ? {} : { servername: host }), ...tls });
}

/** Says goodbye to the broker, or not when the connection is no good; resolves when the socket is closed. */
async function close(client: MqttClient, forced: boolean): Promise<void> {
  client.on('error', () => undefined);
  const impatience = setTimeout(() => client.stream.destroy(), CLOSE_TIMEOUT_MS);
  await new Promise<void>((resolve) => {
    if (client.stream.closed) return resolve();
    client.stream.once('close', () => resolve());
    client.end(forced || !client.connected);
  });
  clearTimeout(impatience);
}

/** Why a connection failed: a system code, or the broker's return code. Never text from outside. */
function reason(error: unknown): string {
  if (typeof error === 'string') return error;
  const code: unknown = error instanceof Error && 'code' in error ? error.code : undefined;
  if (typeof code === 'number') return `the broker refused the connection (${code})`;
  return typeof code === 'string' ? code : 'error on the connection';
}

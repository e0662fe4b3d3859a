import { connect as connectTcp, isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectTls, type SecureContextOptions } from 'node:tls';
import type { MqttClient } from 'mqtt';
import type { Instant } from '../../shared/clock.ts';
import { VitalmeshError } from '../../shared/errors.ts';
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
  /** Must stay the same over restarts: the broker keeps what was published meanwhile under it. */
  clientId: string;
  /** 4 is MQTT 3.1.1. */
  protocolVersion: 4 | 5;
  credentials?: { username?: string; password?: string };
  filters: readonly string[];
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
  reopenMinMs: 500,
  reopenMaxMs: 30_000,
} as const satisfies Partial<MqttOptions>;

const CLOSE_TIMEOUT_MS = 1000;
/** Room for topic and properties beside the payload in one packet. */
const HEADER_BYTES = 128 * 1024;
/** The broker keeps the session of an agent that is away for so long (MQTT 5; 3.1.1 brokers have a rule of their own). */
const SESSION_EXPIRY_SEC = 7 * 24 * 3600;

/** What of a received PUBLISH matters here. */
interface Publication {
  topic: string;
  payload: string | Buffer;
  retain: boolean;
  messageId?: number;
}

/**
 * Subscribes at a broker with QoS 1 in a session that the broker keeps. A publication is acknowledged (PUBACK) only after it is on
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
  const lost = (error: unknown): void =>
    finish(
      error instanceof VitalmeshError
        ? error
        : new VitalmeshError(subscribed ? 'SOURCE-LOST' : 'SOURCE-OPEN', { detail: reason(error), cause: error }),
    );
  let subscribed = false;
  let closing = false;
  let taking = Promise.resolve();

  const guard = new MqttPacketGuard(options.maxFrameBytes + HEADER_BYTES, options.protocolVersion === 5, (bytes) => {
    taking = taking.then(() => reject('packet', bytes));
  });
  const reject = async (part: string, bytes: number): Promise<void> => {
    await deliver({ records: [], rejected: [{ code: 'DECODE-OVERSIZED', part, bytes }] }, environment.intake, tally, false);
  };
  const client = await createClient(options, guard);
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
  client.handleMessage = (packet, acknowledge) => {
    if (closing) return;
    taking = taking.then(async () => {
      const part = read(packet, options, environment, guard, tally);
      if (!(await deliver(part, environment.intake, tally, true)))
        return finish(new VitalmeshError('SOURCE-LOST', { detail: 'not stored' }));
      backoff.reset();
      acknowledge();
    });
  };
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();

  const error = await over;
  closing = true;
  signal.removeEventListener('abort', stop);
  await taking;
  await close(client, error !== undefined);
  if (error) throw error;
}

/** Reads one publication. Whatever is wrong with it, it is in the result as rejected, so that it can be acknowledged and never comes again. */
function read(
  { topic, payload, retain, messageId }: Publication,
  options: MqttOptions,
  { clock }: SourceEnvironment,
  guard: MqttPacketGuard,
  tally: SourceTally,
): Decoded {
  const bytes = Buffer.isBuffer(payload) ? payload : Buffer.from(payload);
  tally.received(bytes.length);
  const oversized = guard.takeOversized(messageId) ?? (bytes.length > options.maxFrameBytes ? bytes.length : undefined);
  if (oversized !== undefined) return { records: [], rejected: [{ code: 'DECODE-OVERSIZED', part: 'payload', bytes: oversized }] };
  if (retain) return { records: [], rejected: [{ code: 'SOURCE-RETAINED', part: 'payload', bytes: bytes.length }] };
  try {
    return options.decode(topic, bytes, clock.now());
  } catch {
    return { records: [], rejected: [defect('payload', bytes)] };
  }
}

async function createClient(options: MqttOptions, guard: MqttPacketGuard): Promise<MqttClient> {
  // Loaded when a broker is configured: the driver costs memory that a gateway without one keeps.
  const { MqttClient } = await import('mqtt');
  return new MqttClient(() => guardedStream(dial(options), guard), {
    clientId: options.clientId,
    clean: false,
    protocolVersion: options.protocolVersion,
    ...(options.protocolVersion === 5 ? { properties: { sessionExpiryInterval: SESSION_EXPIRY_SEC } } : {}),
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
  return connectTls({ host, port, minVersion: 'TLSv1.2', ...(isIP(host) ? {} : { servername: host }), ...tls });
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

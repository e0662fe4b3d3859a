import { VitalmeshError } from '../../shared/errors.ts';
import { Backoff } from '../../shared/lifecycle.ts';
import type { StreamDecoder } from '../decoding.ts';
import { resilientDecoder } from './delivery.ts';
import { dial, endpoint } from './dial.ts';
import { HeldBytes } from './held-bytes.ts';
import { type CutReason, MLLP_CONNECTION_DEFAULTS, MllpConnection, type MllpConnectionLimits } from './mllp-connection.ts';
import { ReopeningSource } from './reopening.ts';
import type { Source, SourceEnvironment } from './source.ts';
import { SourceTally } from './tally.ts';
import { outOfTime, readTls, type TlsFiles } from './tls.ts';

export interface MllpClientOptions extends Omit<MllpConnectionLimits, 'idleTimeoutMs'> {
  name: string;
  /** The device, or the central that speaks for several. */
  host: string;
  port: number;
  /** A fresh decoder for each connection. */
  decoder: () => StreamDecoder;
  /** Silence after which the device is taken for lost and called again. Heartbeats count as life. */
  silenceMs: number;
  connectTimeoutMs: number;
  /** Shortest and longest waiting time before calling again. */
  reopenMinMs: number;
  reopenMaxMs: number;
  /** Bytes of an unfinished message that may be held. */
  maxHeldBytes: number;
  /** How long stopping waits for the device to read its last acknowledgements. */
  stopTimeoutMs: number;
  /** Without it the connection is in the clear. `servername` is the name in the certificate of the device, where it is not `host`. */
  tls?: { files: TlsFiles; servername?: string };
}

/** Limits that hold unless the configuration says otherwise. */
export const MLLP_CLIENT_DEFAULTS = {
  ...MLLP_CONNECTION_DEFAULTS,
  silenceMs: 120_000,
  connectTimeoutMs: 10_000,
  reopenMinMs: 500,
  reopenMaxMs: 30_000,
  maxHeldBytes: 64 * 1024 * 1024,
  stopTimeoutMs: 2000,
} as const satisfies Partial<MllpClientOptions>;

const WHY: Readonly<Record<CutReason, string>> = {
  idle: 'nothing was received in time',
  unread: 'acknowledgements are not read',
  garbage: 'nothing that was received can be read',
  memory: 'a message grew too large',
};

/**
 * Calls a device that waits for it, and takes its HL7 messages as a listener takes those of a sender (see `MllpConnection`). It counts as
 * running once bytes arrive: a port can answer with no monitor behind it. The files of TLS are read anew for each call.
 */
export function createMllpClient(options: MllpClientOptions, environment: SourceEnvironment): Source {
  const { name, host, port } = options;
  const tally = new SourceTally(name, 'mllp-client', endpoint(host, port), environment);
  const backoff = new Backoff(options.reopenMinMs, options.reopenMaxMs);
  let late = false;

  const call = (signal: AbortSignal) => {
    if (!options.tls) return dial({ host, port, timeoutMs: options.connectTimeoutMs }, signal);
    const { files, servername } = options.tls;
    const material = readTls(files);
    const err = outOfTime(material, environment.clock.now());
    // Once: the calls go on, for a device may not look at it.
    if (err && !late) environment.log.error({ source: name, err }, 'the certificate of a source is not good');
    late = err !== undefined;
    const tls = { ...material, ...(servername !== undefined && { servername }) };
    return dial({ host, port, timeoutMs: options.connectTimeoutMs, tls }, signal);
  };

  return new ReopeningSource(tally, backoff, async (signal) => {
    const socket = await call(signal);
    tally.waiting();
    const connection = new MllpConnection(socket, {
      decoder: resilientDecoder(options.decoder),
      environment,
      tally,
      limits: { ...options, idleTimeoutMs: options.silenceMs },
      held: new HeldBytes(options.maxHeldBytes),
      received: () => {
        tally.up();
        backoff.reset();
      },
    });
    tally.connections(1);
    try {
      await stoppedOrClosed(connection, options.stopTimeoutMs, signal);
    } finally {
      tally.connections(0);
    }
  });
}

/** Waits until everything that was taken is settled. Throws SOURCE-LOST when it was not the signal that ended it. */
async function stoppedOrClosed(connection: MllpConnection, stopTimeoutMs: number, signal: AbortSignal): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const stop = (): void => {
    connection.stop();
    timer = setTimeout(() => connection.destroy(), stopTimeoutMs);
  };
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  const cut = await connection.closed;
  clearTimeout(timer);
  signal.removeEventListener('abort', stop);
  if (!signal.aborted) throw new VitalmeshError('SOURCE-LOST', { detail: cut ? WHY[cut] : 'closed' });
}

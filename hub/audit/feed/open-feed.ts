import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { hostname } from 'node:os';
import type { Duplex } from 'node:stream';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import type { Clock } from '../../../shared/clock.ts';
import { VitalmeshError } from '../../../shared/errors.ts';
import { readOwnerFile } from '../../../shared/identity/owner-file.ts';
import type { Logger } from '../../../shared/log.ts';
import type { Metrics } from '../../../shared/metrics.ts';
import type { Overlay } from '../../../shared/overlay/overlay.ts';
import type { Store } from '../../store/store.ts';
import type { FeedConfig } from './config.ts';
import type { FeedSink } from './contract.ts';
import { FileSink } from './file-sink.ts';
import { receiverOf } from './receiver.ts';
import { FeedRun } from './run.ts';
import { SyslogSink } from './syslog-sink.ts';

type SyslogConfig = Extract<FeedConfig, { type: 'syslog' }>;

/** That may come twice after a failure. */
const ROUND_ENTRIES = 10_000;

export interface FeedSurroundings {
  store: Store;
  overlay: Pick<Overlay, 'dial'>;
  clock: Clock;
  metrics: Metrics;
  log: Logger;
}

/** The live feed that hub.yaml names. What it needs may be missing: it then waits, and says so. */
export function openFeed(config: FeedConfig, { store, overlay, clock, metrics, log }: FeedSurroundings): FeedRun {
  const { heartbeatSeconds, behindEntries, behindMinutes, subjects } = config;
  return new FeedRun({
    ...{ store, clock, metrics, log, subjects },
    receiver: receiverOf(config),
    sink: sinkOf(config, overlay),
    heartbeatMs: heartbeatSeconds * 1000,
    limits: { entries: behindEntries, ms: behindMinutes * 60_000 },
  });
}

/** Reads the files that it names. Throws AUDIT-FEED-TLS. */
export function checkFeed(config: FeedConfig | undefined): void {
  if (config?.type === 'syslog') createContext(credentialsOf(config), config.host);
}

function sinkOf(config: FeedConfig, overlay: Pick<Overlay, 'dial'>): FeedSink {
  if (config.type === 'file') return new FileSink(config.path);
  const { host, port, service, confirmSeconds } = config;
  return new SyslogSink({
    host,
    to: receiverOf(config).to,
    dial: (signal) => (service === undefined ? dialTcp(host, port, signal) : overlay.dial(service, { signal })),
    credentials: () => credentialsOf(config),
    sender: { host: hostname(), pid: process.pid },
    round: { entries: ROUND_ENTRIES, ms: confirmSeconds * 1000 },
  });
}

/** The hub only ever connects out. Rejects with the error of the system. */
async function dialTcp(host: string, port: number, signal: AbortSignal): Promise<Duplex> {
  signal.throwIfAborted();
  const socket = connect({ host, port });
  await new Promise<void>((resolve, reject) => {
    const stop = (): void => void socket.destroy(signal.reason as Error);
    signal.addEventListener('abort', stop, { once: true });
    socket.once('close', () => signal.removeEventListener('abort', stop));
    socket.once('connect', () => {
      signal.removeEventListener('abort', stop);
      socket.off('error', reject);
      resolve();
    });
    socket.once('error', reject);
  });
  return socket;
}

function credentialsOf({ caFile, certFile, keyFile }: SyslogConfig): Pick<SecureContextOptions, 'ca' | 'cert' | 'key'> {
  const key = keyFile === undefined ? undefined : readOwnerFile(keyFile);
  if (keyFile !== undefined && key === undefined) throw new VitalmeshError('AUDIT-FEED-TLS', { detail: `${keyFile} (ENOENT)` });
  return {
    ca: textOf(caFile),
    ...(certFile !== undefined && { cert: textOf(certFile) }),
    ...(key !== undefined && { key }),
  };
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new VitalmeshError('AUDIT-FEED-TLS', { detail: `${path} (${(cause as NodeJS.ErrnoException).code ?? 'unreadable'})`, cause });
  }
}

function createContext(credentials: SecureContextOptions, host: string): void {
  try {
    createSecureContext(credentials);
  } catch (cause) {
    throw new VitalmeshError('AUDIT-FEED-TLS', { detail: `${host}: certificates or key cannot be used`, cause });
  }
}

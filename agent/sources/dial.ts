import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { VitalmeshError } from '../../shared/errors.ts';
import type { TlsMaterial } from './tls.ts';

/** After so long without a byte the kernel asks whether the peer is still there, ten times a second apart (libuv). */
export const KEEPALIVE_MS = 30_000;

export interface DialOptions {
  host: string;
  port: number;
  timeoutMs: number;
  /** Without it the connection is in the clear. */
  tls?: TlsMaterial & { servername?: string };
}

/** Connects to a device. Both halves close apart. Throws SOURCE-OPEN, and SOURCE-TLS when the device is there and TLS with it fails. */
export async function dial({ host, port, timeoutMs, tls }: DialOptions, signal: AbortSignal): Promise<Socket> {
  const options = { host, port, noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEPALIVE_MS, allowHalfOpen: true };
  const socket = connect(options);
  // A name may not be an address (RFC 6066); without a name the certificate is checked for the host all the same.
  const { servername = isIP(host) ? '' : host, ...material } = tls ?? {};
  // Said here, or a variable of the environment (NODE_TLS_REJECT_UNAUTHORIZED) would let anybody in.
  const rules = { rejectUnauthorized: true, minVersion: 'TLSv1.2' } as const;
  const secured = tls ? connectTls({ ...material, ...rules, host, servername, socket }) : undefined;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let connected = false;
  const abandon = (): void => reject(new VitalmeshError('SOURCE-OPEN', { detail: 'stopped' }));
  const fail = (cause: Error): void =>
    reject(new VitalmeshError(connected ? 'SOURCE-TLS' : 'SOURCE-OPEN', { detail: reason(cause), cause }));
  const timer = setTimeout(() => reject(new VitalmeshError(connected ? 'SOURCE-TLS' : 'SOURCE-OPEN', { detail: 'no answer' })), timeoutMs);
  signal.addEventListener('abort', abandon, { once: true });
  socket.once('connect', () => {
    connected = true;
    if (!secured) resolve();
  });
  socket.on('error', fail);
  secured?.on('error', fail).once('secureConnect', resolve);
  // A device that hangs up in the middle of the handshake gives no error.
  for (const stream of [socket, secured]) stream?.once('close', () => fail(new Error('closed')));
  const dialled = secured ?? socket;
  try {
    if (signal.aborted) abandon();
    await promise;
  } catch (error) {
    secured?.destroy();
    socket.destroy();
    throw error;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', abandon);
  }
  return dialled;
}

/** Why a call of the operating system or of the TLS library failed; never what came over the line. */
export function reason(cause: unknown): string {
  if (!(cause instanceof Error)) return 'unknown';
  const { code } = cause as NodeJS.ErrnoException;
  return (
    code ??
    cause.message
      .replace(/^Error:? /, '')
      .replaceAll(/\s+/g, ' ')
      .slice(0, 120)
  );
}

export function endpoint(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

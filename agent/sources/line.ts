import type { Duplex } from 'node:stream';
import { VitalmeshError } from '../../shared/errors.ts';
import type { LineSettings } from '../decoding.ts';
import { dial, reason } from './dial.ts';

const CLOSE_TIMEOUT_MS = 1000;

/** Where a serial line is reached: a terminal device of this machine, or a serial device server. */
export type LineAddress = { path: string } | { host: string; port: number };

/** An open line. `stream` emits 'close' when it is lost, and 'error' before that where a reason is known. */
export interface Line {
  stream: Duplex;
  close(): Promise<void>;
}

/** Reads `/dev/serial/by-id/…` or `tcp://host:port`; undefined for anything else. */
export function parseLineAddress(text: string): LineAddress | undefined {
  if (text.startsWith('/')) return { path: text };
  if (!text.startsWith('tcp://') || !URL.canParse(text)) return undefined;
  const { hostname, port, pathname, search, hash, username } = new URL(text);
  if (hostname === '' || port === '' || port === '0' || username !== '' || search !== '' || hash !== '') return undefined;
  if (pathname !== '' && pathname !== '/') return undefined;
  return { host: hostname.replace(/^\[(.*)\]$/, '$1'), port: Number(port) };
}

/** Opens a line. Throws SOURCE-OPEN. The settings count for a terminal device; a device server has its own. */
export function openLine(address: LineAddress, settings: LineSettings, timeoutMs: number, signal: AbortSignal): Promise<Line> {
  return 'path' in address ? openTerminal(address.path, settings) : openServer(address.host, address.port, timeoutMs, signal);
}

async function openTerminal(path: string, { flowControl = false, ...settings }: LineSettings): Promise<Line> {
  // Loaded when a line is configured: the driver costs memory that a gateway without one keeps.
  const { SerialPort } = await import('serialport');
  let port: InstanceType<typeof SerialPort>;
  try {
    // `lock` (the default) makes the kernel refuse a second owner.
    port = new SerialPort({ path, ...settings, rtscts: flowControl, autoOpen: false });
    await new Promise<void>((resolve, reject) => port.open((error) => (error ? reject(error) : resolve())));
  } catch (cause) {
    throw new VitalmeshError('SOURCE-OPEN', { detail: reason(cause), cause });
  }
  return {
    stream: port,
    close: () => new Promise((resolve) => (port.isOpen ? port.close(() => resolve()) : resolve())),
  };
}

async function openServer(host: string, port: number, timeoutMs: number, signal: AbortSignal): Promise<Line> {
  const socket = await dial({ host, port, timeoutMs }, signal);
  // Whoever ends its half has nothing more to send.
  socket.allowHalfOpen = false;
  socket.removeAllListeners('error');
  return {
    stream: socket,
    close: () =>
      new Promise((done) => {
        if (socket.closed) return done();
        // The last reply may still be on its way; a server that does not take it is not waited for.
        const impatience = setTimeout(() => socket.destroy(), CLOSE_TIMEOUT_MS);
        socket.once('close', () => {
          clearTimeout(impatience);
          done();
        });
        socket.end(() => socket.destroy());
      }),
  };
}

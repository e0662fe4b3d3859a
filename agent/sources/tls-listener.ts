import type { Socket } from 'node:net';
import { createServer, type Server } from 'node:tls';
import type { Clock } from '../../shared/clock.ts';
import { asVitalmeshError, type VitalmeshError } from '../../shared/errors.ts';
import { outOfTime, readTls, type TlsFiles, versionOf } from './tls.ts';

/** What became of the certificate of a listener. */
export interface CertificateEvents {
  /** Read anew, after its files changed. */
  renewed(): void;
  /** It cannot be used: the one before stays in force, or a peer that looks at the time refuses it. */
  trouble(error: VitalmeshError): void;
}

export interface TlsListenerOptions {
  /** With `caFile`, only who shows a certificate that it issued is let in. */
  files: TlsFiles & { certFile: string; keyFile: string };
  handshakeTimeoutMs: number;
  /** How often the files are looked at. */
  reloadMs: number;
}

/** A TLS listener whose certificate is read anew when its files change. `admit` gets peers whose handshake succeeded. */
export function createTlsListener(
  { files, handshakeTimeoutMs, reloadMs }: TlsListenerOptions,
  clock: Clock,
  events: CertificateEvents,
  admit: (socket: Socket) => void,
): Server {
  let version = versionOf(files);
  let material = readTls(files);
  let late = false;
  const judge = (): void => {
    const trouble = outOfTime(material, clock.now());
    if (trouble && !late) events.trouble(trouble);
    late = trouble !== undefined;
  };
  const mutual = { requestCert: files.caFile !== undefined, rejectUnauthorized: files.caFile !== undefined };
  const options = { ...mutual, minVersion: 'TLSv1.2' as const };
  const server = createServer({ ...material, ...options, allowHalfOpen: true, handshakeTimeout: handshakeTimeoutMs }, admit);
  const reload = (): void => {
    judge();
    const current = versionOf(files);
    if (current === version) return;
    version = current;
    try {
      material = readTls(files);
      server.setSecureContext({ ...material, ...options });
      late = false;
      events.renewed();
      judge();
    } catch (error) {
      events.trouble(asVitalmeshError(error, 'SOURCE-CERTIFICATE'));
    }
  };
  judge();
  server.on('listening', () => {
    const timer = setInterval(reload, reloadMs).unref();
    server.on('close', () => clearInterval(timer));
  });
  return server;
}

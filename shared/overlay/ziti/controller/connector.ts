import { isIP } from 'node:net';
import { connect, createSecureContext, type SecureContext, type TLSSocket } from 'node:tls';
import type { buildConnector } from 'undici';
import { VitalmeshError } from '../../../errors.ts';
import type { Identity } from '../../../identity/identity.ts';

/** The controller shares its port among protocols and tells them apart by ALPN (openziti-wire.md §2); this one is its REST API. */
const ALPN = ['http/1.1'];
const KEEP_ALIVE_MS = 60_000;

/**
 * TLS with the identity's certificate to controllers that the identity's CA vouches for, host name included. Unlike undici's own
 * connector it lets go of a connection that is still being made when it is disposed.
 */
export class TlsConnector implements Disposable {
  readonly #context: SecureContext;
  readonly #timeoutMs: number;
  readonly #sockets = new Set<TLSSocket>();

  /** Throws IDENTITY-FILE when key, certificate and CA cannot be used for TLS. */
  constructor(identity: Identity, timeoutMs: number) {
    this.#context = contextOf(identity);
    this.#timeoutMs = timeoutMs;
  }

  /** For undici's Agent. Errors reach the callback once: OVERLAY-TIMEOUT, OVERLAY-CLOSED, or what Node has. */
  readonly connect: buildConnector.connector = ({ hostname, port }, callback) => {
    const socket = connect({
      host: hostname,
      port: Number(port || 443),
      servername: isIP(hostname) ? '' : hostname,
      secureContext: this.#context,
      ALPNProtocols: ALPN,
    });
    const late = (): void => void socket.destroy(new VitalmeshError('OVERLAY-TIMEOUT', { detail: `connecting, ${this.#timeoutMs} ms` }));
    const timer = setTimeout(late, this.#timeoutMs);
    let settled = false;
    const settle = (...outcome: buildConnector.CallbackArgs): void => {
      clearTimeout(timer);
      if (settled) return;
      settled = true;
      callback(...outcome);
    };
    this.#sockets.add(socket);
    socket.setNoDelay(true).setKeepAlive(true, KEEP_ALIVE_MS);
    socket.once('secureConnect', () => settle(null, socket));
    socket.on('error', (error) => settle(error, null));
    socket.once('close', () => {
      this.#sockets.delete(socket);
      settle(new VitalmeshError('OVERLAY-CLOSED'), null);
    });
  };

  [Symbol.dispose](): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}

function contextOf({ keyPem, certPem, caPem }: Identity): SecureContext {
  try {
    return createSecureContext({ key: keyPem, cert: certPem, ca: caPem, minVersion: 'TLSv1.2' });
  } catch {
    // The cause could quote the key.
    throw new VitalmeshError('IDENTITY-FILE', { detail: 'key, certificate and CA cannot be used for TLS' });
  }
}

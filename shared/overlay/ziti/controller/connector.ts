import { isIP } from 'node:net';
import { connect, createSecureContext, type SecureContext, type TLSSocket } from 'node:tls';
import type { buildConnector } from 'undici';
import { asVitalmeshError, VitalmeshError } from '../../../errors.ts';
import type { Identity } from '../../../identity/identity.ts';
import { judgeServer, learnFromServer, presentedChain } from '../../../identity/presented.ts';
import type { NetworkClock, Validity } from '../../../time/network-clock.ts';

/** The controller shares its port among protocols and tells them apart by ALPN (openziti-wire.md §2); this one is its REST API. */
const ALPN = ['http/1.1'];
const KEEP_ALIVE_MS = 60_000;

/** PEM texts of one end. Empty: shows no certificate; trusts the public authorities, by the machine's clock alone. */
export type TlsCredentials = Pick<Identity, 'keyPem' | 'certPem' | 'caPem'>;

/** When the certificates of all of them are valid. */
interface JudgedConnections extends Validity {
  /** When the last one was made, by the clock that never jumps. */
  lastMs: number;
}

/**
 * TLS with the identity's certificate to controllers that the identity's CA vouches for, host name included. Unlike undici's own
 * connector it lets go of a connection that is still being made when it is disposed.
 */
export class TlsConnector implements Disposable {
  readonly #context: SecureContext;
  readonly #identity: TlsCredentials;
  readonly #timeoutMs: number;
  readonly #clock: NetworkClock | undefined;
  readonly #sockets = new Set<TLSSocket>();
  readonly #judged = new Map<string, JudgedConnections>();

  /** Without a clock, certificates are judged by the machine's. Throws IDENTITY-FILE when key, certificate and CA cannot be used for TLS. */
  constructor(identity: TlsCredentials, timeoutMs: number, clock?: NetworkClock) {
    this.#context = contextOf(identity);
    this.#identity = identity;
    this.#timeoutMs = timeoutMs;
    this.#clock = clock;
  }

  /** The connections to the controller at `host:port`; undefined when its certificates were not for us to judge. */
  judged(address: string): JudgedConnections | undefined {
    return this.#judged.get(address);
  }

  /** For undici's Agent. Errors reach the callback once: OVERLAY-TIMEOUT, OVERLAY-CLOSED, or what Node has. */
  readonly connect: buildConnector.connector = (options, callback) => {
    // OpenSSL goes by the machine's clock, and tells of one fault only: where that clock is wrong, everything is judged here.
    const judge = this.#clock && this.#clock.trust !== 'machine' ? this.#clock : undefined;
    this.#open(options, {
      rejectUnauthorized: judge === undefined,
      admit: (socket) => judge && this.#judge(socket, options, judge),
      callback: (...outcome) => {
        if (judge || !this.#clock || !isNotYetValid(outcome[0])) return callback(...outcome);
        this.#learn(options, this.#clock, () => callback(...outcome));
      },
    });
  };

  [Symbol.dispose](): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Over a connection for that alone, the clock learns whether it is behind; the one of before has failed all the same, and so does its request. */
  #learn(options: buildConnector.Options, clock: NetworkClock, done: () => void): void {
    this.#open(options, {
      rejectUnauthorized: false,
      admit: (socket) => learnFromServer(presentedChain(socket), hostOf(options), this.#identity, clock),
      callback: (_, socket) => {
        socket?.destroy();
        done();
      },
    });
  }

  #open({ hostname, port }: buildConnector.Options, { rejectUnauthorized, admit, callback }: Opening): void {
    const socket = connect({
      host: hostname,
      port: Number(port || 443),
      servername: isIP(hostname) ? '' : hostname,
      secureContext: this.#context,
      ALPNProtocols: ALPN,
      rejectUnauthorized,
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
    socket.once('secureConnect', () => {
      try {
        admit(socket);
        settle(null, socket);
      } catch (error) {
        socket.destroy(untrusted(asVitalmeshError(error)));
      }
    });
    socket.on('error', (error) => settle((rejectUnauthorized ? outOfTime(socket) : undefined) ?? error, null));
    socket.once('close', () => {
      this.#sockets.delete(socket);
      settle(new VitalmeshError('OVERLAY-CLOSED'), null);
    });
  }

  #judge(socket: TLSSocket, options: buildConnector.Options, clock: NetworkClock): void {
    const address = options.host ?? `${options.hostname}:${options.port}`;
    const validity = judgeServer(presentedChain(socket), { host: hostOf(options), peer: address }, this.#identity, clock);
    const known = this.#judged.get(address) ?? validity;
    this.#judged.set(address, {
      notBefore: Math.max(known.notBefore, validity.notBefore),
      notAfter: Math.min(known.notAfter, validity.notAfter),
      lastMs: clock.monotonicMs(),
    });
  }
}

/** How a connection is opened, and what becomes of it. */
interface Opening {
  rejectUnauthorized: boolean;
  /** Throws when nothing may be sent to this server. */
  admit: (socket: TLSSocket) => void;
  callback: buildConnector.Callback;
}

function hostOf({ hostname }: buildConnector.Options): string {
  return hostname.replace(/^\[|\]$/g, '');
}

function isNotYetValid(error: Error | null): boolean {
  return error instanceof VitalmeshError && error.cause instanceof VitalmeshError && error.cause.detail === 'CERT_NOT_YET_VALID';
}

/** A certificate outside its time is a wrong clock as often as not, so it says that. Node types the reason as an error and gives its name. */
function outOfTime({ authorizationError }: TLSSocket): VitalmeshError | undefined {
  const reason = String(authorizationError ?? '');
  if (reason !== 'CERT_HAS_EXPIRED' && reason !== 'CERT_NOT_YET_VALID') return undefined;
  return untrusted(new VitalmeshError('IDENTITY-EXPIRED', { detail: reason }));
}

function untrusted(cause: VitalmeshError): VitalmeshError {
  const advice = cause.code === 'IDENTITY-EXPIRED' ? '; is the clock of this machine right?' : '';
  return new VitalmeshError('OVERLAY-UNREACHABLE', { detail: `${cause.code} (${cause.detail ?? ''})${advice}`, cause });
}

function contextOf({ keyPem, certPem, caPem }: TlsCredentials): SecureContext {
  try {
    return createSecureContext({ key: keyPem, cert: certPem, ca: caPem, minVersion: 'TLSv1.2' });
  } catch {
    // The cause could quote the key.
    throw new VitalmeshError('IDENTITY-FILE', { detail: 'key, certificate and CA cannot be used for TLS' });
  }
}

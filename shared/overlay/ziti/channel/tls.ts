import { isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { asVitalmeshError, VitalmeshError } from '../../../errors.ts';
import type { Identity } from '../../../identity/identity.ts';
import { judgeServer, learnFromServer, presentedChain } from '../../../identity/presented.ts';
import type { NetworkClock } from '../../../time/network-clock.ts';

export interface RouterAddress {
  host: string;
  port: number;
}

const ALPN = 'ziti-edge';

/** A router that knows the protocol by no name answers with one of these (RFC 7301 §3.2; openziti-wire.md §0.8). */
const ALPN_REFUSED = new Set(['ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL', 'ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR']);

/**
 * Alerts of a peer that does not want this side's certificate (RFC 8446 §6.2; decrypt_error: its CA has the name of ours, but not the key). In
 * TLS 1.3 they come behind the handshake, with the first read.
 */
const CERTIFICATE_REFUSED = /_ALERT_(?:(?:NO|BAD|UNSUPPORTED)_CERTIFICATE|CERTIFICATE_\w+|UNKNOWN_CA|ACCESS_DENIED|DECRYPT_ERROR)$/;

const CERTIFICATE_TIME = new Set(['CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID']);

/**
 * A TLS connection (1.2 or 1.3) to a router, with the identity's certificate and whole chain; the router's certificate and host name
 * are verified against the identity's CA; by `clock`, where the machine's own is not to be believed. It has an error listener and is not
 * yet read from; what went wrong with it later is for `socketLoss` to say. Aborting `signal` rejects with its reason. Throws OVERLAY-UNREACHABLE (with IDENTITY-UNTRUSTED or -EXPIRED as
 * its cause when the router's certificate is not to be trusted) and OVERLAY-SIGN-IN when the router refuses the identity's certificate.
 */
export async function connectRouter(
  address: RouterAddress,
  identity: Identity,
  signal: AbortSignal,
  clock?: NetworkClock,
): Promise<TLSSocket> {
  // OpenSSL goes by the machine's clock, and tells of one fault only: where that clock is wrong, everything is judged here.
  if (clock && clock.trust !== 'machine') return connectJudged(address, identity, signal, clock);
  try {
    return await handshakeByAnyName(address, tlsOptions(address, identity), signal);
  } catch (error) {
    if (!clock || !isNotYetValid(error)) throw error;
    return await connectJudged(address, identity, signal, clock);
  }
}

/** By this clock alone, which may learn by it that the machine's is behind. */
async function connectJudged(address: RouterAddress, identity: Identity, signal: AbortSignal, clock: NetworkClock): Promise<TLSSocket> {
  const socket = await handshakeByAnyName(address, { ...tlsOptions(address, identity), rejectUnauthorized: false }, signal);
  judge(socket, address, identity, clock);
  return socket;
}

function isNotYetValid(error: unknown): boolean {
  const refusal = error instanceof VitalmeshError ? error.cause : undefined;
  return refusal instanceof VitalmeshError && refusal.detail === 'CERT_NOT_YET_VALID';
}

/** With the protocol's name, and without it where the router knows none. */
async function handshakeByAnyName(address: RouterAddress, options: ConnectionOptions, signal: AbortSignal): Promise<TLSSocket> {
  try {
    return await handshake(address, { ...options, ALPNProtocols: [ALPN] }, signal);
  } catch (error) {
    if (!ALPN_REFUSED.has(codeOf(error instanceof Error ? error.cause : undefined))) throw error;
    return await handshake(address, options, signal);
  }
}

/** Before anything is sent, and again when the time is known better: what was accepted under an exception must hold then, or is cut. */
function judge(socket: TLSSocket, address: RouterAddress, identity: Identity, clock: NetworkClock): void {
  const chain = presentedChain(socket);
  const now = (): void => void judgeServer(chain, { host: address.host, peer: nameOf(address) }, identity, clock);
  try {
    learnFromServer(chain, address.host, identity, clock);
    now();
  } catch (thrown) {
    socket.destroy();
    throw routerUntrusted(address, asVitalmeshError(thrown));
  }
  const again = clock.onChange(() => {
    try {
      now();
    } catch (thrown) {
      socket.destroy(routerUntrusted(address, asVitalmeshError(thrown)));
    }
  });
  socket.once('close', () => again[Symbol.dispose]());
}

/** Why a socket that has closed did: what its error means, or that the router closed it. */
export function socketLoss(socket: Duplex, when = ''): VitalmeshError {
  const code = codeOf(socket.errored);
  if (CERTIFICATE_REFUSED.test(code)) return certificateRefused(code, socket.errored);
  const detail = socket.errored ? `the connection to the router failed${when} (${code})` : `the router closed the connection${when}`;
  return new VitalmeshError('OVERLAY-UNREACHABLE', { detail, cause: socket.errored });
}

function tlsOptions({ host, port }: RouterAddress, { keyPem, certPem, caPem }: Identity): ConnectionOptions {
  const name = isIP(host) ? {} : { servername: host };
  return { host, port, ...name, key: keyPem, cert: certPem, ca: caPem, minVersion: 'TLSv1.2', rejectUnauthorized: true };
}

function handshake(address: RouterAddress, options: ConnectionOptions, signal: AbortSignal): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const socket = startTls(address, options);
    const settle = (): void => {
      signal.removeEventListener('abort', onAbort);
      socket.off('secureConnect', onSecure);
      socket.off('close', onClose);
    };
    const onAbort = (): void => {
      settle();
      socket.destroy();
      reject(signal.reason);
    };
    const onSecure = (): void => {
      settle();
      // No probes of TCP: those of the channel tell more, and each packet counts on a metered line.
      socket.setNoDelay(true);
      resolve(socket);
    };
    const onClose = (): void => {
      settle();
      reject(handshakeFailure(address, socket));
    };
    // An alert behind the handshake is an 'error' that neither destroys the socket nor is remembered by it.
    socket.on('error', (error) => socket.destroy(error));
    signal.addEventListener('abort', onAbort, { once: true });
    socket.once('secureConnect', onSecure);
    socket.once('close', onClose);
  });
}

/** Keys, certificates or addresses that the TLS library takes offence at are thrown at once. */
function startTls(address: RouterAddress, options: ConnectionOptions): TLSSocket {
  try {
    return connect(options);
  } catch (cause) {
    throw new VitalmeshError('OVERLAY-UNREACHABLE', {
      detail: `no connection can be made to ${nameOf(address)} (${codeOf(cause)})`,
      cause,
    });
  }
}

function handshakeFailure(address: RouterAddress, socket: TLSSocket): VitalmeshError {
  const cause = socket.errored;
  const code = codeOf(cause);
  if (socket.authorizationError) return routerUntrusted(address, refusalOf(code, cause));
  if (CERTIFICATE_REFUSED.test(code)) return certificateRefused(code, cause);
  const detail = cause
    ? `no connection to the router ${nameOf(address)} (${code})`
    : `the router ${nameOf(address)} broke the TLS handshake off`;
  return new VitalmeshError('OVERLAY-UNREACHABLE', { detail, cause });
}

/** What the TLS library found, in our codes. */
function refusalOf(code: string, cause: unknown): VitalmeshError {
  return new VitalmeshError(CERTIFICATE_TIME.has(code) ? 'IDENTITY-EXPIRED' : 'IDENTITY-UNTRUSTED', { detail: code, cause });
}

function routerUntrusted(address: RouterAddress, why: VitalmeshError): VitalmeshError {
  const isElsewhere = why.code === 'IDENTITY-NAME' || why.detail === 'ERR_TLS_CERT_ALTNAME_INVALID';
  const says =
    why.code === 'IDENTITY-EXPIRED'
      ? 'has a certificate outside its time of validity; is the clock of this machine right?'
      : isElsewhere
        ? 'has a certificate for another host'
        : 'has a certificate that is not of this network';
  return new VitalmeshError('OVERLAY-UNREACHABLE', { detail: `the router ${nameOf(address)} ${says} (${why.detail})`, cause: why });
}

function certificateRefused(code: string, cause: unknown): VitalmeshError {
  return new VitalmeshError('OVERLAY-SIGN-IN', { detail: `the router refuses this identity's certificate (${code})`, cause });
}

function nameOf({ host, port }: RouterAddress): string {
  return `${host}:${port}`;
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException | null | undefined)?.code ?? 'no code';
}

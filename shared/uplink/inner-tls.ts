import { constants, type X509Certificate } from 'node:crypto';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import {
  connect,
  createSecureContext,
  createServer,
  type SecureContext,
  type SecureContextOptions,
  type Server,
  type TLSSocket,
} from 'node:tls';
import { type Clock, systemClock } from '../clock.ts';
import { asVitalmeshError, type ErrorCode, VitalmeshError } from '../errors.ts';
import { readValidity } from '../identity/certificate-use.ts';
import { type VerifiedIdentity, verifyChain, verifyLeaf } from '../identity/chain.ts';
import { type Identity, readCertificates } from '../identity/identity.ts';
import { presentedChain } from '../identity/presented.ts';
import { type CertificateTime, NetworkClock, type Validity } from '../time/network-clock.ts';

export interface InnerTlsOptions {
  /** Whether the other side may be this one; anybody of the network may when absent. */
  expectedPeer?: ((identityId: string) => boolean) | undefined;
  clock?: Clock;
  /** For the whole handshake. */
  timeoutMs: number;
  /** Of the listening side: what may be spoken inside, the best first; HTTP/2 alone unless given. Who names none speaks HTTP/1.1. */
  protocols?: readonly Protocol[];
}

/** By its ALPN name (RFC 7301). */
export type Protocol = 'h2' | 'http/1.1';

export interface SecuredConnection {
  /** Half-closes like the connection below it: who reads its end has still to `end()`. */
  stream: TLSSocket;
  /** Who the other side proved to be, by its certificate and its key. */
  peer: VerifiedIdentity;
  protocol: Protocol;
}

const ALPN: readonly Protocol[] = ['h2'];
/** Why the TLS library refused a path, by OpenSSL's names (openssl-verification-options(1)); the rest is a lack of trust. */
const REFUSALS: Readonly<Record<string, ErrorCode>> = {
  CERT_HAS_EXPIRED: 'IDENTITY-EXPIRED',
  CERT_NOT_YET_VALID: 'IDENTITY-EXPIRED',
  INVALID_CA: 'IDENTITY-CHAIN',
  INVALID_PURPOSE: 'IDENTITY-CHAIN',
  PATH_LENGTH_EXCEEDED: 'IDENTITY-CHAIN',
};

/**
 * The dialing side of TLS 1.3 inside an overlay connection: both sides present the certificate of their overlay identity and prove
 * that they hold its key, so that nothing on the way can pose as either, read, change or cut off what they say (architecture §4).
 * Node refuses identity certificates as those of a server, for they carry the client-auth usage only; verifyChain stands in for it.
 * Takes the connection over: it ends with the stream, and when the handshake fails.
 *
 * Throws IDENTITY-EXPIRED, -UNTRUSTED, -CHAIN, -NAME for the other side's certificate, UPLINK-PEER when it is not the expected one
 * or does not speak this, OVERLAY-TIMEOUT, OVERLAY-CLOSED. In TLS 1.3 the listening side judges after this side is done: its
 * refusal shows as an error of the stream.
 */
export async function secureDialer(raw: Duplex, identity: Identity, options: InnerTlsOptions): Promise<SecuredConnection> {
  const own = credentialsFor(raw, identity);
  const stream = await handshake(raw, options.timeoutMs, (ready, failed) => {
    const dialing = connect({ secureContext: own.context, ALPNProtocols: [...ALPN], socket: raw, rejectUnauthorized: false });
    dialing.on('error', failed);
    dialing.once('secureConnect', () => {
      dialing.off('error', failed);
      ready(dialing);
    });
  });
  return judged(stream, options, () => {
    const chain = presentedChain(stream);
    const { clock } = options;
    const verify = (time: CertificateTime) => ({ peer: verifyPeer(chain, own, time), ...leafValidity(chain) });
    const { peer } = clock instanceof NetworkClock ? clock.judge(verify) : verify(timeOf(options));
    noteTime(chain, peer, options);
    return peer;
  });
}

/** The listening side; as `secureDialer`. Here the TLS library verifies the path too, and both must find it good. */
export async function secureListener(raw: Duplex, identity: Identity, options: InnerTlsOptions): Promise<SecuredConnection> {
  const own = credentialsFor(raw, identity);
  const { protocols = ALPN } = options;
  const idle = idleServers(own, protocols);
  const server =
    idle.pop() ?? createServer({ ...contextOf(own), requestCert: true, rejectUnauthorized: false, ALPNProtocols: [...protocols] });
  const stream = await handshake(raw, options.timeoutMs, (ready, failed) => {
    // It never listens, and is handed one connection at a time. One that failed may still speak of it; such a server is not used again.
    server.once('secureConnection', ready);
    server.once('tlsClientError', failed);
    server.emit('connection', raw);
  });
  server.removeAllListeners('secureConnection').removeAllListeners('tlsClientError');
  if (idle.length < MAX_IDLE) idle.push(server);
  return judged(stream, options, () => verifyCaller(stream, own, options));
}

/** Runs `begin` and waits for its stream; whatever goes wrong, the connection is destroyed and the error is coded. */
function handshake(
  raw: Duplex,
  timeoutMs: number,
  begin: (ready: (stream: TLSSocket) => void, failed: (cause: unknown) => void) => void,
): Promise<TLSSocket> {
  // TLS takes a socket's handle instead of its stream, and then the guard below would see nothing.
  if (raw instanceof Socket) throw new VitalmeshError('INTERNAL', { detail: 'inner TLS is for overlay connections' });
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer);
      raw.off('end', onGone);
      raw.off('close', onGone);
    };
    const failed = (cause: unknown): void => {
      stop();
      raw.destroy();
      reject(handshakeError(cause));
    };
    const onGone = (): void => failed(raw.errored);
    const timer = setTimeout(() => failed(new VitalmeshError('OVERLAY-TIMEOUT', { detail: `inner TLS, ${timeoutMs} ms` })), timeoutMs);
    raw.once('end', onGone);
    raw.once('close', onGone);
    const ready = (stream: TLSSocket): void => {
      stop();
      // What comes in the same read as the handshake can fail the stream before its owner is there to listen; `judged` looks at it.
      stream.on('error', () => undefined);
      guardEnd(raw, stream);
      resolve(stream);
    };
    try {
      begin(ready, failed);
    } catch (cause) {
      failed(new VitalmeshError('IDENTITY-FILE', { cause, detail: 'TLS cannot use the own key and certificate' }));
    }
  });
}

/**
 * Node takes the end of the connection below for an end of the stream, even when TLS did not say it (RFC 8446 §6.1, close_notify).
 * When the connection below ends, everything that came was decrypted; if TLS has not ended by then, something was cut off.
 */
function guardEnd(raw: Duplex, stream: TLSSocket): void {
  let saidByTls = stream.readableEnded;
  const push = stream.push.bind(stream);
  stream.push = (chunk: unknown, encoding?: BufferEncoding): boolean => {
    saidByTls ||= chunk === null;
    return push(chunk, encoding);
  };
  raw.prependListener('end', () => {
    if (!saidByTls) stream.destroy(new VitalmeshError('OVERLAY-CLOSED', { detail: 'cut off inside TLS' }));
  });
}

function judged(stream: TLSSocket, { expectedPeer, protocols = ALPN }: InnerTlsOptions, verify: () => VerifiedIdentity): SecuredConnection {
  try {
    if (stream.errored) throw asVitalmeshError(stream.errored, 'OVERLAY-CLOSED');
    const peer = verify();
    if (stream.destroyed) throw new VitalmeshError('OVERLAY-CLOSED');
    const spoken = stream.alpnProtocol || 'http/1.1';
    const protocol = protocols.find((name) => name === spoken);
    if (protocol === undefined) throw new VitalmeshError('UPLINK-PEER', { detail: 'another application protocol' });
    if (expectedPeer && !expectedPeer(peer.identityId)) throw new VitalmeshError('UPLINK-PEER', { detail: `identity ${peer.identityId}` });
    return { stream, peer, protocol };
  } catch (error) {
    stream.destroy();
    throw error;
  }
}

function verifyCaller(stream: TLSSocket, own: Credentials, inner: InnerTlsOptions): VerifiedIdentity {
  const chain = presentedChain(stream);
  const [leaf] = chain;
  let peer: VerifiedIdentity;
  try {
    const { clock } = inner;
    const verify = (time: CertificateTime): VerifiedIdentity => verifyPeer(chain, own, time);
    peer = clock instanceof NetworkClock ? clock.judgeCaller(verify) : verify(timeOf(inner));
  } catch (error) {
    // Node does not show a server the intermediates that a client presented. When they are not among ours, its own path counts.
    if (!leaf || asVitalmeshError(error).code !== 'IDENTITY-UNTRUSTED') throw error;
    const refusal = refusalOf(stream, inner);
    if (!stream.authorized) throw refusal === undefined ? error : refused(refusal, 'IDENTITY-UNTRUSTED', error);
    return verifyLeaf(leaf, { ...timeOf(inner), trustDomain: own.trustDomain });
  }
  const refusal = refusalOf(stream, inner);
  if (refusal !== undefined) throw refused(refusal, 'IDENTITY-CHAIN');
  noteTime(chain, peer, inner);
  return peer;
}

/**
 * Why the TLS library refuses a path that is good by `verifyChain`. It goes by the machine's time, so what it says of times counts only where
 * that clock is believed; and that a path has not begun, which the network's time may contradict, only where there is none.
 */
function refusalOf(stream: TLSSocket, { clock }: InnerTlsOptions): string | undefined {
  if (stream.authorized) return undefined;
  // Node types this as an error and gives its name.
  const refusal = String(stream.authorizationError);
  if (!(clock instanceof NetworkClock)) return refusal;
  const isOfTime = clock.trust === 'machine' ? refusal === 'CERT_NOT_YET_VALID' : REFUSALS[refusal] === 'IDENTITY-EXPIRED';
  return isOfTime ? undefined : refusal;
}

function refused(refusal: string, otherwise: ErrorCode, cause?: unknown): VitalmeshError {
  return new VitalmeshError(REFUSALS[refusal] ?? otherwise, { detail: refusal, cause });
}

function verifyPeer(chain: readonly X509Certificate[], { trusted, trustDomain }: Credentials, time: CertificateTime): VerifiedIdentity {
  return verifyChain(chain, trusted, { ...time, trustDomain });
}

function timeOf({ clock = systemClock }: InnerTlsOptions): CertificateTime {
  return clock instanceof NetworkClock ? clock.certificateTime() : { now: clock.now(), mayBeginLaterMs: 0 };
}

/** A certificate may have been accepted although it seems to begin later. */
function noteTime(chain: readonly X509Certificate[], { identityId }: VerifiedIdentity, { clock }: InnerTlsOptions): void {
  if (clock instanceof NetworkClock) clock.judged(identityId, leafValidity(chain));
}

/** That of the leaf stands for the chain's: an issuer does not begin after what it issues. */
function leafValidity([leaf]: readonly X509Certificate[]): Validity {
  if (!leaf) throw new VitalmeshError('IDENTITY-CHAIN', { detail: 'no certificate was presented' });
  return readValidity(leaf.raw);
}

/** An identity as the TLS library wants it. One of these takes 50 KB, which a hub does not have to spare for every gateway. */
interface Credentials extends Pick<Identity, 'keyPem' | 'certPem' | 'caPem' | 'trustDomain'> {
  readonly trusted: readonly X509Certificate[];
  /** Of the dialing side. */
  readonly context: SecureContext;
  /** Of the listening side: servers that have no handshake to do, by their protocols. */
  readonly idle: Map<string, Server[]>;
}

const MAX_IDLE = 64;
const CREDENTIALS = new WeakMap<Identity, Credentials>();

function idleServers({ idle }: Credentials, protocols: readonly Protocol[]): Server[] {
  const servers = idle.get(protocols.join()) ?? [];
  idle.set(protocols.join(), servers);
  return servers;
}

/** Errors: IDENTITY-FILE; then the connection is destroyed. */
function credentialsFor(raw: Duplex, identity: Identity): Credentials {
  try {
    return credentialsOf(identity);
  } catch (error) {
    raw.destroy();
    throw error;
  }
}

/** Made once, and again when the identity has another certificate. */
function credentialsOf(identity: Identity): Credentials {
  const { keyPem, certPem, caPem, trustDomain } = identity;
  const kept = CREDENTIALS.get(identity);
  if (kept?.keyPem === keyPem && kept.certPem === certPem && kept.caPem === caPem) return kept;
  const pems = { keyPem, certPem, caPem };
  const made = {
    ...pems,
    trustDomain,
    trusted: readCertificates(caPem, 'ca'),
    context: contextFor(pems),
    idle: new Map<string, Server[]>(),
  };
  CREDENTIALS.set(identity, made);
  return made;
}

/** Throws IDENTITY-FILE. */
function contextFor(pems: Pick<Identity, 'keyPem' | 'certPem' | 'caPem'>): SecureContext {
  try {
    return createSecureContext(contextOf(pems));
  } catch (cause) {
    throw new VitalmeshError('IDENTITY-FILE', { cause, detail: 'TLS cannot use the own key and certificate' });
  }
}

/** Without tickets: every connection verifies anew, so that a certificate that ran out or was withdrawn is noticed. */
function contextOf({ keyPem, certPem, caPem }: Pick<Identity, 'keyPem' | 'certPem' | 'caPem'>): SecureContextOptions {
  return {
    key: keyPem,
    cert: certPem,
    ca: caPem,
    minVersion: 'TLSv1.3',
    maxVersion: 'TLSv1.3',
    secureOptions: constants.SSL_OP_NO_TICKET,
  };
}

function handshakeError(cause: unknown): VitalmeshError {
  if (cause instanceof VitalmeshError) return cause;
  const code = (cause as NodeJS.ErrnoException | null | undefined)?.code;
  if (code === undefined || code === 'ECONNRESET')
    return new VitalmeshError('OVERLAY-CLOSED', { cause, detail: 'during the TLS handshake' });
  return new VitalmeshError('UPLINK-PEER', { cause, detail: `TLS handshake, ${code}` });
}

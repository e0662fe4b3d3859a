import type { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import type { Instant } from '../../../clock.ts';
import { asVitalmeshError, VitalmeshError } from '../../../errors.ts';
import { verifyServer } from '../../../identity/chain.ts';
import { presentedChain } from '../../../identity/presented.ts';
import { toldTime } from '../../../time/http-date.ts';
import type { CertificateTime } from '../../../time/network-clock.ts';
import { onAbort } from '../../limit.ts';

/** A TLS connection over which nothing was sent yet, and whom it leads to. */
export interface Peer extends Disposable {
  readonly socket: TLSSocket;
  readonly certificate: X509Certificate;
  /** As presented, leaf first. */
  readonly chain: readonly X509Certificate[];
}

export interface PeerRequest {
  method: 'GET' | 'POST';
  /** Path and query. */
  path: string;
  headers: Readonly<Record<string, string>>;
  body?: string;
}

export interface PeerAnswer {
  status: number;
  body: string;
  /** The time now by the peer's clock, if it told one. */
  toldTime: Instant | undefined;
}

/** Bundle and certificates have a few kilobytes. */
const MAX_BODY_BYTES = 1024 * 1024;

/**
 * Opens a connection to a controller, whoever answers there: the caller looks at the certificate before it sends anything. The
 * handshake proves that the peer holds the certificate's key. The signal ends it, and what goes over it, until it is disposed.
 * Errors: OVERLAY-UNREACHABLE.
 */
export function openUnverified(controller: URL, signal: AbortSignal): Promise<Peer> {
  return open(controller, [], signal);
}

/**
 * Opens another connection to the peer that showed `pinned` before. Its certificate must be that one, and valid for the controller's
 * name under the network's own CA; SDKs would refuse the controller otherwise, after the token was spent. Nothing is sent to any other.
 * `time` is given where the machine's own clock is not to be believed. Errors: ENROLL-TOKEN, OVERLAY-UNREACHABLE.
 */
export async function openPinned(
  controller: URL,
  pinned: X509Certificate,
  authorities: readonly X509Certificate[],
  signal: AbortSignal,
  time?: CertificateTime,
): Promise<Peer> {
  const peer = await open(controller, authorities, signal);
  const refusal = time ? ownRefusalOf(peer, hostOf(controller), authorities, time) : refusalOf(peer);
  const fault = faultOf(peer, pinned, refusal);
  if (fault === undefined) return peer;
  peer[Symbol.dispose]();
  throw new VitalmeshError('ENROLL-TOKEN', { detail: fault });
}

function faultOf({ certificate }: Peer, pinned: X509Certificate, refusal: string | undefined): string | undefined {
  if (certificate.fingerprint256 !== pinned.fingerprint256) return 'another server answered than the one whose key signed the token';
  if (refusal !== undefined) return `the controller's certificate does not hold under the CA of its own network (${refusal})`;
  return undefined;
}

/** A code, whatever the types say: OpenSSL's name for what is wrong, or Node's own for a wrong host name. */
function refusalOf({ socket }: Peer): string | undefined {
  if (socket.authorized) return undefined;
  const refusal = String(socket.authorizationError);
  const isOfTime = refusal === 'CERT_NOT_YET_VALID' || refusal === 'CERT_HAS_EXPIRED';
  return isOfTime ? `${refusal}; is the clock of this machine right?` : refusal;
}

function ownRefusalOf({ chain }: Peer, host: string, authorities: readonly X509Certificate[], time: CertificateTime): string | undefined {
  try {
    verifyServer(chain, authorities, { host, ...time });
    return undefined;
  } catch (thrown) {
    const { code, detail } = asVitalmeshError(thrown);
    return detail ?? code;
  }
}

/** As certificates name it. */
export function hostOf({ hostname }: URL): string {
  return hostname.replace(/^\[|\]$/g, '');
}

/** One HTTP/1.1 exchange, after which the connection is closed. Redirects are not followed. Errors: OVERLAY-UNREACHABLE, OVERLAY-PROTOCOL. */
export async function exchange(peer: Peer, controller: URL, { method, path, headers, body }: PeerRequest): Promise<PeerAnswer> {
  const askedMs = performance.now();
  const request = httpRequest({
    createConnection: () => peer.socket,
    method,
    path,
    headers: { ...headers, Host: controller.host, Connection: 'close' },
  });
  try {
    const response = once(request, 'response');
    // Until `response` settles, `once` hears errors; afterwards they reach the reader of the body.
    request.on('error', () => undefined);
    request.end(body);
    const [message] = (await response) as [IncomingMessage];
    const told = toldTime(message.headers.date, performance.now() - askedMs);
    return { status: message.statusCode ?? 0, body: await bodyOf(message), toldTime: told };
  } catch (cause) {
    throw cause instanceof VitalmeshError ? cause : unreachable(controller, cause);
  } finally {
    request.destroy();
    peer[Symbol.dispose]();
  }
}

async function open(controller: URL, authorities: readonly X509Certificate[], signal: AbortSignal): Promise<Peer> {
  signal.throwIfAborted();
  const host = hostOf(controller);
  const socket = connect({
    host,
    port: Number(controller.port || 443),
    servername: isIP(host) === 0 ? host : '',
    ALPNProtocols: ['http/1.1'],
    minVersion: 'TLSv1.2',
    ca: authorities.map((certificate) => certificate.toString()),
    allowPartialTrustChain: true,
    // Who answers is decided here, by the token's signature and the pin, before a byte is sent.
    rejectUnauthorized: false,
  });
  const cut = onAbort(signal, () => socket.destroy(signal.reason));
  const peer = {
    socket,
    [Symbol.dispose]() {
      cut[Symbol.dispose]();
      socket.destroy();
    },
  };
  try {
    await once(socket, 'secureConnect');
  } catch (cause) {
    peer[Symbol.dispose]();
    throw unreachable(controller, cause);
  }
  socket.on('error', () => undefined);
  const chain = presentedChain(socket);
  const [certificate] = chain;
  if (certificate) return { ...peer, certificate, chain };
  peer[Symbol.dispose]();
  throw new VitalmeshError('OVERLAY-PROTOCOL', { detail: 'the controller shows no certificate' });
}

async function bodyOf(message: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of message as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES)
      throw new VitalmeshError('OVERLAY-PROTOCOL', { detail: `the controller answers with more than ${MAX_BODY_BYTES} bytes` });
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function unreachable(controller: URL, cause: unknown): VitalmeshError {
  const code = (cause as NodeJS.ErrnoException | undefined)?.code;
  return new VitalmeshError('OVERLAY-UNREACHABLE', { cause, detail: code ? `${controller.host} (${code})` : controller.host });
}

import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { asVitalmeshError } from '../../../shared/errors.ts';
import { notListening } from '../address.ts';
import { newSessionId } from '../ids.ts';
import { type Answer, refusal, unauthorized, unhandled } from './answers.ts';
import type { Call, ControllerParts, Endpoint, SessionCall } from './call.ts';
import { bearerSession } from './oidc/bearer.ts';
import { routeTo } from './routes.ts';

export interface ControllerLimits {
  /** Longest body of a request, in bytes. */
  maxBodyBytes: number;
  /** Connections at a time. */
  maxConnections: number;
  /** Until a TLS handshake is done. */
  handshakeMs: number;
  /** Until the headers of a request have come, from its first byte or the connection's beginning. */
  headersMs: number;
  /** Until a whole request has come. */
  requestMs: number;
  /** How long a connection may lie idle between requests. */
  idleMs: number;
}

export const CONTROLLER_LIMITS: ControllerLimits = {
  maxBodyBytes: 64 * 1024,
  maxConnections: 16_384,
  handshakeMs: 10_000,
  headersMs: 10_000,
  requestMs: 20_000,
  idleMs: 60_000,
};

export interface ControllerOptions {
  /** Loopback address. */
  host: string;
  /** 0 takes a free one. */
  port: number;
  keyPem: string;
  parts: ControllerParts;
  limits?: Partial<ControllerLimits>;
}

/** How often Node looks for requests that take too long. */
const CHECK_MS = 1000;
/** So many times the largest body is read and thrown away, so that its sender gets to read the answer; beyond that the connection is cut. */
const DRAINED = 16;
const MAX_HEADER_BYTES = 16 * 1024;

/**
 * The edge client API over HTTPS (HTTP/1.1), answering as a real 2.0.3 controller does (openziti-wire.md §1, §2). A client certificate is
 * asked for and not required: enrolment has none, and a session needs none. Throws FABRIC-ADDRESS when the address cannot be listened on.
 */
export async function startController(options: ControllerOptions): Promise<{ port: number } & AsyncDisposable> {
  const { host, port, keyPem, parts } = options;
  const limits = { ...CONTROLLER_LIMITS, ...options.limits };
  // By it SDKs tell that a controller was restarted; the C SDK of 2022 compares it unasked and crashes at its first bind without one.
  const instanceId = newSessionId();
  const server = createServer(
    {
      key: keyPem,
      cert: parts.certPem,
      ca: parts.ca.caPem,
      requestCert: true,
      rejectUnauthorized: false,
      ALPNProtocols: ['http/1.1'],
      minVersion: 'TLSv1.2',
      handshakeTimeout: limits.handshakeMs,
      headersTimeout: limits.headersMs,
      requestTimeout: limits.requestMs,
      keepAliveTimeout: limits.idleMs,
      connectionsCheckingInterval: Math.min(CHECK_MS, limits.headersMs),
      maxHeaderSize: MAX_HEADER_BYTES,
    },
    (request, response) => {
      response.setHeader('ziti-instance-id', instanceId);
      void serve(request, response, parts, limits);
    },
  );
  server.maxConnections = limits.maxConnections;
  // Those in a TLS handshake are no HTTP connections yet, and would hold the end up.
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.timeout = limits.idleMs + limits.requestMs;
  // A request that is no HTTP, or a handshake that fails, is its sender's affair.
  server.on('tlsClientError', (_error, socket) => socket.destroy());
  try {
    server.listen(port, host);
    await once(server, 'listening');
  } catch (cause) {
    throw notListening(cause, host, port);
  }
  server.on('error', (error) => parts.log.error({ err: error }, 'controller'));
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

async function serve(request: IncomingMessage, response: ServerResponse, parts: ControllerParts, limits: ControllerLimits): Promise<void> {
  let answer: Answer;
  try {
    answer = await answerTo(request, parts, limits);
  } catch (thrown) {
    // Its sender went away.
    if (request.destroyed && !request.complete) return;
    const error = asVitalmeshError(thrown);
    parts.log.error({ err: error }, 'a request to the controller failed');
    answer = refusal(500, 'UNHANDLED', unhandled(error.code));
  }
  write(response, answer, request.complete);
}

/** Whatever is wrong with a request is told in the order in which the real one finds it: path, verb, session, body. */
async function answerTo(request: IncomingMessage, parts: ControllerParts, limits: ControllerLimits): Promise<Answer> {
  const url = urlOf(request);
  const route = url && routeTo(url.pathname);
  if (!url || !route) return refusal(404, 'NOT_FOUND', unhandled(`path ${(url?.pathname ?? '').slice(0, 200)} was not found`));
  const verb = request.method ?? '';
  const endpoint = Object.hasOwn(route.verbs, verb) ? route.verbs[verb] : undefined;
  if (!endpoint) {
    const allowed = Object.keys(route.verbs).join(',');
    return refusal(405, 'METHOD_NOT_ALLOWED', unhandled(`method ${verb} is not allowed, but [${allowed}] are`));
  }
  const who = 'open' in endpoint ? undefined : sessionOf(request, parts);
  if (who && 'status' in who) return who;
  const body = await bodyOf(request, endpoint, limits.maxBodyBytes);
  if ('status' in body) return body;
  const socket = request.socket as TLSSocket;
  const call: Call = {
    parts,
    method: verb,
    path: url.pathname,
    params: route.params,
    query: url.searchParams,
    headers: request.headers,
    contentType: contentTypeOf(request),
    body,
    certificate: socket.getPeerX509Certificate(),
    address: socket.remoteAddress ?? '',
  };
  if ('open' in endpoint) return endpoint.open(call);
  return who ? endpoint.signedIn({ ...call, ...who }) : unauthorized('missing');
}

function urlOf(request: IncomingMessage): URL | undefined {
  return URL.parse(request.url ?? '', 'https://controller.invalid') ?? undefined;
}

function sessionOf(request: IncomingMessage, parts: ControllerParts): Answer | Pick<SessionCall, 'session' | 'token'> {
  const { 'zt-session': token, authorization } = request.headers;
  if (typeof token !== 'string' || token === '') {
    if (!authorization?.startsWith('Bearer ')) return unauthorized('missing');
    const bearer = authorization.slice('Bearer '.length);
    const session = bearerSession(parts, bearer, (request.socket as TLSSocket).getPeerX509Certificate());
    return 'status' in session ? session : { session, token: bearer };
  }
  const session = parts.state.sessions.byToken(token);
  return session ? { session, token } : unauthorized('zt-session');
}

function contentTypeOf(request: IncomingMessage): string {
  return request.headers['content-type']?.split(';')[0]?.trim().toLowerCase() ?? '';
}

/** The body, at most so large; an endpoint without one does not look at what was sent. */
async function bodyOf(request: IncomingMessage, { takes, needs }: Endpoint, maxBytes: number): Promise<Buffer | Answer> {
  if (!takes) return Buffer.alloc(0);
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes <= maxBytes) chunks.push(chunk);
    if (bytes > DRAINED * maxBytes) break;
  }
  if (bytes > maxBytes) return refusal(413, 'COULD_NOT_PARSE_BODY', unhandled('request body too large'));
  if (bytes === 0 && needs !== undefined)
    return refusal(602, 'COULD_NOT_VALIDATE', { field: needs, reason: `${needs} in body is required`, value: '' });
  const contentType = contentTypeOf(request);
  if (bytes > 0 && !takes.includes(contentType))
    return refusal(415, 'COULD_NOT_VALIDATE', {
      field: 'Content-Type',
      reason: `unsupported media type "${contentType.slice(0, 100)}", only [${takes.join(' ')}] are allowed`,
      value: contentType.slice(0, 100),
    });
  return Buffer.concat(chunks);
}

/** What was not read to its end is not waited for: the connection ends with the answer. */
function write(response: ServerResponse, { status, headers, body }: Answer, complete: boolean): void {
  if (response.destroyed) return;
  const text = body === undefined ? '' : typeof body === 'string' ? body : `${JSON.stringify(body)}\n`;
  const { 'content-type': type = 'application/json', ...others } = headers ?? {};
  response.writeHead(status, {
    ...(type !== '' && { 'content-type': type }),
    server: 'vitalmesh-fabric',
    'content-length': Buffer.byteLength(text),
    ...(!complete && { connection: 'close' }),
    ...others,
  });
  response.end(text);
}

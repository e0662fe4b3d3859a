import { timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { asVitalmeshError, type ErrorCode, VitalmeshError } from '../../shared/errors.ts';
import type { Logger } from '../../shared/log.ts';
import type { OverlayHttp } from '../../shared/overlay/http-client.ts';

export interface LocalLegOptions {
  /** To the hub. */
  http: Pick<OverlayHttp, 'fetch' | 'origin'>;
  /** Loopback address and port; port 0 takes a free one. */
  host: string;
  port: number;
  /** What a program on this machine must show. */
  bearer: string;
  /** The access token that the hub is shown, asked for anew at each request. */
  token?: () => string;
  /** How long a program may take for the headers of a request; 5,000 ms unless told. */
  headersMs?: number;
  log: Logger;
}

/** An HTTP endpoint on this machine that is the hub's. */
export interface LocalLeg extends AsyncDisposable {
  url: string;
}

const PATH = '/mcp';
/** What goes to the hub of a request, and what comes back of an answer; everything else concerns this machine alone. */
const REQUEST_HEADERS = /^(?:accept|content-type|last-event-id|mcp-[a-z0-9-]+)$/;
const ANSWER_HEADERS = ['content-type', 'cache-control', 'mcp-session-id', 'retry-after', 'allow'];
const HEADERS_MS = 5_000;
/** How often it is looked for requests that are overdue. */
const CHECK_MS = 2_000;
/** Connections that have not shown the bearer; of one more the oldest goes. */
export const MOST_STRANGERS = 256;
/** All connections: below the 1,024 open files that many systems give a process. */
const MOST_CONNECTIONS = 640;

/**
 * Serves MCP over HTTP on a loopback address, for programs that know nothing of overlays: each request goes to the hub over the overlay, as this identity. Whoever uses it must show the bearer; a browser, and a
 * name that was pointed at this address (DNS rebinding), are refused. Who has not shown it takes no place from who has: of such connections there are at most 256, and the oldest goes first. Throws USAGE for an address that is not loopback, CONNECT-LISTEN where it cannot be listened on.
 */
export async function openLocalLeg(options: LocalLegOptions): Promise<LocalLeg> {
  if (!['127.0.0.1', '::1'].includes(options.host)) throw new VitalmeshError('USAGE', { detail: '--listen takes 127.0.0.1 or ::1 alone' });
  const { headersMs = HEADERS_MS } = options;
  const connectionsCheckingInterval = Math.min(CHECK_MS, headersMs);
  const server = createServer({ headersTimeout: headersMs, connectionsCheckingInterval, requestTimeout: 0 });
  server.maxConnections = MOST_CONNECTIONS;
  const strangers = new Set<Socket>();
  server.on('connection', (socket) => takeIn(socket, strangers));
  const port = await listening(server, options);
  const shown = options.host === '::1' ? '[::1]' : options.host;
  const hosts = [`${shown}:${port}`, `localhost:${port}`];
  server.on('request', (request, response) => {
    const refused = refusalOf(request, hosts, options.bearer);
    if (!refused) {
      strangers.delete(request.socket);
      void serve(request, response, options);
      return;
    }
    response.on('error', () => response.destroy());
    request.resume();
    refuse(response, ...refused);
  });
  return {
    url: `http://${shown}:${port}${PATH}`,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
    },
  };
}

function listening(server: Server, { host, port }: LocalLegOptions): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) =>
      reject(new VitalmeshError('CONNECT-LISTEN', { cause, detail: `${host}:${port}: ${cause.code}` })),
    );
    server.listen(port, host, () => resolve((server.address() as AddressInfo).port));
  });
}

/** A connection is a stranger's until the bearer is shown on it. */
function takeIn(socket: Socket, strangers: Set<Socket>): void {
  strangers.add(socket);
  socket.once('close', () => strangers.delete(socket));
  if (strangers.size <= MOST_STRANGERS) return;
  const [oldest] = strangers;
  if (!oldest) return;
  strangers.delete(oldest);
  oldest.destroy();
}

async function serve(request: IncomingMessage, response: ServerResponse, options: LocalLegOptions): Promise<void> {
  response.on('error', () => response.destroy());
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  try {
    const answer = await ask(request, options, gone.signal);
    const headers = ANSWER_HEADERS.flatMap((name) => {
      const value = answer.headers.get(name);
      return value === null ? [] : [[name, value] as const];
    });
    response.writeHead(answer.status, Object.fromEntries(headers));
    // An event stream that has said nothing yet is open all the same.
    response.flushHeaders();
    if (answer.body) await pipeline(Readable.fromWeb(answer.body as Parameters<typeof Readable.fromWeb>[0]), response);
    else response.end();
  } catch (thrown) {
    if (gone.signal.aborted || response.headersSent) {
      response.destroy();
      return;
    }
    const error = beneath(thrown);
    options.log.warn({ err: error }, 'the hub was not reached');
    refuse(response, 502, error);
  }
}

async function ask(request: IncomingMessage, { http, token }: LocalLegOptions, signal: AbortSignal): Promise<Response> {
  const { method = 'GET' } = request;
  const headers = new Headers();
  for (const [name, value] of Object.entries(request.headers))
    if (typeof value === 'string' && REQUEST_HEADERS.test(name)) headers.set(name, value);
  if (token) headers.set('authorization', `Bearer ${token()}`);
  const body = method === 'POST' ? { body: Readable.toWeb(request) as ReadableStream, duplex: 'half' as const } : {};
  return await http.fetch(new URL(PATH, http.origin), { method, headers, signal, ...body });
}

function refusalOf({ headers, url }: IncomingMessage, hosts: readonly string[], bearer: string): [number, VitalmeshError] | undefined {
  if (!hosts.includes(headers.host?.toLowerCase() ?? '') || headers.origin !== undefined)
    return [403, new VitalmeshError('CONNECT-REQUEST', { detail: 'Host must be the address that is listened on, and no browser may ask' })];
  if (url !== PATH) return [404, new VitalmeshError('CONNECT-REQUEST', { detail: `the only path is ${PATH}` })];
  const [, shown = ''] = /^Bearer (.+)$/.exec(headers.authorization ?? '') ?? [];
  return isSame(shown, bearer) ? undefined : [401, new VitalmeshError('CONNECT-BEARER')];
}

function isSame(shown: string, bearer: string): boolean {
  const [a, b] = [Buffer.from(shown), Buffer.from(bearer)];
  return a.length === b.length && timingSafeEqual(a, b);
}

function refuse(response: ServerResponse, status: number, { code, message, advice, retryable }: VitalmeshError): void {
  const error = { code: -32010, message, data: { code, advice, retryable } };
  const challenge = status === 401 ? { 'www-authenticate': 'Bearer' } : {};
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store', connection: 'close', ...challenge });
  response.end(JSON.stringify({ jsonrpc: '2.0', id: null, error }));
}

/** The overlay's own error lies beneath what fetch made of it. */
function beneath(thrown: unknown): VitalmeshError {
  for (let error = thrown, depth = 0; error instanceof Error && depth < 8; error = error.cause, depth += 1)
    if (error instanceof VitalmeshError) return error;
  return asVitalmeshError(thrown, 'OVERLAY-CLOSED' satisfies ErrorCode);
}

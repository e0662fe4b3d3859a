import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Identity } from '../../../shared/identity/identity.ts';
import { type TestNetwork, testNetwork } from '../identities.ts';

/** What a client sent. */
export interface Asked {
  method: string;
  /** Path below the API's base, with its query. */
  path: string;
  headers: IncomingMessage['headers'];
  /** Parsed body, of JSON or of a form; undefined when there was none. */
  body: unknown;
  /** The client showed a certificate that the network's CA issued. */
  certified: boolean;
  /** SHA-256 fingerprint of the certificate it showed. */
  fingerprint: string | undefined;
}

/** An answer to give: status and body, the body as JSON unless it is a text or bytes already. Or what to do with the response instead. */
export type Reply = { status: number; body?: unknown; headers?: Record<string, string> } | ((response: ServerResponse) => void);

/** What the controller does with a request; the last one added is asked first, and undefined passes it on. */
export type Rule = (asked: Asked) => Reply | undefined | Promise<Reply | undefined>;

/** A controller's REST API over HTTPS that answers what a test tells it, and keeps what it was asked. */
export interface ScriptedController extends AsyncDisposable {
  readonly network: TestNetwork;
  readonly port: number;
  readonly asked: readonly Asked[];
  /** `METHOD /path` of everything asked so far. */
  readonly lines: readonly string[];
  /** An identity of this network whose file names this controller. */
  identity(controllers?: string[]): Promise<Identity>;
  on(rule: Rule): void;
  /** Resolves with the next request that fits. */
  nextAsked(fits: (asked: Asked) => boolean): Promise<Asked>;
  /** Resolves when no client is connected any more. */
  idle(): Promise<void>;
}

export interface ScriptOptions {
  network?: TestNetwork;
  /** Instead of one of the network's for this machine. */
  certificate?: { keyPem: string; certPem: string };
}

const BASE = '/edge/client/v1';

/** Starts one on a free port of 127.0.0.1. It signs in whoever comes with a certificate, tells of no service, and answers 404 to the rest. */
export async function scriptedController({ network, certificate }: ScriptOptions = {}): Promise<ScriptedController> {
  const own = network ?? (await testNetwork());
  const { keyPem, certPem } = certificate ?? (await own.ca.certifyServer({ commonName: 'controller' }));
  const rules: Rule[] = usualRules();
  const asked: Asked[] = [];
  const waiting = new Set<(asked: Asked) => void>();
  const sockets = new Set<Socket>();
  let onIdle: () => void = () => undefined;

  const server = createServer({ key: keyPem, cert: certPem, ca: own.caPem, requestCert: true, rejectUnauthorized: false });
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => {
      sockets.delete(socket);
      if (sockets.size === 0) onIdle();
    });
  });
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    response.on('error', () => undefined);
    // A client that gives up in the middle of its request is what some tests are about.
    answer(request, response).catch(() => response.destroy());
  });

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const entry = await read(request);
    asked.push(entry);
    for (const waiter of [...waiting]) waiter(entry);
    for (const rule of [...rules].reverse()) {
      const reply = await rule(entry);
      if (!reply) continue;
      give(reply, response);
      return;
    }
  };

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;

  return {
    network: own,
    port,
    asked,
    get lines() {
      return asked.map(({ method, path }) => `${method} ${path}`);
    },
    identity: async (controllers = [`https://127.0.0.1:${port}${BASE}`]) => ({ ...(await own.identity('gw1', 'Gateway 1')), controllers }),
    on: (rule) => void rules.push(rule),
    nextAsked: (fits) =>
      new Promise((resolve) => {
        const waiter = (entry: Asked): void => {
          if (!fits(entry)) return;
          waiting.delete(waiter);
          resolve(entry);
        };
        waiting.add(waiter);
      }),
    idle: () =>
      new Promise((resolve) => {
        onIdle = resolve;
        if (sockets.size === 0) resolve();
      }),
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

async function read(request: IncomingMessage): Promise<Asked> {
  let text = '';
  request.setEncoding('utf8');
  for await (const piece of request) text += piece;
  return {
    method: request.method ?? '',
    path: (request.url ?? '').replace(BASE, ''),
    headers: request.headers,
    body: text === '' ? undefined : isForm(request) ? Object.fromEntries(new URLSearchParams(text)) : JSON.parse(text),
    certified: (request.socket as TLSSocket).authorized,
    fingerprint: (request.socket as TLSSocket).getPeerX509Certificate()?.fingerprint256,
  };
}

function isForm({ headers }: IncomingMessage): boolean {
  return headers['content-type'] === 'application/x-www-form-urlencoded';
}

function give(reply: Reply, response: ServerResponse): void {
  if (typeof reply === 'function') {
    reply(response);
    return;
  }
  const { status, body, headers } = reply;
  const raw = typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body ?? {});
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(raw);
}

function usualRules(): Rule[] {
  let sessions = 0;
  return [
    () => refused(404, 'NOT_FOUND'),
    ({ path }) => (path.startsWith('/services?') ? servicePage([]) : undefined),
    ({ method, path }) =>
      method === 'DELETE' && path === '/current-api-session' ? { status: 200, body: { data: {}, meta: {} } } : undefined,
    ({ path, certified }) => {
      if (path !== '/authenticate?method=cert') return undefined;
      sessions += 1;
      return certified ? signedIn({ id: `session-${sessions}`, token: `token-${sessions}` }) : refused(401, 'INVALID_AUTH');
    },
  ];
}

/** The answer to a sign-in, as far as a client reads it; any field may be another one. */
export function signedIn(fields: Record<string, unknown> = {}): Reply {
  const data = {
    id: 'session-1',
    token: 'token-1',
    identityId: 'gw1',
    identity: { id: 'gw1', name: 'Gateway 1' },
    authQueries: [],
    expirationSeconds: 1800,
    expiresAt: '1970-01-01T00:00:00.000Z',
    ...fields,
  };
  return { status: 200, body: { data, meta: {} } };
}

/** An error answer in the controller's form. */
export function refused(status: number, code: string, cause?: unknown): Reply {
  return { status, body: { error: { code, message: 'no', requestId: 'r', ...(cause !== undefined && { cause }) }, meta: {} } };
}

/** One page of services. */
export function servicePage(data: readonly unknown[], totalCount = data.length): Reply {
  return { status: 200, body: { data, meta: { pagination: { limit: 500, offset: 0, totalCount } } } };
}

/** The answer to `POST /sessions` for a Dial of service `s1`; any field may be another one. */
export function madeSession(fields: Record<string, unknown> = {}): Reply {
  const data = {
    id: 'ss-1',
    token: 'ss-token',
    type: 'Dial',
    serviceId: 's1',
    edgeRouters: [
      { name: 'r1', hostname: '127.0.0.1', isOnline: true, disabled: false, supportedProtocols: { tls: 'tls://127.0.0.1:3022' } },
    ],
    ...fields,
  };
  return { status: 201, body: { data, meta: {} } };
}

import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer as createHttps } from 'node:https';
import { type AddressInfo, createServer as createTcp, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { createServer as createTls } from 'node:tls';
import { type Ca, createCa, loadCa } from '../../../provisioning/fabric/ca.ts';
import type { ErrorCode } from '../../../shared/errors.ts';

type Act = (socket: Socket) => void;
type Answer = (response: import('node:http').ServerResponse) => void;

interface Kind {
  /** What the agent says about it, and what stands in the detail. */
  code: ErrorCode;
  detail: RegExp;
  tcp?: Act;
  tls?: Act;
  http?: Answer;
  foreign?: true;
}

const BEGUN = '{"data":{"id":"session-1","token":"';

/** What is wrong with a controller. */
export const SICK_CONTROLLERS = {
  'takes TCP and never speaks': { code: 'OVERLAY-TIMEOUT', detail: /connecting/, tcp: () => undefined },
  'finishes TLS and never answers': { code: 'OVERLAY-TIMEOUT', detail: /127\.0\.0\.1/, http: () => undefined },
  'sends garbage': { code: 'OVERLAY-UNREACHABLE', detail: /answers with no HTTP/, tls: (socket) => void socket.write(randomBytes(4096)) },
  'is a captive portal': {
    code: 'OVERLAY-UNREACHABLE',
    detail: /127\.0\.0\.1/,
    http: (response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>Hospital guest Wi-Fi</title>'),
  },
  'sends the caller to a captive portal': {
    code: 'OVERLAY-UNREACHABLE',
    detail: /302/,
    http: (response) => response.writeHead(302, { location: 'https://guest.invalid/login' }).end(),
  },
  'sends a body without end': { code: 'OVERLAY-UNREACHABLE', detail: /UND_ERR_RES_EXCEEDED_MAX_SIZE/, http: endless },
  'is cut in the middle of its answer': {
    code: 'OVERLAY-UNREACHABLE',
    detail: /127\.0\.0\.1/,
    http: (response) => {
      response
        .writeHead(200, { 'content-type': 'application/json', 'content-length': 1000 })
        .write(BEGUN, () => response.socket?.destroy());
    },
  },
  'answers with half an object': {
    code: 'OVERLAY-UNREACHABLE',
    detail: /127\.0\.0\.1/,
    http: (response) => response.writeHead(200, { 'content-type': 'application/json' }).end(BEGUN),
  },
  'is one of another network': { code: 'OVERLAY-UNREACHABLE', detail: /CERT|ISSUER/, http: (response) => response.end(), foreign: true },
} satisfies Record<string, Kind>;

export type SickController = keyof typeof SICK_CONTROLLERS;

/** Serves this kind of controller of the network whose home this is; its port. */
export async function sickController(home: string, name: SickController): Promise<AsyncDisposable & { readonly port: number }> {
  const kind: Kind = SICK_CONTROLLERS[name];
  const server = await serverOf(
    kind,
    await (kind.foreign ? createCa({ trustDomain: 'other', commonName: 'Other' }) : loadCa(join(home, 'ca'))),
  );
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

async function serverOf({ tcp, tls, http }: Kind, ca: Ca): Promise<Server> {
  if (tcp) return createTcp(quiet(tcp));
  const { keyPem: key, certPem: cert } = await ca.certifyServer({ commonName: 'controller' });
  if (tls) return createTls({ key, cert }, quiet(tls));
  return createHttps({ key, cert }, (request, response) => {
    request.resume();
    response.on('error', () => undefined);
    http?.(response);
  });
}

function quiet(act: Act): Act {
  return (socket) => {
    socket.on('error', () => undefined);
    socket.resume();
    act(socket);
  };
}

const PIECE = Buffer.alloc(1024 * 1024, ' ');

function endless(response: import('node:http').ServerResponse): void {
  response.writeHead(200, { 'content-type': 'application/json' });
  const write = (): void => {
    if (!response.destroyed) response.write(PIECE, () => setTimeout(write, 50));
  };
  write();
}

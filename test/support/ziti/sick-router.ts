import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { loadCa } from '../../../provisioning/fabric/ca.ts';
import type { ErrorCode } from '../../../shared/errors.ts';
import { encodeFrame } from '../../../shared/overlay/ziti/wire/encode.ts';
import { CONTENT, HEADER } from '../../../shared/overlay/ziti/wire/ids.ts';
import { HELLO_GRANTED, hex, type RawPeer, rawRouter } from '../raw-router.ts';

interface Kind {
  /** What a client says about it, and what stands in the detail. */
  code: ErrorCode;
  detail: RegExp;
  tcp?(socket: Socket): void;
  /** Behind its TLS handshake. */
  tls?(peer: RawPeer): Promise<unknown>;
}

const UNANSWERED = { code: 'OVERLAY-TIMEOUT', detail: /^TCP, TLS and hello with 127\.0\.0\.1:\d+, 10000 ms$/ } as const;
const SILENT = { code: 'OVERLAY-TIMEOUT', detail: /^the first answer of 127\.0\.0\.1:\d+ behind its hello, 10000 ms$/ } as const;
const NO_FRAME = { code: 'OVERLAY-PROTOCOL', detail: /no frame/ } as const;
const TOO_LONG = { code: 'OVERLAY-PROTOCOL', detail: /(?:headers|a body) of \d{10} bytes/ } as const;

/** What is wrong with a router: by name, what it does to somebody who connects. */
export const SICKNESSES = {
  'takes TCP and never speaks': { ...UNANSWERED, tcp: () => undefined },
  'speaks no TLS': { code: 'OVERLAY-UNREACHABLE', detail: /ERR_SSL_/, tcp: (socket) => void socket.write(Buffer.alloc(4096, 'no TLS')) },
  'finishes TLS and never answers the hello': { ...UNANSWERED, tls: async () => undefined },
  'sends garbage for an answer to the hello': { ...NO_FRAME, tls: (peer) => peer.send(GARBAGE) },
  'answers the hello with a body of two gigabytes': { ...TOO_LONG, tls: (peer) => endless(peer, head(0, 0x7fff_ffff)) },
  'answers the hello with headers that never end': { ...TOO_LONG, tls: (peer) => endless(peer, head(0xffff_ffff, 0)) },
  'answers the hello and then nothing': { ...SILENT, tls: (peer) => peer.greet() },
  'sends garbage behind the hello': { ...NO_FRAME, tls: (peer) => greeted(peer, () => peer.send(GARBAGE)) },
  'announces four gigabytes behind the hello': { ...TOO_LONG, tls: (peer) => greeted(peer, () => endless(peer, head(0, 0xffff_ffff))) },
  'sends frames without end and answers none': { ...SILENT, tls: (peer) => greeted(peer, () => endless(peer, Buffer.alloc(0), ODD)) },
  'closes right behind the hello': {
    ...{ code: 'OVERLAY-UNREACHABLE', detail: /the router closed the connection/ },
    tls: (peer) => greeted(peer, async () => void peer.socket.end()),
  },
} satisfies Record<string, Kind>;

export type Sickness = keyof typeof SICKNESSES;

/** No frame begins with these bytes. */
const GARBAGE = Buffer.alloc(4096, 'garbage');

/** A well-formed frame for a connection that nobody has, with as many bytes of headers as are allowed. */
const ODD = encodeFrame(
  {
    type: CONTENT.data,
    headers: [
      [HEADER.connId, 7],
      [HEADER.reflected, Buffer.alloc(60_000)],
    ],
  },
  1,
);

/** A server with a router's certificate and this sickness. */
export interface SickRouter extends AsyncDisposable {
  readonly port: number;
  /** Most bytes that one client has let it send. */
  readonly mostSent: number;
}

/** In the network whose home this is. */
export async function sickRouter(home: string, sickness: Sickness): Promise<SickRouter> {
  const { tcp, tls = async () => undefined }: Kind = SICKNESSES[sickness];
  return tcp ? await plainServer(tcp) : await tlsServer(home, tls);
}

async function plainServer(act: (socket: Socket) => void): Promise<SickRouter> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => sockets.delete(socket));
    socket.resume();
    act(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    mostSent: 4096,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

async function tlsServer(home: string, act: (peer: RawPeer) => Promise<unknown>): Promise<SickRouter> {
  const ca = await loadCa(join(home, 'ca'));
  const router = await rawRouter({ ca, caPem: ca.caPem });
  let mostSent = 0;
  const serve = async (): Promise<void> => {
    for (;;) {
      const peer = await router.accept();
      peer.socket.once('close', () => {
        mostSent = Math.max(mostSent, peer.socket.bytesWritten);
      });
      act(peer).catch(() => undefined);
    }
  };
  void serve();
  return {
    port: router.port,
    get mostSent() {
      return mostSent;
    },
    [Symbol.asyncDispose]: () => router[Symbol.asyncDispose](),
  };
}

/** The head of the answer to a hello, or of another frame, with these lengths. */
function head(headersBytes: number, bodyBytes: number): Buffer {
  const bytes = Buffer.concat([hex('0306090c 02000000 ffffffff'), Buffer.alloc(8)]);
  bytes.writeUInt32LE(headersBytes, 12);
  bytes.writeUInt32LE(bodyBytes, 16);
  return bytes;
}

async function greeted(peer: RawPeer, then: () => Promise<unknown>): Promise<void> {
  await peer.frame();
  await peer.send(HELLO_GRANTED);
  await then();
}

const PIECE = Buffer.alloc(16 * 1024);
/** Ten times a second: a megabyte every second or so, which is no test of this machine's speed. */
const EVERY_MS = 100;

/** As long as the client takes it. */
async function endless(peer: RawPeer, first: Buffer, piece: Buffer = PIECE): Promise<void> {
  await peer.send(first);
  while (!peer.socket.destroyed) {
    await peer.send(piece);
    await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
  }
}

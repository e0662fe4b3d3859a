import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer, type Server, type TLSSocket, type TlsOptions } from 'node:tls';
import type { TestNetwork } from './identities.ts';

/** Bytes as a person writes them: hexadecimal, with blanks, line ends and `|` between them as they please. */
export function hex(text: string): Buffer {
  const digits = text.replaceAll(/[\s|]/g, '');
  if (!/^(?:[0-9a-f]{2})*$/i.test(digits)) throw new Error(`not hexadecimal: ${text}`);
  return Buffer.from(digits, 'hex');
}

/** A hello that the router grants, as a real 2.0.3 one did (openziti-wire.md §4): the reply to sequence -1 of the router `GrQSyMojo`. */
export const HELLO_GRANTED = hex(`0306090c 02000000 ffffffff 71000000 00000000
  | 04000000 25000000 76322e302e337c6538366533333761316633367c6c6f63616c7c6c696e75787c616d643634
  | 00040000 01000000 01 | 00000000 04000000 6f38357a | 08000000 09000000 47725153794d6f6a6f
  | 01000000 04000000 ffffffff | 02000000 01000000 01 | 08040000 01000000 01`);

/** A TLS server with a router's certificate that does nothing by itself: the test says what it reads and writes. */
export interface RawRouter extends AsyncDisposable {
  readonly host: '127.0.0.1';
  readonly port: number;
  /** The next client past its TLS handshake. */
  accept(): Promise<RawPeer>;
}

/** A client of ours as the router sees it. */
export interface RawPeer {
  readonly socket: TLSSocket;
  /** Exactly so many bytes. Throws when the client closes before. */
  read(bytes: number): Promise<Buffer>;
  /** The bytes of the next whole frame, by the two lengths in its head. */
  frame(): Promise<Buffer>;
  /** Resolves when they are given to the socket's own writer. */
  send(bytes: Buffer): Promise<void>;
  /** Reads a hello and grants it; returns its bytes. */
  greet(): Promise<Buffer>;
  /** Whatever the client still sends until it closes or is reset. */
  rest(): Promise<Buffer>;
}

const HEAD_BYTES = 20;

/** Listens on a free port of 127.0.0.1. Client certificates are demanded, ALPN is `ziti-edge`, unless `options` say otherwise. */
export async function rawRouter(network: Pick<TestNetwork, 'ca' | 'caPem'>, options: TlsOptions = {}): Promise<RawRouter> {
  const { keyPem, certPem } = await network.ca.certifyServer({ commonName: 'GrQSyMojo' });
  const server = createServer({
    key: keyPem,
    cert: certPem,
    ca: network.caPem,
    requestCert: true,
    rejectUnauthorized: true,
    ALPNProtocols: ['ziti-edge'],
    noDelay: true,
    ...options,
  });
  const waiting = queueOf<RawPeer>();
  const sockets = new Set<TLSSocket>();
  server.on('secureConnection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    waiting.put(peerOf(socket));
  });
  await listen(server);
  return {
    host: '127.0.0.1',
    port: (server.address() as AddressInfo).port,
    accept: () => waiting.take(),
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

async function listen(server: Server): Promise<void> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
}

function peerOf(socket: TLSSocket): RawPeer {
  socket.on('error', () => socket.destroy());
  const taken: Buffer[] = [];
  let takenBytes = 0;
  const keep = (chunk: Buffer): void => {
    if (chunk.length === 0) return;
    taken.push(chunk);
    takenBytes += chunk.length;
  };
  /** Takes what the socket has, and waits when it has nothing; false when nothing comes any more. */
  const take = async (): Promise<boolean> => {
    const chunk: Buffer | null = socket.read();
    if (chunk) keep(chunk);
    else if (socket.readableEnded || socket.destroyed) return false;
    else await readableOrGone(socket);
    return true;
  };
  const drain = (): Buffer => {
    takenBytes = 0;
    return Buffer.concat(taken.splice(0));
  };
  const read = async (bytes: number): Promise<Buffer> => {
    while (takenBytes < bytes) {
      if (!(await take())) throw new Error(`the client closed before ${bytes} bytes were read`);
    }
    const all = drain();
    keep(all.subarray(bytes));
    return all.subarray(0, bytes);
  };
  const peer: RawPeer = {
    socket,
    read,
    async frame() {
      const head = await read(HEAD_BYTES);
      return Buffer.concat([head, await read(head.readUInt32LE(12) + head.readUInt32LE(16))]);
    },
    send: (bytes) => new Promise((resolve, reject) => socket.write(bytes, (error) => (error ? reject(error) : resolve()))),
    async greet() {
      const hello = await peer.frame();
      await peer.send(HELLO_GRANTED);
      return hello;
    },
    async rest() {
      while (await take());
      return drain();
    },
  };
  return peer;
}

function readableOrGone(socket: TLSSocket): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      for (const event of ['readable', 'end', 'close']) socket.off(event, done);
      resolve();
    };
    for (const event of ['readable', 'end', 'close']) socket.on(event, done);
  });
}

/** What comes and who waits for it, each in its order. */
function queueOf<T>(): { put(item: T): void; take(): Promise<T> } {
  const items: T[] = [];
  const takers: ((item: T) => void)[] = [];
  return {
    put(item) {
      const taker = takers.shift();
      if (taker) taker(item);
      else items.push(item);
    },
    take: () => {
      const item = items.shift();
      return item === undefined ? new Promise((resolve) => takers.push(resolve)) : Promise.resolve(item);
    },
  };
}

import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { createServer as createTlsServer, type TLSSocket, type TlsOptions, type Server as TlsServer } from 'node:tls';
import { TestAuthority } from './certificates.ts';
import { parseSyslog, SyslogFrames, type SyslogMessage } from './syslog-parser.ts';

export const RECEIVER_HOST = 'siem.test';

/** A SIEM of a test: takes syslog over TLS on loopback, and does not always behave. */
export class SyslogReceiver implements AsyncDisposable {
  readonly authority: TestAuthority;
  /** In order of receipt. */
  readonly messages: SyslogMessage[] = [];
  /** What it could not read. */
  readonly faults: string[] = [];
  readonly #tls: TlsServer;
  readonly #lines = new Set<Duplex>();
  readonly #sockets = new Set<TLSSocket>();
  readonly #heard = new Set<() => void>();
  #server: Server | undefined;
  #port = 0;
  #isStalled = false;
  /** Whether it ends a connection in answer to the end of the sender. */
  answersEnd = true;
  connections = 0;

  private constructor(authority: TestAuthority, tls: TlsOptions) {
    this.authority = authority;
    this.#tls = createTlsServer({ ...tls, allowHalfOpen: true }, (socket) => this.#take(socket));
  }

  static async start({ host = RECEIVER_HOST, ...tls }: TlsOptions & { host?: string } = {}): Promise<SyslogReceiver> {
    const authority = await TestAuthority.make();
    const receiver = new SyslogReceiver(authority, { ...(await authority.issue(host)), ca: authority.pem, ...tls });
    await receiver.back();
    return receiver;
  }

  /** Connections that there are. */
  get open(): number {
    return this.#lines.size;
  }

  get port(): number {
    return this.#port;
  }

  /** What came of one type, in order. */
  of(type: string): ReadonlyMap<string, string>[] {
    return this.messages.map(({ params }) => params).filter((params) => params.get('type') === type);
  }

  /** Numbers of the entries that came, in order of receipt. */
  seqs(): number[] {
    return this.of('entry').map((params) => Number(params.get('seq')));
  }

  /** Resolves once the condition holds after something came or ended. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.#heard.add(resolve));
  }

  /** Takes a connection, of TCP or of an overlay. */
  serve(below: Duplex): void {
    this.connections += 1;
    this.#lines.add(below);
    below.on('error', () => below.destroy());
    below.once('close', () => {
      this.#lines.delete(below);
      this.#tell();
    });
    this.#tls.emit('connection', below);
  }

  #take(socket: TLSSocket): void {
    const frames = new SyslogFrames();
    this.#sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('data', (bytes: Buffer) => {
      try {
        for (const frame of frames.take(bytes)) this.messages.push(parseSyslog(frame));
      } catch (error) {
        this.faults.push((error as Error).message);
      }
      this.#tell();
    });
    socket.on('end', () => void (this.answersEnd && socket.end()));
    socket.once('close', () => {
      this.#sockets.delete(socket);
      this.#tell();
    });
    if (this.#isStalled) socket.pause();
  }

  /** Takes connections and reads nothing more. */
  stall(): void {
    this.#isStalled = true;
    for (const socket of this.#sockets) socket.pause();
  }

  goOn(): void {
    this.#isStalled = false;
    for (const socket of this.#sockets) socket.resume();
  }

  /** Cuts every connection: with a reset, or orderly but by itself. */
  cut(how: 'reset' | 'end'): void {
    if (how === 'end') for (const socket of this.#sockets) socket.end();
    else
      for (const below of this.#lines) {
        if (below instanceof Socket) below.resetAndDestroy();
        else below.destroy();
      }
  }

  /** Refuses connections, and cuts those that there are. */
  async away(): Promise<void> {
    this.cut('reset');
    const server = this.#server;
    this.#server = undefined;
    if (server) await new Promise((resolve) => server.close(resolve));
  }

  async back(): Promise<void> {
    const server = createServer({ allowHalfOpen: true }, (socket) => this.serve(socket));
    this.#server = server;
    server.listen(this.#port, '127.0.0.1');
    await once(server, 'listening');
    this.#port = (server.address() as AddressInfo).port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.away();
  }

  #tell(): void {
    const heard = [...this.#heard];
    this.#heard.clear();
    for (const resolve of heard) resolve();
  }
}

import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** A TCP port of 127.0.0.1 in front of another one, which can change, vanish, or fall silent without a connection being cut. */
export class TcpRelay implements AsyncDisposable {
  readonly #server: Server;
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  #target: number | undefined;
  #frozen = false;

  private constructor(server: Server) {
    this.#server = server;
    server.on('connection', (near) => this.#relay(near));
  }

  static async start(): Promise<TcpRelay> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new TcpRelay(server);
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Relays to this port from now on; undefined cuts everything, and who comes is cut too. */
  aim(port: number | undefined): void {
    this.#target = port;
    this.#frozen = false;
    if (port === undefined) this.cut();
    for (const pair of this.#pairs) for (const socket of pair) socket.resume();
  }

  /** Cuts what is open; who comes is still relayed. */
  cut(): void {
    for (const pair of this.#pairs) for (const socket of pair) socket.destroy();
  }

  /** Connections stay open and new ones are taken, but no byte goes either way. */
  freeze(): void {
    this.#frozen = true;
    for (const pair of this.#pairs) for (const socket of pair) socket.pause();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #relay(near: Socket): void {
    if (this.#target === undefined) {
      near.destroy();
      return;
    }
    const far = connect(this.#target, '127.0.0.1');
    const pair = [near, far] as const;
    this.#pairs.add(pair);
    for (const [from, to] of [pair, [far, near] as const]) {
      from.setNoDelay(true);
      from.on('data', (chunk: Buffer) => {
        if (!to.write(chunk)) from.pause();
      });
      to.on('drain', () => {
        if (!this.#frozen) from.resume();
      });
      from.on('end', () => to.end());
      from.on('error', () => to.destroy());
      from.on('close', () => {
        to.destroy();
        this.#pairs.delete(pair);
      });
    }
    if (this.#frozen) for (const socket of pair) socket.pause();
  }
}

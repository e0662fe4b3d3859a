import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { Wire } from './support.ts';

/** A serial device server with a device behind it. */
export class DeviceServer implements AsyncDisposable {
  readonly server: Server;
  readonly #waiting: ((wire: Wire) => void)[] = [];
  readonly #calls: Wire[] = [];
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server) {
    this.server = server;
    server.on('connection', (socket) => {
      this.#sockets.add(socket);
      const wire = new Wire(socket);
      const next = this.#waiting.shift();
      if (next) next(wire);
      else this.#calls.push(wire);
    });
  }

  static async listen(port = 0): Promise<DeviceServer> {
    return await DeviceServer.#on(createServer().listen(port, '127.0.0.1'));
  }

  /** On a Unix socket, for whoever relays to it. */
  static async at(path: string): Promise<DeviceServer> {
    return await DeviceServer.#on(createServer().listen(path));
  }

  static async #on(server: Server): Promise<DeviceServer> {
    await once(server, 'listening');
    return new DeviceServer(server);
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** The next call of the agent. */
  call(): Promise<Wire> {
    const call = this.#calls.shift();
    return call ? Promise.resolve(call) : new Promise((resolve) => this.#waiting.push(resolve));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.server.close();
    await once(this.server, 'close');
  }
}

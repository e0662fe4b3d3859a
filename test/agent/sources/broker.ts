import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { Aedes } from 'aedes';

/** A broker in this process that counts what the agent acknowledges. Sessions live as long as the object, listening or not. */
export class Broker implements AsyncDisposable {
  readonly aedes: Aedes;
  /** PUBACK packets received. */
  pubacks = 0;
  subscriptions = 0;
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;
  #port = 0;
  #changed = Promise.withResolvers<void>();

  private constructor(aedes: Aedes) {
    this.aedes = aedes;
    aedes.on('ack', (_packet, client) => {
      if (client) this.#tell(() => (this.pubacks += 1));
    });
    aedes.on('subscribe', () => this.#tell(() => (this.subscriptions += 1)));
    aedes.on('clientDisconnect', () => this.#tell(() => undefined));
  }

  static async listen(): Promise<Broker> {
    const broker = new Broker(await Aedes.createBroker());
    await broker.open();
    return broker;
  }

  get port(): number {
    return this.#port;
  }

  /** Listens on the same port as before. */
  async open(): Promise<void> {
    const server = createServer((socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
      this.aedes.handle(socket);
    });
    server.listen(this.#port, '127.0.0.1');
    await once(server, 'listening');
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  /** Cuts every connection and takes no new ones. */
  async close(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    for (const socket of this.#sockets) socket.destroy();
    if (!server) return;
    server.close();
    await once(server, 'close');
  }

  publish(topic: string, payload: string | Buffer, options: { qos?: 0 | 1; retain?: boolean } = {}): Promise<void> {
    return new Promise((resolve, reject) =>
      this.aedes.publish({ cmd: 'publish', dup: false, qos: 1, retain: false, topic, payload, ...options }, (error) =>
        error ? reject(error) : resolve(),
      ),
    );
  }

  async until(condition: (broker: Broker) => boolean): Promise<void> {
    while (!condition(this)) await this.#changed.promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
    await new Promise<void>((resolve) => this.aedes.close(resolve));
  }

  #tell(change: () => void): void {
    change();
    this.#changed.resolve();
    this.#changed = Promise.withResolvers<void>();
  }
}

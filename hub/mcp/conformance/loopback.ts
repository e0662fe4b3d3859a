import { createServer, type Server } from 'node:net';
import { VitalmeshError } from '../../../shared/errors.ts';
import type { Binding, ConnectionListener, Overlay } from '../../../shared/overlay/overlay.ts';

const HOST = '127.0.0.1';

/**
 * A port of this machine in the place of an overlay: whoever connects to it is `caller`, without proof. `bind` listens, on a free port where `port` is 0; throws
 * MCP-CONFORMANCE where it cannot. Nothing is dialed.
 */
export class LoopbackPort implements Overlay {
  readonly #caller: string;
  readonly #port: number;
  readonly #server: Server = createServer({ noDelay: true, allowHalfOpen: true });
  readonly state = 'ready';

  constructor(caller: string, port: number) {
    this.#caller = caller;
    this.#port = port;
  }

  /** Undefined while it does not listen. */
  get url(): string | undefined {
    const address = this.#server.address();
    return address === null || typeof address === 'string' ? undefined : `http://${HOST}:${address.port}/mcp`;
  }

  async bind(service: string, listener: ConnectionListener): Promise<Binding> {
    this.#server.on('connection', (socket) => listener(socket, { identityId: this.#caller, name: this.#caller, verified: true }));
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', (cause) => reject(new VitalmeshError('MCP-CONFORMANCE', { detail: `port ${this.#port}`, cause })));
      this.#server.listen(this.#port, HOST, resolve);
    });
    const closed = async (): Promise<void> => {
      this.#server.close();
    };
    return { service, failure: undefined, [Symbol.asyncDispose]: closed };
  }

  async dial(): Promise<never> {
    throw new VitalmeshError('OVERLAY-NO-SERVICE');
  }

  async services(): Promise<[]> {
    return [];
  }

  onState(): Disposable {
    return { [Symbol.dispose]: () => undefined };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
  }
}

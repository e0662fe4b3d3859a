import { once } from 'node:events';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import type { DemoSite } from '../../provisioning/demo/site.ts';

/** Carries bytes to the socket of a local switch, and can be cut: the network's end of an outage, of which whoever uses it knows nothing. */
export class Relay implements AsyncDisposable {
  readonly #path: string;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #target = '';
  #isCut = false;

  /** Listens in `folder`, which only this user may use. */
  constructor(folder: string) {
    this.#path = join(folder, 'relay.sock');
    this.#server = createServer((near) => this.#carry(near));
  }

  /** How the network is reached through it. */
  async before(overlay: DemoSite['overlay']): Promise<DemoSite['overlay']> {
    if (overlay.type !== 'local') throw new Error('only before a local switch');
    this.#target = overlay.socket;
    await once(this.#server.listen(this.#path), 'listening');
    return { ...overlay, socket: this.#path };
  }

  /** Nothing passes any more; returns what ends that. */
  cut(): () => void {
    this.#isCut = true;
    for (const socket of this.#sockets) socket.destroy();
    return () => {
      this.#isCut = false;
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    if (this.#server.listening) await new Promise((closed) => this.#server.close(closed));
  }

  #carry(near: Socket): void {
    if (this.#isCut) {
      near.destroy();
      return;
    }
    const far = createConnection(this.#target);
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#sockets.add(one);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        this.#sockets.delete(one);
        other.destroy();
      });
      one.pipe(other);
    }
  }
}

import type { RouterEntry } from './contract.ts';
import { type Router, type RouterOptions, startRouter } from './router/router.ts';

/** An edge router of a running network, which can be stopped and started alone. */
export interface FabricRouter {
  readonly id: string;
  /** That of its place in the network: `router-1`, `router-2` and so on. An administrator may give it another one. */
  readonly name: string;
  /** `tls://host:port`, the same each time it runs. */
  readonly url: string;
  readonly online: boolean;
  /**
   * As one whose process was killed: its channels are cut, the controller shows it as offline, and its terminators stay, reached by nobody,
   * until it is back (openziti-network.md §3.5). Nothing when it does not run.
   */
  stop(): Promise<void>;
  /** Runs it again at the address of before; what was hosted there is gone until its hosts are back. Nothing when it runs. Throws FABRIC-ADDRESS. */
  start(): Promise<void>;
}

/** A router in its place, whether or not it runs at the moment. */
export class PlacedRouter implements FabricRouter, AsyncDisposable {
  readonly url: string;
  readonly #options: RouterOptions;
  #running: Router | undefined;
  #disposed = false;
  /** Resolves when the last start or stop is over. */
  #changed: Promise<unknown> = Promise.resolve();

  private constructor(options: RouterOptions, running: Router) {
    this.url = running.url;
    this.#options = { ...options, port: Number(new URL(running.url).port) };
    this.#running = running;
  }

  /** Runs it for the first time. Errors: those of `startRouter`. */
  static async start(options: RouterOptions): Promise<PlacedRouter> {
    return new PlacedRouter(options, await startRouter(options));
  }

  get id(): string {
    return this.#options.id;
  }

  get name(): string {
    return this.#options.name;
  }

  get online(): boolean {
    return this.#running !== undefined;
  }

  /** As the controller lists it. */
  get entry(): RouterEntry {
    const { id, name, url, online } = this;
    return { id, name, url, online, certPem: this.#options.serverCert };
  }

  /** Whether a client of this identity has a channel open. */
  isConnected(identityId: string): boolean {
    return this.#running?.isConnected(identityId) ?? false;
  }

  stop(): Promise<void> {
    return this.#inTurn(async () => {
      const running = this.#running;
      this.#running = undefined;
      await running?.[Symbol.asyncDispose]();
    });
  }

  start(): Promise<void> {
    return this.#inTurn(async () => {
      if (!this.#disposed) this.#running ??= await startRouter(this.#options);
    });
  }

  /** Stops it for good. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true;
    return this.stop();
  }

  #inTurn(change: () => Promise<void>): Promise<void> {
    const changing = this.#changed.then(change);
    this.#changed = changing.catch(() => undefined);
    return changing;
  }
}

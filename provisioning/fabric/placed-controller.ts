import { type ControllerOptions, startController } from './controller/controller.ts';

/** The controller of a running network, which can be stopped and started while its routers run. */
export interface FabricController {
  /** `https://host:port`, the same each time it runs. */
  readonly url: string;
  readonly online: boolean;
  /**
   * As one whose process was killed: its port is closed and its connections are cut. Routers go on with what they last knew, make no circuits
   * and confirm no binds until it is back (openziti-network.md §3.12, §3.13). Nothing when it does not run.
   */
  stop(): Promise<void>;
  /** Runs it again at the address of before. Its routers find it some seconds later. Nothing when it runs. Throws FABRIC-ADDRESS. */
  start(): Promise<void>;
}

export interface PlacedControllerOptions {
  /** Asked at each start. */
  options: () => ControllerOptions;
  /** It is about to stop. */
  onStop: () => void;
  /** It runs again. */
  onStart: () => void;
}

type Running = Awaited<ReturnType<typeof startController>>;

/** A controller in its place, whether or not it runs at the moment. */
export class PlacedController implements FabricController, AsyncDisposable {
  readonly #options: PlacedControllerOptions;
  readonly #port: number;
  readonly url: string;
  #running: Running | undefined;
  #disposed = false;
  /** Resolves when the last start or stop is over. */
  #changed: Promise<unknown> = Promise.resolve();

  private constructor(options: PlacedControllerOptions, running: Running) {
    const { host } = options.options();
    this.#options = options;
    this.#port = running.port;
    this.url = `https://${host.includes(':') ? `[${host}]` : host}:${running.port}`;
    this.#running = running;
  }

  /** Runs it for the first time. Errors: those of `startController`. */
  static async start(options: PlacedControllerOptions): Promise<PlacedController> {
    return new PlacedController(options, await startController(options.options()));
  }

  get online(): boolean {
    return this.#running !== undefined;
  }

  stop(): Promise<void> {
    return this.#inTurn(async () => {
      const running = this.#running;
      if (!running) return;
      this.#options.onStop();
      this.#running = undefined;
      await running[Symbol.asyncDispose]();
    });
  }

  start(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#disposed || this.#running) return;
      this.#running = await startController({ ...this.#options.options(), port: this.#port });
      this.#options.onStart();
    });
  }

  /** Stops it for good. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true;
    return this.#inTurn(async () => {
      await this.#running?.[Symbol.asyncDispose]();
      this.#running = undefined;
    });
  }

  #inTurn(change: () => Promise<void>): Promise<void> {
    const changing = this.#changed.then(change);
    this.#changed = changing.catch(() => undefined);
    return changing;
  }
}

import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { asVitalmeshError, type ErrorCode, VitalmeshError } from '../errors.ts';
import type { Identity } from '../identity/identity.ts';
import { Backoff, pause } from '../lifecycle.ts';
import type { Logger } from '../log.ts';
import type { OverlayConnection } from './connection.ts';
import { connectionOver } from './framed-socket.ts';
import { limited, onAbort } from './limit.ts';
import { type DialNotice, LocalControl, type LocalHosting } from './local-control.ts';
import { openLocalSocket } from './local-opening.ts';
import type { Binding, ConnectionListener, DialOptions, Overlay, OverlayState, ServiceInfo } from './overlay.ts';
import { OverlayStates } from './states.ts';

export interface LocalOverlayOptions {
  /** The socket of the switch (`LocalSwitch.socketPath`). */
  socketPath: string;
  identity: Identity;
  log: Logger;
  /** For everything that is asked of the switch; 10,000 ms unless told. */
  requestTimeoutMs?: number;
  /** Between attempts to reach the switch. */
  backoff?: { minMs: number; maxMs: number };
}

const REQUEST_TIMEOUT_MS = 10_000;
const BACKOFF = { minMs: 100, maxMs: 5000 };

/**
 * An identity's place in the overlay of one machine. Resolves after the first attempt to reach the switch, whether it succeeded
 * (state `ready`) or not (`connecting`): it is tried again by itself until the overlay is disposed. `bind` and `services` wait for
 * the switch, `dial` does not.
 */
export async function openLocalOverlay(options: LocalOverlayOptions): Promise<Overlay> {
  const overlay = new LocalOverlay(options);
  await overlay.firstAttempt;
  return overlay;
}

class LocalOverlay implements Overlay {
  readonly firstAttempt: Promise<void>;
  readonly #options: LocalOverlayOptions;
  readonly #requestTimeoutMs: number;
  readonly #backoff: { minMs: number; maxMs: number };
  readonly #states = new OverlayStates();
  readonly #closed = new AbortController();
  readonly #connections = new Set<OverlayConnection>();
  /** What is to be hosted whenever the switch is there. */
  readonly #hosted = new Set<LocalHosting>();
  /** Set while the state is `ready`. */
  #control: LocalControl | undefined;
  readonly #running: Promise<void>;

  constructor(options: LocalOverlayOptions) {
    this.#options = options;
    this.#requestTimeoutMs = options.requestTimeoutMs ?? REQUEST_TIMEOUT_MS;
    this.#backoff = options.backoff ?? BACKOFF;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.firstAttempt = promise;
    this.#running = this.#stayAttached(resolve);
  }

  get state(): OverlayState {
    return this.#states.current;
  }

  onState(listener: (state: OverlayState) => void): Disposable {
    return this.#states.onState(listener);
  }

  dial(service: string, options: DialOptions = {}): Promise<Duplex> {
    const { socketPath, identity } = this.#options;
    return limited(
      options,
      this.#closed.signal,
      async (signal) => this.#adopt(await openLocalSocket(socketPath, { op: 'dial', service, identity }, signal)),
      (connection) => connection.destroy(),
    );
  }

  async bind(service: string, listener: ConnectionListener): Promise<Binding> {
    const hosted: LocalHosting = { service, listener };
    const control = await this.#attached();
    await control.bind(hosted);
    this.#hosted.add(hosted);
    const failure = (): ErrorCode | undefined => {
      if (!this.#hosted.has(hosted)) return 'OVERLAY-CLOSED';
      return this.#control ? undefined : 'OVERLAY-UNREACHABLE';
    };
    return {
      service,
      get failure() {
        return failure();
      },
      [Symbol.asyncDispose]: () => this.#unbind(hosted),
    };
  }

  async services(): Promise<readonly ServiceInfo[]> {
    return (await this.#attached()).services();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed.abort();
    for (const connection of this.#connections) connection.destroy(new VitalmeshError('OVERLAY-CLOSED'));
    await this.#running;
    this.#states.set('closed');
  }

  /** Keeps a standing connection to the switch; one attempt after the other, until the overlay is disposed. */
  async #stayAttached(firstAttemptDone: () => void): Promise<void> {
    const backoff = new Backoff(this.#backoff.minMs, this.#backoff.maxMs);
    let attempt = 0;
    while (!this.#closed.signal.aborted) {
      attempt += 1;
      try {
        const control = await this.#attach();
        using _disposing = onAbort(this.#closed.signal, () => control.close());
        const takeDial = (notice: DialNotice, hosted: LocalHosting | undefined): void => void this.#take(control, notice, hosted);
        const becomeReady = async (): Promise<void> => {
          await this.#hostAgain(control);
          backoff.reset();
          attempt = 0;
          this.#setReady(control);
          firstAttemptDone();
        };
        await Promise.all([control.run(takeDial), becomeReady()]);
      } catch (err) {
        // Once is enough for an operator: the attempts go on for as long as the switch is away.
        const level = attempt <= 1 && !this.#closed.signal.aborted ? 'warn' : 'debug';
        this.#options.log[level]({ err: asVitalmeshError(err) }, 'not attached to the local overlay');
      }
      this.#control = undefined;
      firstAttemptDone();
      if (this.state === 'ready') this.#states.set('lost');
      await pause(backoff.nextMs(), this.#closed.signal);
    }
  }

  #attach(): Promise<LocalControl> {
    const { socketPath, identity } = this.#options;
    return limited(
      { timeoutMs: this.#requestTimeoutMs },
      this.#closed.signal,
      (signal) => LocalControl.open(socketPath, identity, this.#requestTimeoutMs, signal),
      (control) => control.close(),
    );
  }

  #setReady(control: LocalControl): void {
    if (control.closed.aborted || this.#closed.signal.aborted) return;
    this.#control = control;
    this.#states.set('ready');
  }

  /** The standing connection, once there is one. Throws OVERLAY-UNREACHABLE at the time limit, OVERLAY-CLOSED. */
  async #attached(): Promise<LocalControl> {
    const waiting = Promise.withResolvers<LocalControl>();
    using _watch = this.onState(() => this.#control && waiting.resolve(this.#control));
    if (this.#control) waiting.resolve(this.#control);
    try {
      return await limited({ timeoutMs: this.#requestTimeoutMs }, this.#closed.signal, (signal) => {
        signal.addEventListener('abort', () => waiting.reject(signal.reason));
        return waiting.promise;
      });
    } catch (error) {
      const { code } = asVitalmeshError(error);
      throw code === 'OVERLAY-TIMEOUT' ? new VitalmeshError('OVERLAY-UNREACHABLE', { detail: 'the switch is not there' }) : error;
    }
  }

  /** Offers everything again after the switch was away. What it refuses is asked for again later, because policies change. */
  async #hostAgain(control: LocalControl): Promise<void> {
    const results = await Promise.all([...this.#hosted].map(async (hosted) => ({ hosted, done: await this.#tryHost(control, hosted) })));
    for (const { hosted, done } of results) if (!done) void this.#keepTrying(control, hosted);
  }

  async #keepTrying(control: LocalControl, hosted: LocalHosting): Promise<void> {
    const backoff = new Backoff(this.#backoff.minMs, this.#backoff.maxMs);
    do await pause(backoff.nextMs(), control.closed);
    while (!(await this.#tryHost(control, hosted)));
  }

  /** False when it should be tried again on this standing connection. */
  async #tryHost(control: LocalControl, hosted: LocalHosting): Promise<boolean> {
    if (control.closed.aborted || !this.#hosted.has(hosted)) return true;
    try {
      await control.bind(hosted);
      if (!this.#hosted.has(hosted)) await control.unbind(hosted);
      return true;
    } catch (err) {
      this.#options.log.warn({ err, service: hosted.service }, 'a service cannot be hosted');
      return false;
    }
  }

  async #unbind(hosted: LocalHosting): Promise<void> {
    if (!this.#hosted.delete(hosted)) return;
    try {
      await this.#control?.unbind(hosted);
    } catch (err) {
      // Without the switch there is no offer either.
      this.#options.log.debug({ err, service: hosted.service }, 'a service was given up without an answer of the switch');
    }
  }

  /** Opens the connection that a dialer waits for, and hands it to the listener. */
  async #take(control: LocalControl, notice: DialNotice, hosted: LocalHosting | undefined): Promise<void> {
    const { socketPath, log } = this.#options;
    if (!hosted) {
      control.refuse(notice);
      return;
    }
    let connection: OverlayConnection | undefined;
    try {
      connection = await limited(
        { timeoutMs: this.#requestTimeoutMs },
        this.#closed.signal,
        async (signal) => this.#adopt(await openLocalSocket(socketPath, { op: 'accept', circuit: notice.circuit }, signal)),
        (late) => late.destroy(),
      );
      hosted.listener(connection, { identityId: notice.caller.identityId, name: notice.caller.name, verified: true });
    } catch (err) {
      log[connection ? 'error' : 'debug']({ err: asVitalmeshError(err), service: hosted.service }, 'a connection could not be taken');
      control.refuse(notice);
      connection?.destroy();
    }
  }

  /** Makes a connection of the socket that ends with this overlay. */
  #adopt(socket: Socket): OverlayConnection {
    const connection = connectionOver(socket);
    this.#connections.add(connection);
    connection.once('close', () => this.#connections.delete(connection));
    return connection;
  }
}

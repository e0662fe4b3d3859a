import type { Duplex } from 'node:stream';
import { asVitalmeshError, VitalmeshError } from '../../errors.ts';
import { Backoff, pause } from '../../lifecycle.ts';
import type { Logger } from '../../log.ts';
import { limited } from '../limit.ts';
import type { Binding, Caller, ConnectionListener, DialOptions, Overlay, OverlayState, ServiceInfo } from '../overlay.ts';
import type { RouterStatus } from '../router-status.ts';
import { OverlayStates } from '../states.ts';
import { ZitiBinding } from './bindings.ts';
import type { CircuitLimits, DialCircuit, HostService } from './circuit/contract.ts';
import { DeafCallers } from './circuit/deaf-callers.ts';
import type { ApiSession, Controller } from './controller/contract.ts';
import type { BackoffTimes } from './pace.ts';
import type { Route } from './route.ts';
import type { OpenRouterChannel } from './router-link.ts';
import { Routers } from './routers.ts';
import { ServiceDials } from './service-dials.ts';
import { ServiceList, ServiceUse } from './services.ts';
import { orAborted } from './waits.ts';

/** How the overlay behaves; each has a default. */
export interface ZitiBehaviour {
  /** For everything that is asked of controller and routers; 10,000 ms unless told. */
  requestTimeoutMs?: number;
  /** How long opening waits for the first attempt; as a request unless told. */
  openingMs?: number;
  /** Between attempts to reach the network, a router, or to host a service again; 500 ms growing to 30 s unless told, full jitter. */
  backoff?: BackoffTimes;
  /** Routers to which a channel is kept; 3 unless told. */
  maxRouters?: number;
  /** How often services and routers are asked for while all is well; about 15 minutes unless told. */
  refreshEveryMs?: number;
  /** How often each service that is hosted is bound anew on each router while all is well; about 5 minutes unless told. */
  rebindEveryMs?: number;
  /** How long disposing waits for routers to have read the last frames; 1,000 ms unless told. */
  flushMs?: number;
  /** Limits of each connection. */
  circuit?: Partial<CircuitLimits>;
}

/** What the overlay is made of. */
export interface ZitiParts {
  controller: Controller;
  openChannel: OpenRouterChannel;
  dialCircuit: DialCircuit;
  hostService: HostService;
}

/** An overlay that goes on when its identity signs in anew: new channels take the place of the old ones, which end with what they carry. */
export interface RenewableOverlay extends Overlay {
  /** The edge routers to which a channel is kept or tried, by name. */
  readonly routers: readonly RouterStatus[];
  /** Resolves when no channel is left that was opened with this session, or when the signal aborts. */
  withoutSession(session: ApiSession, signal: AbortSignal): Promise<void>;
}

const REQUEST_TIMEOUT_MS = 10_000;
const BACKOFF: BackoffTimes = { minMs: 500, maxMs: 30_000 };
const MAX_ROUTERS = 3;
export const REFRESH_EVERY_MS = 15 * 60_000;
const REBIND_EVERY_MS = 5 * 60_000;
const FLUSH_MS = 1000;

/**
 * The overlay over parts that the caller has made. Resolves after the first attempt to reach the network, or when that takes longer than
 * `openingMs`: an agent's devices do not wait for the network. Disposing it disposes the controller too.
 */
export async function openZitiOverlayOf(parts: ZitiParts, log: Logger, behaviour: ZitiBehaviour = {}): Promise<RenewableOverlay> {
  const overlay = new ZitiOverlay(parts, log, behaviour);
  const limit = new AbortController();
  void overlay.firstAttempt.then(() => limit.abort());
  await pause(behaviour.openingMs ?? behaviour.requestTimeoutMs ?? REQUEST_TIMEOUT_MS, limit.signal);
  return overlay;
}

class ZitiOverlay implements RenewableOverlay {
  readonly #parts: ZitiParts;
  readonly #log: Logger;
  readonly #requestTimeoutMs: number;
  readonly #backoff: BackoffTimes;
  readonly #rebindEveryMs: number;
  readonly #flushMs: number;
  readonly #circuitLimits: Partial<CircuitLimits> | undefined;
  readonly #states = new OverlayStates();
  readonly #closed = new AbortController();
  readonly #connections = new Set<Duplex>();
  readonly #bindings = new Set<ZitiBinding>();
  readonly #deafCallers: DeafCallers;
  readonly #list: ServiceList;
  /** By service name. */
  readonly #dials = new Map<string, ServiceDials>();
  readonly #routers: Routers;
  readonly #watches = new DisposableStack();
  #disposal: Promise<void> | undefined;

  constructor(parts: ZitiParts, log: Logger, behaviour: ZitiBehaviour) {
    this.#parts = parts;
    this.#log = log;
    this.#requestTimeoutMs = behaviour.requestTimeoutMs ?? REQUEST_TIMEOUT_MS;
    this.#backoff = behaviour.backoff ?? BACKOFF;
    this.#rebindEveryMs = behaviour.rebindEveryMs ?? REBIND_EVERY_MS;
    this.#flushMs = behaviour.flushMs ?? FLUSH_MS;
    this.#circuitLimits = behaviour.circuit;
    this.#deafCallers = new DeafCallers(log);
    this.#list = new ServiceList(parts.controller, log, this.#closed.signal);
    this.#watches.use(parts.controller.onSession(() => this.#renew()));
    this.#watches.use(parts.controller.onToken((session) => this.#routers.renewToken(session)));
    this.#routers = new Routers({
      controller: parts.controller,
      openChannel: parts.openChannel,
      log,
      requestTimeoutMs: this.#requestTimeoutMs,
      backoff: this.#backoff,
      maxRouters: behaviour.maxRouters ?? MAX_ROUTERS,
      refreshEveryMs: behaviour.refreshEveryMs ?? REFRESH_EVERY_MS,
      onOpened: (route) => this.#opened(route),
      onClosed: () => this.#lost(),
      onReplaced: (route) => this.#withdraw(route),
      onRefresh: () => this.#list.refreshWhenChanged(),
    });
  }

  get firstAttempt(): Promise<void> {
    return this.#routers.firstAttempt;
  }

  get state(): OverlayState {
    return this.#states.current;
  }

  get routers(): readonly RouterStatus[] {
    return this.#routers.statuses;
  }

  onState(listener: (state: OverlayState) => void): Disposable {
    return this.#states.onState(listener);
  }

  dial(service: string, options: DialOptions = {}): Promise<Duplex> {
    return limited(
      options,
      this.#closed.signal,
      async (signal) => {
        // Opening may have been left before the first attempt was over; what is under way is no reason to refuse.
        if (this.#routers.channels.length === 0) await orAborted(this.#routers.firstAttempt, signal);
        return await this.#dialsOf(service).dial(signal);
      },
      (connection) => connection.destroy(),
    );
  }

  async bind(service: string, listener: ConnectionListener): Promise<Binding> {
    await this.#connected();
    const binding = new ZitiBinding({
      use: new ServiceUse(service, 'Bind', this.#list),
      hostService: (request) => this.#parts.hostService({ ...request, deafCallers: this.#deafCallers }),
      accept: (route, connection, caller) => this.#accept(service, listener, route, connection, caller),
      log: this.#log,
      requestTimeoutMs: this.#requestTimeoutMs,
      backoff: this.#backoff,
      rebindEveryMs: this.#rebindEveryMs,
      limits: this.#circuitLimits,
      overlayClosed: this.#closed.signal,
      absence: () => this.#routers.absence,
      onDisposed: () => this.#bindings.delete(binding),
    });
    this.#bindings.add(binding);
    try {
      await binding.start(this.#routers.channels, this.#closed.signal);
      return binding;
    } catch (error) {
      await binding[Symbol.asyncDispose]();
      throw this.#closed.signal.aborted ? new VitalmeshError('OVERLAY-CLOSED') : error;
    }
  }

  /**
   * Asks again while no controller can be reached, or says that it cannot serve, for as long as a request may take. One that said when to come
   * back is not asked before, however often this asks.
   */
  services(): Promise<readonly ServiceInfo[]> {
    let absence = new VitalmeshError('OVERLAY-UNREACHABLE', { detail: 'no controller answers' });
    return this.#afterLimit(
      () => absence,
      async (signal) => {
        const backoff = new Backoff(this.#backoff.minMs, this.#backoff.maxMs);
        for (;;) {
          try {
            const services = await this.#parts.controller.services(signal);
            return services.map(({ name, permissions }) => ({ name, permissions }));
          } catch (error) {
            const reason = asVitalmeshError(error);
            if (signal.aborted || (reason.code !== 'OVERLAY-UNREACHABLE' && reason.code !== 'OVERLAY-BUSY')) throw error;
            absence = reason;
          }
          await pause(backoff.nextMs(), signal);
        }
      },
    );
  }

  withoutSession({ id }: ApiSession, signal: AbortSignal): Promise<void> {
    return this.#routers.withoutSession(id, signal);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#disposal ??= this.#dispose();
    return this.#disposal;
  }

  /** Routers cut the channels of a session that has signed out, so that comes last. */
  async #dispose(): Promise<void> {
    this.#closed.abort(new VitalmeshError('OVERLAY-CLOSED'));
    this.#watches.dispose();
    for (const connection of this.#connections) connection.destroy(new VitalmeshError('OVERLAY-CLOSED'));
    await Promise.all([...this.#bindings].map((binding) => binding[Symbol.asyncDispose]()));
    await this.#routers.dispose(this.#flushMs);
    await this.#parts.controller[Symbol.asyncDispose]();
    this.#states.set('closed');
  }

  #dialsOf(name: string): ServiceDials {
    const known = this.#dials.get(name);
    if (known) return known;
    const dials = new ServiceDials({
      use: new ServiceUse(name, 'Dial', this.#list),
      routers: this.#routers,
      dialCircuit: this.#parts.dialCircuit,
      limits: this.#circuitLimits,
      backoff: this.#backoff,
      adopt: (route, connection) => {
        untilTaken(connection);
        return this.#adopt(route, connection);
      },
    });
    this.#dials.set(name, dials);
    return dials;
  }

  #accept(service: string, listener: ConnectionListener, route: Route, connection: Duplex, caller: Caller): void {
    if (this.#closed.signal.aborted) {
      connection.destroy();
      return;
    }
    this.#adopt(route, connection);
    try {
      listener(connection, caller);
    } catch (err) {
      this.#log.error({ err: asVitalmeshError(err), service }, 'a connection could not be taken');
      connection.destroy();
    }
  }

  /** Makes the connection one that ends with this overlay. */
  #adopt(route: Route, connection: Duplex): Duplex {
    route.carry(connection);
    this.#connections.add(connection);
    connection.once('close', () => this.#connections.delete(connection));
    return connection;
  }

  /** `ready` means that what was hosted is hosted again, as far as it can be. */
  async #opened(route: Route): Promise<void> {
    this.#log.info({ router: route.router.name, version: route.channel.routerVersion }, 'channel to an edge router open');
    await Promise.all([...this.#bindings].map((binding) => binding.offer(route)));
    if (this.#routers.channels.length > 0) this.#states.set('ready');
  }

  async #withdraw(route: Route): Promise<void> {
    await Promise.all([...this.#bindings].map((binding) => binding.withdraw(route)));
  }

  #lost(): void {
    if (this.#routers.channels.length === 0 && this.state === 'ready') this.#states.set('lost');
  }

  #renew(): void {
    this.#list.renewed();
    this.#routers.renew();
  }

  /** Resolves when there is a channel. Throws OVERLAY-UNREACHABLE at the time limit, OVERLAY-CLOSED. */
  async #connected(): Promise<void> {
    const connected = Promise.withResolvers<void>();
    using _watch = this.onState((state) => state === 'ready' && connected.resolve());
    if (this.#routers.channels.length > 0) connected.resolve();
    await this.#afterLimit(
      () => this.#routers.absence,
      (signal) => {
        signal.addEventListener('abort', () => connected.reject(signal.reason));
        return connected.promise;
      },
    );
  }

  /** Runs work that may take as long as a request; when it does not end in that time, `absence` is why. */
  async #afterLimit<T>(absence: () => VitalmeshError, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    try {
      return await limited({ timeoutMs: this.#requestTimeoutMs }, this.#closed.signal, work);
    } catch (error) {
      throw asVitalmeshError(error).code === 'OVERLAY-TIMEOUT' ? absence() : error;
    }
  }
}

/** Before its owner has the connection, nobody listens for an error that ends it; without a listener the process would. */
function untilTaken(connection: Duplex): void {
  const ignore = (): void => undefined;
  connection.on('error', ignore);
  setImmediate(() => connection.off('error', ignore));
}

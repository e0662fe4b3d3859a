import type { Duplex } from 'node:stream';
import { type ErrorCode, VitalmeshError } from '../errors.ts';
import { type Logger, silentLogger } from '../log.ts';
import { OverlayConnection, type Transport } from './connection.ts';
import { limited, rejectedBy } from './limit.ts';
import type { Binding, Caller, ConnectionListener, DialOptions, Overlay, OverlayState, ServiceInfo } from './overlay.ts';
import { demandPermission, permittedServices, type ServicePolicy } from './policy.ts';
import { OverlayStates } from './states.ts';

export interface MemoryIdentity {
  id: string;
  name: string;
}

export interface MemoryNetworkOptions extends ServicePolicy {
  log?: Logger;
}

/** An overlay network inside one process, for tests. It is up when made. */
export interface MemoryNetwork {
  overlay(identity: MemoryIdentity): Overlay;
  /** Cuts every connection, as the loss of a network does; overlays and bindings stay, and come back with `up`. */
  down(): void;
  up(): void;
  /** From now on a dial gets no answer, until `up`. */
  freeze(): void;
}

/** Every service exists and everybody may use it, unless told. */
export function createMemoryNetwork({ log = silentLogger, ...policy }: MemoryNetworkOptions = {}): MemoryNetwork {
  const network: Network = { policy, log, isUp: true, isFrozen: false, hosts: new Map(), overlays: new Set() };
  const setUp = (isUp: boolean): void => {
    network.isUp = isUp;
    network.isFrozen = false;
    for (const overlay of network.overlays) overlay.networkChanged();
  };
  return {
    overlay: (identity) => new MemoryOverlay(network, identity),
    down: () => setUp(false),
    up: () => setUp(true),
    freeze() {
      network.isFrozen = true;
    },
  };
}

interface Host {
  owner: MemoryOverlay;
  listener: ConnectionListener;
}

interface Network {
  policy: ServicePolicy;
  log: Logger;
  isUp: boolean;
  isFrozen: boolean;
  /** Who hosts a service; the first one is the next to be dialled. */
  hosts: Map<string, Host[]>;
  overlays: Set<MemoryOverlay>;
}

class MemoryOverlay implements Overlay {
  readonly #network: Network;
  readonly #identity: MemoryIdentity;
  readonly #states = new OverlayStates();
  readonly #connections = new Set<OverlayConnection>();
  readonly #closed = new AbortController();

  constructor(network: Network, identity: MemoryIdentity) {
    this.#network = network;
    this.#identity = identity;
    network.overlays.add(this);
    if (network.isUp) this.#states.set('ready');
  }

  get state(): OverlayState {
    return this.#states.current;
  }

  onState(listener: (state: OverlayState) => void): Disposable {
    return this.#states.onState(listener);
  }

  dial(service: string, options: DialOptions = {}): Promise<Duplex> {
    return limited(
      options,
      this.#closed.signal,
      (signal) => (this.#network.isFrozen ? rejectedBy(signal) : this.#connect(service)),
      (connection) => connection.destroy(),
    );
  }

  async bind(service: string, listener: ConnectionListener): Promise<Binding> {
    this.#demandNetwork();
    demandPermission(this.#network.policy, this.#identity.id, 'Bind', service);
    const { hosts } = this.#network;
    const host: Host = { owner: this, listener };
    const failure = (): ErrorCode | undefined => {
      if (!hosts.get(service)?.includes(host)) return 'OVERLAY-CLOSED';
      return this.state === 'ready' ? undefined : 'OVERLAY-UNREACHABLE';
    };
    hosts.set(service, [...(hosts.get(service) ?? []), host]);
    return {
      service,
      get failure() {
        return failure();
      },
      [Symbol.asyncDispose]: async () => this.#unbind(service, (other) => other === host),
    };
  }

  async services(): Promise<readonly ServiceInfo[]> {
    this.#demandNetwork();
    return permittedServices(this.#network.policy, this.#identity.id, this.#network.hosts.keys());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed.abort();
    this.#network.overlays.delete(this);
    for (const service of [...this.#network.hosts.keys()]) this.#unbind(service, ({ owner }) => owner === this);
    for (const connection of this.#connections) connection.destroy(new VitalmeshError('OVERLAY-CLOSED'));
    this.#states.set('closed');
  }

  /** Makes the connection one of this overlay: it ends with it. */
  adopt(connection: OverlayConnection): void {
    this.#connections.add(connection);
    connection.once('close', () => this.#connections.delete(connection));
  }

  networkChanged(): void {
    if (!this.#network.isUp) for (const connection of this.#connections) connection.destroy(new VitalmeshError('OVERLAY-CLOSED'));
    this.#states.set(this.#network.isUp ? 'ready' : 'lost');
  }

  async #connect(service: string): Promise<OverlayConnection> {
    this.#demandNetwork();
    demandPermission(this.#network.policy, this.#identity.id, 'Dial', service);
    const host = this.#nextHost(service);
    const [near, far] = connectionPair();
    this.adopt(near);
    host.owner.adopt(far);
    // Cut before they have an owner, they are nobody's; from then on whoever does not listen is told by the process's end, as with any overlay.
    for (const end of [near, far]) end.on('error', ignore);
    setImmediate(() => {
      near.off('error', ignore);
      this.#handOver(far, host.listener);
      far.off('error', ignore);
    });
    return near;
  }

  #demandNetwork(): void {
    if (this.#closed.signal.aborted) throw new VitalmeshError('OVERLAY-CLOSED');
    if (!this.#network.isUp) throw new VitalmeshError('OVERLAY-UNREACHABLE');
  }

  /** Hosts of one service take turns. */
  #nextHost(service: string): Host {
    const hosts = this.#network.hosts.get(service) ?? [];
    const host = hosts.shift();
    if (!host) throw new VitalmeshError('OVERLAY-NO-TERMINATOR');
    hosts.push(host);
    return host;
  }

  #handOver(connection: OverlayConnection, listener: ConnectionListener): void {
    if (connection.destroyed) return;
    const caller: Caller = { identityId: this.#identity.id, name: this.#identity.name, verified: true };
    try {
      listener(connection, caller);
    } catch (err) {
      this.#network.log.error({ err }, 'a listener failed; its connection was closed');
      connection.destroy();
    }
  }

  #unbind(service: string, which: (host: Host) => boolean): void {
    const rest = (this.#network.hosts.get(service) ?? []).filter((host) => !which(host));
    if (rest.length > 0) this.#network.hosts.set(service, rest);
    else this.#network.hosts.delete(service);
  }
}

const ignore = (): void => undefined;

/** Two ends of one connection within a process. */
export function connectionPair(): [OverlayConnection, OverlayConnection] {
  const near = new MemoryTransport();
  const far = new MemoryTransport();
  return [near.connect(far), far.connect(near)];
}

/** Everything arrives in a turn of its own, as from a network: no call of one end runs inside a call of the other. */
class MemoryTransport implements Transport {
  readonly #connection = new OverlayConnection(this);
  #far: MemoryTransport = this;
  #resumeFar: (() => void) | undefined;

  connect(far: MemoryTransport): OverlayConnection {
    this.#far = far;
    return this.#connection;
  }

  send(chunks: readonly Buffer[], sent: () => void): void {
    setImmediate(() => {
      // Copied, because the sender may use its memory again as soon as `sent` was called.
      const rooms = chunks.map((chunk) => this.#far.#connection.deliver(Buffer.from(chunk)));
      if (rooms.at(-1)) sent();
      else this.#far.#resumeFar = sent;
    });
  }

  sendEnd(sent: () => void): void {
    setImmediate(() => {
      this.#far.#connection.deliverEnd();
      sent();
    });
  }

  resume(): void {
    const resume = this.#resumeFar;
    this.#resumeFar = undefined;
    resume?.();
  }

  close(): void {
    setImmediate(() => this.#far.#connection.lost());
  }
}

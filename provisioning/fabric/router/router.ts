import { constants, type X509Certificate } from 'node:crypto';
import type { AddressInfo, Socket } from 'node:net';
import { createServer, type TLSSocket } from 'node:tls';
import { systemClock } from '../../../shared/clock.ts';
import { asVitalmeshError, VitalmeshError } from '../../../shared/errors.ts';
import { namedTrustDomain, verifyChain } from '../../../shared/identity/chain.ts';
import { readCertificates } from '../../../shared/identity/identity.ts';
import type { Logger } from '../../../shared/log.ts';
import { notListening } from '../address.ts';
import type { Grants } from '../contract.ts';
import { HostBind } from './bind.ts';
import type { RouterChannel } from './channel.ts';
import { ALWAYS_THERE, type Control } from './control.ts';
import type { FrameStream } from './frame-stream.ts';
import { type ChannelListener, type PeerCertificate, receiveHello } from './hello.ts';
import { IdleCircuits } from './idle-circuits.ts';
import { ROUTER_LIMITS, type RouterLimits, type RouterStats } from './limits.ts';
import { serveFrame } from './requests.ts';
import { enforce } from './revocation.ts';
import { SharedRuns } from './shared-runs.ts';
import type { Terminators } from './terminators.ts';

export { createTerminators, type Terminators } from './terminators.ts';

export interface RouterOptions {
  id: string;
  name: string;
  /** A loopback address. */
  host: string;
  /** 0 for any that is free. */
  port: number;
  /** The router's own certificate with its intermediates, and its key, PEM. */
  serverCert: string;
  serverKey: string;
  /** The network's CA: root and intermediate, PEM. */
  caPem: string;
  grants: Grants;
  /** Shared by all routers of the network. */
  terminators: Terminators;
  /** Of a controller that is always there, unless told. */
  control?: Control;
  log: Logger;
  limits?: Partial<RouterLimits>;
}

export interface Router extends AsyncDisposable {
  /** `tls://host:port` */
  readonly url: string;
  stats(): RouterStats;
  /** Whether a client of this identity has a channel open. */
  isConnected(identityId: string): boolean;
}

const ALPN = 'ziti-edge';
const KEEP_ALIVE_MS = 15_000;
const LOOPBACK = new Set(['127.0.0.1', '::1', 'localhost']);

/**
 * An edge router for trial, development and tests: what clients see of it is what they see of OpenZiti's router 2.0.3
 * (openziti-wire.md §3 to §7). Throws FABRIC-ADDRESS when it cannot listen there, or would be reachable from other machines;
 * FABRIC-CA, IDENTITY-FILE, IDENTITY-NAME when its certificates or key cannot be used.
 */
export async function startRouter(options: RouterOptions): Promise<Router> {
  const { host, log } = options;
  if (!LOOPBACK.has(host)) throw new VitalmeshError('FABRIC-ADDRESS', { detail: `${host} is no loopback address` });
  const edge = routerOf(options);
  const { port } = await edge.listen();
  const url = `tls://${host.includes(':') ? `[${host}]` : host}:${port}`;
  log.info({ router: options.id, url }, 'edge router listens');
  return {
    url,
    stats: () => edge.stats(),
    isConnected: (id) => edge.isConnected(id),
    [Symbol.asyncDispose]: () => edge[Symbol.asyncDispose](),
  };
}

function routerOf(options: RouterOptions): EdgeRouter {
  try {
    return new EdgeRouter(options);
  } catch (thrown) {
    throw asVitalmeshError(thrown, 'FABRIC-CA');
  }
}

class EdgeRouter implements AsyncDisposable {
  readonly #options: RouterOptions;
  readonly #limits: RouterLimits;
  readonly #trusted: readonly X509Certificate[];
  readonly #trustDomain: string;
  readonly #server;
  /** Also those of which the handshake is not through. */
  readonly #sockets = new Set<Socket>();
  readonly #streams = new Set<FrameStream>();
  readonly #channels = new Set<RouterChannel>();
  readonly #stats: RouterStats = { channels: 0, circuits: 0, terminators: 0, payloads: 0, drops: 0, waitingBytes: 0 };
  readonly #control: Control;
  /** Ends when the router is stopped. */
  readonly #stopped = new AbortController();
  readonly #watches = new DisposableStack();
  #confirming: NodeJS.Timeout | undefined;
  readonly #enforcing = new SharedRuns(() => this.#enforce());

  constructor(options: RouterOptions) {
    this.#options = options;
    this.#limits = { ...ROUTER_LIMITS, ...options.limits };
    this.#trusted = readCertificates(options.caPem, 'ca');
    this.#trustDomain = namedTrustDomain(this.#trusted);
    this.#server = createServer(
      {
        cert: options.serverCert,
        key: options.serverKey,
        ca: options.caPem,
        requestCert: true,
        rejectUnauthorized: true,
        minVersion: 'TLSv1.2',
        ALPNProtocols: [ALPN],
        handshakeTimeout: this.#limits.handshakeMs,
        noDelay: true,
        keepAlive: true,
        keepAliveInitialDelay: KEEP_ALIVE_MS,
        // Every connection shows its certificate anew.
        secureOptions: constants.SSL_OP_NO_TICKET,
      },
      (socket) => this.#accept(socket),
    );
    this.#server.maxConnections = this.#limits.channels;
    this.#server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    this.#server.on('tlsClientError', (err, socket) => {
      options.log.debug({ err }, 'a TLS handshake failed');
      socket.destroy();
    });
    this.#control = options.control ?? ALWAYS_THERE;
    this.#watches.use(
      options.grants.onChange(() => {
        this.#enforcing.ask();
      }),
    );
    this.#watches.use(
      new IdleCircuits({
        control: this.#control,
        circuits: () => options.terminators.circuits,
        isOwn: (channel) => this.#channels.has(channel),
        idleMs: this.#limits.idleCircuitMs,
      }),
    );
    this.#watches.use(this.#control.onFound(() => this.#confirmBinds()));
  }

  listen(): Promise<AddressInfo> {
    const { host, port, log } = this.#options;
    return new Promise((resolve, reject) => {
      const failed = (cause: Error): void => {
        this.#watches.dispose();
        reject(notListening(cause, host, port));
      };
      this.#server.once('error', failed);
      this.#server.listen({ host, port }, () => {
        this.#server.off('error', failed);
        this.#options.terminators.routerBack(this.#options.id);
        this.#server.on('error', (err) => log.warn({ err }, 'a connection could not be taken'));
        resolve(this.#server.address() as AddressInfo);
      });
    });
  }

  stats(): RouterStats {
    const { circuits, size } = this.#options.terminators;
    return { ...this.#stats, channels: this.#channels.size, circuits: circuits.size, terminators: size };
  }

  isConnected(identityId: string): boolean {
    return this.#channels.values().some(({ session }) => session.identityId === identityId);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Before its channels are cut, so that dials that they fail go elsewhere.
    this.#options.terminators.routerLeft(this.#options.id);
    this.#stopped.abort();
    this.#watches.dispose();
    clearTimeout(this.#confirming);
    this.#enforcing[Symbol.dispose]();
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const stream of this.#streams) stream.destroy();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #accept(socket: TLSSocket): void {
    const peer = this.#peerOf(socket);
    if (!peer) {
      socket.on('error', () => undefined);
      socket.destroy();
      return;
    }
    const { id, grants, log } = this.#options;
    const stream = receiveHello({
      socket,
      peer,
      routerId: id,
      grants,
      limits: this.#limits,
      stats: this.#stats,
      open: (channel) => this.#open(channel),
      ended: (reason) => {
        this.#streams.delete(stream);
        if (reason) log[isDefect(reason) ? 'error' : 'debug']({ err: reason, identity: peer.identityId }, 'a channel ended');
      },
    });
    this.#streams.add(stream);
  }

  #open(channel: RouterChannel): ChannelListener {
    const { id: routerId, grants, terminators } = this.#options;
    const context = { grants, terminators, control: this.#control, routerId, stopped: this.#stopped.signal };
    this.#channels.add(channel);
    return {
      frame: (frame) => serveFrame(channel, frame, context),
      lost: () => {
        this.#channels.delete(channel);
        channel.lost();
      },
    };
  }

  #enforce(): void {
    const { grants, terminators } = this.#options;
    try {
      enforce(grants, this.#channels, terminators);
    } catch (thrown) {
      // Nobody keeps what could not be confirmed.
      this.#options.log.error({ err: thrown }, 'rights could not be checked; every channel is closed');
      for (const stream of this.#streams) stream.destroy();
    }
  }

  /** Those that stand now, a while later. */
  #confirmBinds(): void {
    const binds = [...this.#channels].flatMap(({ sinks }) => [...sinks.values()].filter((sink) => sink instanceof HostBind));
    const standing = binds.filter(({ isListed }) => isListed);
    clearTimeout(this.#confirming);
    this.#confirming = setTimeout(() => {
      for (const bind of standing) bind.confirmAgain();
    }, this.#limits.bindsAgainMs).unref();
  }

  #peerOf(socket: TLSSocket): PeerCertificate | undefined {
    const certificate = socket.getPeerX509Certificate();
    if (!certificate) return undefined;
    try {
      const { identityId } = verifyChain([certificate], this.#trusted, { now: systemClock.now(), trustDomain: this.#trustDomain });
      return { identityId, fingerprint: certificate.fingerprint256.replaceAll(':', '').toLowerCase() };
    } catch (err) {
      this.#options.log.debug({ err }, 'a client certificate was refused');
      return undefined;
    }
  }
}

function isDefect(reason: unknown): boolean {
  return reason instanceof VitalmeshError && reason.code === 'INTERNAL';
}

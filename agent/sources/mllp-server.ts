import { createServer, type Server, type Socket } from 'node:net';
import { asVitalmeshError, VitalmeshError } from '../../shared/errors.ts';
import { Backoff, pause } from '../../shared/lifecycle.ts';
import type { StreamDecoder } from '../decoding.ts';
import { resilientDecoder } from './delivery.ts';
import { endpoint, reason } from './dial.ts';
import { HeldBytes } from './held-bytes.ts';
import { MLLP_CONNECTION_DEFAULTS, MllpConnection, type MllpConnectionLimits } from './mllp-connection.ts';
import type { Source, SourceEnvironment } from './source.ts';
import { SourceTally } from './tally.ts';
import { createTlsListener, type TlsListenerOptions } from './tls-listener.ts';

export interface MllpServerOptions extends MllpConnectionLimits {
  name: string;
  /** The address the operator names; there is no default. */
  host: string;
  /** 0 lets the system choose; `status().endpoint` tells. */
  port: number;
  /** A fresh decoder for each connection. */
  decoder: () => StreamDecoder;
  maxConnections: number;
  maxConnectionsPerAddress: number;
  /** Bytes of unfinished messages that all connections together may hold. */
  maxHeldBytes: number;
  /** How long stopping waits for peers to read their last acknowledgements. */
  stopTimeoutMs: number;
  /** Without it connections are in the clear. */
  tls?: TlsListenerOptions;
}

/** Limits that hold unless the configuration says otherwise. */
export const MLLP_SERVER_DEFAULTS = {
  ...MLLP_CONNECTION_DEFAULTS,
  idleTimeoutMs: 3_600_000,
  maxConnections: 512,
  maxConnectionsPerAddress: 256,
  maxHeldBytes: 64 * 1024 * 1024,
  stopTimeoutMs: 2000,
} as const satisfies Partial<MllpServerOptions>;

/** Limits of TLS that hold unless told otherwise. */
export const TLS_LISTENER_DEFAULTS = { handshakeTimeoutMs: 10_000, reloadMs: 60_000 } as const satisfies Partial<TlsListenerOptions>;

/**
 * Listens for HL7 v2 senders over MLLP (HL7 Transport Specification: MLLP, Release 1). When the address cannot be bound it is
 * tried again. Stopping closes the listener, stores what was received, and acknowledges it.
 */
export function createMllpServer(options: MllpServerOptions, environment: SourceEnvironment): Source {
  return new MllpServer(options, environment);
}

class MllpServer implements Source {
  readonly name: string;
  readonly #options: MllpServerOptions;
  readonly #environment: SourceEnvironment;
  readonly #tally: SourceTally;
  readonly #connections = new Set<MllpConnection>();
  /** Every socket there is, also those in the handshake of TLS. */
  readonly #sockets = new Set<Socket>();
  readonly #perAddress = new Map<string, number>();
  readonly #held: HeldBytes;
  readonly #stopped = new AbortController();
  readonly #backoff = new Backoff(500, 30_000);
  #server: Server | undefined;
  #stopping: Promise<void> | undefined;

  constructor(options: MllpServerOptions, environment: SourceEnvironment) {
    this.name = options.name;
    this.#options = options;
    this.#environment = environment;
    this.#held = new HeldBytes(options.maxHeldBytes);
    this.#tally = new SourceTally(options.name, 'mllp-server', endpoint(options.host, options.port), environment);
  }

  async start(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return this[Symbol.asyncDispose]();
    signal.addEventListener('abort', () => void this[Symbol.asyncDispose](), { once: true, signal: this.#stopped.signal });
    if (!(await this.#listen())) void this.#listenLater();
  }

  status() {
    return this.#tally.status();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #listenLater(): Promise<void> {
    const { signal } = this.#stopped;
    do {
      await pause(this.#backoff.nextMs(), signal);
      this.#tally.reopened();
    } while (!signal.aborted && !(await this.#listen()));
  }

  async #listen(): Promise<boolean> {
    let server: Server;
    try {
      server = this.#createServer();
    } catch (error) {
      // The files of TLS were good when the configuration was read.
      this.#tally.down(asVitalmeshError(error, 'SOURCE-OPEN'));
      return false;
    }
    server.maxConnections = this.#options.maxConnections;
    server.on('drop', () => this.#tally.cut('too-many'));
    const { promise, resolve } = Promise.withResolvers<Error | undefined>();
    server.on('error', (error) => {
      // After binding it means that no descriptor is left to accept with; the listener stays.
      if (server.listening) this.#tally.cut('not-accepted');
      resolve(error);
    });
    server.listen({ host: this.#options.host, port: this.#options.port }, () => resolve(undefined));
    const error = await promise;
    if (error) {
      server.close();
      this.#tally.down(new VitalmeshError('SOURCE-OPEN', { detail: reason(error), cause: error }));
      return false;
    }
    if (this.#stopped.signal.aborted) {
      server.close();
      return true;
    }
    this.#server = server;
    this.#backoff.reset();
    const bound = server.address();
    this.#tally.up(typeof bound === 'object' && bound ? endpoint(bound.address, bound.port) : undefined);
    return true;
  }

  #createServer(): Server {
    const { tls } = this.#options;
    if (!tls) {
      return createServer({ allowHalfOpen: true }, (socket) => {
        if (this.#isCounted(socket)) this.#admit(socket);
      });
    }
    const { log, clock } = this.#environment;
    const events = {
      renewed: () => log.info({ source: this.name }, 'the certificate was read anew'),
      trouble: (err: VitalmeshError) => log.error({ source: this.name, err }, 'the certificate of a source is not good'),
    };
    const server = createTlsListener(tls, clock, events, (socket) => this.#admit(socket));
    // Before the handshake, so that it costs nothing to turn one away.
    server.on('connection', (socket) => void this.#isCounted(socket));
    server.on('tlsClientError', (error, socket) => {
      this.#tally.cut('tls', reason(error));
      socket.destroy();
    });
    return server;
  }

  /** False for one connection too many of its address, which is closed; another is counted until it closes. */
  #isCounted(socket: Socket): boolean {
    const address = socket.remoteAddress ?? '';
    const ofAddress = this.#perAddress.get(address) ?? 0;
    if (ofAddress >= this.#options.maxConnectionsPerAddress) {
      this.#tally.cut('too-many-of-one-address');
      socket.on('error', () => undefined);
      socket.destroy();
      return false;
    }
    this.#perAddress.set(address, ofAddress + 1);
    this.#sockets.add(socket);
    socket.once('close', () => {
      this.#sockets.delete(socket);
      const left = (this.#perAddress.get(address) ?? 1) - 1;
      if (left > 0) this.#perAddress.set(address, left);
      else this.#perAddress.delete(address);
    });
    return true;
  }

  #admit(socket: Socket): void {
    const parts = { environment: this.#environment, tally: this.#tally, held: this.#held };
    const decoder = resilientDecoder(this.#options.decoder);
    const connection = new MllpConnection(socket, { ...parts, decoder, limits: this.#options });
    this.#connections.add(connection);
    this.#tally.connections(this.#connections.size);
    void connection.closed.then(() => {
      this.#connections.delete(connection);
      this.#tally.connections(this.#connections.size);
    });
    if (this.#stopped.signal.aborted) connection.stop();
  }

  async #stop(): Promise<void> {
    this.#stopped.abort();
    const listenerClosed = new Promise<void>((resolve) => (this.#server ? this.#server.close(() => resolve()) : resolve()));
    const open = [...this.#connections];
    for (const connection of open) connection.stop();
    const timer = setTimeout(() => {
      for (const socket of this.#sockets) socket.destroy();
    }, this.#options.stopTimeoutMs);
    await Promise.all([listenerClosed, ...open.map(({ closed }) => closed)]);
    clearTimeout(timer);
    this.#tally.stopped();
  }
}

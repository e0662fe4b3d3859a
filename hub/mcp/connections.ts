import type { ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Clock } from '../../shared/clock.ts';
import { VitalmeshError } from '../../shared/errors.ts';
import { pause } from '../../shared/lifecycle.ts';
import type { Caller } from '../../shared/overlay/overlay.ts';
import { CallerPlaces } from './caller-places.ts';
import { rpcError } from './errors.ts';
import type { McpLimits } from './limits.ts';

/** A request and its response, until the response is closed. */
export interface HttpExchange {
  startedMs: number;
  /** An event stream, which may stay open for as long as it likes. */
  endless: boolean;
  closed: Promise<void>;
}

/** One overlay connection, with what must be known to end it when nobody uses it: a plain Duplex has no timeouts of its own. */
export interface Connection {
  stream: Duplex;
  caller: Caller;
  /** Requests under way. */
  exchanges: Set<HttpExchange>;
  /** When the last one ended, by the monotonic clock. */
  idleSinceMs: number;
}

/** How long a peer has, at the end, to take what it is told last and to close its side. */
const LAST_WORDS_MS = 1_000;

/** The open connections of the endpoint, bounded in number and in idleness. */
export class Connections {
  readonly #limits: McpLimits;
  readonly #clock: Clock;
  readonly #byStream = new Map<Duplex, Connection>();
  readonly #leaving = new Set<Duplex>();
  readonly #places: CallerPlaces;

  constructor(limits: McpLimits, clock: Clock) {
    this.#limits = limits;
    this.#places = new CallerPlaces(limits);
    this.#clock = clock;
  }

  get size(): number {
    return this.#byStream.size;
  }

  of(stream: Duplex): Connection | undefined {
    return this.#byStream.get(stream);
  }

  /** Takes a connection in. Throws MCP-LIMIT when there are too many. */
  add(stream: Duplex, caller: Caller): void {
    const giveBack = this.#places.take(caller);
    this.#byStream.set(stream, { stream, caller, exchanges: new Set(), idleSinceMs: this.#clock.monotonicMs() });
    stream.once('close', () => {
      this.#byStream.delete(stream);
      giveBack();
    });
  }

  /** Counts a request as under way until its response is closed. Throws MCP-LIMIT when the connection has too many. */
  begin(connection: Connection, response: ServerResponse): HttpExchange {
    if (connection.exchanges.size >= this.#limits.requestsPerConnection) {
      throw new VitalmeshError('MCP-LIMIT', { detail: 'too many requests at once on one connection' });
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    const exchange: HttpExchange = { startedMs: this.#clock.monotonicMs(), endless: false, closed: promise };
    connection.exchanges.add(exchange);
    response.once('close', () => {
      connection.exchanges.delete(exchange);
      connection.idleSinceMs = this.#clock.monotonicMs();
      resolve();
    });
    return exchange;
  }

  /** Cuts connections that carry nothing, and those whose reader does not take an answer. */
  sweep(): void {
    const nowMs = this.#clock.monotonicMs();
    for (const { stream, exchanges, idleSinceMs } of this.#byStream.values()) {
      const idle = exchanges.size === 0 && nowMs - idleSinceMs > this.#limits.idleMs;
      const stuck = [...exchanges].some(({ startedMs, endless }) => !endless && nowMs - startedMs > this.#limits.exchangeMs);
      if (idle || stuck) stream.destroy();
    }
  }

  /** Whether this is how a client ends that has all that it asked for: it closes, while nobody waits for an answer. */
  isOrderly(stream: Duplex, { code, detail, cause }: VitalmeshError): boolean {
    const awaited = [...(this.of(stream)?.exchanges ?? [])].some(({ endless }) => !endless);
    return code === 'OVERLAY-CLOSED' && detail === undefined && cause === undefined && !awaited;
  }

  /** Answers a connection that is not taken, before any request was read, and closes it. */
  turnAway(stream: Duplex, error: VitalmeshError): void {
    const body = JSON.stringify(rpcError(error));
    const head = `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}`;
    this.dismiss(stream, `HTTP/1.1 503 Service Unavailable\r\n${head}\r\nConnection: close\r\n\r\n${body}`);
  }

  /** Writes what is still to be said and closes. Destroying at once would take it from a peer that is about to read it. */
  dismiss(stream: Duplex, lastWords: string): void {
    const timer = setTimeout(() => stream.destroy(), LAST_WORDS_MS);
    this.#leaving.add(stream);
    stream.once('close', () => {
      clearTimeout(timer);
      this.#leaving.delete(stream);
    });
    stream.once('end', () => stream.destroy());
    stream.resume();
    stream.end(lastWords);
  }

  /** Ends all connections: at once where nothing is under way, the others when it is done or after a moment. */
  async drain(): Promise<void> {
    const over = new AbortController();
    const timer = pause(LAST_WORDS_MS, over.signal);
    const done = Promise.all([...this.#byStream.values()].flatMap(({ exchanges }) => [...exchanges].map(({ closed }) => closed)));
    await Promise.race([done, timer]);
    over.abort();
    const left = [...this.#byStream.keys(), ...this.#leaving];
    const closed = left.map((stream) => new Promise((resolve) => stream.once('close', resolve)));
    for (const stream of left) stream.destroy();
    await Promise.all(closed);
  }
}

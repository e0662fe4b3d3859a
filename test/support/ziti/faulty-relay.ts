import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** What happens to the bytes of one direction. */
export interface WayFaults {
  /** Every byte arrives so much later. */
  delayMs?: number;
  /** Up to so much is added to the delay of each chunk; the order stays. */
  jitterMs?: number;
  bytesPerSecond?: number;
  /** Pieces have between so many bytes and so many, whatever the sender wrote. */
  pieceBytes?: readonly [least: number, most: number];
  /** What comes within this time arrives as one piece. */
  coalesceMs?: number;
  /** A connection is cut behind a number of bytes between these. */
  cutAfterBytes?: readonly [least: number, most: number];
  /** One bit of the byte at a place between these is turned over, once a connection. */
  flipAtByte?: readonly [least: number, most: number];
  /** What comes is thrown away, and so is the end of the connection: neither a FIN nor a RST arrives. */
  blackHole?: boolean;
}

/** A connection ends by a reset on both sides, by a FIN of the direction alone whose other one goes on, or by being closed. */
export type Cut = 'reset' | 'half-close' | 'close';

export interface RelayCounts {
  connections: number;
  cuts: number;
  flips: number;
}

export interface FaultyRelayOptions {
  /** The port of 127.0.0.1 that it stands for; undefined cuts whoever comes. */
  target?: number;
  /** Between 0 and 1; a test prints its seed. */
  random?: () => number;
}

const QUEUE_BYTES = 256 * 1024;
const CUTS: readonly Cut[] = ['reset', 'half-close', 'close'];

/**
 * A TCP port of 127.0.0.1 in front of another one that does to the bytes what networks do. Faults may be changed at any time, and go for what comes
 * from then on; those that lie at a byte count from the beginning of each connection.
 */
export class FaultyRelay implements AsyncDisposable {
  readonly counts: RelayCounts = { connections: 0, cuts: 0, flips: 0 };
  /** From the one who dials to the one who listens. */
  up: WayFaults = {};
  /** The other way. */
  down: WayFaults = {};
  readonly random: () => number;
  readonly #server: Server;
  readonly #pairs = new Set<Pair>();
  #target: number | undefined;
  #frozen = false;

  private constructor(server: Server, { target, random = Math.random }: FaultyRelayOptions) {
    this.#server = server;
    this.#target = target;
    this.random = random;
    server.on('connection', (near) => this.#connected(near));
  }

  static async start(options: FaultyRelayOptions = {}): Promise<FaultyRelay> {
    const server = createServer({ allowHalfOpen: true });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new FaultyRelay(server, options);
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Connections that are open. */
  get open(): number {
    return this.#pairs.size;
  }

  get frozen(): boolean {
    return this.#frozen;
  }

  /** Relays who comes from now on to this port; undefined resets everything, and who comes. */
  aim(target: number | undefined): void {
    this.#target = target;
    if (target === undefined) this.cut();
  }

  /** Ends what is open. */
  cut(how: Cut = 'reset'): void {
    for (const pair of this.#pairs) pair.cut(how);
  }

  /** As a firewall that has forgotten them: of the connections that are open nothing arrives any more, their ends included; new ones work. */
  forget(direction: 'up' | 'down' | 'both' = 'both'): void {
    for (const pair of this.#pairs) pair.forget(direction);
  }

  /** No byte goes either way until it thaws; connections stay open and new ones are taken. */
  freeze(frozen = true): void {
    this.#frozen = frozen;
    if (!frozen) for (const pair of this.#pairs) pair.thaw();
  }

  /** Faults are over for what comes from now on. */
  heal(): void {
    this.up = {};
    this.down = {};
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.cut('close');
    await closed;
  }

  #connected(near: Socket): void {
    this.counts.connections += 1;
    if (this.#target === undefined) {
      near.on('error', () => undefined);
      near.resetAndDestroy();
      return;
    }
    const far = connect({ port: this.#target, host: '127.0.0.1', allowHalfOpen: true });
    const pair = new Pair(this, near, far, () => this.#pairs.delete(pair));
    this.#pairs.add(pair);
  }

  /** A whole number between these two. */
  between([least, most]: readonly [number, number]): number {
    return least + Math.floor(this.random() * (most - least + 1));
  }

  anyCut(): Cut {
    return CUTS[this.between([0, CUTS.length - 1])] ?? 'reset';
  }
}

/** One connection through the relay. */
class Pair {
  readonly #sockets: readonly [Socket, Socket];
  readonly #ways: { up: Way; down: Way };

  constructor(relay: FaultyRelay, near: Socket, far: Socket, onClosed: () => void) {
    this.#sockets = [near, far];
    const cut = (how: Cut): void => this.cut(how);
    this.#ways = {
      up: new Way(relay, () => relay.up, near, far, cut),
      down: new Way(relay, () => relay.down, far, near, cut),
    };
    let open = 2;
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      socket.setNoDelay(true);
      socket.on('error', () => undefined);
      socket.once('close', () => {
        // A reset, or the end of both directions: it reaches the other side unless the network has lost it.
        const way = socket === near ? this.#ways.up : this.#ways.down;
        if (!way.isLost) other.destroy();
        open -= 1;
        if (open === 0) onClosed();
      });
    }
  }

  cut(how: Cut): void {
    const [near, far] = this.#sockets;
    if (how === 'half-close') {
      this.#ways.down.end();
      return;
    }
    for (const socket of [near, far]) {
      if (how === 'reset') socket.resetAndDestroy();
      else socket.destroy();
    }
  }

  forget(direction: 'up' | 'down' | 'both'): void {
    for (const name of ['up', 'down'] as const) if (direction !== (name === 'up' ? 'down' : 'up')) this.#ways[name].lose();
  }

  thaw(): void {
    this.#ways.up.carry();
    this.#ways.down.carry();
  }
}

interface Piece {
  bytes: Buffer;
  dueMs: number;
}

/** One direction of a connection. */
class Way {
  readonly #relay: FaultyRelay;
  readonly #faults: () => WayFaults;
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #cut: (how: Cut) => void;
  readonly #cutAt: number;
  #flipAt: number;
  #seen = 0;
  #pieces: Piece[] = [];
  #queued = 0;
  #dueMs = 0;
  #ending = false;
  #lost = false;
  #blocked = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(relay: FaultyRelay, faults: () => WayFaults, from: Socket, to: Socket, cut: (how: Cut) => void) {
    this.#relay = relay;
    this.#faults = faults;
    this.#from = from;
    this.#to = to;
    this.#cut = cut;
    const { cutAfterBytes, flipAtByte } = faults();
    this.#cutAt = cutAfterBytes ? relay.between(cutAfterBytes) : Number.POSITIVE_INFINITY;
    this.#flipAt = flipAtByte ? relay.between(flipAtByte) : Number.POSITIVE_INFINITY;
    from.on('data', (chunk: Buffer) => this.#take(chunk));
    from.on('end', () => this.end());
    from.on('close', () => clearTimeout(this.#timer));
    to.on('drain', () => {
      this.#blocked = false;
      this.carry();
    });
  }

  /** Its end arrives nowhere. */
  get isLost(): boolean {
    return this.#lost || this.#faults().blackHole === true;
  }

  lose(): void {
    this.#lost = true;
    this.#pieces = [];
    this.#queued = 0;
    this.#from.resume();
  }

  end(): void {
    if (this.isLost) return;
    this.#ending = true;
    this.carry();
  }

  #take(chunk: Buffer): void {
    if (this.isLost || this.#ending) return;
    const from = this.#seen;
    this.#seen += chunk.length;
    const bytes = this.#flipped(chunk, from);
    if (this.#seen > this.#cutAt) {
      this.#relay.counts.cuts += 1;
      // What lies in front of the cut goes out, as far as its time has come.
      this.#queue(bytes.subarray(0, Math.max(0, this.#cutAt - from)));
      this.carry();
      this.#cut(this.#relay.anyCut());
      return;
    }
    this.#queue(bytes);
    this.carry();
  }

  #flipped(chunk: Buffer, from: number): Buffer {
    const at = this.#flipAt - from;
    if (at < 0 || at >= chunk.length) return chunk;
    this.#flipAt = Number.POSITIVE_INFINITY;
    this.#relay.counts.flips += 1;
    const bytes = Buffer.from(chunk);
    bytes[at] = (bytes[at] ?? 0) ^ (1 << this.#relay.between([0, 7]));
    return bytes;
  }

  #queue(chunk: Buffer): void {
    if (chunk.length === 0) return;
    const { delayMs = 0, jitterMs = 0, bytesPerSecond, pieceBytes, coalesceMs = 0 } = this.#faults();
    const arrivesMs = performance.now() + Math.max(delayMs, coalesceMs) + this.#relay.random() * jitterMs;
    for (let at = 0; at < chunk.length; ) {
      const bytes = chunk.subarray(at, pieceBytes ? at + this.#relay.between(pieceBytes) : chunk.length);
      at += bytes.length;
      this.#dueMs = Math.max(this.#dueMs + (bytesPerSecond ? (bytes.length / bytesPerSecond) * 1000 : 0), arrivesMs);
      this.#pieces.push({ bytes, dueMs: this.#dueMs });
      this.#queued += bytes.length;
    }
    if (this.#queued > QUEUE_BYTES) this.#from.pause();
  }

  /** Hands on what is due. */
  carry(): void {
    clearTimeout(this.#timer);
    while (!this.#blocked && !this.#relay.frozen) {
      const due = this.#due();
      if (!due) break;
      this.#queued -= due.length;
      this.#blocked = !this.#to.write(due);
    }
    if (this.#queued <= QUEUE_BYTES && this.#from.isPaused()) this.#from.resume();
    if (this.#blocked || this.#relay.frozen) return;
    const [next] = this.#pieces;
    if (next) this.#timer = setTimeout(() => this.carry(), Math.max(1, next.dueMs - performance.now()));
    else if (this.#ending) this.#to.end();
  }

  #due(): Buffer | undefined {
    const [first] = this.#pieces;
    const now = performance.now();
    if (!first || first.dueMs > now) return undefined;
    if (!this.#faults().coalesceMs) return this.#pieces.shift()?.bytes;
    return Buffer.concat(this.#pieces.splice(0).map(({ bytes }) => bytes));
  }
}

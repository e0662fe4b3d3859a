import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** What went over connections of TLS so far, both ways together unless told. */
export interface Metered {
  connections: number;
  /** Payload of TCP. */
  bytes: number;
  /** Pieces in which it came: about one write of an end each. */
  writes: number;
  /** By content type (RFC 8446 §5.1) and length of the payload, those of the two ends apart: `23 58 near`. */
  records: Map<string, number>;
}

/** `near` is who connects here, `far` who is connected to. */
export type End = 'near' | 'far';

const HEADER_BYTES = 5;

/** A TCP port of 127.0.0.1 in front of another one, which counts what goes over it; of the records of TLS it reads the heads alone. */
export class TlsMeter implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #counted: Metered = nothing();

  private constructor(server: Server, target: number) {
    this.#server = server;
    server.on('connection', (near) => this.#relay(near, target));
  }

  static async start(target: number): Promise<TlsMeter> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new TlsMeter(server, target);
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** What was counted since the last call. */
  take(): Metered {
    const counted = this.#counted;
    this.#counted = nothing();
    return counted;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #relay(near: Socket, target: number): void {
    this.#counted.connections += 1;
    const far = connect(target, '127.0.0.1');
    this.#pass(near, far, 'near');
    this.#pass(far, near, 'far');
  }

  #pass(from: Socket, to: Socket, end: End): void {
    this.#sockets.add(from);
    const records = new RecordHeads((type, length) => {
      const key = `${type} ${length} ${end}`;
      this.#counted.records.set(key, (this.#counted.records.get(key) ?? 0) + 1);
    });
    from.setNoDelay(true);
    from.on('data', (chunk: Buffer) => {
      this.#counted.bytes += chunk.length;
      this.#counted.writes += 1;
      records.push(chunk);
      to.write(chunk);
    });
    from.on('end', () => to.end());
    from.on('error', () => to.destroy());
    from.on('close', () => {
      to.destroy();
      this.#sockets.delete(from);
    });
  }
}

/** Finds the heads of records in the bytes of one direction. */
class RecordHeads {
  readonly #onRecord: (type: number, length: number) => void;
  #head: number[] = [];
  #skip = 0;

  constructor(onRecord: (type: number, length: number) => void) {
    this.#onRecord = onRecord;
  }

  push(chunk: Buffer): void {
    for (let at = 0; at < chunk.length; ) {
      const skipped = Math.min(this.#skip, chunk.length - at);
      this.#skip -= skipped;
      at += skipped;
      if (at === chunk.length) return;
      this.#head.push(chunk[at] ?? 0);
      at += 1;
      if (this.#head.length < HEADER_BYTES) continue;
      const [type = 0, , , high = 0, low = 0] = this.#head;
      this.#head = [];
      this.#skip = high * 256 + low;
      this.#onRecord(type, this.#skip);
    }
  }
}

function nothing(): Metered {
  return { connections: 0, bytes: 0, writes: 0, records: new Map() };
}

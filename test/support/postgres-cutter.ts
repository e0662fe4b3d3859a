import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Where a connection is cut around a commit; `answer` loses the answer of one that is on disk, `half` a part of it. */
export type Cut = 'before' | 'during' | 'answer' | 'half';

const COMMIT = Buffer.from('COMMIT\0', 'latin1');
const BEGIN = Buffer.from('BEGIN', 'latin1');
const READ_ONLY = Buffer.from('READ ONLY', 'latin1');

/** A way to a PostgreSQL server by another Unix socket, which can cut a connection at its next commit. */
export class PostgresCutter implements AsyncDisposable {
  /** The host of an address that goes this way. */
  readonly folder = mkdtempSync(join(tmpdir(), 'vitalmesh-cut-'));
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #next: { cut: Cut; done: () => void } | undefined;

  private constructor(folder: string) {
    this.#server = createServer((client) => this.#through(client, connect(join(folder, '.s.PGSQL.5432'))));
  }

  /** `folder` is that of the server's own socket. */
  static async to(folder: string): Promise<PostgresCutter> {
    const cutter = new PostgresCutter(folder);
    await new Promise<void>((resolve) => cutter.#server.listen(join(cutter.folder, '.s.PGSQL.5432'), resolve));
    return cutter;
  }

  /** Cuts whichever connection next commits something that it may have written; resolves once it is cut. */
  cut(cut: Cut): Promise<void> {
    return new Promise((done) => {
      this.#next = { cut, done };
    });
  }

  #through(client: Socket, server: Socket): void {
    let answerLost: { cut: Cut; done: () => void } | undefined;
    const end = (): void => {
      client.destroy();
      server.destroy();
    };
    for (const socket of [client, server]) {
      this.#sockets.add(socket);
      socket.on('error', end).on('close', () => {
        this.#sockets.delete(socket);
        end();
      });
    }
    const heard = new FrontendMessages();
    // A hub reads beside its commits, and ends that with the same word.
    let isReading = false;
    client.on('data', (bytes: Buffer) => {
      const bodies = heard.add(bytes);
      for (const body of bodies) if (body.subarray(0, BEGIN.length).equals(BEGIN)) isReading = body.includes(READ_ONLY);
      const next = !isReading && bodies.some((body) => body.equals(COMMIT)) ? this.#next : undefined;
      if (next) this.#next = undefined;
      if (next?.cut === 'before') {
        end();
        next.done();
        return;
      }
      if (next?.cut === 'during') {
        // The server has it, and finds nobody to answer to.
        client.destroy();
        server.end(bytes, () => next.done());
        return;
      }
      answerLost = next;
      server.write(bytes);
    });
    server.on('data', (bytes: Buffer) => {
      if (!answerLost) {
        client.write(bytes);
        return;
      }
      const { cut, done } = answerLost;
      if (cut === 'half') client.end(bytes.subarray(0, 3));
      end();
      done();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Bodies of what a client says: a start without type, then a type, a length that counts itself, and a body (protocol 3.0, chapter 55.7). */
class FrontendMessages {
  #rest = Buffer.alloc(0);
  #isStarted = false;

  add(bytes: Buffer): Buffer[] {
    this.#rest = Buffer.concat([this.#rest, bytes]);
    const bodies: Buffer[] = [];
    for (;;) {
      const type = this.#isStarted ? 1 : 0;
      if (this.#rest.length < type + 4) return bodies;
      const length = type + this.#rest.readUInt32BE(type);
      if (this.#rest.length < length) return bodies;
      if (this.#isStarted) bodies.push(this.#rest.subarray(type + 4, length));
      this.#isStarted = true;
      this.#rest = this.#rest.subarray(length);
    }
  }
}

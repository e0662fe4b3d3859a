import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Target } from './listen.ts';

const END_OF_BLOCK = '\u001c';
const MAX_ANSWER = 1024 * 1024;
/** MSA-1 and MSA-2 of an acknowledgement (HL7 v2.6 ch. 2.15.8). */
const MSA = /\rMSA\|([A-Z]{2})\|?([^|\r]*)/;
/** How long the other side may take to close. */
const CLOSE_LIMIT_MS = 1000;

export interface Answer {
  code: string;
  id: string;
}

const NEVER = new AbortController().signal;

/** A device's end of one MLLP connection. */
export class Wire {
  readonly #socket: Socket;
  #received = '';
  #answers: Answer[] = [];
  #isOpen: boolean;
  #changed = Promise.withResolvers<void>();

  constructor(socket: Socket) {
    this.#socket = socket;
    const opens = 'encrypted' in socket ? 'secureConnect' : 'connect';
    this.#isOpen = !socket.connecting;
    socket.setNoDelay(true);
    socket.on(opens, () => {
      this.#isOpen = true;
      this.#tell();
    });
    socket.on('data', (chunk: Buffer) => this.#take(chunk));
    socket.on('drain', () => this.#tell());
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#tell());
  }

  /** Calls a target; resolves with the connection, or undefined when nobody answers within `limitMs`. */
  static async call({ host, port, tls }: Target, limitMs: number, signal: AbortSignal): Promise<Wire | undefined> {
    const wire = new Wire(tls ? connectTls({ host, port, ...tls }) : connect({ host, port }));
    await wire.#until(() => wire.#isOpen, limitMs, signal);
    if (wire.#isOpen && !wire.closed) return wire;
    wire.close();
    return undefined;
  }

  get closed(): boolean {
    return this.#socket.destroyed;
  }

  get peer(): string {
    return `${this.#socket.remoteAddress ?? ''}:${this.#socket.remotePort ?? ''}`;
  }

  /** Reads nothing from now on. */
  deafen(): void {
    this.#socket.pause();
  }

  /** Writes the pieces, each as far as the system takes it before the next. */
  async write(pieces: readonly Uint8Array[], limitMs: number, signal: AbortSignal): Promise<void> {
    for (const piece of pieces) {
      if (this.closed) return;
      const taken = this.#socket.write(piece);
      if (!taken) await this.#until(() => this.#socket.writableLength === 0, limitMs, signal);
      // Each piece is a write of its own to the system.
      else if (pieces.length > 1) await new Promise((done) => setImmediate(done));
    }
  }

  /** The next so many answers to messages of these numbers, in order; fewer when the connection or the time is lost. */
  async answers(ids: ReadonlySet<string>, count: number, limitMs: number, signal: AbortSignal): Promise<Answer[]> {
    await this.#until(
      () => {
        // What comes late, for a message that was given up, must not count for another.
        this.#answers = this.#answers.filter(({ id }) => ids.has(id));
        return this.#answers.length >= count;
      },
      limitMs,
      signal,
    );
    return this.#answers.splice(0, count);
  }

  /** The answers that have come so far. */
  takeAnswers(): Answer[] {
    return this.#answers.splice(0);
  }

  /** Resolves when the connection is gone. */
  async gone(signal: AbortSignal): Promise<void> {
    await this.#until(() => false, undefined, signal);
  }

  /** Sends what is written and closes; resolves when the other side has closed, too, or had the time for it. */
  async end(): Promise<void> {
    if (this.closed) return;
    this.#socket.end();
    this.#socket.resume();
    await this.#until(() => false, CLOSE_LIMIT_MS, NEVER);
    this.close();
  }

  close(): void {
    this.#socket.destroy();
  }

  #take(chunk: Buffer): void {
    this.#received += chunk.toString('latin1');
    const blocks = this.#received.split(END_OF_BLOCK);
    this.#received = blocks.pop() ?? '';
    if (this.#received.length > MAX_ANSWER) this.close();
    for (const block of blocks) {
      const [, code = '', id = ''] = MSA.exec(block) ?? [];
      this.#answers.push({ code, id });
    }
    if (blocks.length > 0) this.#tell();
  }

  /** Waits for a condition until the connection or the time is lost, or the signal aborts. */
  async #until(condition: () => boolean, limitMs: number | undefined, signal: AbortSignal): Promise<void> {
    let isOver = false;
    const over = (): void => {
      isOver = true;
      this.#tell();
    };
    const timer = limitMs === undefined ? undefined : setTimeout(over, limitMs);
    signal.addEventListener('abort', over, { once: true });
    while (!condition() && !isOver && !signal.aborted && !this.closed) await this.#changed.promise;
    clearTimeout(timer);
    signal.removeEventListener('abort', over);
  }

  #tell(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers<void>();
  }
}

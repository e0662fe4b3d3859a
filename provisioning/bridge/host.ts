import { onAbort } from '../../shared/overlay/limit.ts';

/** Characters of what a host was told and has not taken, beyond which nothing more of it is read. */
const MOST_UNTAKEN_CHARS = 8 * 1024 * 1024;

/** The host of a bridge, which is told lines on standard output and may take its time to read them. */
export class Host {
  readonly #stdout: NodeJS.WritableStream;
  /** With it nobody waits for the host any more. */
  readonly #signal: AbortSignal;
  /** Called when it is full no more. */
  readonly #onTaken: () => void;
  #untakenChars = 0;
  /** One wait for all that is said while there is no room. */
  #drained: Promise<void> | undefined;

  constructor(stdout: NodeJS.WritableStream, signal: AbortSignal, onTaken: () => void = () => undefined) {
    this.#stdout = stdout;
    this.#signal = signal;
    this.#onTaken = onTaken;
  }

  /** Whether it has not taken what it was told before. */
  get isBehind(): boolean {
    return this.#drained !== undefined;
  }

  /** Whether it has left so much of that that it is to be told no more. */
  get isFull(): boolean {
    return this.#untakenChars >= MOST_UNTAKEN_CHARS;
  }

  /** Says a line, if there is one. Resolves when there is room for more. */
  async tell(line: string | undefined): Promise<void> {
    if (line === undefined) return;
    const text = `${line}\n`;
    this.#untakenChars += text.length;
    const hasRoom = this.#stdout.write(text, () => {
      const wasFull = this.isFull;
      this.#untakenChars -= text.length;
      if (wasFull && !this.isFull) this.#onTaken();
    });
    if (hasRoom) return;
    this.#drained ??= this.#drain().finally(() => {
      this.#drained = undefined;
    });
    await this.#drained;
  }

  async #drain(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#stdout.once('drain', resolve);
    using _ending = onAbort(this.#signal, resolve);
    await promise;
    this.#stdout.removeListener('drain', resolve);
  }
}

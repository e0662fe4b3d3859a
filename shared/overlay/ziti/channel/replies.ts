import type { Frame } from '../wire/frame.ts';

interface Awaited {
  onReply: (reply: Frame) => void;
  onLost: ((reason: Error) => void) | undefined;
}

/** Who awaits the reply to which sequence. A reply is any frame that names it (header 1), whatever its content type (openziti.md §4). */
export class ReplyTable {
  readonly #awaited = new Map<number, Awaited>();

  get size(): number {
    return this.#awaited.size;
  }

  has(sequence: number): boolean {
    return this.#awaited.has(sequence);
  }

  /** `onLost` is called when no reply can come any more. Disposing what is returned gives the reply up. */
  await(sequence: number, onReply: (reply: Frame) => void, onLost?: (reason: Error) => void): Disposable {
    const entry: Awaited = { onReply, onLost };
    this.#awaited.set(sequence, entry);
    return {
      [Symbol.dispose]: () => {
        if (this.#awaited.get(sequence) === entry) this.#awaited.delete(sequence);
      },
    };
  }

  /** What is to be done with a reply, once; undefined when nobody awaits it. */
  take(sequence: number): ((reply: Frame) => void) | undefined {
    const entry = this.#awaited.get(sequence);
    this.#awaited.delete(sequence);
    return entry?.onReply;
  }

  lost(reason: Error): void {
    const entries = [...this.#awaited.values()];
    this.#awaited.clear();
    for (const { onLost } of entries) onLost?.(reason);
  }
}

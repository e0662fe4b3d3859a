import type { ServerResponse } from 'node:http';

const COLON = 0x3a;
const OPEN = ': open\n\n';

/**
 * The way of an event stream to its connection. What the SDK has to say in it (its beginning, and that it is still there) is led through here; notifications go past the SDK, which
 * would queue them without end, each through four promises. So nothing waits but in the connection itself, which says when it is full.
 */
export class EventPassage {
  readonly #response: ServerResponse;
  readonly #onRoom: () => void;
  readonly #stallMs: number;
  /** What the SDK says. */
  #frames: ReadableStreamDefaultReader<Uint8Array> | undefined;
  /** Where it goes, for as long as that takes anything. */
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  #begun = false;
  #ended = false;
  #last: unknown;

  /** `onRoom` is called when a reader that was not `ready` is so; a reader that leaves the end unread is cut after `stallMs`. */
  constructor(response: ServerResponse, stallMs: number, onRoom: () => void) {
    this.#response = response;
    this.#onRoom = onRoom;
    this.#stallMs = stallMs;
    response.on('drain', () => this.#room());
  }

  /** False until the stream has begun as its revision has it, and while the reader does not keep up. */
  get ready(): boolean {
    return this.#begun && !this.#response.writableNeedDrain;
  }

  /** Writes a message of JSON-RPC, as JSON. To be called while it is `ready`; one that has ended takes nothing. */
  send(json: string): void {
    if (!this.#ended && !this.#response.destroyed) this.#response.write(eventOf(json));
  }

  /**
   * The SDK's answer, led through here. It begins at once, with a comment: the head of a response leaves with its first byte. `acknowledged`: the SDK's first message comes before
   * all others (MCP 2026-07-28, subscriptions).
   */
  lead(answer: Response, { acknowledged }: { acknowledged: boolean }): Response {
    if (!answer.body) return answer;
    const frames = answer.body.getReader();
    this.#frames = frames;
    let isOpen = false;
    let mayBegin = !acknowledged;
    const led = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#controller = controller;
        },
        // Asked for when what was given before is written, since nothing is kept ahead.
        pull: async (controller) => {
          if (!isOpen) {
            isOpen = true;
            controller.enqueue(encode(OPEN));
            if (this.#ended) this.#close(this.#last);
            return;
          }
          if (mayBegin) this.#begin();
          const frame = await this.#next(frames);
          if (this.#ended) return;
          mayBegin ||= frame?.[0] !== COLON;
          if (frame) controller.enqueue(frame);
          else this.#over();
        },
        cancel: (reason) => {
          this.#controller = undefined;
          return frames.cancel(reason);
        },
      },
      { highWaterMark: 0 },
    );
    return new Response(led, answer);
  }

  /** Ends the stream, after a last message where there is one. */
  end(message?: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    const response = this.#response;
    this.#last = message;
    this.#close(response.destroyed ? undefined : message);
    if (response.destroyed) return;
    const timer = setTimeout(() => response.destroy(), this.#stallMs);
    response.once('close', () => clearTimeout(timer));
  }

  /** Takes the connection from a reader that does not read. */
  cut(): void {
    this.#response.destroy();
  }

  #begin(): void {
    if (this.#begun) return;
    this.#begun = true;
    this.#room();
  }

  /** What the SDK says next; undefined where it has ended it. Rejects where that fails; the stream is over by it. */
  async #next(frames: ReadableStreamDefaultReader<Uint8Array>): Promise<Uint8Array | undefined> {
    try {
      return (await frames.read()).value;
    } catch (error) {
      this.#ended = true;
      this.#controller = undefined;
      throw error;
    }
  }

  /** The SDK has ended it. */
  #over(): void {
    this.#ended = true;
    this.#close(undefined);
  }

  #close(message: unknown): void {
    const controller = this.#controller;
    this.#controller = undefined;
    if (message !== undefined) controller?.enqueue(encode(eventOf(JSON.stringify(message))));
    controller?.close();
    // Ends the SDK's part of it; that was read to its end, or nobody is to read it any more.
    this.#frames?.cancel().catch(() => undefined);
  }

  #room(): void {
    if (this.ready && !this.#ended) this.#onRoom();
  }
}

function eventOf(json: string): string {
  return `event: message\ndata: ${json}\n\n`;
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

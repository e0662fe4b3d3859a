import type { ServerResponse } from 'node:http';

/** Frames that may wait between the SDK and the connection; at half of them there is room again. */
const MAX_WAITING = 32;
const MAX_WAITING_BYTES = 64 * 1024;
/** What a notification holds besides the URI and the id of its stream, which are what a caller chooses. */
const ENVELOPE_BYTES = 512;
const COLON = 0x3a;

/**
 * The way of an event stream from the SDK to its connection. The SDK queues without end whatever it is given, so what is under way is
 * counted here; and it cannot end a stream on the server's behalf, so that is done here.
 */
export class EventPassage {
  readonly #response: ServerResponse;
  readonly #onRoom: () => void;
  readonly #stallMs: number;
  #controller: TransformStreamDefaultController<Uint8Array> | undefined;
  /** About how large each is, in order. */
  readonly #waiting: number[] = [];
  #waitingBytes = 0;
  #full = false;
  #ended = false;
  #last: unknown;

  /** `onRoom` is called when a reader that was not `ready` is so again; a reader that leaves the end unread is cut after `stallMs`. */
  constructor(response: ServerResponse, stallMs: number, onRoom: () => void) {
    this.#response = response;
    this.#stallMs = stallMs;
    this.#onRoom = onRoom;
    response.on('drain', () => this.#room());
  }

  /** False while the reader does not keep up. */
  get ready(): boolean {
    return !this.#response.writableNeedDrain && !this.#full;
  }

  /** Counts a notification given to the SDK; `chosenChars` is the length of its URI and of the id it repeats. */
  handed(chosenChars: number): void {
    const bytes = ENVELOPE_BYTES + chosenChars;
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes;
    if (this.#waiting.length >= MAX_WAITING || this.#waitingBytes >= MAX_WAITING_BYTES) this.#full = true;
  }

  /** The SDK's answer, led through here. It begins at once, with a comment: the head of a response leaves with its first byte. */
  lead(answer: Response): Response {
    if (!answer.body) return answer;
    const passage = new TransformStream<Uint8Array, Uint8Array>({
      start: (controller) => {
        this.#controller = controller;
        controller.enqueue(encode(': open\n\n'));
        if (this.#ended) this.#close(this.#last);
      },
      transform: (frame, controller) => {
        controller.enqueue(frame);
        if (frame[0] !== COLON) this.#passed();
      },
    });
    return new Response(answer.body.pipeThrough(passage), answer);
  }

  /** Ends the stream, after a last message where there is one. */
  end(message?: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    const response = this.#response;
    if (response.destroyed) {
      this.#controller?.terminate();
      return;
    }
    this.#last = message;
    this.#close(message);
    const timer = setTimeout(() => response.destroy(), this.#stallMs);
    response.once('close', () => clearTimeout(timer));
  }

  #close(message: unknown): void {
    if (message !== undefined) this.#controller?.enqueue(encode(`event: message\ndata: ${JSON.stringify(message)}\n\n`));
    this.#controller?.terminate();
  }

  /** Takes the connection from a reader that does not read. */
  cut(): void {
    this.#response.destroy();
  }

  #passed(): void {
    this.#waitingBytes -= this.#waiting.shift() ?? 0;
    if (this.#full && this.#waiting.length <= MAX_WAITING / 2 && this.#waitingBytes <= MAX_WAITING_BYTES / 2) {
      this.#full = false;
      this.#room();
    }
  }

  #room(): void {
    if (this.ready && !this.#ended) this.#onRoom();
  }
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

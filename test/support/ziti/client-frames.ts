import { encodeFrame } from '../../../shared/overlay/ziti/wire/encode.ts';
import type { Frame } from '../../../shared/overlay/ziti/wire/frame.ts';
import { CONTENT, contentName, HEADER } from '../../../shared/overlay/ziti/wire/ids.ts';
import { FrameReader } from '../../../shared/overlay/ziti/wire/reader.ts';
import type { RawPeer } from '../raw-router.ts';

/** How long a client may take for what a recorded one took milliseconds for. */
const PATIENCE_MS = 60_000;
/** Sequences of frames that the script adds of its own; a recorded router never came so far. */
const OWN_SEQUENCES = 1_000_000;

/** What a client sends, to be asked for in any order. Probes are answered and not shown. */
export class ClientFrames {
  readonly #peer: RawPeer;
  readonly #frames: Frame[] = [];
  readonly #closed = Promise.withResolvers<void>();
  #isClosed = false;
  #changed = Promise.withResolvers<void>();
  #ownSequence = OWN_SEQUENCES;

  constructor(peer: RawPeer) {
    this.#peer = peer;
    void this.#read()
      .then(this.#closed.resolve, this.#closed.reject)
      .finally(() => {
        this.#isClosed = true;
        this.#announce();
      });
    this.#closed.promise.catch(() => undefined);
  }

  /** The first frame, of those not yet taken, that fits; waits for it. `what` is for the error when it does not come. */
  async take(fits: (frame: Frame) => boolean, what: string): Promise<Frame> {
    const limit = setTimeout(() => this.#changed.reject(new Error(`the client did not send ${what}; ${this.#waiting()}`)), PATIENCE_MS);
    try {
      for (;;) {
        const at = this.#frames.findIndex(fits);
        const [found] = at < 0 ? [] : this.#frames.splice(at, 1);
        if (found) return found;
        if (this.#isClosed) throw new Error(`the client closed the channel before it sent ${what}; ${this.#waiting()}`);
        await this.#changed.promise;
      }
    } finally {
      clearTimeout(limit);
    }
  }

  /** When the client has closed: all that nobody took. Throws when it sent what is no frame. */
  async rest(): Promise<Frame[]> {
    await this.#closed.promise;
    return this.#frames;
  }

  #waiting(): string {
    return `not asked for: ${this.#frames.map(({ type }) => contentName(type)).join(', ') || 'nothing'}`;
  }

  async #read(): Promise<void> {
    const reader = new FrameReader();
    for (let bytes = await this.#next(); bytes; bytes = await this.#next()) {
      for (const frame of reader.push(bytes)) {
        if (frame.type === CONTENT.latency) await this.#answer(frame);
        else this.#frames.push(frame);
      }
      this.#announce();
    }
  }

  /** The bytes of the next frame; undefined when the client has closed. */
  #next(): Promise<Buffer | undefined> {
    return this.#peer.frame().catch(() => undefined);
  }

  #announce(): void {
    const { resolve } = this.#changed;
    this.#changed = Promise.withResolvers<void>();
    resolve();
  }

  /** A client that closes meanwhile needs none. */
  async #answer({ sequence, headers }: Frame): Promise<void> {
    const echoed = headers.get(HEADER.reflected);
    const result = {
      type: CONTENT.result,
      headers: [
        [HEADER.replyFor, sequence],
        [HEADER.resultSuccess, true],
        ...(echoed ? [[HEADER.reflected, echoed] as const] : []),
      ] as const,
    };
    this.#ownSequence += 1;
    await this.#peer.send(encodeFrame(result, this.#ownSequence)).catch(() => undefined);
  }
}

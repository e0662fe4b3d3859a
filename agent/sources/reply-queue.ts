import type { Decoded } from '../decoding.ts';
import { deliver } from './delivery.ts';
import type { Intake } from './source.ts';
import type { SourceTally } from './tally.ts';

interface Pending {
  bytes: number;
  /** Undefined until the part is on disk or refused; then what the device is told, if anything. */
  reply: Uint8Array | null | undefined;
}

/**
 * Parts of one stream on their way to disk. They are handed to the intake as they come, many at a time, so that one commit serves
 * them all; replies are written in the order of the parts, each after its part is stored or refused, those of one commit together.
 */
export class ReplyQueue {
  readonly #intake: Intake;
  readonly #tally: SourceTally;
  readonly #write: (replies: Uint8Array) => void;
  readonly #settled: () => void;
  #pending: Pending[] = [];
  #bytes = 0;
  #flushing = false;

  /** `write` takes replies; `settled` is called whenever the queue has become shorter. */
  constructor(intake: Intake, tally: SourceTally, write: (replies: Uint8Array) => void, settled: () => void) {
    this.#intake = intake;
    this.#tally = tally;
    this.#write = write;
    this.#settled = settled;
  }

  /** Parts not yet settled. */
  get length(): number {
    return this.#pending.length;
  }

  /** Bytes of the stream that they came from, at most. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Hands a part in; `bytes` is what it took of the stream. Resolves to whether it is on disk. */
  accept(part: Decoded, bytes: number): Promise<boolean> {
    const pending: Pending = { bytes, reply: undefined };
    this.#pending.push(pending);
    this.#bytes += bytes;
    return deliver(part, this.#intake, this.#tally).then((stored) => {
      // Only the reply that is given is looked at: making one may be work.
      pending.reply = (stored ? part.reply?.stored : part.reply?.failed) ?? null;
      this.#scheduleFlush();
      return stored;
    });
  }

  // Everything that one commit settled is settled within one turn of the microtask queue; nextTick comes after it.
  #scheduleFlush(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    process.nextTick(() => {
      this.#flushing = false;
      this.#flush();
    });
  }

  #flush(): void {
    const waiting = this.#pending.findIndex(({ reply }) => reply === undefined);
    const settled = this.#pending.splice(0, waiting === -1 ? this.#pending.length : waiting);
    const replies: Uint8Array[] = [];
    for (const { bytes, reply } of settled) {
      this.#bytes -= bytes;
      if (reply && reply.byteLength > 0) replies.push(reply);
    }
    const [first, ...others] = replies;
    if (first) this.#write(others.length === 0 ? first : Buffer.concat(replies));
    if (settled.length > 0) this.#settled();
  }
}

import { FLOW } from './contract.ts';

/** `grants`: an end of ours, which says how much it takes. `none`: one that never will. `unknown`: nothing has come from it so far. */
export type PeerFlow = 'grants' | 'none' | 'unknown';

/** Less is not sent as long as more than that is waiting: room comes back in large steps, and a trickle costs a frame each. */
const LEAST_PART_BYTES = 4096;
/** From here on the native cipher, which takes multiples of 8 (openziti-wire.md §10.4), saves more than a frame for the rest costs. */
const SPLIT_FROM_BYTES = 16 * 1024;

/** What a Data frame with a body of that length counts against a window; its stream header counts nothing. */
export function costOf(bodyBytes: number): number {
  return bodyBytes === 0 ? 0 : bodyBytes + FLOW.FRAME_BYTES;
}

/** How much one end may send. Counts as `FLOW` says. */
export class Outflow {
  #peer: PeerFlow;
  #sent = 0;
  /** What the other end allowed in all. */
  #allowed: number = FLOW.INITIAL_BYTES;
  /** What the router is known to have read, and what it will have read when the last probe is answered. */
  #confirmed = 0;
  #probed = 0;
  #channelHeld = false;

  constructor(peer: PeerFlow) {
    this.#peer = peer;
  }

  get peer(): PeerFlow {
    return this.#peer;
  }

  /**
   * The other end grants that many units more. An end of ours never has more than a window granted and unused; what
   * goes beyond is not believed.
   */
  granted(units: number): void {
    this.#peer = 'grants';
    this.#allowed = Math.min(this.#allowed + units * FLOW.UNIT_BYTES, this.#sent + FLOW.WINDOW_BYTES);
  }

  /** Something came that no end of ours would send before its first grant. */
  heardFromStranger(): void {
    if (this.#peer === 'unknown') this.#peer = 'none';
  }

  /**
   * As long as our own side does not read from the channel, no probe is answered. A reader that waits for its own writing, as one that
   * sends back what comes, would then wait for itself: so meanwhile the socket alone bounds what is sent.
   */
  channelHeld(held: boolean): void {
    this.#channelHeld = held;
  }

  /** Bytes to send in the next frame when `waiting` ones are there and each frame gets `overhead` bytes longer; 0 when it must wait. */
  next(waiting: number, overhead: number): number {
    const chunkBytes = this.#peer === 'grants' ? FLOW.CHUNK_BYTES : FLOW.FOREIGN_CHUNK_BYTES;
    const most = Math.min(this.#room - overhead - FLOW.FRAME_BYTES, chunkBytes);
    if (waiting > most) return most < LEAST_PART_BYTES ? 0 : most - (most % 8);
    return waiting >= SPLIT_FROM_BYTES && overhead > 0 ? waiting - (waiting % 8) : waiting;
  }

  sent(bodyBytes: number): void {
    this.#sent += costOf(bodyBytes);
  }

  /** True when the router should be asked for a sign that it has read what was sent: every so often, so that the signs come evenly. */
  get probeDue(): boolean {
    return this.#peer !== 'grants' && this.#sent - this.#probed >= FLOW.INITIAL_BYTES / 2;
  }

  /** A probe goes out behind all that was sent; what is returned is to be given to `probeAnswered`. */
  probeSent(): number {
    this.#probed = this.#sent;
    return this.#probed;
  }

  probeAnswered(sent: number): void {
    this.#confirmed = Math.max(this.#confirmed, sent);
  }

  get #room(): number {
    if (this.#peer === 'grants') return this.#allowed - this.#sent;
    if (this.#channelHeld) return FLOW.WINDOW_BYTES;
    return (this.#peer === 'none' ? FLOW.WINDOW_BYTES : FLOW.INITIAL_BYTES) - (this.#sent - this.#confirmed);
  }
}

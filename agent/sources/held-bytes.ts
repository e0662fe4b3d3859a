/** One who holds bytes of unfinished messages, and can be made to give them up. */
interface Holder {
  giveUp(): void;
}

/**
 * The bytes that all connections of a server together hold of unfinished messages. When they are too many, whoever holds most gives
 * them up, and not whoever comes last: that one may be a good sender beside a flooder.
 */
export class HeldBytes {
  readonly #limit: number;
  readonly #held = new Map<Holder, number>();
  #total = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Says how much one holds now. May make anybody, this one too, give up what it has. */
  set(holder: Holder, bytes: number): void {
    this.#total += bytes - (this.#held.get(holder) ?? 0);
    if (bytes > 0) this.#held.set(holder, bytes);
    else this.#held.delete(holder);
    while (this.#total > this.#limit) this.#releaseLargest();
  }

  #releaseLargest(): void {
    let largest: Holder | undefined;
    let most = 0;
    for (const [holder, bytes] of this.#held) {
      if (bytes <= most) continue;
      most = bytes;
      largest = holder;
    }
    if (largest) this.#held.delete(largest);
    this.#total -= most;
    largest?.giveUp();
  }
}

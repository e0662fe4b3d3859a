/** Compares what devices were acknowledged with what a hub stores, a bit at a time, and keeps only what is open. */
export class Ledger {
  /** Matched so far. */
  stored = 0;
  readonly #acknowledged = new Set<string>();
  readonly #early = new Set<string>();
  #seen = new Set<string>();

  /** What a device was acknowledged since the last time. */
  acknowledge(facts: Iterable<string>): void {
    for (const fact of facts) if (!this.#matched(this.#early, fact)) this.#acknowledged.add(fact);
  }

  /**
   * Observations that the hub exports, with their ids; whatever it stored since this was called the time before last, and may be more. One that
   * stands in two exports that follow each other counts once, one that stands twice in the store never comes to be matched.
   */
  store(exported: Iterable<{ id: string; fact: string }>): void {
    const seen = new Set<string>();
    for (const { id, fact } of exported) {
      seen.add(id);
      if (!this.#seen.has(id) && !this.#matched(this.#acknowledged, fact)) this.#early.add(fact);
    }
    this.#seen = seen;
  }

  /** Acknowledged, and not in the hub yet. */
  get missing(): number {
    return this.#acknowledged.size;
  }

  /** In the hub without having been acknowledged, or twice; what is on its way to be acknowledged as well. */
  get unasked(): number {
    return this.#early.size;
  }

  #matched(open: Set<string>, fact: string): boolean {
    const isOpen = open.delete(fact);
    this.stored += Number(isOpen);
    return isOpen;
  }
}

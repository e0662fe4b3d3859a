/** Lets one loop sleep until something happens or a time is over; what happened before it fell asleep is not missed. */
export class Wake {
  #happened = false;
  #resume: (() => void) | undefined;

  notify(): void {
    this.#happened = true;
    this.#resume?.();
  }

  /** Resolves at the next `notify`, at once when there was one since the last wait, or after `limitMs`. */
  async wait(limitMs?: number): Promise<void> {
    if (!this.#happened) {
      await new Promise<void>((resolve) => {
        const timer = limitMs === undefined ? undefined : setTimeout(resolve, limitMs);
        this.#resume = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.#resume = undefined;
    }
    this.#happened = false;
  }
}

/** No commit is worth waiting longer for. */
const MOST_MS = 25;
/** Timers count in whole milliseconds. */
const LEAST_MS = 1;

/**
 * Whether the next appends had better wait for those that are about to come. Most senders send the next message when the last one is
 * acknowledged: while their commit is on its way the others gather, and two groups take turns. On a disk whose commits take much longer than
 * the senders to come again that halves what it stores; then all go together. Told the time, monotonic in ms; asks nobody.
 */
export class Pace {
  /** Appends so far, and those of the last answer that come again. */
  #came = 0;
  #awaited: { sinceMs: number; came: number } | undefined;
  /** How long those of an answer took to come again. */
  #backMs = Number.POSITIVE_INFINITY;
  /** How long the last commit took. */
  #commitMs = 0;
  #untilMs = Number.NEGATIVE_INFINITY;
  #until = 0;
  #isSlow = false;

  /** Commits take so long that all senders had better share one. */
  get isSlow(): boolean {
    return this.#isSlow;
  }

  /** An append came. */
  came(nowMs: number): void {
    this.#came += 1;
    if (!this.#awaited || this.#came < this.#awaited.came) return;
    this.#backMs = nowMs - this.#awaited.sinceMs;
    this.#awaited = undefined;
  }

  /** So many appends were answered, after a commit of so many milliseconds. */
  answered(nowMs: number, appends: number, commitMs: number): void {
    this.#commitMs = commitMs;
    const waitedMs = nowMs - (this.#awaited?.sinceMs ?? nowMs);
    // They do not come again, or not soon.
    if (waitedMs > this.#backMs) this.#backMs = waitedMs;
    if (!this.#awaited || waitedMs > commitMs) this.#awaited = { sinceMs: nowMs, came: this.#came + appends };
    // Half of them take half as long to come again, and while all go together all are waited for.
    this.#isSlow = commitMs > (this.#isSlow ? 1 : 2) * this.#backMs;
    this.#until = this.#came + appends;
    this.#untilMs = nowMs + Math.min(MOST_MS, 1.5 * this.#backMs);
  }

  /** How long what gathered had better wait, unless a commit is under way: 0 when it had better go. */
  waitMs(nowMs: number): number {
    if (!this.isSlow || this.#came >= this.#until || nowMs >= this.#untilMs) return 0;
    return Math.max(LEAST_MS, this.#untilMs - nowMs);
  }

  /** How long it had better wait for a commit that is under way: 0 when it had better go, to be the next. */
  holdMs(nowMs: number, sentMs: number): number {
    // Appends that wait for room keep nobody who has some.
    return this.isSlow ? Math.max(0, sentMs + Math.min(4 * MOST_MS, 2 * this.#commitMs) - nowMs) : 0;
  }
}

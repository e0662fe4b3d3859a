/** A timer that comes later by this part of its time shows that the process stood still. */
const STOOD_STILL = 0.5;

/** Whether a timer of `limitMs`, set at `sinceMs` of `performance.now()` and called now, comes so late that the process stood still meanwhile. */
export function stoodStill(sinceMs: number, limitMs: number): boolean {
  return performance.now() - sinceMs > limitMs * (1 + STOOD_STILL);
}

/**
 * Judges the silence of somebody else: calls `onOver` once when `limitMs` have passed since the last `refresh`, unless it is disposed before. A
 * time in which this process stood still is nobody's silence: what came meanwhile is still unread, so the limit begins anew.
 */
export class AwakeLimit implements Disposable {
  readonly #limitMs: number;
  readonly #onOver: () => void;
  #timer: NodeJS.Timeout | undefined;
  #sinceMs = 0;
  /** Counts refreshments, so that a judgement that has become one of the past finds that out. */
  #round = 0;

  constructor(limitMs: number, onOver: () => void) {
    this.#limitMs = limitMs;
    this.#onOver = onOver;
    this.refresh();
  }

  refresh(): void {
    this[Symbol.dispose]();
    this.#sinceMs = performance.now();
    this.#timer = setTimeout(() => this.#due(), this.#limitMs);
  }

  [Symbol.dispose](): void {
    this.#round += 1;
    clearTimeout(this.#timer);
  }

  #due(): void {
    if (stoodStill(this.#sinceMs, this.#limitMs)) {
      this.refresh();
      return;
    }
    const round = this.#round;
    // Timers come before what the socket has received.
    setImmediate(() => {
      if (this.#round === round) this.#onOver();
    });
  }
}

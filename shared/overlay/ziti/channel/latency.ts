import type { OutgoingFrame } from '../wire/encode.ts';
import { CONTENT, HEADER } from '../wire/ids.ts';

/** A probe of the way to the router and back; its answer carries the same time (openziti-wire.md §5). */
export function latencyFrame(): OutgoingFrame {
  const sentAt = Buffer.alloc(8);
  sentAt.writeBigUInt64LE(BigInt(Date.now()) * 1_000_000n);
  return { type: CONTENT.latency, headers: [[HEADER.reflected, sentAt]] };
}

export interface LivenessOptions {
  /** Time between probes; they go out whatever else does. */
  everyMs: number;
  /** How long the router may be silent behind a probe. */
  timeoutMs: number;
  /** Sends a probe. Disposing what it returns gives the answer up. */
  probe: (onAnswer: () => void) => Disposable;
  /** Whether this side reads at all. */
  isReading: () => boolean;
  onSilence: () => void;
}

/**
 * Finds out that a router is gone: the client alone probes (openziti-wire.md §0.8). A router that has bulk to deliver ahead of its
 * answer is alive, and so is one whom this side does not read.
 */
export class Liveness implements Disposable {
  readonly #options: LivenessOptions;
  readonly #interval: NodeJS.Timeout;
  #deadline: NodeJS.Timeout | undefined;
  #probe: Disposable | undefined;
  #signs = 0;

  constructor(options: LivenessOptions) {
    this.#options = options;
    this.#interval = setInterval(() => this.#send(), options.everyMs).unref();
  }

  /** Something was read, or reading has just begun again. */
  sign(): void {
    this.#signs += 1;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#interval);
    this.#answered();
  }

  #send(): void {
    if (this.#probe) return;
    this.#probe = this.#options.probe(() => this.#answered());
    this.#watch();
  }

  #answered(): void {
    clearTimeout(this.#deadline);
    this.#probe?.[Symbol.dispose]();
    this.#probe = undefined;
  }

  #watch(): void {
    const before = this.#signs;
    this.#deadline = setTimeout(() => {
      // After a time in which the process stood still, timers come before what the socket has received meanwhile.
      setImmediate(() => this.#judge(before));
    }, this.#options.timeoutMs).unref();
  }

  #judge(signsBefore: number): void {
    if (!this.#probe) return;
    if (this.#signs === signsBefore && this.#options.isReading()) this.#options.onSilence();
    else this.#watch();
  }
}

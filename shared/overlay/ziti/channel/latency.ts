import type { OutgoingFrame } from '../wire/encode.ts';
import { CONTENT, HEADER } from '../wire/ids.ts';
import { Patience } from './patience.ts';

/** A probe of the way to the router and back; its answer carries the same time (openziti-wire.md §5). */
export function latencyFrame(): OutgoingFrame {
  const sentAt = Buffer.alloc(8);
  sentAt.writeBigUInt64LE(BigInt(Date.now()) * 1_000_000n);
  return { type: CONTENT.latency, headers: [[HEADER.reflected, sentAt]] };
}

export interface LivenessOptions {
  /** Time between probes; they go out whatever else does. */
  everyMs: number;
  /** How long the router may be silent behind a probe; one that delivers without an answer gets up to `MOST_LIMITS` times that. */
  timeoutMs: number;
  /** Sends a probe. Disposing what it returns gives the answer up. */
  probe: (onAnswer: () => void) => Disposable;
  /** Whether this side reads at all. */
  isReading: () => boolean;
  onSilence: () => void;
}

/** Two minutes as it comes: over a line of 5 kB/s a probe needs so long to get behind half a megabyte of what is sent ahead of it. */
export const MOST_LIMITS = 12;

/**
 * Finds out that a router is gone: the client alone probes (openziti-wire.md §0.8). A router that has bulk to deliver ahead of its
 * answer is alive, and so is one whom this side does not read; one that delivers for ever and answers nothing does not read.
 */
export class Liveness implements Disposable {
  readonly #options: LivenessOptions;
  readonly #interval: NodeJS.Timeout;
  readonly #patience: Patience;
  #probe: Disposable | undefined;
  #signs = 0;

  constructor(options: LivenessOptions) {
    this.#options = options;
    const { timeoutMs: limitMs, isReading, onSilence: onOver } = options;
    this.#patience = new Patience({ limitMs, isReading, signs: () => this.#signs, leastSigns: 1, mostLimits: MOST_LIMITS, onOver });
    this.#interval = setInterval(() => this.probeNow(), options.everyMs).unref();
  }

  /** Something was read, or reading has just begun again. */
  sign(): void {
    this.#signs += 1;
  }

  /** Probes before its time, unless an answer is awaited already. */
  probeNow(): void {
    if (this.#probe) return;
    this.#probe = this.#options.probe(() => this.#answered());
    this.#patience.begin();
  }

  [Symbol.dispose](): void {
    clearInterval(this.#interval);
    this.#answered();
  }

  #answered(): void {
    this.#patience.end();
    this.#probe?.[Symbol.dispose]();
    this.#probe = undefined;
  }
}

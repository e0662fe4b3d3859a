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
  /** How long nothing may come before a probe goes out; and the time between probes while what was sent waits for the router to take it. */
  everyMs: number;
  /** How long the router may be silent behind a probe; one that delivers without an answer gets up to `MOST_LIMITS` times that. */
  timeoutMs: number;
  /** Sends a probe. Disposing what it returns gives the answer up. */
  probe: (onAnswer: () => void) => Disposable;
  /** Whether this side reads at all. */
  isReading: () => boolean;
  /** Whether something waits at the socket that the router has not taken. */
  isSending: () => boolean;
  onSilence: () => void;
}

/** Two minutes as it comes: over a line of 5 kB/s a probe needs so long to get behind half a megabyte of what is sent ahead of it. */
export const MOST_LIMITS = 12;

/** A router that delivers without end is probed all the same, after so many times `everyMs`: it may have stopped reading. */
export const MOST_INTERVALS = 4;

/** An interval is counted in so many ticks: so much earlier than it may have to, by a tick at most, a probe goes out. */
const TICKS = 6;

/**
 * Finds out that a router is gone: the client alone probes (openziti-wire.md §0.8), when nothing has come for a while, because what comes
 * shows as much as an answer and costs nothing on a metered line. A router that has bulk to deliver ahead of its answer is alive, and so is
 * one whom this side does not read; one that delivers for ever and answers nothing does not read.
 */
export class Liveness implements Disposable {
  readonly #options: LivenessOptions;
  readonly #patience: Patience;
  readonly #interval: NodeJS.Timeout;
  #probe: Disposable | undefined;
  #signs = 0;
  /** Signs at the last tick. */
  #noted = 0;
  /** Ticks since the last sign, the last probe and the last answer. */
  #quiet = 0;
  #unasked = 0;
  #unproven = 0;

  constructor(options: LivenessOptions) {
    this.#options = options;
    const { timeoutMs: limitMs, isReading, onSilence: onOver } = options;
    this.#patience = new Patience({ limitMs, isReading, signs: () => this.#signs, leastSigns: 1, mostLimits: MOST_LIMITS, onOver });
    this.#interval = setInterval(() => this.#tick(), options.everyMs / TICKS).unref();
  }

  /** Something was read, or reading has just begun again. */
  sign(): void {
    this.#signs += 1;
  }

  /** Probes before its time, unless an answer is awaited already. */
  probeNow(): void {
    if (this.#probe) return;
    this.#unasked = 0;
    this.#probe = this.#options.probe(() => {
      this.#quiet = 0;
      this.#unproven = 0;
      this.#answered();
    });
    this.#patience.begin();
  }

  [Symbol.dispose](): void {
    clearInterval(this.#interval);
    this.#answered();
  }

  #tick(): void {
    // The sign may be as old as the tick is long.
    this.#quiet = this.#signs === this.#noted ? this.#quiet + 1 : 1;
    this.#noted = this.#signs;
    this.#unasked += 1;
    this.#unproven += 1;
    const isStuck = this.#unasked >= TICKS && this.#options.isSending();
    if (this.#quiet >= TICKS || this.#unproven >= MOST_INTERVALS * TICKS || isStuck) this.probeNow();
  }

  #answered(): void {
    this.#patience.end();
    this.#probe?.[Symbol.dispose]();
    this.#probe = undefined;
  }
}

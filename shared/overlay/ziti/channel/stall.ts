import type { FrameSource } from './contract.ts';
import { Patience } from './patience.ts';

export interface StallOptions {
  /** How long the router may leave bulk unread; three times that when it delivers bulk itself ahead of its answers. */
  stallMs: number;
  /** Sends a probe behind all that was sent. */
  probe: (onAnswer: () => void) => void;
  /** Whether this side reads at all. */
  isReading: () => boolean;
  /** Called once for each stall, with the source that is the cause of it, if that can be told. */
  onStall: (cause: FrameSource | undefined) => void;
}

/** One source's bytes that the router may not have read, up to a position in all the bulk of the channel. */
interface Piece {
  source: FrameSource;
  bytes: number;
  end: number;
}

/** So much bulk is sent behind each probe: on a slow way to the router an answer comes all the same every few seconds. */
const STEP_BYTES = 128 * 1024;
/** A router that delivers so much within the time may have its answer behind that. */
const SIGN_BYTES = 64 * 1024;
/** Who is blamed has at least so much under way: three quarters of what one connection may have. */
const LEAST_BLAMED_BYTES = 768 * 1024;

/**
 * Finds out that the router has stopped reading the channel. A router does that when one connection is not read at its other end and
 * more than its window (4 MiB) was sent; then all others of the channel stand still until the channel ends, and it does not even read that the one was closed
 * (openziti-wire.md §10.1). Because a router reads in order, the frame that stopped it lies in front of the first probe without an answer.
 */
export class StallWatch {
  readonly #options: StallOptions;
  readonly #patience: Patience;
  /** What was sent and not confirmed, in order. */
  #pieces: Piece[] = [];
  /** Positions of the probes without an answer, in order. */
  #probes: number[] = [];
  #sent = 0;
  #probed = 0;
  #signs = 0;
  #over = false;

  constructor(options: StallOptions) {
    this.#options = options;
    const { stallMs: limitMs, isReading } = options;
    const signs = (): number => this.#signs;
    this.#patience = new Patience({
      limitMs,
      isReading,
      signs,
      leastSigns: SIGN_BYTES,
      mostLimits: 3,
      onOver: () => options.onStall(this.#cause()),
    });
  }

  /** A frame of bulk was handed to the socket. */
  sent(source: FrameSource, bytes: number): void {
    if (this.#over) return;
    this.#sent += bytes;
    const last = this.#pieces.at(-1);
    // Pieces do not reach across a probe, so that its answer confirms whole ones.
    if (last?.source === source && last.end > this.#probed) {
      last.bytes += bytes;
      last.end = this.#sent;
    } else this.#pieces.push({ source, bytes, end: this.#sent });
    if (this.#sent - this.#probed >= STEP_BYTES) this.#probe();
  }

  received(bytes: number): void {
    this.#signs += bytes;
  }

  /** This side has not read for a while, and does again. */
  readingAgain(): void {
    this.#signs += SIGN_BYTES;
  }

  end(): void {
    this.#over = true;
    this.#patience.end();
    this.#pieces = [];
    this.#probes = [];
  }

  #probe(): void {
    const position = this.#sent;
    this.#probed = position;
    this.#probes.push(position);
    if (this.#probes.length === 1) this.#patience.begin();
    this.#options.probe(() => this.#answered(position));
  }

  #answered(position: number): void {
    if (this.#over) return;
    this.#probes = this.#probes.filter((probe) => probe > position);
    const unread = this.#pieces.findIndex(({ end }) => end > position);
    this.#pieces.splice(0, unread === -1 ? this.#pieces.length : unread);
    if (this.#probes.length > 0) this.#patience.begin();
    else this.#patience.end();
  }

  #cause(): FrameSource | undefined {
    const [stoppedBefore = 0] = this.#probes;
    const suspects = new Map<FrameSource, number>();
    for (const { source, end } of this.#pieces) if (end <= stoppedBefore) suspects.set(source, source.waitingBytes ?? 0);
    for (const { source, bytes } of this.#pieces) {
      const counted = suspects.get(source);
      if (counted !== undefined) suspects.set(source, counted + bytes);
    }
    const [most] = [...suspects].sort(([, a], [, b]) => b - a);
    return most && most[1] >= LEAST_BLAMED_BYTES ? most[0] : undefined;
  }
}

import type { DiscardedRun, FramingEvent } from './framing.ts';

/** A run of noise is told of at this length even if it goes on: a line with the wrong baud rate shows within seconds. */
const REPORT_BYTES = 4096;

/** How many limits' worth of one oversized message make a report of their own. */
const OVERSIZED_LIMITS = 16;

/** Counts bytes that belong to no frame, and tells of each run when it ends, so that the report does not depend on how the stream was cut. */
export class Discarded {
  readonly #oversizedReportBytes: number;
  #reason: DiscardedRun['reason'] = 'garbage';
  #bytes = 0;
  #head: Uint8Array | undefined;

  constructor(maxFrameBytes: number) {
    this.#oversizedReportBytes = Math.max(REPORT_BYTES, OVERSIZED_LIMITS * maxFrameBytes);
  }

  /** Adds to the run of this reason; another reason, or a `head`, begins a new run. */
  add(events: FramingEvent[], reason: DiscardedRun['reason'], bytes: number, head?: Uint8Array): void {
    if (bytes === 0) return;
    if (reason !== this.#reason || head !== undefined) this.flush(events);
    this.#reason = reason;
    this.#head ??= head;
    this.#bytes += bytes;
    const reportBytes = reason === 'oversized' ? this.#oversizedReportBytes : REPORT_BYTES;
    for (let over = this.#bytes; over >= reportBytes; over = this.#bytes) {
      this.#bytes = reportBytes;
      this.flush(events);
      this.#bytes = over - reportBytes;
    }
  }

  /** Ends the run. */
  flush(events: FramingEvent[]): void {
    if (this.#bytes > 0) {
      events.push({ discarded: { reason: this.#reason, bytes: this.#bytes, ...(this.#head ? { head: this.#head } : {}) } });
    }
    this.#bytes = 0;
    this.#head = undefined;
  }
}

import { FLOW } from './contract.ts';
import { costOf } from './outflow.ts';

/** Smaller grants are saved up: a grant frame is worth sending for a quarter of the window. */
const GRANT_STEP_BYTES = FLOW.WINDOW_BYTES / 4;

/** What has come and was not read, and what the other end is granted for it. Counts as `FLOW` says. */
export class Inflow {
  #arrived = 0;
  #consumed = 0;
  #granted: number = FLOW.INITIAL_BYTES;
  #isGranting = false;
  /** Set when the other end knows of our grants: what may have come in all by then. */
  #tolerated: number | undefined;

  get unreadBytes(): number {
    return this.#arrived - this.#consumed;
  }

  get isGranting(): boolean {
    return this.#isGranting;
  }

  beginGranting(): void {
    this.#isGranting = true;
  }

  /** The other end has heard of our grants: from now on it is held to them. What it sent before it had, it sent in good faith. */
  enforce(): void {
    this.#tolerated ??= this.#arrived;
  }

  /** Takes note of a body. False when its sender had no right to send it. */
  arrived(bodyBytes: number): boolean {
    this.#arrived += costOf(bodyBytes);
    return this.#tolerated === undefined || this.#arrived <= Math.max(this.#granted, this.#tolerated);
  }

  consumed(bodyBytes: number): void {
    this.#consumed += costOf(bodyBytes);
  }

  /** Units to be granted now, taken as granted; 0 when it is not time. */
  takeGrant(): number {
    const open = this.#consumed + FLOW.WINDOW_BYTES - this.#granted;
    if (!this.#isGranting || open < GRANT_STEP_BYTES) return 0;
    const units = Math.floor(open / FLOW.UNIT_BYTES);
    this.#granted += units * FLOW.UNIT_BYTES;
    return units;
  }
}

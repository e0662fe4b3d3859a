import type { Wire } from '../agent/sources/support.ts';
import { oximeterFrame } from './fabric-site.ts';

/** An oximeter that sends faster than any real one does, no two frames alike, until it is told to stop. */
export class Oximeter implements Disposable {
  readonly #sent: string[] = [];
  readonly #timer: NodeJS.Timeout;

  constructor(wire: Wire, everyMs = 10) {
    this.#timer = setInterval(() => wire.send(this.#next()), everyMs);
  }

  /** Everything that was sent, as `storedValues` shows it. */
  finish(): string[] {
    clearInterval(this.#timer);
    return this.#sent;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  #next(): Buffer {
    const count = this.#sent.length / 2;
    const [pulse, saturation] = [30 + (count % 280), 50 + (Math.floor(count / 280) % 50)];
    this.#sent.push(`8867-4 ${pulse}`, `2708-6 ${saturation}`);
    return oximeterFrame(pulse, saturation);
  }
}

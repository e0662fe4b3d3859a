import { statfsSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { Clock } from '../../shared/clock.ts';
import { diskLimit, diskRoom } from './room.ts';

/** Free space of the disk is asked for at most so often. */
const EVERY_MS = 5_000;

/** What the disk below an outbox leaves to it. */
export class DiskRoom {
  readonly #path: string;
  readonly #maxBytes: number;
  readonly #clock: Clock;
  #limitBytes: number;
  #roomBytes = Number.POSITIVE_INFINITY;
  #lookedAtMs = Number.NEGATIVE_INFINITY;

  constructor(path: string, maxBytes: number, clock: Clock) {
    this.#path = path;
    this.#maxBytes = maxBytes;
    this.#limitBytes = maxBytes;
    this.#clock = clock;
  }

  /** How large the file may become. */
  get limitBytes(): number {
    return this.#limitBytes;
  }

  /** How large it can become with what is free now. */
  get roomBytes(): number {
    return this.#roomBytes;
  }

  /** Whether it is time to ask the disk again. */
  get isDue(): boolean {
    return this.#clock.monotonicMs() - this.#lookedAtMs >= EVERY_MS;
  }

  /** `fileBytes`: how large it is, without its log. */
  look(fileBytes: number): void {
    if (!this.isDue) return;
    this.#lookedAtMs = this.#clock.monotonicMs();
    try {
      const { blocks, bavail, bsize } = statfsSync(dirname(resolve(this.#path)));
      const disk = { totalBytes: blocks * bsize, freeBytes: bavail * bsize };
      this.#limitBytes = Math.min(this.#maxBytes, diskLimit(disk, fileBytes));
      const logBytes = statSync(`${this.#path}-wal`, { throwIfNoEntry: false })?.size ?? 0;
      this.#roomBytes = diskRoom(disk, fileBytes, logBytes);
    } catch {
      // A disk that does not say how full it is says so when it is.
    }
  }
}

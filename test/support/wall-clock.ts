import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { AskedProcess } from './fabric-site.ts';

const PRELOAD = pathToFileURL(join(import.meta.dirname, 'wall-clock-child.ts')).href;
/** A process that is asked answers within so long, on however slow a machine. */
const TOLERANCE_MS = 60_000;

/** The wall clock of a program that runs as a process of its own, for a test to set. */
export class WallClock {
  readonly #file: string;

  /** In this folder; it begins so far ahead of the true time. */
  constructor(folder: string, name: string, aheadMs = 0) {
    this.#file = join(folder, `${name}.clock`);
    this.#write(aheadMs);
  }

  /** What `start` starts before its first wait goes by this clock. */
  governs<T>(start: () => T): T {
    const { NODE_OPTIONS } = process.env;
    process.env.WALL_CLOCK_FILE = this.#file;
    process.env.NODE_OPTIONS = `${NODE_OPTIONS ?? ''} --import=${PRELOAD}`;
    try {
      return start();
    } finally {
      delete process.env.WALL_CLOCK_FILE;
      if (NODE_OPTIONS === undefined) delete process.env.NODE_OPTIONS;
      else process.env.NODE_OPTIONS = NODE_OPTIONS;
    }
  }

  /** Sets it so far ahead of the true time; resolves when the program has seen it, whether or not it believes it. */
  async set(aheadMs: number, program: Pick<AskedProcess<{ now: number; clock: { machine: number } | null }>, 'until'>): Promise<void> {
    this.#write(aheadMs);
    await program.until(({ now, clock }) => Math.abs((clock?.machine ?? now) - Date.now() - aheadMs) < TOLERANCE_MS);
  }

  /** In one step, for who reads it has no half of it. */
  #write(aheadMs: number): void {
    writeFileSync(`${this.#file}.new`, String(aheadMs));
    renameSync(`${this.#file}.new`, this.#file);
  }
}

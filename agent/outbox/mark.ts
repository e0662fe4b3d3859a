import { closeSync, fsyncSync, openSync, readSync, writeSync } from 'node:fs';

const DIGITS = 16;
const FORM = /^\d{16}\n$/;

/**
 * The highest row number that was committed, in a small file of its own beside the outbox: a log that was lost or cut short takes rows
 * with it without a trace in what is left. Written after each commit, without fsync: it may be behind, so it never raises a false
 * alarm, and it is not behind when only the process ended. An error with it is no reason to stop: without a mark there is no check.
 */
export class Mark implements Disposable {
  readonly #fd: number | undefined;
  #seq: number;

  constructor(path: string) {
    this.#fd = open(path);
    this.#seq = this.#fd === undefined ? 0 : read(this.#fd);
  }

  /** The number in the file; 0 when there is none. */
  get seq(): number {
    return this.#seq;
  }

  raise(seq: number): void {
    if (seq <= this.#seq || this.#fd === undefined) return;
    this.#seq = seq;
    attempt(this.#fd, (fd) => writeSync(fd, `${String(seq).padStart(DIGITS, '0')}\n`, 0, 'latin1'));
  }

  [Symbol.dispose](): void {
    if (this.#fd === undefined) return;
    attempt(this.#fd, fsyncSync);
    attempt(this.#fd, closeSync);
  }
}

function open(path: string): number | undefined {
  for (const flags of ['r+', 'wx+']) {
    try {
      return openSync(path, flags, 0o600);
    } catch {
      // The first way is for a file that is there, the second for one that is not.
    }
  }
  return undefined;
}

function read(fd: number): number {
  const bytes = Buffer.alloc(DIGITS + 1);
  const length = attempt(fd, (file) => readSync(file, bytes, 0, bytes.length, 0)) ?? 0;
  const text = bytes.toString('latin1', 0, length);
  return FORM.test(text) ? Number(text) : 0;
}

function attempt<T>(fd: number, work: (fd: number) => T): T | undefined {
  try {
    return work(fd);
  } catch {
    return undefined;
  }
}

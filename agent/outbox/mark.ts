import { closeSync, fsyncSync, openSync, readSync, writeSync } from 'node:fs';
import type { Instant } from '../../shared/clock.ts';
import type { Written } from './wear.ts';

const DIGITS = 16;
const LINE = DIGITS + 1;
const FORM = /^\d{16}\n$/;

/** What else is noted beside the highest row number. */
export interface Noted {
  /** When the oldest row came that waits, or may have waited lately; 0 when nobody knows. */
  oldestAt: Instant;
  written: Written;
}

/**
 * The highest row number that was committed, in a small file of its own beside the outbox: a log that was lost or cut short takes rows
 * with it without a trace in what is left. Written after each commit, without fsync: it may be behind, so it never raises a false
 * alarm, and it is not behind when only the process ended. What else is worth knowing of a file that is damaged is noted now and then.
 * An error with it is no reason to stop: without a mark there is no check.
 */
export class Mark implements Disposable {
  #fd: number | undefined;
  #noted: Noted;
  #seq: number;

  constructor(path: string) {
    this.#fd = open(path);
    const [seq = 0, oldestAt = 0, day = 0, today = 0, yesterday = 0] = this.#fd === undefined ? [] : read(this.#fd);
    this.#seq = seq;
    this.#noted = { oldestAt, written: { day, today, yesterday } };
  }

  /** The number in the file; 0 when there is none. */
  get seq(): number {
    return this.#seq;
  }

  /** As it was noted last. */
  get noted(): Noted {
    return this.#noted;
  }

  raise(seq: number): void {
    if (seq <= this.#seq || this.#fd === undefined) return;
    this.#seq = seq;
    this.#write([seq], 0);
  }

  note(noted: Noted): void {
    this.#noted = noted;
    const { oldestAt, written } = noted;
    const { day, today, yesterday } = written;
    this.#write([oldestAt, day, today, yesterday], LINE);
  }

  [Symbol.dispose](): void {
    if (this.#fd === undefined) return;
    attempt(this.#fd, fsyncSync);
    attempt(this.#fd, closeSync);
    // By its number another file may be open by now, and a commit that came with the end is told of behind it.
    this.#fd = undefined;
  }

  #write(numbers: readonly number[], at: number): void {
    if (this.#fd === undefined) return;
    const text = numbers.map((number) => `${String(number).padStart(DIGITS, '0')}\n`).join('');
    attempt(this.#fd, (fd) => writeSync(fd, text, at, 'latin1'));
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

/** The numbers of the lines, as far as they are whole. */
function read(fd: number): number[] {
  const bytes = Buffer.alloc(5 * LINE);
  const length = attempt(fd, (file) => readSync(file, bytes, 0, bytes.length, 0)) ?? 0;
  const numbers: number[] = [];
  for (let at = 0; at < length; at += LINE) {
    const line = bytes.toString('latin1', at, Math.min(length, at + LINE));
    if (!FORM.test(line)) break;
    numbers.push(Number(line));
  }
  return numbers;
}

function attempt<T>(fd: number, work: (fd: number) => T): T | undefined {
  try {
    return work(fd);
  } catch {
    return undefined;
  }
}

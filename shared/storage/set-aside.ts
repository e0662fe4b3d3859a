import { existsSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import SQLite from 'better-sqlite3-multiple-ciphers';
import type { Instant } from '../clock.ts';
import { type Cipher, unlock } from './connection.ts';
import { syncFolder } from './key-file.ts';
import { storageError } from './sqlite-errors.ts';

/** What SQLite keeps beside a file of this name, which belongs to it. */
const BESIDE = ['-wal', '-journal'] as const;
const MARK = '.damaged-';
const ASIDE = /^\.damaged-\d{8}T\d{6}Z(?:-\d+)?$/;

/**
 * Gives a damaged file another name, with the time in it, and its log with it; nothing is deleted. The file goes first: a log that is left
 * alone is taken for damage at the next opening, a file without its log would pass for whole. Returns the name. Throws as `node:fs` does.
 */
export function setAside(path: string, at: Instant): string {
  const stamp = `${new Date(at).toISOString().slice(0, 19).replace(/[-:]/g, '')}Z`;
  let to = `${path}${MARK}${stamp}`;
  for (let n = 2; ['', ...BESIDE].some((suffix) => existsSync(to + suffix)); n += 1) to = `${path}${MARK}${stamp}-${n}`;
  for (const suffix of ['', ...BESIDE]) if (existsSync(path + suffix)) renameSync(path + suffix, to + suffix);
  syncFolder(dirname(resolve(path)));
  return to;
}

/** Names of the files that were set aside from this one and are still there, the oldest first; without their folder. */
export function filesAside(path: string): string[] {
  const own = basename(path);
  const names = namesBeside(path).map((name) => BESIDE.reduce((short, suffix) => short.replace(suffix, ''), name));
  return [...new Set(names.filter((name) => name.startsWith(own) && ASIDE.test(name.slice(own.length))))].sort();
}

function namesBeside(path: string): string[] {
  try {
    return readdirSync(dirname(resolve(path)));
  } catch {
    // Whoever opens a file in it tells of what is wrong with the folder.
    return [];
  }
}

/** A damaged file, read as far as it can be; nothing of it is changed. A page that is not whole is an error and never data: each has a MAC. */
export class DamagedFile implements Disposable {
  readonly #path: string;
  readonly #connection: SQLite.Database;
  /** What reading it makes beside it; nothing is in it that was not there before. */
  readonly #made: readonly string[];

  /** `name` stands beside `path`. Throws STORAGE-* when nothing of it can be read. */
  constructor(path: string, name: string, key: Buffer, cipher: Cipher = 'sqlcipher') {
    this.#path = join(dirname(resolve(path)), name);
    this.#made = ['-wal', '-shm'].map((suffix) => this.#path + suffix).filter((file) => !existsSync(file));
    try {
      this.#connection = new SQLite(this.#path, { readonly: true, fileMustExist: true });
    } catch (thrown) {
      throw storageError(thrown);
    }
    try {
      unlock(this.#connection, this.#path, key, cipher);
      for (const pragma of ['trusted_schema = OFF', 'cell_size_check = ON', 'mmap_size = 0']) this.#connection.pragma(pragma);
    } catch (thrown) {
      this[Symbol.dispose]();
      throw storageError(thrown);
    }
  }

  /** Throws STORAGE-* when a page on the way is damaged, INTERNAL when there is no such table. */
  all<T>(sql: string, ...values: number[]): T[] {
    try {
      return this.#connection.prepare<number[], T>(sql).all(...values);
    } catch (thrown) {
      throw storageError(thrown);
    }
  }

  [Symbol.dispose](): void {
    this.#connection.close();
    for (const file of this.#made) rmSync(file, { force: true });
  }
}

import { closeSync, openSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import type SQLite from 'better-sqlite3-multiple-ciphers';
import { VitalmeshError } from '../errors.ts';
import { type Clock, systemClock } from '../machine-clock.ts';
import { type Cipher, LOG_PAGES, makeFolder, openConnection } from './connection.ts';
import { type Copied, type CopyOptions, copyLive } from './copy.ts';
import { readKeyFile } from './key-file.ts';
import { type Migration, migrate } from './migrations.ts';
import { acquireOwnerLock } from './owner-lock.ts';
import { settleRekey } from './rekey.ts';
import { setAside } from './set-aside.ts';
import { endsConnection, storageError } from './sqlite-errors.ts';

export interface DatabaseOptions {
  path: string;
  /** Path of the file that holds the data key; this or `key`. */
  keyFile?: string;
  /** The data key itself, 32 bytes. */
  key?: Buffer;
  migrations: readonly Migration[];
  /** AES-256 in SQLCipher 4's file format unless told. */
  cipher?: Cipher;
  /** Page cache of the connection, in KiB; 8192 unless told. */
  cacheKib?: number;
  /**
   * From so many pages on the log is moved into the file; 500 unless told. What changes again and again is written once for all that is in the log, so that a long one is less
   * work; but it takes room, and moving it is one piece of work for which the next commit waits.
   */
  logPages?: number;
  /** What is removed is written over with zeros, so that nothing of it stays in free space of the file; not unless told. */
  erases?: boolean;
  clock?: Clock;
  /**
   * Told when a damaged file was set aside under that name, with what was wrong; a new one has taken its place then, at a start or while it was
   * in use. Without it a damaged file is refused and left alone.
   */
  onSetAside?: (name: string, error: VitalmeshError) => void;
  /** With `onSetAside`: true where something else than the file proves its key, so that one of which no page opens is damaged. */
  isRightKey?: (key: Buffer) => boolean;
}

export type Statement<P extends unknown[], R> = SQLite.Statement<P, R>;

/** How long a file is left alone after an error before it is opened again; a damaged one longer, for damage takes reading it all to tell. */
const REOPEN_AFTER_MS = 1000;
const REOPEN_DAMAGED_AFTER_MS = 60_000;

/** What `openDatabase` has found out. */
interface Opened {
  key: Buffer;
  clock: Clock;
  lock: Disposable;
  open: (mayCreate: boolean) => SQLite.Database;
  logPages: number;
  isReplaced: boolean;
}

/**
 * One encrypted SQLite file with one owner and one connection: WAL, `synchronous=FULL`, foreign keys, untrusted schema. The connection
 * is closed after an I/O error or damage and opened anew, with all the checks of a start, on a later use: after a second at the earliest,
 * after a minute where damage was found. Until that succeeds every use throws what went wrong. So statements are asked for at each use and never kept.
 */
export class Database implements Disposable {
  readonly path: string;
  readonly #open: (mayCreate: boolean) => SQLite.Database;
  readonly #key: Buffer;
  /** A damaged file is not waited for: a new one takes its place. */
  readonly #isReplaced: boolean;
  readonly #lock: Disposable;
  readonly #clock: Clock;
  readonly #logPages: number;
  readonly #statements = new Map<string, SQLite.Statement>();
  #connection: SQLite.Database | undefined;
  #fault: { error: VitalmeshError; atMs: number } | undefined;
  #full = false;
  #closed = false;
  #openings = 1;
  /** Which files the connection has open; read after its first commit. */
  #files: string | undefined;
  /** Of the file, for a copy of it. */
  #descriptor: number | undefined;
  #copying = false;

  /** Use `openDatabase`. */
  constructor(path: string, { key, clock, lock, open, logPages, isReplaced }: Opened) {
    this.path = path;
    this.#logPages = logPages;
    this.#key = key;
    this.#clock = clock;
    this.#lock = lock;
    this.#open = open;
    this.#isReplaced = isReplaced;
    this.#connection = open(true);
  }

  /** How often the file was opened so far: once, and once after each fault that was overcome. */
  get openings(): number {
    return this.#openings;
  }

  /**
   * The statement for `sql`, prepared once a connection; only within `read` or `write`, and only for the call at hand. SQL text is
   * constant, values are bound. No statement may be left in the middle of an `iterate`: it would block every write.
   */
  prepare<P extends unknown[], R = unknown>(sql: string): Statement<P, R> {
    const connection = this.#use();
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = connection.prepare(sql.replaceAll(BARE_LIMIT, 'LIMIT ?+0'));
      this.#statements.set(sql, statement);
    }
    return statement as unknown as Statement<P, R>;
  }

  /** The first value of a PRAGMA that tells something; within `read` or `write`. A row with names would be made anew each time, by a function that is compiled for it. */
  pragma(text: string): number {
    const statement = this.prepare<[], number>(`PRAGMA ${text}`);
    const value = statement.pluck().get();
    // It is kept, and others ask for rows by the same text.
    statement.pluck(false);
    return value ?? 0;
  }

  /** Runs reads and returns their result. Throws STORAGE-*, INTERNAL, or the VitalmeshError that `work` threw. */
  read<T>(work: () => T): T {
    try {
      return work();
    } catch (thrown) {
      throw this.#failed(thrown);
    }
  }

  /**
   * Runs `work` in one transaction, durable when this returns; nothing of it is kept when it throws. Blocks the thread for the fsync:
   * hot paths go through GroupCommit. `work` is run a second time when the disk was full and moving the log into the file made room.
   * Throws as `read` does.
   */
  write<T>(work: () => T): T {
    try {
      // Free space goes to the file first: a log that took it all could never be emptied, and nothing be written any more.
      if (this.#full) this.prepare('PRAGMA wal_checkpoint(PASSIVE)').get();
      const result = this.#transaction(work);
      this.#full = false;
      this.#checkFiles();
      return result;
    } catch (thrown) {
      const error = this.#failed(thrown);
      const again = error.code === 'STORAGE-FULL' && !this.#full;
      this.#full = error.code === 'STORAGE-FULL';
      if (again) return this.write(work);
      throw error;
    }
  }

  /**
   * Within `write`: runs `work` so that its failure undoes its own changes only. Errors that concern the whole file (disk full, I/O,
   * damage) end the surrounding transaction too, and `write` throws them.
   */
  attempt<T>(work: () => T): T {
    this.prepare('SAVEPOINT attempt').run();
    try {
      const result = work();
      this.prepare('RELEASE attempt').run();
      return result;
    } catch (thrown) {
      if (this.#connection?.inTransaction) {
        this.prepare('ROLLBACK TO attempt').run();
        this.prepare('RELEASE attempt').run();
      }
      throw thrown;
    }
  }

  /**
   * Moves the log into the file if it has become long. That takes ten to thirty milliseconds: to be called between commits, when what they
   * resolved is on its way. Never throws: what a disk refuses here stays in the log, and shows at a commit.
   */
  moveLog(): void {
    if (this.#connection === undefined || this.#copying) return;
    try {
      const { log, moved } = this.logState();
      if (log - moved >= this.#logPages) this.prepare('PRAGMA wal_checkpoint(PASSIVE)').get();
    } catch {
      // As SQLite itself does it within a commit.
    }
  }

  /** Pages in the log, and how many of them are in the file as well (sqlite.org/pragma.html#pragma_wal_checkpoint); within `read` or `write`. */
  logState(): { log: number; moved: number } {
    const statement = this.prepare<[], number[]>('PRAGMA wal_checkpoint(NOOP)');
    const [, log = 0, moved = 0] = statement.raw().get() ?? [];
    statement.raw(false);
    return { log, moved };
  }

  /**
   * Moves all of the log into the file and makes the log empty, so that nothing stays in it of what was removed. False while a copy is being made, which
   * reads the log: to be called again. Throws as `read` does.
   */
  emptyLog(): boolean {
    if (this.#copying) return false;
    return this.read(() => this.prepare<[], { busy: number }>('PRAGMA wal_checkpoint(TRUNCATE)').get()?.busy === 0);
  }

  /** Bytes of the file and its log on disk. */
  fileBytes(): number {
    let total = 0;
    for (const suffix of ['', '-wal']) total += statSync(this.path + suffix, { throwIfNoEntry: false })?.size ?? 0;
    return total;
  }

  /**
   * Copies the file while it is in use, see `copyLive`: one copy at a time. A copy under way fails when the file is closed.
   */
  async copyTo(path: string, options?: CopyOptions): Promise<Copied> {
    if (this.#copying) throw new VitalmeshError('STORAGE-COPY', { detail: 'another copy is being made' });
    this.#copying = true;
    try {
      const bytes = await copyLive(
        {
          path: this.path,
          connection: () => {
            this.#use();
            return this.#openings;
          },
          descriptor: () => {
            this.#descriptor ??= openSync(this.path, 'r');
            return this.#descriptor;
          },
          logPages: this.#logPages,
          pragma: (text) => this.read(() => this.prepare(`PRAGMA ${text}`).get()),
        },
        path,
        options,
      );
      return { bytes, key: this.#key };
    } finally {
      this.#copying = false;
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#drop();
    this.#lock[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #use(): SQLite.Database {
    if (this.#connection !== undefined) return this.#connection;
    if (this.#closed) throw new VitalmeshError('STORAGE-CLOSED', { detail: this.path });
    const fault = this.#fault;
    const nowMs = this.#clock.monotonicMs();
    const waitMs = fault?.error.code === 'STORAGE-DAMAGED' && !this.#isReplaced ? REOPEN_DAMAGED_AFTER_MS : REOPEN_AFTER_MS;
    if (fault !== undefined && nowMs - fault.atMs < waitMs) throw fault.error;
    try {
      this.#connection = this.#open(false);
    } catch (thrown) {
      const error = storageError(thrown);
      this.#fault = { error, atMs: nowMs };
      throw error;
    }
    this.#fault = undefined;
    this.#openings += 1;
    return this.#connection;
  }

  /** The coded error of what was thrown; gives the connection up when it must not be used again. */
  #failed(thrown: unknown): VitalmeshError {
    const error = storageError(thrown);
    if (this.#connection !== undefined && endsConnection(error)) {
      this.#fault = { error, atMs: this.#clock.monotonicMs() };
      this.#drop();
    }
    return error;
  }

  /** Throws STORAGE-IO when the files of this name are no longer those that the connection writes to: then a commit is durable nowhere. */
  #checkFiles(): void {
    const files = ['', '-wal'].map((suffix) => identity(this.path + suffix)).join();
    this.#files ??= files;
    if (files === this.#files && !files.includes(GONE)) return;
    throw new VitalmeshError('STORAGE-IO', { detail: `${this.path} or its log was removed or replaced` });
  }

  #transaction<T>(work: () => T): T {
    this.prepare('BEGIN IMMEDIATE').run();
    try {
      const result = work();
      this.prepare('COMMIT').run();
      return result;
    } catch (thrown) {
      // SQLite may have rolled back by itself (sqlite.org/lang_transaction.html, 3.1); a connection that is given up does so at closing.
      if (this.#connection?.inTransaction && !endsConnection(storageError(thrown))) this.prepare('ROLLBACK').run();
      throw thrown;
    }
  }

  #drop(): void {
    this.#statements.clear();
    try {
      this.#connection?.close();
    } catch {
      // A failing checkpoint at closing leaves the log in place; the next opening replays it.
    }
    this.#connection = undefined;
    this.#files = undefined;
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }
}

/**
 * A limit that is a parameter and nothing else makes SQLite compile the statement anew at each use, for the plan may depend on how much is asked for
 * (sqlite3ExprIsInteger, since 3.48): five times the work of a short read.
 */
const BARE_LIMIT = /\bLIMIT \?(?![+\d])/g;

const GONE = 'gone';

/** Device and number of the file of this name. */
function identity(path: string): string {
  const found = statSync(path, { throwIfNoEntry: false, bigint: true });
  return found ? `${found.dev}:${found.ino}` : GONE;
}

/**
 * Opens an encrypted database, or makes one where there is none, and brings its schema up to date. Folders are made with mode 0700,
 * files with 0600. Throws STORAGE-LOCKED (it has an owner), STORAGE-KEY-FILE, STORAGE-KEY (wrong key, or not encrypted: the file is left
 * as it is), STORAGE-DAMAGED, STORAGE-SCHEMA (from a newer version), STORAGE-OPEN, STORAGE-FULL, STORAGE-IO.
 */
export function openDatabase(options: DatabaseOptions): Database {
  const { path, migrations, cipher = 'sqlcipher', cacheKib = 8192, logPages = LOG_PAGES, erases = false, clock = systemClock } = options;
  makeFolder(path);
  const lock = acquireOwnerLock(path);
  try {
    const key = options.key ?? currentKey(path, options.keyFile ?? '', cipher);
    if (key.length !== 32) throw new VitalmeshError('STORAGE-KEY-FILE', { detail: 'the key has not 32 bytes' });
    const openOne = (mayCreate: boolean): SQLite.Database => {
      const connection = openConnection({ path, key, cipher, cacheKib, logPages, erases, mayCreate });
      try {
        migrate(connection, migrations);
      } catch (thrown) {
        connection.close();
        throw storageError(thrown);
      }
      return connection;
    };
    const { onSetAside } = options;
    const isDamage = ({ code }: VitalmeshError): boolean =>
      code === 'STORAGE-DAMAGED' || (code === 'STORAGE-KEY' && (options.isRightKey?.(key) ?? false));
    const open = onSetAside ? (mayCreate: boolean) => openOrReplace(path, mayCreate, clock, openOne, { isDamage, onSetAside }) : openOne;
    return new Database(path, { key, clock, lock, open, logPages, isReplaced: onSetAside !== undefined });
  } catch (thrown) {
    lock[Symbol.dispose]();
    throw thrown;
  }
}

/** What opens, or else a new file in the place of a damaged one. A wrong key is no damage. */
function openOrReplace(
  path: string,
  mayCreate: boolean,
  clock: Clock,
  open: (mayCreate: boolean) => SQLite.Database,
  { isDamage, onSetAside }: { isDamage(error: VitalmeshError): boolean; onSetAside(name: string, error: VitalmeshError): void },
): SQLite.Database {
  try {
    return open(mayCreate);
  } catch (thrown) {
    const error = storageError(thrown);
    if (!isDamage(error)) throw error;
    const name = basename(moveAside(path, clock));
    const connection = open(true);
    onSetAside(name, error);
    return connection;
  }
}

function moveAside(path: string, clock: Clock): string {
  try {
    return setAside(path, clock.now());
  } catch (cause) {
    throw new VitalmeshError('STORAGE-OPEN', { cause, detail: `${path} is damaged and cannot be set aside` });
  }
}

/** The key in the file, after a change of it that was cut off is finished or undone. */
function currentKey(path: string, keyFile: string, cipher: Cipher): Buffer {
  try {
    settleRekey(path, keyFile, cipher);
  } catch (thrown) {
    throw storageError(thrown);
  }
  return readKeyFile(keyFile);
}

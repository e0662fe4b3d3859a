import { fstatSync, read, rmSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { promisify } from 'node:util';
import { VitalmeshError } from '../errors.ts';
import { LOG_PAGES, moveAtCommit, PAGE_BYTES } from './connection.ts';
import { syncFolder } from './key-file.ts';
import { LogReader } from './log-reader.ts';

/** The one connection to a file that is to be copied. */
export interface LiveFile {
  readonly path: string;
  /** A number that changes when the connection is made anew. Throws STORAGE-CLOSED. */
  connection(): number;
  /** An open descriptor of the file, that stays open as long as the connection: closing one gives up the locks that SQLite has on the file. */
  descriptor(): number;
  /** As in `DatabaseOptions`. */
  readonly logPages: number;
  /** Runs a PRAGMA and gives its row. */
  pragma(text: string): unknown;
}

export interface CopyOptions {
  /** Aborts the copy. */
  signal?: AbortSignal;
  /** Called when everything that was committed before the call will be in the copy. */
  beforeEnd?: () => Promise<void>;
}

/** A copy that is on disk. */
export interface Copied {
  bytes: number;
  /** The key that it opens with: that of the file it was copied from. */
  key: Buffer;
}

/** Pages a step: the thread is held for the reading of the log alone, one step's worth of commits. */
const PAGES_A_STEP = 256;
/**
 * From so many pages on SQLite moves the log into the file by itself while a copy is made, which does it in its place; a copy that gets stuck (a share that does not answer) must not make the log
 * grow for ever. When SQLite moves it then, the copy fails.
 */
const CHECKPOINT_STUCK_PAGES = 65_536;

const readInto = promisify(read);

/**
 * Copies an encrypted file that is open and written to, as it stands at one commit between the begin and the end of the call, to a new file of
 * mode 0600 with the same key. The pages are copied as they lie there; what commits change meanwhile is read out of the log before it may go
 * into the file, and lies over what was copied. Resolves with the number of bytes once they are on disk. Nothing of a copy that fails is left.
 * Throws STORAGE-COPY, STORAGE-CLOSED, and the reason of the signal.
 */
export async function copyLive(live: LiveFile, to: string, options: CopyOptions = {}): Promise<number> {
  const copy = await made(to);
  try {
    const bytes = await copied(live, copy, options);
    await onDisk(copy, to);
    return bytes;
  } catch (thrown) {
    await copy.close().catch(() => undefined);
    rmSync(to, { force: true });
    options.signal?.throwIfAborted();
    if (thrown instanceof VitalmeshError) throw thrown;
    throw new VitalmeshError('STORAGE-COPY', { cause: thrown, detail: `${to} (${(thrown as NodeJS.ErrnoException).code ?? 'error'})` });
  }
}

async function made(to: string): Promise<FileHandle> {
  try {
    return await open(to, 'wx', 0o600);
  } catch (cause) {
    throw new VitalmeshError('STORAGE-COPY', { cause, detail: `${to} (${(cause as NodeJS.ErrnoException).code ?? 'error'})` });
  }
}

async function onDisk(copy: FileHandle, to: string): Promise<void> {
  await copy.sync();
  await copy.close();
  syncFolder(dirname(resolve(to)));
}

async function copied(live: LiveFile, copy: FileHandle, { signal, beforeEnd }: CopyOptions): Promise<number> {
  const connection = live.connection();
  using log = new LogReader(`${live.path}-wal`, PAGE_BYTES);
  const overlay = new Overlay(live, connection, log, copy);
  live.pragma(`wal_autocheckpoint = ${CHECKPOINT_STUCK_PAGES}`);
  try {
    // What was in the log before is in the file from here on, so that SQLite may begin the log anew.
    await overlay.apply(true);
    const file = live.descriptor();
    const pages = Math.floor(fstatSync(file).size / PAGE_BYTES);
    for (let first = 1; first <= pages; first += PAGES_A_STEP) {
      signal?.throwIfAborted();
      const block = Buffer.allocUnsafe(Math.min(PAGES_A_STEP, pages - first + 1) * PAGE_BYTES);
      const { bytesRead } = await readInto(file, block, 0, block.length, (first - 1) * PAGE_BYTES);
      if (bytesRead !== block.length) throw new VitalmeshError('STORAGE-COPY', { detail: `${live.path} became shorter` });
      await overlay.layUnder(first, block);
      await overlay.apply();
    }
    await beforeEnd?.();
    signal?.throwIfAborted();
    await overlay.apply();
    const bytes = (overlay.databasePages ?? pages) * PAGE_BYTES;
    await copy.truncate(bytes);
    return bytes;
  } finally {
    resume(live, connection);
  }
}

function resume(live: LiveFile, connection: number): void {
  try {
    if (live.connection() === connection) live.pragma(moveAtCommit(live.logPages));
  } catch {
    // A connection that was given up has taken the setting with it.
  }
}

/** What was committed since the begin of a copy, laid over the pages of the file in it. */
class Overlay {
  databasePages: number | undefined;
  readonly #live: LiveFile;
  readonly #connection: number;
  readonly #log: LogReader;
  readonly #copy: FileHandle;
  readonly #laid = new Set<number>();
  /** When something was last written to the file; undefined before the first reading. */
  #writtenAt: bigint | undefined;

  constructor(live: LiveFile, connection: number, log: LogReader, copy: FileHandle) {
    this.#live = live;
    this.#connection = connection;
    this.#log = log;
    this.#copy = copy;
  }

  /** Takes what was committed since the last call. Moves the log into the file as often as it would be, or `now`: never before it was read. */
  async apply(now = false): Promise<void> {
    if (this.#live.connection() !== this.#connection)
      throw new VitalmeshError('STORAGE-COPY', { detail: 'the file was opened anew meanwhile' });
    const file = this.#live.descriptor();
    const writtenAt = fstatSync(file, { bigint: true }).mtimeNs;
    const isTouched = this.#writtenAt !== undefined && this.#writtenAt !== writtenAt;
    if (isTouched) throw new VitalmeshError('STORAGE-COPY', { detail: 'the log was moved into the file while it was copied' });
    const { pages, databasePages } = this.#log.read();
    if (now || this.#log.frames >= LOG_PAGES) {
      const { log, checkpointed } = this.#live.pragma('wal_checkpoint(PASSIVE)') as { log: number; checkpointed: number };
      if (log === checkpointed) this.#log.checkpointed();
    }
    this.#writtenAt = fstatSync(file, { bigint: true }).mtimeNs;
    this.databasePages = databasePages ?? this.databasePages;
    await this.#write(runsOf(pages));
    for (const number of pages.keys()) this.#laid.add(number);
  }

  /** Writes pages of the file from number `first` on, but for those of which a newer version was taken out of the log. */
  async layUnder(first: number, block: Buffer): Promise<void> {
    const pages = new Map<number, Buffer>();
    for (let at = 0; at < block.length; at += PAGE_BYTES) {
      const number = first + at / PAGE_BYTES;
      if (!this.#laid.has(number)) pages.set(number, block.subarray(at, at + PAGE_BYTES));
    }
    const whole = pages.size * PAGE_BYTES === block.length;
    await this.#write(whole ? [[first, block]] : runsOf(pages));
  }

  /** All at once: one after the other would give commits the time to change as many pages again. */
  async #write(runs: Iterable<readonly [number, Buffer]>): Promise<void> {
    await Promise.all(Array.from(runs, ([first, run]) => writeAll(this.#copy, run, (first - 1) * PAGE_BYTES)));
  }
}

/** Neighbouring pages as one block each, by the number of the first. */
function* runsOf(pages: ReadonlyMap<number, Buffer>): Generator<readonly [number, Buffer]> {
  const numbers = [...pages.keys()].sort((a, b) => a - b);
  for (let from = 0; from < numbers.length; ) {
    const first = numbers[from] ?? 0;
    let to = from + 1;
    while (numbers[to] === first + to - from) to += 1;
    yield [first, Buffer.concat(numbers.slice(from, to).map((number) => pages.get(number) ?? Buffer.alloc(0)))];
    from = to;
  }
}

/** One call may write a part: the rest, or the error of a full disk, comes with the next. */
async function writeAll(file: FileHandle, bytes: Buffer, at: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) done += (await file.write(bytes, done, bytes.length - done, at + done)).bytesWritten;
}

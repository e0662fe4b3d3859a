import { constants } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { VitalmeshError } from '../../../shared/errors.ts';
import { syncFolder } from '../../../shared/storage/key-file.ts';
import type { FeedEvent, FeedSink } from './contract.ts';
import { jsonLine } from './json-line.ts';

/** Never through a link, and no FIFO that would hold the hub up. */
const FLAGS = constants.O_RDWR | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK;
const LINE_END = 10;

interface Opened {
  handle: FileHandle;
  dev: bigint;
  ino: bigint;
}

/**
 * Lines of JSON at the end of a file of mode 0600, confirmed once they are on disk. May be rotated by renaming it (a new one is made), or by
 * copying and truncating it. A line of which only a part could be written stays as it is, and comes again whole behind it.
 */
export class FileSink implements FeedSink {
  readonly round = { entries: 5000, ms: 1000 };
  readonly #path: string;
  #opened: Opened | undefined;
  /** The file may end within a line. */
  #isTorn = false;

  constructor(path: string) {
    this.#path = path;
  }

  async send(events: readonly FeedEvent[]): Promise<void> {
    await this.#guarded(async () => {
      const { handle } = await this.#follow();
      const lines = events.map(jsonLine).join('');
      const bytes = Buffer.from(this.#isTorn ? `\n${lines}` : lines);
      this.#isTorn = true;
      for (let done = 0; done < bytes.length; ) done += (await handle.write(bytes, done)).bytesWritten;
      this.#isTorn = false;
    });
  }

  async confirm(): Promise<void> {
    await this.#guarded(async () => await this.#opened?.handle.datasync());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const opened = this.#opened;
    this.#opened = undefined;
    await opened?.handle.close();
  }

  /** The file that has the name now. */
  async #follow(): Promise<Opened> {
    const there = await stat(this.#path, { bigint: true }).catch(noneThere);
    const opened = this.#opened;
    if (opened && there?.ino === opened.ino && there.dev === opened.dev) return opened;
    if (opened) {
      // What was written into the one that was renamed counts only once it is on disk.
      await opened.handle.datasync();
      await this[Symbol.asyncDispose]();
    }
    return await this.#open();
  }

  async #open(): Promise<Opened> {
    const handle = await open(this.#path, FLAGS, 0o600);
    try {
      const found = await handle.stat({ bigint: true });
      if (!found.isFile()) throw new VitalmeshError('AUDIT-FEED-FILE', { detail: `${this.#path} is no ordinary file` });
      if ((found.mode & 0o777n) !== 0o600n) await handle.chmod(0o600);
      const last = Buffer.alloc(1);
      if (found.size > 0n) await handle.read(last, 0, 1, Number(found.size) - 1);
      this.#isTorn = found.size > 0n && last[0] !== LINE_END;
      // A file's name is safe only once its folder is.
      syncFolder(dirname(resolve(this.#path)));
      this.#opened = { handle, dev: found.dev, ino: found.ino };
      return this.#opened;
    } catch (thrown) {
      await handle.close();
      throw thrown;
    }
  }

  /** After a failure the file is opened anew. */
  async #guarded(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (cause) {
      await this[Symbol.asyncDispose]().catch(() => undefined);
      if (cause instanceof VitalmeshError) throw cause;
      const { code } = cause as NodeJS.ErrnoException;
      throw new VitalmeshError('AUDIT-FEED-FILE', { detail: `${this.#path} (${code ?? 'not writable'})`, cause });
    }
  }
}

function noneThere(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}

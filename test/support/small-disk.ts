import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';

// The keeper holds the namespaces, and with them the file system, for as long as its standard input is open.
const KEEPER = 'mount -t tmpfs -o "size=$2,mode=700" tmpfs "$1" && echo ready && exec cat';
const PIECE = Buffer.alloc(64 * 1024, 0xa5);

/** A file system of a few megabytes (tmpfs) over a folder, in a mount namespace of its own (util-linux): only who is run `through` it sees it there. */
export class SmallDisk implements AsyncDisposable {
  /** What a program that is to see it must be run through. */
  readonly through: readonly string[];
  /** Its root, as this process sees it. */
  readonly path: string;
  readonly #keeper: ChildProcess;

  private constructor(keeper: ChildProcess, folder: string) {
    this.#keeper = keeper;
    this.through = ['nsenter', '-t', `${keeper.pid}`, '-U', '-m', '--preserve-credentials'];
    this.path = join('/proc', `${keeper.pid}`, 'root', folder);
  }

  static async over(folder: string, bytes: number): Promise<SmallDisk> {
    const keeper = spawn('unshare', ['-rm', 'sh', '-ec', KEEPER, 'sh', folder, `${bytes}`], { stdio: ['pipe', 'pipe', 'inherit'] });
    const [said] = await Promise.race([once(keeper.stdout, 'data'), once(keeper, 'close')]);
    if (!String(said).startsWith('ready')) throw new Error(`no file system over ${folder}: ${said}`);
    return new SmallDisk(keeper, folder);
  }

  /** Takes all the room that is left. */
  fill(): void {
    try {
      for (;;) appendFileSync(this.#ballast, PIECE);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    }
  }

  /** Gives back what `fill` took. */
  free(): void {
    rmSync(this.#ballast, { force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#keeper, 'close');
    this.#keeper.stdin?.end();
    await closed;
  }

  get #ballast(): string {
    return join(this.path, 'ballast');
  }
}

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface DiskFaultOptions {
  /** Only these files meet it. */
  files: readonly string[];
  /** System calls that meet it. */
  calls: readonly string[];
  /** What becomes of them, as strace says it: `error=EIO`, `delay_exit=20000` (microseconds). */
  becomes: string;
}

/** A disk that fails beneath a running process, from `begin` until `end`: strace (1) stands between it and the kernel. */
export class DiskFault implements AsyncDisposable {
  readonly #strace: ChildProcess;
  readonly #folder: string;
  readonly #closed: Promise<unknown>;

  private constructor(strace: ChildProcess, folder: string) {
    [this.#strace, this.#folder] = [strace, folder];
    this.#closed = once(strace, 'close');
  }

  /** Resolves once every system call of the process goes through it. */
  static async begin(pid: number, { files, calls, becomes }: DiskFaultOptions): Promise<DiskFault> {
    const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-disk-'));
    const only = files.flatMap((file) => ['-P', file]);
    const names = calls.join();
    const args = ['-f', '-p', `${pid}`, ...only, '-e', `trace=${names}`, '-e', `inject=${names}:${becomes}`, '-o', join(folder, 'trace')];
    const strace = spawn('strace', args, { stdio: ['ignore', 'ignore', 'pipe'] });
    const fault = new DiskFault(strace, folder);
    // It tells of every new thread; without a reader it would end by that.
    let said = '';
    await new Promise<void>((resolve, reject) => {
      strace.stderr.setEncoding('latin1').on('data', (chunk: string) => {
        said += chunk;
        if (/Process \d+ attached/.test(said)) resolve();
      });
      strace.once('close', () => reject(new Error(said)));
    });
    return fault;
  }

  /** The disk works again. How many calls met the fault. */
  async end(): Promise<number> {
    this.#strace.kill('SIGINT');
    await this.#closed;
    return readFileSync(join(this.#folder, 'trace'), 'latin1').split('(INJECTED)').length - 1;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#strace.kill('SIGINT');
    await this.#closed;
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

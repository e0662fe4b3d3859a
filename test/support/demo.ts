import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { globSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { DemoSummary } from '../../provisioning/demo/summary.ts';
import { pause } from '../../shared/lifecycle.ts';

const root = join(import.meta.dirname, '..', '..');

export interface DemoRun {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs `vitalmesh demo` with these arguments to its end. */
export function demo(...args: string[]): Promise<DemoRun> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [join(root, 'provisioning', 'main.ts'), 'demo', ...args],
      { cwd: root, maxBuffer: 1 << 26 },
      (error, stdout, stderr) => {
        resolve({ code: error ? Number(error.code ?? 1) : 0, stdout, stderr });
      },
    );
  });
}

/** The summary that `--json` printed; fails the test when standard output is anything else. */
export function summaryOf({ stdout, stderr }: Pick<DemoRun, 'stdout' | 'stderr'>): DemoSummary {
  try {
    return JSON.parse(stdout) as DemoSummary;
  } catch (cause) {
    throw new Error(`not one JSON object: ${stdout}\n${stderr}`, { cause });
  }
}

/** A demo under way, `--json`. */
export class RunningDemo {
  readonly #process: ChildProcess;
  readonly #ended: Promise<unknown[]>;
  stdout = '';
  stderr = '';

  /** As `npm run demo` does at a terminal: launcher and demo are one process group. */
  constructor() {
    this.#process = spawn(process.execPath, [join(root, 'scripts', 'run.mjs'), 'demo', '--json'], {
      cwd: root,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#ended = once(this.#process, 'close');
    this.#process.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
    });
    this.#process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
    });
  }

  /** Its folder; known once it has said it. */
  get home(): string {
    const [, home] = /files of this run: (\S+),/.exec(this.stderr) ?? [];
    if (home === undefined) throw new Error(`no folder named: ${this.stderr}`);
    return home;
  }

  /** Resolves when it says so on standard error; rejects when it ends before. */
  says(pattern: RegExp): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = (): void => void (pattern.test(this.stderr) && resolve());
      this.#process.stderr?.on('data', look);
      this.#process.once('close', () => reject(new Error(`it never said ${pattern}: ${this.stderr}`)));
      look();
    });
  }

  /** As Ctrl-C does: the whole process group gets it. */
  signal(name: NodeJS.Signals): void {
    process.kill(-(this.#process.pid ?? 0), name);
  }

  /** Resolves with the exit code at its end. */
  async ended(): Promise<unknown> {
    return (await this.#ended)[0];
  }

  /** Its processes that run, by what they were started with. */
  children(): { pid: number; args: string }[] {
    const home = this.home;
    return globSync('/proc/[0-9]*').flatMap((folder) => {
      try {
        const stat = readFileSync(join(folder, 'stat'), 'utf8');
        const [state] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
        if (state === 'Z' || !readlinkSync(join(folder, 'cwd')).startsWith(home)) return [];
        return [{ pid: Number(folder.slice('/proc/'.length)), args: readFileSync(join(folder, 'cmdline'), 'utf8').replaceAll('\0', ' ') }];
      } catch {
        // It has ended in the meantime.
        return [];
      }
    });
  }

  /** Waits until none of its processes is left, at most 60 s. */
  async alone(): Promise<boolean> {
    const late = AbortSignal.timeout(60_000);
    while (this.children().length > 0 && !late.aborted) await pause(20);
    return this.children().length === 0;
  }
}

import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Writable } from 'node:stream';
import { VitalmeshError } from '../../shared/errors.ts';
import { pause } from '../../shared/lifecycle.ts';

/** One JSON line that a process said on its standard output. */
export type ProcessLine = Record<string, unknown>;

/** A process that the demo started. */
export interface DemoProcess {
  readonly name: string;
  readonly pid: number;
  readonly running: boolean;
  /** Where its standard error goes. */
  readonly logFile: string;
  /** The first line for which `wanted` is true. DEMO-PROCESS, which names the log too, when it ends before. */
  line(wanted: (line: ProcessLine) => boolean): Promise<ProcessLine>;
  /** Sends it a line by standard input. */
  go(): void;
  /** Asks it to end (SIGTERM), waits, and after `limitMs` kills it. Resolves with whether it had to be killed. */
  stop(limitMs?: number): Promise<boolean>;
}

export interface StartOptions {
  /** Takes lines as they come and says so; the others are kept for `line`. */
  take?: (line: ProcessLine) => boolean;
  /** It ends by itself, which breaks nothing. */
  ends?: boolean;
}

/** What processes are, in the order in which they are stopped: that of the data's way. */
const STAGES = ['device', 'agent', 'client', 'hub', 'network'] as const;
export type Stage = (typeof STAGES)[number];

const STOP_LIMIT_MS = 8000;
const READY_LIMIT_MS = 30_000;
const ASK_EVERY_MS = 25;

/** Processes that belong together: when one ends that nobody stopped and that is to stay, `broken` aborts. Each writes standard error to `NAME.log` in `folder`. */
export class Processes {
  readonly folder: string;
  readonly #started: { stage: Stage; child: Child }[] = [];
  readonly #broken = new AbortController();
  #stopping = false;

  constructor(folder: string) {
    this.folder = folder;
  }

  /** Aborts with DEMO-PROCESS, which names the process and its log. */
  get broken(): AbortSignal {
    return this.#broken.signal;
  }

  /**
   * Starts `node ARGS` in a session of its own, so that Ctrl-C at the terminal reaches the demo alone and it can stop all in order.
   * Standard input stays open as long as the demo lives. Throws DEMO-PROCESS once they are being stopped.
   */
  start(stage: Stage, name: string, args: readonly string[], options: StartOptions = {}): DemoProcess {
    if (this.#stopping) throw new VitalmeshError('DEMO-PROCESS', { detail: `${name} is not started any more` });
    const child = new Child(name, args, join(this.folder, `${name}.log`), options);
    this.#started.push({ stage, child });
    void child.ended.then(() => {
      if (!child.asked && !options.ends) this.#broken.abort(failed(child));
    });
    return child;
  }

  /** Stops all, stage by stage. Resolves with the names of those that had to be killed. */
  async stop(): Promise<string[]> {
    this.#stopping = true;
    const killed: string[] = [];
    for (const stage of STAGES) {
      const children = this.#started.filter((one) => one.stage === stage).map(({ child }) => child);
      await Promise.all(children.map(async (child) => (await child.stop()) && killed.push(child.name)));
    }
    return killed;
  }
}

/** Arguments for `start` that run one of Vitalmesh's own programs, `hub/main`, and enrol it before when a token is given (child.ts). */
export function ownProgram(program: string, args: readonly string[], enrolling?: { token: string; file: string }): string[] {
  const child = join(import.meta.dirname, 'child.ts');
  return [child, ...(enrolling ? ['--enroll', enrolling.token, enrolling.file] : []), program, ...args];
}

/** Asks until there is an answer other than undefined. DEMO-PROCESS when the process ends before, or 30 s have passed. */
export async function answering<T>(process: DemoProcess, ask: () => Promise<T | undefined>): Promise<T> {
  const late = AbortSignal.timeout(READY_LIMIT_MS);
  while (process.running && !late.aborted) {
    const answer = await ask().catch(() => undefined);
    if (answer !== undefined) return answer;
    await pause(ASK_EVERY_MS);
  }
  throw failed(process);
}

class Child implements DemoProcess {
  readonly name: string;
  readonly logFile: string;
  /** Resolves when it is over. */
  readonly ended: Promise<void>;
  /** Whether it was asked to end. */
  asked = false;
  readonly #process: ChildProcess;
  readonly #stdin: Writable;
  readonly #lines: ProcessLine[] = [];
  readonly #watchers = new Set<() => void>();
  #over = false;

  constructor(name: string, args: readonly string[], logFile: string, { take = () => false }: StartOptions) {
    this.name = name;
    this.logFile = logFile;
    const log = openSync(logFile, 'a', 0o600);
    const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', log], detached: true, cwd: dirname(logFile) });
    closeSync(log);
    const { stdin, stdout } = child;
    if (!stdin || !stdout) throw failed(this);
    this.#process = child;
    this.#stdin = stdin;
    // Its end is seen by `close`; a write into a dead child's pipe must not end the demo.
    stdin.on('error', () => stdin.destroy());
    createInterface({ input: stdout }).on('line', (text) => {
      const line = parseLine(text);
      if (line === undefined || take(line)) return;
      this.#lines.push(line);
      this.#tell();
    });
    const over = Promise.withResolvers<void>();
    this.ended = over.promise;
    for (const event of ['close', 'error']) child.once(event, () => over.resolve());
    void this.ended.then(() => {
      this.#over = true;
      this.#tell();
    });
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  get running(): boolean {
    return !this.#over;
  }

  line(wanted: (line: ProcessLine) => boolean): Promise<ProcessLine> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const found = this.#lines.find(wanted);
        if (found) resolve(found);
        else if (this.#over) reject(failed(this));
        else return;
        this.#watchers.delete(look);
      };
      this.#watchers.add(look);
      look();
    });
  }

  go(): void {
    this.#stdin.write('go\n');
  }

  async stop(limitMs: number = STOP_LIMIT_MS): Promise<boolean> {
    this.asked = true;
    let killed = false;
    if (!this.#over) this.#process.kill('SIGTERM');
    const timer = setTimeout(() => {
      killed = this.#process.kill('SIGKILL');
    }, limitMs);
    await this.ended;
    clearTimeout(timer);
    return killed;
  }

  #tell(): void {
    for (const watcher of this.#watchers) watcher();
  }
}

function failed({ name, logFile }: DemoProcess): VitalmeshError {
  return new VitalmeshError('DEMO-PROCESS', { detail: `${name}; see ${logFile}` });
}

function parseLine(text: string): ProcessLine | undefined {
  try {
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === 'object' && parsed !== null ? (parsed as ProcessLine) : undefined;
  } catch {
    // Not one of the lines that a demo process speaks in.
    return undefined;
  }
}

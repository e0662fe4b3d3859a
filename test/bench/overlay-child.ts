import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

interface Call {
  number: number;
  task: string;
  argument: unknown;
}

interface Answer {
  number: number;
  value?: unknown;
  error?: string;
}

/** Something that a child process can be asked to do. Argument and answer are JSON. */
export type Task = (argument: never) => Promise<unknown>;

/** A process of the benchmark, which does what it is asked for. */
export class Child {
  readonly #process: ChildProcess;
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>();
  #calls = 0;

  /** `file` is one of this folder that calls `serveTasks`. All get the options in BENCH_NODE_OPTIONS too: `--cpu-prof` tells where time goes. */
  constructor(file: string, nodeOptions: readonly string[] = []) {
    const extra = process.env.BENCH_NODE_OPTIONS?.split(' ').filter(Boolean) ?? [];
    this.#process = fork(join(import.meta.dirname, file), { execArgv: [...nodeOptions, ...extra] });
    this.#process.on('message', (answer: Answer) => this.#settle(answer));
    this.#process.on('exit', (code) => {
      for (const { reject } of this.#waiting.values()) reject(new Error(`${file} has ended (${code})`));
    });
  }

  async call<T>(task: string, argument?: unknown): Promise<T> {
    const waiting = Promise.withResolvers<unknown>();
    const call: Call = { number: this.#calls, task, argument };
    this.#calls += 1;
    this.#waiting.set(call.number, waiting);
    this.#process.send(call);
    return (await waiting.promise) as T;
  }

  get isRunning(): boolean {
    return this.#process.exitCode === null && this.#process.signalCode === null;
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  /** Ends the process as a power cut would. */
  async kill(): Promise<void> {
    const ended = once(this.#process, 'exit');
    this.#process.kill('SIGKILL');
    await ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.isRunning) return;
    const ended = once(this.#process, 'exit');
    this.#process.disconnect();
    await ended;
  }

  #settle({ number, value, error }: Answer): void {
    const waiting = this.#waiting.get(number);
    this.#waiting.delete(number);
    if (error === undefined) waiting?.resolve(value);
    else waiting?.reject(new Error(error));
  }
}

/** Makes this process a child that does these tasks until its parent lets go of it. */
export function serveTasks(tasks: Record<string, Task>): void {
  process.on('disconnect', () => process.exit());
  process.on('message', ({ number, task, argument }: Call) => {
    const answer = (rest: Omit<Answer, 'number'>): void => void process.send?.({ number, ...rest });
    const run = tasks[task] as ((argument: unknown) => Promise<unknown>) | undefined;
    if (!run) answer({ error: `no task ${task}` });
    else
      run(argument).then(
        (value) => answer({ value }),
        (error: unknown) => answer({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
      );
  });
}

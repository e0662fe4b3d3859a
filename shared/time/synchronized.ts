import { execFile } from 'node:child_process';

/** Whether somebody keeps a machine's clock right, as the machine says itself. */
export interface Synchronized extends Disposable {
  /** Undefined until it has said so, and where it does not say. */
  state(): boolean | undefined;
}

export interface SynchronizedOptions {
  /** What is asked; prints `yes` or `no`. */
  command?: readonly [program: string, ...args: string[]];
  /** Time between two questions, ten minutes unless told. It is asked no more once it has said yes. */
  everyMs?: number;
}

/** The kernel's own state (adjtimex(2), STA_UNSYNC), whoever keeps the clock right; readable without rights, and unlike that call without native code. */
const TIMEDATECTL = ['timedatectl', 'show', '--property=NTPSynchronized', '--value'] as const;
const EVERY_MS = 10 * 60_000;
const LIMIT_MS = 5000;

/** Asks whether this machine's clock is kept right. */
export function watchSynchronized({ command = TIMEDATECTL, everyMs = EVERY_MS }: SynchronizedOptions = {}): Synchronized {
  const stop = new AbortController();
  let state: boolean | undefined;
  const [program, ...args] = command;
  const ask = (): void => {
    execFile(program, args, { signal: stop.signal, timeout: LIMIT_MS, windowsHide: true }, (error, said) => {
      if (stop.signal.aborted) return;
      state = error ? undefined : stateOf(said);
      if (state === true) clearInterval(timer);
    });
  };
  const timer = setInterval(ask, everyMs);
  timer.unref();
  ask();
  return {
    state: () => state,
    [Symbol.dispose]() {
      clearInterval(timer);
      stop.abort();
    },
  };
}

function stateOf(said: string): boolean | undefined {
  const word = said.trim();
  return word === 'yes' ? true : word === 'no' ? false : undefined;
}

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { VitalmeshError } from '../../shared/errors.ts';

/** A process that the demo started. */
export interface DemoProcess {
  name: string;
  pid: number;
  /** The first JSON line on its standard output for which `wanted` is true. DEMO-PROCESS when it ends before. */
  line(wanted: (line: Record<string, unknown>) => boolean): Promise<Record<string, unknown>>;
  /** Asks it to end (SIGTERM), waits, and after `limitMs` kills it. Resolves with its exit code, or null when it had to be killed. */
  stop(limitMs?: number): Promise<number | null>;
  readonly running: boolean;
}

const STOP_LIMIT_MS = 8000;

/**
 * Starts `node ARGS` in a session of its own, so that Ctrl-C at the terminal reaches the demo alone and it can stop all in
 * order. Standard error goes to `logFile`; standard input stays open as long as the demo lives.
 */
export function startProcess(name: string, args: readonly string[], logFile: string): DemoProcess {
  const log = openSync(logFile, 'a', 0o600);
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', log], detached: true });
  closeSync(log);
  const { stdin, stdout } = child;
  if (!stdin || !stdout) throw new VitalmeshError('DEMO-PROCESS', { detail: name });
  // Its end is seen by `close`; a write into a dead child's pipe must not end the demo.
  stdin.on('error', () => stdin.destroy());
  const lines: Record<string, unknown>[] = [];
  const watchers = new Set<() => void>();
  createInterface({ input: stdout }).on('line', (text) => {
    const parsed = parseLine(text);
    if (parsed) lines.push(parsed);
    for (const watcher of watchers) watcher();
  });
  const ended = once(child, 'close').then(() => {
    for (const watcher of watchers) watcher();
  });
  const running = (): boolean => child.exitCode === null && child.signalCode === null;
  return {
    name,
    pid: child.pid ?? 0,
    get running() {
      return running();
    },
    line: (wanted) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const found = lines.find(wanted);
          if (found) resolve(found);
          else if (running()) return;
          else reject(new VitalmeshError('DEMO-PROCESS', { detail: `${name}; see ${logFile}` }));
          watchers.delete(look);
        };
        watchers.add(look);
        look();
      }),
    stop: (limitMs = STOP_LIMIT_MS) => stop(child, ended, running, limitMs),
  };
}

async function stop(child: ChildProcess, ended: Promise<void>, running: () => boolean, limitMs: number): Promise<number | null> {
  if (running()) child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), limitMs);
  await ended;
  clearTimeout(timer);
  return child.exitCode;
}

function parseLine(text: string): Record<string, unknown> | undefined {
  try {
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === 'object' && parsed !== null ? (parsed as Record<string, unknown>) : undefined;
  } catch {
    // Not one of the lines that a demo process speaks in.
    return undefined;
  }
}

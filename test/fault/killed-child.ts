import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { pause } from '../../shared/lifecycle.ts';

/**
 * Runs a program of this folder, hands each line that it prints to `heard`, and kills it so long after the first for which that is true. Resolves with how it
 * ended: by its code, or by the signal.
 */
export async function killedChild(
  argv: readonly string[],
  afterMs: number,
  heard: (line: string) => boolean,
): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
  const child = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'inherit'] });
  const exit = once(child, 'exit');
  let isDue = false;
  for await (const line of createInterface({ input: child.stdout })) {
    const isIt = heard(line);
    if (isIt && !isDue) void pause(afterMs).then(() => child.kill('SIGKILL'));
    isDue ||= isIt;
  }
  const [code, signal] = (await exit) as [number | null, NodeJS.Signals | null];
  return { code, signal };
}

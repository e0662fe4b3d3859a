import { execFile } from 'node:child_process';
import { join } from 'node:path';
import type { DemoSummary } from '../../provisioning/demo/summary.ts';

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
export function summaryOf({ stdout, stderr }: DemoRun): DemoSummary {
  try {
    return JSON.parse(stdout) as DemoSummary;
  } catch (cause) {
    throw new Error(`not one JSON object: ${stdout}\n${stderr}`, { cause });
  }
}

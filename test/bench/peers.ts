import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

const FOLDER = import.meta.dirname;

/** Installs what ours is compared with (test/bench/package-lock.json), unless it is there. */
export function installPeers(): void {
  if (existsSync(join(FOLDER, 'node_modules', '.package-lock.json'))) return;
  process.stderr.write('installing the peers of the benchmarks ...\n');
  const npm = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: FOLDER, stdio: ['ignore', 2, 2] });
  if (npm.status !== 0) throw new Error('the peers of the benchmarks cannot be installed');
}

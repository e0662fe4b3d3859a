import { spawn, spawnSync } from 'node:child_process';
import { existsSync, globSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import type { Check, Requirements } from './tally.ts';

const FOLDER = import.meta.dirname;
const SUITE = join(FOLDER, 'node_modules', '@modelcontextprotocol', 'conformance');
/** A whole set takes about ten seconds. */
const LIMIT_MS = 90_000;

/** Installs the suite (test/conformance/package-lock.json) unless it is there. */
export function installSuite(): void {
  const written = join(FOLDER, 'node_modules', '.package-lock.json');
  if (existsSync(written) && statSync(written).mtimeMs >= statSync(join(FOLDER, 'package-lock.json')).mtimeMs) return;
  process.stderr.write('installing the conformance suite ...\n');
  const npm = spawnSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: FOLDER,
    stdio: ['ignore', 2, 2],
  });
  if (npm.status !== 0) throw new Error('the conformance suite cannot be installed');
}

/** What the suite itself says that a revision requires. */
export function requirementsOf(revision: string): Requirements {
  return parse(readFileSync(join(SUITE, 'requirements', `${revision}.yaml`), 'utf8')) as Requirements;
}

/** Runs what a revision requires against a server, without a list of what may fail; `say` gets what it prints. Resolves with its exit code; results lie in `folder`. */
export function runSuite(url: string, revision: string, folder: string, say: (text: string) => void): Promise<number | null> {
  const args = ['server', '--url', url, '--requirements', revision, '-o', folder];
  const child = spawn(process.execPath, [join(SUITE, 'dist', 'index.js'), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: LIMIT_MS,
  });
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', say);
  return new Promise((resolve, reject) => child.once('error', reject).once('close', resolve));
}

/** The checks of each scenario that was run into this folder. */
export function resultsIn(folder: string): Map<string, Check[]> {
  const results = new Map<string, Check[]>();
  for (const path of globSync('server-*/checks.json', { cwd: folder })) {
    // server-<scenario>-<time as 2026-11-22T16-31-42-781Z>
    const [, scenario] = /^server-(.+)-\d{4}-\d\d-\d\dT[\dZ-]+[/\\]/.exec(path) ?? [];
    if (scenario !== undefined) results.set(scenario, JSON.parse(readFileSync(join(folder, path), 'utf8')) as Check[]);
  }
  return results;
}

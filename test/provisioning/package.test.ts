import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { verifies } from '../requirements.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '..', '..');
/** The machine's own Node and npm, whatever their age, not the ones of this checkout. */
const PATH = (process.env.PATH ?? '')
  .split(delimiter)
  .filter((folder) => !folder.startsWith(root))
  .join(delimiter);
const env = { ...process.env, PATH, npm_config_loglevel: 'error', npm_config_cache: process.env.npm_config_cache };

let folder = '';
before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'vm-pack-'));
  await run('npm', ['pack', '--pack-destination', folder], { cwd: root, env });
  const tarball = readdirSync(folder).find((name) => name.endsWith('.tgz')) ?? '';
  await run('npm', ['init', '-y'], { cwd: folder, env });
  await run('npm', ['install', '--no-audit', '--no-fund', join(folder, tarball)], { cwd: folder, env, maxBuffer: 1 << 24 });
});
after(() => rmSync(folder, { recursive: true, force: true }));

const command = (name: string, ...args: string[]) => run(join(folder, 'node_modules', '.bin', name), args, { cwd: folder, env });

test('the packed package installs into an empty folder and its commands run on the machine’s own Node', async () => {
  verifies('PACKAGE-WORKS');
  assert.match((await command('vitalmesh', '--help')).stdout, /vitalmesh demo/);
  assert.match((await command('vitalmesh-agent', 'decode', '--list')).stdout, /nonin-df8/);
  assert.match((await command('vitalmesh-hub', '--version')).stdout, /^\d+\.\d+\.\d+\n$/);
});

test('it holds what is needed and nothing else', () => {
  const top = readdirSync(join(folder, 'node_modules', 'vitalmesh')).sort();
  assert.deepEqual(top, ['ARCHITECTURE.md', 'CHANGELOG.md', 'LICENSE', 'README.md', 'SECURITY.md', 'bin', 'dist', 'package.json']);
  assert.ok(existsSync(join(folder, 'node_modules', 'vitalmesh', 'dist', 'agent', 'mappings', 'home-hub.yaml')));
});

test('a bad command keeps its exit code through the launcher', async () => {
  await assert.rejects(command('vitalmesh-agent', 'nonsense'), { code: 2 });
});

test('packing leaves nothing behind in the checkout', () => {
  assert.ok(!existsSync(join(root, 'dist')));
});

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
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

/** As GitHub and npm make it. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');

const command = (name: string, ...args: string[]) => run(join(folder, 'node_modules', '.bin', name), args, { cwd: folder, env });

test('the packed package installs into an empty folder and its commands run on the machine’s own Node', async () => {
  verifies('PACKAGE-WORKS');
  assert.match((await command('vitalmesh', '--help')).stdout, /vitalmesh demo/);
  assert.match((await command('vitalmesh-agent', 'decode', '--list')).stdout, /nonin-df8/);
  assert.match((await command('vitalmesh-hub', '--version')).stdout, /^\d+\.\d+\.\d+\n$/);
});

test('it holds what is needed and nothing else', () => {
  const top = readdirSync(join(folder, 'node_modules', 'vitalmesh')).sort();
  const texts = ['ARCHITECTURE.md', 'CHANGELOG.md', 'LICENSE', 'OPERATIONS.md', 'README.md', 'RELIABILITY.md', 'SECURITY.md', 'THREATS.md'];
  assert.deepEqual(top, [...texts, 'bin', 'dist', 'docs', 'package.json']);
  for (const file of ['mappings/home-hub.yaml', 'hl7/dialects/example-site.yaml'])
    assert.ok(existsSync(join(folder, 'node_modules', 'vitalmesh', 'dist', 'agent', file)), file);
});

test('every relative link of its texts points at a file that it holds, and at a heading there', () => {
  verifies('PACKAGE-WORKS');
  const packed = join(folder, 'node_modules', 'vitalmesh');
  const read = (name: string): string => readFileSync(join(packed, name), 'utf8');
  const texts = readdirSync(packed).filter((name) => name.endsWith('.md'));
  let links = 0;
  for (const name of texts) {
    for (const [, target = ''] of read(name).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      links += 1;
      const [file, anchor] = target.split('#');
      const pointed = file || name;
      assert.ok(existsSync(join(packed, pointed)), `${name}: ${target}`);
      if (anchor === undefined) continue;
      const headings = [...read(pointed).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => anchorOf(heading));
      assert.ok(headings.includes(anchor), `${name}: ${target}`);
    }
  }
  assert.ok(links > 0);
});

test('a bad command keeps its exit code through the launcher', async () => {
  await assert.rejects(command('vitalmesh-agent', 'nonsense'), { code: 2 });
});

test('packing leaves nothing behind in the checkout', () => {
  assert.ok(!existsSync(join(root, 'dist')));
});

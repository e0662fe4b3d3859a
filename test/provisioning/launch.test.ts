import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

const root = join(import.meta.dirname, '..', '..');

test('a command in a clone or a package without any packages says how to install them', () => {
  const folder = mkdtempSync(join(tmpdir(), 'vm-launch-'));
  try {
    cpSync(join(root, 'bin'), join(folder, 'bin'), { recursive: true });
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
    const hub = () => spawnSync(process.execPath, [join(folder, 'bin', 'vitalmesh-hub.mjs'), '--version'], { encoding: 'utf8' });
    const installed = hub();
    assert.equal(installed.status, 1);
    assert.match(installed.stderr, /packages .* are not installed\. .*npm install vitalmesh\n$/);
    mkdirSync(join(folder, 'scripts'));
    writeFileSync(join(folder, 'scripts', 'run.mjs'), '');
    assert.match(hub().stderr, /packages .* are not installed\. Run in .*: npm ci {2}\(npm run demo does it too\)\n$/);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('the benchmarks are listed without being run', () => {
  const { status, stdout } = spawnSync(process.execPath, [join(root, 'test', 'bench', 'run.ts'), '--help'], { encoding: 'utf8' });
  assert.equal(status, 0);
  assert.match(stdout, /hl7, outbox, ingest, store, access, recovery, latency, overlay, overlay-idle, overlay-fleet\n$/);
});

test('the soak says what is wrong with how it was called, and runs nothing', () => {
  for (const args of [['--minute', '1'], ['--minutes', 'x'], ['--minutes'], ['1']]) {
    const { status, stderr } = spawnSync(process.execPath, [join(root, 'test', 'soak', 'soak.ts'), ...args], { encoding: 'utf8' });
    assert.equal(status, 2);
    assert.match(stderr, /^USAGE: [^\n]*\n {2}See --help\.\nnpm run soak -- \[--minutes N\] \[--json\]\n$/);
  }
});

for (const name of ['test', 'torture', 'counterpart'])
  test(`npm run ${name} -- --help says how one file is run, and runs none`, () => {
    const { status, stdout } = spawnSync(process.execPath, [join(root, 'scripts', 'run.mjs'), name, '--help'], { encoding: 'utf8' });
    assert.equal(status, 0);
    assert.match(stdout, new RegExp(`^npm run ${name} \\[-- FILE\\.\\.\\.\\]\nAll files of test/.*, or those named\\.\n$`));
  });

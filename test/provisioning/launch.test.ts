import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import limits from '../../bin/flags.json' with { type: 'json' };
import { verifies } from '../requirements.ts';

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

/** A clone whose agent says how it was started. */
function telling(): { folder: string; agent: string } {
  const folder = mkdtempSync(join(tmpdir(), 'vm-launch-'));
  cpSync(join(root, 'bin'), join(folder, 'bin'), { recursive: true });
  for (const name of ['agent', 'node_modules/yaml']) mkdirSync(join(folder, name), { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  writeFileSync(join(folder, 'node_modules', 'yaml', 'index.js'), '');
  const says = 'JSON.stringify({ pid: process.pid, flags: process.execArgv, args: process.argv.slice(2) })';
  writeFileSync(join(folder, 'agent', 'main.ts'), `process.stdout.write(${says}); process.exitCode = 3;`);
  return { folder, agent: join(folder, 'bin', 'vitalmesh-agent.mjs') };
}

const WITHOUT_EXECVE = ['--import', 'data:text/javascript,process.execve = undefined'];

for (const [kind, before, isSame] of [
  ['becomes', [], true] as const,
  ['waits for, where it cannot become it,', WITHOUT_EXECVE, false] as const,
])
  test(`the launcher ${kind} the agent, whose heap it keeps small`, () => {
    verifies('MEMORY-LAUNCHER');
    const { folder, agent } = telling();
    try {
      const start = (options: string) =>
        spawnSync(process.execPath, [...before, agent, 'run', '--config', 'a b.yaml'], {
          encoding: 'utf8',
          env: { ...process.env, NODE_OPTIONS: options, VITALMESH_NODE: '' },
        });
      const usual = start('');
      const { pid, flags, args } = JSON.parse(usual.stdout) as { pid: number; flags: string[]; args: string[] };
      assert.equal(usual.stderr, '');
      assert.equal(usual.status, 3);
      assert.equal(pid === usual.pid, isSame);
      assert.deepEqual(flags, limits['agent/main']);
      assert.deepEqual(args, ['run', '--config', 'a b.yaml']);
      const own = start('--max-old-space-size=700');
      assert.deepEqual(
        (JSON.parse(own.stdout) as { flags: string[] }).flags,
        limits['agent/main'].filter((flag) => !flag.startsWith('--max-old-space-size')),
        'what the operator sets counts',
      );
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

test('a Node that is not there is told, as one line', () => {
  const { folder, agent } = telling();
  try {
    const { status, stderr } = spawnSync(process.execPath, [agent], {
      encoding: 'utf8',
      env: { ...process.env, VITALMESH_NODE: join(folder, 'no-node') },
    });
    assert.equal(status, 1);
    assert.match(stderr, /^Node could not be started: /);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('the benchmarks are listed without being run', () => {
  const { status, stdout } = spawnSync(process.execPath, [join(root, 'test', 'bench', 'run.ts'), '--help'], { encoding: 'utf8' });
  assert.equal(status, 0);
  assert.match(stdout, /hl7, outbox, ingest, store, access, recovery, latency, memory, overlay, overlay-idle, overlay-fleet\n$/);
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

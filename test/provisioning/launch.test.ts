import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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

test('a VITALMESH_NODE that cannot be run, or is too old or no Node, is told as one line, and nothing of it is run', () => {
  verifies('LAUNCHER-NODE');
  const { folder, agent } = telling();
  try {
    const file = (name: string, text: string | Uint8Array, mode = 0o755): string => {
      writeFileSync(join(folder, name), text, { mode });
      return join(folder, name);
    };
    const foreign = readFileSync(process.execPath).subarray(0, 4096);
    // Of the machine in an ELF header: one that nobody has.
    foreign.writeUInt16LE(0xfffe, 18);
    file('node', '#!/bin/sh\necho v24.0.0\n');
    const cases: [string, RegExp][] = [
      [join(folder, 'no-node'), /cannot be run \(ENOENT\)/],
      [folder, /is no file/],
      [file('plain', 'x', 0o644), /cannot be run \(EACCES\)/],
      [file('foreign', foreign), /cannot be run \(ENOEXEC\)|is no Node/],
      [file('empty', ''), /cannot be run|is no Node/],
      [file('old', '#!/bin/sh\necho v20.1.0\n'), /is Node v20\.1\.0/],
      [file('false', '#!/bin/sh\nexit 1\n'), /is no Node/],
      [file('nowhere', '#!/no/such/shell\n'), /cannot be run \(ENOENT\)/],
      ['node', /is no absolute path/],
      ['./node', /is no absolute path/],
    ];
    for (const [node, why] of cases)
      for (const before of [[], WITHOUT_EXECVE]) {
        const env = { ...process.env, NODE_OPTIONS: '', VITALMESH_NODE: node };
        const { status, stdout, stderr } = spawnSync(process.execPath, [...before, agent], { encoding: 'utf8', cwd: folder, env });
        assert.deepEqual([status, stdout], [1, ''], node);
        assert.match(stderr, /^Node could not be started: [^\n]*\n$/);
        assert.match(stderr, why);
      }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('a launcher under the permission model does not abort', () => {
  verifies('LAUNCHER-NODE');
  const { folder, agent } = telling();
  try {
    const env = { ...process.env, NODE_OPTIONS: '', VITALMESH_NODE: '' };
    const start = (...allowed: string[]) =>
      spawnSync(process.execPath, ['--permission', '--allow-fs-read=*', ...allowed, agent], { encoding: 'utf8', env });
    assert.equal(start('--allow-child-process').status, 3);
    const { status, signal, stderr } = start();
    assert.deepEqual([status, signal], [1, null]);
    assert.match(stderr, /^Node could not be started: [^\n]*\n$/);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('a program that a signal ended is told as a shell tells it', () => {
  verifies('LAUNCHER-NODE');
  const { folder, agent } = telling();
  try {
    for (const [signal, code] of [
      ['SIGKILL', 137] as const,
      ['SIGABRT', 134] as const,
      ['SIGSEGV', 139] as const,
      ['SIGHUP', 129] as const,
    ]) {
      writeFileSync(join(folder, 'agent', 'main.ts'), `process.kill(process.pid, '${signal}'); setInterval(() => {}, 1000);`);
      const env = { ...process.env, NODE_OPTIONS: '', VITALMESH_NODE: '' };
      assert.equal(spawnSync(process.execPath, [...WITHOUT_EXECVE, agent], { env }).status, code, signal);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('the benchmarks are listed without being run', () => {
  const { status, stdout } = spawnSync(process.execPath, [join(root, 'test', 'bench', 'run.ts'), '--help'], { encoding: 'utf8' });
  assert.equal(status, 0);
  assert.match(
    stdout,
    /hl7, outbox, ingest, clinical, store, access, recovery, latency, memory, mcp, mcp-updates, mcp-end-to-end, mcp-memory, overlay, overlay-idle, overlay-fleet\n$/,
  );
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

import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import type { AgentStatus } from '../../agent/status.ts';
import { loadIdentity } from '../../shared/identity/identity.ts';
import { pause } from '../../shared/lifecycle.ts';
import { askOperator } from '../../shared/operator/client.ts';
import { verifies } from '../requirements.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '..', '..');
const readme = readFileSync(join(root, 'README.md'), 'utf8');

/** Fenced blocks of one language, in order. */
function blocks(language: string): string[] {
  return [...readme.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].filter(([, name]) => name === language).map(([, , text = '']) => text);
}

/** Lines of the shell blocks, in order. A block with a command of OpenZiti's own tool needs a real network, which is not here. */
const shell = blocks('sh').map((block) => block.trim().split('\n'));
const needsOpenZiti = (lines: readonly string[]): boolean => lines.some((line) => line.startsWith('ziti '));
const commands = shell.filter((lines) => !needsOpenZiti(lines)).flat();
const withOpenZiti = shell.filter(needsOpenZiti).flat();

test('every npm command of the README is a script of the package', () => {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: Record<string, string> };
  const named = commands.filter((line) => line.startsWith('npm ')).map((line) => line.replace(/^npm (?:run )?/, '').split(' ')[0] ?? '');
  assert.ok(named.length >= 5);
  for (const name of named) assert.ok(scripts[name], name);
  for (const line of commands) assert.match(line, /^(npm |npx |printf )/, 'a command of another kind needs a test of its own');
});

test('what it says to do on a real OpenZiti network names commands that exist', async () => {
  assert.equal(withOpenZiti.length > 0, readme.includes('On a real OpenZiti network'));
  for (const line of withOpenZiti) {
    assert.match(line, /^(npx |ziti )/, 'a command of another kind needs a test of its own');
    if (line.startsWith('npx ')) assert.match((await run('sh', ['-c', `${inCheckout(line)} --help`])).stdout, /\S/, line);
  }
});

test('in an empty folder the commands of the README, in its order, make a network, enrol, and run hub and agent over it', async () => {
  verifies('README-WORKS');
  const folder = mkdtempSync(join(tmpdir(), 'vm-readme-'));
  const env = { ...process.env, VITALMESH_NODE: process.execPath, VITALMESH_AGENT__sources__0__port: '0' };
  const running: ChildProcess[] = [];
  try {
    for (const line of commands.filter((command) => command.includes('npx '))) {
      if (line.includes('vitalmesh-') && line.includes('--config') && !existsSync(join(folder, 'hub.yaml'))) writeConfiguration(folder);
      if (/ run --/.test(line)) {
        const free = line.includes('fabric run') ? ' --controller 127.0.0.1:0 --router 127.0.0.1:0' : '';
        const child = spawn('sh', ['-c', `exec ${inCheckout(line)}${free}`], { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
        running.push(child);
        await saysItRuns(child);
      } else {
        const { stdout } = await run('sh', ['-c', inCheckout(line)], { cwd: folder, env });
        assert.ok(stdout.length > 0 || line.includes(' export '), line);
      }
    }
    assert.equal(running.length, 3);
    await sendsToTheHub(join(folder, 'state', 'agent', 'operator.sock'));
  } finally {
    for (const child of running.reverse()) {
      child.kill('SIGTERM');
      if (child.exitCode === null) await once(child, 'exit');
    }
    rmSync(folder, { recursive: true, force: true });
  }
  assert.deepEqual(
    running.map(({ exitCode }) => exitCode),
    [0, 0, 0],
  );
});

/** A line of the README, run with the commands of this checkout. */
function inCheckout(line: string): string {
  return line.replaceAll(/npx (vitalmesh\S*)/g, (_all, name: string) => `'${join(root, 'bin', `${name}.mjs`)}'`);
}

/** The YAML blocks as files, with the ids of those who enrolled. */
function writeConfiguration(folder: string): void {
  for (const block of blocks('yaml')) {
    const name = /^# (\S+\.yaml)\n/.exec(block)?.[1];
    assert.ok(name, 'a YAML block begins with the name of its file');
    const content = block.replace(
      /([A-Z]+)-IDENTITY-ID/g,
      (_all, who: string) => loadIdentity(join(folder, `${who.toLowerCase()}.json`)).id,
    );
    writeFileSync(join(folder, name), content);
  }
}

/** Resolves when the program says that it has started; rejects with what it said when it ends before. */
function saysItRuns(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = '';
    for (const stream of [child.stdout, child.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => {
        said += text;
        if (/"msg":"(hub|agent) runs"|Ctrl-C stops it/.test(said)) resolve();
      });
    child.on('exit', () => reject(new Error(said)));
  });
}

/** Resolves when the agent is connected with the hub, over the network that the README made; rejects after 20 s. */
async function sendsToTheHub(operator: string): Promise<void> {
  const late = AbortSignal.timeout(20_000);
  for (;;) {
    const { overlay, uplink } = (await askOperator(operator, 'status')) as AgentStatus;
    if (overlay === 'ready' && uplink.state === 'connected') return;
    assert.ok(!late.aborted, JSON.stringify({ overlay, uplink }));
    await pause(20);
  }
}

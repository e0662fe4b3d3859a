import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { createCa, newIdentityId, writeIdentity } from '../../provisioning/fabric/ca.ts';
import { silentLogger } from '../../shared/log.ts';
import { startLocalSwitch } from '../../shared/overlay/local-switch.ts';

const root = join(import.meta.dirname, '..', '..');
const readme = readFileSync(join(root, 'README.md'), 'utf8');

/** Fenced blocks of one language, in order. */
function blocks(language: string): string[] {
  return [...readme.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].filter(([, name]) => name === language).map(([, , text = '']) => text);
}

const commands = blocks('sh').flatMap((block) => block.trim().split('\n'));

test('every npm command of the README is a script of the package', () => {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: Record<string, string> };
  const named = commands.filter((line) => line.startsWith('npm ')).map((line) => line.replace(/^npm (?:run )?/, '').split(' ')[0] ?? '');
  assert.ok(named.length >= 5);
  for (const name of named) assert.ok(scripts[name], name);
  for (const line of commands) assert.match(line, /^(npm |npx |printf )/, 'a command of another kind needs a test of its own');
});

test('the configuration of the README is good, and its commands do what it says, in its order', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'vm-readme-'));
  const env = { ...process.env, VITALMESH_NODE: process.execPath, VITALMESH_AGENT__sources__0__port: '0' };
  const running: ChildProcess[] = [];
  const ca = await createCa({ trustDomain: 'readme', commonName: 'README' });
  const ids = { 'HUB-IDENTITY-ID': newIdentityId(), 'AGENT-IDENTITY-ID': newIdentityId(), 'CLIENT-IDENTITY-ID': newIdentityId() };
  writeIdentity(join(folder, 'hub.json'), await ca.issueIdentity({ id: ids['HUB-IDENTITY-ID'], name: 'hub' }));
  writeIdentity(join(folder, 'agent.json'), await ca.issueIdentity({ id: ids['AGENT-IDENTITY-ID'], name: 'agent' }));
  for (const block of blocks('yaml')) {
    const name = /^# (\S+\.yaml)\n/.exec(block)?.[1];
    assert.ok(name, 'a YAML block begins with the name of its file');
    writeFileSync(
      join(folder, name),
      block.replace(/[A-Z]+-IDENTITY-ID/g, (id) => ids[id as keyof typeof ids]),
    );
  }
  const network = await startLocalSwitch({ folder: join(folder, 'overlay'), trusted: ca.caPem, log: silentLogger });
  try {
    for (const line of commands.filter((command) => command.includes('npx '))) {
      const shell = line.replaceAll(/npx (vitalmesh\S*)/g, (_all, name: string) => `'${join(root, 'bin', `${name}.mjs`)}'`);
      if (/ run --config/.test(line)) {
        const child = spawn('sh', ['-c', `exec ${shell}`], { cwd: folder, env, stdio: ['ignore', 'ignore', 'pipe'] });
        running.push(child);
        await saysItRuns(child);
      } else {
        const { stdout } = await promisify(execFile)('sh', ['-c', shell], { cwd: folder, env });
        assert.ok(stdout.length > 0 || line.includes(' export '), line);
      }
    }
    assert.equal(running.length, 2);
  } finally {
    for (const child of running.reverse()) {
      child.kill('SIGTERM');
      if (child.exitCode === null) await once(child, 'exit');
    }
    await network[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  }
  assert.deepEqual(
    running.map(({ exitCode }) => exitCode),
    [0, 0],
  );
});

function saysItRuns(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let log = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      log += text;
      if (/"msg":"(hub|agent) runs"/.test(log)) resolve();
    });
    child.on('exit', () => reject(new Error(log)));
  });
}

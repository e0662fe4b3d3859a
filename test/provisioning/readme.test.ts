import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseArgs, promisify } from 'node:util';
import type { AgentStatus } from '../../agent/status.ts';
import { barredRows } from '../../hub/access/barred.ts';
import { loadPolicy } from '../../hub/access/load-policy.ts';
import { entranceOf } from '../../hub/access/open-access.ts';
import { takenFromOperator } from '../../hub/access/operator-gaps.ts';
import { publicKeyOf } from '../../hub/backup/hpke.ts';
import { formatRecipient, readRecoveryKey } from '../../hub/backup/recovery-key.ts';
import { loadHubConfig } from '../../hub/config.ts';
import { loadRegistry } from '../../hub/registry/load-registry.ts';
import type { HubStatus } from '../../hub/status.ts';
import type { FabricAdmin } from '../../provisioning/fabric/admin.ts';
import { startFabric } from '../../provisioning/fabric/fabric.ts';
import { loadIdentity } from '../../shared/identity/identity.ts';
import { pause } from '../../shared/lifecycle.ts';
import { silentLogger } from '../../shared/log.ts';
import { askOperator } from '../../shared/operator/client.ts';
import { openZitiOverlay } from '../../shared/overlay/ziti/ziti.ts';
import { verifies } from '../requirements.ts';
import { FhirTestServer } from '../support/fhir-server.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '..', '..');
const readme = readFileSync(join(root, 'README.md'), 'utf8');

/** Fenced blocks of one language, in order. */
function blocks(language: string, text = readme): string[] {
  return [...text.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].filter(([, name]) => name === language).map(([, , block = '']) => block);
}

/** Lines of the shell blocks, in order; those under the heading of a real network apart. */
const linesOf = (text: string): string[] => blocks('sh', text).flatMap((block) => block.trim().split('\n'));
const realNetwork = /^## On a real OpenZiti network\n[\s\S]*?(?=^## )/m.exec(readme)?.[0] ?? '';
const fhirServer = /^### Without a hub: a FHIR server\n[\s\S]*?(?=^##)/m.exec(readme)?.[0] ?? '';
const commands = linesOf(readme.replace(realNetwork, '').replace(fhirServer, ''));

test('every npm command of the README is a script of the package', () => {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: Record<string, string> };
  const named = commands.filter((line) => line.startsWith('npm ')).map((line) => line.replace(/^npm (?:run )?/, '').split(' ')[0] ?? '');
  assert.ok(named.length >= 5);
  for (const name of named) assert.ok(scripts[name], name);
  for (const line of commands) assert.match(line, /^(npm |npx |printf )/, 'a command of another kind needs a test of its own');
});

test('the units of services start what is there, as the configuration above names it', () => {
  const { bin } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { bin: Record<string, string> };
  const named = blocks('yaml').map((block) => /^# (\S+)\n/.exec(block)?.[1]);
  const programs = blocks('ini').map((unit) => {
    const [, program = ''] = /^# \/etc\/systemd\/system\/(\S+)\.service\n/.exec(unit) ?? [];
    for (const line of unit.trim().split('\n').slice(1)) assert.match(line, /^(?:$|\[(?:Unit|Service|Install)\]$|[A-Z][A-Za-z]+=)/, line);
    const setting = (key: string): string[] => [...unit.matchAll(new RegExp(`^${key}=(.*)$`, 'gm'))].map(([, value = '']) => value);
    const [, command, config] = /^\/opt\/vitalmesh\/(\S+) run --config (\S+)$/.exec(setting('ExecStart').join()) ?? [];
    assert.equal(command, bin[program]);
    assert.ok(named.includes(config), program);
    assert.deepEqual(setting('Type'), ['exec']);
    assert.deepEqual(setting('ExecReload'), program === 'vitalmesh-hub' ? ['/bin/kill -HUP $MAINPID'] : []);
    return program;
  });
  assert.deepEqual(programs, ['vitalmesh-hub', 'vitalmesh-agent']);
});

test('what it says to do on a real OpenZiti network makes a network on which hub, agent and client may do their part', async () => {
  verifies('README-WORKS');
  const folder = mkdtempSync(join(tmpdir(), 'vm-readme-'));
  const address = { host: '127.0.0.1', port: 0 };
  const fabric = await startFabric({ home: join(folder, 'network'), controller: address, router: address, log: silentLogger });
  try {
    for (const line of linesOf(realNetwork)) {
      if (line.startsWith('ziti ')) await asZiti(line, fabric.admin, folder);
      else await run('sh', ['-c', inCheckout(line)], { cwd: folder, env: { ...process.env, VITALMESH_NODE: process.execPath } });
    }
    const may = async (name: string): Promise<string[]> => {
      await using overlay = await openZitiOverlay({ identity: loadIdentity(join(folder, `${name}.json`)), log: silentLogger });
      return (await overlay.services()).map((service) => `${service.name} ${service.permissions.join()}`).sort();
    };
    assert.deepEqual(await may('hub'), ['vitals-ingest Bind', 'vitals-mcp Bind', 'vitals-mcp-line Bind']);
    assert.deepEqual(await may('agent'), ['vitals-ingest Dial']);
    assert.deepEqual(await may('client'), ['vitals-mcp Dial', 'vitals-mcp-line Dial']);
  } finally {
    await fabric[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  }
});

test('in an empty folder the commands of the README, in its order, make a network, enrol, and run hub and agent over it', async () => {
  verifies('README-WORKS', 'POLICY-OPERATOR');
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
        const { stdout } = await run('sh', ['-c', withIds(inCheckout(line), folder)], { cwd: folder, env });
        assert.ok(stdout.length > 0 || line.includes(' export '), line);
      }
    }
    assert.equal(running.length, 3);
    assert.equal(loadRegistry(join(folder, 'registry-fhir.yaml')).gateway('FHIR-CLIENT-ID')?.tenant, 'st-elsewhere');
    assert.equal(loadRegistry(join(folder, 'registry-home.yaml')).gateways()[0]?.adopted?.length, 2);
    const { access, registry } = loadHubConfig(join(folder, 'hub-people.yaml'), {});
    assert.equal(loadHubConfig(join(folder, 'hub-siem.yaml'), {}).audit.feed?.type, 'syslog');
    const policy = loadPolicy(join(folder, 'policy.yaml'));
    assert.deepEqual(takenFromOperator(policy), [], 'an operator with this policy could not go on with the commands here');
    const { roles } = policy;
    assert.deepEqual(loadRegistry(join(folder, 'registry-wards.yaml'), roles).clients()[0]?.wards, ['icu']);
    assert.deepEqual(barredRows(loadRegistry(join(folder, registry)), entranceOf(access), Date.now()), []);
    for (const made of ['store.db', 'store.key']) assert.ok(existsSync(join(folder, 'restored', made)), made);
    const operator = join(folder, 'state', 'agent', 'operator.sock');
    await connects(operator, ({ overlay, uplink }) => overlay === 'ready' && uplink.state === 'connected');
    const hub = running.find(({ spawnargs }) => spawnargs.join(' ').includes('vitalmesh-hub'));
    const { pid } = (await askOperator(join(folder, 'state', 'hub', 'operator.sock'), 'status')) as HubStatus;
    const readAgain = says(hub, /"msg":"registry read again"/);
    process.kill(pid, 'SIGHUP');
    await readAgain;
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

test('what it says of a FHIR server makes an agent that sends there, with the token that was typed', async () => {
  verifies('README-WORKS', 'FHIR-SERVER-ONCE');
  const folder = mkdtempSync(join(tmpdir(), 'vm-readme-'));
  await using server = await FhirTestServer.listen();
  server.token = 'typed-4711';
  const [block = ''] = blocks('yaml', fhirServer);
  const [, name = ''] = /^# (\S+\.yaml)\n/.exec(block) ?? [];
  writeFileSync(join(folder, name), block);
  const here = { VITALMESH_AGENT__uplink__url: server.url, VITALMESH_AGENT__sources__0__port: '0' };
  const env = { ...process.env, VITALMESH_NODE: process.execPath, ...here };
  const lines = linesOf(fhirServer);
  assert.equal(lines.length, 4);
  let agent: ChildProcess | undefined;
  try {
    for (const line of lines) {
      if (line.includes(' run ')) {
        agent = spawn('sh', ['-c', `exec ${inCheckout(line)}`], { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
        await saysItRuns(agent);
        await connects(join(folder, 'state', 'agent', 'operator.sock'), ({ uplink }) => uplink.state === 'connected');
      } else {
        // What Node gives a child for its input is a socket, which cannot be opened by name.
        const typed = line.includes('/dev/stdin') ? "printf 'typed-4711\\n' | " : '';
        const { stdout } = await run('sh', ['-c', `${typed}${inCheckout(line)}`], { cwd: folder, env });
        assert.match(stdout, typed ? /^$/ : /good|^Uplink +connected/m, line);
      }
    }
    assert.deepEqual(server.requests[0]?.line, 'GET /fhir/metadata');
  } finally {
    agent?.kill('SIGTERM');
    if (agent?.exitCode === null) await once(agent, 'exit');
    rmSync(folder, { recursive: true, force: true });
  }
  assert.equal(agent?.exitCode, 0);
});

/** Does what OpenZiti's own tool would do (openziti.md §1), with the embedded network's controller; any other command fails the test. */
async function asZiti(line: string, admin: FabricAdmin, folder: string): Promise<void> {
  const words = [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '');
  const { values, positionals } = parseArgs({
    args: words.slice(1),
    allowPositionals: true,
    options: {
      attributes: { type: 'string', short: 'a' },
      output: { type: 'string', short: 'o' },
      username: { type: 'string', short: 'u' },
      'identity-roles': { type: 'string' },
      'edge-router-roles': { type: 'string' },
      'service-roles': { type: 'string' },
      semantic: { type: 'string' },
    },
  });
  const [edge, create, kind, name = '', type] = positionals;
  if (create === 'login') {
    assert.deepEqual([edge, positionals.length, values.username], ['edge', 3, 'admin'], line);
    return;
  }
  const list = (text: string | undefined): string[] => text?.split(',') ?? [];
  assert.deepEqual([edge, create], ['edge', 'create'], line);
  if (kind === 'service') await admin.createService({ name });
  else if (kind === 'edge-router-policy' || kind === 'service-edge-router-policy') {
    // The embedded network has one router, which is everybody's.
    const roles = kind === 'edge-router-policy' ? values['identity-roles'] : values['service-roles'];
    assert.ok(name !== '' && type === undefined && values.semantic === 'AnyOf', line);
    for (const role of [...list(roles), values['edge-router-roles'] ?? '']) assert.match(role, /^[#@][\w-]+$/, line);
  } else if (kind === 'service-policy') {
    assert.ok(type === 'Dial' || type === 'Bind', line);
    assert.equal(values.semantic, 'AnyOf');
    const roles = { identityRoles: list(values['identity-roles']), serviceRoles: list(values['service-roles']) };
    await admin.createPolicy({ name, type, semantic: 'AnyOf', ...roles });
  } else {
    assert.equal(kind, 'identity', line);
    const { jwt } = await admin.createIdentity({ name, attributes: list(values.attributes) });
    writeFileSync(join(folder, values.output ?? ''), jwt, { mode: 0o600 });
  }
}

/** A line of the README, run with the commands of this checkout. */
function inCheckout(line: string): string {
  return line.replaceAll(/npx (vitalmesh\S*)/g, (_all, name: string) => `'${join(root, 'bin', `${name}.mjs`)}'`);
}

/** With the ids of those who enrolled. */
function withIds(text: string, folder: string): string {
  return text.replace(/([A-Z]+)-IDENTITY-ID/g, (_all, who: string) => loadIdentity(join(folder, `${who.toLowerCase()}.json`)).id);
}

/** The YAML blocks as files, with the ids of those who enrolled. */
function writeConfiguration(folder: string): void {
  for (const block of blocks('yaml')) {
    const name = /^# (\S+\.yaml)\n/.exec(block)?.[1];
    assert.ok(name, 'a YAML block begins with the name of its file');
    const content = withIds(block, folder);
    const recipient = () => formatRecipient(publicKeyOf(readRecoveryKey(join(folder, 'recovery.key'))));
    writeFileSync(join(folder, name), content.replace('RECOVERY-RECIPIENT', recipient));
  }
}

/** Resolves when the program says that it has started; rejects with what it said when it ends before. */
function saysItRuns(child: ChildProcess): Promise<void> {
  return says(child, /"msg":"(hub|agent) runs"|Ctrl-C stops it/);
}

/** The same for anything that it says from now on. */
function says(child: ChildProcess | undefined, what: RegExp): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = '';
    for (const stream of [child?.stdout, child?.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => {
        said += text;
        if (what.test(said)) resolve();
      });
    child?.on('exit', () => reject(new Error(said)));
  });
}

/** Resolves when the agent is connected as it should be; rejects after 90 s. */
async function connects(operator: string, isConnected: (status: AgentStatus) => boolean): Promise<void> {
  const late = AbortSignal.timeout(90_000);
  for (;;) {
    const status = (await askOperator(operator, 'status')) as AgentStatus;
    if (isConnected(status)) return;
    assert.ok(!late.aborted, JSON.stringify([status.overlay, status.uplink]));
    await pause(20);
  }
}

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { after, before, describe, test } from 'node:test';
import { vitalmeshProgram } from '../../../provisioning/cli.ts';
import { addressOf, certificateLifeOf, signInOf } from '../../../provisioning/fabric/commands/run.ts';
import { runProgram } from '../../../shared/command-line.ts';
import { askOperator } from '../../../shared/operator/client.ts';
import { verifies } from '../../requirements.ts';
import { claimsOf } from './site.ts';

const MAIN = join(import.meta.dirname, '..', '..', '..', 'provisioning', 'main.ts');
const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-cli-'));
const home = join(folder, 'net');
after(() => rmSync(folder, { recursive: true, force: true }));

interface Finished {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** `vitalmesh fabric …` as a user calls it, in the test's folder, to its end. */
async function asUser(...args: string[]): Promise<Finished> {
  const child = spawn(process.execPath, [MAIN, 'fabric', ...args], { cwd: folder });
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  return { code, stdout, stderr };
}

/** The same, but only `run` and `identity create` in a process of their own: to start one takes most of the time. */
async function fabric(...args: string[]): Promise<Finished> {
  if (args[0] === 'run' || (args[0] === 'identity' && args[1] === 'create')) return asUser(...args);
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const printed = Promise.all([text(stdout), text(stderr)]);
  const code = await runProgram(vitalmeshProgram, ['fabric', ...args], { stdin: process.stdin, stdout, stderr });
  stdout.end();
  stderr.end();
  const [out, err] = await printed;
  return { code, stdout: out, stderr: err };
}

/** The same for one that must succeed; gives its standard output. */
async function done(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await fabric(...args);
  assert.deepEqual([code, stderr], [0, ''], args.join(' '));
  return stdout;
}

async function refused(code: string, exit: number, ...args: string[]): Promise<void> {
  const finished = await fabric(...args);
  assert.match(finished.stderr, new RegExp(`^${code}: `), args.join(' '));
  assert.deepEqual([finished.code, finished.stdout], [exit, ''], args.join(' '));
}

/** Starts `fabric run` on free ports and waits for its last line of welcome. */
async function startRun(): Promise<{ child: ChildProcess; welcome: string; stop(): Promise<Finished> }> {
  const child = spawn(process.execPath, [MAIN, 'fabric', 'run', '--home', home, '--controller', '127.0.0.1:0', '--router', 'localhost:0']);
  const stderr = text(child.stderr);
  const closed = once(child, 'close');
  const lines: string[] = [];
  for await (const line of createInterface(child.stdout)) {
    lines.push(line);
    if (line.startsWith('Ctrl-C')) break;
  }
  child.stdout.resume();
  const welcome = lines.join('\n');
  const stop = async (): Promise<Finished> => {
    child.kill('SIGTERM');
    const [code] = await closed;
    return { code, stdout: welcome, stderr: await stderr };
  };
  return { child, welcome, stop };
}

describe('vitalmesh fabric', () => {
  let running: Awaited<ReturnType<typeof startRun>>;
  before(async () => {
    running = await startRun();
  });
  after(() => {
    running.child.kill('SIGKILL');
  });

  test('says what it is, where it listens and how to go on', () => {
    assert.match(running.welcome, /trial, development and tests, on this machine alone. A hospital runs OpenZiti/);
    assert.match(running.welcome, /controller {2}https:\/\/127\.0\.0\.1:\d+\n/);
    assert.match(running.welcome, /router {6}tls:\/\/127\.0\.0\.1:\d+\n/);
    assert.match(running.welcome, /management {2}https:\/\/127\.0\.0\.1:\d+\/edge\/management\/v1,/);
    assert.match(running.welcome, /vitalmesh fabric identity create gw1 -o gw1\.jwt/);
    verifies('FABRIC-MANAGEMENT-ADMIN');
    const { username, password } = JSON.parse(readFileSync(join(home, 'management-admin.json'), 'utf8'));
    assert.equal(username, 'admin');
    assert.ok(running.welcome.includes('management-admin.json') && !running.welcome.includes(password));
    assert.equal(statSync(join(home, 'operator.sock')).mode & 0o777, 0o600);
  });

  test('creates, lists and changes through the running network and, after it stopped, on its state', async () => {
    verifies('FABRIC-COMMANDS', 'FABRIC-ONE-MACHINE');
    const at = ['--home', home];
    const created = await done('identity', 'create', 'gw1', '-o', 'gw1.jwt', '--attributes', 'gateways, ward-3', ...at);
    const jwt = readFileSync(join(folder, 'gw1.jwt'), 'utf8').trim();
    const { sub, iss } = claimsOf(jwt);
    assert.equal(statSync(join(folder, 'gw1.jwt')).mode & 0o777, 0o600);
    assert.ok(running.welcome.includes(String(iss)));
    assert.ok(created.includes(String(sub)) && created.includes('vitalmesh enroll gw1.jwt -o gw1.json'));
    assert.ok(!created.includes(jwt.split('.')[1] ?? jwt), 'the token is not printed');

    await refused('FABRIC-TOKEN-FILE', 1, 'identity', 'create', 'gw2', '-o', 'gw1.jwt', ...at);
    await refused('FABRIC-NAME', 1, 'identity', 'create', 'gw1', '-o', 'again.jwt', ...at);
    assert.equal(existsSync(join(folder, 'again.jwt')), false, 'no file without a token');
    assert.equal(readFileSync(join(folder, 'gw1.jwt'), 'utf8').trim(), jwt);

    assert.match(await done('service', 'create', 'vitals-ingest', ...at), /^Service vitals-ingest was created, encrypted end to end/);
    assert.match(await done('service', 'create', 'bench', '--plain', ...at), /not encrypted end to end/);
    const unborne = await fabric(
      'policy',
      'create',
      'in',
      '--dial',
      '--identities',
      '@gw1,#hubs',
      '--services',
      '@vitals-ingest',
      '--semantic',
      'AllOf',
      ...at,
    );
    assert.deepEqual([unborne.code, unborne.stderr], [0, 'Hint: no identity has #hubs yet.\n']);
    assert.match(unborne.stdout, /^Dial policy in was created/);
    assert.match(
      await done('policy', 'list', ...at),
      /^NAME +TYPE +SEMANTIC +IDENTITIES +SERVICES\nin +Dial +AllOf +@gw1,#hubs +@vitals-ingest\n$/,
    );
    const [listed] = JSON.parse(await done('policy', 'list', '--json', ...at));
    assert.deepEqual(
      [listed.identityRoles, listed.identityRoleNames],
      [
        [`@${sub}`, '#hubs'],
        ['@gw1', '#hubs'],
      ],
    );
    assert.deepEqual(listed.serviceRoleNames, ['@vitals-ingest']);
    await refused('STORAGE-LOCKED', 1, 'run', ...at, '--controller', '127.0.0.1:0', '--router', '127.0.0.1:0');

    const { code, stderr } = await running.stop();
    assert.equal(code, 0);
    for (const line of stderr.trim().split('\n')) assert.equal(JSON.parse(line).level, 'warn');
    assert.ok(!stderr.includes(jwt));

    const [identity] = JSON.parse(await done('identity', 'list', '--json', ...at));
    const { tokenExpiresAt, ...rest } = identity;
    assert.deepEqual(rest, { id: sub, name: 'gw1', attributes: ['gateways', 'ward-3'], disabled: false });
    assert.equal(Math.floor(tokenExpiresAt / 1000), claimsOf(jwt).exp);
    const until = new Date(tokenExpiresAt).toISOString();
    assert.match(await done('identity', 'list', ...at), new RegExp(`gw1 .*gateways,ward-3 +not enrolled, token good until ${until}\n$`));
    assert.match(await done('identity', 'disable', 'gw1', ...at), /^Identity gw1 is locked out/);
    assert.match(await done('identity', 'list', ...at), / disabled\n$/);
    const told = { id: sub, name: 'gw1' };
    assert.deepEqual(JSON.parse(await done('identity', 'enable', 'gw1', '--json', ...at)), { ...told, state: 'enabled' });
    assert.deepEqual(JSON.parse(await done('identity', 'disable', String(sub), '--json', ...at)), { ...told, state: 'disabled' });
    await done('identity', 'enable', 'gw1', ...at);
    await refused('FABRIC-UNKNOWN', 1, 'identity', 'delete', 'gw9', '--json', ...at);
    const { id, file } = JSON.parse(await done('identity', 'token', 'gw1', '-o', join(folder, 'new.jwt'), '--json', ...at));
    assert.deepEqual([id, file], [sub, join(folder, 'new.jwt')]);
    const renewed = claimsOf(readFileSync(join(folder, 'new.jwt'), 'utf8'));
    assert.equal(renewed.iss, iss, 'offline tokens name the controller as it last ran');
    assert.notEqual(renewed.jti, claimsOf(jwt).jti);
    const made = JSON.parse(await done('service', 'create', 'extra', '--json', ...at));
    assert.deepEqual([made.name, made.encryptionRequired, typeof made.id], ['extra', true, 'string']);
    const policy = ['policy', 'create', 'out', '--bind', '--identities', '@gw1', '--services', '@extra', ...at] as const;
    const allowed = JSON.parse(await done(...policy, '--json'));
    assert.deepEqual([allowed.type, allowed.serviceRoles, allowed.serviceRoleNames], ['Bind', [`@${made.id}`], ['@extra']]);
    const named = (list: string): string[] => (JSON.parse(list) as { name: string }[]).map(({ name }) => name);
    const firstColumn = (table: string): string[] =>
      table
        .trimEnd()
        .split('\n')
        .slice(1)
        .map((line) => line.split(' ', 1)[0] ?? '');
    for (const name of ['m-2', 'a-1']) await done('policy', 'create', name, '--dial', '--identities', '@gw1', '--services', '#all', ...at);
    const sorted = { service: ['bench', 'extra', 'vitals-ingest'], policy: ['a-1', 'in', 'm-2', 'out'] };
    for (const [kind, names] of Object.entries(sorted)) {
      assert.deepEqual(named(await done(kind, 'list', '--json', ...at)), names);
      assert.deepEqual(firstColumn(await done(kind, 'list', ...at)), names);
    }
    for (const name of ['m-2', 'a-1']) await done('policy', 'delete', name, ...at);
    await done('policy', 'delete', 'out', ...at);
    await done('service', 'delete', 'extra', ...at);
    await refused('FABRIC-ROLE', 1, 'policy', 'create', 'p', '--dial', '--identities', 'gateways', '--services', '#all', ...at);
    await refused('FABRIC-ROLE', 1, 'service', 'create', 's', '--attributes', '#x', ...at);
    const services = JSON.parse(await done('service', 'list', '--json', ...at));
    assert.deepEqual(
      services.map(({ name, encryptionRequired }: { name: string; encryptionRequired: boolean }) => [name, encryptionRequired]),
      [
        ['bench', false],
        ['vitals-ingest', true],
      ],
    );
    await done('policy', 'delete', 'in', ...at);
    await done('service', 'delete', 'vitals-ingest', ...at);
    assert.deepEqual(JSON.parse(await done('identity', 'delete', String(sub), '--json', ...at)), { ...told, state: 'deleted' });
    assert.match(await done('identity', 'list', ...at), /^No identities yet/);
    assert.deepEqual(JSON.parse(await done('policy', 'list', '--json', ...at)), []);
  });
});

describe('vitalmesh fabric, called wrongly', () => {
  test('tells what is wrong and makes nothing', async () => {
    const nowhere = join(folder, 'nowhere');
    await refused('FABRIC-STATE', 1, 'identity', 'list', '--home', nowhere);
    await refused('FABRIC-STATE', 1, 'identity', 'token', 'x', '-o', join(folder, 'x.jwt'), '--home', nowhere);
    assert.equal(existsSync(join(folder, 'x.jwt')), false);
    await refused('FABRIC-ADDRESS', 1, 'run', '--home', nowhere, '--controller', '0.0.0.0:1280');
    await refused('USAGE', 2, 'run');
    assert.match((await fabric('identity', 'token', 'x', '--home', nowhere)).stderr, /: -o is missing\n/);
    assert.match(await done('service', 'create', '-h'), /^vitalmesh fabric service create NAME/);
    await refused('USAGE', 2, 'run', '--home', nowhere, '--router', '3022');
    await refused('USAGE', 2, 'identity', 'list');
    await refused('USAGE', 2, 'policy', 'create', 'p', '--identities', '#a', '--services', '#b', '--home', nowhere);
    await refused('USAGE', 2, 'policy', 'create', 'p', '--dial', '--bind', '--identities', '#a', '--services', '#b', '--home', nowhere);
    assert.equal(existsSync(nowhere), false);
    const open = join(folder, 'open');
    mkdirSync(open, { mode: 0o755 });
    writeFileSync(join(open, 'mine.txt'), 'x');
    await refused('FABRIC-STATE', 1, 'run', '--home', open, '--controller', '127.0.0.1:0', '--router', '127.0.0.1:0');
  });

  test('addresses are HOST:PORT, IPv6 in brackets', () => {
    const usual = '127.0.0.1:1280';
    assert.deepEqual(addressOf(undefined, usual, '--controller'), { host: '127.0.0.1', port: 1280 });
    assert.deepEqual(addressOf('[::1]:80', usual, '--controller'), { host: '[::1]', port: 80 });
    for (const wrong of ['', '1280', 'a:b', '::1:80', 'a:1:2', 'a:123456', '[::1]', ':80'])
      assert.throws(() => addressOf(wrong, usual, '--controller'), { code: 'USAGE' }, wrong);
  });

  test('OIDC is offered unless it is left out', () => {
    assert.deepEqual([signInOf(undefined), signInOf('both'), signInOf('certificate')], ['both', 'both', 'certificate']);
    for (const wrong of ['oidc', '', true]) assert.throws(() => signInOf(wrong), { code: 'USAGE' });
  });

  test('certificates last as long as is said', () => {
    assert.deepEqual([certificateLifeOf(undefined), certificateLifeOf('30')], [{}, { certificateLifeMs: 30_000 }]);
    for (const wrong of ['', '9', '1.5', '1e12', 'year', true]) assert.throws(() => certificateLifeOf(wrong), { code: 'USAGE' });
  });

  test("the operator's socket takes arguments strictly", async () => {
    const running = await startRun();
    const socket = join(home, 'operator.sock');
    try {
      for (const args of [{}, { name: 1 }, { name: 'x', admin: true }, { name: 'x', attributes: 'a' }, { name: ['x'] }])
        await assert.rejects(askOperator(socket, 'identity-create', args), { code: 'USAGE' }, JSON.stringify(args));
      await assert.rejects(askOperator(socket, 'policy-create', { name: 'p', type: 'Both', identityRoles: [], serviceRoles: [] }), {
        code: 'USAGE',
      });
      await assert.rejects(askOperator(socket, 'identity-delete', { which: { $ne: 1 } }), { code: 'USAGE' });
      await assert.rejects(askOperator(socket, 'constructor', {}), { code: 'OPERATOR-COMMAND' });
    } finally {
      await running.stop();
    }
  });
});

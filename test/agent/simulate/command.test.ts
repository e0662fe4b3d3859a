import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { runSimulate } from '../../../agent/simulate/command.ts';
import { FAULTS } from '../../../agent/simulate/faults.ts';
import { SIMULATORS } from '../../../agent/simulate/index.ts';
import { verifies } from '../../requirements.ts';
import { TestAuthority } from '../../support/certificates.ts';
import { AgentEnd } from './agent-end.ts';

async function call(
  argv: readonly string[],
  signal = new AbortController().signal,
): Promise<{ code: number; stdout: string; stderr: string }> {
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const code = await runSimulate(argv, { stdin: Readable.from([]), stdout, stderr }, signal);
  return { code, stdout: await text(stdout.end()), stderr: await text(stderr.end()) };
}

const lines = (output: string): Record<string, unknown>[] =>
  output
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

test('simulate --json tells each message and its answer, and sums up', async () => {
  await using end = await AgentEnd.start({ type: 'mllp-server', host: '127.0.0.1', port: 0 });
  const to = `127.0.0.1:${end.target.port}`;
  const { code, stdout, stderr } = await call(['hl7-pcd01', '--to', to, '--every', '0', '--count', '3', '--json']);
  assert.equal(code, 0);
  assert.equal(stderr, '');
  const said = lines(stdout);
  assert.deepEqual(
    said.map(({ event }) => event),
    ['ready', 'connected', 'sent', 'answered', 'sent', 'answered', 'sent', 'answered', 'done'],
  );
  assert.deepEqual(said.at(-1), { event: 'done', sent: 3, acknowledged: 3, refused: 0, lost: 0, again: 0 });
  assert.doesNotMatch(stdout, /TEST-0001|OBX/);
});

test('simulate prints counts and a summary, and that it is a test', async () => {
  await using end = await AgentEnd.start({ type: 'mllp-server', host: '127.0.0.1', port: 0 });
  const to = `127.0.0.1:${end.target.port}`;
  const { code, stdout } = await call(['hl7-pcd01', '--to', to, '--every', '0', '--count', '2']);
  assert.equal(code, 0);
  assert.match(stdout, /^hl7-pcd01: 127\.0\.0\.1:\d+ \(test data; not a medical device, not an alarm system\)$/m);
  assert.match(stdout, /^sent 2, answered AA 2$/m);
  assert.match(stdout, /^2 messages: 2 acknowledged, 0 refused, 0 lost; 0 times something was sent again$/m);
});

for (const profile of ['nonin-df8', 'masimo-ascii1'])
  test(`a format without a place for a mark says so before it begins: ${profile}`, async () => {
    verifies('TEST-MARKED');
    const stop = new AbortController();
    stop.abort();
    const { code, stderr } = await call([profile, '--listen', '127.0.0.1:0'], stop.signal);
    assert.equal(code, 0);
    assert.match(
      stderr,
      new RegExp(
        `^NOTHING in the format ${profile} can say that this is a test, .*: set \`test: true\` for the source that reads it\\.\n$`,
      ),
    );
  });

test('a bed with its unit is refused with the form that is taken', async () => {
  const { code, stderr } = await call(['hl7-pcd01', '--to', '127.0.0.1:1', '--bed', 'ICU^^BED-1']);
  assert.equal(code, 2);
  assert.match(stderr, /^USAGE: .*--bed is the bed alone/);
});

test('nobody there is an error of its own, and a port in use too', async () => {
  await using end = await AgentEnd.start({ type: 'mllp-server', host: '127.0.0.1', port: 0 });
  const taken = `127.0.0.1:${end.target.port}`;
  const listening = await call(['hl7-nihon-kohden', '--listen', taken]);
  assert.deepEqual([listening.code, listening.stderr.split(':')[0]], [1, 'SOURCE-OPEN']);
  await end.stop();
  const calling = await call(['hl7-pcd01', '--to', taken, '--every', '0', '--count', '1']);
  assert.deepEqual([calling.code, calling.stderr.split(':')[0]], [1, 'SOURCE-OPEN']);
});

test('--list names every device and every fault', async () => {
  const { stdout } = await call(['--list']);
  const listed = JSON.parse((await call(['--list', '--json'])).stdout);
  for (const { profile } of SIMULATORS) assert.ok(stdout.includes(`  ${profile} `));
  for (const { name } of FAULTS) assert.ok(stdout.includes(`  ${name} `));
  assert.equal(listed.devices.length, SIMULATORS.length);
  assert.equal(listed.faults.length, FAULTS.length);
});

const WRONG: [argv: string[], said: RegExp][] = [
  [[], /PROFILE is missing/],
  [['hl7-pcd02', '--to', '127.0.0.1:1'], /did you mean 'hl7-pcd01'\?/],
  [['hl7-pcd01'], /this device calls: --to HOST:PORT/],
  [['hl7-pcd01', '--listen', '127.0.0.1:0'], /this device calls: --to HOST:PORT/],
  [['hl7-mindray-pds', '--to', '127.0.0.1:1'], /this device listens: --listen HOST:PORT \(its own port is 4601\)/],
  [['hl7-pcd01', '--to', '127.0.0.1'], /expected HOST:PORT/],
  [['hl7-pcd01', '--to', '127.0.0.1:0'], /expected HOST:PORT/],
  [['hl7-pcd01', '--to', '127.0.0.1:70000'], /expected HOST:PORT/],
  [['hl7-pcd01', '--to', '127.0.0.1:1', '--bed', 'ICU|1'], /--bed may have/],
  [['hl7-pcd01', '--to', '127.0.0.1:1', '--patient', 'A B'], /--patient may have/],
  [['hl7-pcd01', '--to', '127.0.0.1:1', '--count', '-1'], /unknown or incomplete/],
  [['hl7-pcd01', '--to', '127.0.0.1:1', '--every', '1.5'], /--every is no whole number/],
  [['hl7-pcd01', '--to', '127.0.0.1:1', '--fault', 'garbag'], /did you mean 'garbage'\?/],
  [['nonin-df8', '--listen', '127.0.0.1:0', '--fault', 'duplicate'], /this device sends none/],
  [['hl7-pcd01', '--to', '127.0.0.1:1', '--tls-name', 'gateway'], /are for devices that call by TLS/],
  [['hl7-pcd01', '--too', '127.0.0.1:1'], /unknown or incomplete option/],
];
for (const [argv, said] of WRONG) {
  test(`simulate ${argv.join(' ')}: called wrongly`, async () => {
    const { code, stdout, stderr } = await call(argv);
    assert.equal(code, 2);
    assert.equal(stdout, '');
    assert.match(stderr, /^USAGE: /);
    assert.match(stderr, said);
  });
}

test('--tls-ca calls by TLS, and talks to nobody else', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-simulate-'));
  const put = (name: string, content: string): string => {
    writeFileSync(join(folder, name), content, { mode: 0o600 });
    return join(folder, name);
  };
  try {
    const [authority, stranger] = [await TestAuthority.make(), await TestAuthority.make()];
    const { cert, key } = await authority.issue('gateway.test');
    const tls = { certFile: put('cert.pem', cert), keyFile: put('key.pem', key) };
    await using end = await AgentEnd.start({ type: 'mllp-server', host: '127.0.0.1', port: 0, tls });
    const argv = (ca: string): string[] => [
      ...['hl7-pcd01', '--to', `127.0.0.1:${end.target.port}`, '--every', '0', '--count', '1', '--json'],
      ...['--tls-ca', put('ca.pem', ca), '--tls-name', 'gateway.test'],
    ];
    const { code, stdout } = await call(argv(authority.pem));
    assert.equal(code, 0);
    assert.deepEqual(lines(stdout).at(-1), { event: 'done', sent: 1, acknowledged: 1, refused: 0, lost: 0, again: 0 });
    const foreign = await call(argv(stranger.pem));
    assert.deepEqual([foreign.code, foreign.stderr.split(':')[0]], [1, 'SOURCE-OPEN']);
    await end.stop();
    assert.equal((await end.records()).length, 2);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { vitalmeshProgram } from '../../provisioning/cli.ts';
import { runProgram } from '../../shared/command-line.ts';
import { loadIdentity } from '../../shared/identity/identity.ts';
import { verifies } from '../requirements.ts';
import { IDENTITY_ID, SECRET } from '../support/ziti/enrolling-controller.ts';
import { EnrollingSite } from '../support/ziti/enrolling-site.ts';

const MAIN = join(import.meta.dirname, '..', '..', 'provisioning', 'main.ts');

async function vitalmesh(argv: readonly string[], stdin = ''): Promise<{ code: number; out: string; err: string }> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const code = await runProgram(vitalmeshProgram, argv, { stdin: Readable.from(stdin === '' ? [] : [Buffer.from(stdin)]), stdout, stderr });
  stdout.end();
  stderr.end();
  return { code, out: await text(stdout), err: await text(stderr) };
}

/** The path of a token file, as `ziti edge create identity NAME -o NAME.jwt` writes it. */
function tokenFile(site: EnrollingSite, token = site.controller.token()): string {
  const path = join(site.folder, 'gw1.jwt');
  writeFileSync(path, `${token}\n`);
  return path;
}

test('vitalmesh enroll says who this machine is now, where the identity lies, and what comes next', async () => {
  await using site = await EnrollingSite.open();
  const token = tokenFile(site);
  const { code, out, err } = await vitalmesh(['enroll', token, '-o', site.identityPath]);
  assert.deepEqual([code, err], [0, '']);
  assert.match(out, new RegExp(`^Enrolled as ${IDENTITY_ID} at ${site.controller.url}/`));
  assert.ok(out.includes(`set 'identity: ${site.identityPath}' in hub.yaml`));
  assert.ok(!out.includes(SECRET));
  assert.equal(loadIdentity(site.identityPath).id, IDENTITY_ID);
  assert.ok(existsSync(token));
});

test('the token can come from standard input, and the answer be read by a machine', async () => {
  await using site = await EnrollingSite.open();
  const { code, out } = await vitalmesh(['enroll', '-', '--output', site.identityPath, '--json'], `${site.controller.token()}\n`);
  assert.equal(code, 0);
  assert.deepEqual(JSON.parse(out), {
    id: IDENTITY_ID,
    file: site.identityPath,
    controllers: [`${site.controller.url}/edge/client/v1`],
  });
});

test('every way to fail is told in one coded line with its advice, and nothing is written', async () => {
  verifies('ENROLL-CLEAR');
  await using site = await EnrollingSite.open();
  await using other = await EnrollingSite.open();
  const { controller } = site;
  const [header, , signature] = controller.token().split('.');
  const tampered = Buffer.from(JSON.stringify({ ...controller.claims(), sub: 'admin' })).toString('base64url');
  controller.enroll = () => ({ status: 400, body: '{"error":{"code":"INVALID_ENROLLMENT_TOKEN"}}' });
  const cases: Record<string, string> = {
    'ENROLL-EXPIRED': controller.token({ exp: 1_700_000_000 }),
    'ENROLL-KIND': controller.token({ em: 'updb' }),
    'ENROLL-SPENT': controller.token(),
    'ENROLL-TOKEN': `${header}.${tampered}.${signature}`,
    'ENROLL-TOKEN: ': other.controller.token({ iss: controller.url }),
    'ENROLL-TOKEN: The': 'x'.repeat(70_000),
  };
  for (const [begin, token] of Object.entries(cases)) {
    const { code, out, err } = await vitalmesh(['enroll', tokenFile(site, token), '-o', site.identityPath]);
    assert.deepEqual([code, out], [1, '']);
    assert.ok(err.startsWith(begin), err);
    assert.match(err, /^[A-Z-]+: [^\n]+\n {2}[^\n]+\n$/);
    assert.ok(!err.includes(SECRET));
    assert.deepEqual(readdirSync(site.folder), ['gw1.jwt']);
  }
});

test('a token file that is not there, and a call without a place for the identity, are named', async () => {
  await using site = await EnrollingSite.open();
  const missing = await vitalmesh(['enroll', join(site.folder, 'no.jwt'), '-o', site.identityPath]);
  assert.match(missing.err, /^USAGE: .*no\.jwt cannot be read \(ENOENT\)\n/);
  const nowhere = await vitalmesh(['enroll', tokenFile(site)]);
  assert.deepEqual([nowhere.code, site.controller.connections], [2, 0]);
  assert.match(nowhere.err, /^USAGE: .*-o is missing/);
  assert.match((await vitalmesh(['enroll', '-o', site.identityPath])).err, /^USAGE: .*TOKEN\.jwt is missing/);
});

test('a process killed while the controller has the token leaves its key, and the same command again succeeds with it', async () => {
  verifies('ENROLL-KEY-FIRST');
  await using site = await EnrollingSite.open();
  const { controller } = site;
  const { enroll } = controller;
  const argv = ['enroll', tokenFile(site), '-o', site.identityPath];
  const asked = Promise.withResolvers<void>();
  controller.enroll = () => {
    asked.resolve();
    return 'hang';
  };
  const child = spawn(process.execPath, [MAIN, ...argv], { stdio: 'ignore' });
  await asked.promise;
  child.kill('SIGKILL');
  await once(child, 'exit');
  assert.deepEqual(readdirSync(site.folder), ['gw1.json.key', 'gw1.jwt']);
  const key = readFileSync(site.keyPath, 'utf8');
  controller.enroll = enroll;
  assert.equal((await vitalmesh(argv)).code, 0);
  assert.equal(loadIdentity(site.identityPath).keyPem, key);
  assert.deepEqual(readdirSync(site.folder), ['gw1.json', 'gw1.jwt']);
});

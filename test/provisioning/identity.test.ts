import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { vitalmeshProgram } from '../../provisioning/cli.ts';
import type { ShownIdentity } from '../../provisioning/commands/identity.ts';
import { runProgram } from '../../shared/command-line.ts';
import { loadIdentity } from '../../shared/identity/identity.ts';
import { IdentityFiles } from '../../shared/identity/identity-files.ts';
import { verifies } from '../requirements.ts';
import { LOST, RenewingSite } from '../shared/overlay/ziti/renewal/renewing-site.ts';
import { tellsTime } from '../support/tells-time.ts';
import { refused } from '../support/ziti/controller-script.ts';
import { plannedFabric } from '../support/ziti/network.ts';

interface Said {
  code: number;
  stdout: string;
  stderr: string;
}

async function call(...argv: string[]): Promise<Said> {
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const code = await runProgram(vitalmeshProgram, ['identity', ...argv], { stdin: Readable.from([]), stdout, stderr });
  return { code, stdout: await text(stdout.end()), stderr: await text(stderr.end()) };
}

async function shown(path: string): Promise<ShownIdentity> {
  const { code, stdout } = await call('show', path, '--json');
  assert.equal(code, 0);
  return JSON.parse(stdout) as ShownIdentity;
}

const DAY_MS = 24 * 60 * 60 * 1000;

test('identity show tells whose it is, how long it is good, and never the key', async () => {
  verifies('IDENTITY-COMMANDS');
  await using site = await RenewingSite.start({ notBefore: Date.now() - DAY_MS, notAfter: Date.now() + 9.5 * DAY_MS });
  const { code, stdout } = await call('show', site.path);
  assert.equal(code, 0);
  const lines = stdout.trimEnd().split('\n');
  assert.deepEqual(
    lines.map((line) => line.slice(0, 13).trim()),
    ['Identity', 'Trust domain', 'Controllers', 'Valid', 'Key', 'Renewal'],
  );
  assert.match(stdout, /^Identity +gw1 \(Gateway 1\)$/m);
  assert.match(stdout, /^Valid +\d{4}-.* to \d{4}-.*, 9 days left$/m);
  assert.match(stdout, /^Key +EC prime256v1$/m);
  assert.match(stdout, /^Renewal +not begun$/m);
  const json = await shown(site.path);
  assert.deepEqual(Object.keys(json), [
    ...['file', 'id', 'name', 'trustDomain', 'controllers', 'notBefore', 'notAfter', 'daysLeft', 'key', 'renewalPending'],
  ]);
  assert.deepEqual([json.id, json.name, json.trustDomain, json.daysLeft], ['gw1', 'Gateway 1', 'vitalmesh.test', 9]);
  const secret = loadIdentity(site.path).keyPem.split('\n')[1] ?? '';
  assert.ok(secret.length > 40);
  for (const said of [stdout, JSON.stringify(json)]) assert.equal(said.includes(secret) || said.includes('PRIVATE'), false);
  assert.deepEqual(site.script.asked, [], 'it asks nobody');
});

test('identity show tells hours and minutes near the end, and does not count days by a clock that stands before the beginning', async () => {
  verifies('IDENTITY-COMMANDS');
  const shownValid = async (notBefore: number, notAfter: number): Promise<string> => {
    await using site = await RenewingSite.start({ notBefore, notAfter });
    return (await call('show', site.path)).stdout;
  };
  const now = Date.now();
  assert.match(await shownValid(now - DAY_MS, now + DAY_MS / 48), /^Valid .*, (?:29|30) min left$/m);
  assert.match(await shownValid(now - DAY_MS, now + 1.52 * DAY_MS), /^Valid .*, 36 h left$/m);
  assert.match(await shownValid(now + DAY_MS, now + 9 * DAY_MS), /^Valid .*, by this machine's clock not good yet; is the clock right\?$/m);
});

test('identity show tells a certificate that has ended, a renewal that was begun, and files that cannot be used', async () => {
  verifies('IDENTITY-COMMANDS');
  await using site = await RenewingSite.start({ notBefore: Date.now() - 9 * DAY_MS, notAfter: Date.now() - DAY_MS / 2 });
  assert.match((await call('show', site.path)).stdout, /EXPIRED$/m);
  assert.equal((await shown(site.path)).daysLeft, -1);
  writeFileSync(`${site.path}.next.key`, 'key', { mode: 0o600 });
  assert.equal((await shown(site.path)).renewalPending, 'key');
  writeFileSync(`${site.path}.next`, site.text, { mode: 0o600 });
  assert.equal((await shown(site.path)).renewalPending, 'certificate');
  writeFileSync(`${site.path}.next`, '{');
  assert.equal((await shown(site.path)).renewalPending, 'damaged');
  const missing = await call('show', `${site.path}.none`);
  assert.deepEqual([missing.code, missing.stderr.split(':')[0]], [1, 'IDENTITY-FILE']);
  assert.equal((await call('show')).code, 2);
});

test('identity renew does it on a real network, and says what it does', async () => {
  verifies('IDENTITY-COMMANDS');
  await using network = await plannedFabric({ services: [], identities: { gateway: { dial: [], bind: [] } } }, true);
  const path = network.identityPath('gateway');
  const before = loadIdentity(path);
  const { code, stdout, stderr } = await call('renew', path);
  assert.deepEqual([code, stderr], [0, '']);
  assert.match(stdout, new RegExp(`^Renewed: the certificate of ${before.id} is now good until \\d{4}-`, 'm'));
  const after = loadIdentity(path);
  assert.notEqual(after.certPem, before.certPem);
  const json = JSON.parse((await call('renew', path, '--json')).stdout);
  assert.deepEqual([json.id, json.file], [before.id, path]);
  assert.notEqual(loadIdentity(path).certPem, after.certPem);
  assert.equal((await shown(path)).renewalPending, 'none');
});

test('identity renew says after a failure which pair is good, and finishes when it is given again', async () => {
  verifies('IDENTITY-COMMANDS');
  await using site = await RenewingSite.start();
  site.refuseExtend = refused(403, 'FORBIDDEN');
  const denied = await call('renew', site.path);
  assert.equal(denied.code, 1);
  assert.match(denied.stderr, /^RENEW-REFUSED: .*FORBIDDEN; nothing has changed, the present certificate stays the one in use/);
  assert.equal((await shown(site.path)).renewalPending, 'key');
  site.refuseExtend = undefined;
  site.verifyReply = LOST;
  const cut = await call('renew', site.path);
  assert.match(cut.stderr, /^OVERLAY-UNREACHABLE: .*; old and new pair are both on disk and one of them signs in; give the command again/);
  assert.equal((await shown(site.path)).renewalPending, 'certificate');
  const finished = await call('renew', site.path);
  assert.deepEqual([finished.code, finished.stderr], [0, '']);
  assert.equal(site.fileSignsIn, true);
  assert.equal(readFileSync(site.path, 'utf8').includes('enableHa'), true);
});

/** A network that lives 450 days after this machine's clock, and renewed its controller's certificate since. */
async function laterSite(now: number): Promise<RenewingSite> {
  const validity = { notBefore: now - 100 * DAY_MS, notAfter: now + 500 * DAY_MS };
  const site = await RenewingSite.start(validity, { notBefore: now + 400 * DAY_MS, notAfter: now + 600 * DAY_MS });
  site.certified = (csr) => site.certify(csr, { validity: { notBefore: now + 449 * DAY_MS, notAfter: now + 800 * DAY_MS } });
  return site;
}

test("identity renew on a machine whose clock is slow goes by the controller's time", async () => {
  verifies('IDENTITY-COMMANDS', 'SLOW-CLOCK-CONNECTS');
  const now = Date.now();
  await using site = await laterSite(now);
  tellsTime(site.script, now + 450 * DAY_MS, []);
  const { code, stdout, stderr } = await call('renew', site.path);
  assert.deepEqual([code, stderr], [0, '']);
  const until = new Date(now + 800 * DAY_MS).toISOString().slice(0, 10);
  assert.match(stdout, new RegExp(`^Renewed: the certificate of gw1 is now good until ${until}T`, 'm'));
  assert.equal(site.script.lines[0], 'GET /version', 'the time is asked for before anything is shown');
  assert.equal(site.fileSignsIn, true);
  assert.match((await call('show', site.path)).stdout, /^Valid .*, by this machine's clock not good yet; is the clock right\?$/m);
});

test('identity renew on a machine whose clock is slow takes no certificate that begins after the time it was told', async () => {
  verifies('IDENTITY-COMMANDS', 'NO-CLOCK-BOUNDED');
  const now = Date.now();
  await using site = await laterSite(now);
  const before = site.text;
  site.certified = (csr) => site.certify(csr, { validity: { notBefore: now + 500 * DAY_MS, notAfter: now + 800 * DAY_MS } });
  tellsTime(site.script, now + 450 * DAY_MS, []);
  const refusal = await call('renew', site.path);
  assert.equal(refusal.code, 1);
  assert.match(refusal.stderr, /^IDENTITY-EXPIRED: .*not yet valid; nothing has changed, the present certificate stays the one in use/);
  assert.equal(site.text, before);
  assert.equal(site.posted.includes('extend-verify'), false);
});

test('identity renew leaves an identity alone that a process uses', async () => {
  verifies('IDENTITY-COMMANDS');
  await using site = await RenewingSite.start();
  {
    using _held = new IdentityFiles(site.path).lock();
    const { code, stderr } = await call('renew', site.path);
    assert.equal(code, 1);
    assert.match(stderr, /^IDENTITY-IN-USE: /);
    assert.deepEqual(site.script.asked, []);
  }
  assert.equal((await call('renew', site.path)).code, 0);
});

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { type Identity, loadIdentity } from '../../../../../shared/identity/identity.ts';
import { IdentityFiles } from '../../../../../shared/identity/identity-files.ts';
import { silentLogger } from '../../../../../shared/log.ts';
import { openController } from '../../../../../shared/overlay/ziti/controller/controller.ts';
import { renewIdentity } from '../../../../../shared/overlay/ziti/renewal/renew.ts';
import { verifies } from '../../../../requirements.ts';
import { plannedFabric } from '../../../../support/ziti/network.ts';

const CHILD = join(import.meta.dirname, 'renewal-child.ts');
const LIMITS = { signOutTimeoutMs: 50 };

/** Runs a renewal that dies behind its nth deed. Where it died; undefined when it came to its end. */
async function dies(path: string, nth: number): Promise<string | undefined> {
  const child = spawn(process.execPath, [CHILD, path, String(nth)], { stdio: ['ignore', 'pipe', 'pipe'] });
  const [said, complaint, [code, signal]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  if (signal === 'SIGKILL') return said.trim();
  assert.equal(code, 0, complaint);
  return undefined;
}

async function signsIn(identity: Identity): Promise<boolean> {
  await using controller = openController({ identity, limits: LIMITS });
  return await controller.signIn().then(
    () => true,
    (error) => {
      assert.equal(error.code, 'OVERLAY-SIGN-IN');
      return false;
    },
  );
}

/** The files of an identity, by what stands behind its name. */
function beside(path: string): string[] {
  return readdirSync(dirname(path))
    .filter((name) => name.startsWith(basename(path)))
    .map((name) => name.slice(basename(path).length))
    .sort();
}

test('killed behind everything it does on disk and over the network, the next start signs in and finishes', {
  timeout: 300_000,
}, async (t) => {
  verifies('RENEWAL-NEVER-LOCKS-OUT');
  const nobody = { dial: [], bind: [] };
  await using network = await plannedFabric({ services: [], identities: { odd: nobody, even: nobody } }, true);
  const found = await Promise.all([killedFrom(1, network.identityPath('odd')), killedFrom(2, network.identityPath('even'))]);
  const deaths = found.flatMap(({ deaths }) => deaths);
  const switched = found.reduce((sum, { switched }) => sum + switched, 0);
  t.diagnostic(`${deaths.length} deaths, ${switched} with the switch made and the file not yet replaced: ${deaths.join(', ')}`);
  for (const deed of ['extend answered', 'verify answered', 'signed in', 'renameSync .next']) assert.ok(deaths.includes(deed), deed);
  assert.ok(switched >= 3);
});

/** Every second death, from the nth on; two run side by side. */
async function killedFrom(first: number, path: string): Promise<{ deaths: string[]; switched: number }> {
  const deaths: string[] = [];
  let switched = 0;
  for (let nth = first; ; nth += 2) {
    const before = loadIdentity(path).certPem;
    const death = await dies(path, nth);
    if (death === undefined) break;
    deaths.push(death);

    // Whatever there is, is whole and nobody else's to read.
    const inFile = loadIdentity(path);
    for (const suffix of beside(path)) assert.equal(statSync(path + suffix).mode & 0o777, 0o600, suffix);
    const files = new IdentityFiles(path);
    const next = files.next(inFile);
    const works = [await signsIn(inFile), next ? await signsIn(next) : false];
    assert.deepEqual(works.filter(Boolean), [true], `${death}: exactly one pair signs in`);
    if (works[1]) switched += 1;

    // The next start, which knows nothing of all that.
    using _lock = files.lock();
    const held = files.open(silentLogger);
    await using controller = openController({ identity: held, limits: LIMITS });
    await controller.signIn();
    // Otherwise the next one finds what this one left.
    if (files.hasNext || nth % 8 < 2) await renewIdentity({ files, held, controller, now: () => Date.now() });
    files.dropPrevious();
    const after = loadIdentity(path);
    assert.equal(await signsIn(after), true, `${death}: the file itself is good again`);
    if (next || nth % 8 < 2) assert.notEqual(after.certPem, before, death);
  }
  assert.deepEqual(beside(path), ['', '.lock'], 'nothing is left');
  return { deaths, switched };
}

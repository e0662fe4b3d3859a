import assert from 'node:assert/strict';
import fs, {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { describe, mock, test } from 'node:test';
import { loadIdentity } from '../../../../../shared/identity/identity.ts';
import { IdentityFiles } from '../../../../../shared/identity/identity-files.ts';
import { silentLogger } from '../../../../../shared/log.ts';
import { verifies } from '../../../../requirements.ts';
import { testNetwork } from '../../../../support/identities.ts';
import { refused } from '../../../../support/ziti/controller-script.ts';
import { fingerprintOf, LOST, RenewingSite } from './renewing-site.ts';

const DAY_MS = 24 * 60 * 60 * 1000;

/** Runs `work` while calls of one function of node:fs that `fails` picks throw this system error; `fails` sees the call's count from 1 on. */
async function withFailing<T>(
  name: 'writeSync' | 'renameSync' | 'fsyncSync' | 'openSync',
  code: string,
  fails: (count: number, ...args: unknown[]) => boolean,
  work: () => Promise<T>,
): Promise<T> {
  const original = fs[name] as (...args: unknown[]) => unknown;
  let count = 0;
  const mocked = mock.method(fs, name, (...args: unknown[]) => {
    count += 1;
    if (fails(count, ...args)) throw Object.assign(new Error(code), { code });
    return original(...args);
  });
  syncBuiltinESMExports();
  try {
    return await work();
  } finally {
    mocked.mock.restore();
    syncBuiltinESMExports();
  }
}

describe('a renewal', { timeout: 60_000 }, () => {
  test('takes its steps in the order that never locks out, and leaves a standard file with the new pair', async () => {
    verifies('RENEWAL-NEVER-LOCKS-OUT');
    await using site = await RenewingSite.start();
    const before = loadIdentity(site.path);
    await using process = site.begin();
    const { outlived } = await process.renew();
    assert.deepEqual(process.steps, ['rehearse', 'key', 'extend', 'write', 'verify', 'sign-in', 'replace', 'done']);
    assert.deepEqual(site.script.lines, [
      'POST /authenticate?method=cert',
      'GET /current-api-session',
      'POST /current-identity/authenticators/auth1/extend',
      'POST /current-identity/authenticators/auth1/extend-verify',
      'POST /authenticate?method=cert',
    ]);
    assert.deepEqual(
      outlived.map(({ token }) => token),
      ['token-1'],
      'the session of before is the caller’s to end',
    );
    const after = loadIdentity(site.path);
    assert.notEqual(after.keyPem, before.keyPem);
    assert.deepEqual({ ...after, keyPem: '', certPem: '' }, { ...before, keyPem: '', certPem: '' });
    assert.equal(JSON.parse(site.text).enableHa, true, 'what others put there stays');
    assert.equal(site.fileSignsIn, true);
    assert.equal(process.held.identity.certPem, after.certPem);
    assert.equal(process.held.next, undefined);
    assert.deepEqual(readdirSync(site.folder).sort(), ['gw1.json', 'gw1.json.lock', 'gw1.json.previous']);
    for (const name of readdirSync(site.folder)) assert.equal(statSync(join(site.folder, name)).mode & 0o777, 0o600, name);
    process.files.dropPrevious();
    assert.deepEqual(readdirSync(site.folder).sort(), ['gw1.json', 'gw1.json.lock']);
  });

  test('can be done again and again', async () => {
    await using site = await RenewingSite.start();
    await using process = site.begin();
    for (let i = 0; i < 3; i += 1) await process.renew();
    assert.equal(new Set(site.keys).size, 3);
    assert.equal(site.fileSignsIn, true);
  });

  test('a lost answer to extend costs nothing: the same key is certified again', async () => {
    verifies('RENEWAL-NEVER-LOCKS-OUT');
    await using site = await RenewingSite.start();
    site.extendReply = LOST;
    await using process = site.begin();
    await assert.rejects(process.renew(), { code: 'OVERLAY-UNREACHABLE' });
    assert.equal(site.fileSignsIn, true);
    await process.renew();
    assert.equal(site.keys[0], site.keys[1]);
    assert.equal(site.fileSignsIn, true);
  });

  for (const restarted of [false, true])
    test(`a lost answer to the verification: ${restarted ? 'the next start' : 'the next attempt'} finds that it was done`, async () => {
      verifies('RENEWAL-NEVER-LOCKS-OUT');
      await using site = await RenewingSite.start();
      site.verifyReply = LOST;
      {
        await using process = site.begin();
        await assert.rejects(process.renew(), { code: 'OVERLAY-UNREACHABLE' });
        assert.equal(site.fileSignsIn, false, 'the file holds the old pair, the network wants the new one');
        if (!restarted) await process.renew();
      }
      await using next = site.begin();
      assert.equal((await next.controller.signIn()).identityId, 'gw1');
      if (restarted) await next.renew();
      assert.equal(site.fileSignsIn, true);
      assert.equal(site.keys.length, 1, 'it is the certificate of before');
    });

  test('a verification that never arrived: the old pair signs in, and the renewal goes on from there', async () => {
    await using site = await RenewingSite.start();
    site.refuseVerify = LOST;
    {
      await using process = site.begin();
      await assert.rejects(process.renew(), { code: 'OVERLAY-UNREACHABLE' });
    }
    site.refuseVerify = undefined;
    await using next = site.begin();
    await next.controller.signIn();
    assert.equal(site.fileSignsIn, true);
    assert.notEqual(next.held.next, undefined);
    await next.renew();
    assert.equal(site.fileSignsIn, true);
    assert.equal(site.keys.length, 1);
    assert.deepEqual(next.steps, ['rehearse', 'verify', 'sign-in', 'replace', 'done']);
  });

  test('a switch that happens between two attempts to sign in is met by the third', async () => {
    verifies('RENEWAL-NEVER-LOCKS-OUT');
    await using site = await RenewingSite.start();
    site.verifyReply = LOST;
    {
      await using process = site.begin();
      await assert.rejects(process.renew(), { code: 'OVERLAY-UNREACHABLE' });
    }
    const shown: (string | undefined)[] = [];
    site.script.on(({ path, fingerprint }) => {
      if (path !== '/authenticate?method=cert') return undefined;
      shown.push(fingerprint);
      return shown.length === 1 ? refused(401, 'INVALID_AUTH') : undefined;
    });
    await using next = site.begin();
    const [newer, older] = next.held.candidates.map(({ certPem }) => fingerprintOf(certPem));
    await next.controller.signIn();
    assert.deepEqual(shown, [newer, older, newer]);
    assert.equal(fingerprintOf(next.held.identity.certPem), newer);
  });

  test('a network that goes away between two attempts ends them, and settles nothing', async () => {
    await using site = await RenewingSite.start();
    site.refuseVerify = LOST;
    await using process = site.begin();
    await assert.rejects(process.renew(), { code: 'OVERLAY-UNREACHABLE' });
    const before = process.held.inUse;
    let attempts = 0;
    site.script.on(({ path }) => {
      if (path !== '/authenticate?method=cert') return undefined;
      attempts += 1;
      return attempts === 1 ? refused(401, 'INVALID_AUTH') : LOST;
    });
    await assert.rejects(process.controller.signInAgain(), { code: 'OVERLAY-UNREACHABLE' });
    assert.equal(attempts, 2);
    assert.equal(process.held.inUse, before);
    assert.notEqual(process.held.next, undefined);
  });

  test('a session that ended meanwhile is made again with whichever pair is good', async () => {
    await using site = await RenewingSite.start();
    site.verifyReply = LOST;
    await using process = site.begin();
    await assert.rejects(process.renew(), { code: 'OVERLAY-UNREACHABLE' });
    // The controller forgets the session; both pairs are tried, the newer one first.
    let forgotten = false;
    site.script.on(({ path, headers }) => {
      if (path !== '/current-api-session' || headers['zt-session'] !== 'token-1') return undefined;
      forgotten = true;
      return refused(401, 'UNAUTHORIZED');
    });
    await process.renew();
    assert.equal(forgotten, true);
    assert.equal(site.fileSignsIn, true);
  });
});

describe('what the controller refuses', { timeout: 60_000 }, () => {
  const refusals: [string, number, string, RegExp][] = [
    ['COULD_NOT_PROCESS_CSR', 400, 'RENEW-REFUSED', /^COULD_NOT_PROCESS_CSR$/],
    ['not found', 404, 'RENEW-REFUSED', /^the controller answered 404$/],
    ['FORBIDDEN', 403, 'RENEW-REFUSED', /^FORBIDDEN$/],
    ['UNHANDLED', 500, 'OVERLAY-BUSY', /^127\.0\.0\.1:\d+ answered 500 UNHANDLED$/],
  ];
  for (const [answered, status, code, detail] of refusals)
    test(`an extension (${status}): nothing has changed`, async () => {
      await using site = await RenewingSite.start();
      const { text } = site;
      site.refuseExtend = refused(status, answered);
      await using process = site.begin();
      await assert.rejects(process.renew(), { code, detail });
      assert.equal(site.text, text);
      assert.equal(process.files.hasNext, false);
      assert.deepEqual(site.posted, ['extend']);
      await process.controller.signInAgain();
      site.refuseExtend = undefined;
      await process.renew();
      assert.equal(site.fileSignsIn, true);
    });

  test('an identity that may not extend: nothing is asked for', async () => {
    verifies('RENEWAL-CHECKED');
    await using site = await RenewingSite.start();
    site.extendable = false;
    await using process = site.begin();
    await assert.rejects(process.renew(), { code: 'RENEW-NOT-OFFERED' });
    assert.deepEqual(site.posted, []);
    assert.equal(process.files.nextKey(), undefined);
  });

  test('a verification, because somebody else extended meanwhile: another one is asked for, once', async () => {
    await using site = await RenewingSite.start();
    let others = 1;
    site.certified = async (csr) => {
      const cert = await site.certify(csr);
      if (others > 0) setImmediate(() => void site.extendElsewhere());
      others -= 1;
      return cert;
    };
    await using process = site.begin();
    await process.renew();
    assert.deepEqual(site.posted, ['extend', 'extend-verify', 'extend', 'extend-verify']);
    assert.equal(site.fileSignsIn, true);

    others = 9;
    await assert.rejects(process.renew(), { code: 'RENEW-REFUSED' });
    assert.deepEqual(site.posted.slice(4), ['extend', 'extend-verify', 'extend', 'extend-verify']);
    assert.equal(site.fileSignsIn, true, 'the pair in the file is untouched');
    assert.equal(process.files.hasNext, false);
  });

  test('a verification that says done while the old pair is the one that signs in: both stay', async () => {
    await using site = await RenewingSite.start();
    site.refuseVerify = { status: 200, body: { data: {}, meta: {} } };
    await using process = site.begin();
    await assert.rejects(process.renew(), { code: 'RENEW-REFUSED' });
    assert.equal(process.files.hasNext, true);
    assert.equal(site.fileSignsIn, true);
    site.refuseVerify = undefined;
    await process.renew();
    assert.equal(site.fileSignsIn, true);
    assert.equal(process.files.hasNext, false);
  });

  test('an answer that is none of this API', async () => {
    await using site = await RenewingSite.start();
    await using process = site.begin();
    for (const body of ['[]', { data: {} }, { data: { clientCert: 7 } }, { data: { clientCert: 'x'.repeat(300_000) } }]) {
      site.refuseExtend = { status: 200, body };
      await assert.rejects(process.renew(), { code: 'OVERLAY-PROTOCOL' });
    }
    site.script.on(({ method, path }) => (method === 'GET' && path === '/current-api-session' ? { status: 200, body: {} } : undefined));
    await assert.rejects(process.renew(), { code: 'OVERLAY-UNREACHABLE' });
    assert.equal(site.posted.includes('extend-verify'), false);
  });
});

describe('a certificate that is not the one asked for is never verified', { timeout: 60_000 }, () => {
  const wrong: Record<string, [(site: RenewingSite) => RenewingSite['certified'], string]> = {
    'for another key': [(site) => async () => (await site.network.identity('gw1')).certPem, 'OVERLAY-PROTOCOL'],
    'for another identity': [(site) => (csr) => site.certify(csr, { id: 'gw2' }), 'IDENTITY-NAME'],
    'that has ended': [
      (site) => (csr) => site.certify(csr, { validity: { notBefore: Date.now() - 2 * DAY_MS, notAfter: Date.now() - DAY_MS } }),
      'IDENTITY-EXPIRED',
    ],
    'that begins in an hour': [
      (site) => (csr) => site.certify(csr, { validity: { notBefore: Date.now() + DAY_MS / 24, notAfter: Date.now() + DAY_MS } }),
      'IDENTITY-EXPIRED',
    ],
    'of a CA that is not trusted yet': [
      () => async (csr) => {
        const other = await RenewingSite.start();
        await using _gone = other;
        return await other.certify(csr);
      },
      'IDENTITY-UNTRUSTED',
    ],
    'of another trust domain': [
      () => async (csr) => {
        const { ca } = await testNetwork({ trustDomain: 'elsewhere.test' });
        await using site = await RenewingSite.start();
        Object.assign(site.network, { ca });
        return await site.certify(csr);
      },
      'IDENTITY-UNTRUSTED',
    ],
    'that cannot be read': [() => async () => '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n', 'OVERLAY-PROTOCOL'],
  };
  for (const [what, [certified, code]] of Object.entries(wrong))
    test(what, async () => {
      verifies('RENEWAL-CHECKED');
      await using site = await RenewingSite.start();
      site.certified = certified(site);
      if (what === 'that cannot be read')
        site.refuseExtend = { status: 200, body: { data: { clientCert: await site.certified(undefined as never), ca: '' } } };
      const { text } = site;
      await using process = site.begin();
      await assert.rejects(process.renew(), { code });
      assert.deepEqual(site.posted, ['extend']);
      assert.equal(site.text, text);
      assert.equal(process.files.hasNext, false);
      assert.equal(process.held.next, undefined);
    });

  test('one that begins a minute ago by a clock that is some minutes ahead of ours is good', async () => {
    await using site = await RenewingSite.start();
    await using process = site.begin();
    await process.renew(() => Date.now() - 9 * 60_000);
    assert.equal(site.fileSignsIn, true);
  });
});

describe('the disk', { timeout: 60_000 }, () => {
  const faults: ['writeSync' | 'renameSync' | 'fsyncSync' | 'openSync', string][] = [
    ['openSync', 'EROFS'],
    ['openSync', 'EACCES'],
    ['writeSync', 'ENOSPC'],
    ['fsyncSync', 'EIO'],
    ['renameSync', 'EBUSY'],
  ];
  for (const [name, code] of faults)
    test(`that cannot be written to (${name} ${code}): nothing is sent`, async () => {
      verifies('RENEWAL-CHECKED');
      await using site = await RenewingSite.start();
      const { text } = site;
      await using process = site.begin();
      const isDraft = (_count: number, target: unknown): boolean => typeof target !== 'string' || target.endsWith('.draft');
      await withFailing(name, code, isDraft, () =>
        assert.rejects(process.renew(), { code: 'IDENTITY-FILE', detail: `${site.path} cannot be renewed on disk (${code})` }),
      );
      assert.deepEqual(site.script.asked, []);
      assert.equal(site.text, text);
      assert.deepEqual(readdirSync(site.folder).sort(), ['gw1.json', 'gw1.json.lock']);
      await process.renew();
    });

  test('that fills up behind the extension: the old pair stays in force, and the next attempt succeeds', async () => {
    await using site = await RenewingSite.start();
    await using process = site.begin();
    // The rehearsal and the key are written before.
    await withFailing(
      'writeSync',
      'ENOSPC',
      (count) => count > 2,
      () => assert.rejects(process.renew(), { code: 'IDENTITY-FILE' }),
    );
    assert.deepEqual(site.posted, ['extend']);
    assert.equal(site.fileSignsIn, true);
    await process.renew();
    assert.equal(site.keys[0], site.keys[1]);
  });

  test('that fails when the file is to be replaced: the new pair lies beside it, is used, and takes its place later', async () => {
    verifies('RENEWAL-NEVER-LOCKS-OUT');
    await using site = await RenewingSite.start();
    {
      await using process = site.begin();
      const isReplacement = (_count: number, from: unknown): boolean => String(from).endsWith('.next');
      await withFailing('renameSync', 'EIO', isReplacement, () => assert.rejects(process.renew(), { code: 'IDENTITY-FILE' }));
      assert.equal(site.fileSignsIn, false);
      await process.controller.signInAgain();
    }
    await using next = site.begin();
    await next.controller.signIn();
    await next.renew();
    assert.deepEqual(next.steps, ['rehearse', 'replace', 'done']);
    assert.equal(site.fileSignsIn, true);
  });

  test('the files belong to whom the identity file belongs, whoever renews it', async () => {
    await using site = await RenewingSite.start();
    // Only root can give files away; for others it is their own anyway.
    const uid = process.getuid?.() === 0 ? 12_345 : (process.getuid?.() ?? 0);
    chownSync(site.path, uid, statSync(site.path).gid);
    site.verifyReply = LOST;
    await using renewing = site.begin();
    await assert.rejects(renewing.renew(), { code: 'OVERLAY-UNREACHABLE' });
    assert.equal(statSync(`${site.path}.next`).uid, uid);
    await renewing.renew();
    for (const suffix of ['', '.previous', '.lock']) assert.equal(statSync(site.path + suffix).uid, uid, suffix);
  });

  test('a link to the file stays a link', async () => {
    await using site = await RenewingSite.start();
    mkdirSync(join(site.folder, 'real'));
    const real = join(site.folder, 'real', 'file.json');
    renameSync(site.path, real);
    symlinkSync(join('real', 'file.json'), site.path);
    await using process = site.begin();
    await process.renew();
    assert.equal(lstatSync(site.path).isSymbolicLink(), true);
    assert.equal(site.fileSignsIn, true);
    assert.equal(existsSync(`${real}.previous`), true);
  });

  test('one process at a time; the lock ends with its process', async () => {
    await using site = await RenewingSite.start();
    await using _process = site.begin();
    assert.throws(() => new IdentityFiles(site.path).lock(), { code: 'IDENTITY-IN-USE', detail: site.path });
    mkdirSync(join(site.folder, 'gw2.json.lock'));
    const other = await site.network.identityFile(site.folder, 'gw2');
    assert.throws(() => new IdentityFiles(other).lock(), { code: 'IDENTITY-FILE' });
    assert.throws(() => new IdentityFiles(join(site.folder, 'none.json')), { code: 'IDENTITY-FILE' });
  });

  test('what an earlier run left and cannot be used is told and left alone; the present pair goes on', async () => {
    await using site = await RenewingSite.start();
    const cases: [string, () => Promise<void>][] = [
      ['IDENTITY-FILE', async () => writeFileSync(`${site.path}.next`, '{', { mode: 0o600 })],
      ['IDENTITY-MODE', async () => chmodSync(`${site.path}.next`, 0o644)],
      ['IDENTITY-NAME', async () => renameSync(await site.network.identityFile(site.folder, 'gw7'), `${site.path}.next`)],
    ];
    for (const [code, spoil] of cases) {
      await spoil();
      const warned: unknown[] = [];
      const log = { ...silentLogger, warn: ({ err }: { err: { code: string } }) => void warned.push(err.code) } as typeof silentLogger;
      assert.equal(new IdentityFiles(site.path).open(log).inUse.id, 'gw1');
      assert.deepEqual(warned, [code]);
      await using process = site.begin();
      await assert.rejects(process.renew(), { code });
      assert.deepEqual(site.posted, []);
      assert.equal(existsSync(`${site.path}.next`), true);
    }
  });

  test('a key that an earlier run left and that is none of ours is replaced', async () => {
    await using site = await RenewingSite.start();
    writeFileSync(`${site.path}.next.key`, 'no key', { mode: 0o600 });
    await using process = site.begin();
    await process.renew();
    assert.equal(site.fileSignsIn, true);
    assert.equal(existsSync(`${site.path}.next.key`), false);
  });

  test('a pair that another process put there meanwhile is taken up', async () => {
    await using site = await RenewingSite.start();
    const files = new IdentityFiles(site.path);
    const held = files.open(silentLogger);
    {
      await using other = site.begin();
      await other.renew();
    }
    assert.notEqual(loadIdentity(site.path).certPem, held.inUse.certPem);
    files.reread(held);
    await using process = site.begin();
    assert.equal(held.next?.certPem, process.held.inUse.certPem);
    files.reread(held);
    assert.equal(held.candidates.length, 3);
  });
});

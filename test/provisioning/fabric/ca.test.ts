import assert from 'node:assert/strict';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { createCa, loadCa, newIdentityId, writeIdentity } from '../../../provisioning/fabric/ca.ts';
import { readCertificateUse } from '../../../shared/identity/certificate-use.ts';
import { namedTrustDomain, verifyChain } from '../../../shared/identity/chain.ts';
import { type IdentityFile, loadIdentity, parseIdentity, readCertificates } from '../../../shared/identity/identity.ts';

const DAY_MS = 24 * 60 * 60 * 1000;
const ca = await createCa({ trustDomain: 'trial.test', commonName: 'Trial' });
const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-ca-'));
after(() => rmSync(folder, { recursive: true, force: true }));

function verify(file: IdentityFile, now = Date.now()): string {
  const { certPem, caPem } = parseIdentity(file);
  return verifyChain(readCertificates(certPem, 'cert'), readCertificates(caPem, 'ca'), { now, trustDomain: 'trial.test' }).identityId;
}

describe('trial CA', () => {
  test('issues identities as OpenZiti does: SPIFFE name alone, client authentication only, leaf and intermediate', async () => {
    const file = await ca.issueIdentity({ id: 'hc..xMvev', name: 'Gateway, bay=3' });
    const [leaf, intermediate, ...rest] = readCertificates(file.id.cert, 'cert');
    assert.ok(leaf && intermediate);
    assert.deepEqual(rest, []);
    assert.equal(leaf.subjectAltName, 'URI:spiffe://trial.test/identity/hc..xMvev');
    assert.deepEqual(leaf.keyUsage, ['1.3.6.1.5.5.7.3.2']);
    assert.equal(leaf.ca, false);
    assert.equal(leaf.subject, 'CN=Gateway\\, bay=3');
    assert.ok(leaf.checkIssued(intermediate));
    assert.equal(readCertificateUse(intermediate.raw)?.pathLen, 0);
    assert.equal(verify(file), 'hc..xMvev');
    assert.equal(namedTrustDomain(readCertificates(ca.caPem, 'ca')), 'trial.test');
  });

  test('issues for a year unless told otherwise', async () => {
    const year = await ca.issueIdentity({ id: 'a', name: 'a' });
    assert.equal(verify(year, Date.now() + 364 * DAY_MS), 'a');
    assert.throws(() => verify(year, Date.now() + 366 * DAY_MS), { code: 'IDENTITY-EXPIRED' });
    const notBefore = Date.now() + DAY_MS;
    const later = await ca.issueIdentity({ id: 'b', name: 'b', validity: { notBefore, notAfter: notBefore + DAY_MS } });
    assert.throws(() => verify(later), { code: 'IDENTITY-EXPIRED' });
    assert.equal(verify(later, notBefore + 1000), 'b');
  });

  test('follows the clock it was given', async () => {
    const then = Date.UTC(2026, 0, 1);
    const past = await createCa({ trustDomain: 'trial.test', commonName: 'Past', clock: { now: () => then, monotonicMs: () => 0 } });
    const file = await past.issueIdentity({ id: 'a', name: 'a' });
    assert.equal(verify(file, then), 'a');
    assert.throws(() => verify(file, then - DAY_MS), { code: 'IDENTITY-EXPIRED' });
  });

  test('never gives two certificates one serial number', async () => {
    const files = await Promise.all(Array.from({ length: 20 }, () => ca.issueIdentity({ id: 'a', name: 'a' })));
    assert.equal(new Set(files.map(({ id }) => new X509Certificate(id.cert.slice(4)).serialNumber)).size, 20);
  });

  test('is the same after saving and loading; its folder is for this user alone and never overwritten', async () => {
    const home = join(folder, 'home', 'ca');
    ca.save(home);
    assert.equal(statSync(home).mode & 0o777, 0o700);
    for (const name of readdirSync(home)) assert.equal(statSync(join(home, name)).mode & 0o777, 0o600, name);
    const loaded = await loadCa(home);
    assert.equal(loaded.caPem, ca.caPem);
    const file = await loaded.issueIdentity({ id: 'later', name: 'later' });
    const { certPem } = parseIdentity(file);
    const trusted = readCertificates(ca.caPem, 'ca');
    const { identityId } = verifyChain(readCertificates(certPem, 'cert'), trusted, { now: Date.now(), trustDomain: 'trial.test' });
    assert.equal(identityId, 'later');
    const another = await createCa({ trustDomain: 'trial.test', commonName: 'Another' });
    assert.throws(() => another.save(home), { code: 'FABRIC-CA' });
    assert.equal((await loadCa(home)).caPem, ca.caPem);
    await assert.rejects(loadCa(join(folder, 'nowhere')), { code: 'FABRIC-CA' });
    chmodSync(home, 0o750);
    await assert.rejects(loadCa(home), { code: 'FABRIC-CA' });
  });

  test('writes identity files for this user alone, never over another', async () => {
    const path = join(folder, 'gw.json');
    writeIdentity(path, await ca.issueIdentity({ id: 'gw', name: 'gw' }));
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.equal(loadIdentity(path).id, 'gw');
    const before = readFileSync(path, 'utf8');
    const other = await ca.issueIdentity({ id: 'other', name: 'other' });
    assert.throws(() => writeIdentity(path, other), { code: 'IDENTITY-FILE' });
    assert.equal(readFileSync(path, 'utf8'), before);
  });

  test('refuses names that would not be read back', async () => {
    for (const trustDomain of ['', 'Upper', 'a b', 'a/b', '-a', 'ä']) {
      await assert.rejects(createCa({ trustDomain, commonName: 'x' }), { code: 'CONFIG-INVALID' });
    }
    for (const id of ['', 'a/b', 'a b', 'x'.repeat(65)])
      await assert.rejects(ca.issueIdentity({ id, name: 'x' }), { code: 'CONFIG-INVALID' });
  });

  test('certifies servers that any TLS client accepts by name and address, with a key of either kind or one of before', async () => {
    const router = await ca.certifyServer({ commonName: 'r1', hosts: ['gw.local', '10.0.0.1'] });
    const [leaf, intermediate, ...rest] = readCertificates(router.certPem, 'cert');
    assert.ok(leaf && intermediate);
    assert.deepEqual(rest, []);
    assert.equal(leaf.subject, 'CN=r1');
    assert.equal(leaf.publicKey.asymmetricKeyDetails?.namedCurve, 'prime256v1');
    assert.deepEqual(leaf.keyUsage, ['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2']);
    assert.deepEqual(leaf.subjectAltName?.split(', '), [
      'DNS:localhost',
      'IP Address:127.0.0.1',
      'IP Address:0:0:0:0:0:0:0:1',
      'DNS:gw.local',
      'IP Address:10.0.0.1',
    ]);
    assert.ok(leaf.checkIssued(intermediate) && leaf.verify(intermediate.publicKey) && !leaf.ca);
    assert.ok(leaf.checkPrivateKey(createPrivateKey(router.keyPem)));

    const controller = await ca.certifyServer({ commonName: 'c', key: 'rsa2048' });
    const renewed = await ca.certifyServer({ commonName: 'c', key: { pem: controller.keyPem } });
    const [first, second] = [controller, renewed].map(({ certPem }) => new X509Certificate(certPem));
    assert.ok(first && second);
    assert.equal(first.publicKey.asymmetricKeyType, 'rsa');
    assert.ok(first.publicKey.equals(second.publicKey));
    assert.notEqual(first.serialNumber, second.serialNumber);
    for (const host of ['', 'a b', '-x', 'a,DNS:evil'])
      await assert.rejects(ca.certifyServer({ commonName: 'x', hosts: [host] }), { code: 'CONFIG-INVALID' });
  });

  test('draws ids in the form of OpenZiti', () => {
    const ids = new Set(Array.from({ length: 1000 }, newIdentityId));
    for (const id of ids) assert.match(id, /^[0-9A-Za-z.-]{9,11}$/);
    assert.equal(ids.size, 1000);
    assert.deepEqual([...new Set([...ids].map(({ length }) => length))].sort(), [10, 11, 9]);
  });
});

import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { ErrorCode } from '../../../shared/errors.ts';
import { namedTrustDomain, type VerifiedIdentity, verifyChain } from '../../../shared/identity/chain.ts';
import { type Identity, readCertificates } from '../../../shared/identity/identity.ts';
import { verifies } from '../../requirements.ts';
import { ATTACKS, certify, DOMAIN, ForgedNetwork, honest, is, newKeys, pemOf } from '../../support/forged.ts';

const network = await ForgedNetwork.create();

function verify(identity: Identity, { caPem = network.caPem, now = Date.now() } = {}): VerifiedIdentity {
  return verifyChain(readCertificates(identity.certPem, 'cert'), readCertificates(caPem, 'ca'), { now, trustDomain: DOMAIN });
}

function refuses(identity: Identity, code: ErrorCode, options: Parameters<typeof verify>[1] = {}): void {
  assert.throws(() => verify(identity, options), { code });
}

describe('chain check: what it accepts', () => {
  test('an honest identity, whose id may contain dots', async () => {
    assert.deepEqual(verify(await network.honest('hc..xMvev')), { identityId: 'hc..xMvev', trustDomain: DOMAIN });
  });

  test('an honest identity when only the root is trusted, and intermediates are presented in any order', async () => {
    const deep = await ForgedNetwork.create();
    const middle = await certify({ issuer: deep.root, subject: 'middle', extensions: [is.ca(1), is.signer()] });
    const low = await certify({ issuer: middle, subject: 'low', extensions: [is.ca(0), is.signer()] });
    const leaf = await deep.leaf(honest('gw1'), { issuer: low });
    const identity = deep.identity(leaf, { presented: [leaf, deep.root, middle, low] });
    assert.equal(verify(identity, { caPem: pemOf([deep.root]) }).identityId, 'gw1');
  });

  test('a renewed intermediate with the same key and name, presented beside the expired one that is trusted', async () => {
    const own = await ForgedNetwork.create();
    const recipe = { issuer: own.root, subject: 'intermediate', keys: own.intermediate.keys, extensions: [is.ca(0), is.signer()] };
    const expired = await certify({ ...recipe, notBefore: new Date(0), notAfter: new Date(1000) });
    const leaf = await own.leaf(honest('gw1'));
    assert.equal(verify(own.identity(leaf), { caPem: pemOf([expired, own.root]) }).identityId, 'gw1');
  });

  test('RSA keys of 2048 bits', async () => {
    const keys = await newKeys({ name: 'RSASSA-PKCS1-v1_5', modulusLength: 2048, publicExponent: Uint8Array.of(1, 0, 1), hash: 'SHA-256' });
    assert.equal(verify(network.identity(await network.leaf(honest('gw1'), { keys }))).identityId, 'gw1');
  });

  test('the first and the last millisecond of validity, and none beyond', async () => {
    const [notBefore, notAfter] = [new Date('2026-06-01T00:00:00Z'), new Date('2026-06-02T00:00:00Z')];
    const own = await ForgedNetwork.create();
    const wide = { notBefore: new Date(0), notAfter: new Date('2040-01-01T00:00:00Z') };
    const root = await certify({ subject: 'r', extensions: [is.ca(), is.signer()], ...wide });
    const identity = own.identity(await own.leaf(honest('gw1'), { issuer: root, notBefore, notAfter }));
    const caPem = pemOf([root]);
    for (const now of [notBefore, notAfter]) assert.equal(verify(identity, { caPem, now: now.getTime() }).identityId, 'gw1');
    for (const now of [notBefore.getTime() - 1, notAfter.getTime() + 1]) refuses(identity, 'IDENTITY-EXPIRED', { caPem, now });
  });
});

describe('chain check: what it refuses', () => {
  for (const { name, code, make } of ATTACKS) {
    test(`${name}: ${code}`, async () => {
      verifies('IDENTITY-CHAIN');
      refuses(await make(network), code);
    });
  }

  test('an issuer without key usage, which OpenSSL would let pass', async () => {
    const issuer = await certify({ issuer: network.root, subject: 'sub', extensions: [is.ca(0)] });
    refuses(network.identity(await network.leaf(honest('gw1'), { issuer })), 'IDENTITY-CHAIN');
  });

  test('RSA keys below 2048 bits', async () => {
    const keys = await newKeys({ name: 'RSASSA-PKCS1-v1_5', modulusLength: 1024, publicExponent: Uint8Array.of(1, 0, 1), hash: 'SHA-256' });
    refuses(network.identity(await network.leaf(honest('gw1'), { keys })), 'IDENTITY-CHAIN');
  });

  test('an identity when nothing is trusted, or only the intermediate', async () => {
    const identity = await network.honest('gw1');
    refuses(identity, 'IDENTITY-UNTRUSTED', { caPem: pemOf([network.intermediate]) });
    const chain = readCertificates(identity.certPem, 'cert');
    assert.throws(() => verifyChain(chain, [], { now: Date.now(), trustDomain: DOMAIN }), { code: 'IDENTITY-UNTRUSTED' });
  });

  test('no certificate at all, and more than anybody needs', async () => {
    const options = { now: Date.now(), trustDomain: DOMAIN };
    assert.throws(() => verifyChain([], [], options), { code: 'IDENTITY-CHAIN' });
    const [leaf] = readCertificates((await network.honest('gw1')).certPem, 'cert');
    assert.ok(leaf);
    assert.throws(() => verifyChain(Array(9).fill(leaf), [], options), { code: 'IDENTITY-CHAIN' });
  });

  test('a path longer than any network has', async () => {
    const own = await ForgedNetwork.create();
    let issuer = own.root;
    for (let i = 0; i < 5; i += 1) issuer = await certify({ issuer, subject: `level ${i}`, extensions: [is.ca(), is.signer()] });
    refuses(own.identity(await own.leaf(honest('gw1'), { issuer })), 'IDENTITY-CHAIN', { caPem: pemOf([own.root]) });
  });

  test('an extension that stands there twice', async () => {
    refuses(network.identity(await network.leaf([...honest('gw1'), is.identity('gw2')])), 'IDENTITY-CHAIN');
  });

  for (const uri of [
    `spiffe://${DOMAIN}/identity/`,
    `spiffe://${DOMAIN}/identity/a/b`,
    `spiffe://${DOMAIN}/identity/a/apiSession/b`,
    `spiffe://${DOMAIN}/identity/a%2fb`,
    `spiffe://${DOMAIN}/identity/a?b`,
    `spiffe://${DOMAIN}/identity/a b`,
    `spiffe://${DOMAIN}@elsewhere/identity/a`,
    `spiffe://${DOMAIN}:443/identity/a`,
    `https://${DOMAIN}/identity/a`,
    `spiffe:///identity/a`,
    `spiffe://${DOMAIN}/identity/${'a'.repeat(65)}`,
    `spiffe://${DOMAIN}/identity/a\0b`,
    `spiffe://${DOMAIN}/identity/a\n`,
  ]) {
    test(`the name ${JSON.stringify(uri)}`, async () => {
      refuses(network.identity(await network.leaf([is.key(), is.client(), is.named({ type: 'url', value: uri })])), 'IDENTITY-NAME');
    });
  }

  test('any single changed byte of the certificate', async () => {
    verifies('IDENTITY-CHAIN');
    const [leaf, intermediate] = readCertificates((await network.honest('gw1')).certPem, 'cert');
    assert.ok(leaf && intermediate);
    const trusted = readCertificates(network.caPem, 'ca');
    fc.assert(
      fc.property(fc.nat(leaf.raw.length - 1), fc.integer({ min: 1, max: 255 }), (at, difference) => {
        const der = Buffer.from(leaf.raw);
        der[at] = (der[at] ?? 0) ^ difference;
        let changed: X509Certificate;
        try {
          changed = new X509Certificate(der);
        } catch {
          return;
        }
        const check = (): VerifiedIdentity => verifyChain([changed, intermediate], trusted, { now: Date.now(), trustDomain: DOMAIN });
        assert.throws(check, (error: { code?: string }) => /^IDENTITY-/.test(error.code ?? ''));
      }),
      { numRuns: 150 },
    );
  });
});

describe('the trust domain of a CA', () => {
  test('is the one that its certificates name', async () => {
    const named = await certify({ extensions: [is.ca(), is.named({ type: 'url', value: 'spiffe://quickstart' })] });
    const [root] = readCertificates(pemOf([named]), 'ca');
    assert.ok(root);
    assert.equal(namedTrustDomain([root, root]), 'quickstart');
  });

  test('is an error when they name none, or two', async () => {
    const name = (value: string) => certify({ extensions: [is.ca(), is.named({ type: 'url', value })] });
    const two = readCertificates(pemOf([await name('spiffe://one'), await name('spiffe://two')]), 'ca');
    assert.throws(() => namedTrustDomain(two), { code: 'IDENTITY-NAME' });
    const none = readCertificates(pemOf([await certify({ extensions: [is.ca()] })]), 'ca');
    assert.throws(() => namedTrustDomain(none), { code: 'IDENTITY-NAME' });
  });
});

import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import type { ErrorCode } from '../../../shared/errors.ts';
import { verifyServer } from '../../../shared/identity/chain.ts';
import { readCertificates } from '../../../shared/identity/identity.ts';
import type { Validity } from '../../../shared/time/network-clock.ts';
import { verifies } from '../../requirements.ts';
import { type Certified, certify, DOMAIN, ForgedNetwork, honest, is, pathOf, pemOf } from '../../support/forged.ts';

const FLOOR = Date.UTC(2026, 0, 1);
const YEAR_MS = 365 * 24 * 60 * 60 * 1000;
const at = (years: number): Date => new Date(FLOOR + years * YEAR_MS);
const LONG = { notBefore: at(-5), notAfter: at(30) };
const serverOf = (...more: Parameters<typeof is.named>): ReturnType<typeof honest> => [
  is.key(),
  is.server(),
  is.named({ type: 'ip', value: '127.0.0.1' }, { type: 'dns', value: 'router.test' }, ...more),
];

describe('the chain of a server, judged without the TLS library', () => {
  let root: Certified;
  let intermediate: Certified;
  let trusted: ReturnType<typeof readCertificates>;

  before(async () => {
    root = await certify({ subject: 'root', extensions: [is.ca(), is.signer()], ...LONG });
    intermediate = await certify({ issuer: root, subject: 'intermediate', extensions: [is.ca(0), is.signer()], ...LONG });
    trusted = readCertificates(pemOf([intermediate, root]), 'ca');
  });

  const leaf = (extensions = serverOf(), recipe: Partial<Parameters<typeof certify>[0]> = {}) =>
    certify({ issuer: intermediate, subject: 'server', notBefore: at(-1), notAfter: at(1), ...recipe, extensions });

  const judge = (server: Certified, { host = '127.0.0.1', now = FLOOR, mayBeginLaterMs = 0 } = {}): Validity =>
    verifyServer(readCertificates(pemOf(pathOf(server)), 'cert'), trusted, { host, now, mayBeginLaterMs });

  const refuses = (server: Certified, code: ErrorCode, detail: RegExp, options: Parameters<typeof judge>[1] = {}): void =>
    assert.throws(() => judge(server, options), { code, detail });

  test('holds for the address and the name that its certificate has, and says when the whole path is valid', async () => {
    const server = await leaf();
    const valid = { notBefore: at(-1).getTime(), notAfter: at(1).getTime() };
    for (const host of ['127.0.0.1', 'router.test', 'ROUTER.test']) assert.deepEqual(judge(server, { host }), valid);
    const without = await leaf([is.key(), is.named({ type: 'ip', value: '127.0.0.1' })]);
    assert.deepEqual(judge(without), valid, 'usages that are not named are not restricted');
  });

  test('the narrowest certificate of the path decides', async () => {
    const short = await certify({
      issuer: root,
      subject: 'short',
      extensions: [is.ca(0), is.signer()],
      notBefore: at(-0.5),
      notAfter: at(0.5),
    });
    assert.deepEqual(judge(await leaf(serverOf(), { issuer: short })), { notBefore: at(-0.5).getTime(), notAfter: at(0.5).getTime() });
  });

  test('is refused for another host, and by no wildcard of a common name', async () => {
    verifies('NO-CLOCK-BOUNDED');
    const server = await leaf();
    for (const host of ['127.0.0.2', '::1', 'other.test', 'router.test.evil']) refuses(server, 'IDENTITY-NAME', /another host/, { host });
    refuses(await leaf([is.key(), is.server()], { subject: '127.0.0.1' }), 'IDENTITY-NAME', /another host/);
  });

  test('is refused when it is an identity’s or a CA’s, when its issuer may not issue servers, or its key not sign', async () => {
    verifies('NO-CLOCK-BOUNDED');
    refuses(await leaf(honest('gw1')), 'IDENTITY-CHAIN', /not for server authentication/);
    refuses(await leaf([is.key(), is.client(), is.named({ type: 'ip', value: '127.0.0.1' })]), 'IDENTITY-CHAIN', /not for server/);
    refuses(await leaf([is.ca(), ...serverOf()]), 'IDENTITY-CHAIN', /CA poses as a server/);
    refuses(await leaf([is.key(4), is.server(), is.named({ type: 'ip', value: '127.0.0.1' })]), 'IDENTITY-CHAIN', /key may not sign/);
    const clientsOnly = await certify({ issuer: root, subject: 'c', extensions: [is.ca(0), is.signer(), is.client()], ...LONG });
    refuses(await leaf(serverOf(), { issuer: clientsOnly }), 'IDENTITY-CHAIN', /may not issue for server/);
    refuses(await leaf(serverOf(), { issuer: await leaf(serverOf()) }), 'IDENTITY-CHAIN', /issuer is no CA/);
    refuses(await leaf(serverOf(), { signing: { name: 'ECDSA', hash: 'SHA-1' } }), 'IDENTITY-CHAIN', /signature/);
  });

  test('is refused below another CA, of the same name too, and whatever it brings along', async () => {
    verifies('NO-CLOCK-BOUNDED');
    const other = await certify({ subject: 'root', extensions: [is.ca(), is.signer()], ...LONG });
    const below = await certify({ issuer: other, subject: 'intermediate', extensions: [is.ca(0), is.signer()], ...LONG });
    const server = await leaf(serverOf(), { issuer: below });
    for (const presented of [[server], [server, below], [server, below, other]])
      assert.throws(
        () =>
          verifyServer(readCertificates(pemOf(presented), 'cert'), trusted, {
            host: '127.0.0.1',
            now: FLOOR,
            mayBeginLaterMs: 10 * YEAR_MS,
          }),
        { code: 'IDENTITY-UNTRUSTED' },
      );
    assert.throws(() => verifyServer([], trusted, { host: 'x', now: FLOOR, mayBeginLaterMs: 0 }), { code: 'IDENTITY-CHAIN' });
  });

  test('where the time is only known to lie behind, it may begin later, within the bound, and may not have ended', async () => {
    verifies('NO-CLOCK-BOUNDED');
    const later = await leaf(serverOf(), { notBefore: at(4), notAfter: at(9) });
    refuses(later, 'IDENTITY-EXPIRED', /not yet valid/);
    assert.deepEqual(judge(later, { mayBeginLaterMs: 5 * YEAR_MS }), { notBefore: at(4).getTime(), notAfter: at(9).getTime() });
    refuses(later, 'IDENTITY-EXPIRED', /not yet valid/, { mayBeginLaterMs: 3.9 * YEAR_MS });
    const ended = await leaf(serverOf(), { notBefore: at(-2), notAfter: at(-0.01) });
    refuses(ended, 'IDENTITY-EXPIRED', /no longer valid/, { mayBeginLaterMs: 5 * YEAR_MS });
    const endedIssuer = await certify({
      issuer: root,
      subject: 'old',
      extensions: [is.ca(0), is.signer()],
      notBefore: at(-2),
      notAfter: at(-1),
    });
    refuses(await leaf(serverOf(), { issuer: endedIssuer }), 'IDENTITY-EXPIRED', /no longer valid/, { mayBeginLaterMs: 5 * YEAR_MS });
  });

  test('an honest network’s identity is no server, in that network either', async () => {
    const network = await ForgedNetwork.create();
    const { certPem, caPem } = await network.honest('gw1');
    const chain = readCertificates(certPem, 'cert');
    assert.throws(() => verifyServer(chain, readCertificates(caPem, 'ca'), { host: DOMAIN, now: Date.now(), mayBeginLaterMs: 0 }), {
      code: 'IDENTITY-CHAIN',
    });
  });
});

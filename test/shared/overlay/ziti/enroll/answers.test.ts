import assert from 'node:assert/strict';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { test } from 'node:test';
import type { ErrorCode } from '../../../../../shared/errors.ts';
import { loadIdentity } from '../../../../../shared/identity/identity.ts';
import { readEnrolled } from '../../../../../shared/overlay/ziti/enroll/answer.ts';
import { verifies } from '../../../../requirements.ts';
import { certify, ForgedNetwork, honest, is, newKeys, pemOf } from '../../../../support/forged.ts';
import { type EnrollingController, IDENTITY_ID, inLines, type Reply, SECRET } from '../../../../support/ziti/enrolling-controller.ts';
import { EnrollingSite } from '../../../../support/ziti/enrolling-site.ts';

const KEY_LEFT = ['gw1.json.key'];
const NOTHING_LEFT: readonly string[] = [];

interface Answer {
  reply: Reply;
  code: ErrorCode;
  detail?: RegExp;
  left: readonly string[];
}

const refusal = (code: string, message = ''): string => JSON.stringify({ error: { code, message, requestId: 'x' }, meta: {} });
const enrolled = (data: unknown): string => JSON.stringify({ data, meta: {} });

test('a refused request says why, and leaves no key that nobody certified', async () => {
  verifies('ENROLL-CLEAR');
  await using site = await EnrollingSite.open();
  const spent = refusal('INVALID_ENROLLMENT_TOKEN', 'The supplied token is not valid');
  const answers: Answer[] = [
    { reply: { status: 400, body: spent }, code: 'ENROLL-SPENT', left: NOTHING_LEFT },
    { reply: { status: 404, body: refusal('NOT_FOUND') }, code: 'ENROLL-REFUSED', detail: /^NOT_FOUND$/, left: NOTHING_LEFT },
    {
      reply: { status: 602, body: refusal('COULD_NOT_VALIDATE') },
      code: 'ENROLL-REFUSED',
      detail: /^COULD_NOT_VALIDATE$/,
      left: NOTHING_LEFT,
    },
    { reply: { status: 415, body: '<html>' }, code: 'ENROLL-REFUSED', detail: /^the controller answers 415$/, left: NOTHING_LEFT },
    {
      reply: { status: 400, body: refusal(`A${SECRET}`) },
      code: 'ENROLL-REFUSED',
      detail: /^the controller answers 400$/,
      left: NOTHING_LEFT,
    },
    { reply: { status: 400, body: refusal('A'.repeat(65)) }, code: 'ENROLL-REFUSED', detail: /answers 400/, left: NOTHING_LEFT },
    { reply: { status: 400, body: refusal('X\u001b[31m') }, code: 'ENROLL-REFUSED', detail: /answers 400/, left: NOTHING_LEFT },
  ];
  await each(site, answers);
});

test('an answer that leaves open whether the token was spent keeps the key', async () => {
  verifies('ENROLL-KEY-FIRST');
  await using site = await EnrollingSite.open();
  const elsewhere = { location: `${site.controller.url}/elsewhere` };
  await each(site, [
    { reply: { status: 503 }, code: 'OVERLAY-UNREACHABLE', detail: /answers 503/, left: KEY_LEFT },
    { reply: { status: 307, headers: elsewhere }, code: 'OVERLAY-PROTOCOL', detail: /answers 307/, left: KEY_LEFT },
    { reply: { status: 204 }, code: 'OVERLAY-PROTOCOL', left: KEY_LEFT },
    { reply: { body: '' }, code: 'OVERLAY-PROTOCOL', detail: /no certificate in it/, left: KEY_LEFT },
    { reply: { body: '[' }, code: 'OVERLAY-PROTOCOL', left: KEY_LEFT },
    { reply: { body: enrolled({ cert: 7 }) }, code: 'OVERLAY-PROTOCOL', detail: /no certificate in it/, left: KEY_LEFT },
    { reply: { body: enrolled({ cert: 'none' }) }, code: 'OVERLAY-PROTOCOL', detail: /cannot be read/, left: KEY_LEFT },
    { reply: { body: '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----' }, code: 'OVERLAY-PROTOCOL', left: KEY_LEFT },
    { reply: { body: Buffer.alloc(1024 * 1024 + 1, 0x20) }, code: 'OVERLAY-PROTOCOL', detail: /more than 1048576 bytes/, left: KEY_LEFT },
    { reply: { headers: { 'content-length': '9' }, body: 'short' }, code: 'OVERLAY-UNREACHABLE', left: KEY_LEFT },
    { reply: 'cut', code: 'OVERLAY-UNREACHABLE', left: KEY_LEFT },
  ]);
  assert.ok(site.controller.requests.every(({ url }) => !url?.includes('elsewhere')));
});

test('a certificate that is not ours, or not of this network, is not taken', async () => {
  await using site = await EnrollingSite.open();
  const { controller } = site;
  const { network } = controller;
  const other = await ForgedNetwork.create();
  const anotherKey = await network.honest(IDENTITY_ID);
  const certified =
    (extensions = honest(IDENTITY_ID), issuer = network.intermediate) =>
    async (csr: string) =>
      controller.certified(csr, extensions, issuer);
  const server = [is.key(), is.server(), is.identity(IDENTITY_ID)];
  const answers: [ErrorCode, (csr: string) => Promise<string>][] = [
    ['OVERLAY-PROTOCOL', async () => anotherKey.certPem],
    ['IDENTITY-NAME', certified(honest('somebody-else'))],
    ['IDENTITY-NAME', certified([is.key(), is.client()])],
    ['IDENTITY-UNTRUSTED', certified(honest(IDENTITY_ID), other.intermediate)],
    ['IDENTITY-CHAIN', certified(server)],
    ['IDENTITY-CHAIN', certified([is.ca(), ...honest(IDENTITY_ID)])],
  ];
  for (const [code, cert] of answers) {
    controller.enroll = async (csr) => ({ body: enrolled({ cert: await cert(csr) }) });
    await site.refuses({}, code);
    assert.deepEqual(readdirSync(site.folder), KEY_LEFT);
  }
});

test('a clock that is behind the controller does not cost a good certificate', async () => {
  const network = await ForgedNetwork.create();
  const [keys, now] = [await newKeys({ name: 'ECDSA', namedCurve: 'P-384' }), Date.now()];
  const read = async (fromNowMs: number): Promise<string> => {
    const leaf = await certify({
      issuer: network.intermediate,
      keys,
      extensions: honest(IDENTITY_ID),
      notBefore: new Date(now + fromNowMs),
    });
    const privateKey = network.identity(leaf).keyPem;
    const authorities = [network.root, network.intermediate].map(({ certificate }) => new X509Certificate(certificate.toString('pem')));
    return readEnrolled(pemOf([leaf]), {
      identityId: IDENTITY_ID,
      privateKey: createPrivateKey(privateKey),
      authorities,
      time: { now, mayBeginLaterMs: 0 },
    }).certPem;
  };
  assert.match(await read(5 * 60_000), /^-----BEGIN CERTIFICATE-----/);
  await assert.rejects(read(30 * 60_000), { code: 'IDENTITY-EXPIRED' });
});

test('every form of a good answer is taken', async () => {
  await using site = await EnrollingSite.open();
  const { controller } = site;
  const old = await ForgedNetwork.create();
  const ca = pemOf([controller.network.root, old.root, await old.leaf(honest('no-ca'))]);
  const forms: [number, (cert: string) => string][] = [
    [2, (cert) => cert],
    [2, (cert) => `\n${cert}`],
    [2, (cert) => enrolled({ cert, ca: null, serverCert: null, more: [] })],
    [3, (cert) => enrolled({ cert, ca })],
  ];
  for (const [index, [authorities, form]] of forms.entries()) {
    controller.enroll = async (csr) => ({ body: form(await controller.certified(csr)) });
    const identityPath = `${site.folder}/gw${index}.json`;
    await site.enroll({ identityPath });
    const { id, caPem, certPem } = loadIdentity(identityPath);
    assert.equal(id, IDENTITY_ID);
    assert.equal(caPem.match(/BEGIN CERTIFICATE/g)?.length, authorities);
    assert.equal(certPem.match(/BEGIN CERTIFICATE/g)?.length, 2);
  }
});

test('a trust domain that the CA itself does not name is taken from the certificate', async () => {
  await using site = await EnrollingSite.open();
  const { controller } = site;
  const root = await certify({ subject: 'plain root', extensions: [is.ca(), is.signer()] });
  controller.cacerts = () => ({ body: inLines(controller.bundle(root)) });
  controller.enroll = async (csr) => ({
    body: enrolled({ cert: await controller.certified(csr, [is.key(), is.client(), is.identity(IDENTITY_ID, 'a1b2c3')], root) }),
  });
  await site.enroll();
  assert.equal(loadIdentity(site.identityPath).trustDomain, 'a1b2c3');
});

test('a CA bundle that cannot be had costs no token', async () => {
  await using site = await EnrollingSite.open();
  const { controller } = site;
  const answers: [Reply, ErrorCode][] = [
    [{ status: 404, body: refusal('NOT_FOUND') }, 'ENROLL-REFUSED'],
    [{ status: 500 }, 'OVERLAY-UNREACHABLE'],
    [{ status: 302, headers: { location: '/.well-known/est/cacerts' } }, 'OVERLAY-PROTOCOL'],
    [{ body: 'garbage!' }, 'OVERLAY-PROTOCOL'],
    [{ body: Buffer.alloc(1024 * 1024 + 1, 0x41) }, 'OVERLAY-PROTOCOL'],
    ['cut', 'OVERLAY-UNREACHABLE'],
  ];
  for (const [reply, code] of answers) {
    controller.cacerts = () => reply;
    await site.refuses({}, code);
  }
  assert.ok(controller.requests.every(({ method }) => method === 'GET'));
  assert.deepEqual(readdirSync(site.folder), NOTHING_LEFT);
});

test('who does not answer is waited for no longer than the limit, and not beyond the signal', async () => {
  for (const step of ['cacerts', 'enroll'] as const) {
    await using site = await EnrollingSite.open();
    const asked = Promise.withResolvers<void>();
    site.controller[step] = () => {
      asked.resolve();
      return 'hang';
    };
    await site.refuses({ timeoutMs: 300 }, 'OVERLAY-TIMEOUT', /^300 ms$/);
    const stop = new AbortController();
    const refused = site.refuses({ signal: stop.signal }, 'OVERLAY-CLOSED');
    await asked.promise;
    stop.abort();
    await refused;
    await site.refuses({ signal: stop.signal }, 'OVERLAY-CLOSED');
    await site.controller.closed();
    assert.deepEqual(readdirSync(site.folder), step === 'cacerts' ? NOTHING_LEFT : KEY_LEFT);
  }
});

test('who is not there, does not speak TLS, or hangs up is unreachable', async () => {
  await using site = await EnrollingSite.open();
  const answering = async (answer: string | undefined): Promise<AsyncDisposable & { iss: string }> => {
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.resume().end(answer ?? '');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    assert.ok(address && typeof address === 'object');
    const close = () => new Promise<void>((resolve) => server.close(() => resolve()));
    return { iss: `https://127.0.0.1:${address.port}`, [Symbol.asyncDispose]: close };
  };
  const token = (iss: string): string => site.controller.token({ iss });
  let gone: string;
  {
    await using plain = await answering('HTTP/1.1 400 Bad Request\r\n\r\n');
    await site.refuses({ token: token(plain.iss) }, 'OVERLAY-UNREACHABLE', /^127\.0\.0\.1:\d+ \(ERR_SSL_\w+\)$/);
    await using silent = await answering(undefined);
    await site.refuses({ token: token(silent.iss) }, 'OVERLAY-UNREACHABLE', /ECONNRESET/);
    gone = silent.iss;
  }
  await site.refuses({ token: token(gone) }, 'OVERLAY-UNREACHABLE', /ECONNREFUSED/);
});

async function each(site: EnrollingSite, answers: readonly Answer[]): Promise<void> {
  const controller: EnrollingController = site.controller;
  for (const { reply, code, detail, left } of answers) {
    controller.enroll = () => reply;
    await site.refuses({}, code, detail);
    assert.deepEqual(readdirSync(site.folder), left);
  }
}

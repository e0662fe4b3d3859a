import assert from 'node:assert/strict';
import { createPrivateKey, createPublicKey, generateKeyPairSync, KeyObject } from 'node:crypto';
import { chmodSync, existsSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { VitalmeshError } from '../../../../../shared/errors.ts';
import { loadIdentity } from '../../../../../shared/identity/identity.ts';
import { x509 } from '../../../../../shared/identity/x509.ts';
import { verifies } from '../../../../requirements.ts';
import { ForgedNetwork } from '../../../../support/forged.ts';
import {
  degenerate,
  EnrollingController,
  IDENTITY_ID,
  inLines,
  jwt,
  rsaKeys,
  SECRET,
  serverOf,
} from '../../../../support/ziti/enrolling-controller.ts';
import { EnrollingSite } from '../../../../support/ziti/enrolling-site.ts';

test('a token becomes an identity file in the standard form, for its owner alone, and nothing else is left', async () => {
  verifies('ENROLL-PINNED');
  await using site = await EnrollingSite.open({ keys: await rsaKeys() });
  const { controller } = site;
  const returned = await site.enroll({ token: `${jwt(controller.claims(), controller.signingKey, { alg: 'RS256' })}\n` });
  assert.deepEqual(readdirSync(site.folder), ['gw1.json']);
  assert.equal(statSync(site.identityPath).mode & 0o777, 0o600);
  const { id, ...rest } = JSON.parse(readFileSync(site.identityPath, 'utf8'));
  assert.deepEqual({ id, ...rest }, returned);
  const api = `${controller.url}/edge/client/v1`;
  assert.deepEqual(rest, { ztAPI: api, ztAPIs: [api], configTypes: [] });
  assert.match(id.key, /^pem:-----BEGIN EC PRIVATE KEY-----\n/);
  assert.match(id.cert, /^pem:-----BEGIN CERTIFICATE-----\n/);
  const identity = loadIdentity(site.identityPath);
  assert.deepEqual([identity.id, identity.trustDomain, identity.controllers], [IDENTITY_ID, 'vitalmesh.test', [api]]);
  assert.equal(identity.caPem.match(/BEGIN CERTIFICATE/g)?.length, 2);
  assert.equal(createPrivateKey(identity.keyPem).asymmetricKeyDetails?.namedCurve, 'secp384r1');
});

test('two requests are made, as the SDKs make them', async () => {
  await using site = await EnrollingSite.open();
  await site.enroll();
  const [bundle, enrolment, ...more] = site.controller.requests;
  assert.ok(bundle && enrolment && more.length === 0);
  const { host } = new URL(site.controller.url);
  assert.deepEqual([bundle.method, bundle.url, bundle.body], ['GET', '/edge/client/v1/.well-known/est/cacerts', '']);
  assert.deepEqual(bundle.headers, { accept: 'application/pkcs7-mime', host, connection: 'close' });
  assert.deepEqual([enrolment.method, enrolment.url], ['POST', `/edge/client/v1/enroll?method=ott&token=${SECRET}`]);
  assert.deepEqual(
    [enrolment.headers.host, enrolment.headers.accept, enrolment.headers['content-type']],
    [host, 'application/json', 'application/x-pem-file'],
  );
  const csr = new x509.Pkcs10CertificateRequest(enrolment.body);
  assert.equal(csr.subject, `CN=${IDENTITY_ID}`);
  assert.deepEqual(csr.signatureAlgorithm, { name: 'ECDSA', hash: { name: 'SHA-384' } });
  assert.equal(await csr.verify(), true);
});

test('what stands in a token is written into the request as text', async () => {
  await using site = await EnrollingSite.open();
  await site.enroll({ token: site.controller.token({ jti: 'a&method=ca#?/../%0d%0a' }) });
  assert.equal(site.controller.requests[1]?.url, '/edge/client/v1/enroll?method=ott&token=a%26method%3Dca%23%3F%2F..%2F%250d%250a');
});

test('a server whose key did not sign the token gets nothing', async () => {
  verifies('ENROLL-PINNED', 'ENROLL-CLEAR');
  await using site = await EnrollingSite.open();
  await using other = await EnrollingController.start({ network: site.controller.network });
  const { controller } = site;
  const [header, , signature] = controller.token().split('.');
  const claims = Buffer.from(JSON.stringify({ ...controller.claims(), sub: 'mallory' })).toString('base64url');
  for (const token of [
    jwt(controller.claims(), other.signingKey),
    controller.token({ iss: other.url }),
    jwt(controller.claims(), KeyObject.from(controller.network.root.keys.privateKey)),
    `${header}.${claims}.${signature}`,
  ])
    await site.refuses({ token }, 'ENROLL-TOKEN', /not signed by the server that answers/);
  await Promise.all([controller.closed(), other.closed()]);
  assert.deepEqual([controller.connections, other.connections], [3, 1]);
  assert.deepEqual([controller.bytesRead, other.bytesRead], [0, 0]);
  assert.deepEqual(readdirSync(site.folder), []);
});

test('a server that takes the place of the first after the signature was checked gets nothing', async () => {
  verifies('ENROLL-PINNED');
  await using site = await EnrollingSite.open();
  const { controller } = site;
  const posing = await serverOf(controller.network);
  const { cacerts } = controller;
  let before = 0;
  controller.cacerts = () => {
    controller.swap(posing);
    before = controller.bytesRead;
    return cacerts();
  };
  await site.refuses({}, 'ENROLL-TOKEN', /another server answered/);
  await controller.closed();
  assert.equal(controller.connections, 2);
  assert.equal(controller.bytesRead, before);
  assert.deepEqual(readdirSync(site.folder), []);
});

test('a controller whose certificate the bundle does not cover, or that has another name, does not get the token', async () => {
  await using foreign = await EnrollingSite.open();
  await using misnamed = await EnrollingSite.open({ ip: '127.0.0.2' });
  const other = await ForgedNetwork.create();
  const bundle = degenerate([new Uint8Array(other.root.certificate.rawData)]);
  foreign.controller.cacerts = () => ({ body: inLines(bundle) });
  for (const [site, fault] of [
    [foreign, /does not hold under the CA of its own network \([A-Z_]+\)$/],
    [misnamed, /does not hold under the CA of its own network \(ERR_TLS_CERT_ALTNAME_INVALID\)$/],
  ] as const) {
    await site.refuses({}, 'ENROLL-TOKEN', fault);
    await site.controller.closed();
    assert.deepEqual(
      site.controller.requests.map(({ method }) => method),
      ['GET'],
    );
    assert.deepEqual(readdirSync(site.folder), []);
  }
});

test('an expired token or one of another kind is refused before anything is connected', async () => {
  verifies('ENROLL-CLEAR');
  await using site = await EnrollingSite.open();
  const { controller } = site;
  await site.refuses({ token: controller.token({ exp: Math.floor(Date.now() / 1000) - 3600 }) }, 'ENROLL-EXPIRED');
  await site.refuses({ token: controller.token({ em: 'updb' }) }, 'ENROLL-KIND');
  await site.refuses({ token: 'no token' }, 'ENROLL-TOKEN');
  assert.equal(controller.connections, 0);
});

test('an identity is never overwritten, and nothing is sent when there is one', async () => {
  verifies('ENROLL-CLEAR');
  await using site = await EnrollingSite.open();
  writeFileSync(site.identityPath, 'mine');
  await site.refuses({}, 'IDENTITY-FILE', /exists already/);
  assert.equal(readFileSync(site.identityPath, 'utf8'), 'mine');
  const dangling = join(site.folder, 'dangling.json');
  symlinkSync(join(site.folder, 'nowhere'), dangling);
  await site.refuses({ identityPath: dangling }, 'IDENTITY-FILE');
  assert.equal(site.controller.connections, 0);
});

test('an identity that appears meanwhile is not overwritten either, and the key stays', async () => {
  await using site = await EnrollingSite.open();
  const { enroll } = site.controller;
  site.controller.enroll = (csr) => {
    writeFileSync(site.identityPath, 'mine');
    return enroll(csr);
  };
  await site.refuses({}, 'IDENTITY-FILE', /exists already/);
  assert.equal(readFileSync(site.identityPath, 'utf8'), 'mine');
  assert.deepEqual(readdirSync(site.folder), ['gw1.json', 'gw1.json.key']);
});

test('a folder that cannot be written to costs no token', async () => {
  await using site = await EnrollingSite.open();
  await site.refuses({ identityPath: join(site.folder, 'missing', 'gw1.json') }, 'IDENTITY-FILE', /ENOENT/);
  await site.refuses({ identityPath: join(site.folder, 'x'.repeat(300)) }, 'IDENTITY-FILE');
  assert.deepEqual(
    site.controller.requests.map(({ method }) => method),
    ['GET'],
  );
});

test('the key lies on disk when the token is spent, and a second run uses it', async () => {
  verifies('ENROLL-KEY-FIRST');
  await using site = await EnrollingSite.open();
  const { controller, keyPath } = site;
  const { enroll } = controller;
  const keys: string[] = [];
  controller.enroll = async (csr) => {
    assert.equal(statSync(keyPath).mode & 0o777, 0o600);
    keys.push(readFileSync(keyPath, 'utf8'));
    const asked = KeyObject.from(await new x509.Pkcs10CertificateRequest(csr).publicKey.export());
    assert.ok(asked.equals(createPublicKey(keys.at(-1) ?? '')));
    return keys.length === 1 ? 'cut' : enroll(csr);
  };
  await site.refuses({}, 'OVERLAY-UNREACHABLE', /ECONNRESET/);
  assert.deepEqual(readdirSync(site.folder), ['gw1.json.key']);
  await site.enroll();
  assert.equal(keys[0], keys[1]);
  assert.equal(loadIdentity(site.identityPath).keyPem, keys[0]);
  assert.equal(existsSync(keyPath), false);
});

test('what lies in the place of the key and is none is not touched, and costs no token', async () => {
  await using site = await EnrollingSite.open();
  const pem = (namedCurve: string) =>
    generateKeyPairSync('ec', { namedCurve }).privateKey.export({ type: 'sec1', format: 'pem' }).toString();
  for (const content of ['', 'mine', pem('P-256'), pem('P-384').slice(0, 100), 'x'.repeat(100_000)]) {
    writeFileSync(site.keyPath, content, { mode: 0o600 });
    const error = await site.refuses({}, 'IDENTITY-FILE', /gw1\.json\.key/);
    assert.equal(error.cause, undefined);
    assert.equal(readFileSync(site.keyPath, 'utf8'), content);
  }
  writeFileSync(site.keyPath, pem('P-384'));
  chmodSync(site.keyPath, 0o644);
  await site.refuses({}, 'IDENTITY-MODE');
  assert.ok(site.controller.requests.every(({ method }) => method === 'GET'));
});

test('two runs at once: one is enrolled, and no file is left half', async () => {
  await using site = await EnrollingSite.open();
  const { enroll } = site.controller;
  let spent = false;
  site.controller.enroll = (csr) => {
    if (spent) return { status: 400, body: JSON.stringify({ error: { code: 'INVALID_ENROLLMENT_TOKEN' } }) };
    spent = true;
    return enroll(csr);
  };
  const results = await Promise.allSettled([site.enroll(), site.enroll()]);
  const [failed, ...others] = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
  assert.ok(failed instanceof VitalmeshError && others.length === 0);
  assert.match(failed.code, /^(?:ENROLL-SPENT|IDENTITY-FILE)$/);
  assert.deepEqual(readdirSync(site.folder), ['gw1.json']);
  assert.equal(loadIdentity(site.identityPath).id, IDENTITY_ID);
});

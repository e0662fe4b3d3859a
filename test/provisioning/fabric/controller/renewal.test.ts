import assert from 'node:assert/strict';
import { createHash, X509Certificate } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { namedIdentity } from '../../../../shared/identity/chain.ts';
import { verifies } from '../../../requirements.ts';
import { assertRefused, csrOf, type Enrolled, FabricSite, newKeys, privatePem, type Reply } from '../site.ts';

let site: FabricSite;
before(async () => {
  site = await FabricSite.start();
});
after(() => site[Symbol.asyncDispose]());

interface Renewing extends Enrolled {
  headers: { 'zt-session': string };
  /** Path of its authenticator. */
  path: string;
}

async function signedIn(name: string): Promise<Renewing> {
  const gw = await site.enrol(name);
  const { json } = await site.authenticate(gw);
  assert.equal(json.data.isCertExtendable, true);
  return { ...gw, headers: { 'zt-session': json.data.token }, path: `/current-identity/authenticators/${json.data.authenticatorId}` };
}

function post({ path, headers, key, cert }: Renewing, verb: 'extend' | 'extend-verify', body: object | string): Promise<Reply> {
  return site.call('POST', `${path}/${verb}`, {
    body,
    headers: { ...headers, 'content-type': 'application/json' },
    certificate: { key, cert },
  });
}

/** A certificate for a new key, not yet verified. */
async function extended(gw: Renewing, commonName = 'renewed'): Promise<Enrolled> {
  const keys = await newKeys();
  const { status, json } = await post(gw, 'extend', { clientCertCsr: await csrOf(keys, commonName) });
  assert.equal(status, 200);
  assert.deepEqual(Object.keys(json.data).sort(), ['ca', 'clientCert']);
  return { id: gw.id, key: privatePem(keys), cert: json.data.clientCert };
}

async function signsIn({ key, cert }: Enrolled): Promise<boolean> {
  const reply = await site.authenticate({ key, cert });
  if (reply.status !== 200) assertRefused(reply, 401, 'INVALID_AUTH');
  return reply.status === 200;
}

const certificates = (pem: string): string[] => pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];

describe('renewal of a certificate', () => {
  test('extend changes nothing; the switch is atomic; sessions go on; twice is told as such', async () => {
    verifies('FABRIC-EXTEND');
    const gw = await signedIn('gw');
    const first = await extended(gw);
    const next = await extended(gw, 'renewed again');
    const [leaf, intermediate, ...rest] = certificates(next.cert).map((pem) => new X509Certificate(pem));
    assert.ok(leaf && intermediate);
    assert.deepEqual(rest, []);
    assert.equal(leaf.verify(intermediate.publicKey), true);
    assert.equal(namedIdentity(leaf).identityId, gw.id);
    assert.match(leaf.subject, /CN=renewed again/);
    assert.deepEqual([await signsIn(gw), await signsIn(first), await signsIn(next)], [true, false, false]);

    assertRefused(await post(gw, 'extend-verify', { clientCert: first.cert }), 400, 'INVALID_CLIENT_CERT');
    assertRefused(await post(gw, 'extend-verify', { clientCert: 'garbage' }), 400, 'INVALID_CLIENT_CERT');
    assert.deepEqual([await signsIn(gw), await signsIn(first), await signsIn(next)], [true, false, false]);

    const done = await post(gw, 'extend-verify', { clientCert: next.cert });
    assert.equal(done.status, 200);
    assert.deepEqual(done.json, { data: {}, meta: {} });
    assert.deepEqual([await signsIn(gw), await signsIn(first), await signsIn(next)], [false, false, true]);

    for (const certificate of [{ key: gw.key, cert: gw.cert }, { key: next.key, cert: next.cert }, undefined]) {
      const { status, json } = await site.call('GET', '/current-api-session', { headers: gw.headers, ...(certificate && { certificate }) });
      assert.equal(status, 200);
      assert.equal(`/current-identity/authenticators/${json.data.authenticatorId}`, gw.path, 'it keeps its id');
    }
    assertRefused(await post(gw, 'extend-verify', { clientCert: next.cert }), 409, 'CAN_NOT_UPDATE_AUTHENTICATOR');
    // And again from there.
    const third = await extended({ ...gw, key: next.key, cert: next.cert });
    assert.equal((await post(gw, 'extend-verify', { clientCert: third.cert })).status, 200);
    assert.deepEqual([await signsIn(next), await signsIn(third)], [false, true]);
  });

  test('outlives a restart of the controller at every point', async () => {
    await using own = await FabricSite.start();
    const gw = await own.enrol('gw');
    const { headers } = await own.signIn(gw);
    const { json } = await own.call('GET', '/current-identity/authenticators', { headers });
    const path = `/current-identity/authenticators/${json.data[0].id}`;
    const keys = await newKeys();
    const body = { clientCertCsr: await csrOf(keys, 'x') };
    const { json: given } = await own.call('POST', `${path}/extend`, { headers, body, certificate: { key: gw.key, cert: gw.cert } });
    await own.stop();
    await own.start();
    const next = { id: gw.id, key: privatePem(keys), cert: given.data.clientCert };
    assert.deepEqual([(await own.authenticate(gw)).status, (await own.authenticate(next)).status], [200, 401]);
    assert.equal((await own.call('POST', `${path}/extend-verify`, { headers, body: { clientCert: next.cert } })).status, 200);
    await own.stop();
    await own.start();
    assert.deepEqual([(await own.authenticate(gw)).status, (await own.authenticate(next)).status], [401, 200]);
  });

  test('bad requests of every kind are told apart, and change nothing', async () => {
    verifies('FABRIC-EXTEND');
    const gw = await signedIn('gw-bad');
    const required = (field: string): object => ({ field, reason: `${field} in body is required`, value: '<nil>' });
    assertRefused(await post(gw, 'extend', {}), 400, 'COULD_NOT_VALIDATE', required('clientCertCsr'));
    assertRefused(await post(gw, 'extend', { clientCertCsr: null }), 400, 'COULD_NOT_VALIDATE', required('clientCertCsr'));
    assertRefused(await post(gw, 'extend-verify', {}), 400, 'COULD_NOT_VALIDATE', required('clientCert'));
    for (const body of ['[]', '{', '7', '{"clientCertCsr":7}']) assertRefused(await post(gw, 'extend', body), 400, 'COULD_NOT_PARSE_BODY');
    const undecodable = { code: 'UNHANDLED', message: 'could not decode csrPem as PEM' };
    for (const clientCertCsr of [
      'nope',
      gw.cert,
      `${(await csrOf(await newKeys(), 'x')).slice(0, 120)}\n-----END CERTIFICATE REQUEST-----\n`,
    ])
      assertRefused(await post(gw, 'extend', { clientCertCsr }), 400, 'COULD_NOT_PROCESS_CSR', undecodable);
    assertRefused(await post(gw, 'extend-verify', { clientCert: gw.cert }), 409, 'CAN_NOT_UPDATE_AUTHENTICATOR');

    const clientCertCsr = await csrOf(await newKeys(), 'x');
    const other = await signedIn('gw-other');
    for (const path of ['/current-identity/authenticators/nosuch', other.path])
      assertRefused(await post({ ...gw, path }, 'extend', { clientCertCsr }), 404, 'NOT_FOUND');
    assertRefused(await site.call('GET', other.path, { headers: gw.headers }), 404, 'NOT_FOUND');
    assert.equal((await site.call('POST', `${gw.path}/extend`, { body: { clientCertCsr } })).status, 401);
    assert.deepEqual([await signsIn(gw), await signsIn(other)], [true, true]);
  });

  test('a session without the certificate that is to be replaced gets none, whose own session it may be', async () => {
    verifies('FABRIC-EXTEND');
    const gw = await signedIn('gw-stolen');
    const thief = await site.enrol('thief');
    const body = { clientCertCsr: await csrOf(await newKeys(), 'x') };
    for (const certificate of [undefined, { key: thief.key, cert: thief.cert }]) {
      const reply = await site.call('POST', `${gw.path}/extend`, { headers: gw.headers, body, ...(certificate && { certificate }) });
      assertRefused(reply, 401, 'UNAUTHORIZED');
    }
    // The one of before is none either, once it was replaced.
    const next = await extended(gw);
    assert.equal((await post(gw, 'extend-verify', { clientCert: next.cert })).status, 200);
    assertRefused(await post(gw, 'extend', body), 401, 'UNAUTHORIZED');
    assert.deepEqual([await signsIn(gw), await signsIn(next)], [false, true]);
  });

  test('the authenticators of a caller are its own certificates', async () => {
    const gw = await signedIn('gw-list');
    const { status, json } = await site.call('GET', '/current-identity/authenticators', { headers: gw.headers });
    assert.equal(status, 200);
    assert.equal(json.meta.pagination.totalCount, 1);
    const [held] = json.data;
    assert.equal(held.certPem, gw.cert);
    const [leaf = ''] = certificates(gw.cert);
    assert.equal(held.fingerprint, createHash('sha1').update(new X509Certificate(leaf).raw).digest('hex'));
    assert.equal(`/current-identity/authenticators/${held.id}`, gw.path);
    assert.deepEqual((await site.call('GET', gw.path, { headers: gw.headers })).json.data, held);
    const next = await extended(gw);
    await post(gw, 'extend-verify', { clientCert: next.cert });
    assert.equal((await site.call('GET', gw.path, { headers: gw.headers })).json.data.certPem, next.cert);
  });

  test('an enrolment in between wins: what waited is of no use, and the old session is none', async () => {
    const gw = await signedIn('gw-again');
    const next = await extended(gw);
    const { jwt } = await site.fabric.admin.reissueToken(gw.id);
    const keys = await newKeys();
    const enrolled = await site.spend(jwt, await csrOf(keys, 'x'));
    assert.equal((await post(gw, 'extend-verify', { clientCert: next.cert })).status, 401);
    assert.equal(await signsIn(next), false);
    assert.equal(await signsIn({ id: gw.id, key: privatePem(keys), cert: enrolled.json.data.cert }), true);
  });
});

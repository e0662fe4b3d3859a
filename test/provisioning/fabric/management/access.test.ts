import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { MANAGEMENT as TABLE } from '../../../../provisioning/fabric/controller/management/routes.ts';
import { verifies } from '../../../requirements.ts';
import { assertRefused, type Enrolled } from '../site.ts';
import { AdminSite, MANAGEMENT } from './admin-site.ts';

/** What everybody may ask, and what somebody who is signed in may ask of itself. */
const OPEN = new Set(['', '/version', '/.well-known/est/cacerts', '/authenticate', '/network-jwts']);
const OWN = new Set(['/current-api-session', '/current-identity', '/current-identity/authenticators']);

describe('who may use the management API', () => {
  let admin: AdminSite;
  let gateway: Enrolled;
  before(async () => {
    admin = await AdminSite.start();
    gateway = await admin.site.enrol('gw1', ['gateways']);
  });
  after(() => admin[Symbol.asyncDispose]());

  test('nobody without a session, and no client with one: whatever the path and verb', async () => {
    verifies('FABRIC-MANAGEMENT-ADMIN');
    const { headers } = await admin.site.signIn(gateway);
    const before = await admin.get('/summary');
    const guarded = Object.entries(TABLE).filter(([path]) => !OPEN.has(path) && !OWN.has(path));
    assert.ok(guarded.length > 60);
    for (const [path, verbs] of guarded)
      for (const verb of Object.keys(verbs)) {
        const target = MANAGEMENT + path.replaceAll('*', gateway.id);
        const body = verb === 'GET' || verb === 'DELETE' ? {} : { body: { name: 'x', durationMinutes: 1 } };
        assertRefused(await admin.site.call(verb, target, { absolute: true, ...body }), 401, 'UNAUTHORIZED', {
          code: 'UNHANDLED',
          message: 'unauthenticated for invalid credentials',
        });
        assertRefused(await admin.site.call(verb, target, { absolute: true, headers, ...body }), 401, 'UNAUTHORIZED');
      }
    assert.deepEqual(await admin.get('/summary'), { ...before, apiSessions: before.apiSessions });
    assert.equal((await admin.get(`/identities/${gateway.id}`)).disabled, false);
  });

  test('a client may look at itself, and an identity that is made admin at everything, by certificate too', async () => {
    const { headers } = await admin.site.signIn(gateway);
    for (const path of OWN) assert.equal((await admin.site.call('GET', MANAGEMENT + path, { absolute: true, headers })).status, 200, path);
    const look = (): ReturnType<AdminSite['call']> => admin.site.call('GET', `${MANAGEMENT}/identities`, { absolute: true, headers });
    assert.equal((await look()).status, 401);
    assert.equal((await admin.call('PATCH', `/identities/${gateway.id}`, { body: { isAdmin: true } })).status, 200);
    assert.equal((await look()).status, 200);
    assert.equal((await admin.call('PATCH', `/identities/${gateway.id}`, { body: { isAdmin: false } })).status, 200);
    assert.equal((await look()).status, 401);
  });

  test("the administrator's password lies in a file of mode 0600 alone; the state has a slow hash", async () => {
    verifies('FABRIC-MANAGEMENT-ADMIN');
    const { home } = admin.site;
    const path = join(home, 'management-admin.json');
    assert.equal(statSync(path).mode & 0o777, 0o600);
    const { username, password } = admin.credentials;
    assert.equal(username, 'admin');
    assert.ok(password.length >= 24);
    for (const name of readdirSync(home, { recursive: true, withFileTypes: true })) {
      if (!name.isFile() || name.name === 'management-admin.json') continue;
      assert.ok(!readFileSync(join(name.parentPath, name.name)).includes(password), name.name);
    }
    await admin.site.stop();
    await admin.site.start();
    assert.equal(admin.credentials.password, password);
    await admin.signIn();
  });

  test('a wrong name, a wrong password and a disabled user are told apart by nobody', async () => {
    const { password } = admin.credentials;
    const identityId = await admin.create('/identities', { name: 'operator', type: 'User', isAdmin: true });
    await admin.create('/authenticators', { method: 'updb', identityId, username: 'operator', password: 'a long password' });
    assert.equal((await admin.authenticate({ username: 'operator', password: 'a long password' })).status, 200);
    await admin.call('POST', `/identities/${identityId}/disable`, { body: { durationMinutes: 0 } });
    for (const body of [
      { username: 'admin', password: `${password}x` },
      { username: 'nobody', password },
      { username: 'operator', password: 'a long password' },
      { username: 'admin', password: '' },
      { username: 'admin', password: 'x'.repeat(5000) },
      { username: '__proto__', password },
    ])
      assertRefused(await admin.authenticate(body), 401, 'INVALID_AUTH');
    for (const body of [{}, { username: 'admin' }, { username: 1, password: 2 }])
      assertRefused(await admin.authenticate(body), 400, 'COULD_NOT_VALIDATE', {
        code: 'UNHANDLED',
        message: 'username and password fields are required',
      });
    assert.equal((await admin.authenticate([])).json.error.code, 'COULD_NOT_PARSE_BODY');
  });

  test('the default admin cannot be locked out, by itself or by another', async () => {
    verifies('FABRIC-MANAGEMENT-ADMIN');
    const { id, authenticators } = (await admin.get('/identities?filter=isDefaultAdmin%3Dtrue'))[0];
    assertRefused(await admin.call('DELETE', `/identities/${id}`), 400, 'ENTITY_CAN_NOT_BE_DELETED');
    assert.equal((await admin.call('POST', `/identities/${id}/disable`, { body: { durationMinutes: 1 } })).status, 400);
    assert.equal((await admin.call('PATCH', `/identities/${id}`, { body: { isAdmin: false } })).status, 400);
    assert.equal((await admin.call('PUT', `/identities/${id}`, { body: { name: 'admin', type: 'User', isAdmin: false } })).status, 400);
    assert.equal((await admin.call('DELETE', `/authenticators/${authenticators.updb.id}`)).status, 400);
    assert.equal((await admin.call('GET', '/summary')).status, 200);
  });

  test('a new password ends the sessions of the old one; a session that is ended is none', async () => {
    const identityId = await admin.create('/identities', { name: 'second', type: 'User', isAdmin: true });
    const id = await admin.create('/authenticators', { method: 'updb', identityId, username: 'second', password: 'first password' });
    const session = async (password: string): Promise<Record<string, string>> => {
      const { status, json } = await admin.authenticate({ username: 'second', password });
      assert.equal(status, 200);
      return { 'zt-session': json.data.token, id: json.data.id };
    };
    const { 'zt-session': token = '' } = await session('first password');
    const look = (of: string): ReturnType<AdminSite['call']> => admin.call('GET', '/summary', { headers: { 'zt-session': of } });
    assert.equal((await look(token)).status, 200);
    assert.equal((await admin.call('PATCH', `/authenticators/${id}`, { body: { password: 'second password' } })).status, 200);
    assert.equal((await look(token)).status, 401);
    assert.equal((await admin.authenticate({ username: 'second', password: 'first password' })).status, 401);
    const { 'zt-session': newer = '', id: sessionId = '' } = await session('second password');
    assert.equal((await admin.call('DELETE', `/api-sessions/${sessionId}`)).status, 200);
    assert.equal((await look(newer)).status, 401);
  });

  test('a list of sessions shows the token of nobody else', async () => {
    await admin.site.signIn(gateway);
    const sessions = (await admin.get('/api-sessions?limit=-1')) as { token: string }[];
    assert.ok(sessions.length >= 2);
    assert.deepEqual(
      sessions.map(({ token }) => token).filter((token) => token !== ''),
      [admin.headers['zt-session']],
    );
  });

  test('what belongs to an entity that does not exist is not found', async () => {
    for (const path of Object.keys(TABLE).filter((path) => /^\/[a-z-]+\/\*\//.test(path) && TABLE[path]?.GET))
      assert.equal((await admin.call('GET', path.replaceAll('*', 'nosuch'))).status, 404, path);
  });
});

import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { createGrants } from '../../../provisioning/fabric/grants.ts';
import { tokenKey } from '../../../provisioning/fabric/jwt.ts';
import type { OidcSession } from '../../../provisioning/fabric/state/oidc-sessions.ts';
import { openState } from '../../../provisioning/fabric/state/state.ts';
import { silentLogger } from '../../../shared/log.ts';
import { verifies } from '../../requirements.ts';
import { MovableClock } from './site.ts';

const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-oidc-'));
const clock = new MovableClock();
const pem = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
const tokens = tokenKey(pem);
const state = openState(join(folder, 'home'), silentLogger, clock);
const grants = createGrants(state, tokens, silentLogger, clock);
after(() => {
  state[Symbol.dispose]();
  rmSync(folder, { recursive: true, force: true });
});

const DAY_MS = 86_400_000;
let count = 0;

function identity(): string {
  count += 1;
  return state.directory.createIdentity({ name: `gw${count}`, attributes: [] }).id;
}

function opened(identityId: string, renewableMs = DAY_MS): OidcSession {
  return state.oidcSessions.open({ identityId, authenticatorId: 'a', fingerprint: 'f' }, renewableMs);
}

describe('sessions of OIDC', () => {
  test('are found by id until their identity is disabled or deleted; whoever holds channels is told', () => {
    verifies('FABRIC-OIDC');
    const [first, second] = [identity(), identity()];
    const [a, b] = [opened(first), opened(second)];
    assert.deepEqual(state.oidcSessions.byId(a.id), a);
    let told = 0;
    using _watch = state.onChange(() => {
      told += 1;
    });
    state.directory.setDisabled(first, true);
    assert.deepEqual([state.oidcSessions.byId(a.id), state.oidcSessions.byId(b.id), told], [undefined, b, 1]);
    state.directory.setDisabled(first, false);
    assert.equal(state.oidcSessions.byId(a.id), undefined);
    state.directory.delete('identity', second);
    assert.deepEqual([state.oidcSessions.byId(b.id), told], [undefined, 3]);
  });

  test('are swept away when nobody can renew them any more, and renewing puts that off', () => {
    const id = identity();
    const [short, long] = [opened(id, 1000), opened(id, 1000)];
    state.oidcSessions.renewed(long.id, 5000);
    clock.ahead += 2000;
    state.oidcSessions.sweep();
    assert.deepEqual([state.oidcSessions.byId(short.id), state.oidcSessions.byId(long.id)?.id], [undefined, long.id]);
  });

  test('are bounded for one identity; the one that was renewed longest ago gives way', () => {
    const [id, other] = [identity(), identity()];
    const bystander = opened(other);
    const all = Array.from({ length: 64 }, () => opened(id));
    const [first, second] = all;
    assert.ok(first && second);
    state.oidcSessions.renewed(first.id, 2 * DAY_MS);
    clock.ahead += 1;
    opened(id);
    const left = all.filter((session) => state.oidcSessions.byId(session.id));
    assert.equal(left.length, 63);
    assert.ok(left.some((session) => session.id === first.id));
    assert.ok(state.oidcSessions.byId(bystander.id));
  });

  test('are known to routers by their access tokens: good, revoked, or nobody’s', () => {
    verifies('FABRIC-OIDC');
    const id = identity();
    const session = opened(id);
    const iat = Math.floor(clock.now() / 1000);
    const claims = { sub: id, z_asid: session.id, z_t: 'a', z_cfs: ['x'], iat, exp: iat + 60 };
    const good = grants.apiSession(tokens.sign(claims));
    assert.ok(typeof good === 'object');
    const { expiresInMs = 0, ...rest } = good;
    assert.deepEqual(rest, { kind: 'oidc', id: session.id, identityId: id, identityName: `gw${count}`, fingerprints: ['f'] });
    assert.ok(expiresInMs > 58_000 && expiresInMs <= 60_000);
    assert.deepEqual(grants.apiSessionById(session.id), rest);
    for (const over of [{ z_t: 'r' }, { z_t: 's' }, { exp: iat - 1 }, { exp: 'x' }, { z_cfs: 'x' }, { sub: undefined }, { z_asid: 7 }])
      assert.equal(grants.apiSession(tokens.sign({ ...claims, ...over })), undefined, JSON.stringify(over));
    assert.equal(grants.apiSession(tokens.sign({ ...claims, z_asid: 'ended' })), 'revoked');
    state.directory.setDisabled(id, true);
    assert.equal(grants.apiSession(tokens.sign(claims)), 'revoked');
    assert.equal(grants.apiSessionById(session.id), undefined);
  });

  test('keep no service sessions: the token is the session, refused in the words of OIDC', () => {
    verifies('FABRIC-OIDC');
    const { id: sub } = state.directory.createService({
      ...{ name: 'vitals', attributes: [], encryptionRequired: true, terminatorStrategy: 'smartrouting' },
    });
    const iat = Math.floor(clock.now() / 1000);
    const claims = { sub, jti: 'c1', z_asid: 'me', z_t: 's', z_st: 'Dial', z_leg: false, iat, exp: iat + 60 };
    const open = (over: object, asid = 'me') => grants.openSession(tokens.sign({ ...claims, ...over }), asid, 'Dial');
    const opened = open({});
    assert.ok('service' in opened && opened.service.id === sub && opened.sessionId === undefined);
    assert.deepEqual(open({ sub: 'gone' }), { refusal: 'service not found by id' });
    assert.match(JSON.stringify(open({ exp: iat - 1 })), /unable to get service token/);
    assert.match(JSON.stringify(open({ exp: undefined })), /unable to get service token/);
    assert.match(JSON.stringify(open({}, 'other')), /does not match service session/);
    assert.match(JSON.stringify(open({ z_st: 'Bind' })), /invalid session type/);
    assert.deepEqual(open({ z_leg: true }), { refusal: 'invalid session', unsolicited: 'session closed' });
    assert.deepEqual(open({ z_leg: undefined }), { refusal: 'invalid session', unsolicited: 'session closed' });
  });
});

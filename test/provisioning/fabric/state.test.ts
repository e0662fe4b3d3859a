import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { type FabricState, openState } from '../../../provisioning/fabric/state/state.ts';
import { silentLogger } from '../../../shared/log.ts';
import { verifies } from '../../requirements.ts';

const MINUTE_MS = 60_000;
const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-state-'));
after(() => rmSync(folder, { recursive: true, force: true }));

let homes = 0;
function newHome(): string {
  homes += 1;
  return join(folder, `home-${homes}`);
}

const clock = {
  at: Date.UTC(2026, 10, 21, 12),
  now: () => clock.at,
  monotonicMs: () => clock.at,
};

function open(home = newHome()): FabricState {
  return openState(home, silentLogger, clock);
}

/** An identity with a certificate of that fingerprint. */
function enrolled(
  state: FabricState,
  name: string,
  fingerprint: string,
  attributes: string[] = [],
): { id: string; authenticatorId: string } {
  const { id } = state.directory.createIdentity({ name, attributes });
  assert.ok(state.enrolments.spend(state.enrolments.offer(id).token, fingerprint));
  return { id, authenticatorId: state.enrolments.authenticator(fingerprint)?.id ?? '' };
}

function signedIn(state: FabricState, name = 'gw1', fingerprint = 'f1'): ReturnType<FabricState['sessions']['signIn']> {
  const { id, authenticatorId } = enrolled(state, name, fingerprint, ['gateways']);
  return state.sessions.signIn({ identityId: id, authenticatorId, fingerprint, configTypes: [] });
}

/** A service that `#gateways` may dial. */
function dialable(state: FabricState): string {
  const service = { name: 's', attributes: [], encryptionRequired: true, terminatorStrategy: 'smartrouting' as const };
  const { id } = state.directory.createService(service);
  state.directory.createPolicy({ name: 'p', type: 'Dial', semantic: 'AnyOf', identityRoles: ['#gateways'], serviceRoles: [`@${id}`] });
  return id;
}

describe('state of an embedded network', () => {
  test('everything is there after a restart, and no token stands in the files', () => {
    verifies('FABRIC-SURVIVES-RESTART');
    const home = newHome();
    const first = open(home);
    const { session, token } = signedIn(first);
    const serviceId = dialable(first);
    const opened = first.sessions.open(session, serviceId, 'Dial');
    assert.ok(opened);
    const waiting = first.directory.createIdentity({ name: 'gw2', attributes: [] });
    const offer = first.enrolments.offer(waiting.id);
    const routerId = first.routerId('r');
    first.controllerOrigin = 'https://127.0.0.1:4711';
    const before = { identities: first.directory.identities(), services: first.directory.services(), policies: first.directory.policies() };
    first[Symbol.dispose]();

    for (const name of readdirSync(home)) {
      assert.equal(statSync(join(home, name)).mode & 0o777, 0o600, name);
      const content = readFileSync(join(home, name));
      for (const secret of [token, offer.token, 'gateways']) assert.ok(!content.includes(secret), `${secret} in ${name}`);
    }
    assert.equal(statSync(home).mode & 0o777, 0o700);

    using second = open(home);
    const { identities, services, policies } = before;
    assert.deepEqual(second.directory.identities(), identities);
    assert.deepEqual(second.directory.services(), services);
    assert.deepEqual(second.directory.policies(), policies);
    assert.equal(second.sessions.byToken(token)?.id, session.id);
    assert.deepEqual(second.sessions.serviceSession(opened.id), opened);
    assert.equal(second.enrolments.identityOf(offer.token)?.id, waiting.id);
    assert.equal(second.routerId('r'), routerId);
    assert.equal(second.controllerOrigin, 'https://127.0.0.1:4711');
  });

  test('has one owner, and takes no folder that is open to others', () => {
    verifies('FABRIC-ONE-MACHINE');
    const home = newHome();
    using _owner = open(home);
    assert.throws(() => open(home), { code: 'STORAGE-LOCKED' });
    const shared = newHome();
    mkdirSync(shared);
    chmodSync(shared, 0o755);
    assert.throws(() => open(shared), { code: 'FABRIC-STATE' });
    assert.equal(statSync(shared).mode & 0o777, 0o755);
    assert.throws(() => open('/dev/null/home'), { code: 'FABRIC-STATE' });
  });

  test('a name is taken once within its kind; ids look as the real ones do', () => {
    using state = open();
    const identity = state.directory.createIdentity({ name: 'x', attributes: [] });
    const service = state.directory.createService({
      name: 'x',
      attributes: [],
      encryptionRequired: true,
      terminatorStrategy: 'smartrouting',
    });
    const policy = { name: 'x', type: 'Dial', semantic: 'AnyOf', identityRoles: ['#all'], serviceRoles: ['#all'] } as const;
    assert.match(identity.id, /^[0-9A-Za-z.-]{9,11}$/);
    for (const { id } of [service, state.directory.createPolicy(policy)]) assert.match(id, /^[0-9A-Za-z]{22}$/);
    assert.throws(() => state.directory.createIdentity({ name: 'x', attributes: ['a'] }), { code: 'FABRIC-NAME', detail: 'identity x' });
    assert.throws(() => state.directory.createService({ ...service, name: 'x' }), { code: 'FABRIC-NAME' });
    assert.throws(() => state.directory.createPolicy(policy), { code: 'FABRIC-NAME' });
    assert.equal(state.directory.identities().length, 1);
  });

  test('what does not exist cannot be changed', () => {
    using state = open();
    assert.throws(() => state.directory.setDisabled('nobody', true), { code: 'FABRIC-UNKNOWN' });
    for (const kind of ['identity', 'service', 'policy'] as const)
      assert.throws(() => state.directory.delete(kind, 'nothing'), { code: 'FABRIC-UNKNOWN' });
    assert.throws(() => state.enrolments.offer('nobody'), { code: 'FABRIC-UNKNOWN' });
  });

  test('a deleted entity leaves AnyOf policies, and never widens an AllOf policy', () => {
    using state = open();
    const gone = state.directory.createIdentity({ name: 'gone', attributes: [] });
    const other = state.directory.createIdentity({ name: 'other', attributes: ['gateways'] });
    const service = state.directory.createService({
      name: 's',
      attributes: [],
      encryptionRequired: true,
      terminatorStrategy: 'smartrouting',
    });
    const roles = { type: 'Dial', identityRoles: [`@${gone.id}`, '#gateways'], serviceRoles: ['#all'] } as const;
    state.directory.createPolicy({ name: 'any', semantic: 'AnyOf', ...roles });
    const all = state.directory.createPolicy({ name: 'all', semantic: 'AllOf', ...roles, type: 'Bind' });
    state.directory.delete('identity', gone.id);
    const rolesOf = (name: string): readonly string[] | undefined => state.directory.policies().find((p) => p.name === name)?.identityRoles;
    assert.deepEqual(rolesOf('any'), ['#gateways']);
    assert.deepEqual(rolesOf('all'), all.identityRoles);
    assert.equal(state.directory.allows(other.id, service.id, 'Bind'), false);
    assert.equal(state.directory.allows(other.id, service.id, 'Dial'), true);
  });
});

describe('enrolment tokens', () => {
  test('enrol once, within three hours, an enabled identity; a new one voids the one before', () => {
    verifies('FABRIC-ENROLS-ONCE');
    using state = open();
    const { id } = state.directory.createIdentity({ name: 'gw1', attributes: [] });
    const first = state.enrolments.offer(id);
    assert.equal(first.expiresAt, clock.at + 180 * MINUTE_MS);
    const second = state.enrolments.offer(id);
    assert.equal(state.enrolments.identityOf(first.token), undefined);
    assert.equal(state.enrolments.spend(first.token, 'f'), false);

    state.directory.setDisabled(id, true);
    assert.equal(state.enrolments.spend(second.token, 'f'), false);
    state.directory.setDisabled(id, false);
    assert.equal(state.directory.identity(id)?.enrolledAt, undefined);
    assert.equal(state.enrolments.spend(second.token, 'f'), true);
    assert.equal(state.directory.identity(id)?.enrolledAt, clock.at);
    assert.equal(state.enrolments.spend(second.token, 'f2'), false);
    assert.equal(state.enrolments.authenticator('f2'), undefined);

    const late = state.enrolments.offer(id);
    clock.at += 180 * MINUTE_MS - 1;
    assert.equal(state.enrolments.identityOf(late.token)?.name, 'gw1');
    clock.at += 1;
    assert.equal(state.enrolments.identityOf(late.token), undefined);
    assert.equal(state.enrolments.spend(late.token, 'f3'), false);
    for (const token of ['', first.token.toUpperCase(), 'x'.repeat(10_000)]) assert.equal(state.enrolments.identityOf(token), undefined);
  });

  test('a second enrolment replaces the certificate: the sessions of the first one end', () => {
    using state = open();
    const { session, token } = signedIn(state);
    assert.ok(state.enrolments.spend(state.enrolments.offer(session.identityId).token, 'f2'));
    assert.equal(state.enrolments.authenticator('f1'), undefined);
    assert.equal(state.sessions.byToken(token), undefined);
    assert.equal(state.enrolments.authenticator('f2')?.identityId, session.identityId);
  });
});

describe('sessions', () => {
  test('end half an hour after the last question, counted over a restart', () => {
    const home = newHome();
    const first = open(home);
    const { session, token } = signedIn(first);
    clock.at += 29 * MINUTE_MS;
    assert.equal(first.sessions.byId(session.id)?.expiresAt, clock.at + 30 * MINUTE_MS);
    clock.at += 29 * MINUTE_MS;
    assert.ok(first.sessions.byToken(token));
    first[Symbol.dispose]();
    using second = open(home);
    clock.at += 29 * MINUTE_MS;
    assert.ok(second.sessions.byToken(token));
    clock.at += 30 * MINUTE_MS;
    assert.equal(second.sessions.byToken(token), undefined);
    assert.equal(second.sessions.byId(session.id), undefined);
  });

  test('whoever asks when told, as a router does for its channels, keeps a session; the others are swept away and listeners told', () => {
    using state = open();
    const held = signedIn(state, 'gw1', 'f1').session;
    const left = signedIn(state, 'gw2', 'f2').session;
    const serviceId = dialable(state);
    const opened = state.sessions.open(left, serviceId, 'Dial');
    let told = 0;
    using _listening = state.onChange(() => {
      told += 1;
      state.sessions.byId(held.id);
    });
    for (let minutes = 0; minutes < 45; minutes += 1) {
      clock.at += MINUTE_MS;
      state.sessions.sweep();
    }
    assert.equal(told, 46);
    assert.ok(state.sessions.byId(held.id));
    assert.equal(state.sessions.byId(left.id), undefined);
    assert.equal(state.sessions.serviceSession(opened?.id ?? ''), undefined);
  });

  test('end with the identity, when it is disabled or deleted, and do not come back', () => {
    using state = open();
    const { session, token } = signedIn(state);
    const other = signedIn(state, 'gw2', 'f2');
    state.directory.setDisabled(session.identityId, true);
    assert.equal(state.sessions.byToken(token), undefined);
    state.directory.setDisabled(session.identityId, false);
    assert.equal(state.sessions.byToken(token), undefined);
    state.directory.delete('identity', other.session.identityId);
    assert.equal(state.sessions.byToken(other.token), undefined);
    assert.equal(state.enrolments.authenticator('f2'), undefined);
  });

  test('a service session ends with its policy and is not there again when the policy is', () => {
    using state = open();
    const { session } = signedIn(state);
    const serviceId = dialable(state);
    const opened = state.sessions.open(session, serviceId, 'Dial');
    assert.ok(opened);
    const [policy] = state.directory.policies();
    assert.ok(policy);
    state.directory.delete('policy', policy.id);
    assert.equal(state.sessions.serviceSession(opened.id), undefined);
    state.directory.createPolicy(policy);
    assert.equal(state.sessions.serviceSession(opened.id), undefined);
    assert.ok(state.sessions.open(session, serviceId, 'Dial'));
  });

  test('are bounded: the oldest of an identity give way', () => {
    using state = open();
    const { session } = signedIn(state);
    const { identityId, authenticatorId, fingerprint } = session;
    for (let i = 0; i < 64; i += 1) {
      clock.at += 1;
      state.sessions.signIn({ identityId, authenticatorId, fingerprint, configTypes: [] });
    }
    assert.equal(state.sessions.byId(session.id), undefined);
  });

  test('a listener that throws keeps the change and the others', () => {
    using state = open();
    let told = 0;
    using _bad = state.onChange(() => {
      throw new TypeError('x');
    });
    const good = state.onChange(() => {
      told += 1;
    });
    state.directory.createIdentity({ name: 'a', attributes: [] });
    assert.equal(told, 1);
    good[Symbol.dispose]();
    state.directory.createIdentity({ name: 'b', attributes: [] });
    assert.equal(told, 1);
    assert.equal(state.directory.identities().length, 2);
  });
});

import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { FabricApiSession, Grants } from '../../../provisioning/fabric/contract.ts';
import { createGrants } from '../../../provisioning/fabric/grants.ts';
import { tokenKey } from '../../../provisioning/fabric/jwt.ts';
import type { ServiceSession } from '../../../provisioning/fabric/state/sessions.ts';
import { type FabricState, openState } from '../../../provisioning/fabric/state/state.ts';
import { silentLogger } from '../../../shared/log.ts';
import { verifies } from '../../requirements.ts';

const pem = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
const tokens = tokenKey(pem);
const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-grants-'));
let state: FabricState;
let grants: Grants;

before(() => {
  state = openState(join(folder, 'home'), silentLogger);
  grants = createGrants(state, tokens, silentLogger);
});
after(() => {
  state[Symbol.dispose]();
  rmSync(folder, { recursive: true, force: true });
});

let count = 0;
/** An identity that is signed in, a service it may dial, and a session for that. */
function scene(): { session: FabricApiSession; token: string; serviceId: string; opened: ServiceSession; policyId: string } {
  count += 1;
  const fingerprint = `f${count}`;
  const { id } = state.directory.createIdentity({ name: `gw${count}`, attributes: [] });
  state.enrolments.spend(state.enrolments.offer(id).token, fingerprint);
  const authenticatorId = state.enrolments.authenticator(fingerprint)?.id ?? '';
  const { session, token } = state.sessions.signIn({ identityId: id, authenticatorId, fingerprint, configTypes: [] });
  const { id: serviceId } = state.directory.createService({
    name: `s${count}`,
    attributes: [],
    encryptionRequired: false,
    terminatorStrategy: 'smartrouting',
  });
  const roles = { identityRoles: [`@${id}`], serviceRoles: [`@${serviceId}`] };
  const { id: policyId } = state.directory.createPolicy({ name: `p${count}`, type: 'Dial', semantic: 'AnyOf', ...roles });
  const opened = state.sessions.open(session, serviceId, 'Dial');
  const granted = grants.apiSession(token);
  assert.ok(opened && typeof granted === 'object');
  return { session: granted, token, serviceId, opened, policyId };
}

function tokenOf({ id, serviceId, apiSessionId, type }: ServiceSession, over: Record<string, unknown> = {}): string {
  return tokens.sign({ sub: serviceId, jti: id, z_asid: apiSessionId, z_t: 's', z_st: type, ...over });
}

const LOST = { refusal: 'invalid session', unsolicited: 'session closed' };

describe('grants', () => {
  test('a session is found by token and id, with who it is and which certificate it was made with', () => {
    const { session, token } = scene();
    assert.deepEqual(session, {
      ...{ kind: 'certificate', id: session.id, identityId: session.identityId, identityName: `gw${count}` },
      fingerprints: [`f${count}`],
    });
    assert.deepEqual(grants.apiSessionById(session.id), session);
    for (const wrong of ['', token.toUpperCase(), session.id]) assert.equal(grants.apiSession(wrong), undefined);
    state.directory.setDisabled(session.identityId, true);
    assert.equal(grants.apiSession(token), undefined);
    assert.equal(grants.apiSessionById(session.id), undefined);
  });

  test('a session token opens its service for its own API session', () => {
    const { session, opened, serviceId } = scene();
    assert.deepEqual(grants.openSession(tokenOf(opened), session.id, 'Dial'), {
      service: { id: serviceId, name: `s${count}`, attributes: [], encryptionRequired: false, terminatorStrategy: 'smartrouting' },
      sessionId: opened.id,
    });
    assert.ok(grants.sessionExists(opened.id));
    assert.ok(grants.allows(session.identityId, serviceId, 'Dial'));
    assert.ok(!grants.allows(session.identityId, serviceId, 'Bind'));
  });

  test('refusals are the texts of a real router', () => {
    verifies('FABRIC-CONTROLLER-AS-REAL');
    const { session, opened } = scene();
    const other = scene();
    const refusal = (token: string, type: 'Dial' | 'Bind' = 'Dial'): unknown => grants.openSession(token, session.id, type);
    const unreadable = 'unable to get service token either by JWT parsing or id lookup';
    const foreign = tokenKey(
      generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    );
    assert.deepEqual(refusal('bogus'), { refusal: unreadable });
    assert.deepEqual(refusal(foreign.sign({ jti: opened.id, sub: opened.serviceId })), { refusal: unreadable });
    assert.deepEqual(refusal(tokenOf(opened, { z_t: 'a' })), { refusal: unreadable });
    assert.deepEqual(refusal('bogus', 'Bind'), { refusal: 'token is malformed: token contains an invalid number of segments' });
    assert.deepEqual(refusal(tokenOf(opened), 'Bind'), { refusal: 'rejecting bind, invalid session type. expected Bind, got Dial' });
    const mismatch = `api session id (${session.id}) does not match service session api session id (${other.session.id})`;
    assert.deepEqual(refusal(tokenOf(other.opened)), { refusal: `failed to create service token from JWT: ${mismatch}` });
    assert.deepEqual(refusal(tokenOf(other.opened), 'Bind'), { refusal: mismatch });
  });

  test('a token is worth nothing once its session, policy, service or identity is gone', () => {
    verifies('FABRIC-DEFAULT-DENY');
    const ends: ((of: ReturnType<typeof scene>) => void)[] = [
      ({ opened }) => state.sessions.close(opened.id),
      ({ session }) => state.sessions.signOut(session.id),
      ({ policyId }) => state.directory.delete('policy', policyId),
      ({ serviceId }) => state.directory.delete('service', serviceId),
      ({ session }) => state.directory.setDisabled(session.identityId, true),
      ({ session }) => state.directory.delete('identity', session.identityId),
    ];
    for (const end of ends) {
      const of = scene();
      let told = 0;
      using _listening = grants.onChange(() => {
        told += 1;
        assert.equal(grants.sessionExists(of.opened.id), false, 'a listener already sees the change');
      });
      end(of);
      assert.equal(told, 1);
      assert.deepEqual(grants.openSession(tokenOf(of.opened), of.session.id, 'Dial'), LOST, end.toString());
    }
  });

  test('a token for another service than that of its session opens neither', () => {
    const { session, opened } = scene();
    const other = scene();
    assert.deepEqual(grants.openSession(tokenOf(opened, { sub: other.serviceId }), session.id, 'Dial'), LOST);
    assert.deepEqual(grants.openSession(tokenOf(opened, { jti: other.opened.id }), session.id, 'Dial'), LOST);
  });

  test('while the state cannot be read, everybody is told no', () => {
    const closed = openState(join(folder, 'closed'), silentLogger);
    closed[Symbol.dispose]();
    const blind = createGrants(closed, tokens, silentLogger);
    assert.equal(blind.apiSession('x'), undefined);
    assert.equal(blind.apiSessionById('x'), undefined);
    assert.equal(blind.service('x'), undefined);
    assert.equal(blind.allows('a', 'b', 'Dial'), false);
    assert.equal(blind.sessionExists('x'), false);
    const good = tokens.sign({ sub: 's', jti: 'j', z_asid: 'a', z_t: 's', z_st: 'Dial' });
    assert.deepEqual(blind.openSession(good, 'a', 'Dial'), { refusal: 'invalid session' });
  });
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Principal } from '../../../hub/access/access.ts';
import { ACCESS_MODES, type AccessModes, needsOf, type Proof, whoIs } from '../../../hub/access/credentials.ts';
import { isSameCaller } from '../../../hub/access/principals.ts';
import type { AccessToken } from '../../../hub/access/tokens/token.ts';
import { parseRegistry } from '../../../hub/registry/load-registry.ts';
import { VitalmeshError } from '../../../shared/errors.ts';
import { verifies } from '../../requirements.ts';
import { TEST_NOW } from '../../support/hub.ts';

const REGISTRY = parseRegistry(`
gateways:
  - { identity: gw-icu, tenant: clinic, beds: { ICU-01: pat-icu-01 } }
  - { identity: gw-other, tenant: other, patient: pat-other-01 }
clients:
  - { identity: ai-nurse, token: { issuer: hospital, subject: nurse-1 }, tenant: clinic, kind: person, role: clinician, patients: all }
  - { identity: ai-doctor, token: { issuer: hospital, subject: doctor-1 }, tenant: clinic, kind: person, role: clinician, patients: all, notAfter: 2026-11-21T10:01:00Z }
  - { identity: ai-old, tenant: clinic, kind: person, role: clinician, patients: all }
  - { identity: ai-monitor, tenant: clinic, kind: software, role: monitor, patients: all }
  - { token: { issuer: hospital, subject: early-warning }, tenant: clinic, kind: software, role: monitor, patients: all }
  - { identity: ai-strict, token: { issuer: hospital, subject: strict }, tenant: clinic, kind: software, role: monitor, patients: all }
  - { identity: ai-other, tenant: other, kind: software, role: monitor, patients: all }
revoked:
  - { issuer: hospital, jti: stolen }
  - { issuer: hospital, subject: doctor-1, before: 2026-11-21T09:59:59Z }
  - { issuer: clinic, before: 2027-01-01T00:00:00Z }
`);
const MODES: AccessModes = { person: 'both' };
const IDENTITIES = ['ai-nurse', 'ai-doctor', 'ai-old', 'ai-monitor', 'ai-strict', 'ai-other', 'gw-icu', 'ai-stranger'];
const SUBJECTS = ['nurse-1', 'doctor-1', 'early-warning', 'strict', 'stranger', '__proto__'];

function token(subject: string, more: Partial<AccessToken> = {}): AccessToken {
  const scopes = (['user', 'system'] as const).map((context) => ({ context, resource: 'Observation', may: 'rs' }));
  return { issuer: 'hospital', subject, client: 'app', id: 'token-1', issuedAt: TEST_NOW, expiresAt: TEST_NOW + 300_000, scopes, ...more };
}

function outcome(proof: Proof, modes = MODES, takesTokens = true): string | Principal {
  try {
    return whoIs(REGISTRY, { modes, takesTokens }, proof);
  } catch (error) {
    assert.ok(error instanceof VitalmeshError, String(error));
    return error.code;
  }
}

const idOf = (found: string | Principal): string => (typeof found === 'string' ? found : found.id);

test('of people both are needed, of one row; of software what its row lists', () => {
  verifies('CALLER-PROVES');
  const cases: [Proof, string][] = [
    [{ overlay: 'ai-nurse', token: token('nurse-1') }, 'ai-nurse'],
    [{ overlay: 'ai-nurse' }, 'ACCESS-TOKEN-NEEDED'],
    [{ token: token('nurse-1') }, 'ACCESS-UNVERIFIED'],
    [{ overlay: 'ai-nurse', token: token('doctor-1') }, 'ACCESS-CREDENTIALS'],
    [{ overlay: 'ai-monitor', token: token('nurse-1') }, 'ACCESS-CREDENTIALS'],
    [{ overlay: 'ai-stranger', token: token('nurse-1') }, 'ACCESS-CREDENTIALS'],
    [{ overlay: 'gw-icu', token: token('nurse-1') }, 'ACCESS-CREDENTIALS'],
    [{ overlay: 'ai-old' }, 'ACCESS-TOKEN-NEEDED'],
    [{ overlay: 'ai-old', token: token('stranger') }, 'ACCESS-UNKNOWN-CALLER'],
    [{ overlay: 'ai-monitor' }, 'ai-monitor'],
    [{ overlay: 'ai-monitor', token: token('early-warning') }, 'oauth:hospital:early-warning'],
    [{ overlay: 'ai-other', token: token('early-warning') }, 'ACCESS-CREDENTIALS'],
    [{ overlay: 'ai-stranger', token: token('early-warning') }, 'oauth:hospital:early-warning'],
    [{ token: token('early-warning') }, 'oauth:hospital:early-warning'],
    [{ overlay: 'ai-strict' }, 'ACCESS-TOKEN-NEEDED'],
    [{ token: token('strict') }, 'ACCESS-UNVERIFIED'],
    [{ overlay: 'ai-strict', token: token('strict') }, 'ai-strict'],
    [{ overlay: 'gw-icu' }, 'ACCESS-TOKEN-NEEDED'],
    [{ overlay: 'ai-nurse', token: token('nurse-1', { issuer: 'other' }) }, 'ACCESS-UNKNOWN-CALLER'],
    [{}, 'ACCESS-TOKEN-NEEDED'],
  ];
  for (const [proof, expected] of cases) assert.equal(idOf(outcome(proof)), expected, `${proof.overlay} ${proof.token?.subject}`);
});

test('where no tokens are taken, a caller is told what it always was', () => {
  verifies('CALLER-PROVES');
  assert.equal(outcome({}, MODES, false), 'ACCESS-UNVERIFIED');
  assert.equal(outcome({ overlay: 'ai-stranger' }, MODES, false), 'ACCESS-UNKNOWN-CALLER');
  assert.equal(outcome({ overlay: 'gw-icu' }, MODES, false), 'ACCESS-UNKNOWN-CALLER');
  assert.equal(idOf(outcome({ overlay: 'ai-monitor' }, MODES, false)), 'ai-monitor');
});

test('what is told of a kind holds for it', () => {
  verifies('CALLER-PROVES');
  const overlay: AccessModes = { person: 'overlay', software: 'overlay' };
  assert.equal(idOf(outcome({ overlay: 'ai-nurse' }, overlay)), 'ai-nurse');
  assert.equal(idOf(outcome({ overlay: 'ai-strict' }, overlay)), 'ai-strict');
  assert.equal(outcome({ token: token('early-warning') }, overlay), 'ACCESS-UNVERIFIED');
  assert.equal(outcome({ overlay: 'ai-nurse', token: token('doctor-1') }, overlay), 'ACCESS-CREDENTIALS');
  const oauth: AccessModes = { person: 'oauth', software: 'oauth' };
  assert.equal(idOf(outcome({ overlay: 'ai-stranger', token: token('nurse-1') }, oauth)), 'oauth:hospital:nurse-1');
  assert.equal(outcome({ overlay: 'ai-monitor' }, oauth), 'ACCESS-TOKEN-NEEDED');
});

test('whatever is shown, nobody is somebody without what that row needs, nor of another tenant than any credential', () => {
  verifies('CALLER-PROVES', 'TENANT-EVERYWHERE');
  const mode = fc.constantFrom(...ACCESS_MODES);
  const modes = fc.record({ person: mode, software: fc.option(mode, { nil: undefined }) });
  const shown = fc.record({
    overlay: fc.option(fc.constantFrom(...IDENTITIES), { nil: undefined }),
    subject: fc.option(fc.constantFrom(...SUBJECTS), { nil: undefined }),
  });
  fc.assert(
    fc.property(modes, shown, fc.boolean(), (rules, { overlay, subject }, takesTokens) => {
      const proof = { ...(overlay !== undefined && { overlay }), ...(subject !== undefined && { token: token(subject) }) };
      const found = outcome(proof, rules, takesTokens);
      if (typeof found === 'string') return;
      const row = REGISTRY.clients().find((one) => one.identity === found.id || `oauth:hospital:${one.token?.subject}` === found.id);
      assert.ok(row);
      const needs = needsOf(row, rules);
      if (needs !== 'oauth') assert.equal(row.identity, overlay);
      if (needs !== 'overlay') assert.equal(row.token?.subject, subject);
      if (subject !== undefined) assert.equal(row.token?.subject, subject);
      const other = overlay === undefined ? undefined : REGISTRY.clientByIdentity(overlay);
      if (other) assert.equal(other.tenant, found.tenant);
      assert.equal(found.scopes !== undefined, subject !== undefined);
    }),
  );
});

test('the principal has the earlier end of row and token, the scopes of its kind, and says by what it was told', () => {
  verifies('CALLER-PROVES', 'TOKEN-SCOPES');
  const nurse = outcome({ overlay: 'ai-nurse', token: token('nurse-1') });
  assert.ok(typeof nurse !== 'string');
  assert.equal(nurse.notAfter, TEST_NOW + 299_999);
  assert.deepEqual(
    nurse.scopes?.map(({ context }) => context),
    ['user'],
  );
  assert.deepEqual(nurse.credential, {
    kind: 'both',
    overlay: 'ai-nurse',
    oauth: { issuer: 'hospital', subject: 'nurse-1', jti: 'token-1' },
  });
  const doctor = outcome({ overlay: 'ai-doctor', token: token('doctor-1') });
  assert.ok(typeof doctor !== 'string');
  assert.equal(doctor.notAfter, TEST_NOW + 60_000);
  const program = outcome({ token: token('early-warning') });
  assert.ok(typeof program !== 'string');
  assert.deepEqual(
    program.scopes?.map(({ context }) => context),
    ['system'],
  );
  const oauth = { issuer: 'hospital', subject: 'early-warning', jti: 'token-1' };
  assert.deepEqual(program.credential, { kind: 'oauth', oauth });
  const over = outcome({ overlay: 'ai-stranger', token: token('early-warning') }) as Principal;
  assert.deepEqual([over.id, over.credential], ['oauth:hospital:early-warning', { kind: 'oauth', overlay: 'ai-stranger', oauth }]);
  assert.ok(isSameCaller(program, over));
  assert.ok(isSameCaller(over, outcome({ overlay: 'ai-stranger', token: token('early-warning', { id: 'token-2' }) }) as Principal));
  assert.equal('credential' in (outcome({ overlay: 'ai-monitor' }) as Principal), false);
});

test('a token that was revoked is refused: by its id, by subject and time, by issuer and time', () => {
  verifies('CALLER-PROVES');
  const refused = (more: Partial<AccessToken>, subject = 'nurse-1'): boolean =>
    outcome({ overlay: `ai-${subject.slice(0, -2)}`, token: token(subject, more) }) === 'ACCESS-TOKEN';
  assert.ok(refused({ id: 'stolen' }));
  assert.ok(!refused({ id: 'stolen-not' }));
  assert.ok(refused({ issuedAt: TEST_NOW - 1001 }, 'doctor-1'));
  assert.ok(!refused({ issuedAt: TEST_NOW - 1000 }, 'doctor-1'));
  assert.ok(!refused({ issuedAt: TEST_NOW - 1001 }));
  assert.ok(refused({ issuer: 'clinic' }));
});

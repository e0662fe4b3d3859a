import assert from 'node:assert/strict';
import { test } from 'node:test';
import { barredRows, type Entrance } from '../../../hub/access/barred.ts';
import { ACCESS_MODES, type AccessModes, type Proof, whoIs } from '../../../hub/access/credentials.ts';
import { decide } from '../../../hub/access/decide.ts';
import { DEFAULT_POLICY } from '../../../hub/access/default-policy.ts';
import type { AccessToken } from '../../../hub/access/tokens/token.ts';
import { parseRegistry } from '../../../hub/registry/load-registry.ts';
import { verifies } from '../../requirements.ts';
import { TEST_NOW } from '../../support/hub.ts';

const registry = parseRegistry(`
gateways:
  - { identity: gw-icu, tenant: clinic, beds: { ICU-01: pat-icu-01 } }
clients:
  - { identity: ai-nurse, token: { issuer: hospital, subject: nurse-1 }, tenant: clinic, kind: person, role: clinician, patients: all }
  - { identity: ai-bare, tenant: clinic, kind: person, role: clinician, patients: all }
  - { token: { issuer: hospital, subject: nurse-2 }, tenant: clinic, kind: person, role: clinician, patients: all }
  - { identity: ai-else, token: { issuer: elsewhere, subject: nurse-1 }, tenant: clinic, kind: person, role: clinician, patients: all }
  - { identity: ai-gone, token: { issuer: hospital, subject: gone-1 }, tenant: clinic, kind: person, role: clinician, patients: all }
  - { identity: ai-late, token: { issuer: hospital, subject: late-1 }, tenant: clinic, kind: person, role: clinician, patients: all, notAfter: 2026-01-01T00:00:00Z }
  - { identity: ai-soft, tenant: clinic, kind: software, role: monitor, patients: all }
  - { token: { issuer: hospital, subject: soft-2 }, tenant: clinic, kind: software, role: monitor, patients: all }
  - { identity: ai-soft-late, tenant: clinic, kind: software, role: monitor, patients: all, notAfter: 2026-01-01T00:00:00Z }
revoked:
  - { issuer: hospital, subject: gone-1 }
  - { issuer: hospital, subject: nurse-1, before: 2026-11-21T09:00:00Z }
  - { issuer: hospital, subject: soft-2, jti: stolen }
`);
const USUAL: Entrance = { modes: { person: 'both' }, issuers: ['hospital'] };

test('a row as which nobody can get in is named, with what bars it', () => {
  verifies('ROWS-BARRED-TOLD');
  const told = barredRows(registry, USUAL, TEST_NOW).map(({ as, tenant, why }) => [as, tenant, why]);
  assert.deepEqual(told, [
    ['ai-bare', 'clinic', 'token'],
    ['oauth:hospital:nurse-2', 'clinic', 'identity'],
    ['ai-else', 'clinic', 'issuer'],
    ['ai-gone', 'clinic', 'revoked'],
    ['ai-late', 'clinic', 'expired'],
    ['ai-soft-late', 'clinic', 'expired'],
  ]);
});

test('exactly those rows are named whose callers are refused with everything that they could show', () => {
  verifies('ROWS-BARRED-TOLD');
  const rows = registry.clients();
  for (const person of ACCESS_MODES) {
    for (const software of [undefined, ...ACCESS_MODES]) {
      for (const issuers of [[], ['hospital'], ['elsewhere'], ['hospital', 'elsewhere']]) {
        const modes: AccessModes = { person, software };
        const named = barredRows(registry, { modes, issuers }, TEST_NOW).map(({ as }) => as);
        const refused = rows.filter((row) => !proofsOf(row, issuers).some((proof) => getsIn(row, proof, modes, issuers)));
        assert.deepEqual(
          named,
          refused.map(({ identity, token }) => identity ?? `oauth:${token?.issuer}:${token?.subject}`),
          `${person} ${software} ${issuers}`,
        );
      }
    }
  }
});

type Row = ReturnType<typeof registry.clients>[number];

/** All that the caller of a row can prove: only tokens of known issuers can be checked. */
function proofsOf({ identity, token }: Row, issuers: readonly string[]): Proof[] {
  const shown: AccessToken | undefined =
    token && issuers.includes(token.issuer)
      ? {
          ...{ issuer: token.issuer, subject: token.subject, client: 'app', issuedAt: TEST_NOW, expiresAt: TEST_NOW + 60_000 },
          scopes: (['user', 'system'] as const).map((context) => ({ context, resource: 'Observation', may: 'rs' })),
        }
      : undefined;
  return [
    ...(identity === undefined ? [] : [{ overlay: identity }]),
    ...(shown ? [{ token: shown }] : []),
    ...(identity !== undefined && shown ? [{ overlay: identity, token: shown }] : []),
  ];
}

function getsIn({ role }: Row, proof: Proof, modes: AccessModes, issuers: readonly string[]): boolean {
  try {
    const principal = whoIs(registry, { modes, takesTokens: issuers.length > 0 }, proof);
    assert.equal(principal.role, role);
    return decide(principal, 'session.open', { tenant: 'clinic' }, { at: TEST_NOW, policy: DEFAULT_POLICY }).allow;
  } catch {
    return false;
  }
}

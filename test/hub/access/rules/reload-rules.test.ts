import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { loadRules } from '../../../../hub/access/load-rules.ts';
import { reloadRules } from '../../../../hub/access/rules/reload-rules.ts';
import { verifies } from '../../../requirements.ts';

const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-reload-'));
after(() => rmSync(folder, { recursive: true }));
const registry = join(folder, 'registry.yaml');
const GATEWAYS = 'gateways:\n  - { identity: gw, tenant: clinic, patient: pat-aaaa-1 }\n';
const CLIENT = 'clients:\n  - identity: ai\n    tenant: clinic\n    kind: person\n    role: clinician\n    patients: all\n';
const ENDS = '    notAfter: 2027-01-01T00:00:00Z\n';
const REVOKED = 'revoked:\n  - { issuer: hospital, jti: a }\n  - { issuer: hospital, subject: nurse, before: 2026-01-01T00:00:00Z }\n';
const config = { registry, access: { issuers: [{ name: 'hospital' }] } };
const soon = async (): Promise<void> => undefined;

test('what is revoked stays so when a file is read again that lists less of it', async () => {
  verifies('REVOCATIONS-STAND');
  writeFileSync(registry, GATEWAYS + REVOKED);
  const { registry: first } = loadRules(config);
  writeFileSync(registry, GATEWAYS + REVOKED.split('\n').slice(0, 2).join('\n'));
  const cut = await reloadRules(config, first.revocations(), soon);
  assert.deepEqual([cut.kept, cut.registry.revocations()], [1, first.revocations()]);
  writeFileSync(registry, `${GATEWAYS}revoked: [{ issuer: hospital, jti: b }]\n`);
  const other = await reloadRules(config, cut.registry.revocations(), soon);
  assert.deepEqual([other.kept, other.registry.revocations().length], [2, 3]);
  const token = { issuer: 'hospital', subject: 'x', issuedAt: 0 };
  for (const id of ['a', 'b']) assert.ok(other.registry.isRevoked({ ...token, id }));
  assert.equal(other.registry.isRevoked({ ...token, id: 'c' }), false);
  const again = await reloadRules(config, other.registry.revocations().slice(-2), soon);
  assert.equal(again.registry.revocations().length, 3);
  assert.equal(loadRules(config).registry.revocations().length, 1, 'a hub that starts goes by its file');
});

test('a file that is being written is taken when it has come to rest', async () => {
  verifies('REVOCATIONS-STAND');
  writeFileSync(registry, GATEWAYS + CLIENT);
  const rest = [ENDS, REVOKED];
  const taken = await reloadRules(config, [], async () => {
    const next = rest.shift();
    if (next !== undefined) appendFileSync(registry, next);
  });
  assert.equal(taken.registry.clients()[0]?.notAfter, Date.UTC(2027, 0, 1));
  assert.equal(taken.registry.revocations().length, 2);
  const forever = reloadRules(config, [], async () => appendFileSync(registry, '#\n'));
  await assert.rejects(forever, { code: 'REGISTRY-INVALID', detail: /still being written$/ });
});

test('a revocation whose issuer is misspelt is an error with its line, where issuers are known', () => {
  verifies('REVOCATIONS-STAND');
  writeFileSync(registry, `${GATEWAYS}revoked:\n  - { issuer: hospitl, jti: a }\n`);
  assert.throws(() => loadRules(config), {
    code: 'REGISTRY-INVALID',
    detail: 'registry.yaml:4: revoked[0].issuer: expected an issuer of hub.yaml: hospital',
  });
  assert.doesNotThrow(() => loadRules({ registry, access: { issuers: [] } }));
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gatewayPrincipal } from '../../../hub/access/principals.ts';
import { BY_HAND } from '../../../hub/patients/by-hand.ts';
import { registryChanges } from '../../../hub/registry/changes.ts';
import { parseRegistry } from '../../../hub/registry/load-registry.ts';
import { asVitalmeshError } from '../../../shared/errors.ts';
import { verifies } from '../../requirements.ts';

const GOOD = `
gateways:
  - identity: gw-icu
    tenant: clinic
    beds: { ICU^1^A: followed, ICU^2^A: followed, STEP-1: pat-step-01 }
  - identity: gw-vent
    tenant: clinic
    beds: { ICU^1^A: followed }
  - { identity: gw-adt, tenant: clinic, movements: { silentAfter: 12h } }
clients:
  - { identity: ai-ward, tenant: clinic, kind: person, role: clinician, wards: [icu] }
wards:
  icu: { tenant: clinic, beds: [ICU^1^A, STEP-1] }
`;

function complaints(text: string): string {
  try {
    parseRegistry(text);
  } catch (error) {
    return asVitalmeshError(error).detail ?? '';
  }
  return assert.fail('the registry was taken');
}

test('a bed that is followed is its gateway’s, binds nobody, and may be a ward’s', () => {
  verifies('BEDS-FOLLOWED');
  const registry = parseRegistry(GOOD);
  const icu = registry.gateway('gw-icu') ?? assert.fail();
  assert.deepEqual([icu.beds, icu.followed], [{ 'STEP-1': 'pat-step-01' }, new Set(['ICU^1^A', 'ICU^2^A'])]);
  assert.deepEqual(gatewayPrincipal(icu).beds, ['STEP-1', 'ICU^1^A', 'ICU^2^A']);
  assert.deepEqual(
    registry.bindings().map(({ name, patient }) => [name, patient]),
    [
      ['STEP-1', 'pat-step-01'],
      ['ICU^1^A', null],
      ['ICU^2^A', null],
      ['ICU^1^A', null],
    ],
  );
  assert.deepEqual(registry.patients('clinic'), [{ patient: 'pat-step-01', bed: 'STEP-1', ward: 'icu' }]);
  assert.deepEqual([registry.inBed('clinic', 'ICU^2^A'), registry.inBed('clinic', 'ICU^3^A')], [null, undefined]);
  const { movements, silentAfterMs } = registry.gateway('gw-adt') ?? assert.fail();
  assert.deepEqual([movements, silentAfterMs], [true, 12 * 3_600_000]);
  const always = parseRegistry(GOOD.replace('{ silentAfter: 12h }', 'true')).gateway('gw-adt') ?? assert.fail();
  assert.deepEqual([always.movements, always.silentAfterMs], [true, undefined]);
});

test('a bed is followed with all its gateways or with none, within its tenant', () => {
  verifies('BEDS-FOLLOWED');
  const half = GOOD.replace('beds: { ICU^1^A: followed }', 'beds: { ICU^1^A: pat-icu-01 }');
  assert.match(complaints(half), /:8: gateways\[1\]\.beds\.\*: expected a bed that is `followed` with all gateways or with none/);
  assert.match(complaints(GOOD.replace('beds: { ICU^1^A: followed }', 'beds: { ICU^1^A: null }')), /with all gateways or with none/);
  const other = half.replace('identity: gw-vent\n    tenant: clinic', 'identity: gw-vent\n    tenant: other');
  assert.equal(parseRegistry(other).inBed('other', 'ICU^1^A'), 'pat-icu-01');
});

test('no patient is called as what stands for none, and no gateway as the hub', () => {
  verifies('BEDS-FOLLOWED');
  assert.match(complaints(GOOD.replace('{ silentAfter: 12h }', 'true, patient: followed')), /`followed` stands for none/);
  assert.match(complaints(GOOD.replace('pat-step-01', '"@bed ICU^1^A"')), /gateways\[0\]\.beds\.\*: /);
  assert.match(complaints(GOOD.replace('gw-vent', BY_HAND)), /the hub’s own/);
  for (const wrong of ['0h', '12', '12 h', '-1h', '99d', '{ }'])
    assert.match(complaints(GOOD.replace('silentAfter: 12h', `silentAfter: ${wrong}`)), /movements/, wrong);
});

test('that a bed is followed from now on, or no longer, is a change that the evidence tells of', () => {
  verifies('BEDS-FOLLOWED');
  const before = parseRegistry(GOOD);
  const next = parseRegistry(GOOD.replace('ICU^2^A: followed, ', ''));
  assert.deepEqual(registryChanges(before, next), [
    { tenant: 'clinic', what: 'changed', row: 'gateway', id: 'gw-icu', fields: ['followed'] },
  ]);
});

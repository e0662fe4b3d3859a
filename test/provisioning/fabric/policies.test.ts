import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { FabricPolicy } from '../../../provisioning/fabric/contract.ts';
import { permits, rolesName } from '../../../provisioning/fabric/policies.ts';
import { verifies } from '../../requirements.ts';

const gw1 = { id: 'gw.1', attributes: ['gateways', 'ward-a'] };
const bare = { id: 'bare', attributes: [] };

describe('roles', () => {
  const cases: [string[], 'AnyOf' | 'AllOf', typeof gw1 | typeof bare, boolean][] = [
    [[], 'AnyOf', gw1, false],
    [[], 'AllOf', gw1, false],
    [['#all'], 'AnyOf', bare, true],
    [['#all'], 'AllOf', bare, true],
    [['@gw.1'], 'AnyOf', gw1, true],
    [['@gw.1'], 'AllOf', gw1, true],
    [['@gw.1'], 'AnyOf', bare, false],
    [['#gateways'], 'AnyOf', gw1, true],
    [['#gateways'], 'AnyOf', bare, false],
    [['#gateway'], 'AnyOf', gw1, false],
    [['#Gateways'], 'AnyOf', gw1, false],
    [['gateways'], 'AnyOf', gw1, false],
    [['gw.1'], 'AnyOf', gw1, false],
    [['#gw.1'], 'AnyOf', gw1, false],
    [['@gateways'], 'AnyOf', gw1, false],
    [['#gateways', '#ward-b'], 'AnyOf', gw1, true],
    [['#gateways', '#ward-b'], 'AllOf', gw1, false],
    [['#gateways', '#ward-a'], 'AllOf', gw1, true],
    [['@gw.1', '#ward-b'], 'AllOf', gw1, false],
    [['@gw.1', '#ward-a', '#all'], 'AllOf', gw1, true],
    [['@other', '#all'], 'AllOf', gw1, false],
  ];
  for (const [roles, semantic, entity, expected] of cases)
    test(`[${roles.join(' ')}] ${semantic} ${expected ? 'names' : 'does not name'} ${entity.id}`, () => {
      assert.equal(rolesName(roles, semantic, entity), expected);
    });

  const entity = fc.record({ id: fc.constantFrom('a', 'b'), attributes: fc.uniqueArray(fc.constantFrom('x', 'y', 'a')) });
  const role = fc.constantFrom('#x', '#y', '#a', '@a', '@b', '#all');
  const roles = fc.array(role, { maxLength: 4 });

  test('one more role never takes away with AnyOf, and never gives with AllOf', () => {
    fc.assert(
      fc.property(entity, fc.array(role, { minLength: 1, maxLength: 4 }), role, (someone, before, more) => {
        const after = [...before, more];
        assert.ok(!rolesName(before, 'AnyOf', someone) || rolesName(after, 'AnyOf', someone));
        assert.ok(rolesName(before, 'AllOf', someone) || !rolesName(after, 'AllOf', someone));
      }),
      { numRuns: 200 },
    );
  });

  test('AllOf names nobody whom AnyOf does not, and order and repetition mean nothing', () => {
    fc.assert(
      fc.property(entity, roles, (someone, given) => {
        assert.ok(!rolesName(given, 'AllOf', someone) || rolesName(given, 'AnyOf', someone));
        for (const semantic of ['AnyOf', 'AllOf'] as const)
          assert.equal(rolesName([...given, ...given].reverse(), semantic, someone), rolesName(given, semantic, someone));
      }),
      { numRuns: 200 },
    );
  });
});

test('a policy gives the right of its own type, to whom and for what it names both, and no policy gives nothing', () => {
  verifies('FABRIC-DEFAULT-DENY');
  const service = { id: 's1', attributes: ['vitals'] };
  const policy = (over: Partial<FabricPolicy>): FabricPolicy => ({
    id: 'p',
    name: 'p',
    type: 'Dial',
    semantic: 'AnyOf',
    identityRoles: ['#gateways'],
    serviceRoles: ['@s1'],
    ...over,
  });
  assert.equal(permits([], gw1, service, 'Dial'), false);
  assert.equal(permits([policy({})], gw1, service, 'Dial'), true);
  assert.equal(permits([policy({})], gw1, service, 'Bind'), false);
  assert.equal(permits([policy({})], bare, service, 'Dial'), false);
  assert.equal(permits([policy({ serviceRoles: ['@s2'] })], gw1, service, 'Dial'), false);
  // One policy names the identity, another the service: together they allow nothing.
  const halves = [policy({ serviceRoles: ['@s2'] }), policy({ identityRoles: ['@bare'] })];
  assert.equal(permits(halves, gw1, service, 'Dial'), false);
  assert.equal(permits([...halves, policy({ type: 'Bind' })], gw1, service, 'Bind'), true);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parsePolicy } from '../../hub/access/load-policy.ts';
import { parseRegistry } from '../../hub/registry/load-registry.ts';
import { verifies } from '../requirements.ts';

const row = (beds: string): string => `gateways:\n  - identity: gw\n    tenant: clinic\n    beds:\n${beds}`;
const POLICY = 'roles: [gateway, operator]\nrules:\n  - { id: w, effect: permit, roles: [gateway], actions: [observations.write] }\n';

test('an anchor or alias is refused with its line, as a key too, in the registry and in the policy', () => {
  verifies('REGISTRY-PLAIN');
  assert.throws(() => parseRegistry(row('      &x A: pat-aaaa-1\n      *x : pat-bbbb-1\n')), {
    code: 'REGISTRY-INVALID',
    detail: /^registry\.yaml:5: anchors and aliases.*\nregistry\.yaml:6: anchors and aliases[^\n]*$/,
  });
  assert.throws(() => parseRegistry(row('      A: &p pat-aaaa-1\n')), { code: 'REGISTRY-INVALID', detail: /:5: anchors/ });
  assert.throws(() => parsePolicy(POLICY.replace('roles: [gateway, ', 'roles: &r [gateway, ')), {
    code: 'POLICY-INVALID',
    detail: /^policy\.yaml:1: anchors/,
  });
  assert.doesNotThrow(() => parsePolicy(POLICY));
});

test('a bed that an object would lose is refused, not dropped', () => {
  verifies('REGISTRY-PLAIN');
  assert.throws(() => parseRegistry(row('      A: pat-aaaa-1\n      __proto__: pat-bbbb-1\n')), {
    code: 'REGISTRY-INVALID',
    detail: 'registry.yaml:6: this key cannot be used: choose another name',
  });
  assert.throws(() => parsePolicy(`${POLICY}limits: { roles: { __proto__: { callsPerDay: 1 } } }\n`), {
    code: 'POLICY-INVALID',
    detail: /:4: this key/,
  });
});

test('two beds or devices of one gateway that look the same are refused', () => {
  verifies('REGISTRY-PLAIN');
  for (const [a, b] of [
    ['Stube-\\u00e4', 'Stube-a\\u0308'],
    ['A 1', 'A\\u00a01'],
    ['A', 'A '],
    ['1', '\\uff11'],
  ]) {
    assert.throws(() => parseRegistry(row(`      "${a}": pat-aaaa-1\n      "${b}": pat-bbbb-1\n`)), {
      code: 'REGISTRY-INVALID',
      detail: /:6: .*looks the same$/,
    });
    assert.throws(
      () => parseRegistry(`gateways:\n  - { identity: gw, tenant: clinic, devices: { "${a}": pat-aaaa-1, "${b}": pat-bbbb-1 } }\n`),
      { code: 'REGISTRY-INVALID', detail: /looks the same$/ },
    );
  }
  const two = parseRegistry(
    `${row('      A: pat-aaaa-1\n      a: pat-bbbb-1\n')}  - { identity: gw-2, tenant: other, beds: { "A ": pat-cccc-1 } }\n`,
  );
  assert.equal(two.inBed('clinic', 'a'), 'pat-bbbb-1');
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_POLICY } from '../../../hub/access/default-policy.ts';
import { takenFromOperator, takenInWords } from '../../../hub/access/operator-gaps.ts';
import type { Policy, Rule } from '../../../hub/access/policy.ts';
import { verifies } from '../../requirements.ts';

const withRules = (rules: readonly Rule[]): Policy => ({ ...DEFAULT_POLICY, rules });
const more = (rule: Partial<Rule>): Policy =>
  withRules([...DEFAULT_POLICY.rules, { id: 'more', effect: 'forbid', roles: ['operator'], actions: ['vitals.read'], ...rule }]);

test('what a policy takes from the operator is named: left out, forbidden, for another purpose, or to be approved', () => {
  verifies('POLICY-OPERATOR');
  assert.equal(takenInWords(DEFAULT_POLICY), undefined);
  assert.deepEqual(takenFromOperator(more({ roles: ['clinician'] })), []);
  assert.deepEqual(takenFromOperator(more({ actions: ['store.rekey', 'vitals.read'] })), ['vitals.read', 'store.rekey']);
  const all = DEFAULT_POLICY.rules.find(({ roles }) => roles.includes('operator'))?.actions.length;
  assert.equal(takenFromOperator(withRules([])).length, all);
  for (const change of [{ purposes: ['HRESCH'] }, { approve: true }] satisfies Partial<Rule>[]) {
    const changed = withRules(DEFAULT_POLICY.rules.map((rule) => (rule.roles.includes('operator') ? { ...rule, ...change } : rule)));
    assert.equal(takenFromOperator(changed).length, all);
  }
  assert.match(takenInWords(more({})) ?? '', /operator .*: vitals\.read\.$/);
});

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { LIMITS, limitsOf } from '../../../hub/access/budgets/limits.ts';
import { DEFAULT_POLICY } from '../../../hub/access/default-policy.ts';
import { loadPolicy, parsePolicy } from '../../../hub/access/load-policy.ts';
import { loadRules } from '../../../hub/access/load-rules.ts';
import { asVitalmeshError } from '../../../shared/errors.ts';
import { verifies } from '../../requirements.ts';
import { TEST_REGISTRY } from '../../support/hub.ts';

const GOOD = `# policy.yaml
roles: [gateway, operator, clinician, student]
rules:
  - { id: gateways, effect: permit, roles: [gateway], actions: [observations.write] }
  - id: care
    effect: permit
    roles: [clinician, student]
    actions: [session.open, patients.list, vitals.read]
    purposes: [TREAT]
    mask: limited
    audit: brief
  - { id: no-students-at-night, effect: forbid, roles: [student], actions: [vitals.read] }
`;

function complaints(text: string): string {
  try {
    parsePolicy(text);
  } catch (thrown) {
    const error = asVitalmeshError(thrown);
    assert.equal(error.code, 'POLICY-INVALID');
    return error.detail ?? '';
  }
  return assert.fail('the policy was taken');
}

test('a policy is what its file says, under the hash of its text', () => {
  verifies('POLICY-AS-DATA');
  const policy = parsePolicy(GOOD);
  assert.match(policy.version, /^[0-9a-f]{12}$/);
  assert.notEqual(parsePolicy(`${GOOD}\n`).version, policy.version);
  assert.deepEqual(policy.rules[1], {
    id: 'care',
    effect: 'permit',
    roles: ['clinician', 'student'],
    actions: ['session.open', 'patients.list', 'vitals.read'],
    purposes: ['TREAT'],
    mask: 'limited',
    audit: 'brief',
  });
});

test('every error is told with its line, and nothing of the file is taken', () => {
  verifies('POLICY-AS-DATA', 'CONFIG-ERRORS-HELP');
  const cases: [string, string, RegExp][] = [
    ['effect: forbid', 'effect: deny', /^policy\.yaml:12: rules\[2\]\.effect: expected one of permit, forbid$/],
    ['vitals.read]\n    purposes', 'vitals.reed]\n    purposes', /:8: rules\[1\]\.actions\[2\]: expected one of /],
    ['purposes: [TREAT]', 'purposes: [treat]', /:9: rules\[1\]\.purposes\[0\]: expected one of TREAT/],
    ['purposes: [TREAT]', 'purposes: []', /:9: .*at least 1/],
    ['mask: limited', 'mask: some', /:10: rules\[1\]\.mask: expected one of deidentified, limited, none/],
    ['mask: limited', 'masks: limited', /:10: rules\[1\]\.masks: unknown key; did you mean 'mask'\?/],
    ['roles: [clinician, student]', 'roles: [clinician, studnet]', /:7: rules\[1\]\.roles\[1\]: expected one of the roles above/],
    ['id: no-students-at-night', 'id: care', /:12: rules\[2\]\.id: expected every id once/],
    ['operator, clinician', 'operator, clinician, clinician', /:2: roles\[3\]: expected every role once/],
    ['[gateway, operator, ', '[gateway, ', /:2: roles: expected the role operator/],
    ['actions: [observations.write]', 'actions: [status.read]', /:3: rules: expected a permit for gateways/],
    ['roles: [student], actions', 'roles: [student], mask: none, actions', /:12: rules\[2\]: expected no mask/],
    ['rules:', 'rules: [', /policy\.yaml:\d+:\d+: /],
    [
      'roles: [gateway, operator, clinician, student]',
      'roles: [gateway, operator, clinician, __proto__]',
      /:2: roles\[3\]: expected a name/,
    ],
  ];
  for (const [good, bad, wanted] of cases) {
    assert.ok(GOOD.includes(good), good);
    assert.match(complaints(GOOD.replace(good, bad)), wanted);
  }
  assert.match(complaints(''), /roles: missing/);
  assert.throws(() => loadPolicy('/nowhere/policy.yaml'), { code: 'POLICY-INVALID', detail: '/nowhere/policy.yaml (ENOENT)' });
});

test('limits are those of the kind, where a policy says nothing, and those of the role count more than both', () => {
  verifies('POLICY-AS-DATA', 'LIMITS-DAYS');
  const limits = 'limits:\n  person: { callsPerMinute: 10, othersPerDay: 0 }\n  roles: { student: { callsPerMinute: 5 } }\n';
  const policy = parsePolicy(GOOD + limits);
  const of = (kind: 'person' | 'software', role: string) => limitsOf(policy, { kind, role });
  assert.deepEqual(of('person', 'clinician'), { ...LIMITS.person, callsPerMinute: 10, othersPerDay: 0 });
  assert.deepEqual(of('person', 'student'), { ...LIMITS.person, callsPerMinute: 5, othersPerDay: 0 });
  assert.deepEqual(of('software', 'student'), { ...LIMITS.software, callsPerMinute: 5 });
  assert.deepEqual(of('software', 'constructor'), LIMITS.software);
  assert.deepEqual(limitsOf(DEFAULT_POLICY, { kind: 'person', role: 'clinician' }), LIMITS.person);
  for (const kind of ['gateway', 'operator'] as const) assert.equal(limitsOf(policy, { kind, role: 'student' }), undefined);
  for (const [bad, wanted] of [
    ['callsPerMinute: 0', /:14: limits\.person\.callsPerMinute: expected at least 1/],
    ['callsPerMinute: many', /:14: .*expected number/],
    ['callPerMinute: 5', /:14: .*did you mean 'callsPerMinute'/],
  ] as const)
    assert.match(complaints(GOOD + limits.replace('callsPerMinute: 10', bad)), wanted);
  assert.match(complaints(GOOD + limits.replace('student', 'studnet')), /:15: limits\.roles\.\w+: expected one of the roles above/);
});

test('policy and registry are read together, and fit each other or are refused', (t) => {
  verifies('POLICY-AS-DATA');
  const folder = mkdtempSync(join(tmpdir(), 'vitalmesh-policy-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const [registry, policy] = [join(folder, 'registry.yaml'), join(folder, 'policy.yaml')];
  writeFileSync(registry, TEST_REGISTRY);
  writeFileSync(policy, GOOD);
  assert.equal(loadRules({ registry, access: {} }).policy, DEFAULT_POLICY);
  assert.throws(() => loadRules({ registry, access: { policy } }), {
    code: 'REGISTRY-INVALID',
    message: /role: expected a role of the policy: clinician, student/,
  });
  writeFileSync(policy, GOOD.replaceAll('student', 'monitor'));
  assert.deepEqual(loadRules({ registry, access: { policy } }).policy.roles, ['gateway', 'operator', 'clinician', 'monitor']);
});

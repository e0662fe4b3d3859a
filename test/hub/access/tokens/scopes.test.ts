import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatScope, parseScopes, usableScopes } from '../../../../hub/access/tokens/scopes.ts';
import { verifies } from '../../../requirements.ts';

const CATEGORY = 'http://terminology.hl7.org/CodeSystem/observation-category';

test('scopes of SMART are read, of version 2 and 1', () => {
  verifies('TOKEN-SCOPES');
  const cases: [string, object][] = [
    ['patient/Observation.rs', { context: 'patient', resource: 'Observation', may: 'rs' }],
    ['system/*.cruds', { context: 'system', resource: '*', may: 'cruds' }],
    ['user/Observation.read', { context: 'user', resource: 'Observation', may: 'rs' }],
    ['user/Observation.write', { context: 'user', resource: 'Observation', may: 'cud' }],
    ['user/*.*', { context: 'user', resource: '*', may: 'cruds' }],
    ['system/Observation.rs?category=vital-signs', { context: 'system', resource: 'Observation', may: 'rs', category: 'vital-signs' }],
    [`user/Observation.r?category=${CATEGORY}|laboratory`, { context: 'user', resource: 'Observation', may: 'r', category: 'laboratory' }],
    [
      `user/Observation.r?category=${encodeURIComponent(`${CATEGORY}|laboratory`)}`,
      { context: 'user', resource: 'Observation', may: 'r', category: 'laboratory' },
    ],
  ];
  for (const [text, scope] of cases) assert.deepEqual(parseScopes([text]), [scope], text);
});

test('what is no scope of SMART, or narrowed by what is not understood, opens nothing', () => {
  verifies('TOKEN-SCOPES');
  const none = [
    '',
    'openid',
    'launch/patient',
    'patient/Observation',
    'patient/Observation.',
    'patient/Observation.sr',
    'patient/Observation.rr',
    'patient/Observation.rsx',
    'Patient/Observation.rs',
    'patient/observation.rs',
    'admin/Observation.rs',
    'patient/Observation.rs?',
    'patient/Observation.rs?code=1234',
    'patient/Observation.rs?category=vital-signs&code=1234',
    'patient/Observation.rs?category=vital-signs&category=laboratory',
    'patient/Observation.rs?category=https://other.example|vital-signs',
    'patient/Observation.rs?category=',
    'patient/Observation.rs\n',
    ' patient/Observation.rs',
    '__proto__',
    'constructor',
  ];
  assert.deepEqual(parseScopes(none), []);
  assert.equal(parseScopes(Array.from({ length: 100_000 }, () => 'user/Observation.r')).length, 256);
});

test('any text is read without harm, and what is read is written as it was meant', () => {
  const near = fc.stringMatching(/^(patient|user|system|x)\/(Observation|\*|o)\.([cruds]{0,6}|read|write|\*)(\?category=[a-z-]{0,12})?$/);
  fc.assert(
    fc.property(fc.oneof(fc.string(), near), (text) => {
      for (const scope of parseScopes([text])) assert.deepEqual(parseScopes([formatScope(scope)]), [scope]);
    }),
  );
});

test('a scope of a user is for people, one of the system for programs, one of a patient for those that a row names', () => {
  verifies('TOKEN-SCOPES');
  const all = parseScopes(['patient/Observation.r', 'user/Observation.r', 'system/Observation.r']);
  const contexts = (row: Parameters<typeof usableScopes>[0]) => usableScopes(row, all).map(({ context }) => context);
  assert.deepEqual(contexts({ kind: 'person', patients: 'all' }), ['user']);
  assert.deepEqual(contexts({ kind: 'software', patients: 'all' }), ['system']);
  const patients = ['pat-icu-01', 'pat-icu-02'];
  assert.deepEqual(contexts({ kind: 'person', patients }), ['patient', 'user']);
  assert.deepEqual(contexts({ kind: 'software', patients }), ['patient', 'system']);
  assert.deepEqual(contexts({ kind: 'person', patients: [] }), ['user']);
  assert.deepEqual(contexts({ kind: 'person', patients, wards: ['icu'] }), ['user']);
  assert.deepEqual(contexts({ kind: 'software', patients, panels: ['hearts'] }), ['system']);
});

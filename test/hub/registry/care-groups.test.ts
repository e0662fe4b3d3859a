import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseRegistry } from '../../../hub/registry/load-registry.ts';
import { asVitalmeshError } from '../../../shared/errors.ts';
import { verifies } from '../../requirements.ts';
import { boundSinceEver } from '../../support/hub.ts';

const HEAD = `
gateways:
  - { identity: gw-icu, tenant: clinic, beds: { ICU-01: pat-icu-01, ICU-02: pat-icu-02, ICU-03: null } }
  - { identity: gw-home, tenant: clinic, patient: pat-home-01, devices: { scale-2: pat-home-02 } }
  - { identity: gw-other, tenant: other, beds: { B-1: pat-other-01 } }
clients:
  - { identity: ai-a, tenant: clinic, kind: person, role: clinician, wards: [icu], panels: [heart, kidney], purpose: HOPERAT }
`;
const GROUPS = `
wards:
  icu: { tenant: clinic, beds: [ICU-01, ICU-03] }
panels:
  kidney: { tenant: clinic, patients: [pat-icu-01, pat-home-01] }
  heart: { tenant: clinic, patients: [pat-home-01, pat-to-come-1] }
`;

function complaints(text: string, roles?: readonly string[]): string {
  try {
    parseRegistry(text, 'registry.yaml', roles);
  } catch (error) {
    return asVitalmeshError(error).detail ?? '';
  }
  return assert.fail('the registry was taken');
}

test('a place says the ward that its bed is in and the panels of the patient', () => {
  verifies('WARDS-AND-PANELS');
  const registry = parseRegistry(HEAD + GROUPS);
  assert.deepEqual(registry.patients('clinic'), [
    { patient: 'pat-home-01', bed: null, panels: ['heart', 'kidney'] },
    { patient: 'pat-home-02', bed: null },
    { patient: 'pat-icu-01', bed: 'ICU-01', ward: 'icu', panels: ['kidney'] },
    { patient: 'pat-icu-02', bed: 'ICU-02' },
  ]);
  const { wards, panels, purpose, patients } = registry.principal('ai-a') ?? assert.fail();
  assert.deepEqual([wards, panels, purpose, patients], [['icu'], ['heart', 'kidney'], 'HOPERAT', []]);
});

test('who moves between wards or panels has moved, and where they were is told', () => {
  verifies('WARDS-AND-PANELS');
  const live = boundSinceEver(parseRegistry(HEAD + GROUPS));
  const moved = (text: string) => live.replace(parseRegistry(text), []);
  assert.deepEqual(moved(HEAD + GROUPS), []);
  const was = { patient: 'pat-icu-01', bed: 'ICU-01', ward: 'icu', panels: ['kidney'] };
  assert.deepEqual(moved(HEAD + GROUPS.replace('[ICU-01, ICU-03]', '[ICU-03]')), [{ tenant: 'clinic', patient: 'pat-icu-01', was }]);
  assert.deepEqual(
    moved(HEAD + GROUPS.replace('[ICU-01, ICU-03]', '[ICU-03]').replace('[pat-icu-01, pat-home-01]', '[pat-icu-01]')).map(
      ({ patient }) => patient,
    ),
    ['pat-home-01'],
  );
});

test('a misspelt ward, panel, bed or role is told with its line', () => {
  verifies('WARDS-AND-PANELS', 'CONFIG-ERRORS-HELP');
  const cases: [string, RegExp][] = [
    [HEAD + GROUPS.replace('[ICU-01, ICU-03]', '[ICU-1]'), /:10: wards\.\*\.beds\[0\]: expected a bed of a gateway of the same tenant/],
    [HEAD + GROUPS.replace('[ICU-01, ICU-03]', '[B-1]'), /:10: .*same tenant/],
    [HEAD + GROUPS.replace('[ICU-01, ICU-03]', '[ICU-01, ICU-01]'), /:10: .*one ward/],
    [`${HEAD + GROUPS}`.replace('panels:\n  kidney', '  step: { tenant: clinic, beds: [ICU-03] }\npanels:\n  kidney'), /:11: .*one ward/],
    [HEAD + GROUPS.replace('[pat-icu-01, pat-home-01]', '[pat-other-01]'), /:12: panels\.\*\.patients\[0\]: .*belongs to another/],
    [(HEAD + GROUPS).replace('wards: [icu]', 'wards: [ICU]'), /:7: clients\[0\]\.wards\[0\]: expected one of the wards/],
    [
      (HEAD + GROUPS).replace('panels: [heart, kidney]', 'panels: [constructor]'),
      /:7: clients\[0\]\.panels\[0\]: expected one of the panels/,
    ],
    [
      (HEAD + GROUPS).replace('icu: { tenant: clinic, beds: [ICU-01, ICU-03] }', 'icu: { tenant: other, beds: [B-1] }'),
      /wards\[0\].*same tenant/,
    ],
    [
      (HEAD + GROUPS).replace('role: clinician', 'role: doctor'),
      /:7: clients\[0\]\.role: expected a role of the policy: clinician, monitor/,
    ],
    [(HEAD + GROUPS).replace('purpose: HOPERAT', 'purpose: CURIOSITY'), /:7: clients\[0\]\.purpose: expected one of TREAT/],
  ];
  for (const [text, wanted] of cases) {
    const told = complaints(text);
    assert.match(told, wanted);
    assert.ok(!/ICU-0|pat-/.test(told), told);
  }
});

test('roles are those of the policy, and the hub’s own are nobody’s', () => {
  verifies('POLICY-AS-DATA');
  const registry = (role: string) => (HEAD + GROUPS).replace('role: clinician', `role: ${role}`);
  assert.equal(
    parseRegistry(registry('charge-nurse'), 'registry.yaml', ['charge-nurse', 'gateway']).principal('ai-a')?.role,
    'charge-nurse',
  );
  for (const own of ['gateway', 'operator'])
    assert.match(complaints(registry(own), ['charge-nurse', 'gateway', 'operator']), /expected a role of the policy: charge-nurse$/m);
});

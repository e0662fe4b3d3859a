import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ACTIONS, type AccessResource, type Action, type Principal } from '../../../hub/access/access.ts';
import { decide as decideIn } from '../../../hub/access/decide.ts';
import { DEFAULT_POLICY } from '../../../hub/access/default-policy.ts';
import { gatewayPrincipal, operatorPrincipal } from '../../../hub/access/principals.ts';
import { verifies } from '../../requirements.ts';

function decide(principal: Principal, action: Action, resource: AccessResource, at: number) {
  return decideIn(principal, action, resource, { at, policy: DEFAULT_POLICY });
}

const ids = fc.constantFrom('pat-home-01', 'pat-home-02', 'pat-icu-01', 'pat-icu-02');
const principals: fc.Arbitrary<Principal> = fc.record(
  {
    id: fc.constant('caller'),
    tenant: fc.constantFrom('clinic', 'other', ''),
    kind: fc.constantFrom('gateway', 'person', 'software', 'operator'),
    role: fc.constantFrom(...DEFAULT_POLICY.roles),
    patients: fc.oneof(fc.constant('all' as const), fc.array(ids, { maxLength: 3 })),
    notAfter: fc.integer({ min: 0, max: 2000 }),
  },
  { requiredKeys: ['id', 'tenant', 'kind', 'role', 'patients'] },
);
const resources: fc.Arbitrary<AccessResource> = fc.record(
  { tenant: fc.constantFrom('clinic', 'other', ''), patient: ids },
  { requiredKeys: ['tenant'] },
);
const actions = fc.constantFrom(...ACTIONS);
const instants = fc.integer({ min: 0, max: 2000 });
const runs = { numRuns: 200 };

const clinician: Principal = { id: 'ai', tenant: 'clinic', kind: 'person', role: 'clinician', patients: ['pat-icu-01'], notAfter: 1000 };

test('each reason, from a table', () => {
  const cases: [Partial<Principal>, Action, AccessResource, number, string][] = [
    [{}, 'vitals.read', { tenant: 'clinic', patient: 'pat-icu-01' }, 1000, 'granted'],
    [{}, 'vitals.read', { tenant: 'clinic', patient: 'pat-icu-01' }, 1001, 'expired'],
    [{}, 'vitals.read', { tenant: 'clinic', patient: 'pat-icu-02' }, 0, 'patient'],
    [{}, 'vitals.read', { tenant: 'clinic' }, 0, 'patient'],
    [{}, 'vitals.read', { tenant: 'other', patient: 'pat-icu-01' }, 0, 'tenant'],
    [{}, 'observations.write', { tenant: 'clinic', patient: 'pat-icu-01' }, 0, 'role'],
    [{}, 'status.read', { tenant: 'clinic' }, 0, 'role'],
    [{}, 'patients.list', { tenant: 'clinic' }, 0, 'granted'],
    [{}, 'vitals.subscribe', { tenant: 'clinic' }, 0, 'granted'],
    [{ notAfter: Number.NaN }, 'patients.list', { tenant: 'clinic' }, 0, 'expired'],
    [{ tenant: '' }, 'patients.list', { tenant: '' }, 0, 'tenant'],
  ];
  for (const [changed, action, resource, at, reason] of cases) {
    const decision = decide({ ...clinician, ...changed }, action, resource, at);
    assert.deepEqual([decision.allow, decision.reason], [reason === 'granted', reason]);
  }
});

test('what the policy does not list is denied, unknown roles and actions too', () => {
  verifies('ONE-DOOR');
  fc.assert(
    fc.property(principals, fc.string(), fc.string(), resources, instants, (principal, role, action, resource, at) => {
      const known = DEFAULT_POLICY.roles.includes(role);
      if (!known)
        for (const a of ACTIONS) assert.equal(decide({ ...principal, role: role as Principal['role'] }, a, resource, at).allow, false);
      if (!ACTIONS.includes(action as Action)) assert.equal(decide(principal, action as Action, resource, at).allow, false);
    }),
    runs,
  );
  for (const role of ['constructor', '__proto__', 'toString'] as unknown as Principal['role'][])
    assert.equal(decide({ ...clinician, role }, 'vitals.read', { tenant: 'clinic', patient: 'pat-icu-01' }, 0).reason, 'role');
});

test('another tenant is always denied', () => {
  verifies('TENANT-EVERYWHERE');
  fc.assert(
    fc.property(principals, actions, resources, instants, (principal, action, resource, at) => {
      fc.pre(principal.tenant !== resource.tenant);
      assert.equal(decide(principal, action, resource, at).allow, false);
    }),
    runs,
  );
});

test('an expired right is always denied', () => {
  fc.assert(
    fc.property(
      principals,
      actions,
      resources,
      instants,
      fc.integer({ min: 1, max: 500 }),
      (principal, action, resource, notAfter, late) => {
        assert.equal(decide({ ...principal, notAfter }, action, resource, notAfter + late).reason, 'expired');
      },
    ),
    runs,
  );
});

test('more patients never see less', () => {
  fc.assert(
    fc.property(principals, actions, resources, instants, fc.array(ids), (principal, action, resource, at, more) => {
      if (!decide(principal, action, resource, at).allow) return;
      const patients = principal.patients === 'all' ? ('all' as const) : [...principal.patients, ...more];
      assert.ok(decide({ ...principal, patients }, action, resource, at).allow);
      assert.ok(decide({ ...principal, patients: 'all' }, action, resource, at).allow);
    }),
    runs,
  );
});

test('a list of patients opens those and no others', () => {
  fc.assert(
    fc.property(principals, actions, ids, instants, (principal, action, patient, at) => {
      const { tenant, patients } = principal;
      if (decide(principal, action, { tenant, patient }, at).allow) assert.ok(patients === 'all' || patients.includes(patient));
    }),
    runs,
  );
});

test('a gateway writes for the patients it is bound to, until its right expires', () => {
  const gateway = gatewayPrincipal({
    identity: 'gw',
    tenant: 'clinic',
    patient: 'pat-home-01',
    beds: { A: 'pat-icu-01', B: null },
    devices: { scale: 'pat-home-02' },
    notAfter: 10,
  });
  const write = (patient: string, at: number): string => decide(gateway, 'observations.write', { tenant: 'clinic', patient }, at).reason;
  for (const patient of ['pat-home-01', 'pat-icu-01', 'pat-home-02']) assert.equal(write(patient, 10), 'granted');
  assert.equal(write('pat-icu-02', 10), 'patient');
  assert.equal(write('pat-home-01', 11), 'expired');
});

test('the operator of the machine exports and reads the status of a tenant, and writes nothing', () => {
  const operator = operatorPrincipal(1000, 'clinic');
  assert.equal(operator.id, 'local:1000');
  assert.ok(decide(operator, 'observations.export', { tenant: 'clinic' }, 0).allow);
  assert.ok(decide(operator, 'status.read', { tenant: 'clinic' }, 0).allow);
  assert.ok(!decide(operator, 'observations.write', { tenant: 'clinic', patient: 'pat-icu-01' }, 0).allow);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  ACTIONS,
  type AccessResource,
  type Action,
  type Decision,
  type Principal,
  type PURPOSES,
  type Scope,
} from '../../../hub/access/access.ts';
import { decide } from '../../../hub/access/decide.ts';
import { MASK_PROFILES } from '../../../hub/access/masking/contract.ts';
import type { Policy, Rule } from '../../../hub/access/policy.ts';
import { verifies } from '../../requirements.ts';

// Few names each, so that rules, callers and resources meet often.
const ROLES = ['gateway', 'clinician', 'monitor'];
const USUAL = ['TREAT', 'HRESCH'] as const satisfies readonly (typeof PURPOSES)[number][];
const some = <T>(all: readonly T[], min = 0) => fc.subarray([...all], { minLength: min });
const few = ['vitals.read', 'vitals.subscribe', 'observations.write', 'audit.read'] as const satisfies readonly Action[];
const actions = fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...few) }, fc.constantFrom(...ACTIONS));
const wards = fc.constantFrom('icu', 'step-down');
const panels = fc.constantFrom('heart', 'kidney');
const patients = fc.constantFrom('pat-a', 'pat-b', 'pat-c');

const permits: fc.Arbitrary<Rule> = fc.record(
  {
    id: fc.string(),
    effect: fc.constant('permit' as const),
    roles: some(ROLES, 1),
    actions: some(few, 1),
    purposes: some(USUAL, 1),
    mask: fc.constantFrom(...MASK_PROFILES),
    approve: fc.boolean(),
    audit: fc.constantFrom('full', 'brief'),
  },
  { requiredKeys: ['id', 'effect', 'roles', 'actions'] },
);
const forbids: fc.Arbitrary<Rule> = permits.map(({ id, roles, actions: which, purposes }) => ({
  id,
  effect: 'forbid',
  roles,
  actions: which,
  ...(purposes && { purposes }),
}));
const rules = fc.array(fc.oneof({ weight: 6, arbitrary: permits }, forbids), { maxLength: 6 });
const scopes: fc.Arbitrary<Scope> = fc.record(
  {
    context: fc.constantFrom('patient', 'user', 'system'),
    resource: fc.constantFrom('Observation', '*', 'Encounter'),
    may: fc.constantFrom('rs', 'r', 'c', 'cruds', ''),
    category: fc.constantFrom('vital-signs', 'laboratory'),
  },
  { requiredKeys: ['context', 'resource', 'may'] },
);
const callers: fc.Arbitrary<Principal> = fc.record(
  {
    id: fc.constant('caller'),
    tenant: fc.constantFrom(...Array.from({ length: 8 }, () => 'clinic'), 'other', ''),
    kind: fc.constantFrom('gateway', 'person', 'software'),
    role: fc.constantFrom(...ROLES),
    patients: fc.oneof(fc.constant('all' as const), fc.array(patients, { maxLength: 2 })),
    wards: fc.array(wards, { maxLength: 2 }),
    panels: fc.array(panels, { maxLength: 2 }),
    beds: fc.array(fc.constantFrom('A', 'B'), { maxLength: 1 }),
    devices: fc.array(fc.constantFrom('d1', 'd2'), { maxLength: 1 }),
    purpose: fc.constantFrom(...USUAL),
    notAfter: fc.integer({ min: 0, max: 20 }),
  },
  { requiredKeys: ['id', 'tenant', 'kind', 'role', 'patients'] },
);
const resources: fc.Arbitrary<AccessResource> = fc.record(
  {
    tenant: fc.constantFrom(...Array.from({ length: 8 }, () => 'clinic'), 'other'),
    patient: patients,
    ward: wards,
    panels: fc.array(panels, { maxLength: 2 }),
    type: fc.constantFrom('Observation', 'Encounter'),
    category: fc.constantFrom('vital-signs', 'laboratory'),
  },
  { requiredKeys: ['tenant'] },
);
const places: fc.Arbitrary<Pick<AccessResource, 'bed' | 'device'>> = fc.record(
  { bed: fc.constantFrom('A', 'B'), device: fc.constantFrom('d1', 'd2') },
  { requiredKeys: [] },
);
const instants = fc.integer({ min: 0, max: 20 });
const runs = { numRuns: 500 };

function decided(of: readonly Rule[], who: Principal, action: Action, what: AccessResource, at = 0): Decision {
  const policy: Policy = { version: 'test', roles: ROLES, rules: of };
  return decide(who, action, what, { at, policy });
}

/** Among the cases of a property, enough must be of the kind that it is about. */
function counted(property: (note: () => void) => fc.IRawProperty<unknown>, least: number): void {
  let met = 0;
  fc.assert(
    property(() => {
      met += 1;
    }),
    runs,
  );
  assert.ok(met >= least, `${met} cases`);
}

test('what no permit names is denied, and says so', () => {
  verifies('POLICY-DECIDES');
  fc.assert(
    fc.property(rules, callers, actions, resources, instants, (of, who, action, what, at) => {
      const named = of.some(
        ({ effect, roles, actions: which }) => effect === 'permit' && roles.includes(who.role) && which.includes(action),
      );
      const { allow, reason, rules: told, obligations } = decided(of, who, action, what, at);
      if (!named) assert.equal(allow, false);
      assert.equal(allow, reason === 'granted');
      if (allow) assert.ok(told.length > 0);
      else if (reason !== 'approval') assert.deepEqual(obligations, { mask: 'deidentified', approve: false, audit: 'full' });
    }),
    runs,
  );
});

test('one more permit takes nothing away and masks no more', () => {
  verifies('POLICY-DECIDES');
  counted(
    (note) =>
      fc.property(rules, permits, callers, actions, resources, (of, more, who, action, what) => {
        const before = decided(of, who, action, what);
        const after = decided([...of, more], who, action, what);
        if (!before.allow) return;
        note();
        assert.ok(after.allow);
        assert.ok(MASK_PROFILES.indexOf(after.obligations.mask) >= MASK_PROFILES.indexOf(before.obligations.mask));
        assert.ok(!after.obligations.approve);
      }),
    20,
  );
});

test('a forbid that applies outweighs every permit, and gives nothing', () => {
  verifies('POLICY-DECIDES');
  counted(
    (note) =>
      fc.property(rules, forbids, callers, actions, resources, (of, forbid, who, action, what) => {
        const before = decided(of, who, action, what);
        const after = decided([...of, forbid], who, action, what);
        if (!before.allow) assert.ok(!after.allow);
        const purpose = who.purpose ?? 'TREAT';
        const applies = forbid.roles.includes(who.role) && forbid.actions.includes(action) && (forbid.purposes?.includes(purpose) ?? true);
        if (before.allow) assert.equal(after.allow, !applies);
        if (!before.allow || !applies) return;
        note();
        assert.equal(after.reason, 'forbidden');
      }),
    1,
  );
});

test('the order of the rules means nothing', () => {
  verifies('POLICY-DECIDES');
  fc.assert(
    fc.property(
      rules,
      fc.array(fc.nat(), { minLength: 6, maxLength: 6 }),
      callers,
      actions,
      resources,
      instants,
      (of, keys, who, action, what, at) => {
        const shuffled = of.map((rule, i) => ({ rule, key: keys[i] ?? 0 })).sort((a, b) => a.key - b.key);
        const [one, other] = [
          decided(of, who, action, what, at),
          decided(
            shuffled.map(({ rule }) => rule),
            who,
            action,
            what,
            at,
          ),
        ];
        assert.deepEqual({ ...other, rules: [...other.rules].sort() }, { ...one, rules: [...one.rules].sort() });
      },
    ),
    runs,
  );
});

test('more patients, wards or panels never see less, and see nobody who is on none of them', () => {
  verifies('POLICY-DECIDES', 'WARDS-AND-PANELS');
  const wider = fc.record({ patients: fc.array(patients), wards: fc.array(wards), panels: fc.array(panels) });
  counted(
    (note) =>
      fc.property(rules, wider, callers, actions, resources, (of, more, who, action, what) => {
        const before = decided(of, who, action, what);
        const known = who.patients === 'all' ? ('all' as const) : [...who.patients, ...more.patients];
        const wide = {
          ...who,
          patients: known,
          wards: [...(who.wards ?? []), ...more.wards],
          panels: [...(who.panels ?? []), ...more.panels],
        };
        if (!before.allow) return;
        note();
        assert.deepEqual(decided(of, wide, action, what), before);
        const { patient, ward, panels: on = [] } = what;
        if (patient === undefined || who.patients === 'all') return;
        const reached =
          who.patients.includes(patient) ||
          (ward !== undefined && who.wards?.includes(ward)) ||
          on.some((panel) => who.panels?.includes(panel));
        assert.ok(reached);
      }),
    20,
  );
});

test('a token narrows and never widens: what its scopes do not cover by type, category and letter is denied, each read and each event', () => {
  verifies('POLICY-DECIDES');
  counted(
    (note) =>
      fc.property(rules, callers, fc.array(scopes), actions, resources, (of, who, narrowing, action, what) => {
        const { scopes: _, ...free } = who;
        const narrowed = decided(of, { ...free, scopes: narrowing }, action, what);
        if (!narrowed.allow) return;
        note();
        assert.deepEqual(decided(of, free, action, what), narrowed);
        const { type = 'Observation', category = 'vital-signs' } = what;
        assert.ok(narrowing.some((scope) => ['*', type].includes(scope.resource) && (scope.category ?? category) === category));
      }),
    1,
  );
});

test('a bed or device that is written for is the gateway’s own', () => {
  verifies('POLICY-DECIDES', 'GATEWAY-OWN-ONLY');
  fc.assert(
    fc.property(callers, resources, places, (who, found, place) => {
      const what = { ...found, ...place };
      const rule: Rule = { id: 'all', effect: 'permit', roles: ROLES, actions: ['observations.write'] };
      if (!decided([rule], who, 'observations.write', what).allow) return;
      if (what.bed !== undefined) assert.ok(who.beds?.includes(what.bed));
      if (what.device !== undefined) assert.ok(who.devices?.includes(what.device));
    }),
    runs,
  );
});

test('any input whatever gets an answer, and what is not known is denied', () => {
  verifies('POLICY-DECIDES');
  const odd = fc.oneof(
    fc.string(),
    fc.constantFrom('constructor', '__proto__', 'toString', 'hasOwnProperty', 'x'.repeat(100_000), 'vitals.read\0'),
  );
  const number = fc.oneof(fc.double(), fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0));
  const rule: Rule = { id: 'r', effect: 'permit', roles: ROLES, actions: [...few] };
  const base: Principal = { id: 'x', tenant: 'clinic', kind: 'person', role: 'clinician', patients: 'all' };
  fc.assert(
    fc.property(odd, odd, odd, odd, number, number, (role, action, patient, purpose, at, notAfter) => {
      const allowed = (who: unknown, what: string): boolean =>
        decided([rule], who as Principal, what as Action, { tenant: 'clinic', patient }, at).allow;
      if (!ROLES.includes(role)) assert.ok(!allowed({ ...base, role }, 'vitals.read'));
      if (!(few as readonly string[]).includes(action)) assert.ok(!allowed(base, action));
      assert.ok(!allowed({ ...base, purpose }, 'vitals.read'));
      assert.ok(!allowed({ ...base, patients: [] }, 'vitals.read'));
      assert.ok(!allowed({ ...base, tenant: patient }, 'vitals.read'));
      assert.equal(allowed({ ...base, notAfter }, 'vitals.read'), at <= notAfter);
    }),
    runs,
  );
  const unheardOf = { ...rule, mask: 'everything', effect: 'permit' } as unknown as Rule;
  assert.equal(decided([unheardOf], base, 'vitals.read', { tenant: 'clinic' }).obligations.mask, 'deidentified');
  assert.equal(decided([{ ...rule, effect: 'allow' } as unknown as Rule], base, 'vitals.read', { tenant: 'clinic' }).reason, 'role');
  const many = Array.from({ length: 200_000 }, () => rule);
  assert.ok(decided(many, base, 'vitals.read', { tenant: 'clinic' }).allow);
});

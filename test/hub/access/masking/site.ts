import type { Principal } from '../../../../hub/access/access.ts';
import { DEFAULT_POLICY } from '../../../../hub/access/default-policy.ts';
import type { Policy } from '../../../../hub/access/policy.ts';
import { TEST_REGISTRY, TestClock, type TestHub, testHub } from '../../../support/hub.ts';

/** The built-in policy, and a role that sees limited data, and one that takes deidentified data away. */
export const MASKING_POLICY: Policy = {
  ...DEFAULT_POLICY,
  version: 'masking-test',
  roles: [...DEFAULT_POLICY.roles, 'quality', 'extractor', 'limited-extractor'],
  rules: [
    ...DEFAULT_POLICY.rules,
    {
      ...{ id: 'quality-reads-limited', effect: 'permit', roles: ['quality'], mask: 'limited' },
      actions: ['session.open', 'patients.list', 'vitals.read', 'vitals.subscribe'],
    },
    { id: 'extractors', effect: 'permit', roles: ['extractor'], actions: ['observations.export', 'patients.list'], mask: 'deidentified' },
    { id: 'limited', effect: 'permit', roles: ['limited-extractor'], actions: ['observations.export', 'patients.list'], mask: 'limited' },
  ],
};

export const MASKING_REGISTRY = `${TEST_REGISTRY}
  - { identity: ai-research, tenant: clinic, kind: software, role: researcher, purpose: HRESCH, patients: all }
  - { identity: ai-research-2, tenant: clinic, kind: software, role: researcher, purpose: HRESCH, patients: all }
  - { identity: ai-quality, tenant: clinic, kind: person, role: quality, patients: [pat-icu-01] }
  - { identity: ai-ward, tenant: clinic, kind: person, role: quality, wards: [north] }
  - { identity: ai-extract, tenant: clinic, kind: software, role: extractor, patients: all }
  - { identity: ai-extract-2, tenant: clinic, kind: software, role: limited-extractor, patients: all }
wards:
  north: { tenant: clinic, beds: [ICU-01, ICU-02] }
`;

export interface MaskingSite extends TestHub {
  clock: TestClock;
  who(identity: string): Principal;
}

/** A hub with principals of every profile. */
export function maskingSite(): MaskingSite {
  const clock = new TestClock();
  const hub = testHub({ clock, registry: MASKING_REGISTRY, policy: () => MASKING_POLICY });
  const who = (identity: string): Principal => {
    const principal = hub.registry.principal(identity);
    if (!principal) throw new Error(`${identity} is not listed`);
    return principal;
  };
  return { ...hub, clock, who };
}

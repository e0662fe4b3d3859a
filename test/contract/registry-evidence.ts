import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_POLICY } from '../../hub/access/default-policy.ts';
import { recordRegistry } from '../../hub/access/registry-evidence.ts';
import { parseRegistry } from '../../hub/registry/load-registry.ts';
import type { Store } from '../../hub/store/store.ts';
import { verifies } from '../requirements.ts';
import { evidenceOf } from '../support/evidence.ts';
import { TEST_NOW, TEST_REGISTRY } from '../support/hub.ts';
import type { StorePlace } from './store.ts';

const at = { uid: 1000, at: TEST_NOW, policy: DEFAULT_POLICY };

/** What every engine must keep of the changes of a registry. `place` makes an empty one. */
export function registryEvidenceContract(name: string, place: () => Promise<StorePlace>): void {
  const check = (what: string, body: (store: Store) => Promise<void>): void => {
    test(`${name}: ${what}`, async () => {
      await using at = await place();
      await using store = await at.open();
      await body(store);
    });
  };

  check('what a registry lists at the start, and what each reload changes, stands in the evidence of its tenant', async (store) => {
    verifies('REGISTRY-RECORDED');
    const before = parseRegistry(TEST_REGISTRY);
    await recordRegistry(store, { ...at, before: undefined, next: before });
    await recordRegistry(store, { ...at, before, next: before });
    const next = parseRegistry(
      TEST_REGISTRY.replace('role: clinician, patients: [pat-icu-01, pat-home-01]', 'role: monitor, patients: [pat-icu-01]').replace(
        /^.*ai-other.*$/m,
        '',
      ),
    );
    await recordRegistry(store, { ...at, before, next });
    await recordRegistry(store, { ...at, before: next, next, nextPolicy: { ...DEFAULT_POLICY, version: 'policy-2' } });
    const told = (await evidenceOf(store)).map(({ tenant, principal, action, patient, outcome, reason, count, channel, detail }) => {
      assert.deepEqual([principal, action, patient, outcome, channel], ['local:1000', 'registry.change', null, 'allowed', 'operator']);
      return [tenant, reason, count, detail?.args];
    });
    const registry = before.revision;
    assert.deepEqual(told, [
      ['clinic', 'loaded', 6, { registry, clients: 3, gateways: 3 }],
      ['other', 'loaded', 2, { registry, clients: 1, gateways: 1 }],
      ['clinic', 'changed', 1, { row: 'client', id: 'ai-nurse', fields: 'patients,role', registry: next.revision }],
      ['other', 'removed', 1, { row: 'client', id: 'ai-other', fields: '', registry: next.revision }],
      ['clinic', 'changed', 1, { row: 'policy', id: 'policy-2' }],
      ['other', 'changed', 1, { row: 'policy', id: 'policy-2' }],
    ]);
  });

  check('a policy that forbids it keeps a registry from coming into force, and that is recorded', async (store) => {
    verifies('REGISTRY-RECORDED');
    const rules = [...DEFAULT_POLICY.rules, { id: 'frozen', effect: 'forbid', roles: ['operator'], actions: ['registry.change'] }] as const;
    const next = parseRegistry(TEST_REGISTRY);
    await assert.rejects(recordRegistry(store, { ...at, policy: { ...DEFAULT_POLICY, rules }, before: undefined, next }), {
      code: 'ACCESS-DENIED',
    });
    assert.deepEqual(
      (await evidenceOf(store)).map(({ outcome, reason }) => `${outcome} ${reason}`),
      ['denied forbidden', 'denied forbidden'],
    );
  });
}

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_POLICY } from '../../hub/access/default-policy.ts';
import { recordTools } from '../../hub/access/tools-evidence.ts';
import type { Store } from '../../hub/store/store.ts';
import { verifies } from '../requirements.ts';
import { evidenceOf } from '../support/evidence.ts';
import { TEST_NOW } from '../support/hub.ts';
import type { StorePlace } from './store.ts';

const at = { uid: 1000, at: TEST_NOW, policy: DEFAULT_POLICY };
const [ONE, OTHER] = ['1'.repeat(64), '2'.repeat(64)];

/** What every engine must keep of the tools that were served. `place` makes an empty one. */
export function storeServedContract(name: string, place: () => Promise<StorePlace>): void {
  const told = async (store: Store) =>
    (await evidenceOf(store)).map(({ tenant, principal, action, outcome, reason, channel, detail }) => {
      assert.deepEqual([principal, action, channel], ['local:1000', 'registry.change', 'operator']);
      return [tenant, outcome, reason, detail?.args];
    });

  test(`${name}: that other tools are served than at the start before stands in the evidence of each tenant, with both fingerprints`, async () => {
    verifies('MCP-FINGERPRINT');
    await using site = await place();
    const start = async (tenants: readonly string[], fingerprint: string): Promise<unknown> => {
      await using store = await site.open();
      await recordTools(store, { ...at, tenants, fingerprint });
      return await told(store);
    };
    const first = [
      ['clinic', 'allowed', 'loaded', { row: 'tools', id: ONE }],
      ['other', 'allowed', 'loaded', { row: 'tools', id: ONE }],
    ];
    assert.deepEqual(await start(['clinic', 'other'], ONE), first);
    assert.deepEqual(await start(['clinic', 'other'], ONE), first, 'the same tools are nothing to tell');
    const changed = ['clinic', 'allowed', 'changed', { row: 'tools', id: OTHER, was: ONE }];
    assert.deepEqual(await start(['clinic'], OTHER), [...first, changed]);
    const back = ['clinic', 'allowed', 'changed', { row: 'tools', id: ONE, was: OTHER }];
    assert.deepEqual(await start(['clinic', 'other'], ONE), [...first, changed, back]);
  });

  test(`${name}: a policy that forbids it lets nobody be served other tools, and that is recorded`, async () => {
    verifies('MCP-FINGERPRINT');
    await using site = await place();
    await using store = await site.open();
    await recordTools(store, { ...at, tenants: ['clinic'], fingerprint: ONE });
    const rules = [...DEFAULT_POLICY.rules, { id: 'frozen', effect: 'forbid', roles: ['operator'], actions: ['registry.change'] }] as const;
    const refused = recordTools(store, { ...at, policy: { ...DEFAULT_POLICY, rules }, tenants: ['clinic'], fingerprint: OTHER });
    await assert.rejects(refused, { code: 'ACCESS-DENIED' });
    assert.deepEqual((await told(store)).at(-1), ['clinic', 'denied', 'forbidden', { row: 'tools', id: OTHER }]);
    await recordTools(store, { ...at, tenants: ['clinic'], fingerprint: OTHER });
    assert.deepEqual((await told(store)).at(-1), ['clinic', 'allowed', 'changed', { row: 'tools', id: OTHER, was: ONE }]);
  });

  test(`${name}: tools of which the evidence cannot be made are not kept as served`, async () => {
    verifies('MCP-FINGERPRINT');
    await using site = await place();
    await using store = await site.open();
    const undone = store.serveTools('clinic', ONE, () => {
      throw new TypeError('no evidence');
    });
    await assert.rejects(undone);
    await recordTools(store, { ...at, tenants: ['clinic'], fingerprint: ONE });
    assert.deepEqual(await told(store), [['clinic', 'allowed', 'loaded', { row: 'tools', id: ONE }]]);
  });
}

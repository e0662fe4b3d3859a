import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AuditEvent } from '../../hub/access/access.ts';
import { MS_A_DAY } from '../../hub/audit/usage.ts';
import type { Store } from '../../hub/store/store.ts';
import { verifies } from '../requirements.ts';
import { gathered, TEST_NOW } from '../support/hub.ts';
import { event, type StorePlace } from './store.ts';

const TODAY = Math.floor(TEST_NOW / MS_A_DAY);
const call = (change: Partial<AuditEvent> = {}): AuditEvent => event(1, { usage: { calls: 1, other: false }, ...change });
const other = (patient: string, at = TEST_NOW): AuditEvent => call({ patient, at, usage: { calls: 0, other: true } });

/** What every engine must keep of who asked for how much. `place` makes an empty one. */
export function storeUsageContract(name: string, place: () => Promise<StorePlace>): void {
  const check = (what: string, body: (store: Store, at: StorePlace) => Promise<void>): void => {
    test(`${name}: ${what}`, async () => {
      await using at = await place();
      await using store = await at.open();
      await body(store, at);
    });
  };
  const since = { day: TODAY - 1, at: TEST_NOW };

  check('calls are counted by principal, tenant and day, in the commit of their evidence', async (store) => {
    verifies('LIMITS-KEPT');
    await store.record([call(), call(), event(1), call({ principal: 'somebody-else' }), call({ tenant: 'other' })]);
    await store.record([call({ at: TEST_NOW - MS_A_DAY }), call({ at: TEST_NOW - 2 * MS_A_DAY }), call()]);
    assert.deepEqual(await store.usage('clinic', 'test', since), {
      calls: [
        [TODAY - 1, 1],
        [TODAY, 3],
      ],
      others: [],
    });
    assert.deepEqual((await store.usage('other', 'test', since)).calls, [[TODAY, 1]]);
    assert.deepEqual(await store.usage('clinic', 'nobody', since), { calls: [], others: [] });
    const undone = store.latest('clinic', 'pat-icu-01', () => {
      throw new TypeError('no evidence');
    });
    await assert.rejects(undone);
    await store.latest('clinic', 'pat-icu-01', () => call());
    assert.deepEqual((await store.usage('clinic', 'test', since)).calls.at(-1), [TODAY, 4]);
  });

  check('patients of others are kept for 24 hours, each once, and stand nowhere by name', async (store) => {
    verifies('LIMITS-KEPT');
    await store.record([other('pat-b', TEST_NOW - 10), other('pat-a', TEST_NOW - 5), other('pat-old', TEST_NOW - MS_A_DAY)]);
    await store.record([other('pat-b'), call({ patient: 'pat-own' }), { ...other('pat-x'), tenant: 'other' }]);
    assert.deepEqual((await store.usage('clinic', 'test', since)).others, [
      ['pat-a', TEST_NOW - 5],
      ['pat-b', TEST_NOW],
    ]);
    for (const { entry } of await gathered(store.audit())) assert.doesNotMatch(entry, /usage|"other":|pat-/);
  });

  check('what was counted is there after a restart', async (store, at) => {
    verifies('LIMITS-KEPT');
    await store.record([call(), other('pat-a')]);
    await store[Symbol.asyncDispose]();
    await using again = await at.open();
    assert.deepEqual(await again.usage('clinic', 'test', since), { calls: [[TODAY, 1]], others: [['pat-a', TEST_NOW]] });
  });
}

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_POLICY } from '../../../hub/access/default-policy.ts';
import { operatorPrincipal } from '../../../hub/access/principals.ts';
import { createAuditor } from '../../../hub/audit/auditor.ts';
import { formatVerdict } from '../../../hub/audit/format-verdict.ts';
import { verifies } from '../../requirements.ts';
import { TestClock, testHub } from '../../support/hub.ts';
import { aged, keyOf, policyOf, retainAll, sign } from '../../support/retained-evidence.ts';

test('a quick verification says what it did not look at, and what the retention removed', async () => {
  verifies('AUDIT-RETAINED', 'AUDIT-FILED');
  const [clock, policy] = [new TestClock(), () => DEFAULT_POLICY];
  await using hub = testHub({ clock, policy });
  const { store, door, registry } = hub;
  await store.record([aged('reads', 90, { patient: 'pat-icu-01' }), aged('writes', 50), aged('writes', 40), aged('reads', 5)]);
  await retainAll(store, policyOf(60, { writes: 45 }), clock.now());
  await sign(store);
  const auditor = createAuditor({ store, policy, keys: () => [keyOf(store)], replay: { door, registry, zone: 'UTC' }, clock });
  const verified = async (quick: boolean) =>
    await auditor.verify([operatorPrincipal(7, 'clinic')], { witnesses: [], quick }, { channel: 'operator' });
  const [quick, whole] = [await verified(true), await verified(false)];
  assert.deepEqual([quick.fault, quick.indexCompared, quick.unread], [null, false, undefined]);
  assert.deepEqual([whole.fault, whole.indexCompared, whole.unread], [null, true, []]);
  assert.match(formatVerdict(quick, ''), /^Neither the index of patients nor what is sealed was looked at/m);
  assert.doesNotMatch(formatVerdict(whole, ''), /Neither/);
  assert.deepEqual([whole.removedUpTo, whole.emptied], [1, 1]);
  assert.match(formatVerdict(whole, ''), /^The retention removed the entries up to 1:.*\n^Of 1 entries it removed the content/m);
});

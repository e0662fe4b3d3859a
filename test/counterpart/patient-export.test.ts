import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_POLICY as POLICY } from '../../hub/access/default-policy.ts';
import { operatorPrincipal } from '../../hub/access/principals.ts';
import { PatientRights } from '../../hub/privacy/rights.ts';
import { arrivalOf, batchOf } from '../contract/store.ts';
import { filled } from '../contract/store-erasing.ts';
import { verifies } from '../requirements.ts';
import { hapiValidate } from '../support/hapi.ts';
import { gathered, TEST_NOW, testHub } from '../support/hub.ts';
import { orderAt } from '../support/retained-store.ts';

const DAY = 86_400_000;

test('HAPI finds no error in anything that an export of one person holds, alone or in its Bundle', async () => {
  verifies('EXPORT-PATIENT');
  await using hub = testHub();
  const old = TEST_NOW - 30 * DAY;
  await hub.store.storeBatch(batchOf([arrivalOf({ seq: 900, effective: old, receivedAt: old })], { at: old }));
  await filled(hub.store);
  while ((await hub.store.retain({ policy: { ...orderAt(0).policy, continuous: DAY, minute: null }, now: TEST_NOW })).more);
  const nobody = { tombstones: '', staleness: { changed: () => undefined }, clock: { now: () => TEST_NOW, monotonicMs: () => 0 } };
  const rights = new PatientRights({ ...hub, policy: () => POLICY, ...nobody });
  const rows = await gathered(rights.export(operatorPrincipal(0, 'clinic'), { patient: 'pat-icu-01' }, { channel: 'operator' }));
  const resources = rows.flatMap((row) => ('resourceType' in row ? [row] : []));
  const types = new Set(resources.map(({ resourceType }) => resourceType));
  assert.deepEqual([...types].sort(), ['AuditEvent', 'Basic', 'Observation', 'Patient']);
  assert.match(JSON.stringify(resources), /"id":"rollup-1"/);
  const alone = await hapiValidate(resources.map((resource) => JSON.stringify(resource)).join('\n'));
  assert.equal(alone.errors, 0, alone.text);
  assert.deepEqual([alone.resources, alone.valid], [resources.length, resources.length]);
  const entry = resources.map((resource, i) => ({
    fullUrl: `urn:uuid:00000000-0000-8000-8000-${String(i + 1).padStart(12, '0')}`,
    resource,
  }));
  const bundle = await hapiValidate(JSON.stringify({ resourceType: 'Bundle', type: 'collection', entry }));
  assert.equal(bundle.errors, 0, bundle.text);
});

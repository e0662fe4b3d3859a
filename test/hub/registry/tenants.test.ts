import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exportAll } from '../../../hub/operator-commands.ts';
import { parseRegistry } from '../../../hub/registry/load-registry.ts';
import { refuseMixed, tenantsOf } from '../../../hub/registry/tenants.ts';
import type { Observation } from '../../../shared/fhir.ts';
import { verifies } from '../../requirements.ts';
import { gathered, sampleBundle, sampleObservation, testHub } from '../../support/hub.ts';

test('the data of a tenant that is listed no longer is still exported', async () => {
  verifies('TENANT-EVERYWHERE');
  await using h = testHub();
  await h.ingest.batch('gw-icu', sampleBundle([sampleObservation({ seq: 1 })]));
  await h.ingest.batch('gw-other', sampleBundle([sampleObservation({ agent: 'gw-other', seq: 2 })]));
  const next = parseRegistry('gateways: [{ identity: gw-new, tenant: third, patient: pat-new-01 }]');
  h.registry.replace(next, await h.store.rebind(next.bindings(), 0));
  const tenants = tenantsOf(h.registry, h.store);
  assert.deepEqual(tenants, ['clinic', 'other', 'third']);
  const ids = async (filter = {}): Promise<string[]> =>
    (await gathered(exportAll(h.door, tenants, filter, 'local:1000'))).map((resource) => (resource as Observation).id);
  assert.deepEqual(
    (await ids()).map((id) => id.split('.')[0]),
    ['gw-icu', 'gw-other'],
  );
  assert.equal((await ids({ patient: 'pat-other-01' })).length, 1);
});

test('one file holds one tenant, those of whom it holds data counted; PostgreSQL keeps them apart by itself', async () => {
  verifies('TENANT-APART');
  await using h = testHub();
  await h.ingest.batch('gw-icu', sampleBundle([sampleObservation({ seq: 1 })]));
  const same = parseRegistry('gateways: [{ identity: gw-icu, tenant: clinic, patient: pat-home-01 }]');
  refuseMixed(tenantsOf(same, h.store), 'sqlite');
  const next = parseRegistry('gateways: [{ identity: gw-new, tenant: third, patient: pat-new-01 }]');
  const refused = { code: 'REGISTRY-TENANTS', detail: 'clinic, third' };
  assert.throws(() => refuseMixed(tenantsOf(next, h.store), 'sqlite'), refused);
  refuseMixed(tenantsOf(next, h.store), 'postgres');
});

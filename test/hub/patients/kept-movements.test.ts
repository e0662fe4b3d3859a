import assert from 'node:assert/strict';
import { test } from 'node:test';
import { refuseForgetting } from '../../../hub/patients/kept-movements.ts';
import { parseRegistry } from '../../../hub/registry/load-registry.ts';
import { retentionPolicy } from '../../../hub/store/retention-config.ts';
import { verifies } from '../../requirements.ts';
import { FOLLOWING_REGISTRY } from '../../support/following.ts';

test('beds follow movements only where all of these are kept, as they are unless told otherwise', () => {
  verifies('MOVEMENTS-KEPT');
  const following = parseRegistry(FOLLOWING_REGISTRY);
  const bound = parseRegistry('gateways: [{ identity: gw, tenant: clinic, patient: pat-aaaa-1, movements: true }]');
  refuseForgetting(following, retentionPolicy(undefined));
  refuseForgetting(bound, { movement: 1 });
  assert.throws(() => refuseForgetting(following, { movement: 36_500 * 24 * 3_600_000 }), { code: 'REGISTRY-MOVEMENTS', detail: 'clinic' });
});

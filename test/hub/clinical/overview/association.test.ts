import assert from 'node:assert/strict';
import { test } from 'node:test';
import { associationsOf } from '../../../../hub/clinical/overview/association.ts';
import type { GatewayEntry } from '../../../../hub/registry/registry.ts';
import { verifies } from '../../../requirements.ts';
import { FOLLOWING_REGISTRY, idOf, minute, tell } from '../../../support/following.ts';
import { TestClock, testHub } from '../../../support/hub.ts';

const since = (more: Partial<NonNullable<GatewayEntry['since']>> = {}) => ({ beds: new Map(), devices: new Map(), ...more });
const GATEWAYS: GatewayEntry[] = [
  { identity: 'gw-home', tenant: 'clinic', patient: 'pat-0001', beds: {}, devices: {}, since: since({ patient: 5000 }) },
  { identity: 'gw-old', tenant: 'clinic', patient: 'pat-0002', beds: {}, devices: {}, since: since({ patient: 0 }) },
  {
    ...{ identity: 'gw-icu', tenant: 'clinic', beds: { 'ICU-1': 'pat-0003', 'ICU-2': null }, devices: { scale: 'pat-0001' } },
    since: since({ beds: new Map([['ICU-1', 7000]]), devices: new Map([['scale', 8000]]) }),
  },
  { identity: 'gw-other', tenant: 'other', patient: 'pat-0001', beds: {}, devices: {} },
];

test('how readings come to be somebody’s: gateway, bed, device or movements, and since when, where that is known', () => {
  verifies('MCP-OVERVIEW-ASSOCIATION');
  const bedSince = (_: string, patient: string, bed: string) => (patient === 'pat-0004' && bed === 'ICU-3' ? 9000 : undefined);
  const of = (patient: string, bed: string | null) => associationsOf({ gateways: () => GATEWAYS, bedSince }, 'clinic', { patient, bed });
  assert.deepEqual(of('pat-0001', null), [
    { by: 'gateway', of: null, since: 5000 },
    { by: 'device', of: 'scale', since: 8000 },
  ]);
  assert.deepEqual(of('pat-0002', null), [{ by: 'gateway', of: null, since: null }]);
  assert.deepEqual(of('pat-0003', 'ICU-1'), [{ by: 'bed', of: 'ICU-1', since: 7000 }]);
  assert.deepEqual(of('pat-0004', 'ICU-3'), [{ by: 'movements', of: 'ICU-3', since: 9000 }]);
  assert.deepEqual(of('pat-0005', null), []);
});

test('whoever was moved is in the bed since the movement, not since they are here', async () => {
  verifies('MCP-OVERVIEW-ASSOCIATION');
  await using hub = testHub({ clock: new TestClock(minute(0)), registry: FOLLOWING_REGISTRY });
  await tell(hub, 1, -20, 'A01', { who: 'ann', bed: 'ICU-01', visit: 'v-ann' });
  await tell(hub, 2, -5, 'A02', { who: 'ann', bed: 'ICU-02', priorBed: 'ICU-01', visit: 'v-ann' });
  const patient = await idOf(hub, 'ann');
  const [told] = associationsOf(hub.registry, 'clinic', { patient, bed: 'ICU-02' });
  assert.deepEqual(told, { by: 'movements', of: 'ICU-02', since: minute(-5) });
  assert.equal(hub.registry.bedSince?.('clinic', patient, 'ICU-01'), undefined, 'they left it');
});

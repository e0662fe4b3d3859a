import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resourcesOf } from '../../../../agent/resources.ts';
import { verifies } from '../../../requirements.ts';
import { FOLLOWING_REGISTRY, idOf, measure, minute, tell } from '../../../support/following.ts';
import { sampleBundle, TEST_EPOCH, TestClock, testHub } from '../../../support/hub.ts';

const context = { channel: 'mcp-2026' } as const;

/** Ann lies in ICU-01, where a monitor has told of an alert of hers a moment ago. */
async function site() {
  const clock = new TestClock(minute(0));
  const hub = testHub({ clock, registry: FOLLOWING_REGISTRY });
  await tell(hub, 1, 0, 'A01', { who: 'ann', bed: 'ICU-01', visit: 'v' });
  clock.set(minute(2));
  await measure(hub, 1, 2, { bed: 'ICU-01' });
  const alert = { phase: 'start', state: 'active', priority: 'high', type: 'physiological', instance: 'A1', text: 'SpO2 LOW' } as const;
  const record = {
    ...{ source: 'icu', profile: 'hl7-pcd01', device: { id: 'monitor-1', idType: 'serial' as const }, receivedAt: minute(2) },
    ...{ subject: { bed: 'ICU-01' }, test: false, class: 'alert' as const, readings: [], alerts: [{ ...alert, effective: minute(2) }] },
  };
  await hub.ingest.batch('gw-icu', sampleBundle(resourcesOf(record, { agent: 'gw-icu', epoch: TEST_EPOCH, seq: 2 })));
  await tell(hub, 2, 2, 'A08', { who: 'ann', bed: 'ICU-01', visit: 'v' });
  const reader = hub.registry.principal('ai-monitor') ?? assert.fail();
  const ann = await idOf(hub, 'ann');
  return {
    ...{ clock, hub },
    alerts: async () => {
      const { alerts, discharged, unplaced } = await hub.door.alerts(reader, ann, context);
      return { alerts: alerts.map(({ state, stateSince }) => [state, stateSince]), discharged, unplaced };
    },
    [Symbol.asyncDispose]: () => hub.close(),
  };
}

test('an alert that is open when its patient is discharged is unknown since then, and the answer says that they left', async () => {
  verifies('ALERTS-LEFT');
  await using s = await site();
  assert.deepEqual(await s.alerts(), {
    alerts: [['active', '2026-11-21T10:02:00.000+00:00']],
    ...{ discharged: undefined, unplaced: undefined },
  });
  s.clock.set(minute(3) - 10_000);
  await tell(s.hub, 3, 2.5, 'A03', { who: 'ann', bed: 'ICU-01', visit: 'v' });
  assert.deepEqual(await s.alerts(), {
    alerts: [['unknown', '2026-11-21T10:02:30.000+00:00']],
    ...{ discharged: '2026-11-21T10:02:30.000+00:00', unplaced: undefined },
  });
  s.clock.set(minute(3));
  await tell(s.hub, 4, 3, 'A01', { who: 'ann', bed: 'ICU-01', visit: 'w' });
  assert.deepEqual(
    (await s.alerts()).alerts,
    [['unknown', '2026-11-21T10:02:00.000+00:00']],
    'it is of the stay before, also when they are here again',
  );
});

test('an alert that is open when nobody knows any more where its patient lies is unknown, and the answer says so', async () => {
  verifies('ALERTS-LEFT');
  await using s = await site();
  s.clock.set(minute(3) - 10_000);
  await tell(s.hub, 3, 2.5, 'A08', { who: 'ann', bed: 'ICU-02', visit: 'v' });
  const { alerts, unplaced } = await s.alerts();
  assert.equal(unplaced, true);
  assert.ok(alerts.every(([state]) => state === 'unknown'));
});

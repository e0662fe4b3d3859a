import assert from 'node:assert/strict';
import { test } from 'node:test';
import { forgetErased } from '../../../hub/privacy/forget-erased.ts';
import { parseRegistry } from '../../../hub/registry/load-registry.ts';
import { verifies } from '../../requirements.ts';
import { FOLLOWING_REGISTRY, idOf, tell } from '../../support/following.ts';
import { TestClock, testHub } from '../../support/hub.ts';

test('that somebody was erased is told of whoever was merged into them, too: a list that names that one changes by it', async () => {
  verifies('ERASE-TOLD', 'FOLLOW-GROUPS');
  await using hub = testHub({ registry: FOLLOWING_REGISTRY, clock: new TestClock() });
  await hub.whereabouts.open();
  await tell(hub, 1, -60, 'A01', { who: 'ann', bed: 'ICU-01' });
  await tell(hub, 2, -50, 'A01', { who: 'bob', bed: 'ICU-02' });
  const [ann, bob] = [await idOf(hub, 'ann'), await idOf(hub, 'bob')];
  await tell(hub, 3, -40, 'A03', { who: 'ann' });
  await tell(hub, 4, -30, 'A40', { who: 'bob', was: 'ann' });
  await tell(hub, 5, -20, 'A03', { who: 'bob' });
  hub.registry.replace(parseRegistry(`${FOLLOWING_REGISTRY}panels: { heart: { tenant: clinic, patients: [${ann}] } }\n`), []);
  assert.equal(hub.registry.patient('clinic', ann)?.patient, bob);
  const told: string[] = [];
  using _listening = hub.feed.subscribe(({ kind, patient }) => void told.push(`${kind} ${patient}`));
  hub.feed.publish({ tenant: 'clinic', patient: bob, kind: 'erased', vitals: [], at: 0 });
  assert.deepEqual(told.slice(0, 1), [`erased ${bob}`]);
  assert.ok(told.includes(`patients ${ann}`), told.join());
  // Who is on the list by the number that is left is in the group from then on, so that its readers are told.
  assert.deepEqual(hub.door.groupsOf('clinic', ann), { panels: ['heart'] });
});

test('of whom another hub erased, this one tells by what its registry still names', () => {
  verifies('ERASE-TOLD');
  const told: string[] = [];
  const registry = parseRegistry(`${FOLLOWING_REGISTRY}panels: { heart: { tenant: clinic, patients: [pat-listed-01, pat-listed-02] } }\n`);
  forgetErased(
    { tenant: 'clinic', isPatient: (id) => id === 'pat-listed-01' || id === 'pat-current-01' },
    {
      staleness: {
        currentOf: () => [{ tenant: 'clinic', patient: 'pat-current-01', vital: 'hr', device: 'm-1' }] as never,
        changed: () => undefined,
      },
      whereabouts: { known: (_, isWanted) => ['pat-current-01', 'pat-other-01'].filter(isWanted) },
      registry: { patients: () => [...registry.onPanels('clinic')].map((patient) => ({ patient, bed: null })) },
      feed: { publish: ({ kind, patient }) => void told.push(`${kind} ${patient}`) },
      clock: new TestClock(),
    },
  );
  assert.deepEqual(told, ['erased pat-current-01', 'erased pat-listed-01']);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { verifies } from '../../requirements.ts';
import { FOLLOWING_REGISTRY, idOf, tell } from '../../support/following.ts';
import { TestClock, testHub } from '../../support/hub.ts';

test('two who are said to lie in one bed stay on the list until they leave, and whoever comes in for sure takes nobody off it', async () => {
  verifies('UNSURE-LISTED');
  await using h = testHub({ registry: FOLLOWING_REGISTRY, clock: new TestClock() });
  const names = new Map<string, string>();
  const listed = () =>
    h.registry
      .patients('clinic')
      .flatMap(({ patient, bed, unplaced, possible = [] }) => {
        const name = names.get(patient);
        return name === undefined ? [] : [[name, bed, unplaced ?? false, possible.map((one) => one.bed)]];
      })
      .sort();
  await tell(h, 1, -40, 'A01', { who: 'ann', bed: 'ICU-02', visit: 'v1' });
  names.set(await idOf(h, 'ann'), 'ann');
  assert.deepEqual(listed(), [['ann', 'ICU-02', false, []]]);
  await tell(h, 2, -30, 'A01', { who: 'bob', bed: 'ICU-02', visit: 'v2' });
  names.set(await idOf(h, 'bob'), 'bob');
  assert.deepEqual(listed(), [
    ['ann', null, true, ['ICU-02']],
    ['bob', null, true, ['ICU-02']],
  ]);
  await tell(h, 3, -20, 'A03', { who: 'ann', priorBed: 'ICU-02', visit: 'v1' });
  assert.deepEqual(listed(), [['bob', 'ICU-02', false, []]], 'who left is on no list');
});

test('whoever a merge leaves without a sure bed is on the list by the number that survived, and by no other', async () => {
  verifies('UNSURE-LISTED');
  await using h = testHub({ registry: FOLLOWING_REGISTRY, clock: new TestClock() });
  await tell(h, 1, -40, 'A01', { who: 'ann', bed: 'ICU-01', visit: 'v1' });
  await tell(h, 2, -30, 'A01', { who: 'unknown', bed: 'ICU-02', visit: 'v2' });
  await tell(h, 3, -20, 'A40', { who: 'ann', was: 'unknown' });
  const [ann, unknown] = [await idOf(h, 'ann'), await idOf(h, 'unknown')];
  const place = h.registry.patient('clinic', ann);
  const listed = h.registry.patients('clinic').map(({ patient }) => patient);
  assert.ok(place?.unplaced && listed.includes(ann), JSON.stringify(place));
  assert.ok(!listed.includes(unknown));
  assert.equal(new Set(listed).size, listed.length);
});

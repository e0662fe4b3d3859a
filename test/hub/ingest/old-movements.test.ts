import assert from 'node:assert/strict';
import { test } from 'node:test';
import { verifies } from '../../requirements.ts';
import { FOLLOWING_REGISTRY, held, measure, tell } from '../../support/following.ts';
import { TestClock, testHub } from '../../support/hub.ts';

const DAY_MIN = 24 * 60;

test('an admission that is stamped nine years ago takes nothing from whoever lay there, and counts from when it was heard', async () => {
  verifies('MOVEMENT-TOO-OLD');
  await using h = testHub({ clock: new TestClock(), registry: FOLLOWING_REGISTRY });
  await tell(h, 1, -2000, 'A01', { who: 'bob', bed: 'ICU-01' });
  await measure(h, 1, -1900, { value: 61 });
  await tell(h, 2, -1000, 'A03', { who: 'bob', bed: 'ICU-01' });
  await measure(h, 2, -500, { value: 62 });
  await tell(h, 3, -9 * 365 * DAY_MIN, 'A01', { who: 'ann', bed: 'ICU-01' });
  assert.deepEqual(await held(h, ['ann', 'bob'], ['ICU-01']), { bob: [61], 'ICU-01': [62] });
  await measure(h, 3, 1, { value: 63 });
  assert.deepEqual(await held(h, ['ann', 'bob'], ['ICU-01']), { ann: [63], bob: [61], 'ICU-01': [62] });
  assert.equal(h.metrics.snapshot().movements_too_old, 1);
});

test('where a system tells at first of all who are there, what is nobody’s since their admission weeks ago becomes theirs, and nothing that is another’s', async () => {
  verifies('MOVEMENT-TOO-OLD');
  await using h = testHub({ clock: new TestClock(), registry: FOLLOWING_REGISTRY });
  await tell(h, 1, -2000, 'A01', { who: 'bob', bed: 'ICU-01' });
  await tell(h, 2, -1000, 'A03', { who: 'bob', bed: 'ICU-01' });
  await measure(h, 1, -1900, { value: 61 });
  await measure(h, 2, -500, { value: 62 });
  await measure(h, 3, -2500, { value: 63 });
  await tell(h, 3, -14 * DAY_MIN, 'A01', { who: 'ann', bed: 'ICU-01' });
  assert.deepEqual(await held(h, ['ann', 'bob'], ['ICU-01']), { ann: [62, 63], bob: [61] });
  await tell(h, 4, -2600, 'A01', { who: 'cay', bed: 'ICU-01' });
  assert.deepEqual(
    await held(h, ['ann', 'bob', 'cay'], ['ICU-01']),
    { cay: [62, 63], 'ICU-01': [61] },
    'who is told of in time lay there, and never left',
  );
});

test('a discharge by a clock that is weeks behind ends the stay when it was heard, and takes nothing of it away', async () => {
  verifies('MOVEMENT-TOO-OLD');
  await using h = testHub({ clock: new TestClock(), registry: FOLLOWING_REGISTRY });
  await tell(h, 1, -2000, 'A01', { who: 'ann', bed: 'ICU-01', visit: 'v' });
  await measure(h, 1, -1900, { value: 61 });
  await tell(h, 2, -30 * DAY_MIN, 'A03', { who: 'ann', bed: 'ICU-01', visit: 'v' });
  await measure(h, 2, 1, { value: 62 });
  assert.deepEqual(await held(h, ['ann'], ['ICU-01']), { ann: [61], 'ICU-01': [62] });
});

test('a movement that is told an hour or a day late moves what was measured since, as ever', async () => {
  verifies('MOVEMENT-TOO-OLD', 'LATE-MOVEMENT-CORRECTS');
  await using h = testHub({ clock: new TestClock(), registry: FOLLOWING_REGISTRY });
  await tell(h, 1, -2000, 'A01', { who: 'bob', bed: 'ICU-01' });
  await measure(h, 1, -1300, { value: 61 });
  await measure(h, 2, -30, { value: 62 });
  await tell(h, 2, -DAY_MIN, 'A02', { who: 'bob', bed: 'ICU-02', priorBed: 'ICU-01' });
  await tell(h, 3, -60, 'A01', { who: 'ann', bed: 'ICU-01' });
  assert.deepEqual(await held(h, ['ann', 'bob'], ['ICU-01']), { ann: [62], 'ICU-01': [61] });
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NEW_NUMBERS, NewNumbers } from '../../../hub/patients/whereabouts/new-numbers.ts';
import { nobodyIn } from '../../../hub/store/placing/placing.ts';
import { event } from '../../contract/store.ts';
import { verifies } from '../../requirements.ts';
import { FOLLOWING_REGISTRY, HOSPITAL, tell } from '../../support/following.ts';
import { gathered, sampleBundle, sampleObservation, TEST_NOW, TestClock, testHub } from '../../support/hub.ts';

test('each gateway may name so many new numbers, and gets as many again in a day', () => {
  verifies('NUMBERS-BOUNDED');
  const clock = new TestClock();
  const numbers = new NewNumbers(clock);
  const taken = (gateway: string): number =>
    Array.from({ length: NEW_NUMBERS + 5 }, () => numbers.take('clinic', gateway)).filter(Boolean).length;
  assert.equal(taken('gw-icu'), NEW_NUMBERS);
  assert.equal(taken('gw-else'), NEW_NUMBERS);
  clock.advance(12 * 3_600_000);
  assert.equal(taken('gw-icu'), NEW_NUMBERS / 2);
  clock.advance(100 * 24 * 3_600_000);
  assert.equal(taken('gw-icu'), NEW_NUMBERS);
});

test('rows of a gateway that names a new number in every message are nobody’s beyond the bound, whoever lies there; of whom is known they are theirs', async () => {
  verifies('NUMBERS-BOUNDED');
  const clock = new TestClock();
  await using h = testHub({ clock, registry: FOLLOWING_REGISTRY });
  await h.whereabouts.open();
  await tell(h, 1, -60, 'A01', { who: 'known', bed: 'ICU-01' });
  const named = (seq: number, who: string) =>
    sampleObservation({ seq, effective: TEST_NOW - seq, bed: 'ICU-01', device: 'monitor-1', patient: { value: who, authority: HOSPITAL } });
  const all = Array.from({ length: NEW_NUMBERS + 10 }, (_, i) => named(i + 1, `new-${i}`));
  for (let from = 0; from < all.length; from += 500) await h.ingest.batch('gw-icu', sampleBundle(all.slice(from, from + 500)));
  await h.ingest.batch('gw-icu', sampleBundle([named(9000, 'known'), named(9001, 'one more')]));
  assert.equal(
    (await gathered(h.store.placing.persons())).length,
    1 + NEW_NUMBERS + 1,
    'the known one, those that were kept, and somebody else',
  );
  assert.equal(h.metrics.snapshot().numbers_unkept, 11);
  const nobodys = await gathered(await h.store.observations('clinic', { patient: nobodyIn('ICU-01') }, (rows) => event(rows)));
  assert.equal(nobodys.length, NEW_NUMBERS + 11);
  // A movement gives them to nobody either.
  await tell(h, 2, -50, 'A03', { who: 'known' });
  await tell(h, 3, -40, 'A01', { who: 'new-1', bed: 'ICU-01' });
  await h.corrections.settled();
  const after = await gathered(await h.store.observations('clinic', { patient: nobodyIn('ICU-01') }, (rows) => event(rows)));
  assert.equal(after.length, NEW_NUMBERS + 11, 'the known one’s is nobody’s by now, and that of the new one theirs');
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countDue, newestOf, retentionNow } from '../../hub/due.ts';
import { verifies } from '../requirements.ts';

const CUTOFF = 100;
const NOW = 200;

function due(dates: readonly number[], since = 0): number {
  return countDue(
    dates.map((storedAt, key) => ({ key, storedAt })),
    { cutoff: CUTOFF, now: NOW, since },
  );
}

test('what was stored before the cutoff is due, up to the first that was not', () => {
  verifies('RETENTION-CLASSES');
  assert.equal(due([]), 0);
  assert.equal(due([1, 50, 99]), 3);
  assert.equal(due([1, 100, 50]), 1);
});

test('a clock that stood behind removes nothing early', () => {
  verifies('RETENTION-SMALL-STEPS');
  assert.equal(due([90, 5, 150]), 1, 'the second was stored after the first, and as late as the third');
  assert.equal(due([90, 5, 95, 150]), 3);
  assert.equal(due([5, 6], 150), 0, 'nor what follows something newer that is gone');
  assert.equal(due([90, 5]), 1, 'nobody knows how late');
});

test('a date ahead of now holds nothing up, and counts as what follows it', () => {
  assert.equal(due([1, 999, 50, 150]), 3);
  assert.equal(due([999, 150]), 0);
  assert.equal(due([999]), 0);
  assert.equal(
    newestOf(
      [
        { key: 1, storedAt: 999 },
        { key: 2, storedAt: 50 },
      ],
      NOW,
      20,
    ),
    50,
  );
});

test('a clock that leapt ahead takes effect a day an hour, one that is right at once', () => {
  verifies('RETENTION-SMALL-STEPS');
  const hour = 3_600_000;
  assert.equal(retentionNow(0, hour, hour), hour);
  assert.equal(retentionNow(0, 8760 * hour, hour), 24 * hour);
  assert.equal(retentionNow(100 * hour, 50 * hour, hour), 50 * hour, 'and back at once');
});

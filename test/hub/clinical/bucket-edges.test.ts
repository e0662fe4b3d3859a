import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { bucketEdges } from '../../../hub/clinical/bucket-edges.ts';
import { verifies } from '../../requirements.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

test('the narrowest usual width that is enough is taken, and ends are where they were asked for', () => {
  verifies('TREND-BUCKETS');
  const from = Date.UTC(2026, 10, 21, 10, 7, 30);
  assert.deepEqual(bucketEdges({ from, to: from + 12 * MINUTE, points: 4, zone: 'UTC' }), [
    from,
    Date.UTC(2026, 10, 21, 10, 10),
    Date.UTC(2026, 10, 21, 10, 15),
    from + 12 * MINUTE,
  ]);
  assert.deepEqual(bucketEdges({ from, to: from + 1, points: 300, zone: 'UTC' }), [from, from + 1]);
});

test('days begin at midnight of the zone, also where one has 23 or 25 hours', () => {
  const midnight = (month: number, day: number, utcHour: number): number => Date.UTC(2026, month, day, utcHour);
  const spring = bucketEdges({ from: midnight(2, 27, 23), to: midnight(2, 30, 22), points: 3, zone: 'Europe/Vienna' });
  assert.deepEqual(spring, [midnight(2, 27, 23), midnight(2, 28, 23), midnight(2, 29, 22), midnight(2, 30, 22)]);
  const autumn = bucketEdges({ from: midnight(9, 23, 22), to: midnight(9, 26, 23), points: 3, zone: 'Europe/Vienna' });
  assert.deepEqual(autumn, [midnight(9, 23, 22), midnight(9, 24, 22), midnight(9, 25, 23), midnight(9, 26, 23)]);
});

test('weeks begin on Monday', () => {
  const [, second] = bucketEdges({ from: Date.UTC(2026, 10, 21), to: Date.UTC(2026, 11, 21), points: 8, zone: 'UTC' });
  assert.equal(second, Date.UTC(2026, 10, 23));
});

test('edges are ascending, no more than wanted, and from one end to the other, whatever is asked', () => {
  const zone = fc.constantFrom('UTC', 'Europe/Vienna', 'Asia/Kathmandu', 'Australia/Lord_Howe', 'America/St_Johns');
  fc.assert(
    fc.property(
      fc.integer({ min: Date.UTC(2020, 0), max: Date.UTC(2030, 0) }),
      fc.oneof(fc.integer({ min: 1, max: DAY }), fc.integer({ min: 1, max: 4000 * DAY })),
      fc.integer({ min: 1, max: 400 }),
      zone,
      (from, length, points, name) => {
        const edges = bucketEdges({ from, to: from + length, points, zone: name });
        assert.ok(edges.every((edge, i) => Number.isInteger(edge) && (i === 0 || edge > (edges[i - 1] ?? edge))));
        assert.deepEqual([edges[0], edges.at(-1)], [from, from + length]);
        assert.ok(edges.length - 1 <= points);
      },
    ),
    { numRuns: 500 },
  );
});

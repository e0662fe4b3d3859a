import assert from 'node:assert/strict';
import { test } from 'node:test';
import { shapesOf } from '../../../../hub/clinical/overview/shape.ts';
import type { TrendBucket } from '../../../../hub/store/trend.ts';
import { verifies } from '../../../requirements.ts';

const NOTHING = { absent: 0, withdrawn: 0, undated: 0, doubtful: 0, test: 0 };
const HOUR_MS = 3_600_000;
const FROM = Date.UTC(2026, 10, 20, 10);

function bucket(index: number, more: Partial<TrendBucket> = {}): TrendBucket {
  const numbers = { n: 0, min: null, max: null, mean: null, last: null, lastAt: null };
  return { index, ...numbers, excluded: NOTHING, flags: [], coverage: 0, open: false, rolledUp: false, ...more };
}

/** A day in hours. */
const edges = Array.from({ length: 25 }, (_, i) => new Date(FROM + i * HOUR_MS).toISOString());
const OF = { device: 'oxi-1', test: false, unit: '%' };

test('a day in numbers: by hand', () => {
  verifies('MCP-OVERVIEW-SHAPE');
  const buckets = [
    bucket(0, { n: 2, min: 90, max: 94, mean: 92, last: 94, lastAt: FROM + 1000, coverage: 1 }),
    bucket(1, { n: 1, min: 97, max: 97, mean: 97, last: 97, lastAt: FROM + HOUR_MS, coverage: 0.5, flags: ['motion'] }),
    bucket(6, { excluded: { ...NOTHING, absent: 2, doubtful: 1 }, flags: ['clock'] }),
    bucket(23, { n: 3, min: 95, max: 99, mean: 96, last: 95, lastAt: FROM + 23.5 * HOUR_MS, coverage: 0.9 }),
  ];
  const series = [
    { device: 'oxi-1', vital: 'spo2', unit: '%', test: false, buckets },
    {
      device: 'oxi-2',
      vital: 'spo2',
      unit: '%',
      test: false,
      buckets: [bucket(0, { n: 1, min: 1, max: 1, mean: 1, last: 1, lastAt: FROM })],
    },
  ];
  assert.deepEqual(shapesOf({ series, edges, vital: 'spo2' }, OF), [
    {
      ...{ vital: 'spo2', unit: '%', n: 6, excluded: 3, min: 90, median: 96, medianOf: 'means', max: 99 },
      last: 95,
      // (1 + 0.5 + 0.9) of 24 hours.
      coverage: 0.1,
      // (2 × 92 + 97) / 3.
      quarters: [93.67, null, null, 96],
      flags: ['motion'],
    },
  ]);
});

test('where nothing was measured there is no number, and no device answers for another, nor a test for a measurement', () => {
  verifies('MCP-OVERVIEW-SHAPE');
  const counted = bucket(3, { n: 1, min: 97, max: 97, mean: 97, last: 97, lastAt: FROM, coverage: 1 });
  for (const other of [
    { device: 'oxi-2', test: false },
    { device: 'oxi-1', test: true },
  ]) {
    const series = [{ ...other, vital: 'spo2', unit: '%', buckets: [counted] }];
    const [shape] = shapesOf({ series, edges, vital: 'spo2' }, OF);
    assert.deepEqual([shape?.n, shape?.min, shape?.median, shape?.max, shape?.last, shape?.coverage], [0, null, null, null, null, 0]);
    assert.deepEqual(shape?.quarters, [null, null, null, null]);
  }
});

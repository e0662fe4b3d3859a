import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type News2Inputs, news2 } from '../../../../hub/clinical/support/news2.ts';
import { verifies } from '../../../requirements.ts';

/** Somebody in whom nothing scores. */
const WELL = {
  'respiratory-rate': 16,
  'oxygen-saturation': 97,
  oxygen: false,
  'systolic-pressure': 120,
  'heart-rate': 70,
  consciousness: true,
  temperature: 37,
} satisfies News2Inputs;

/** Every edge of the published chart, read off by hand: value and points. */
const CHART: Record<'respiratory-rate' | 'systolic-pressure' | 'heart-rate' | 'temperature', readonly (readonly [number, number])[]> = {
  'respiratory-rate': [
    [4, 3],
    [8, 3],
    [9, 1],
    [11, 1],
    [12, 0],
    [20, 0],
    [21, 2],
    [24, 2],
    [25, 3],
    [40, 3],
  ],
  'systolic-pressure': [
    [60, 3],
    [90, 3],
    [91, 2],
    [100, 2],
    [101, 1],
    [110, 1],
    [111, 0],
    [219, 0],
    [220, 3],
    [250, 3],
  ],
  'heart-rate': [
    [30, 3],
    [40, 3],
    [41, 1],
    [50, 1],
    [51, 0],
    [90, 0],
    [91, 1],
    [110, 1],
    [111, 2],
    [130, 2],
    [131, 3],
    [180, 3],
  ],
  temperature: [
    [34, 3],
    [35, 3],
    [35.1, 1],
    [36, 1],
    [36.1, 0],
    [38, 0],
    [38.1, 1],
    [39, 1],
    [39.1, 2],
    [41, 2],
    [38.04, 0],
    [38.05, 1],
  ],
};

const SCALE_1 = [
  [85, 3],
  [91, 3],
  [92, 2],
  [93, 2],
  [94, 1],
  [95, 1],
  [96, 0],
  [100, 0],
  [91.6, 2],
] as const;
const SCALE_2_ON_AIR = [
  [80, 3],
  [83, 3],
  [84, 2],
  [85, 2],
  [86, 1],
  [87, 1],
  [88, 0],
  [92, 0],
  [93, 0],
  [100, 0],
] as const;
const SCALE_2_ON_OXYGEN = [
  [83, 3],
  [87, 1],
  [88, 0],
  [92, 0],
  [93, 1],
  [94, 1],
  [95, 2],
  [96, 2],
  [97, 3],
  [100, 3],
] as const;

const ANYBODY = {
  'respiratory-rate': fc.integer({ min: 0, max: 70 }),
  'oxygen-saturation': fc.integer({ min: 0, max: 100 }),
  oxygen: fc.boolean(),
  'systolic-pressure': fc.integer({ min: 0, max: 300 }),
  'heart-rate': fc.integer({ min: 0, max: 300 }),
  consciousness: fc.boolean(),
  temperature: fc.integer({ min: 250, max: 450 }).map((tenths) => tenths / 10),
};

test('each parameter scores as the published chart says, at every edge of it', () => {
  verifies('NEWS2-CHART');
  assert.equal(news2(WELL, 1).total, 0);
  for (const parameter of ['respiratory-rate', 'systolic-pressure', 'heart-rate', 'temperature'] as const)
    for (const [value, points] of CHART[parameter])
      assert.equal(news2({ ...WELL, [parameter]: value }, 1).total, points, `${parameter} ${value}`);
  for (const [value, points] of SCALE_1) assert.equal(news2({ ...WELL, 'oxygen-saturation': value }, 1).total, points, `SpO2 ${value}`);
  for (const [value, points] of SCALE_2_ON_AIR)
    assert.equal(news2({ ...WELL, 'oxygen-saturation': value }, 2).total, points, `air ${value}`);
  for (const [value, points] of SCALE_2_ON_OXYGEN)
    assert.equal(news2({ ...WELL, 'oxygen-saturation': value, oxygen: true }, 2).total, points + 2, `oxygen ${value}`);
  assert.equal(news2({ ...WELL, consciousness: false }, 1).total, 3);
});

test('a whole score is the sum of the chart, and a single three is said', () => {
  // RR 22: 2, SpO2 93: 2, oxygen: 2, 105 mmHg: 1, 115 /min: 2, alert: 0, 38.6: 1.
  const ill = {
    'respiratory-rate': 22,
    'oxygen-saturation': 93,
    oxygen: true,
    'systolic-pressure': 105,
    'heart-rate': 115,
    consciousness: true,
    temperature: 38.6,
  };
  const { total, singleThree, points } = news2(ill, 1);
  assert.deepEqual([total, singleThree, Object.values(points)], [10, false, [2, 2, 2, 1, 2, 0, 1]]);
  assert.equal(news2({ ...WELL, 'heart-rate': 135 }, 1).singleThree, true);
});

test('without any one of its inputs there is no score, only the least that it can be and what is missing', () => {
  verifies('NEWS2-NEVER-FROM-PARTS');
  const input = fc.record(ANYBODY, { requiredKeys: [] });
  fc.assert(
    fc.property(input, fc.constantFrom(1 as const, 2 as const), fc.record(ANYBODY), (known, scale, rest) => {
      const part = news2(known, scale);
      const isWhole = Object.keys(known).length === 7;
      assert.equal(part.total !== null, isWhole);
      assert.equal(part.missing.length === 0, isWhole);
      // Whatever the rest turns out to be, the score is never less.
      const whole = news2({ ...rest, ...known }, scale);
      assert.ok(whole.total !== null && whole.total >= part.atLeast);
    }),
  );
});

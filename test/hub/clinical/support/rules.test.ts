import assert from 'node:assert/strict';
import { test } from 'node:test';
import { baselineOf, type Stretch } from '../../../../hub/clinical/support/baseline.ts';
import { isApplied, NO_SUPPORT, supportSchema } from '../../../../hub/clinical/support/schema.ts';
import { type WeightGain, weightGain } from '../../../../hub/clinical/support/weight-gain.ts';
import { verifies } from '../../../requirements.ts';

const DAY_MS = 86_400_000;
const NOW = Date.UTC(2026, 10, 21, 10);
const RULE = { gainKg: 2, days: 3, source: 'ward order 12' };

/** Weights of so many days ago. */
function scale(...weights: [daysAgo: number, kg: number][]): { at: number; kg: number }[] {
  return weights.map(([daysAgo, kg]) => ({ at: NOW - daysAgo * DAY_MS, kg }));
}

test('a gain of weight is that of one scale, within the days of the rule, up to a weight of today', () => {
  verifies('WEIGHT-BY-ONE-SCALE');
  const met = weightGain(RULE, new Map([['bath', scale([3, 80], [2, 80.4], [1, 81.5], [0, 82])]]), { now: NOW });
  assert.deepEqual([met.state, met.gainKg, met.from?.kg, met.to?.kg, met.n, met.device], ['met', 2, 80, 82, 4, 'bath']);
  const before = weightGain(RULE, new Map([['bath', scale([5, 79], [2, 80.4], [0, 82])]]), { now: NOW });
  assert.deepEqual([before.state, before.gainKg], ['not-met', 1.6], 'what is older than the days of the rule does not count');
  const two = weightGain(
    RULE,
    new Map([
      ['bath', scale([2, 80], [1, 80.1])],
      ['spouse', scale([0, 92])],
    ]),
    { now: NOW },
  );
  assert.deepEqual([two.state, two.gainKg, two.device], ['not-met', 0.1, 'bath'], 'two scales are never compared');
  const long = weightGain(RULE, new Map([['bath', scale([4, 80], [2, 83])]]), { now: NOW });
  assert.deepEqual(
    [long.state, long.why, long.gainKg, long.from],
    ['unknown', 'stale', null, null],
    'who was not weighed lately has not gained nothing',
  );
  assert.deepEqual(unknownBy(weightGain(RULE, new Map(), { now: NOW })), ['unknown', 'none']);
  assert.deepEqual(
    unknownBy(weightGain(RULE, new Map([['bath', scale([0, 82])]]), { now: NOW })),
    ['unknown', 'once'],
    'one weight is no gain',
  );
});

const unknownBy = ({ state, why }: WeightGain) => [state, why];

test('where a newer weight is doubtful nothing is said of a gain, whatever the older ones say', () => {
  verifies('WEIGHT-BY-ONE-SCALE', 'DOUBT-IS-NOT-CALM');
  const scales = [new Map([['bath', scale([2, 80], [1, 80])]]), new Map([['bath', scale([2, 80], [1, 85])]]), new Map()];
  for (const weights of scales) {
    const gain = weightGain(RULE, weights, { now: NOW, isDoubtful: true });
    assert.deepEqual([...unknownBy(gain), gain.from, gain.to, gain.gainKg], ['unknown', 'doubtful', null, null, null]);
  }
});

function stretch(value: number | null, more: Partial<Stretch> = {}): Stretch {
  return {
    n: value === null ? 0 : 1,
    min: value,
    max: value,
    mean: value,
    flags: [],
    excluded: { doubtful: 0 },
    coverage: value === null ? 0 : 1,
    ...more,
  };
}

test('a baseline is the median and range of what is sure, and says of how many and how much of the time', () => {
  verifies('BASELINE-OF-ITS-OWN');
  const of = { device: 'cuff', vital: 'nibp_s', unit: 'mm[Hg]' };
  const plain = baselineOf({ ...of, buckets: [stretch(130), stretch(118), stretch(122), stretch(null)] }, 8);
  assert.deepEqual(plain, { ...of, median: 122, of: 'readings', min: 118, max: 130, n: 3, leftOut: 0, coverage: 0.375 });
  const doubtful = stretch(300, { n: 4, flags: ['questionable'] });
  const flagged = baselineOf({ ...of, buckets: [stretch(120), stretch(124), doubtful, stretch(126, { flags: ['memory'] })] }, 4);
  assert.deepEqual([flagged.median, flagged.max, flagged.n, flagged.leftOut], [124, 126, 3, 4]);
  const excluded = baselineOf({ ...of, buckets: [stretch(120), stretch(null, { excluded: { doubtful: 2 } })] }, 2);
  assert.deepEqual(
    [excluded.median, excluded.n, excluded.leftOut],
    [120, 1, 2],
    'what a trend leaves out as doubtful is left out here, too',
  );
  const means = baselineOf({ ...of, buckets: [stretch(60, { n: 60, min: 50, max: 72 }), stretch(64, { n: 60, min: 55, max: 90 })] }, 2);
  assert.deepEqual([means.median, means.of, means.min, means.max, means.n], [62, 'means', 50, 90, 120]);
  assert.deepEqual(baselineOf({ ...of, buckets: [] }, 4), {
    ...of,
    median: null,
    of: 'readings',
    min: null,
    max: null,
    n: 0,
    leftOut: 0,
    coverage: 0,
  });
});

test('without a line of the site nothing is reckoned for anybody, and with one for those whom it names', () => {
  verifies('SUPPORT-OFF-BY-DEFAULT');
  assert.deepEqual(Object.keys(NO_SUPPORT), ['version']);
  const applies = supportSchema.parse({ version: '1', news2: { applies: { wards: ['W1'], panels: ['hf'], patients: ['pat-home-01'] } } })
    .news2?.applies;
  assert.ok(applies);
  const named = [{ ward: 'W1' }, { panels: ['copd', 'hf'] }, { patient: 'pat-home-01' }, {}, { ward: 'W2', panels: ['copd'] }];
  assert.deepEqual(
    named.map((place) => isApplied(applies, { patient: 'pat-icu-01', ...place })),
    [true, true, true, false, false],
  );
  assert.equal(
    supportSchema.safeParse({ version: '1', weight: { applies: {}, rules: [{ gainKg: 2, days: 3 }] } }).success,
    false,
    'a rule names its source',
  );
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { MEASURANDS, measurandOf } from '../../../hub/clinical/measurands.ts';
import { type Candidate, COMPARED_WITHIN_MS, IS_DOUBT, standingsOf } from '../../../hub/clinical/preferred.ts';
import { FLAGS, type Flag } from '../../../shared/reading.ts';
import { PANELS, panel, VITALS, vital } from '../../../shared/vitals.ts';
import { verifies } from '../../requirements.ts';
import { TEST_NOW } from '../../support/hub.ts';

const row = (change: Partial<Candidate> = {}): Candidate => ({
  ...{ vital: 'hr', device: 'monitor-1', value: 72, components: [], flags: [], sortTime: TEST_NOW, stale: false, test: false },
  ...change,
});
const pressure = (key: 'art' | 'nibp', systolic: number | null, change: Partial<Candidate> = {}): Candidate =>
  row({ vital: key, value: null, components: [{ vital: `${key}_s`, value: systolic }], ...change });
/** The index of the preferred one, and why. */
const chosen = (...rows: Candidate[]): [number, string | null | undefined] => {
  const standings = standingsOf(rows);
  const preferred = standings.findIndex((one) => one.preferred);
  return [preferred, standings[preferred]?.because];
};

test('every key of the table of measurands is one of the parameter table, in one group, and a limit says where it is from', () => {
  verifies('LATEST-PREFERRED');
  const keys = MEASURANDS.flatMap(({ ranks }) => ranks.flat());
  assert.equal(new Set(keys).size, keys.length);
  for (const key of keys) assert.ok(vital(key) ?? panel(key), key);
  for (const { key, disagreement, ranks } of MEASURANDS) {
    if (!disagreement) continue;
    assert.match(disagreement.source, /ISO|IEC/, key);
    const units = ranks.flat().map((name) => vital(disagreement.part ? (panel(name)?.parts[disagreement.part] ?? '') : name)?.ucum);
    assert.equal(new Set(units).size, 1, `${key}: compared in one unit`);
    assert.notEqual(units[0], undefined);
  }
  // What measures other things of other places is in no group with anything.
  for (const key of ['spo2_pre', 'spo2_post', 'rr_vent', 'rr_spont', 't_skin', 't_airw', 'pap_s', 'cvp'])
    assert.equal(measurandOf(key).measurand.key, key);
  const panels = PANELS.map(({ key }) => key);
  assert.deepEqual(new Set(panels.map((key) => measurandOf(key).measurand.key)), new Set(['blood-pressure']));
  assert.deepEqual(Object.keys(IS_DOUBT).sort(), Object.keys(FLAGS).sort());
});

test('each rule decides where those before it are equal, and is named', () => {
  verifies('LATEST-PREFERRED');
  const good = row();
  const table: [string, Candidate, Candidate][] = [
    ['real', row({ stale: true }), row({ test: true, device: 'a' })],
    ['current', row({ flags: ['memory', 'motion'], vital: 'pr_nibp' }), row({ stale: true, device: 'a' })],
    ['live', row({ flags: ['motion'], vital: 'pr_nibp' }), row({ flags: ['memory'], device: 'a' })],
    ['sure', row({ vital: 'pr_nibp', sortTime: TEST_NOW - 1 }), row({ flags: ['motion'], device: 'a' })],
    ['sure', row({ vital: 'pr_nibp', sortTime: TEST_NOW - 1 }), row({ value: null, device: 'a' })],
    ['method', row({ sortTime: TEST_NOW - 1 }), row({ vital: 'pr_oxi', device: 'a' })],
    ['method', pressure('art', 120, { sortTime: TEST_NOW - 1 }), pressure('nibp', 120, { device: 'a' })],
    ['newest', row(), row({ sortTime: TEST_NOW - 1, device: 'a' })],
    ['device', row({ device: 'a' }), row({ device: 'b' })],
  ];
  for (const [why, better, worse] of table) {
    assert.deepEqual(chosen(better, worse), [0, why], why);
    assert.deepEqual(chosen(worse, better), [1, why], why);
  }
  assert.deepEqual(chosen(good), [0, 'only']);
  assert.deepEqual(chosen(good, row({ vital: 'spo2' })), [0, 'only'], 'another measurand is no rival');
});

const candidates = fc.uniqueArray(
  fc.record({
    vital: fc.constantFrom(...VITALS.map(({ key }) => key), 'art', 'nibp', 'nothing'),
    device: fc.constantFrom('a', 'b', 'c'),
    value: fc.option(fc.integer({ min: 0, max: 300 })),
    components: fc.constant([]),
    flags: fc.subarray(Object.keys(FLAGS) as Flag[], { maxLength: 3 }),
    sortTime: fc.integer({ min: TEST_NOW - 3, max: TEST_NOW }),
    stale: fc.boolean(),
    test: fc.boolean(),
  }),
  { selector: ({ vital: key, device }) => `${key} ${device}`, maxLength: 12 },
);

test('of each measurand exactly one is preferred, the same in whatever order the rows come', () => {
  verifies('LATEST-PREFERRED');
  fc.assert(
    fc.property(candidates, fc.integer(), (rows, seed) => {
      const standings = standingsOf(rows);
      const groups = new Set(rows.map((one) => measurandOf(one.vital).measurand.key));
      assert.equal(standings.filter(({ preferred }) => preferred).length, groups.size);
      const order = rows.map((_, i) => i).sort((a, b) => ((a * 7919 + seed) % 13) - ((b * 7919 + seed) % 13));
      const again = standingsOf(order.flatMap((i) => rows[i] ?? []));
      for (const [k, i] of order.entries()) assert.deepEqual(again[k], standings[i]);
    }),
    { numRuns: 300 },
  );
});

test('current values of one measurand that differ by more than the table allows are told, each with the other', () => {
  verifies('LATEST-DISAGREEMENT');
  const told = (...rows: Candidate[]) => standingsOf(rows).map(({ disagreement }) => disagreement && [disagreement.by, disagreement.limit]);
  const oxi = (value: number | null, change: Partial<Candidate> = {}): Candidate => row({ vital: 'pr_oxi', value, ...change });
  assert.deepEqual(told(row({ value: 40 }), oxi(50)), [null, null], 'the limit itself is allowed');
  assert.deepEqual(standingsOf([row({ value: 40 }), oxi(51, { device: 'oxi' })]), [
    {
      ...{ measurand: MEASURANDS[0], preferred: true, because: 'method' },
      disagreement: { with: { vital: 'pr_oxi', device: 'oxi' }, by: 11, limit: 10.2, unit: '/min' },
    },
    {
      ...{ measurand: MEASURANDS[0], preferred: false, because: null },
      disagreement: { with: { vital: 'hr', device: 'monitor-1' }, by: 11, limit: 10.2, unit: '/min' },
    },
  ]);
  assert.deepEqual(told(row({ value: 180 }), oxi(150)), [null, null], 'a fifth of what is measured');
  assert.deepEqual(told(pressure('art', 142), pressure('nibp', 120)), [
    [22, 21],
    [22, 21],
  ]);
  assert.deepEqual(told(pressure('art', 142), pressure('nibp', null)), [null, null], 'nothing to compare');
  for (const other of [{ stale: true }, { test: true }, { sortTime: TEST_NOW - COMPARED_WITHIN_MS - 1 }])
    assert.deepEqual(told(row({ value: 40 }), oxi(90, other)), [null, null], JSON.stringify(other));
  assert.deepEqual(
    told(row({ vital: 't_core', value: 38 }), row({ vital: 't_ax', value: 34 })),
    [null, null],
    'no limit is written for temperature, so none is claimed',
  );
  const three = standingsOf([row({ value: 60 }), oxi(80), row({ vital: 'pr_nibp', value: 120 })]);
  assert.deepEqual(
    three.map(({ disagreement }) => disagreement?.with.vital),
    ['pr_nibp', 'pr_nibp', 'hr'],
    'the one that differs most',
  );
});

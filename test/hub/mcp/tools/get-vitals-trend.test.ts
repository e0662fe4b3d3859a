import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_POLICY } from '../../../../hub/access/default-policy.ts';
import { trendSchema } from '../../../../hub/mcp/surface/trend/view.ts';
import { verifies } from '../../../requirements.ts';
import { TEST_NOW } from '../../../support/hub.ts';
import { WAYS } from '../support.ts';
import { answerOf, served } from './served.ts';

const MIN = 60_000;
const HOUR = 60 * MIN;
const PATIENT = 'pat-icu-01';

for (const way of WAYS) {
  test(`${way.revision}: a trend says what counts, what does not and why, where there is nothing, and how it lies to the period before`, async () => {
    verifies('MCP-TREND');
    await using site = await served();
    const at = (agoMs: number, value: number | null, more = {}) =>
      site.measure({ value, receivedAt: TEST_NOW - agoMs, effective: TEST_NOW - agoMs, ...more });
    await at(7 * HOUR, 60);
    await at(3 * HOUR - MIN, 80);
    await at(3 * HOUR - 2 * MIN, 90);
    await at(3 * HOUR - 3 * MIN, null, { absent: 'error', flags: ['sensor-off'] });
    await at(20 * MIN, 100, { device: 'monitor-2' });
    await using client = await site.client(way);

    const asked = { patient: PATIENT, vital: 'hr', hours: 4, points: 4, compare: 'previous' };
    const { data, text, links } = await answerOf(client, ['get_vitals_trend', asked], trendSchema);
    const [first, second] = data.series;
    assert.deepEqual([data.patient, data.vital, data.bed, data.from.slice(0, 16)], [PATIENT, 'hr', 'ICU-01', '2026-11-21T06:00']);
    assert.deepEqual(
      [first?.device, first?.unit, first?.summary.n, first?.summary.min, first?.summary.max, first?.summary.mean],
      ['monitor-1', '/min', 2, 80, 90, 85],
    );
    assert.deepEqual(first?.summary.excluded, { absent: 1 });
    assert.deepEqual([second?.device, second?.summary.n, second?.buckets[0]?.last], ['monitor-2', 1, 100]);
    assert.ok((first?.summary.coverage ?? 1) < 0.1 && (first?.summary.coverage ?? 0) > 0);
    assert.deepEqual(
      data.withoutData.map(({ from, to }) => [from.slice(11, 16), to?.slice(11, 16)]),
      [
        ['06:00', '07:00'],
        ['08:00', '09:00'],
      ],
    );
    assert.deepEqual(data.deviceChanges, [{ at: '2026-11-21T09:00:00.000+00:00', began: ['monitor-2'], ended: ['monitor-1'] }]);
    assert.deepEqual(
      data.comparison?.series.map(({ device, summary }) => [device, summary.n, summary.mean]),
      [['monitor-1', 1, 60]],
    );
    // Of the device that measured in one period alone nothing is compared.
    assert.deepEqual(data.comparison?.differences, [{ vital: 'hr', device: 'monitor-1', mean: 25, unit: '/min' }]);
    assert.match(text, /not counted: 1 absent/);
    assert.match(text, /NO DATA from 2026-11-21T06:00/);
    assert.match(text, /OTHER DEVICES from 2026-11-21T09:00/);
    assert.match(text, /Not an alarm system/);
    assert.deepEqual(links, [`vitals://patient/${PATIENT}/latest`]);
  });
}

const way = WAYS[0] ?? assert.fail();

test('without a reading a trend says that data are missing, and never that all is well', async () => {
  verifies('MCP-TREND');
  await using site = await served();
  await using client = await site.client(way);
  const { data, text } = await answerOf(client, ['get_vitals_trend', { patient: PATIENT, vital: 'spo2' }], trendSchema);
  assert.deepEqual([data.series, data.withoutData.length], [[], 1]);
  assert.match(text, /No reading counts in this period\. This is missing data, not a normal finding\./);
});

test('a key that is none, and a period that is none, are refused with what to do', async () => {
  verifies('MCP-TREND');
  await using site = await served();
  await using client = await site.client(way);
  const refused = async (args: object) => {
    const { isError, _meta, content } = await client.call('get_vitals_trend', { patient: PATIENT, vital: 'hr', ...args });
    return [isError, _meta?.['vitalmesh/code'], JSON.stringify(content).includes('describe_vital')];
  };
  assert.deepEqual(await refused({ vital: 'heart_rate' }), [true, 'MCP-VITAL', true]);
  for (const args of [
    { hours: 4, from: '2026-11-21T00:00:00Z' },
    { from: '2026-11-21T00:00:00' },
    { from: '2026-11-21T11:00:00Z' },
    { from: '2020-11-21T11:00:00Z' },
  ])
    assert.deepEqual(await refused(args), [true, 'MCP-PERIOD', false], JSON.stringify(args));
  assert.deepEqual((await refused({ patient: 'pat-icu-02x' }))[1], 'NOT-FOUND');
});

test('a trend that is too large loses its oldest stretches and says so; its summary stays whole', async () => {
  verifies('MCP-TREND', 'MCP-TOKENS');
  const limits = { software: { tokensPerCall: 2500 } };
  await using site = await served({ policy: () => ({ ...DEFAULT_POLICY, limits }) });
  for (let i = 0; i < 40; i += 1)
    await site.measure({ value: 60 + i, receivedAt: TEST_NOW - i * 10 * MIN, effective: TEST_NOW - i * 10 * MIN });
  await using client = await site.client(way);
  const asked = { patient: PATIENT, vital: 'hr', hours: 8, points: 96 };
  const { data, text } = await answerOf(client, ['get_vitals_trend', asked], trendSchema);
  assert.equal(data.truncated, true);
  assert.ok(JSON.stringify(data).length + text.length <= 4 * 2500);
  const [series] = data.series;
  assert.ok((series?.buckets.length ?? 0) > 2 && (series?.buckets.length ?? 99) < 39);
  assert.deepEqual([series?.summary.n, series?.buckets.at(-1)?.last], [39, 61]);
  assert.equal(series?.buckets[0]?.from, data.shownFrom);
  assert.match(text, /are left out; the summaries are of the whole period/);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { outsideSchema } from '../../../../hub/mcp/surface/tools/list-outside-limits-view.ts';
import { verifies } from '../../../requirements.ts';
import { TEST_NOW } from '../../../support/hub.ts';
import { overviewSite } from '../overview-site.ts';
import { WAYS } from '../support.ts';

for (const { revision, connect, service } of WAYS) {
  test(`${revision}: what cannot be told is said first, then what is outside, by the limits that were named`, async () => {
    verifies('MCP-OUTSIDE-LIMITS', 'MCP-BOTH-ERAS');
    await using site = await overviewSite();
    const effective = TEST_NOW - 4000;
    await site.measured(
      { vital: 'hr', value: 130, effective, limits: '50-140' },
      { vital: 'spo2', value: 97, device: 'oxi-1', effective },
      { vital: 'rr', value: 12, effective: TEST_NOW - 600_000 },
      { vital: 'hr', value: 40, bed: 'ICU-02', device: 'monitor-2', effective, flags: ['motion'] },
    );
    await using client = await connect(site.as('ai-monitor'), service);
    const ask = async (args: Record<string, unknown>) => {
      const { structuredContent, content, isError } = await client.call('list_outside_limits', args);
      assert.notEqual(isError, true, JSON.stringify(content));
      const [said] = content;
      return { data: outsideSchema.strict().parse(structuredContent), text: said?.type === 'text' ? said.text : '' };
    };
    const { data, text } = await ask({ limits: 'site', ward: 'icu' });
    assert.deepEqual(data.counts, { patients: 2, notEvaluable: 6, outside: 1, inside: 1 });
    assert.deepEqual(data.reasons, { none: 4, stale: 1, doubtful: 1 });
    assert.deepEqual([data.version, data.ward, data.truncated], ['limits-1', 'icu', false]);
    const [first, second] = data.patients;
    assert.deepEqual(first?.outside, [
      {
        vital: 'hr',
        value: 130,
        unit: '/min',
        low: 50,
        high: 120,
        at: '2026-11-21T09:59:56.000+00:00',
        ageSeconds: 4,
        device: 'monitor-1',
      },
    ]);
    assert.deepEqual([second?.patient, second?.outside, second?.inside], ['pat-icu-02', [], []]);
    assert.match(
      text,
      /^6 NOT EVALUABLE \(4 none, 1 stale, 1 doubtful\); 1 outside and 1 inside the ranges of the site \(version limits-1\), of 2 patients, as of 2026-11-21T10:00:00\.000\+00:00\./,
    );
    assert.match(
      text,
      /^- pat-icu-01 \(bed ICU-01\): Heart rate \(ECG\) 130 \/min, 4 s ago, OUTSIDE 50 to 120; 1 inside; not evaluable: nibp_s none, rr stale$/m,
    );

    const own = await ask({ limits: 'device', patient: 'pat-icu-01' });
    assert.deepEqual(own.data.counts, { patients: 1, notEvaluable: 2, outside: 0, inside: 1 });
    assert.deepEqual(own.data.reasons, { 'no-limit': 2 });
    assert.match(own.text, /^2 NOT EVALUABLE \(2 no-limit\); 0 outside and 1 inside the limits that the devices say they have/);

    const codes = [];
    for (const args of [
      { limits: 'site' },
      { limits: 'site', patient: 'pat-icu-01', ward: 'icu' },
      { limits: 'site', patient: 'pat-other-01' },
    ])
      codes.push((await client.call('list_outside_limits', args))._meta?.['vitalmesh/code']);
    assert.deepEqual(codes, ['MCP-GROUP', 'MCP-GROUP', 'NOT-FOUND']);
    assert.equal((await client.call('list_outside_limits', { patient: 'pat-icu-01' })).isError, true, 'limits must be named');
  });
}

test('of several devices of one vital sign, each value outside and each that cannot be told names its device', async () => {
  verifies('MCP-OUTSIDE-LIMITS', 'MCP-TEXT-BY-DEVICE');
  const { connect, service } = WAYS[1] ?? assert.fail();
  await using site = await overviewSite();
  const effective = TEST_NOW - 4000;
  await site.measured(
    { vital: 'hr', value: 150, effective, limits: '50-140' },
    { vital: 'hr', value: 70, device: 'monitor-8', effective: TEST_NOW - 600_000, limits: '50-140' },
    { vital: 'hr', value: 71, device: 'monitor-9', effective: TEST_NOW - 900_000, limits: '50-140' },
    { vital: 'spo2', value: 80, device: 'oxi-1', effective, limits: '90-100' },
  );
  await using client = await connect(site.as('ai-monitor'), service);
  const { content } = await client.call('list_outside_limits', { limits: 'device', patient: 'pat-icu-01' });
  const text = content.flatMap((part) => (part.type === 'text' ? [part.text] : [])).join('\n');
  assert.match(text, /Heart rate \(ECG\) \[device monitor-1\] 150 \/min, 4 s ago, OUTSIDE 50 to 140/);
  assert.match(text, /Oxygen saturation.* 80 %/);
  assert.doesNotMatch(text, /oxi-1/, 'one alone needs no name');
  assert.match(text, /hr \[device monitor-8\] stale/);
  assert.match(text, /hr \[device monitor-9\] stale/);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { outsideSchema } from '../../../../hub/mcp/surface/tools/list-outside-limits-view.ts';
import { latestSchema } from '../../../../hub/mcp/views.ts';
import { amend, carriedOut, undo } from '../../../contract/store-amend.ts';
import { verifies } from '../../../requirements.ts';
import { evidenceOf } from '../../../support/evidence.ts';
import { TEST_NOW } from '../../../support/hub.ts';
import { overviewSite } from '../overview-site.ts';
import { WAYS } from '../support.ts';

const MINUTE_MS = 60_000;

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

for (const { revision, connect, service } of WAYS) {
  test(`${revision}: of a value that an operator gave to somebody it is told, outside and inside, that a person did`, async () => {
    verifies('AMEND-TOLD', 'MCP-OUTSIDE-LIMITS', 'MCP-BOTH-ERAS');
    await using site = await overviewSite();
    const { store } = site.hub;
    const effective = TEST_NOW - 4000;
    await site.measured(
      { vital: 'hr', value: 130, effective, limits: '50-140' },
      { vital: 'spo2', value: 97, bed: 'ICU-02', device: 'oxi-2', effective },
    );
    const selection = { patient: 'pat-icu-01', vital: 'hr', from: TEST_NOW - MINUTE_MS, to: TEST_NOW };
    const id = await amend(store, { kind: 'reassign', to: 'pat-icu-02', selection, at: TEST_NOW - MINUTE_MS });
    await carriedOut(store);
    const ask = async (as: string, args: Record<string, unknown>) => {
      await using client = await connect(site.as(as), service);
      const { structuredContent, content, isError } = await client.call('list_outside_limits', args);
      assert.notEqual(isError, true, JSON.stringify(content));
      const { patients } = outsideSchema.strict().parse(structuredContent);
      const told = (where: 'outside' | 'inside') => patients.flatMap((one) => one[where].map(({ vital, byHand }) => ({ vital, byHand })));
      return { patients, outside: told('outside'), inside: told('inside'), text: JSON.stringify(content) };
    };
    const byHand = { kind: 'reassigned', since: '2026-11-21T09:59:00.000+00:00' };
    const ward = await ask('ai-monitor', { limits: 'site', ward: 'icu' });
    assert.deepEqual([ward.outside, ward.inside], [[{ vital: 'hr', byHand }], [{ vital: 'spo2', byHand: undefined }]]);
    assert.match(
      ward.text,
      /130 \/min, 4 s ago, OUTSIDE 50 to 120 \[given to this patient by hand since 2026-11-21T09:59:00\.000\+00:00\]; 1 inside/,
    );
    const kept = (await evidenceOf(store)).flatMap(({ detail }) => detail?.beside?.byHand ?? []);
    assert.deepEqual(
      kept.map(({ kind, at }) => ({ kind, at })),
      [{ kind: 'reassigned', at: TEST_NOW - MINUTE_MS }],
    );
    const own = await ask('ai-monitor', { limits: 'device', patient: 'pat-icu-02' });
    assert.deepEqual([own.outside, own.inside], [[], [{ vital: 'hr', byHand }]]);

    await using study = await connect(site.as('ai-study'), service);
    const { patients } = (await study.read('vitals://patients')) as { patients: { patient: string; vitals: string[] }[] };
    const masked = patients.find(({ vitals }) => vitals.includes('hr'))?.patient ?? assert.fail();
    const shown = await study.call('get_latest_vitals', { patient: masked });
    const known = latestSchema.parse(shown.structuredContent).vitals.find(({ vital }) => vital === 'hr')?.byHand;
    // Whoever is masked gets no limits of devices.
    const [first] = (await ask('ai-study', { limits: 'site', patient: masked })).outside;
    assert.deepEqual(first?.byHand, known);
    assert.doesNotMatch(known?.since ?? '2026-11', /2026-11/, 'its times are shifted');

    await undo(store, id);
    await carriedOut(store);
    const before = await ask('ai-monitor', { limits: 'site', ward: 'icu' });
    assert.deepEqual(before.outside, [{ vital: 'hr', byHand: undefined }]);
    assert.doesNotMatch(JSON.stringify(before), /by hand|reassigned/);
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

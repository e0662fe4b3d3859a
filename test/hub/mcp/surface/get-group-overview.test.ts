import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LatestView } from '../../../../hub/access/door.ts';
import { toolResult } from '../../../../hub/mcp/surface/answers.ts';
import { getGroupOverview } from '../../../../hub/mcp/surface/tools/get-group-overview.ts';
import {
  compactGroup,
  compactMember,
  costOf,
  groupOverviewSchema,
  MEMBER_TOKENS,
} from '../../../../hub/mcp/surface/tools/get-group-overview-view.ts';
import { groupText } from '../../../../hub/mcp/surface/tools/get-group-overview-wording.ts';
import { amend, carriedOut, undo } from '../../../contract/store-amend.ts';
import { verifies } from '../../../requirements.ts';
import { evidenceOf } from '../../../support/evidence.ts';
import { TEST_NOW } from '../../../support/hub.ts';
import { overviewSite } from '../overview-site.ts';
import { view, vital, WAYS } from '../support.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

for (const { revision, connect, service } of WAYS) {
  test(`${revision}: everybody of a panel, worst data first`, async () => {
    verifies('MCP-GROUP-OVERVIEW', 'MCP-BOTH-ERAS');
    await using site = await overviewSite();
    await site.measured(
      { vital: 'hr', value: 72, effective: TEST_NOW - 4000 },
      { vital: 'spo2', value: 97, device: 'oxi-1', effective: TEST_NOW - 4000 },
      { agent: 'gw-home', vital: 'weight', value: 80, device: 'scale-1', effective: TEST_NOW - 40 * HOUR_MS },
    );
    await using client = await connect(site.as('ai-monitor'), service);
    const { structuredContent, content, isError } = await client.call('get_group_overview', { panel: 'heart' });
    assert.notEqual(isError, true, JSON.stringify(content));
    const { panel, total, counts, patients, truncated } = groupOverviewSchema.strict().parse(structuredContent);
    assert.deepEqual([panel, total, counts, truncated], ['heart', 3, { 'no-data': 1, 'none-current': 1, current: 1 }, false]);
    const at = '2026-11-21T09:59:56.000+00:00';
    assert.deepEqual(patients, [
      { patient: 'pat-home-02', bed: null, quality: 'no-data', current: [] },
      {
        patient: 'pat-home-01',
        bed: null,
        quality: 'none-current',
        notLive: ['device-silent'],
        current: [],
        notCurrent: 1,
        missing: ['weight'],
      },
      {
        ...{ patient: 'pat-icu-01', bed: 'ICU-01', quality: 'current' },
        current: [
          { vital: 'spo2', value: 97, unit: '%', at, ageSeconds: 4 },
          { vital: 'hr', value: 72, unit: '/min', at, ageSeconds: 4 },
        ],
      },
    ]);
    const [said] = content;
    assert.equal(
      said?.type === 'text' && said.text,
      [
        'Panel heart, as of 2026-11-21T10:00:00.000+00:00: 3 patients by quality of their data, worst first: 1 NO DATA, 1 NOTHING CURRENT, 1 current. It does not say how they are.',
        '- pat-home-02: NO DATA',
        '- pat-home-01: NOTHING CURRENT; 1 not current',
        '- pat-icu-01 (ICU-01): current; spo2 97 % 4 s; hr 72 /min 4 s',
        'SANDBOX: nothing here was measured on a patient in care. Not an alarm system, not for diagnosis. Values are shown as the devices sent them; check age, flags and the patient before acting on them.',
      ].join('\n'),
    );

    const refusals = [{}, { ward: 'icu', panel: 'heart' }, { ward: 'none' }, { panel: 'heart', cursor: 'AAAA' }];
    const codes = [];
    for (const args of refusals) codes.push((await client.call('get_group_overview', args))._meta?.['vitalmesh/code']);
    assert.deepEqual(codes, ['MCP-GROUP', 'MCP-GROUP', 'NOT-FOUND', 'MCP-CURSOR']);

    await using nurse = await connect(site.as('ai-nurse'), service);
    const own = groupOverviewSchema.parse((await nurse.call('get_group_overview', { panel: 'heart' })).structuredContent);
    assert.deepEqual([own.total, own.patients.map(({ patient }) => patient)], [2, ['pat-home-01', 'pat-icu-01']]);
    await using study = await connect(site.as('ai-study'), service);
    assert.equal((await study.call('get_group_overview', { panel: 'heart' }))._meta?.['vitalmesh/code'], 'NOT-FOUND');
  });
}

const FLAGS = [
  'clock',
  'motion',
  'low-perfusion',
  'searching',
  'sensor-off',
  'out-of-range',
  'questionable',
  'unit-assumed',
  'demo',
  'identity-doubtful',
] as const;

/** As much of everything as one patient can have; of `current` rows, or none. */
function worst(i: number, stale: boolean): LatestView {
  const components = ['nibp_s', 'nibp_d', 'nibp_m'].map((key) => ({ vital: key, name: key, value: 123.456, unit: 'mm[Hg]', absent: null }));
  const row = (k: number) =>
    vital({
      ...{
        vital: 'nibp',
        value: null,
        components,
        unit: 'mm[Hg]',
        measurand: `measurand-${k}`,
        flags: [...FLAGS],
        stale,
        ageSeconds: 9_999_999,
      },
      disagreement: { with: { vital: 'cuff', device: 'x' }, by: 1, limit: 1, unit: 'mm[Hg]' },
      byHand: { kind: 'confirmed', since: '2026-11-21T10:59:56.000+01:00' },
      doubtful: { value: null, components, at: '2026-11-21T10:59:56.000+01:00', device: 'x', observation: 'x' },
      test: true,
    });
  const kinds = ['device', 'gateway', 'movements'] as const;
  return view(`${i}`.padStart(40, 'p'), {
    ...{ bed: '"🛏'.repeat(64), discharged: '2026-11-21T10:59:56.000+01:00', withheld: ['other'] },
    vitals: Array.from({ length: 100 }, (_, k) => row(k)),
    sources: kinds.flatMap((kind) => (['silent', 'lost', 'unknown'] as const).map((state) => ({ kind, id: null, state, since: null }))),
  });
}

test('of the worst patients there can be each costs at most 150 tokens of 4 bytes, and says how much is not shown', () => {
  verifies('MCP-GROUP-OVERVIEW');
  const group = { ward: 'icu' };
  const of = (count: number) =>
    Array.from({ length: count }, (_, i) => ({ quality: 'place-unknown' as const, latest: worst(i, i % 2 === 0) }));
  const bytes = (count: number): number => {
    const data = groupOverviewSchema
      .strict()
      .parse(compactGroup(group, of(count), { shown: of(count).map((one) => compactMember(one, {})) }));
    return Buffer.byteLength(JSON.stringify(toolResult({ text: groupText(data), data })));
  };
  assert.ok(bytes(51) - bytes(1) <= 50 * MEMBER_TOKENS * 4, `${(bytes(51) - bytes(1)) / 50} bytes a patient`);
  for (const { quality, latest } of of(2)) {
    const made = compactMember({ quality, latest }, {});
    assert.ok(costOf(made) <= MEMBER_TOKENS * 4, `${costOf(made)}`);
    assert.equal(made.current.length + (made.moreCurrent ?? 0) + (made.notCurrent ?? 0), 100);
    assert.match(made.bed ?? '', /^("🛏)+"?…$/u);
  }
});

test('an ordinary patient of a ward has the vital signs that are asked for first, before what is set', () => {
  verifies('MCP-GROUP-OVERVIEW');
  const keys = [
    ['spo2', 'oxygen-saturation'],
    ['hr', 'heart-rate'],
    ['rr', 'respiratory-rate'],
    ['temp', 'temperature'],
    ['fio2_set', 'fio2_set'],
    ['ppeak', 'ppeak'],
  ];
  const vitals = keys.map(([key = '', measurand = '']) => vital({ vital: key, measurand })).reverse();
  const { current } = compactMember({ quality: 'current', latest: view('p-7k2m9x4q', { vitals }) }, {});
  assert.deepEqual(
    current.slice(0, 4).map(({ vital: key }) => key),
    ['spo2', 'hr', 'rr', 'temp'],
  );
});

for (const { revision, connect, service } of WAYS) {
  test(`${revision}: a current value that a person gave to somebody says so in the row and in words, until that is undone`, async () => {
    verifies('AMEND-TOLD', 'MCP-GROUP-OVERVIEW', 'MCP-BOTH-ERAS');
    await using site = await overviewSite();
    const { store } = site.hub;
    await site.measured(
      { vital: 'weight', value: 80, device: 'scale-1', effective: TEST_NOW - 9 * MINUTE_MS },
      { vital: 'hr', value: 70, bed: 'ICU-02', device: 'monitor-2', effective: TEST_NOW - 4000 },
    );
    const selection = { patient: 'pat-icu-01', vital: 'weight', from: TEST_NOW - 10 * MINUTE_MS, to: TEST_NOW };
    const id = await amend(store, { kind: 'reassign', to: 'pat-icu-02', selection, at: TEST_NOW - MINUTE_MS });
    await carriedOut(store);
    await using client = await connect(site.as('ai-monitor'), service);
    const told = async () => {
      const { structuredContent, content } = await client.call('get_group_overview', { ward: 'icu' });
      const { patients } = groupOverviewSchema.strict().parse(structuredContent);
      const rows = patients.flatMap(({ patient, current }) => current.map(({ vital: key, byHand }) => ({ patient, vital: key, byHand })));
      return { rows, text: JSON.stringify(content) };
    };
    const given = await told();
    const byHand = { kind: 'reassigned', since: '2026-11-21T09:59:00.000+00:00' };
    assert.deepEqual(given.rows, [
      { patient: 'pat-icu-02', vital: 'hr', byHand: undefined },
      { patient: 'pat-icu-02', vital: 'weight', byHand },
    ]);
    assert.match(given.text, /; hr 70 \/min 4 s; weight 80 kg 9 min \[given to this patient by hand\]/);
    const kept = (await evidenceOf(store)).flatMap(({ detail }) => detail?.beside?.byHand ?? []);
    assert.deepEqual(
      kept.map(({ kind, at }) => ({ kind, at })),
      [{ kind: 'reassigned', at: TEST_NOW - MINUTE_MS }],
    );

    await undo(store, id);
    await carriedOut(store);
    assert.doesNotMatch(JSON.stringify(await told()), /by hand|reassigned/);
  });
}

test('of values that a person confirmed as many are shown as find room with that, and none of them without', () => {
  verifies('AMEND-TOLD', 'MCP-GROUP-OVERVIEW');
  const byHand = { kind: 'confirmed' as const, since: '2026-11-21T10:59:56.000+01:00' };
  const vitals = ['weight', 'hr', 'spo2', 'rr', 'temp'].map((key) => vital({ vital: key, measurand: key, byHand }));
  const made = compactMember({ quality: 'current', latest: view('p-7k2m9x4q', { vitals }) }, {});
  assert.ok(costOf(made) <= MEMBER_TOKENS * 4, `${costOf(made)}`);
  assert.ok(made.current.length > 1);
  assert.equal(made.current.length + (made.moreCurrent ?? 0), vitals.length);
  for (const row of made.current) assert.deepEqual(row.byHand, byHand);
});

test('pages go on with whoever was not shown yet, the worst first, also when somebody got worse meanwhile', async () => {
  verifies('MCP-GROUP-OVERVIEW');
  await using site = await overviewSite();
  await site.measured(
    { vital: 'hr', value: 72, effective: TEST_NOW - 4000 },
    { agent: 'gw-home', vital: 'weight', value: 80, device: 'scale-1', effective: TEST_NOW - HOUR_MS },
  );
  const page = async (cursor?: string) => {
    const call = {
      ...{ door: site.hub.door, caller: site.named('ai-monitor'), context: { channel: 'mcp-2026' }, limits: { page: 1 } },
      ...{ signal: new AbortController().signal, progress: async () => undefined },
      fit: <T>(rows: number, make: (rows: number) => T) => make(rows),
    } as unknown as Parameters<typeof getGroupOverview.call>[1];
    const { data } = await getGroupOverview.call({ panel: 'heart', ...(cursor !== undefined && { cursor }) }, call);
    const { patients, nextCursor, truncated, total } = groupOverviewSchema.strict().parse(data);
    assert.deepEqual([patients.length, truncated, total], [1, nextCursor !== undefined, 3]);
    return { shown: patients.map(({ patient, quality }) => [patient, quality]), nextCursor };
  };
  const first = await page();
  assert.deepEqual(first.shown, [['pat-home-02', 'no-data']]);
  // Both others were current; by now the one of the bed is not.
  site.clock.advance(HOUR_MS);
  const second = await page(first.nextCursor);
  assert.deepEqual(second.shown, [['pat-icu-01', 'none-current']]);
  const third = await page(second.nextCursor);
  assert.deepEqual([third.shown, third.nextCursor], [[['pat-home-01', 'current']], undefined]);
});

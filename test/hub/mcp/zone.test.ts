import assert from 'node:assert/strict';
import { test } from 'node:test';
import { replayed } from '../../../hub/audit/replay.ts';
import { ownZoneOf } from '../../../hub/clinical/due/expected.ts';
import { expectedSchema } from '../../../hub/clinical/due/schema.ts';
import { BUILT_IN } from '../../../hub/clinical/limits/limits.ts';
import { groupOverviewSchema } from '../../../hub/mcp/surface/tools/get-group-overview-view.ts';
import { overviewSchema } from '../../../hub/mcp/surface/tools/get-patient-overview-view.ts';
import { outsideSchema } from '../../../hub/mcp/surface/tools/list-outside-limits-view.ts';
import { trendSchema } from '../../../hub/mcp/surface/trend/view.ts';
import { latestSchema } from '../../../hub/mcp/views.ts';
import { verifies } from '../../requirements.ts';
import { gathered } from '../../support/hub.ts';
import { overviewSite } from './overview-site.ts';
import { WAYS } from './support.ts';
import { answerOf } from './tools/served.ts';

const HOME = 'America/New_York';
const zones = { 'pat-home-01': HOME };

for (const way of WAYS) {
  test(`${way.revision}: every answer names the zone of its times, and of a group each row its own where that is another`, async () => {
    verifies('MCP-ZONE');
    await using site = await overviewSite({ zones });
    await site.measured({ vital: 'hr', value: 71 }, { agent: 'gw-home', vital: 'spo2', value: 96 });
    await using client = await way.connect(site.as('ai-monitor'), way.service);
    const latest = latestSchema.parse(await client.read('vitals://patient/pat-home-01/latest'));
    assert.deepEqual([latest.zone, latest.asOf.slice(-6)], [HOME, '-05:00']);
    assert.equal(latestSchema.parse(await client.read('vitals://patient/pat-icu-01/latest')).zone, 'UTC');
    for (const what of ['alerts', 'gaps']) assert.equal((await client.read(`vitals://patient/pat-home-01/${what}`)).zone, HOME, what);
    const { data: overview } = await answerOf(client, ['get_patient_overview', { patient: 'pat-home-01' }], overviewSchema);
    assert.equal(overview.zone, HOME);
    const week = { patient: 'pat-home-01', vital: 'spo2', hours: 168, points: 7 };
    const { data: trend } = await answerOf(client, ['get_vitals_trend', week], trendSchema);
    assert.equal(trend.zone, HOME);
    for (const { from } of trend.series.flatMap(({ buckets }) => buckets))
      assert.match(from, /T00:00:00\.000-05:00$/, 'days are those of the home');
    const { data: group } = await answerOf(client, ['get_group_overview', { panel: 'heart' }], groupOverviewSchema);
    const { data: outside } = await answerOf(client, ['list_outside_limits', { panel: 'heart', limits: 'site' }], outsideSchema);
    for (const { zone, patients } of [group, outside]) {
      const own = new Map(patients.map((one) => [one.patient, one.zone ?? zone]));
      assert.deepEqual([own.get('pat-home-01'), own.get('pat-icu-01')], [HOME, 'UTC']);
      assert.ok(
        patients.some((one) => one.zone === undefined),
        'a zone that is that of the whole stands once',
      );
    }
    await using masked = await way.connect(site.as('ai-study'), way.service);
    const { patients } = (await masked.read('vitals://patients')) as { patients: { uri: string }[] };
    for (const { uri } of patients) assert.doesNotMatch(JSON.stringify(await masked.read(uri)), /New_York|"zone"|-05:00/);
  });
}

test('what was shown in the zone of a home is made again in it, whatever the site says by then', async () => {
  verifies('MCP-ZONE', 'AUDIT-REPLAY-SHAPES');
  await using site = await overviewSite({ zones });
  await site.measured({ agent: 'gw-home', vital: 'spo2', value: 96 });
  const { hub } = site;
  const context = { channel: 'mcp-2026' } as const;
  await hub.door.latest(site.named('ai-monitor'), 'pat-home-01', context);
  await hub.door.latest(site.named('ai-monitor'), 'pat-icu-01', context);
  const surroundings = { limits: () => ({ of: BUILT_IN, version: 'limits-1' }) };
  const records = hub.store.evidence('clinic', {});
  const operator = { id: 'local:0', tenant: 'clinic', kind: 'operator', role: 'operator', patients: 'all' } as const;
  const steps = await gathered(
    replayed(records, { ...hub, zone: 'UTC', surroundings }, { principal: operator, context: { channel: 'operator' } }),
  );
  assert.deepEqual(
    steps.filter(({ action }) => action === 'vitals.read').map(({ patient, rebuilt }) => [patient, rebuilt]),
    [
      ['pat-home-01', 'same'],
      ['pat-icu-01', 'same'],
    ],
  );
});

test('a home has the zone that the site names, and no other', () => {
  verifies('MCP-ZONE');
  const file = expectedSchema.parse({ version: 'v', zones });
  assert.deepEqual(
    [ownZoneOf(file, 'pat-home-01'), ownZoneOf(file, 'pat-home-02'), ownZoneOf(file, 'toString')],
    [HOME, undefined, undefined],
  );
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findSchema } from '../../../../hub/mcp/surface/tools/find-patients-view.ts';
import { groupOverviewSchema } from '../../../../hub/mcp/surface/tools/get-group-overview-view.ts';
import { outsideSchema } from '../../../../hub/mcp/surface/tools/list-outside-limits-view.ts';
import { worklistSchema } from '../../../../hub/mcp/surface/worklist/view.ts';
import { verifies } from '../../../requirements.ts';
import { FOLLOWING_REGISTRY, idOf, tell } from '../../../support/following.ts';
import { overviewSite } from '../overview-site.ts';
import { WAYS } from '../support.ts';

const REGISTRY = `${FOLLOWING_REGISTRY}
  - { identity: ai-icu, tenant: clinic, kind: person, role: clinician, wards: [icu] }
  - { identity: ai-step, tenant: clinic, kind: person, role: clinician, wards: [step] }
  - { identity: ai-panel, tenant: clinic, kind: person, role: clinician, panels: [heart] }
  - { identity: ai-study, tenant: clinic, kind: software, role: researcher, patients: all, purpose: HRESCH }
wards: { icu: { tenant: clinic, beds: [ICU-01, ICU-02] }, step: { tenant: clinic, beds: [ICU-03] } }
panels: { heart: { tenant: clinic, patients: [pat-home-01] } }
`;
const MORE = '2 MORE MAY LIE IN THIS WARD, place not known: ask at the bed.';
type Content = { type: string; text?: string };
const textOf = ([said]: readonly unknown[]): string => (said as Content).text ?? '';

/** The clinic, in which Ann and Bob are both said to lie in ICU-02. */
async function conflict() {
  const site = await overviewSite({ registry: REGISTRY });
  await tell(site.hub, 1, -40, 'A01', { who: 'ann', bed: 'ICU-02', visit: 'v1' });
  await tell(site.hub, 2, -30, 'A01', { who: 'bob', bed: 'ICU-02', visit: 'v2' });
  return { site, ids: [await idOf(site.hub, 'ann'), await idOf(site.hub, 'bob')].sort() };
}

for (const { revision, connect, service } of WAYS) {
  test(`${revision}: whose right is the ward is told how many may lie there in list, group, resource and prompt, and never who`, async () => {
    verifies('UNSURE-LISTED', 'MCP-BOTH-ERAS');
    const { site, ids } = await conflict();
    await using _ = site;
    await using client = await connect(site.as('ai-icu'), service);
    const found = await client.call('find_patients', {});
    const { total, placeNotKnown } = findSchema.strict().parse(found.structuredContent);
    assert.deepEqual([total, placeNotKnown], [0, 2]);
    const group = await client.call('get_group_overview', { ward: 'icu' });
    const overview = groupOverviewSchema.strict().parse(group.structuredContent);
    assert.deepEqual([overview.total, overview.placeNotKnown, overview.patients], [0, 2, []]);
    assert.ok(overview.asOf.startsWith('2026-11-21T10:00:00') && overview.notice.length > 0);
    const outside = await client.call('list_outside_limits', { limits: 'site', ward: 'icu' });
    assert.equal(outsideSchema.strict().parse(outside.structuredContent).placeNotKnown, 2);
    const worklist = await client.call('get_worklist', { ward: 'icu' });
    const open = worklistSchema.strict().parse(worklist.structuredContent);
    assert.deepEqual([open.total, open.placeNotKnown, open.patients], [0, 2, []]);
    assert.ok(open.asOf.startsWith('2026-11-21T10:00:00'));
    for (const { content } of [group, outside, worklist]) assert.ok(textOf(content).split('\n')[0]?.includes(MORE), textOf(content));
    assert.ok(textOf(found.content).split('\n')[0]?.includes('2 MORE MAY LIE IN THE WARDS OF THIS CALLER'), textOf(found.content));
    const list = await client.read('vitals://patients');
    const ward = await client.read('vitals://ward/icu/latest');
    assert.deepEqual([list.placeNotKnown, list.patients, ward.placeNotKnown, ward.patientsTotal], [2, [], 2, 0]);
    for (const name of ['handover', 'ward_round']) {
      const { messages } = await client.prompt(name, { ward: 'icu' });
      assert.ok(JSON.stringify(messages).includes('placeNotKnown'), `${name} embeds the ward`);
    }
    const told = JSON.stringify([found, group, outside, worklist, list, ward]);
    for (const id of ids) assert.ok(!told.includes(id), 'who it is is not told');

    const other = await client.call('get_group_overview', { ward: 'step' });
    assert.equal(other._meta?.['vitalmesh/code'], 'NOT-FOUND', 'of no other ward');
  });

  test(`${revision}: who may see them finds them in each list, as in no bed for sure`, async () => {
    verifies('UNSURE-LISTED', 'MCP-FIND-NO-GUESS', 'MCP-BOTH-ERAS');
    const { site, ids } = await conflict();
    await using _ = site;
    await using client = await connect(site.as('ai-monitor'), service);
    const find = async (args: Record<string, unknown>) => {
      const { structuredContent, content } = await client.call('find_patients', args);
      const { match, patients, placeNotKnown } = findSchema.strict().parse(structuredContent);
      assert.equal(placeNotKnown, undefined, textOf(content));
      return [match, ...patients.filter(({ unplaced }) => unplaced).map(({ patient, bed }) => [patient, bed])];
    };
    const both = ids.map((id) => [id, null]);
    assert.deepEqual(await find({ id: ids[0] }), ['exact', [ids[0], null]]);
    assert.deepEqual(await find({ ward: 'icu' }), ['group', ...both]);
    assert.deepEqual(await find({ bed: 'ICU-02' }), ['candidates', ...both], 'a bed in which somebody may lie is not exactly theirs');
    const { total, counts, patients, placeNotKnown } = groupOverviewSchema
      .strict()
      .parse((await client.call('get_group_overview', { ward: 'icu' })).structuredContent);
    assert.deepEqual([total, counts, placeNotKnown], [2, { 'place-unknown': 2 }, undefined]);
    assert.deepEqual(patients.map(({ patient }) => patient).sort(), ids);
    const list = (await client.read('vitals://patients')) as { patients: { patient: string; unplaced?: true }[] };
    assert.deepEqual(
      list.patients.filter(({ unplaced }) => unplaced).map(({ patient }) => patient),
      ids,
    );
  });
}

test('who has no right to the ward, or is masked, is told no number either, and it ends once somebody lies there for sure', async () => {
  verifies('UNSURE-LISTED');
  const { site } = await conflict();
  await using _ = site;
  const { door } = site.hub;
  const counts = (ward?: string) =>
    ['ai-icu', 'ai-step', 'ai-panel', 'ai-study', 'ai-monitor'].map((who) => door.placeNotKnown(site.named(who), ward));
  assert.deepEqual(counts(), [2, 0, 0, 0, 0]);
  assert.deepEqual(counts('icu'), [2, 0, 0, 0, 0]);
  assert.deepEqual(counts('step'), [0, 0, 0, 0, 0]);
  assert.deepEqual(
    ['ai-icu', 'ai-step', 'ai-study', 'ai-monitor'].map((who) => door.maySeeAnyOf(site.named(who), { ward: 'icu' })),
    [true, false, false, true],
    'a ward can be followed in which nobody lies for sure',
  );
  await tell(site.hub, 3, -20, 'A03', { who: 'ann', priorBed: 'ICU-02', visit: 'v1' });
  assert.deepEqual(counts('icu'), [0, 0, 0, 0, 0]);
  const [bob] = await door.listPatients(site.named('ai-icu'), { channel: 'mcp-2026' });
  assert.equal(bob?.bed, 'ICU-02');
});

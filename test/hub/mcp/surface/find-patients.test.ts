import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ListedPatient } from '../../../../hub/clinical/overview/find.ts';
import { compactFound, findSchema } from '../../../../hub/mcp/surface/tools/find-patients-view.ts';
import { foundText } from '../../../../hub/mcp/surface/tools/find-patients-wording.ts';
import { decodeCursor } from '../../../../hub/mcp/views.ts';
import { verifies } from '../../../requirements.ts';
import { TEST_REGISTRY } from '../../../support/hub.ts';
import { overviewSite } from '../overview-site.ts';
import { NOW, startEndpoint, WAYS } from '../support.ts';

const NOTICE =
  'Not an alarm system, not for diagnosis. Values are shown as the devices sent them; check age, flags and the patient before acting on them.';

function row(patient: string, more: Partial<ListedPatient> = {}): ListedPatient {
  return { patient, bed: null, lastStoredAt: null, vitals: [], panels: [], ...more };
}

const ALL = [
  row('pat-0002'),
  row('pat-0001', { bed: 'ICU-1', ward: 'icu', lastStoredAt: NOW - 4000, vitals: ['hr', 'spo2'] }),
  row('pat-0003', { unplaced: true }),
  row('pat-0004', { discharged: true, panels: ['heart'] }),
];
const FRAME = { now: NOW, page: 100, after: '', notice: NOTICE };

function said(search: Parameters<typeof compactFound>[1], all = ALL) {
  return foundText(findSchema.strict().parse(compactFound(all, search, FRAME)));
}

test('the words say how sure it is before they say who, and never take somebody without a bed for somebody at home', () => {
  verifies('MCP-FIND-NO-GUESS');
  const lines = {
    one: '- pat-0001 (bed ICU-1): 2 vital signs on record, last data 4 s ago',
    two: '- pat-0002 (at home): no data yet',
    three: '- pat-0003 (bed not known for sure): no data yet',
    four: '- pat-0004 (discharged): no data yet',
  };
  assert.equal(said({}), ['4 patients.', lines.one, lines.two, lines.three, lines.four, NOTICE].join('\n'));
  assert.equal(said({ bed: 'ICU-1' }), ['1 patient is exactly who was named.', lines.one, NOTICE].join('\n'));
  assert.equal(
    said({ bed: 'ICU' }),
    ['NOT SURE: 1 patient may be meant, and none is for certain. Ask which one; do not choose.', lines.one, NOTICE].join('\n'),
  );
  assert.equal(said({ panel: 'heart' }), ['1 patient of this group whom this caller may see.', lines.four, NOTICE].join('\n'));
  assert.equal(
    said({ bed: 'ICU-2' }),
    `Nobody whom this caller may see matches. That does not say that a bed is empty or that somebody is not here.\n${NOTICE}`,
  );
  assert.equal(said({}, []), `There is no patient this caller may see.\n${NOTICE}`);
});

test('whoever is masked is told so where nobody is found, too', () => {
  verifies('MCP-FIND-NO-GUESS');
  const masked = [row('masked-1', { masked: 'deidentified' })];
  assert.match(said({ bed: 'ICU-1' }, masked), /^Nobody .*\nDEIDENTIFIED: /);
  assert.equal(compactFound(masked, { bed: 'ICU-1' }, FRAME).asOf, '2026');
});

test('a search is paged like a list: sorted, complete, without repeats', () => {
  verifies('MCP-FIND-NO-GUESS');
  const all = Array.from({ length: 23 }, (_, i) => row(`pat-${(i * 7) % 23}`, { ward: i % 2 === 0 ? 'icu' : 'west' }));
  const seen: string[] = [];
  let after: string | undefined = '';
  while (after !== undefined) {
    const { patients, found, total, truncated, nextCursor } = compactFound(all, { ward: 'icu' }, { ...FRAME, page: 5, after });
    assert.deepEqual([found, total, truncated], [12, 23, nextCursor !== undefined]);
    seen.push(...patients.map(({ patient }) => patient));
    after = nextCursor === undefined ? undefined : decodeCursor(nextCursor);
  }
  const icu = all.filter(({ ward }) => ward === 'icu').map(({ patient }) => patient);
  assert.deepEqual(seen, icu.sort());
});

for (const { revision, connect, service } of WAYS) {
  test(`${revision}: finds, pages and refuses a cursor of elsewhere`, async () => {
    verifies('MCP-FIND-NO-GUESS', 'MCP-BOTH-ERAS');
    await using endpoint = await startEndpoint({ limits: { page: 1 } });
    await using client = await connect(endpoint.as('ai-all'), service);
    const call = async (args: Record<string, unknown>) => {
      const { structuredContent } = await client.call('find_patients', args);
      return findSchema.strict().parse(structuredContent);
    };
    const first = await call({});
    assert.deepEqual([first.match, first.found, first.patients[0]?.patient, first.truncated], ['all', 2, 'pat-0001', true]);
    const second = await call({ cursor: first.nextCursor });
    assert.deepEqual([second.patients[0]?.patient, second.truncated, second.nextCursor], ['pat-0002', false, undefined]);
    const exact = await call({ id: 'pat-0002' });
    assert.deepEqual([exact.match, exact.patients[0]?.uri], ['exact', 'vitals://patient/pat-0002/latest']);
    const refused = await client.call('find_patients', { cursor: 'AAAA' });
    assert.deepEqual([refused.isError, refused._meta?.['vitalmesh/code']], [true, 'MCP-CURSOR']);
    assert.equal((await client.call('find_patients', { bed: '' })).isError, true);
  });
}

for (const { revision, connect, service } of WAYS) {
  test(`${revision}: a list of patients says of a sandbox that it is one, found or read, and of no other tenant`, async () => {
    verifies('TEST-NOT-LIVE', 'MCP-BOTH-ERAS');
    const inProduction = TEST_REGISTRY.replace('tenants: { clinic: { kind: sandbox } }', '');
    for (const [registry, says] of [
      [TEST_REGISTRY, true],
      [inProduction, false],
    ] as const) {
      await using site = await overviewSite({ registry });
      await using client = await connect(site.as('ai-monitor'), service);
      const { content, structuredContent } = await client.call('find_patients', {});
      const found = findSchema.strict().parse(structuredContent);
      const { notice } = await client.read('vitals://patients');
      const nobody = await client.call('find_patients', { bed: 'nowhere' });
      for (const text of [found.notice, notice, JSON.stringify(content), JSON.stringify(nobody.content)])
        assert.equal(String(text).includes('SANDBOX'), says, String(text));
      assert.equal(notice, found.notice);
    }
  });
}

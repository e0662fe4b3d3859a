import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Principal, WITHHOLDABLE } from '../../../hub/access/access.ts';
import { inScope, withheldFrom } from '../../../hub/access/decide.ts';
import type { CallContext } from '../../../hub/access/door.ts';
import { parseScopes } from '../../../hub/access/tokens/scopes.ts';
import { stepOf } from '../../../hub/audit/replay.ts';
import { NO_SURROUNDINGS } from '../../../hub/clinical/surroundings.ts';
import { compactFound } from '../../../hub/mcp/surface/tools/find-patients-view.ts';
import { foundText } from '../../../hub/mcp/surface/tools/find-patients-wording.ts';
import { compactLatest, compactPatients, latestSchema, patientsSchema } from '../../../hub/mcp/views.ts';
import { latestText } from '../../../hub/mcp/wording.ts';
import { PANELS, VITALS } from '../../../shared/vitals.ts';
import { verifies } from '../../requirements.ts';
import { evidenceOf, evidenceRecord } from '../../support/evidence.ts';
import { sampleBundle, sampleObservation, TEST_NOW, testHub } from '../../support/hub.ts';

const MCP: CallContext = { channel: 'mcp-2026' };

/** A hub with vital signs of one patient, and whoever reads them with a token. */
async function charted(vitals: readonly string[] = ['hr', 'spo2']) {
  const hub = testHub();
  for (const [seq, vital] of vitals.entries()) {
    await hub.ingest.batch('gw-icu', sampleBundle([sampleObservation({ seq: seq + 1, vital, value: 90 })]));
  }
  const monitor = hub.registry.principal('ai-monitor') ?? assert.fail();
  const withToken = (...scopes: string[]): Principal => ({ ...monitor, scopes: parseScopes(scopes) });
  const read = async (who: Principal) => {
    const latest = latestSchema.strict().parse(compactLatest(await hub.door.latest(who, 'pat-icu-01', MCP)));
    const rows = await hub.door.listPatients(who, MCP);
    const patients = patientsSchema.strict().parse(compactPatients(rows, TEST_NOW, 100));
    const found = compactFound(
      rows.map((one) => ({ ...one, panels: [] })),
      {},
      { now: TEST_NOW, page: 100, after: '', notice: '' },
    );
    const row = patients.patients.find(({ patient }) => patient === 'pat-icu-01') ?? assert.fail();
    return { latest, patients, row, said: latestText(latest), listed: foundText(found) };
  };
  return { hub, monitor, withToken, read, [Symbol.asyncDispose]: () => hub.close() };
}

test('a full chart does not look empty to a token that hides it: what is hidden is said, and nothing of when it came', async () => {
  verifies('TOKEN-WITHHELD', 'TOKEN-SCOPES');
  await using site = await charted();
  const { latest, patients, row, said, listed } = await site.read(site.withToken('user/Observation.rs?category=laboratory'));
  const hidden = ['vital-signs', 'activity', 'exam', 'procedure', 'other'];
  assert.deepEqual([latest.vitals, latest.withheld, patients.withheld], [[], hidden, hidden]);
  assert.deepEqual([row.vitals, row.lastDataAt, row.ageSeconds], [[], null, null]);
  assert.match(
    said,
    /^Scope: your access token does not cover vital signs, .*, whether or not there are any\. This says nothing about the patient\.$/m,
  );
  assert.match(
    listed,
    /^Scope: your access token does not cover vital signs, .*, whether or not there are any\. This says nothing about the patients\.$/m,
  );
  assert.match(listed, /^- pat-icu-01 \(bed ICU-01\): nothing that your access token covers$/m);
  for (const words of [said, listed]) assert.doesNotMatch(words, /on record|no data yet|No vital signs|missing data|ago/);
});

test('a token that hides a part: what it covers is shown with its age, which is never that of what is hidden', async () => {
  verifies('TOKEN-WITHHELD');
  await using whole = await charted();
  const vitals = 'user/Observation.rs?category=vital-signs';
  const seen = await whole.read(whole.withToken(vitals));
  assert.deepEqual(seen.latest.withheld, ['laboratory', 'activity', 'exam', 'procedure', 'other']);
  assert.deepEqual([seen.row.vitals, seen.row.lastDataAt === null], [['hr', 'spo2'], false]);
  assert.match(seen.listed, /^- pat-icu-01 .*: 2 shown that your access token covers, last data \d+ s ago$/m);
  await using mixed = await charted(['hr', 'glu']);
  const part = await mixed.read(mixed.withToken(vitals));
  assert.deepEqual([part.row.vitals, part.row.lastDataAt, part.row.ageSeconds], [['hr'], null, null]);
  assert.match(part.listed, /^- pat-icu-01 .*: 1 shown that your access token covers$/m);
  assert.doesNotMatch(JSON.stringify(part), /glu/);
});

test('a token that covers vital signs is told that there are none, beside its scope, which is the same whatever there is', async () => {
  verifies('TOKEN-WITHHELD');
  await using empty = await charted([]);
  await using full = await charted(['hr', 'glu']);
  const [none, some] = await Promise.all(
    [empty, full].map((site) => site.read(site.withToken('user/Observation.rs?category=vital-signs'))),
  );
  assert.match(none?.said ?? '', /^No vital signs are on record\. This is missing data, not a normal finding\.$/m);
  const scopeOf = (said = ''): string | undefined => said.split('\n').find((line) => line.startsWith('Scope: '));
  assert.equal(scopeOf(none?.said), scopeOf(some?.said));
  assert.match(scopeOf(none?.said) ?? '', /does not cover laboratory values/);
});

test('a token for everything, and none, hide nothing and say so of nothing', async () => {
  verifies('TOKEN-WITHHELD');
  await using site = await charted();
  for (const who of [site.monitor, site.withToken('user/Observation.rs')]) {
    const { latest, patients, listed } = await site.read(who);
    assert.deepEqual([latest.withheld, patients.withheld], [undefined, undefined]);
    assert.match(listed, /^- pat-icu-01 .*: 2 vital signs on record, last data \d+ s ago$/m);
  }
  await using empty = await charted([]);
  assert.match((await empty.read(empty.monitor)).said, /No vital signs are on record/);
});

test('what is said to be hidden is what is hidden, of every row of the table and every panel', () => {
  verifies('TOKEN-WITHHELD');
  const categories = WITHHOLDABLE.filter((name) => name !== 'other');
  for (const category of categories) {
    const who: Principal = {
      ...{ id: 'a', tenant: 'clinic', kind: 'person', role: 'clinician', patients: 'all' },
      scopes: parseScopes([`user/Observation.rs?category=${category}`]),
    };
    const withheld = withheldFrom(who, 'vitals.read');
    const rows = [...VITALS.map((row) => [row.key, row.category] as const), ...PANELS.map(({ key }) => [key, 'vital-signs'] as const)];
    for (const [key, of] of rows) assert.equal(inScope(who, 'vitals.read', key), !withheld.includes(of), `${key} by ${category}`);
    assert.equal(inScope(who, 'vitals.read', 'unheard-of'), !withheld.includes('other'));
  }
});

test('the evidence says what a token kept back, and the view is proven with it', async () => {
  verifies('TOKEN-WITHHELD', 'AUDIT-REPLAY');
  await using site = await charted();
  await site.read(site.withToken('user/Observation.rs?category=laboratory'));
  const event = (await evidenceOf(site.hub.store)).find(({ action }) => action === 'vitals.read') ?? assert.fail();
  assert.deepEqual(event.detail?.withheld, ['vital-signs', 'activity', 'exam', 'procedure', 'other']);
  const { patient: _, ...place } = site.hub.registry.patient('clinic', 'pat-icu-01') ?? assert.fail();
  const { panels: __, ...where } = place;
  const frame = { zone: 'UTC', limits: NO_SURROUNDINGS.limits({ patient: 'pat-icu-01', ...where }) };
  assert.equal(stepOf(evidenceRecord(event), new Map(), { ...where, ...frame }).rebuilt, 'same');
  const { withheld: ___, ...silent } = event.detail;
  assert.equal(stepOf(evidenceRecord({ ...event, detail: silent }), new Map(), { ...where, ...frame }).rebuilt, 'differs');
});

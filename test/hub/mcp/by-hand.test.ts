import assert from 'node:assert/strict';
import { test } from 'node:test';
import { latestSchema } from '../../../hub/mcp/views.ts';
import { amend, carriedOut, undo } from '../../contract/store-amend.ts';
import { verifies } from '../../requirements.ts';
import { TEST_NOW } from '../../support/hub.ts';
import { overviewSite } from './overview-site.ts';
import { WAYS } from './support.ts';

const MINUTE_MS = 60_000;
const DECIDED = TEST_NOW - MINUTE_MS;

for (const { revision, connect, service } of WAYS) {
  test(`${revision}: of a value that an operator gave to somebody it is told that a person did, and since when, and not who`, async () => {
    verifies('AMEND-TOLD', 'MCP-BOTH-ERAS');
    await using site = await overviewSite();
    const { store } = site.hub;
    await site.measured(
      { vital: 'weight', value: 80, device: 'scale-1', effective: TEST_NOW - 9 * MINUTE_MS },
      { vital: 'hr', value: 70, effective: TEST_NOW - 4000 },
    );
    const which = { patient: 'pat-icu-01', vital: 'weight', from: TEST_NOW - 10 * MINUTE_MS, to: TEST_NOW };
    const id = await amend(store, { kind: 'reassign', to: 'pat-icu-02', selection: which, at: DECIDED });
    await carriedOut(store);
    await using client = await connect(site.as('ai-monitor'), service);
    const told = async (patient: string) => {
      const latest = await client.call('get_latest_vitals', { patient });
      const overview = await client.call('get_patient_overview', { patient });
      const rows = [latest.structuredContent, await client.read(`vitals://patient/${patient}/latest`), overview.structuredContent];
      const said = rows.map((one) => latestSchema.pick({ patient: true }).extend({ vitals: ROWS }).parse(one).vitals);
      return { said, text: JSON.stringify([latest.content, overview.content]) };
    };
    const byHand = { kind: 'reassigned', since: '2026-11-21T09:59:00.000+00:00' };
    const his = await told('pat-icu-02');
    assert.deepEqual(his.said, Array(3).fill([{ vital: 'weight', byHand }]));
    assert.equal(his.text.match(/given to this patient by hand since 2026-11-21T09:59:00\.000\+00:00/g)?.length, 2);
    assert.doesNotMatch(JSON.stringify(his), /local:|pat-icu-01/);
    assert.deepEqual((await told('pat-icu-01')).said, Array(3).fill([{ vital: 'hr' }]));

    await using study = await connect(site.as('ai-study'), service);
    const { patients } = (await study.read('vitals://patients')) as { patients: { patient: string; vitals: string[] }[] };
    const masked = patients.find(({ vitals }) => vitals.includes('weight'))?.patient ?? assert.fail();
    const [row] = latestSchema.parse((await study.call('get_latest_vitals', { patient: masked })).structuredContent).vitals;
    assert.equal(row?.byHand?.kind, 'reassigned');
    // Its times are shifted by the same days.
    assert.equal(Date.parse(row.byHand.since) - Date.parse(row.at), 8 * MINUTE_MS);
    assert.doesNotMatch(row.byHand.since, /2026-11/);

    await undo(store, id);
    await carriedOut(store);
    assert.doesNotMatch((await told('pat-icu-01')).text, /by hand/);
  });
}

/** What of a row is looked at. */
const ROWS = latestSchema.shape.vitals.element.pick({ vital: true, byHand: true }).array();

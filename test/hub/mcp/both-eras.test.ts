import assert from 'node:assert/strict';
import { test } from 'node:test';
import { templateOf } from '../../../hub/mcp/surface/resources.ts';
import { findSchema } from '../../../hub/mcp/surface/tools/find-patients-view.ts';
import { TOOLS } from '../../../hub/mcp/surface/tools.ts';
import { isTemplate, KINDS } from '../../../hub/mcp/uris.ts';
import { latestSchema, patientsSchema } from '../../../hub/mcp/views.ts';
import { verifies } from '../../requirements.ts';
import { startEndpoint, view, vital, WAYS } from './support.ts';

const LATEST_1 = 'vitals://patient/pat-0001/latest';
const LATEST_2 = 'vitals://patient/pat-0002/latest';

for (const { revision, connect, service } of WAYS) {
  const channel = revision.startsWith('2025') ? 'mcp-2025' : 'mcp-2026';

  test(`${revision}: lists, reads and calls`, async () => {
    verifies('MCP-BOTH-ERAS');
    await using endpoint = await startEndpoint();
    await using client = await connect(endpoint.as('ai-all'), service);

    assert.deepEqual(await client.resources(), ['vitals://patients', 'hub://health', LATEST_1, LATEST_2]);
    assert.deepEqual((await client.templates()).sort(), KINDS.filter(isTemplate).map(templateOf).sort());
    assert.deepEqual(await client.completePatient('pat-0'), ['pat-0001', 'pat-0002']);
    const tools = await client.tools();
    assert.deepEqual(
      tools.map(({ name }) => name),
      TOOLS.map(({ name }) => name),
    );
    assert.ok(tools.every(({ annotations, outputSchema }) => annotations?.readOnlyHint && outputSchema));

    const patients = patientsSchema.parse(await client.read('vitals://patients'));
    assert.deepEqual(
      patients.patients.map(({ uri }) => uri),
      [LATEST_1, LATEST_2],
    );
    const latest = latestSchema.parse(await client.read(LATEST_1));
    assert.equal(latest.vitals[0]?.value, 97);
    assert.equal(latest.vitals[0]?.observation, 'gw-icu.0000000000000.1.0');

    const answer = await client.call('get_latest_vitals', { patient: 'pat-0002' });
    assert.equal(latestSchema.parse(answer.structuredContent).patient, 'pat-0002');
    assert.match(JSON.stringify(answer.content), /Oxygen saturation: 97 %, 4 s ago/);
    assert.ok(answer.content.some((part) => part.type === 'resource_link' && part.uri === LATEST_2));
    const list = await client.call('find_patients', {});
    assert.equal(findSchema.parse(list.structuredContent).total, 2);

    assert.ok(endpoint.door.calls.length > 0);
    assert.ok(endpoint.door.calls.every((call) => call.channel === channel && call.principal === 'ai-all'));
  });

  test(`${revision}: a subscriber gets one update to begin with and every change after, and only of what it asked for`, async () => {
    verifies('MCP-BOTH-ERAS');
    await using endpoint = await startEndpoint();
    await using client = await connect(endpoint.as('ai-all'), service);
    const updates = await client.subscribe([LATEST_1, 'vitals://patients']);
    await updates.count(LATEST_1, 1);
    await updates.count('vitals://patients', 1);

    for (let i = 2; i <= 6; i += 1) {
      endpoint.change('pat-0002');
      endpoint.change('pat-0001');
      await updates.count(LATEST_1, i);
    }
    assert.equal(updates.of(LATEST_1).at(-1)?.version, 10);
    assert.deepEqual(updates.of(LATEST_2), []);
  });

  test(`${revision}: of many changes at once the newest always arrives`, async () => {
    verifies('MCP-BOTH-ERAS');
    await using endpoint = await startEndpoint({ limits: { coalesceMs: 20 } });
    await using client = await connect(endpoint.as('ai-all'), service);
    const updates = await client.subscribe([LATEST_1, LATEST_2]);
    for (let i = 0; i < 1000; i += 1) endpoint.change(i % 2 ? 'pat-0001' : 'pat-0002');
    await updates.until(({ uri, version }) => uri === LATEST_1 && version === 1000);
    await updates.until(({ uri, version }) => uri === LATEST_2 && version === 999);
    assert.ok(updates.seen.length < 100, `${updates.seen.length} notifications for 1000 changes`);
  });

  test(`${revision}: going stale is told at once, whatever the interval`, async () => {
    verifies('STALE-IS-NULL');
    await using endpoint = await startEndpoint({ limits: { coalesceMs: 3_600_000 } });
    await using client = await connect(endpoint.as('ai-all'), service);
    const updates = await client.subscribe([LATEST_1]);
    await updates.count(LATEST_1, 1);
    endpoint.change('pat-0001');
    endpoint.change('pat-0001', { kind: 'stale' });
    await updates.until(({ version }) => version === 2);
  });

  test(`${revision}: the list of patients changes with a patient's first data and with the registry`, async () => {
    verifies('MCP-BOTH-ERAS');
    await using endpoint = await startEndpoint();
    await using client = await connect(endpoint.as('ai-all'), service);
    const updates = await client.subscribe(['vitals://patients']);
    await updates.count('vitals://patients', 1);
    endpoint.change('pat-0001');
    await updates.until(({ version }) => version === 1);
    endpoint.change('pat-0001');
    endpoint.change('pat-0002', { kind: 'patients' });
    await updates.until(({ version }) => version === 3);
    assert.ok(!updates.seen.some(({ version }) => version === 2));
  });

  test(`${revision}: a patient who changes beds is news to who watches that patient`, async () => {
    verifies('MCP-BOTH-ERAS');
    await using endpoint = await startEndpoint();
    await using client = await connect(endpoint.as('ai-all'), service);
    const updates = await client.subscribe([LATEST_1]);
    await updates.count(LATEST_1, 1);
    endpoint.change('pat-0001', { kind: 'patients' });
    await updates.until(({ uri, version }) => uri === LATEST_1 && version === 1);
  });

  test(`${revision}: a stale or missing value is never shown as a number that counts now`, async () => {
    verifies('STALE-IS-NULL');
    await using endpoint = await startEndpoint();
    const stale = vital({
      value: null,
      stale: true,
      ageSeconds: 840,
      lastKnown: { value: 91, components: [], at: '2026-11-21T10:46:00.000+01:00' },
    });
    const missing = vital({ vital: 'hr', name: 'Heart rate', unit: '/min', value: null, absent: 'error', flags: ['sensor-off'] });
    endpoint.door.patients.set('pat-0001', view('pat-0001', { vitals: [stale, missing] }));
    endpoint.door.patients.set('pat-0002', view('pat-0002', { vitals: [] }));
    await using client = await connect(endpoint.as('ai-all'), service);

    const answer = await client.call('get_latest_vitals', { patient: 'pat-0001' });
    const [first, second] = latestSchema.parse(answer.structuredContent).vitals;
    assert.deepEqual([first?.value, first?.stale, first?.lastKnown?.value], [null, true, 91]);
    assert.deepEqual([second?.value, second?.absent], [null, 'error']);
    const text = JSON.stringify(answer.content);
    assert.match(text, /Oxygen saturation: no current value, the last one is too old\. Last known: 91 %, measured 14 min ago\./);
    assert.match(text, /Heart rate: no value \(reason: error\), 4 s ago\. Missing is not normal\. \[sensor-off\]/);

    const empty = await client.call('get_latest_vitals', { patient: 'pat-0002' });
    assert.match(JSON.stringify(empty.content), /missing data, not a normal finding/);
  });
}

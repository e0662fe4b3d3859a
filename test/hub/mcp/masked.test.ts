import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isPseudonym } from '../../../hub/access/masking/pseudonyms.ts';
import { serveMcp } from '../../../hub/mcp/server.ts';
import { latestUri } from '../../../hub/mcp/uris.ts';
import { latestSchema, patientsSchema } from '../../../hub/mcp/views.ts';
import { bindingsFrom } from '../../../hub/registry/bindings.ts';
import { parseRegistry } from '../../../hub/registry/load-registry.ts';
import { silentLogger } from '../../../shared/log.ts';
import { createMemoryNetwork } from '../../../shared/overlay/memory.ts';
import type { Overlay } from '../../../shared/overlay/overlay.ts';
import { verifies } from '../../requirements.ts';
import { overlayCallers } from '../../support/callers.ts';
import { sampleBundle, sampleObservation, TEST_NOW } from '../../support/hub.ts';
import { CONNECTORS, type TestClient } from '../../support/mcp-clients.ts';
import { MASKING_POLICY, MASKING_REGISTRY, type MaskingSite, maskingSite } from '../access/masking/site.ts';
import { SERVICE } from './support.ts';

interface Served extends AsyncDisposable {
  site: MaskingSite;
  as(identity: string): Overlay;
}

/** A masked site behind the endpoint; `runs`: rates go by time as it is, else time stands until it is moved. */
async function served({ runs = true } = {}): Promise<Served> {
  await using stack = new AsyncDisposableStack();
  const site = stack.use(maskingSite());
  const network = createMemoryNetwork();
  const overlay = stack.use(network.overlay({ id: 'hub', name: 'hub' }));
  const { door, feed, registry, metrics, clock } = site;
  const service = serveMcp({
    ...{ overlay, service: SERVICE, door, feed, callers: overlayCallers(registry, metrics), policy: () => MASKING_POLICY },
    clock: runs ? { now: () => clock.now(), monotonicMs: () => performance.now() } : clock,
    ...{ log: silentLogger, metrics, limits: { coalesceMs: 5 } },
  });
  stack.use(service);
  await service.start(new AbortController().signal);
  const dispose = stack.move();
  return {
    site,
    as: (identity) => dispose.use(network.overlay({ id: identity, name: identity })),
    [Symbol.asyncDispose]: () => dispose.disposeAsync(),
  };
}

async function codeOf(asked: Promise<unknown>): Promise<string> {
  return await asked.then(
    () => 'answered',
    (thrown: { data: { code: string } }) => thrown.data.code,
  );
}

/** Reads what is not there until it may read no more in this minute. */
async function exhaust(client: TestClient): Promise<void> {
  for (let i = 0; i < 500; i += 1) if ((await codeOf(client.read(latestUri('nobody')))) === 'ACCESS-LIMIT') return;
  assert.fail('there is no limit');
}

async function listed(client: TestClient) {
  return patientsSchema.parse(await client.read('vitals://patients'));
}

for (const [revision, connect] of Object.entries(CONNECTORS)) {
  test(`${revision}: two researchers watch one patient under different URIs, and are told no real time`, async () => {
    verifies('MASK-PSEUDONYMS', 'MASK-TIMES', 'MCP-BOTH-ERAS');
    await using hub = await served();
    const { ingest } = hub.site;
    await ingest.batch('gw-icu', sampleBundle([sampleObservation({ seq: 1, value: 70 })]));
    await using one = await connect(hub.as('ai-research'), SERVICE);
    await using two = await connect(hub.as('ai-research-2'), SERVICE);
    const clients = [one, two];
    const uris: string[] = [];
    for (const client of clients) {
      const { patients } = await listed(client);
      const [icu] = patients.filter(({ vitals }) => vitals.includes('hr'));
      assert.ok(icu && isPseudonym(icu.patient));
      uris.push(icu.uri);
    }
    assert.notEqual(uris[0], uris[1]);
    const streams = [await one.subscribe([uris[0] ?? '', 'vitals://patients']), await two.subscribe([uris[1] ?? ''])];
    for (const [i, stream] of streams.entries()) await stream.count(uris[i] ?? '', 1);
    await ingest.batch('gw-icu', sampleBundle([sampleObservation({ seq: 2, value: 71 })]));
    await ingest.batch('gw-icu', sampleBundle([sampleObservation({ seq: 3, bed: 'ICU-02', value: 99 })]));
    for (const [i, stream] of streams.entries()) {
      await stream.count(uris[i] ?? '', 2);
      assert.ok(
        stream.seen.every(({ version, at }) => version === -1 && (at === -1 || at === 'undefined')),
        'a hint of time',
      );
    }
    assert.deepEqual(new Set(streams[1]?.seen.map(({ uri }) => uri)), new Set([uris[1]]));
    const { vitals } = latestSchema.parse(await one.read(uris[0] ?? ''));
    assert.equal(vitals[0]?.value, 71);
    await assert.rejects(two.read(uris[0] ?? ''), 'the name of another');
    await assert.rejects(one.read(latestUri('pat-icu-01')), 'a real id');
  });

  for (const who of ['ai-research', 'ai-ward'])
    test(`${revision}: what is counted of ${who} does not tell whether an id is a patient’s, nor whose a pseudonym is`, async () => {
      verifies('MASK-PSEUDONYMS', 'LIMITS-RATES');
      await using hub = await served({ runs: false });
      await hub.site.ingest.batch('gw-icu', sampleBundle([sampleObservation({ seq: 1, value: 70 })]));
      await using client = await connect(hub.as(who), SERVICE);
      const icu = (await listed(client)).patients.find(({ vitals }) => vitals.includes('hr'));
      await client.subscribe([icu?.uri ?? '']);
      await exhaust(client);
      for (const id of ['pat-icu-01', 'pat-icu-02', 'pat-home-01', 'pat-other-01', 'pat-none-01'])
        assert.equal(await codeOf(client.read(latestUri(id))), 'ACCESS-LIMIT', id);
      if (revision === '2025-11-25')
        for (const id of ['pat-icu-01', 'pat-icu-02', 'pat-home-01', 'pat-other-01', 'pat-none-01'])
          assert.equal(await codeOf(client.subscribe([latestUri(id)])), 'ACCESS-LIMIT', id);
      await client.read(icu?.uri ?? '');
    });

  test(`${revision}: lists, completions and words of who is masked`, async () => {
    verifies('MASK-ALLOW-LIST');
    await using hub = await served();
    await hub.site.ingest.batch('gw-icu', sampleBundle([sampleObservation({ seq: 1, value: 70 })]));
    await using quality = await connect(hub.as('ai-quality'), SERVICE);
    await using research = await connect(hub.as('ai-research'), SERVICE);
    const list = await listed(quality);
    assert.deepEqual([list.masked, list.total, list.patients[0]?.ward, list.patients[0]?.ageSeconds], ['limited', 1, 'north', 0]);
    const known = list.patients[0]?.patient ?? '';
    assert.deepEqual(await quality.completePatient(''), [known]);
    assert.deepEqual(await quality.completePatient('pat-'), []);
    assert.deepEqual(await quality.resources(), ['vitals://patients', 'hub://health', latestUri(known)]);
    const words = JSON.stringify((await quality.call('get_latest_vitals', { patient: known })).content);
    assert.match(words, /\(ward north\), as of 2026-11-21.*MASKED: pseudonyms stand for patients and devices/);

    const masked = await listed(research);
    assert.deepEqual([masked.masked, masked.asOf], ['deidentified', '2026']);
    const [row] = masked.patients.filter(({ vitals }) => vitals.length > 0);
    assert.match(row?.lastDataAt ?? '', /^21\d\d-/);
    assert.equal(row?.ageSeconds, 0);
    const said = JSON.stringify((await research.call('find_patients', {})).content);
    assert.match(said, /DEIDENTIFIED: .*\(place not shown\): 1 vital signs on record, last data 0 s ago/);
    const latest = await research.call('get_latest_vitals', { patient: row?.patient ?? '' });
    assert.match(JSON.stringify(latest.content), /place not shown/);
    assert.equal(latestSchema.parse(latest.structuredContent).masked, 'deidentified');
  });
}

test('a stream of who is masked ends when its patient leaves its reach', async () => {
  verifies('MCP-GATED', 'MASK-PSEUDONYMS');
  await using hub = await served();
  const { site } = hub;
  await using client = await CONNECTORS['2026-07-28'](hub.as('ai-ward'), SERVICE);
  const [patient, ...more] = (await listed(client)).patients;
  assert.ok(patient && isPseudonym(patient.patient) && more.length === 1);
  const { door, registry, feed } = site;
  const uris = [patient, ...more].filter(({ patient: name }) => door.patientBehind(site.who('ai-ward'), name) === 'pat-icu-01');
  const uri = uris[0]?.uri ?? '';
  await (await client.subscribe([uri])).count(uri, 1);
  const next = parseRegistry(MASKING_REGISTRY.replace('beds: [ICU-01, ICU-02]', 'beds: [ICU-02]'), 'registry.yaml', MASKING_POLICY.roles);
  for (const moved of registry.replace(next, bindingsFrom([], next.bindings(), 0)))
    feed.publish({ ...moved, kind: 'patients', vitals: [], at: TEST_NOW });
  await client.ended;
  await assert.rejects(client.read(uri));
});

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { AuditEvent } from '../../../hub/access/access.ts';
import { latestUri } from '../../../hub/mcp/uris.ts';
import { latestSchema, patientsSchema } from '../../../hub/mcp/views.ts';
import type { Store } from '../../../hub/store/store.ts';
import { verifies } from '../../requirements.ts';
import { evidenceOf } from '../../support/evidence.ts';
import { sampleBundle, sampleObservation } from '../../support/hub.ts';
import { CONNECTORS, type TestClient } from '../../support/mcp-clients.ts';
import { LIMITED_REGISTRY, limitedSite } from './limited-site.ts';
import { modern, openSession, rawHttp, SERVICE } from './support.ts';

interface Refused {
  code: number;
  data: { code: string; retryAfterMs: number };
}

async function refusedWith(asked: Promise<unknown>): Promise<Refused> {
  return await asked.then(
    () => assert.fail('answered'),
    (thrown: Refused) => thrown,
  );
}

/** What a tool's failure says to a model. */
async function toldBy(client: TestClient, patient: string) {
  const { isError, content, _meta } = await client.call('get_latest_vitals', { patient });
  const [first] = content as { text?: string }[];
  return { isError: isError === true, text: first?.text ?? '', meta: _meta ?? {} };
}

/** Resolves once the evidence holds so many ends of what was told of a patient. */
function closings(store: Store, count: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const record = store.record.bind(store);
  let ends = 0;
  store.record = async (events) => {
    await record(events);
    ends += events.filter(({ reason, patient }) => reason === 'closed' && patient !== null).length;
    if (ends >= count) resolve();
  };
  return promise;
}

/** Resolves with the first entry of which this holds, past or to come. */
async function recorded(store: Store, holds: (event: AuditEvent) => boolean): Promise<AuditEvent> {
  const { promise, resolve } = Promise.withResolvers<AuditEvent>();
  const record = store.record.bind(store);
  store.record = async (events) => {
    await record(events);
    for (const event of events) if (holds(event)) resolve(event);
  };
  const past = (await evidenceOf(store)).find(holds);
  return past ?? (await promise);
}

for (const [revision, connect] of Object.entries(CONNECTORS)) {
  test(`${revision}: a person’s client has 30 calls a minute, is told when the next is answered, and has it then`, async () => {
    verifies('LIMITS-RATES', 'REFUSALS-COUNTED');
    await using site = await limitedSite();
    await using client = await connect(site.as('ai-ward'), SERVICE);
    for (let i = 0; i < 30; i += 1) assert.equal((await toldBy(client, 'pat-icu-01')).isError, false);
    const { code, data } = await refusedWith(client.call('get_latest_vitals', { patient: 'pat-icu-01' }));
    assert.deepEqual([code, data.code, data.retryAfterMs], [-32011, 'ACCESS-LIMIT', 2000]);
    await refusedWith(client.call('find_patients', {}));
    await client.read('vitals://patients');
    site.clock.advance(data.retryAfterMs);
    assert.equal((await toldBy(client, 'pat-icu-01')).isError, false);
    const denied = (await evidenceOf(site.hub.store)).filter(({ outcome }) => outcome === 'denied');
    assert.deepEqual(
      denied.map(({ principal, action, reason, detail }) => [principal, action, reason, detail?.args]),
      [['ai-ward', 'session.open', 'limit', { limit: 'callsPerMinute' }]],
    );
    site.clock.advance(60_000);
    const { detail } = await recorded(site.hub.store, ({ detail: told }) => told?.args?.more !== undefined);
    assert.deepEqual(detail?.args, { limit: 'callsPerMinute', more: 1, since: '2026-11-21T10:00:00.000+00:00' });
  });

  test(`${revision}: what is subscribed to can be read at each notification, whatever a minute’s reads are`, async () => {
    verifies('LIMITS-RATES');
    await using site = await limitedSite({ limits: { person: { readsPerMinute: 8, callsPerDay: 20 } }, runs: true });
    await using client = await connect(site.as('ai-ward'), SERVICE);
    const uri = latestUri('pat-icu-01');
    const updates = await client.subscribe([uri]);
    await updates.count(uri, 1);
    for (let seq = 1; seq <= 30; seq += 1) {
      site.clock.advance(1000);
      await site.hub.ingest.batch('gw-icu', sampleBundle([sampleObservation({ seq, value: 60 + seq, receivedAt: site.clock.now() })]));
      await updates.count(uri, seq + 1);
      assert.equal(latestSchema.parse(await client.read(uri)).vitals[0]?.value, 60 + seq);
    }
    let refused = 0;
    for (let i = 0; i < 12; i += 1)
      await client.read(latestUri('pat-icu-02')).catch(({ data }: Refused) => {
        assert.equal(data.code, 'ACCESS-LIMIT');
        refused += 1;
      });
    assert.ok(refused >= 4, `${refused}`);
  });

  test(`${revision}: other spellings of what it follows give a caller no more subscriptions and no more reads`, async () => {
    verifies('LIMITS-ONE-SPELLING');
    await using site = await limitedSite({ limits: { person: { readsPerMinute: 16 } } });
    await using client = await connect(site.as('ai-ward'), SERVICE);
    const trends = Array.from({ length: 40 }, (_, i) => `vitals://patient/pat-icu-01/trend/spo2?window=24h&points=${i + 1}`);
    const codes = async (asked: (uri: string) => Promise<unknown>, uris: readonly string[]): Promise<string[]> => {
      const told: string[] = [];
      for (const uri of uris)
        told.push(
          await asked(uri).then(
            () => 'done',
            ({ data }: Refused) => data.code,
          ),
        );
      return told;
    };
    const pages = Array.from({ length: 3 }, (_, i) => `vitals://ward/icu/latest?cursor=${i}`);
    const refused = await codes((uri) => client.subscribe([uri]), pages);
    if (revision === '2025-11-25') {
      assert.deepEqual(
        refused,
        pages.map(() => 'MCP-NOT-FOLLOWED'),
      );
      const told = await codes((uri) => client.subscribe([uri]), trends);
      assert.deepEqual([...new Set(told)], ['done', 'ACCESS-LIMIT']);
      assert.ok(told.filter((one) => one === 'done').length <= 4 + 16, `${told}`);
      site.clock.advance(60_000);
    } else {
      assert.equal(refused.includes('done'), false);
      await client.subscribe(trends.slice(0, 20));
    }
    const told = await codes((uri) => client.read(uri), [...trends.slice(0, 4), ...trends.slice(0, 4), ...trends.slice(0, 4), ...trends]);
    assert.deepEqual([...new Set(told)], ['done', 'ACCESS-LIMIT']);
    assert.ok(told.filter((one) => one === 'done').length <= 4 + 16, `${told}`);
  });

  test(`${revision}: of others’ patients a program sees so many an hour, by tools, resources and subscriptions, over a restart of the hub as well`, async (t) => {
    verifies('LIMITS-OTHERS', 'LIMITS-KEPT');
    const dir = mkdtempSync(join(tmpdir(), 'vitalmesh-limits-'));
    t.after(() => rmSync(dir, { recursive: true, force: true }));
    const options = { limits: { roles: { monitor: { othersPerHour: 2 } } }, dir, key: randomBytes(32) };
    {
      await using site = await limitedSite(options);
      await using client = await connect(site.as('ai-all'), SERVICE);
      assert.equal((await toldBy(client, 'pat-step-01')).isError, false);
      await client.read(latestUri('pat-step-02'));
      const { isError, text, meta } = await toldBy(client, 'pat-step-03');
      assert.ok(isError);
      assert.match(text, /^ACCESS-LIMIT: .* Ask again in 3600 s\.$/);
      assert.deepEqual([meta['vitalmesh/code'], meta['vitalmesh/retryAfterMs']], ['ACCESS-LIMIT', 3_600_000]);
      assert.equal((await refusedWith(client.read(latestUri('pat-step-03')))).data.code, 'ACCESS-LIMIT');
      await assert.rejects(client.subscribe([latestUri('pat-step-03')]));
      for (const own of ['pat-icu-01', 'pat-icu-02', 'pat-step-01']) assert.equal((await toldBy(client, own)).isError, false);
      assert.equal(patientsSchema.parse(await client.read('vitals://patients')).total, 5, 'whom there is, is told');
      const limited = (await evidenceOf(site.hub.store)).filter(({ reason }) => reason === 'limit');
      assert.deepEqual(
        limited.map(({ action, patient }) => [action, patient]),
        [
          ['vitals.read', 'pat-step-03'],
          ['vitals.read', 'pat-step-03'],
          ['vitals.subscribe', 'pat-step-03'],
        ],
      );
    }
    await using site = await limitedSite(options);
    await using client = await connect(site.as('ai-all'), SERVICE);
    assert.ok((await toldBy(client, 'pat-step-03')).isError);
    assert.equal((await toldBy(client, 'pat-step-02')).isError, false);
    await client.close();
    site.clock.advance(3_600_000);
    await using later = await connect(site.as('ai-all'), SERVICE);
    assert.equal((await toldBy(later, 'pat-step-03')).isError, false);
  });

  test(`${revision}: whoever comes back and subscribes anew to all of its patients takes one call a session, of others’ patients as well`, async () => {
    verifies('LIMITS-WORKABLE', 'LIMITS-OTHERS');
    await using site = await limitedSite({ limits: { software: { callsPerDay: 4, othersPerHour: 1 } } });
    const own = [latestUri('pat-icu-01'), latestUri('pat-icu-02')];
    for (let session = 0; session < 3; session += 1) {
      await using client = await connect(site.as('ai-all'), SERVICE);
      if (revision === '2025-11-25') await assert.rejects(client.subscribe([latestUri('pat-none-01')]));
      await client.subscribe([...own, latestUri('pat-step-01')]);
      if (revision === '2025-11-25')
        assert.equal((await refusedWith(client.subscribe([latestUri('pat-step-02')]))).data.code, 'ACCESS-LIMIT');
    }
    await using client = await connect(site.as('ai-all'), SERVICE);
    assert.equal((await toldBy(client, 'pat-icu-01')).isError, false, 'the fourth call');
    assert.match((await toldBy(client, 'pat-icu-01')).text, /^ACCESS-LIMIT/);
    if (revision === '2025-11-25')
      assert.equal((await refusedWith(client.subscribe(own))).data.code, 'ACCESS-LIMIT', 'a session without a call');
  });

  test(`${revision}: a day’s calls are over when they are, restarts included`, async (t) => {
    verifies('LIMITS-DAYS', 'LIMITS-KEPT');
    const dir = mkdtempSync(join(tmpdir(), 'vitalmesh-limits-'));
    t.after(() => rmSync(dir, { recursive: true, force: true }));
    const options = { limits: { person: { callsPerDay: 3 } }, dir, key: randomBytes(32) };
    for (const through of [2, 1]) {
      await using site = await limitedSite(options);
      await using client = await connect(site.as('ai-ward'), SERVICE);
      for (let i = 0; i < through; i += 1) assert.equal((await toldBy(client, 'pat-icu-01')).isError, false);
    }
    await using site = await limitedSite(options);
    await using client = await connect(site.as('ai-ward'), SERVICE);
    assert.match((await toldBy(client, 'pat-icu-01')).text, /^ACCESS-LIMIT/);
    await client.close();
    site.clock.advance(86_400_000);
    await using later = await connect(site.as('ai-ward'), SERVICE);
    assert.equal((await toldBy(later, 'pat-icu-01')).isError, false);
  });

  test(`${revision}: an answer is no larger than its tokens: the rows that matter least are left out, and it says so`, async () => {
    verifies('LIMITS-DAYS');
    await using site = await limitedSite({ limits: { person: { tokensPerCall: 1024, resultBytes: 8192 } } });
    const rows = Array.from({ length: 60 }, (_, i) => sampleObservation({ seq: i + 1, vital: i === 40 ? 'spo2' : 'hr', device: `d-${i}` }));
    await site.hub.ingest.batch('gw-icu', sampleBundle(rows));
    await using client = await connect(site.as('ai-ward'), SERVICE);
    const { content, structuredContent } = await client.call('get_latest_vitals', { patient: 'pat-icu-01' });
    const latest = latestSchema.parse(structuredContent);
    assert.ok(Buffer.byteLength(JSON.stringify({ content, structuredContent })) <= 4096);
    assert.ok(latest.truncated && latest.vitals.length > 2 && latest.vitals.length < 20, `${latest.vitals.length}`);
    assert.deepEqual([...new Set(latest.vitals.slice(0, 2).map(({ vital }) => vital))].sort(), ['hr', 'spo2']);
    assert.match(JSON.stringify(content), /There are more rows than shown here/);
    const resource = await client.read(latestUri('pat-icu-01'));
    assert.ok(Buffer.byteLength(JSON.stringify(resource)) <= 8192);
    const more = latestSchema.parse(resource);
    assert.ok(more.truncated && more.vitals.length > latest.vitals.length);
  });

  test(`${revision}: the end of a stream tells how often it was told of each patient`, async () => {
    verifies('MCP-GATED');
    await using site = await limitedSite({ runs: true });
    const client = await connect(site.as('ai-ward'), SERVICE);
    const [often, once] = [latestUri('pat-icu-01'), latestUri('pat-icu-02')];
    const updates = await client.subscribe([often, once, 'vitals://patients']);
    await updates.count(once, 1);
    for (let seq = 1; seq <= 3; seq += 1) {
      await updates.count(often, seq);
      await site.hub.ingest.batch('gw-icu', sampleBundle([sampleObservation({ seq, value: 60 + seq })]));
    }
    await updates.count(often, 4);
    const ended = closings(site.hub.store, 2);
    await client.close();
    site.policy = { ...site.policy, version: 'another' };
    await ended;
    const closed = (await evidenceOf(site.hub.store)).filter(({ reason, patient }) => reason === 'closed' && patient !== null);
    assert.deepEqual(
      new Map(closed.map(({ patient, count }) => [patient, count])),
      new Map([
        ['pat-icu-01', 4],
        ['pat-icu-02', 1],
      ]),
    );
  });

  test(`${revision}: a stream ends when one of its patients is moved out of the ward, and when the policy is another one`, async () => {
    verifies('REACH-NOW', 'POLICY-AS-DATA');
    await using site = await limitedSite({ runs: true });
    const [moving, staying] = [latestUri('pat-icu-01'), latestUri('pat-icu-02')];
    await using both = await connect(site.as('ai-ward'), SERVICE);
    await using one = await connect(site.as('ai-ward'), SERVICE);
    await (await both.subscribe([moving, staying])).count(moving, 1);
    const updates = await one.subscribe([staying, 'vitals://patients']);
    await updates.count(staying, 1);
    await updates.count('vitals://patients', 1);
    site.reload(LIMITED_REGISTRY.replace('ICU-01: pat-icu-01', 'ICU-01: null').replace('S-4: null', 'S-4: pat-icu-01'));
    await both.ended;
    await updates.count('vitals://patients', 2);
    const { patients } = patientsSchema.parse(await one.read('vitals://patients'));
    assert.deepEqual(
      patients.map(({ patient }) => patient),
      ['pat-icu-02'],
    );
    await site.hub.ingest.batch('gw-icu', sampleBundle([sampleObservation({ bed: 'ICU-02' })]));
    await updates.count(staying, 2);
    site.policy = { ...site.policy, version: 'another' };
    await one.ended;
  });
}

test('names that nobody has give nobody a place of their own in what is counted, whoever may see all patients', async () => {
  verifies('LIMITS-RATES');
  await using site = await limitedSite({ limits: { software: { readsPerMinute: 20 } } });
  await using client = await CONNECTORS['2025-11-25'](site.as('ai-all'), SERVICE);
  const codes: string[] = [];
  for (let i = 0; i < 60; i += 1) codes.push((await refusedWith(client.subscribe([latestUri(`pat-made-up-${i}`)]))).data.code);
  assert.ok(codes.filter((code) => code === 'NOT-FOUND').length <= 20, codes.join());
  assert.equal(codes.at(-1), 'ACCESS-LIMIT');
  await client.subscribe([latestUri('pat-icu-01')]);
});

test('where there is nothing to answer in terms of JSON-RPC, it is 429 with Retry-After', async () => {
  verifies('LIMITS-RATES');
  await using site = await limitedSite({ limits: { person: { readsPerMinute: 2 } } });
  await using http = rawHttp(site.as('ai-ward'));
  const note = { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 1 } };
  const session = await openSession(http);
  const headers = { 'mcp-session-id': session, 'mcp-protocol-version': '2025-11-25' };
  const statuses: number[] = [];
  let last = await http.post(note, headers);
  for (let i = 0; i < 3; i += 1) {
    statuses.push(last.status);
    await last.text();
    last = await http.post(note, headers);
  }
  assert.equal(last.status, 429, statuses.join());
  assert.equal(last.headers.get('retry-after'), '30');
  assert.equal(((await last.json()) as { error: Refused }).error.data.code, 'ACCESS-LIMIT');
  site.clock.advance(60_000);
  const answers: { status: number; id: unknown; code: number | undefined }[] = [];
  for (let i = 0; i < 3; i += 1) {
    const answer = await http.post(modern('tools/list', {}, 7));
    const { id, error } = (await answer.json()) as { id: unknown; error?: { code: number } };
    answers.push({ status: answer.status, id, code: error?.code });
  }
  assert.deepEqual(answers[2], { status: 200, id: 7, code: -32011 });
});

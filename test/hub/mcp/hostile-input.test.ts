import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatRecord } from '../../../hub/audit/format.ts';
import { serveMcp } from '../../../hub/mcp/server.ts';
import { systemClock } from '../../../shared/clock.ts';
import { createLogger } from '../../../shared/log.ts';
import { createMemoryNetwork } from '../../../shared/overlay/memory.ts';
import { verifies } from '../../requirements.ts';
import { overlayCallers } from '../../support/callers.ts';
import { gathered, sampleBundle, sampleObservation, type TestHub, testHub } from '../../support/hub.ts';
import { listen, modern, openSession, type RawHttp, rawHttp, SERVICE } from './support.ts';

/** Of ICU-02, whom the nurse may not see. */
const SECRET = 187;
const FORGED = 'forged-by-a-client';
const NASTY = `${FORGED}\r\n{"level":"error","msg":"${FORGED}"}\n\u2028\u2029\u202e\u001b[2J\u0000`;

interface Hostile extends AsyncDisposable {
  hub: TestHub;
  log: string[];
  as(id: string, name?: string): RawHttp;
}

/** The endpoint before the real door, with a value of each of two beds and a log that is kept. */
async function hostile(): Promise<Hostile> {
  await using stack = new AsyncDisposableStack();
  const hub = stack.use(testHub());
  for (const [bed, value] of [['ICU-01', 71] as const, ['ICU-02', SECRET] as const])
    await hub.ingest.batch('gw-icu', sampleBundle([sampleObservation({ bed, value, seq: value })]));
  const network = createMemoryNetwork();
  const overlay = stack.use(network.overlay({ id: 'hub', name: 'hub' }));
  const log: string[] = [];
  const { door, feed, registry, metrics } = hub;
  const service = serveMcp({
    ...{ overlay, service: SERVICE, door, feed, callers: overlayCallers(registry, metrics), clock: systemClock, metrics },
    log: createLogger({ component: 'hub', level: 'debug', destination: { write: (line) => void log.push(line) } }),
  });
  stack.use(service);
  await service.start(new AbortController().signal);
  const dispose = stack.move();
  return {
    ...{ hub, log },
    as: (id, name = id) => dispose.use(rawHttp(dispose.use(network.overlay({ id, name })))),
    [Symbol.asyncDispose]: () => dispose.disposeAsync(),
  };
}

/** The text of a body and headers for it; `__proto__` as a member can be written in text alone. */
function raw(body: ReturnType<typeof modern>, put: (text: string) => string): [string, Record<string, string>] {
  const { params } = body as { params: { uri?: string; name?: string } };
  return [
    put(JSON.stringify(body)),
    { 'mcp-protocol-version': '2026-07-28', 'mcp-method': String(body.method), 'mcp-name': params.uri ?? params.name ?? '' },
  ];
}

const tool = (args: string): [string, Record<string, string>] =>
  raw(modern('tools/call', { name: 'get_latest_vitals', arguments: 'ARGUMENTS' }), (text) => text.replace('"ARGUMENTS"', args));

const RIGHTS = '{"patients":"all","tenant":"other","role":"monitor","patient":"pat-icu-02"}';

test('names of members that every object has add no right, and change no object', async () => {
  verifies('HOSTILE-INPUT', 'ONE-DOOR');
  await using site = await hostile();
  const nurse = site.as('ai-nurse');
  const before = Object.getOwnPropertyNames(Object.prototype).length;
  const read = modern('resources/read', { uri: 'vitals://patient/pat-icu-02/latest' });
  const attempts = [
    tool(`{"patient":"pat-icu-02","__proto__":${RIGHTS}}`),
    tool(`{"__proto__":${RIGHTS}}`),
    tool(`{"patient":"pat-icu-02","constructor":{"prototype":${RIGHTS}}}`),
    tool(`{"patient":"__proto__"}`),
    tool(`{"patient":{"__proto__":${RIGHTS}}}`),
    raw(read, (text) => text.replace('"params":{', `"params":{"__proto__":${RIGHTS},`)),
    raw(read, (text) => text.replace('"_meta":{', `"_meta":{"__proto__":${RIGHTS},"constructor":{"prototype":${RIGHTS}},`)),
    raw(read, (text) => `{"__proto__":${RIGHTS},${text.slice(1)}`),
  ];
  for (const [body, headers] of attempts) {
    const response = await nurse.post(body, headers);
    const text = await response.text();
    assert.ok(response.status < 500, `${body}: ${response.status}`);
    assert.ok(!text.includes(String(SECRET)), `${body}: ${text}`);
  }
  assert.equal(Object.getOwnPropertyNames(Object.prototype).length, before);
  for (const name of Object.keys(JSON.parse(RIGHTS) as object)) assert.ok(!(name in {}), name);
  const own = await (await nurse.post(...tool('{"patient":"pat-icu-01"}'))).text();
  assert.match(own, /71/, 'and what it may see it still sees');
  assert.match(await (await site.as('ai-monitor').post(read)).text(), new RegExp(String(SECRET)), 'as who may sees the other');
});

test('ids that are guessed, written otherwise or joined give nothing of another patient or tenant, nor say who exists', async () => {
  verifies('HOSTILE-INPUT', 'TENANT-EVERYWHERE', 'ONE-DOOR');
  await using site = await hostile();
  const nurse = site.as('ai-nurse');
  const guessed = [
    'pat-icu-02',
    'pat-other-01',
    'PAT-ICU-02',
    'pat-icu-02 ',
    '%70at-icu-02',
    'pat-icu-01,pat-icu-02',
    'pat-icu-01/../pat-icu-02',
    'pat-icu-01%2F..%2Fpat-icu-02',
    'pat-icu-01/latest?x=pat-icu-02',
    '*',
    'all',
    '',
    'a@pat-icu-02',
    "' OR 1=1 --",
    'x'.repeat(4000),
  ];
  const refusals = new Set<string>();
  for (const patient of guessed) {
    const uri = `vitals://patient/${patient}/latest`;
    const bodies = [
      modern('resources/read', { uri }),
      modern('tools/call', { name: 'get_latest_vitals', arguments: { patient } }),
      listen([uri]),
    ];
    for (const body of bodies) {
      const response = await nurse.post(body);
      const text = await response.text();
      assert.ok(response.status < 500, `${patient}: ${response.status}`);
      assert.ok(!text.includes(String(SECRET)), `${patient}: ${text}`);
      if (patient === 'pat-icu-02' || patient === 'pat-other-01')
        refusals.add(`${body.method} ${response.status} ${text.replaceAll(/"id":\d+/g, '').replaceAll(patient, 'ID')}`);
    }
  }
  assert.equal(refusals.size, 3, `a patient of this tenant and one of another are refused in the same words: ${[...refusals].join('\n')}`);
});

test('half a character is in no URI and in no name: whoever sends one is refused like anybody who guesses, and no defect is reported', async () => {
  verifies('HOSTILE-INPUT');
  await using site = await hostile();
  const nurse = site.as('ai-nurse');
  const session = { 'mcp-session-id': await openSession(nurse) };
  const half = '\ud800';
  const uris = [
    half,
    `vitals://patient/${half}/latest`,
    `vitals://ward/${half}/latest`,
    `vitals://patient/pat-icu-01/trend/spo2?window=${half}`,
  ];
  const asked = ['get_latest_vitals', 'get_alerts', 'get_patient_overview'].map((name) => ({
    method: 'tools/call',
    params: { name, arguments: { patient: half } },
  }));
  for (const [id, { method, params }] of [
    ...uris.flatMap((uri) => ['resources/read', 'resources/subscribe'].map((method) => ({ method, params: { uri } }))),
    ...asked,
    { method: 'tools/call', params: { name: 'find_patients', arguments: { bed: half } } },
    { method: 'prompts/get', params: { name: 'summarize_patient', arguments: { patient: half } } },
  ].entries()) {
    const text = await (await nurse.post({ jsonrpc: '2.0', id: id + 2, method, params }, session)).text();
    assert.match(text, /NOT-FOUND|MCP-ARGUMENTS|no_match|"patients":\[\]/, `${method} ${JSON.stringify(params)}: ${text}`);
  }
  for (const uri of uris) assert.match(await (await nurse.post(listen([uri]))).text(), /NOT-FOUND/);
  assert.deepEqual(
    site.log.filter((line) => line.includes('"level":"error"') || line.includes('"level":50')),
    [],
  );
});

test('nothing that a client writes stands in a log, and none of it breaks a line of the evidence', async () => {
  verifies('HOSTILE-INPUT', 'LOG-CLEAN');
  await using site = await hostile();
  const { log, hub } = site;
  const stranger = site.as('ai-stranger', NASTY);
  const nurse = site.as('ai-nurse', NASTY);
  const claims = { 'io.modelcontextprotocol/clientInfo': { name: NASTY, version: NASTY }, model: NASTY };
  const claiming = (body: ReturnType<typeof modern>): [string, Record<string, string>] =>
    raw(body, (text) => {
      const parsed = JSON.parse(text) as { params: { _meta: object } };
      return JSON.stringify({ ...parsed, params: { ...parsed.params, _meta: { ...parsed.params._meta, ...claims } } });
    });
  const bodies = [
    claiming(modern('resources/read', { uri: 'vitals://patient/pat-icu-01/latest' })),
    claiming(modern('tools/call', { name: 'get_latest_vitals', arguments: { patient: NASTY } })),
    ...[NASTY, `${NASTY}{`].map((text): [string, Record<string, string>] => [text, {}]),
    [JSON.stringify(modern(NASTY, {})), { 'mcp-method': 'x' }] as [string, Record<string, string>],
  ];
  for (const http of [nurse, stranger])
    for (const [body, headers] of bodies) {
      const response = await http.post(body, { 'user-agent': FORGED, ...headers });
      assert.ok(response.status < 500, String(response.status));
      await response.text();
    }
  assert.ok(log.length > 0);
  for (const line of log) {
    assert.equal(typeof (JSON.parse(line) as { msg: unknown }).msg, 'string');
    assert.equal(line.indexOf('\n'), line.length - 1);
    assert.ok(!line.includes(FORGED) && !line.includes('pat-icu'), line);
  }
  const records = await gathered(hub.store.evidence('clinic', {}));
  assert.ok(records.some(({ event }) => event.detail?.claimed?.client !== undefined));
  for (const record of records) assert.doesNotMatch(formatRecord(record), /[\p{Cc}\p{Cf}\u2028\u2029]/u);
});

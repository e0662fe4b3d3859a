import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLogger } from '../../../shared/log.ts';
import { verifies } from '../../requirements.ts';
import { CONNECTORS, connectModern } from '../../support/mcp-clients.ts';
import {
  codeOf,
  eventually,
  INITIALIZE,
  listen,
  modern,
  openSession,
  principal,
  rawHttp,
  readToEnd,
  requestBytes,
  SERVICE,
  startEndpoint,
  WAYS,
} from './support.ts';

const HIDDEN = ['vitals://patient/pat-0002/latest', 'vitals://patient/pat-9999/latest', 'vitals://nothing', 'vitals://patient//latest'];

interface RpcFailure {
  code: number;
  data: { code: string; advice: string };
}

async function failure(call: Promise<unknown>): Promise<Pick<RpcFailure, 'code' | 'data'>> {
  const error = await call.then(
    () => assert.fail('it was answered'),
    (thrown: unknown) => thrown as RpcFailure,
  );
  return { code: error.code, data: error.data };
}

for (const { revision, connect, service } of WAYS) {
  test(`${revision}: what is forbidden and what does not exist look the same`, async () => {
    verifies('MCP-GATED');
    await using endpoint = await startEndpoint();
    await using client = await connect(endpoint.as('ai-one'), service);

    assert.deepEqual(await client.resources(), ['vitals://patients', 'hub://health', 'vitals://patient/pat-0001/latest']);
    assert.deepEqual(await client.completePatient(''), ['pat-0001']);
    const data = { code: 'NOT-FOUND', advice: 'List what there is first; of a patient or a bed ask find_patients.', retryable: false };
    for (const uri of HIDDEN) {
      // Of what could name somebody nothing is said again.
      assert.deepEqual(await failure(client.read(uri)), { code: -32602, data });
      assert.deepEqual(await failure(client.subscribe([uri])), { code: -32602, data });
    }
    const foreign = 'test://nothing/at-all';
    assert.deepEqual(await failure(client.read(foreign)), { code: -32602, data: { ...data, uri: foreign } });
    // What is too long is not said again either.
    assert.deepEqual(await failure(client.read(`test://${'p'.repeat(1100)}`)), { code: -32602, data });
    assert.deepEqual(await failure(client.read(`vitals://patient/${'p'.repeat(1100)}/latest`)), { code: -32602, data });

    const forbidden = await client.call('get_latest_vitals', { patient: 'pat-0002' });
    const unknown = await client.call('get_latest_vitals', { patient: 'pat-9999' });
    assert.deepEqual(forbidden, unknown);
    assert.equal(forbidden.isError, true);
    assert.match(JSON.stringify(forbidden.content), /NOT-FOUND: .* List what there is first; of a patient or a bed ask find_patients\./);
    assert.equal(endpoint.service.status().subscriptions, 0);
  });

  test(`${revision}: a mixed subscription with one forbidden resource gives nothing of it to see`, async () => {
    verifies('MCP-GATED');
    await using endpoint = await startEndpoint();
    await using client = await connect(endpoint.as('ai-one'), service);
    const { data } = await failure(client.subscribe(['vitals://patient/pat-0002/latest', 'vitals://patients']));
    assert.equal(data.code, 'NOT-FOUND');
    assert.equal(endpoint.service.status().subscriptions, 0);
  });

  test(`${revision}: callers that are unverified or unknown are answered nothing, and the door is not asked`, async () => {
    verifies('MCP-GATED');
    for (const unverified of [true, false]) {
      await using endpoint = await startEndpoint({ caller: (caller) => ({ ...caller, verified: !unverified }) });
      await assert.rejects(connect(endpoint.as(unverified ? 'ai-all' : 'ai-stranger'), service));
      assert.deepEqual(endpoint.door.calls, []);
      assert.equal(endpoint.service.status().sessions, 0);
    }
  });
}

test('the refusal of a caller says why, for every request it might send', async () => {
  verifies('MCP-GATED');
  for (const [unverified, status, code] of [
    [true, 401, 'ACCESS-UNVERIFIED'],
    [false, 403, 'ACCESS-UNKNOWN-CALLER'],
  ] as const) {
    await using endpoint = await startEndpoint({ caller: (caller) => ({ ...caller, verified: !unverified }) });
    await using http = rawHttp(endpoint.as(unverified ? 'ai-all' : 'ai-stranger'));
    for (const response of [
      await http.post(INITIALIZE),
      await http.post(modern('server/discover', {})),
      await http.post(listen(['vitals://patients'])),
      await http.request('GET', '/mcp', { accept: 'text/event-stream', 'mcp-session-id': 'x' }),
      await http.request('GET', '/.well-known/oauth-protected-resource'),
      await http.post('[['),
    ]) {
      assert.deepEqual([response.status, await codeOf(response)], [status, code]);
    }
    assert.deepEqual(endpoint.door.calls, []);
  }
});

test('a request that breaks a rule of HTTP is refused with a code', async () => {
  verifies('MCP-GATED');
  await using endpoint = await startEndpoint({ limits: { bodyBytes: 1000 } });
  await using http = rawHttp(endpoint.as('ai-all'));
  const long = { ...INITIALIZE, params: { ...INITIALIZE.params, padding: 'x'.repeat(1000) } };
  const chunked = new ReadableStream({
    pull: (stream) => stream.enqueue(new TextEncoder().encode('x'.repeat(200))),
  });
  const json = { 'content-type': 'application/json' };
  for (const [name, status, code, response] of [
    ['another path', 404, 'MCP-REQUEST', await http.request('POST', '/mcp/..%2f', json, '{}')],
    ['another method', 405, 'MCP-REQUEST', await http.request('PUT', '/mcp', json, '{}')],
    ['another type', 415, 'MCP-REQUEST', await http.post(INITIALIZE, { 'content-type': 'text/plain' })],
    ['compression', 415, 'MCP-REQUEST', await http.post(INITIALIZE, { 'content-encoding': 'gzip' })],
    ['a long body', 413, 'MCP-REQUEST', await http.post(long)],
    ['a long body in chunks', 413, 'MCP-REQUEST', await http.request('POST', '/mcp', json, chunked)],
    ['no JSON', 400, 'MCP-JSON', await http.post('{"jsonrpc":')],
    ['an empty body', 400, 'MCP-JSON', await http.post('')],
    ['no session', 400, 'MCP-SESSION', await http.post({ jsonrpc: '2.0', id: 1, method: 'tools/list' })],
    ['an unknown session', 404, 'MCP-SESSION', await http.post(INITIALIZE, { 'mcp-session-id': 'no-such' })],
  ] as const) {
    assert.deepEqual([name, response.status, await codeOf(response)], [name, status, code]);
  }
  assert.deepEqual(endpoint.door.calls, []);
});

test('a request with an Origin, or for another Host, is refused', async () => {
  verifies('MCP-GATED');
  await using endpoint = await startEndpoint({ limits: { idleMs: 30 } });
  const overlay = endpoint.as('ai-all');
  const answerTo = async (headers: Record<string, string>): Promise<string> => {
    const connection = await overlay.dial(SERVICE);
    connection.write(requestBytes(INITIALIZE, headers));
    return readToEnd(connection);
  };
  for (const origin of ['http://evil.example', `http://${SERVICE}`, 'null']) {
    assert.match(await answerTo({ origin }), /^HTTP\/1\.1 403 [\s\S]*"code":"MCP-REQUEST"/);
  }
  for (const host of ['evil.example', '', `${SERVICE}.evil.example`]) {
    assert.match(await answerTo({ host }), /^HTTP\/1\.1 403 [\s\S]*"code":"MCP-REQUEST"/);
  }
  assert.match(await answerTo({ host: `${SERVICE.toUpperCase()}:80` }), /^HTTP\/1\.1 200 /);
});

test('JSON nested too deep is refused, however it is hidden', async () => {
  verifies('MCP-GATED');
  await using endpoint = await startEndpoint();
  await using http = rawHttp(endpoint.as('ai-all'));
  const deep = `${'['.repeat(400_000)}${']'.repeat(400_000)}`;
  for (const body of [deep, `{"jsonrpc":"2.0","id":1,"method":"x","params":${deep}}`, '{"a":'.repeat(65)]) {
    const response = await http.post(body);
    assert.deepEqual([response.status, await codeOf(response)], [400, 'MCP-JSON']);
  }
  const brackets = await http.post({ ...INITIALIZE, params: { ...INITIALIZE.params, text: '[{'.repeat(1000) } });
  assert.equal(brackets.status, 200);
});

test('a body that is JSON but no message of MCP harms nothing', async () => {
  verifies('MCP-GATED');
  await using endpoint = await startEndpoint();
  await using http = rawHttp(endpoint.as('ai-all'));
  const session = await openSession(http);
  const odd = [
    'null',
    '1',
    '"x"',
    '[]',
    '{}',
    '[null]',
    '{"__proto__":{"method":"initialize"}}',
    '{"jsonrpc":"2.0","id":{},"method":"tools/list"}',
    JSON.stringify(listen([])),
    JSON.stringify(modern('subscriptions/listen', {})),
    JSON.stringify(modern('subscriptions/listen', { notifications: { resourceSubscriptions: [1, {}] } })),
    JSON.stringify(modern('subscriptions/listen', { notifications: { resourceSubscriptions: 'vitals://patients' } })),
    JSON.stringify([listen(['vitals://patients'])]),
    JSON.stringify({ ...listen(['vitals://patients']), id: null }),
  ];
  for (const body of odd) {
    const variants: Record<string, string>[] = [
      {},
      { 'mcp-session-id': session },
      { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'subscriptions/listen' },
    ];
    for (const headers of variants) {
      const response = await http.post(body, headers);
      assert.ok(response.status < 500, `${body}: ${response.status}`);
      await response.text();
    }
  }
  await using client = await connectModern(endpoint.as('ai-all'), SERVICE);
  assert.equal((await client.resources()).length, 4);
  assert.equal(endpoint.service.status().subscriptions, 0);
});

test('a session belongs to the caller that opened it', async () => {
  verifies('MCP-GATED');
  await using endpoint = await startEndpoint();
  await using owner = rawHttp(endpoint.as('ai-all'));
  await using thief = rawHttp(endpoint.as('ai-one'));
  const session = { 'mcp-session-id': await openSession(owner) };
  const list = { jsonrpc: '2.0', id: 2, method: 'tools/list' };
  const stream = { ...session, accept: 'text/event-stream' };
  for (const response of [
    await thief.post(list, session),
    await thief.request('GET', '/mcp', stream),
    await thief.request('DELETE', '/mcp', session),
  ]) {
    assert.deepEqual([response.status, await codeOf(response)], [404, 'MCP-SESSION']);
  }
  const own = await owner.post(list, session);
  assert.equal(own.status, 200);
  await own.text();
  const ended = await owner.request('DELETE', '/mcp', session);
  assert.equal(ended.status, 200);
  assert.equal((await owner.post(list, session)).status, 404);
  assert.equal(endpoint.service.status().sessions, 0);
});

test('a request that dawdles is cut off', async () => {
  verifies('MCP-GATED');
  await using endpoint = await startEndpoint({ limits: { headersMs: 20, requestMs: 40, checkMs: 5 } });
  for (const start of [
    '',
    'POST /mcp HT',
    `POST /mcp HTTP/1.1\r\nhost: ${SERVICE}\r\ncontent-type: application/json\r\ncontent-length: 50\r\n\r\n{`,
  ]) {
    const connection = await endpoint.as('ai-all').dial(SERVICE);
    if (start !== '') connection.write(start);
    assert.match(await readToEnd(connection), /^HTTP\/1\.1 408 /);
  }
  await eventually(() => endpoint.service.status().connections === 0);
});

test('an idle connection is closed, and too many are not taken', async () => {
  verifies('MCP-GATED');
  await using endpoint = await startEndpoint({ limits: { idleMs: 30, connectionsPerCaller: 1 } });
  const overlay = endpoint.as('ai-all');
  const first = await overlay.dial(SERVICE);
  const second = await overlay.dial(SERVICE);
  assert.match(await readToEnd(second), /^HTTP\/1\.1 503 [\s\S]*"code":"MCP-LIMIT"/);
  assert.equal(await readToEnd(first), '');
  await eventually(() => endpoint.service.status().connections === 0);
});

test('an answer that nobody reads does not hold its connection for ever', async () => {
  verifies('MCP-GATED');
  await using endpoint = await startEndpoint({
    limits: { exchangeMs: 30 },
    patients: Array.from({ length: 500 }, (_, i) => `pat-${1000 + i}`),
  });
  const connection = await endpoint.as('ai-all').dial(SERVICE);
  connection.on('error', () => undefined);
  const call = modern('resources/read', { uri: 'vitals://patients' });
  for (let i = 0; i < 16; i += 1) connection.write(requestBytes(call));
  await eventually(() => endpoint.door.of('listPatients').length > 0);
  await eventually(() => endpoint.service.status().connections === 0);
});

test('nothing is answered by the hub that the door was not asked for, with the caller as the registry has it now', async () => {
  verifies('MCP-GATED');
  await using endpoint = await startEndpoint();
  await using client = await connectModern(endpoint.as('ai-all'), SERVICE);
  for (const use of [
    () => client.resources(),
    () => client.read('vitals://patients'),
    () => client.read('vitals://patient/pat-0001/latest'),
    () => client.call('get_latest_vitals', { patient: 'pat-0001' }),
    () => client.call('find_patients', {}),
    () => client.completePatient(''),
    () => client.subscribe(['vitals://patients']),
  ]) {
    const before = endpoint.door.calls.length;
    await use();
    assert.equal(endpoint.door.calls.length, before + 1);
  }
  endpoint.registry.set('ai-all', principal('ai-all', { patients: [] }));
  assert.deepEqual(await client.resources(), ['vitals://patients', 'hub://health']);
});

test('ids that are long, unsafe or no ids at all are refused on every request of both revisions', async () => {
  verifies('MCP-GATED');
  await using endpoint = await startEndpoint();
  await using http = rawHttp(endpoint.as('ai-all'));
  const session = { 'mcp-session-id': await openSession(http) };
  for (const id of ['x'.repeat(129), 'x'.repeat(900_000), 2 ** 53, 1.5, { a: 1 }] as string[]) {
    for (const response of [
      await http.post({ ...INITIALIZE, id }),
      await http.post({ jsonrpc: '2.0', id, method: 'tools/list' }, session),
      await http.post({ jsonrpc: '2.0', id: 1, method: 'tools/list', params: { _meta: { progressToken: id } } }, session),
      await http.post(modern('tools/list', {}, id)),
      await http.post(listen(['vitals://patients'], id)),
    ]) {
      assert.deepEqual([response.status, await codeOf(response)], [400, 'MCP-ID']);
    }
  }
  const longest = await http.post(modern('tools/list', {}, 'x'.repeat(128)));
  assert.equal(longest.status, 200);
  await longest.text();
  assert.deepEqual(endpoint.door.calls, []);
});

test('a caller that opens sessions or streams without end is told to wait, and the others are not', async () => {
  verifies('MCP-GATED');
  await using endpoint = await startEndpoint({ limits: { opensBurst: 2, opensPerMinute: 1 } });
  await using http = rawHttp(endpoint.as('ai-all'));
  await openSession(http);
  await openSession(http);
  for (const [status, body] of [
    [429, INITIALIZE],
    [200, listen(['vitals://patients'])],
  ] as const) {
    const response = await http.post(body);
    const { error } = (await response.json()) as { error: { data: { code: string; retryable: boolean; retryAfterMs: number } } };
    assert.deepEqual([response.status, error.data.code, error.data.retryable], [status, 'MCP-LIMIT', true]);
    assert.ok(error.data.retryAfterMs > 0 && error.data.retryAfterMs <= 60_000);
    assert.equal(response.headers.get('retry-after'), status === 429 ? `${Math.ceil(error.data.retryAfterMs / 1000)}` : null);
  }
  assert.deepEqual(endpoint.door.calls, []);
  await using other = rawHttp(endpoint.as('ai-one'));
  assert.notEqual(await openSession(other), '');
});

test('an unknown caller is counted at every request, and logged at the first', async () => {
  verifies('MCP-GATED');
  const logged: object[] = [];
  await using endpoint = await startEndpoint({
    log: { ...silentLogger, warn: (fields: object) => logged.push(fields) } as typeof silentLogger,
  });
  await using http = rawHttp(endpoint.as('ai-stranger'));
  for (let i = 0; i < 5; i += 1) assert.equal((await http.post(INITIALIZE)).status, 403);
  assert.equal(endpoint.metrics.get('mcp_refused', 'ACCESS-UNKNOWN-CALLER'), 5);
  assert.deepEqual(logged, [{ caller: 'ai-stranger' }]);
});

for (const [revision, connect] of Object.entries(CONNECTORS)) {
  test(`${revision}: a client that has all that it asked for and leaves is no error of a connection; one that leaves before its answer is`, async () => {
    verifies('MCP-ERRORS-COUNTED');
    await using endpoint = await startEndpoint();
    const { metrics, service, door } = endpoint;
    const faults = () => Object.keys(metrics.snapshot()).filter((name) => /^mcp_(connection_errors|refused)/.test(name));
    const client = await connect(endpoint.as('ai-one'), SERVICE);
    const updates = await client.subscribe(['vitals://patients']);
    await client.read('vitals://patients');
    assert.ok(updates);
    await client.close();
    await eventually(() => service.status().connections === 0);
    assert.deepEqual(faults(), []);

    const never = Promise.withResolvers<never>();
    const { promise: asked, resolve } = Promise.withResolvers<void>();
    door.latest = () => {
      resolve();
      return never.promise;
    };
    const connection = await endpoint.as('ai-one').dial(SERVICE);
    connection.write(requestBytes(modern('resources/read', { uri: 'vitals://patient/pat-0001/latest' })));
    await asked;
    connection.destroy();
    await eventually(() => service.status().connections === 0);
    assert.deepEqual(faults(), ['mcp_connection_errors{OVERLAY-CLOSED}']);
    never.reject(new Error('nobody waits'));
  });
}
